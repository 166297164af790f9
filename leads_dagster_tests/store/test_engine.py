"""Opening the lead database, and what its failures are called."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from leads_dagster.errors import SettingsError, StoreBusyError, StoreError
from leads_dagster.mirrors.crm_engine import open_crm_engine
from leads_dagster.store import sqlite_file
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.schema import ensure_schema
from leads_dagster.store.tables import counters


def test_a_new_database_file_and_its_folder_are_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "leads.db"
    open_engine(f"sqlite:///{path}").dispose()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("foreign_keys", 1), ("busy_timeout", 30_000), ("synchronous", 1)],
)
def test_connections_are_set_up_for_many_readers_and_one_patient_writer(
    sqlite_engine: Engine, pragma: str, value: object
) -> None:
    with reading(sqlite_engine) as connection:
        assert connection.execute(text(f"PRAGMA {pragma}")).scalar_one() == value


@pytest.mark.parametrize("opened", [open_engine, open_crm_engine])
def test_how_long_a_writer_waits_can_be_said_in_the_url(tmp_path: Path, opened: Callable[[str], Engine]) -> None:
    engine = opened(f"sqlite:///{tmp_path / 'some.db'}?timeout=2.5")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA busy_timeout")).scalar_one() == 2_500
    engine.dispose()
    with pytest.raises(SettingsError, match="timeout"):
        opened(f"sqlite:///{tmp_path / 'some.db'}?timeout=soon")


def test_a_write_that_raises_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:  # noqa: PT012  # the insert must come first
        connection.execute(counters.insert(), {"name": "x", "value": 1})
        raise RuntimeError
    with reading(engine) as connection:
        assert connection.execute(select(counters)).all() == []


def test_a_database_locked_by_another_process_is_a_transient_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_SECONDS", 0.05)
    engine = open_engine(f"sqlite:///{tmp_path / 'leads.db'}")
    ensure_schema(engine)
    other = sqlite3.connect(tmp_path / "leads.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError, match="locked"), writing(engine):
        pass
    other.close()
    engine.dispose()


def test_a_file_that_is_no_database_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "leads.db"
    path.write_bytes(b"PK\x03\x04 this is a zip" * 100)
    engine = open_engine(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="LEAD_DATABASE_PATH"):
        ensure_schema(engine)
    engine.dispose()


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        open_engine(f"sqlite:///{tmp_path / 'file' / 'leads.db'}")


@pytest.mark.parametrize("url", ["nonsense", "nosuchdialect:///x", "mysql+nosuchdriver://x"])
def test_a_url_that_cannot_be_used_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match="database URL"):
        open_engine(url)


def test_errors_never_carry_the_values_of_a_statement(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(counters.insert(), {"name": "jane@acme.example", "value": 1})
    with pytest.raises(StoreError) as caught, writing(engine) as connection:
        connection.execute(counters.insert(), {"name": "jane@acme.example", "value": 2})
    assert "jane" not in str(caught.value)
