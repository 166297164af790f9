"""Backups: made while others write, verified by restoring them, put back, and pruned."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from leads_dagster.errors import NotFoundError, SettingsError, StoreDamagedError, StoreError
from leads_dagster.store.backup import to_prune
from leads_dagster.store.backup_manifest import Contents, Manifest, manifest_from
from leads_dagster.store.tables import metadata
from leads_dagster_tests.conftest import REPOSITORY
from leads_dagster_tests.store.backup_cases import (
    NOW,
    Store,
    flip,
    spoil_pages,
    sqlite_store,
    store,
)

__all__ = ["sqlite_store", "store"]

_WRITER = """
import sqlite3, sys, uuid
connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
print("writing", flush=True)
while True:
    connection.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        connection.execute("INSERT INTO leads (id, customer, full_name, created_at, updated_at) VALUES (?, 'w', 'W', "
                           "'2026-01-01', '2026-01-01')", [uuid.uuid4().hex])
    connection.execute("COMMIT")
"""


def manifest(days_old: float, *, verified: bool = True, name: str = "") -> Manifest:
    at = NOW - timedelta(days=days_old)
    name = name or f"leads-{at:%Y%m%dT%H%M%SZ}.db.gz"
    contents = Contents("0003", {})
    return Manifest(name, at, "asked", "sqlite", "", contents, 1, "", verified_at=at if verified else None)


def test_a_backup_says_what_it_holds_and_that_it_was_restored_on_trial(store: Store) -> None:
    made = store.backups.make("asked")

    (listed,) = store.backups.folder.listed().manifests
    assert listed == made
    assert made.contents.tables["leads"].rows == 3
    assert made.contents.schema is not None
    assert {*metadata.tables, "alembic_version"} < set(made.contents.tables)  # and what search keeps
    assert made.verified_at is not None
    assert made.size_bytes == store.backups.folder.file(made).stat().st_size


def test_backups_are_for_the_owner_only_and_nothing_else_is_left_in_their_folder(store: Store) -> None:
    made = store.backups.make("asked")

    folder = store.settings.backup_folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in folder.iterdir()} == {made.name, f"{made.name}.json", ".lock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_two_backups_of_one_second_have_names_of_their_own(sqlite_store: Store) -> None:
    backups = sqlite_store.backups
    names = {backups.make("asked", verify=False).name for _ in range(5)}
    assert len(names) == 5


def test_restoring_brings_back_the_moment_of_the_backup(store: Store) -> None:
    made = store.backups.make("asked")
    store.execute("DELETE FROM leads WHERE full_name = 'Bo'", "UPDATE leads SET full_name = 'X' WHERE full_name = 'Cy'")
    store.add("Di")

    assert store.backups.put_in_place(made) is None
    assert store.names() == ["Ada", "Bo", "Cy"]
    assert store.backups.make("asked").contents == made.contents


def test_a_backup_of_an_empty_machine_is_restored_into_nothing(sqlite_store: Store, tmp_path: Path) -> None:
    made = sqlite_store.backups.make("asked")
    Path(f"{sqlite_store.settings.home}/leads.db").unlink()

    assert sqlite_store.backups.put_in_place(made) is None
    assert sqlite_store.names() == ["Ada", "Bo", "Cy"]
    assert stat.S_IMODE((sqlite_store.settings.home / "leads.db").stat().st_mode) == 0o600


def test_a_connection_that_was_open_over_the_restore_sees_what_was_restored(sqlite_store: Store) -> None:
    import sqlite3

    made = sqlite_store.backups.make("asked")
    sqlite_store.add("Di")
    other = sqlite3.connect(sqlite_store.settings.home / "leads.db")
    assert other.execute("SELECT count(*) FROM leads").fetchone() == (4,)

    sqlite_store.backups.put_in_place(made)
    assert other.execute("SELECT count(*) FROM leads").fetchone() == (3,)
    other.close()


def test_tables_of_others_in_the_same_database_are_left_alone(empty_postgres_url: str, tmp_path: Path) -> None:
    from leads_dagster.settings import load_settings

    store = Store(load_settings({"LEADS_HOME": str(tmp_path), "LEADS_DATABASE_URL": empty_postgres_url}, tmp_path))
    store.add("Ada")
    store.execute("CREATE TABLE theirs (id serial PRIMARY KEY, word text)", "CREATE SCHEMA other")
    store.execute("CREATE TABLE other.more (id int)", "INSERT INTO theirs (word) VALUES ('before')")
    made = store.backups.make("asked")
    store.execute("UPDATE theirs SET word = 'after'", "DELETE FROM leads")

    store.backups.put_in_place(made)
    assert store.names() == ["Ada"]
    store.execute("DO $$ BEGIN ASSERT (SELECT word FROM theirs) = 'after'; END $$")
    assert "theirs" not in made.contents.tables


def test_a_restore_that_postgresql_refuses_changes_nothing(empty_postgres_url: str, tmp_path: Path) -> None:
    from leads_dagster.settings import load_settings

    store = Store(load_settings({"LEADS_HOME": str(tmp_path), "LEADS_DATABASE_URL": empty_postgres_url}, tmp_path))
    store.add("Ada")
    made = store.backups.make("asked")
    store.add("Bo")
    store.execute("CREATE VIEW theirs AS SELECT full_name FROM leads")

    with pytest.raises(StoreError, match="psql failed"):
        store.backups.put_in_place(made)
    assert store.names() == ["Ada", "Bo"]


def test_a_backup_made_while_another_process_writes_all_the_time_is_one_consistent_moment(sqlite_store: Store) -> None:
    path = sqlite_store.settings.home / "leads.db"
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        made = [sqlite_store.backups.make("asked") for _ in range(3)]
        writing_on = writer.poll() is None
        writer.kill()

    assert writing_on
    counts = [one.contents.tables["leads"].rows for one in made]
    assert all(count % 2 == 1 for count in counts)  # three, and two a transaction: none was cut in half
    assert counts == sorted(counts)
    assert sqlite_store.count() >= counts[-1]


@pytest.mark.parametrize("where", [20, 0.5, -9])
def test_a_flipped_byte_is_found(store: Store, where: float) -> None:
    made = store.backups.make("asked")
    path = store.backups.folder.file(made)
    flip(path, int(where if abs(where) > 1 else where * made.size_bytes))

    with pytest.raises(StoreError, match=f"{made.name} is damaged"):
        store.backups.verify(made.name)
    assert store.backups.folder.find(made.name).verified_at is None


def test_a_file_that_was_cut_is_not_listed_as_a_backup_but_named(store: Store) -> None:
    made = store.backups.make("asked")
    path = store.backups.folder.file(made)
    path.write_bytes(path.read_bytes()[:-100])

    listed = store.backups.folder.listed()
    assert listed.manifests == ()
    assert made.name in listed.faults[0]


def test_a_manifest_that_was_changed_to_fit_does_not_hide_that_rows_are_missing(store: Store) -> None:
    made = store.backups.make("asked")
    text = (store.settings.backup_folder / f"{made.name}.json").read_text()
    other = manifest_from(text.replace('"rows": 3', '"rows": 4'))
    store.backups.folder.write_manifest(other)

    with pytest.raises(StoreError, match="table leads has 3 rows instead of 4"):
        store.backups.verify(made.name)


def test_values_that_changed_are_found_though_the_rows_are_as_many(store: Store) -> None:
    before = store.backups.make("asked", verify=False)
    store.execute("UPDATE leads SET full_name = 'Ada B' WHERE full_name = 'Ada'")
    after = store.backups.make("asked", verify=False)

    assert before.contents.tables["leads"].rows == after.contents.tables["leads"].rows
    changed = {name for name, table in before.contents.tables.items() if after.contents.tables[name] != table}
    assert changed == {"leads"}


def test_a_manifest_that_is_no_manifest_is_named_and_does_not_hide_the_others(sqlite_store: Store) -> None:
    made = sqlite_store.backups.make("asked")
    (sqlite_store.settings.backup_folder / "leads-x.db.gz.json").write_text("[]")

    listed = sqlite_store.backups.folder.listed()
    assert [one.name for one in listed.manifests] == [made.name]
    assert "leads-x.db.gz.json" in listed.faults[0]


def test_a_damaged_database_gives_no_backup_and_takes_none_away(sqlite_store: Store) -> None:
    sqlite_store.add(*(f"Person {number}" for number in range(2_000)))
    made = sqlite_store.backups.make("asked")
    spoil_pages(sqlite_store.settings.home / "leads.db")

    with pytest.raises(StoreDamagedError, match="damaged"):
        sqlite_store.backups.make("asked")
    assert [one.name for one in sqlite_store.backups.folder.listed().manifests] == [made.name]


def test_the_newest_good_backup_is_the_newest_that_still_verifies(sqlite_store: Store) -> None:
    good = sqlite_store.backups.make("asked")
    sqlite_store.backups.make("before-restore")
    spoilt = sqlite_store.backups.make("asked")
    flip(sqlite_store.backups.folder.file(spoilt), 50)

    assert sqlite_store.backups.newest_good().name == good.name


def test_without_a_good_backup_it_says_what_is_wrong_with_each(sqlite_store: Store) -> None:
    spoilt = sqlite_store.backups.make("asked")
    flip(sqlite_store.backups.folder.file(spoilt), 50)

    with pytest.raises(NotFoundError, match=spoilt.name):
        sqlite_store.backups.newest_good()


def test_a_backup_of_the_other_kind_of_database_is_refused(sqlite_store: Store) -> None:
    made = sqlite_store.backups.make("asked")
    sqlite_store.backups.folder.write_manifest(replace(made, kind="postgresql"))

    with pytest.raises(SettingsError, match="postgresql"):
        sqlite_store.backups.verify(made.name)


def test_kill_9_at_any_instant_leaves_no_half_backup_listed(sqlite_store: Store) -> None:
    sqlite_store.add(*(f"Person {number}" for number in range(3_000)))
    good = sqlite_store.backups.make("asked")
    script = (
        "import sys; from pathlib import Path; from leads_dagster.settings import load_settings;"
        "from leads_dagster.store.backup import open_backups; steps = int(sys.argv[2]);"
        "import os, signal; told = iter(range(10_000));"
        "tell = lambda p, m: next(told) >= steps and os.kill(os.getpid(), signal.SIGKILL);"
        "open_backups(load_settings({'LEADS_HOME': sys.argv[1]}, Path('/'))).make('asked', progress=tell)"
    )
    for steps in (0, 1, 3):
        command = [sys.executable, "-c", script, str(sqlite_store.settings.home), str(steps)]
        assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == -9
        listed = sqlite_store.backups.folder.listed()
        assert ([one.name for one in listed.manifests], listed.faults) == ([good.name], ())
        assert list(sqlite_store.settings.backup_folder.glob(".partial-*"))

    after = sqlite_store.backups.make("asked")
    assert [one.name for one in sqlite_store.backups.folder.listed().manifests] == [after.name, good.name]
    assert not list(sqlite_store.settings.backup_folder.glob(".partial-*"))


@pytest.mark.parametrize("limit", [50_000, 200_000])
def test_a_disk_that_fills_up_leaves_the_old_backups_and_says_so(sqlite_store: Store, limit: int) -> None:
    good = sqlite_store.backups.make("asked")
    sqlite_store.add(*(f"Person {number}" for number in range(3_000)))
    script = (
        "import json, resource, sys; from pathlib import Path; from leads_dagster.errors import StoreError;"
        "from leads_dagster.settings import load_settings; from leads_dagster.store.backup import open_backups\n"
        "backups = open_backups(load_settings({'LEADS_HOME': sys.argv[1]}, Path('/')))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\n"
        "try: backups.make('asked')\n"
        "except StoreError as error: print(json.dumps([type(error).__name__, str(error)]))"
    )
    command = [sys.executable, "-c", script, str(sqlite_store.settings.home), str(limit)]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout

    kind, message = json.loads(said)
    assert kind == "StoreError"
    assert "space" in message
    assert [one.name for one in sqlite_store.backups.folder.listed().manifests] == [good.name]
    assert not list(sqlite_store.settings.backup_folder.glob(".partial-*"))
    assert sqlite_store.backups.verify(good.name)


def test_backups_go_by_count_and_by_age_and_the_newest_good_one_never() -> None:
    backups = tuple(manifest(days) for days in (1, 2, 3, 40, 50))

    assert to_prune(backups, NOW, keep=14, keep_days=30) == list(backups[3:])
    assert to_prune(backups, NOW, keep=2, keep_days=30) == list(backups[2:])
    assert to_prune(backups, NOW, keep=1, keep_days=0.5) == list(backups[1:])
    unverified = (manifest(1, verified=False), manifest(60), manifest(70))
    assert to_prune(unverified, NOW, keep=14, keep_days=30) == [unverified[2]]
    assert to_prune((), NOW, keep=1, keep_days=1) == []


def test_what_is_pruned_is_gone_and_what_is_kept_verifies(sqlite_store: Store) -> None:
    store = sqlite_store.with_environment(LEADS_BACKUP_KEEP="2")
    made = [store.backups.make("asked") for _ in range(4)]

    gone = store.backups.prune(made[-1].created_at)
    assert {one.name for one in gone} == {one.name for one in made[:2]}
    left = store.backups.folder.listed().manifests
    assert [store.backups.verify(one.name).name for one in left] == [made[3].name, made[2].name]


def test_a_database_in_memory_cannot_be_backed_up(sqlite_store: Store) -> None:
    with pytest.raises(SettingsError, match="backed up"):
        sqlite_store.with_environment(LEADS_DATABASE_URL="sqlite://").backups.make("asked")


def test_the_password_stands_neither_in_the_arguments_nor_in_the_manifest(empty_postgres_url: str) -> None:
    from sqlalchemy.engine import make_url

    from leads_dagster.store.backup_pg_tools import connection_environ, pg_tools

    url = make_url(empty_postgres_url).set(password="secret-word")
    assert connection_environ(url)["PGPASSWORD"] == "secret-word"
    assert "secret-word" not in repr(pg_tools(url, 12, None))


def test_programs_that_are_missing_are_named_with_what_to_install(empty_postgres_url: str, tmp_path: Path) -> None:
    from leads_dagster.settings import load_settings

    environ = {"LEADS_HOME": str(tmp_path), "LEADS_DATABASE_URL": empty_postgres_url, "LEADS_PG_BIN": str(tmp_path)}
    store = Store(load_settings(environ, tmp_path))
    store.add("Ada")
    with pytest.raises(StoreError, match=r"pg_dump.*postgresql-client"):
        store.backups.make("asked")
