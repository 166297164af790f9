"""A SQLite file as lead database: how it is made, set up, kept small, and what its failures are called."""

from __future__ import annotations

import resource
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, text

from leads_dagster.errors import SettingsError, StoreBusyError, StoreError
from leads_dagster.mirrors.crm_engine import open_crm_engine
from leads_dagster.store import sqlite_file
from leads_dagster.store.engine import (
    open_engine,
    reading,
    writing,
)
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


def test_a_file_that_was_replaced_is_opened_anew(sqlite_engine: Engine, tmp_path: Path) -> None:
    other = tmp_path / "other" / "leads.db"
    with writing(sqlite_engine) as connection:
        connection.execute(insert(counters).values(name="old", value=1))
    restored = open_engine(f"sqlite:///{other}")
    ensure_schema(restored)
    restored.dispose()
    for beside in ("leads.db-wal", "leads.db-shm"):  # they are the old file's
        (tmp_path / beside).unlink()
    other.replace(tmp_path / "leads.db")
    with reading(sqlite_engine) as connection:
        assert connection.execute(select(counters)).all() == []


def test_a_file_that_is_gone_is_said_to_be(sqlite_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "leads.db").rename(tmp_path / "elsewhere.db")
    with pytest.raises(StoreError, match="cannot be found"), reading(sqlite_engine):
        pass
    assert not (tmp_path / "leads.db").exists()


def test_the_log_is_cut_after_a_write_that_made_it_large(
    sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "leads.db-wal"
    with writing(sqlite_engine) as connection:
        connection.execute(insert(counters).values(name="x", value=1))
    assert log.stat().st_size > 0
    monkeypatch.setattr(sqlite_file, "WAL_LIMIT_BYTES", 1)
    with reading(sqlite_engine) as reader:
        reader.execute(select(counters)).all()
        with writing(sqlite_engine) as connection:
            connection.execute(insert(counters).values(name="y", value=1))
        assert log.stat().st_size > 0
    with writing(sqlite_engine) as connection:
        connection.execute(insert(counters).values(name="z", value=1))
    assert log.stat().st_size == 0
    with reading(sqlite_engine) as connection:
        assert connection.execute(text("PRAGMA busy_timeout")).scalar_one() == 30_000


# Fills the database under a limit on the size of files, as a full disk does, and says what it was told.
_FILL = """
import resource, signal, sys
from sqlalchemy import insert
from leads_dagster.errors import StoreError
from leads_dagster.store.engine import open_engine, writing
from leads_dagster.store.tables import counters
engine = open_engine(sys.argv[1])
with writing(engine) as connection:
    connection.execute(insert(counters).values(name="whole", value=1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
try:
    with writing(engine) as connection:
        for number in range(100_000):
            connection.execute(insert(counters).values(name=f"half {number} " + "x" * 1000, value=1))
except StoreError as error:
    print(error)
"""


def test_a_full_disk_is_said_and_nothing_half_written_is_kept(sqlite_engine: Engine) -> None:
    url = sqlite_engine.url.render_as_string()
    told = subprocess.run([sys.executable, "-c", _FILL, url], capture_output=True, text=True, check=True)
    assert "space" in told.stdout
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    with reading(sqlite_engine) as connection:
        assert connection.execute(select(counters.c.name)).scalars().all() == ["whole"]
        assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    with writing(sqlite_engine) as connection:
        connection.execute(insert(counters).values(name="next", value=1))


def test_a_database_that_may_only_be_read_says_what_to_do(sqlite_engine: Engine) -> None:
    with writing(sqlite_engine) as connection:
        connection.execute(text("PRAGMA query_only = ON"))  # root may write any file, whatever its mode
    with pytest.raises(StoreError, match="read-only: check its owner"), writing(sqlite_engine) as connection:
        connection.execute(insert(counters).values(name="x", value=1))
