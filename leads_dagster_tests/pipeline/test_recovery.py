"""A damaged or vanished lead database: noticed, not written to, restored, and caught up from the sheet."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from leads_dagster.errors import NotFoundError, StoreBusyError, StoreDamagedError, StoreError
from leads_dagster.mirrors.crm import CrmStore
from leads_dagster.pipeline import backup, recovery
from leads_dagster.pipeline import workspace as workspace_module
from leads_dagster.store.damage import MARKER, known_damage, mark_damaged
from leads_dagster.store.engine import reading
from leads_dagster_tests.pipeline.conftest import Road
from leads_dagster_tests.store.backup_cases import flip, spoil_pages

ADA, BO, CY = (
    ("Ada", "ada@one.example", "One", "CEO"),
    ("Bo", "bo@two.example", "Two", ""),
    ("Cy", "cy@x.example", "X", ""),
)
MANY = [(f"Person {number}", f"p{number}@many.example", "Many", "CTO") for number in range(400)]


def lead_file(road: Road) -> Path:
    return road.home / "leads.db"


def names(road: Road) -> list[str]:
    return [lead["full_name"] for lead in road.leads()]


def checkpoint(road: Road) -> None:
    """What is in the log goes into the file, so that damage to the file is damage to the data."""
    with closing(sqlite3.connect(lead_file(road))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def come_upon_damage(road: Road) -> None:
    with road.open() as ws, reading(ws.engine) as connection:
        for table in ("claims", "leads", "lead_history", "source_records", "match_keys"):
            connection.execute(text(f"SELECT * FROM {table}")).all()


def test_garbage_in_the_middle_of_a_live_database_is_noticed_stops_everything_and_is_mended(road: Road) -> None:
    road.sync([ADA, *MANY])
    backup.create(road.settings)
    road.sync([ADA, *MANY, BO])
    checkpoint(road)
    spoil_pages(lead_file(road))

    with pytest.raises(StoreDamagedError, match="malformed"):
        come_upon_damage(road)
    damaged = lead_file(road).read_bytes()
    with pytest.raises(StoreDamagedError, match=r"nothing is written to it.*leads backup restore --latest"):
        road.sync([ADA, *MANY, BO, CY])
    with pytest.raises(StoreDamagedError):
        backup.create(road.settings)
    assert lead_file(road).read_bytes() == damaged

    road.write([ADA, *MANY, BO, CY])
    done = recovery.restore(road.settings)
    assert done.kept_as is not None
    assert (road.home / done.kept_as).read_bytes() == damaged
    (replayed,) = done.replayed
    assert (replayed.status, replayed.rows["created"]) == ("done", 2)
    assert sorted(names(road)) == sorted(name for name, *_ in [ADA, *MANY, BO, CY])
    assert known_damage(road.settings) is None
    assert road.sync().status == "unchanged"


def test_with_auto_restore_the_next_command_mends_it_and_says_what_it_did(
    make_road: Callable[..., Road], caplog: pytest.LogCaptureFixture
) -> None:
    road = make_road(environ={"LEADS_AUTO_RESTORE": "1"})
    road.sync([ADA, *MANY])
    made = backup.create(road.settings)
    road.sync([ADA, *MANY, BO])
    checkpoint(road)
    spoil_pages(lead_file(road))
    with pytest.raises(StoreDamagedError):
        come_upon_damage(road)

    with caplog.at_level(logging.WARNING):
        road.sync([ADA, *MANY, BO, CY])
    assert sorted(names(road)) == sorted(name for name, *_ in [ADA, *MANY, BO, CY])
    assert f"restored {made.name}" in caplog.text
    assert "customer acme was caught up: done" in caplog.text


@pytest.mark.parametrize("bytes_left", [100, 4096, 10_000])
def test_a_file_that_was_cut_off_is_noticed_at_the_start(road: Road, bytes_left: int) -> None:
    road.sync([ADA])
    backup.create(road.settings)
    checkpoint(road)
    lead_file(road).write_bytes(lead_file(road).read_bytes()[:bytes_left])

    with pytest.raises(StoreDamagedError, match="cut off"):
        road.sync()
    assert recovery.restore(road.settings).replayed[0].status == "unchanged"
    assert names(road) == ["Ada"]


def test_a_file_that_is_something_else_is_noticed_at_the_start_and_kept(road: Road) -> None:
    road.sync([ADA])
    backup.create(road.settings)
    lead_file(road).write_bytes(b"PK\x03\x04" + b"a zip" * 1000)

    with pytest.raises(StoreDamagedError, match="is not an SQLite database"):
        road.sync()
    done = recovery.restore(road.settings)
    assert done.kept_as is not None
    assert (road.home / done.kept_as).read_bytes().startswith(b"PK")
    assert names(road) == ["Ada"]


def test_a_database_that_vanished_does_not_begin_anew_while_there_are_backups_of_it(road: Road) -> None:
    road.sync([ADA])
    backup.create(road.settings)
    for left in road.home.glob("leads.db*"):
        left.unlink()

    with pytest.raises(StoreDamagedError, match="is gone, and there are 1 backups"):
        road.sync([ADA, BO])
    assert not lead_file(road).exists()
    done = recovery.restore(road.settings)
    assert (done.kept_as, done.replayed[0].rows["created"]) == (None, 1)
    assert names(road) == ["Ada", "Bo"]


def test_a_database_that_vanished_before_there_was_a_backup_begins_anew(road: Road) -> None:
    road.sync([ADA])
    for left in road.home.glob("leads.db*"):
        left.unlink()
    road.sync()
    assert names(road) == ["Ada"]


def test_another_database_in_the_same_state_folder_is_not_stopped_by_the_marker(
    make_road: Callable[..., Road], tmp_path: Path
) -> None:
    road = make_road()
    road.sync([ADA])
    mark_damaged(road.settings, "tried")
    elsewhere = Road(road.home, environ={"LEAD_DATABASE_PATH": str(tmp_path / "other.db")})
    assert elsewhere.sync([BO]).status == "done"


def test_a_marker_that_cannot_be_read_counts_as_damage(road: Road) -> None:
    road.sync([ADA])
    (road.home / MARKER).write_text("{")
    with pytest.raises(StoreDamagedError, match="cannot be read"):
        road.sync()


def test_the_marker_says_what_and_since_when_and_goes_when_the_whole_database_was_read_and_found_good(
    road: Road,
) -> None:
    road.sync([ADA])
    mark_damaged(road.settings, "database disk image is malformed")
    said = json.loads((road.home / MARKER).read_text())
    assert set(said) == {"database", "what", "since"}

    assert backup.verify_live(road.settings)["healthy"] is True
    assert not (road.home / MARKER).exists()


def test_damage_that_no_statement_has_met_yet_is_found_by_reading_the_whole_database(road: Road) -> None:
    road.sync([ADA, *MANY])
    checkpoint(road)
    spoil_pages(lead_file(road))

    found = backup.verify_live(road.settings)
    assert (found["healthy"], bool(found["faults"])) == (False, True)
    with pytest.raises(StoreDamagedError):
        road.sync()


def test_a_backup_that_meets_damage_marks_it_and_keeps_the_good_ones(road: Road) -> None:
    road.sync([ADA, *MANY])
    made = backup.create(road.settings)
    checkpoint(road)
    spoil_pages(lead_file(road))

    with pytest.raises(StoreDamagedError):
        backup.create(road.settings)
    assert known_damage(road.settings) is not None
    assert [one["name"] for one in backup.list_(road.settings)["backups"]] == [made.name]


def test_a_sound_database_is_backed_up_before_it_is_replaced_and_that_can_be_restored_too(road: Road) -> None:
    road.sync([ADA])
    made = backup.create(road.settings)
    road.sync([ADA, BO])
    done = recovery.restore(road.settings, made.name, replay=False)

    assert names(road) == ["Ada"]
    assert done.kept_as is not None
    recovery.restore(road.settings, done.kept_as, replay=False)
    assert names(road) == ["Ada", "Bo"]


def test_a_damaged_backup_is_not_restored_and_the_database_stays(road: Road) -> None:
    road.sync([ADA])
    made = backup.create(road.settings)
    road.sync([ADA, BO])
    flip(road.settings.backup_folder / made.name, 200)

    with pytest.raises(StoreError, match="damaged"):
        recovery.restore(road.settings, made.name)
    with pytest.raises(NotFoundError, match="no good backup"):
        recovery.restore(road.settings)
    assert names(road) == ["Ada", "Bo"]
    assert known_damage(road.settings) is None


def test_the_newest_good_one_is_restored_where_the_newest_is_spoilt(road: Road) -> None:
    road.sync([ADA])
    good = backup.create(road.settings)
    road.sync([ADA, BO])
    flip(road.settings.backup_folder / backup.create(road.settings).name, 200)

    done = recovery.restore(road.settings, replay=False)
    assert done.backup["name"] == good.name
    assert names(road) == ["Ada"]


def test_a_sheet_that_cannot_be_read_is_reported_and_does_not_undo_the_restore(road: Road) -> None:
    road.sync([ADA])
    made = backup.create(road.settings)
    road.sync([ADA, BO])
    road.sheet.unlink()

    done = recovery.restore(road.settings, made.name)
    assert (done.replayed[0].status, bool(done.replayed[0].error)) == ("failed", True)
    assert names(road) == ["Ada"]


def test_a_restore_waits_for_the_cycles_of_all_customers(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    road.sync([ADA])
    backup.create(road.settings)
    monkeypatch.setattr(workspace_module, "LOCK_WAIT_SECONDS", 0.05)
    with road.open() as ws, ws.locked(), pytest.raises(StoreBusyError, match="customer acme"):
        recovery.restore(road.settings)
    assert recovery.restore(road.settings).replayed[0].status == "unchanged"


def test_a_restore_that_fails_leaves_a_sound_database_in_use(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    road.sync([ADA])
    backup.create(road.settings)

    def refuse(*_: object, **__: object) -> None:
        raise StoreError("disk is full")

    monkeypatch.setattr("leads_dagster.store.backup_sqlite.SqliteDatabase.replace", refuse)
    with pytest.raises(StoreError, match="disk is full"):
        recovery.restore(road.settings)
    assert road.sync([ADA, BO]).status == "done"


def test_a_restore_that_was_killed_in_the_middle_leaves_nothing_half_restored_in_use(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    road.sync([ADA])
    backup.create(road.settings)
    with monkeypatch.context() as patched:

        def killed(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patched.setattr("leads_dagster.store.backup_sqlite.SqliteDatabase.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            recovery.restore(road.settings)
    with pytest.raises(StoreDamagedError, match="did not end"):
        road.sync()
    recovery.restore(road.settings)
    assert names(road) == ["Ada"]


def test_the_crm_says_what_the_store_says_after_the_replay(road: Road) -> None:
    road.sync([ADA])
    backup.create(road.settings)
    road.sync([ADA, BO, CY])
    recovery.restore(road.settings)

    assert names(road) == ["Ada", "Bo", "Cy"]
    assert sorted(row["full_name"] for row in road.crm()) == ["Ada", "Bo", "Cy"]
    with CrmStore(road.settings.crm_url) as crm:
        assert crm.count() == 3


def test_nothing_is_backed_up_before_there_is_a_database(road: Road) -> None:
    with pytest.raises(NotFoundError, match="no lead database yet"):
        backup.create(road.settings)
