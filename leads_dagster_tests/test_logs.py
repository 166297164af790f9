"""Log lines: plain for people, or JSON that says which customer and run they are about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

SCRIPT = """
import logging
from leads_dagster.logs import about, set_up_logs
set_up_logs(logging.INFO)
logger = logging.getLogger("leads_dagster.somewhere")
with about(customer="acme"), about(run_id="r1"):
    logger.info("Read %d rows.", 3)
try:
    1 / 0
except ZeroDivisionError:
    logger.exception("It failed.")
"""


def lines(**environ: str) -> list[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEADS_")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**kept, **environ}, capture_output=True, text=True, check=True
    )
    return done.stderr.splitlines()


def test_lines_are_plain_unless_asked_otherwise() -> None:
    assert lines()[0] == "INFO leads_dagster.somewhere: Read 3 rows."


@pytest.fixture(scope="module")
def found() -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(LEADS_LOG_FORMAT="json")]


def test_a_json_line_says_what_it_is_about(found: list[dict[str, Any]]) -> None:
    said = {name: value for name, value in found[0].items() if name != "timestamp"}
    assert said == {
        "message": "Read 3 rows.", "level": "info", "logger": "leads_dagster.somewhere", "customer": "acme",
        "run_id": "r1",
    }  # fmt: skip
    assert found[0]["timestamp"].endswith("Z")


def test_a_traceback_is_one_line_and_no_longer_about_the_run(found: list[dict[str, Any]]) -> None:
    (last,) = found[1:]
    assert "ZeroDivisionError" in last["exception"]
    assert "run_id" not in last
