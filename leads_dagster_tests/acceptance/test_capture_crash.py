"""Producers, consumers and a Redis that die at any instant: what was taken is recorded, once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from leads_dagster_tests.conftest import REPOSITORY

LOOP = "leads_dagster_tests.acceptance.capture_crash"


@pytest.mark.parametrize("place", ["file", "redis"])
def test_kills_at_random_instants_lose_no_capture_and_record_none_twice(place: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", LOOP, "--home", str(tmp_path), "--place", place, "--rounds", "4", "--seed", "4"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    tally = json.loads(done.stdout)

    assert tally["rounds"] == 4
    assert tally["killed producer"] + tally["killed consumer"] > 4
    assert tally["recorded"] >= tally["taken"] > 0


@pytest.mark.parametrize("place", ["file", "redis"])
def test_kills_on_the_road_to_the_lead_database_make_each_capture_one_lead(place: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", LOOP, "--home", str(tmp_path), "--place", place, "--rounds", "2", "--seed", "2"]
    done = subprocess.run([*command, "--road"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    assert json.loads(done.stdout)["recorded"] > 0
