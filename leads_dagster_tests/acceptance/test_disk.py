"""A disk that is full or read-only: one clear error, nothing half-written, and the next sync goes on."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from leads_dagster_tests.acceptance.conftest import Road
from leads_dagster_tests.conftest import REPOSITORY

ROWS = [(f"Person {number}", f"p{number}@many.example", "Many", "CTO") for number in range(1_500)]

# Everything is imported before the limit, and before root becomes nobody: root may write anything.
_CYCLE = """
import json, os, resource, sys
from pathlib import Path
from leads_dagster.definitions import build
from leads_dagster.errors import LeadsError
from leads_dagster.pipeline import cycle, mirror, record, resolve
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.settings import load_settings
home, limit = Path(sys.argv[1]), int(sys.argv[2])
settings = load_settings({"LEADS_HOME": str(home)}, home)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
elif os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    with open_workspace(settings, "acme") as workspace:
        cycle.run_cycle(workspace)
except LeadsError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def cycle(road: Road, limit: int = 0) -> list[str]:
    """A cycle in a process of its own, and the error that it ends in."""
    command = [sys.executable, "-c", _CYCLE, str(road.home), str(limit)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.fixture
def open_road() -> Iterator[Road]:
    """A road in a folder that other users may look into, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Road(Path(folder) / "home")


@pytest.mark.parametrize("limit", [300_000, 900_000])
def test_a_disk_that_fills_up_in_a_sync_is_said_and_the_next_sync_finds_every_row(road: Road, limit: int) -> None:
    road.sync(ROWS[:5])
    road.write(ROWS)

    kind, message = cycle(road, limit)
    assert kind == "StoreError"
    assert "disk" in message
    with closing(sqlite3.connect(road.home / "leads.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert road.sync().status == "done"
    assert len(road.leads()) == len(ROWS)


def test_a_read_only_database_is_said_and_nothing_is_changed(open_road: Road) -> None:
    open_road.sync(ROWS[:5])
    open_road.write(ROWS[:9])
    with closing(sqlite3.connect(open_road.home / "leads.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (open_road.home / "leads.db").read_bytes()
    places = [open_road.home, *open_road.home.rglob("*")]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)

    kind, message = cycle(open_road)
    for place in places:
        if place.exists():
            place.chmod(0o755 if place.is_dir() else 0o644)
    assert kind == "StoreError"
    assert "read-only" in message or "readonly" in message or "written" in message
    assert (open_road.home / "leads.db").read_bytes() == before
    assert open_road.sync().rows.created == 4
