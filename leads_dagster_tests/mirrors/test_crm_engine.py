"""What a CRM database refuses is said in our words, and whether it may pass."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from leads_dagster.errors import SettingsError, StoreBusyError, StoreError
from leads_dagster.mirrors import crm_engine
from leads_dagster.mirrors.crm import CrmStore
from leads_dagster_tests.mirrors.crm_cases import ADA, BOB, create


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A CRM database with its table."""
    with CrmStore(f"sqlite:///{tmp_path}/crm.sqlite") as store:
        store.ensure_table()
    return tmp_path / "crm.sqlite"


def test_a_database_locked_by_somebody_stops_the_push_for_now(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crm_engine, "BUSY_TIMEOUT_SECONDS", 0.05)
    with CrmStore(f"sqlite:///{path}", batch_size=1) as store:
        store.push([create(ADA, full_name="Ada")])
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        locked = store.push([create(BOB, full_name="Bob")])
        other.execute("ROLLBACK")
        other.close()
        free = store.push([create(BOB, full_name="Bob")])

    assert isinstance(locked.stopped, StoreBusyError)
    assert (locked.outcomes, free.created) == ((), 1)


def test_a_full_disk_stops_the_push_for_good_and_leaves_what_was_committed(path: Path) -> None:
    with CrmStore(f"sqlite:///{path}", batch_size=1) as store:
        store.ensure_table()
        with store._engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        result = store.push([create(ADA, full_name="Ada"), create(BOB, notes="x" * 100_000)])
        count = store.count()

    assert isinstance(result.stopped, StoreError)
    assert "full" in result.stopped.message
    assert ([outcome.lead_id for outcome in result.outcomes], count) == ([ADA], 1)


def test_a_database_that_is_read_only_stops_the_push_for_good(path: Path) -> None:
    with CrmStore(f"sqlite:///file:{path}?mode=ro&uri=true") as store:
        result = store.push([create(ADA, full_name="Ada")])

    assert isinstance(result.stopped, StoreError)
    assert "readonly" in result.stopped.message
    assert result.outcomes == ()


def test_what_is_said_of_a_refusal_names_no_lead(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with sqlite3.connect(path) as other:
        other.execute("ALTER TABLE leads_lead RENAME COLUMN email TO mail")
    other.close()
    with CrmStore(f"sqlite:///{path}") as store:
        table = store.ensure_table()
        with sqlite3.connect(path) as other:
            other.execute("DROP TABLE leads_lead")
        other.close()
        result = store.push([create(ADA, full_name="Ada Lovelace")])

    assert "email" in table.unmapped
    assert "Ada" not in f"{result.stopped}{caplog.text}"
    assert isinstance(result.stopped, StoreError)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crm.sqlite").write_bytes(b"this is a text, not a database; " * 40)

    with CrmStore(f"sqlite:///{tmp_path}/crm.sqlite") as store, pytest.raises(StoreError, match="not a database"):
        store.ensure_table()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot be opened"):
        CrmStore(f"sqlite:///{tmp_path}/file/crm.sqlite")


@pytest.mark.parametrize("url", ["no url at all", "nosuchdb://host/name"])
def test_an_address_that_is_none_is_a_fault_of_the_settings(url: str) -> None:
    with pytest.raises(SettingsError, match="LEADS_CRM_URL"):
        CrmStore(url)


def test_a_server_that_is_not_there_may_come_back() -> None:
    pytest.importorskip("psycopg")

    with CrmStore("postgresql://nobody@127.0.0.1:9/none") as store, pytest.raises(StoreBusyError):
        store.ensure_table()


def test_opening_a_database_again_gives_up_no_lock_on_it(path: Path) -> None:
    writes = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN EXCLUSIVE')"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN IMMEDIATE")
    CrmStore(f"sqlite:///{path}").close()
    other = subprocess.run([sys.executable, "-c", writes, str(path)], capture_output=True, text=True, check=False)
    holder.close()
    assert "database is locked" in other.stderr
