"""The examples of docs/store.md run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from leads_dagster_tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "store.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
SAYS = ["True ['CTO'] False\ncreated ", "['Cy Young']\n"]


def test_every_example_is_known() -> None:
    assert len(EXAMPLES) == len(SAYS)


@pytest.mark.parametrize(("example", "says"), list(zip(EXAMPLES, SAYS, strict=False)))
def test_an_example_runs_in_a_fresh_folder_and_says_what_it_should(example: str, says: str, tmp_path: Path) -> None:
    environ = {"PYTHONPATH": str(REPOSITORY), "LEADS_HOME": str(tmp_path / "home"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith(says)
    assert done.stderr == ""
