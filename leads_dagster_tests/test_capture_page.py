"""docs/capture.md, followed word for word: its Python, its commands, its leads.toml."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from leads_dagster.leads_toml import read_customers
from leads_dagster_tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "capture.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, flags=re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
TOML = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
SAYS = (("2 handed over", "0 handed over, 2 were there already", "Captured ", "Ada Lovelace"), ("queued", "kept.jsonl"))


def run(folder: Path, *command: str) -> str:
    """A command's output, in a folder and with a state folder of its own, and with `leads` on the path."""
    (folder / "bin").mkdir()
    leads = folder / "bin" / "leads"
    leads.write_text(f'#!/bin/sh\nexec {sys.executable} -m leads_dagster "$@"\n', encoding="utf-8")
    leads.chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"
    environ = {"PYTHONPATH": str(REPOSITORY), "LEADS_HOME": str(folder / "home"), "PATH": path}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_example_is_run() -> None:
    assert (len(PYTHON), len(SHELL), len(TOML)) == (PAGE.count("```python"), len(SAYS), 2)


@pytest.mark.parametrize(("example", "says"), PYTHON)
def test_an_example_in_python_says_what_the_page_says(example: str, says: str, tmp_path: Path) -> None:
    assert run(tmp_path, sys.executable, "-c", example) == says


@pytest.mark.parametrize(("commands", "said"), list(zip(SHELL, SAYS, strict=True)))
def test_commands_can_be_copied(commands: str, said: tuple[str, ...], tmp_path: Path) -> None:
    out = run(tmp_path, "sh", "-e", "-c", commands)

    assert [words for words in said if words not in out] == []


@pytest.mark.parametrize("example", TOML)
def test_a_leads_toml_can_be_copied(example: str, tmp_path: Path) -> None:
    (tmp_path / "leads.toml").write_text(example, encoding="utf-8")

    (customer,) = read_customers(tmp_path / "leads.toml")

    assert set(customer.forms) in ({"contact", "newsletter", "demo", "partners"}, set())
    assert customer.capture.allowed_sources == (("conference list", "Website") if not customer.forms else ())
