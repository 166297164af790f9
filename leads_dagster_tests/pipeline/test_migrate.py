"""JSON files into the store: what comes in, what stays out, and that nothing is lost or doubled on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from leads_dagster.errors import ConflictError, ContentError, LeadsError, NotFoundError, StoreBusyError
from leads_dagster.pipeline import MigrationManager, migrate_archive
from leads_dagster.pipeline.migrate import migrate
from leads_dagster.pipeline.migrate_log import list_, rollback, validate
from leads_dagster.pipeline.migrate_result import MigrationResult
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.undo import Undoing, override
from leads_dagster_tests.conftest import REPOSITORY
from leads_dagster_tests.pipeline.conftest import Road

ANNA = {"id": "1", "name": "Anna Berg", "email": "anna@acme.com", "company": {"name": "Acme"}, "source": "fair"}
BOB = {"id": "2", "firstName": "Bob", "lastName": "Stone", "emails": ["bob@stone.com"], "title": "CEO"}
NOTHING = {"read": 0, "created": 0, "updated": 0, "unchanged": 0, "merged": 0, "quarantined": 0}


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every migration here is made on SQLite and on PostgreSQL."""
    return on_both


class Migrations:
    """Migrations of one customer, of files in one folder."""

    def __init__(self, road: Road) -> None:
        self.road, self.folder = road, road.home.parent / "files"
        self.folder.mkdir(exist_ok=True)

    def file(self, content: Any, name: str = "leads.json") -> Path:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def run(self, *paths: Path, dry_run: bool = False) -> MigrationResult:
        with self.road.open() as ws:
            result = migrate(ws, paths or (self.folder,), dry_run=dry_run)
        rows = result.rows
        assert rows["read"] == sum(number for state, number in rows.items() if state != "read")
        return result

    def roll_back(self, migration_id: str | None) -> dict[str, Any]:
        assert migration_id is not None
        with self.road.open() as ws:
            return rollback(ws, migration_id)

    def names(self) -> list[str]:
        return [lead["full_name"] for lead in self.road.leads()]


def rows(**counts: int) -> dict[str, int]:
    return {**NOTHING, "read": sum(counts.values()), **counts}


def people(number: int) -> list[dict[str, Any]]:
    """As many different people; no two of them match."""
    return [
        {"id": index, "name": f"P{index * 7919 % 99991:05d} Q{index:05d}", "email": f"p{index}@firm{index}.com"}
        for index in range(number)
    ]


@pytest.fixture
def migrations(road: Road) -> Migrations:
    return Migrations(road)


def test_records_become_leads_with_their_fields(migrations: Migrations) -> None:
    migrations.file({"data": {"leads": [ANNA, BOB]}})
    result = migrations.run()
    assert (result.status, result.rows) == ("done", rows(created=2))
    anna, bob = migrations.road.leads()
    assert (anna["full_name"], anna["email"], anna["company"], anna["source"]) == (
        "Anna Berg",
        "anna@acme.com",
        "Acme",
        "fair",
    )
    assert (bob["full_name"], bob["email"], bob["title"], bob["source"]) == (
        "Bob Stone",
        "bob@stone.com",
        "CEO",
        "leads.json",
    )


def test_missing_fields_are_counted_and_an_origin_is_put_where_there_is_none(migrations: Migrations) -> None:
    migrations.file([ANNA, BOB])
    (file,) = migrations.run().files
    assert file.summary["missing"]["source"] == 1
    assert file.summary["missing"]["phone"] == 2
    assert file.summary["defaulted"] == {"source": 1}


def test_the_default_origin_does_not_overwrite_a_leads_own(migrations: Migrations) -> None:
    migrations.road.sync([["Bob Stone", "bob@stone.com", "Fair"]], header=("Name", "Email", "Source"))
    migrations.file([BOB])
    assert migrations.run().rows == rows(merged=1)
    (bob,) = migrations.road.leads()
    assert (bob["source"], bob["title"]) == ("Fair", "CEO")


def test_duplicates_are_merged_with_each_other_and_with_the_sheets_leads(migrations: Migrations) -> None:
    migrations.road.sync([["Anna Berg", "anna@acme.com", "Acme", "CTO"]])
    migrations.file([ANNA, BOB, {**BOB, "id": "3"}])
    assert migrations.run().rows == rows(merged=2, created=1)
    assert migrations.names() == ["Anna Berg", "Bob Stone"]


def test_records_that_cannot_be_leads_are_told_and_kept_in_quarantine(migrations: Migrations) -> None:
    migrations.file('{"name":"Anna"}\n{"name":\n\n7\n{"phone":"1"}\n', "leads.jsonl")
    result = migrations.run()
    assert (result.status, result.rows) == ("done", rows(created=1, quarantined=3))
    faults = result.files[0].summary["faults"]
    assert [(fault["record"], fault["line"], fault["code"]) for fault in faults] == [
        (2, 2, "broken_json"), (3, 4, "not_a_record"), (4, 5, "no_identity"),
    ]  # fmt: skip
    assert [row["code"] for row in migrations.road.all("quarantine")] == ["broken_json", "not_a_record", "no_identity"]


def test_a_file_that_breaks_off_gives_what_it_has_and_fails(migrations: Migrations) -> None:
    migrations.file(json.dumps([ANNA, BOB])[:-5])
    result = migrations.run()
    assert (result.status, result.rows) == ("failed", rows(created=1, quarantined=1))
    assert "leads.json" in result.files[0].summary["breaks_off"]


def test_one_file_that_fails_stops_no_other(migrations: Migrations) -> None:
    migrations.file({"version": 1}, "a_settings.json")
    migrations.file([ANNA], "b.json")
    result = migrations.run()
    assert [file.status for file in result.files] == ["failed", "done"]
    assert result.status == "failed"
    assert migrations.names() == ["Anna Berg"]


def test_again_says_unchanged_and_writes_nothing(migrations: Migrations) -> None:
    migrations.file([ANNA, BOB, 7])
    migrations.run()
    before = everything(migrations)
    again = migrations.run()
    assert (again.status, again.rows, again.migration_id) == ("unchanged", rows(unchanged=2, quarantined=1), None)
    assert everything(migrations) == before


def test_a_file_that_changed_is_read_anew_and_its_records_are_known_by_their_ids(migrations: Migrations) -> None:
    migrations.file([ANNA, BOB])
    migrations.run()
    migrations.file([{**BOB, "title": "CTO"}, ANNA, {"id": 3, "name": "Cem Kaya"}])
    result = migrations.run()
    assert result.rows == rows(updated=1, unchanged=1, created=1)
    assert [lead["title"] for lead in migrations.road.leads()] == [None, "CTO", None]


def test_a_name_that_is_missing_says_nothing_and_null_says_blank(migrations: Migrations) -> None:
    migrations.file([{**BOB, "phone": "+49 30 901820"}])
    migrations.run()
    migrations.file([{"id": "2", "firstName": "Bob", "lastName": "Stone", "title": None}])
    assert migrations.run().rows == rows(updated=1)
    (bob,) = migrations.road.leads()
    assert (bob["title"], bob["phone"], bob["email"]) == (None, "+4930901820", "bob@stone.com")


def test_records_without_ids_are_known_by_what_they_say(migrations: Migrations) -> None:
    first, second = {"name": "Anna Berg", "email": "a@b.de"}, {"name": "Cem Kaya"}
    migrations.file([first, first])
    assert migrations.run().rows == rows(created=1, merged=1)
    migrations.file([second, first, first])
    assert migrations.run().rows == rows(created=1, unchanged=2)


def test_an_id_that_comes_twice_does_not_make_one_record_of_two(migrations: Migrations) -> None:
    migrations.file([ANNA, {**BOB, "id": "1"}])
    assert migrations.run().rows == rows(created=2)
    assert migrations.names() == ["Anna Berg", "Bob Stone"]


def test_a_dry_run_says_the_same_and_writes_nothing(migrations: Migrations) -> None:
    migrations.road.sync([["Anna Berg", "anna@acme.com", "Acme", "CTO"]])
    migrations.file([ANNA, BOB, 7])
    before, files = everything(migrations), sorted(migrations.road.home.rglob("*"))
    planned = migrations.run(dry_run=True)
    assert (planned.status, planned.migration_id) == ("planned", None)
    assert everything(migrations) == before
    assert sorted(migrations.road.home.rglob("*")) == files
    assert migrations.run().rows == planned.rows == rows(merged=1, created=1, quarantined=1)


def test_the_files_and_the_database_are_put_away_before_the_first_write(migrations: Migrations) -> None:
    path = migrations.file([ANNA])
    result = migrations.run()
    assert result.migration_id is not None
    (copy,) = (migrations.road.home / "migrations" / result.migration_id / "originals").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    path.write_text("[]")
    with migrations.road.open() as ws:
        assert validate(ws, result.migration_id)["passed"]


def test_originals_go_after_thirty_days(migrations: Migrations) -> None:
    migrations.file([ANNA])
    result = migrations.run()
    with migrations.road.open() as ws:
        home, now = ws.settings.home, ws.now()
    assert migrate_archive.prune(home, before=migrate_archive.oldest_kept(now)) == []
    later = now + timedelta(days=30, minutes=1)
    assert migrate_archive.prune(home, before=migrate_archive.oldest_kept(later)) == [result.migration_id]


def test_validation_finds_what_the_store_lost(migrations: Migrations) -> None:
    migrations.file([ANNA, BOB])
    result = migrations.run()
    assert result.migration_id is not None
    with migrations.road.open() as ws:
        with writing(ws.engine) as connection:
            connection.execute(text("UPDATE source_records SET source_key = 'other' WHERE source_key = '1'"))
        found = validate(ws, result.migration_id)
    assert not found["passed"]
    assert found["files"][0]["differences"] == ["Record 1 is not in the store."]


def test_a_rollback_takes_all_of_it_back(migrations: Migrations) -> None:
    migrations.road.sync([["Anna Berg", "anna@acme.com", "Acme", "CTO"]])
    migrations.file([{**ANNA, "title": "CEO"}, BOB, 7])
    result = migrations.run()
    done = migrations.roll_back(result.migration_id)
    assert done["status"] == "rolled_back"
    assert [(lead["full_name"], lead["title"]) for lead in migrations.road.leads()] == [("Anna Berg", "CTO")]
    assert migrations.road.all("quarantine") == []


def test_a_lead_that_somebody_edited_since_stays_and_is_told(migrations: Migrations) -> None:
    migrations.file([ANNA, BOB])
    result = migrations.run()
    bob = migrations.road.leads()[1]["id"]
    with migrations.road.open() as ws, writing(ws.engine, ws.name) as connection:
        override(Undoing(connection, ws.policy, "edit", "eve", ws.now()), bob, "title", "CTO")
    done = migrations.roll_back(result.migration_id)
    assert (done["records_undone"], done["records_left"]) == (1, 1)
    assert [(lead["full_name"], lead["title"]) for lead in migrations.road.leads()] == [("Bob Stone", "CTO")]


def test_a_second_rollback_says_so(migrations: Migrations) -> None:
    migrations.file([ANNA])
    result = migrations.run()
    migrations.roll_back(result.migration_id)
    with pytest.raises(ConflictError, match="rolled back already"):
        migrations.roll_back(result.migration_id)
    with pytest.raises(NotFoundError):
        migrations.roll_back("m-none")


def test_of_nothing_but_quarantine_a_rollback_leaves_nothing(migrations: Migrations) -> None:
    migrations.file([ANNA], "a.json")
    migrations.run()
    migrations.file('{"name":"A B"}\n7\n', "b.jsonl")
    result = migrations.run()
    migrations.roll_back(result.migration_id)
    assert migrations.names() == ["Anna Berg"]


def test_what_was_rolled_back_can_be_migrated_and_rolled_back_again(migrations: Migrations) -> None:
    migrations.file([ANNA, BOB, 7])
    first = migrations.run()
    ids = [lead["id"] for lead in migrations.road.leads()]
    migrations.roll_back(first.migration_id)
    second = migrations.run()
    assert second.rows == first.rows
    assert [lead["id"] for lead in migrations.road.leads()] == ids
    migrations.roll_back(second.migration_id)
    assert migrations.names() == []


def test_a_migration_that_failed_in_the_middle_goes_on_where_it_stopped(
    migrations: Migrations, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.file(people(250))
    with migrations.road.open() as ws:
        ws.progress = stop_after(2)
        with pytest.raises(StoppedError):
            migrate(ws, [migrations.folder])
        (row,) = list_(ws)
        assert (row["status"], row["position"]) == ("running", 100)
    result = migrations.run()
    assert (result.status, result.resumed, result.migration_id) == ("done", True, row["migration_id"])
    assert result.rows == rows(created=250)
    assert len(migrations.road.leads()) == 250


def test_a_file_that_changed_while_its_migration_was_interrupted_is_read_anew(migrations: Migrations) -> None:
    migrations.file(people(120))
    with migrations.road.open() as ws:
        ws.progress = stop_after(1)
        with pytest.raises(StoppedError):
            migrate(ws, [migrations.folder])
    migrations.file(people(130))
    assert migrations.run().rows == rows(unchanged=50, created=80)
    assert len(migrations.road.leads()) == 130


class StoppedError(Exception):
    """Raised out of a migration to end it in the middle."""


def stop_after(batches: int) -> Callable[[int, str], None]:
    told: list[str] = []

    def progress(percent: int, message: str) -> None:
        told.extend([message] if message.endswith(" records") else [])
        if len(told) == batches:
            raise StoppedError

    return progress


def test_killed_at_any_moment_nothing_is_lost_or_doubled(migrations: Migrations) -> None:
    migrations.file(people(400))
    command = [sys.executable, "-m", "leads_dagster", "migrate", str(migrations.folder), "--customer", "acme"]
    home = {"PYTHONPATH": str(REPOSITORY), "LEADS_HOME": str(migrations.road.home)}
    environ = {**os.environ, **home, **migrations.road.environ}
    for number in (60, 150, 290):
        process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None and len(migrations.road.all("source_records")) < number:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        stored = migrations.road.all("source_records")
        assert len(stored) == len({record["source_key"] for record in stored})
    result = migrations.run()
    assert result.status in ("done", "unchanged")
    assert len(migrations.road.leads()) == 400
    (row,) = migrations.road.all("migration_log")
    assert (row["status"], row["position"], row["summary"]["rows"]["created"]) == ("done", 400, 400)


def test_two_migrations_of_a_customer_do_not_run_at_once(migrations: Migrations) -> None:
    migrations.file(people(60))

    def another(percent: int, message: str) -> None:
        with migrations.road.open() as other, pytest.raises(StoreBusyError, match="Another migration"):
            migrate(other, [migrations.folder])

    with migrations.road.open() as ws:
        ws.progress = another
        assert migrate(ws, [migrations.folder]).rows == rows(created=60)


def test_a_sheets_cycle_may_come_in_between_two_batches(migrations: Migrations) -> None:
    migrations.file(people(150))
    synced: list[str] = []

    def sync_once(percent: int, message: str) -> None:
        if not synced and message.endswith(" records"):
            synced.append(migrations.road.sync([["Anna Berg", "anna@acme.com", "Acme", "CTO"]]).status)

    with migrations.road.open() as ws:
        ws.progress = sync_once
        assert migrate(ws, [migrations.folder]).rows == rows(created=150)
    assert synced == ["done"]
    assert len(migrations.road.leads()) == 151


def test_twenty_thousand_records_come_in_whole(make_road: Callable[..., Road]) -> None:
    migrations = Migrations(make_road(environ={"LEADS_BATCH_SIZE": "1000"}))
    migrations.file("\n".join(map(json.dumps, people(20_000))), "leads.jsonl")
    result = migrations.run()
    assert (result.status, result.rows) == ("done", rows(created=20_000))
    check = result.files[0].summary["check"]
    assert (check["passed"], check["stored"], check["compared"]) == (True, 20_000, 50)


def test_a_folder_without_json_is_told(migrations: Migrations) -> None:
    migrations.file("hello", "notes.txt")
    with pytest.raises(ContentError, match="no JSON file"):
        migrations.run()


def test_a_file_without_records_is_done_at_once(migrations: Migrations) -> None:
    migrations.file([])
    assert migrations.run().rows == NOTHING


def test_the_customers_own_columns_win(make_road: Callable[..., Road]) -> None:
    migrations = Migrations(make_road('[customers.columns]\nemail = "reach"\nnotes = "other"'))
    migrations.file([{"name": "Anna Berg", "reach": "anna@acme.com"}])
    migrations.run()
    assert [lead["email"] for lead in migrations.road.leads()] == ["anna@acme.com"]


def test_the_public_door_does_the_same(migrations: Migrations) -> None:
    path = migrations.file([ANNA, BOB])
    manager = MigrationManager("acme", settings=migrations.road.settings)
    (copy,) = manager.backup_json_files(path)
    assert copy.is_file()
    result = manager.migrate_json_files([str(path)])
    assert result["rows"] == rows(created=2)
    assert manager.validate_migration(result["migration_id"])["passed"]
    with pytest.raises(LeadsError):
        manager.validate_migration("m-none")


def everything(migrations: Migrations) -> dict[str, Any]:
    """Every row of every table."""
    from leads_dagster.store import tables

    with migrations.road.open() as ws, reading(ws.engine) as connection:
        return {
            name: sorted(map(str, connection.execute(table.select()))) for name, table in tables.metadata.tables.items()
        }
