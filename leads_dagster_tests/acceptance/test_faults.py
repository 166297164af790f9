"""Disks and files that fail: said in words that help, nothing half written, and caught up with afterwards."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest

from leads_dagster.errors import StoreDamagedError, StoreError
from leads_dagster.pipeline import backup
from leads_dagster.pipeline.refold import differences
from leads_dagster_tests.acceptance.conftest import Road, assert_crm_equals_store
from leads_dagster_tests.conftest import REPOSITORY

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")
CROWD = [(f"Person {chr(97 + n // 26)}{chr(97 + n % 26)}", f"p{n}@people.example", "", "Clerk") for n in range(300)]


def limited(road: Road, *arguments: str) -> dict[str, str]:
    """A cycle in a process under limits."""
    command = [sys.executable, "-m", "leads_dagster_tests.acceptance.limited_sync", str(road.home), *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def assert_caught_up(road: Road, people: int) -> None:
    road.sync()
    assert len(road.leads()) == people
    assert_crm_equals_store(road)
    assert_whole(road)
    assert road.sync().status == "unchanged"


def put_back(road: Road, whole: bytes) -> None:
    """What a person does who has a copy."""
    (road.home / "leads.db").write_bytes(whole)
    backup.verify_live(road.settings)


def assert_whole(road: Road) -> None:
    connection = sqlite3.connect(road.home / "leads.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    with road.open() as ws:
        assert differences(ws) == []


def test_a_disk_that_is_full_in_the_middle_of_a_cycle_is_named_and_the_next_cycle_catches_up(road: Road) -> None:
    road.sync([JANE])
    road.write([JANE, *CROWD])
    told = limited(road, "--file-bytes", str(400_000))
    assert told["error"] == "StoreError"
    assert "space" in told["advice"]
    assert 1 < len(road.leads()) < 301
    assert_whole(road)
    assert_caught_up(road, 301)


def test_a_database_file_that_is_read_only_is_named_and_keeps_what_it_has(road: Road) -> None:
    road.sync([JANE])
    road.write([JANE, BOB])
    (road.home / "leads.db").chmod(0o400)
    told = limited(road, "--as-owner")
    (road.home / "leads.db").chmod(0o600)
    assert told["error"] == "StoreError"
    assert "read-only" in told["advice"]
    assert [lead["full_name"] for lead in road.leads()] == ["Jane Doe"]
    assert_caught_up(road, 2)


def test_a_crm_that_is_read_only_is_named_and_the_store_goes_on(road: Road) -> None:
    road.sync([JANE])
    road.write([JANE, BOB])
    (road.home / "crm.db").chmod(0o400)
    told = limited(road, "--as-owner")
    (road.home / "crm.db").chmod(0o600)
    assert told["error"] == "StoreError"
    assert "CRM" in told["message"]
    assert len(road.leads()) == 2
    assert_caught_up(road, 2)


def test_a_state_folder_that_is_read_only_is_named(road: Road) -> None:
    road.sync([JANE])
    road.write([JANE, BOB])
    road.home.chmod(0o500)
    told = limited(road, "--as-owner")
    road.home.chmod(0o700)
    assert told["error"] == "StoreError"
    assert "folder" in told["message"] + told["advice"]
    assert_caught_up(road, 2)


def test_a_log_that_is_deleted_while_the_database_is_closed_costs_nothing(road: Road) -> None:
    road.sync([JANE])
    for name in ("leads.db-wal", "leads.db-shm", "crm.db-wal", "crm.db-shm"):
        (road.home / name).unlink(missing_ok=True)
    assert [lead["full_name"] for lead in road.leads()] == ["Jane Doe"]
    road.write([JANE, BOB])
    assert_caught_up(road, 2)


@pytest.mark.parametrize("garbage", [b"PK\x03\x04 a zip", b"SQLite format 3\x00" + b"\x07" * 8192])
def test_a_database_that_was_replaced_by_garbage_is_not_written_over(road: Road, garbage: bytes) -> None:
    road.sync([JANE])
    whole = (road.home / "leads.db").read_bytes()
    (road.home / "leads.db").write_bytes(garbage)
    with pytest.raises(StoreDamagedError):
        road.sync([JANE, BOB])
    assert (road.home / "leads.db").read_bytes() == garbage
    put_back(road, whole)
    assert_caught_up(road, 2)


def test_pages_that_were_overwritten_are_named_and_stop_the_cycle(road: Road) -> None:
    road.sync([JANE, *CROWD])
    path = road.home / "leads.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    with pytest.raises(StoreError, match="malformed"):
        road.sync([JANE, BOB, *CROWD])
    with pytest.raises(StoreDamagedError):
        road.sync()
    put_back(road, whole)
    assert_caught_up(road, 302)


@pytest.mark.parametrize("name", ["raw", "locks"])
def test_a_file_where_a_folder_should_be_is_an_error_of_ours(road: Road, name: str) -> None:
    (road.home / name).write_text("in the way")
    with pytest.raises(StoreError, match=f"{name} cannot be written"):
        road.sync([JANE])


def test_a_folder_of_locks_that_is_read_only_is_named(road: Road) -> None:
    road.write([JANE])
    (road.home / "locks").mkdir(mode=0o500)
    told = limited(road, "--as-owner")
    (road.home / "locks").chmod(0o700)
    assert told["error"] == "StoreError"
    assert "locks cannot be written" in told["message"]
    assert_caught_up(road, 1)
