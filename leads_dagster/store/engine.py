"""Opening the lead database: engine, connection settings, transactions, and the typed errors of both back ends.

What belongs here: everything that differs between SQLite and PostgreSQL at the level of connections. Tables are in
`tables`, their upgrade in `schema`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from leads_dagster.errors import LeadsError, SettingsError, StoreBusyError, StoreError

BUSY_TIMEOUT_SECONDS = 30.0
_DOCUMENTS: dict[str, Any] = {
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
}
# 16 MB of log between checkpoints instead of 4: pages that many small batches touch are then written back once.
_CHECKPOINT_PAGES = 4000
# What SQLite and PostgreSQL say when the same call may succeed later; lower case, found anywhere in the message.
_TRANSIENT_WORDS = (
    "database is locked", "database table is locked", "deadlock detected", "could not serialize",
    "connection refused", "server closed the connection", "connection reset", "terminating connection",
    "the database system is starting up", "too many connections", "timeout expired",
)  # fmt: skip
# What they say when a person must act first, and what to do then.
_ADVICE = {
    "readonly database": "The database file or its folder is read-only: check its owner and mode.",
    "unable to open database file": "Check that the folder exists and may be written.",
    "disk is full": "Free some space on the disk that holds the database; nothing half-written was kept.",
    "disk i/o error": "Check the disk that holds the database (space, mount, health).",
    "no space left": "Free some space on the disk that holds the database; nothing half-written was kept.",
    "malformed": "The file is damaged: restore the newest backup.",
    "not a database": "The file named as database is something else: check LEAD_DATABASE_PATH.",
    "permission denied": "Check the database user's rights.",
}


def open_engine(url: str) -> Engine:
    """Open the database of a SQLAlchemy URL; a missing SQLite file and its folder are made, for the owner only.

    Writers wait 30 seconds for another process's lock on a SQLite file; `?timeout=5` at the end of the URL sets that.

    Raises:
        SettingsError: the URL cannot be read, or names a driver that is not installed.
        StoreError: the folder cannot be made or written.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, pool_pre_ping=True, pool_size=8, **_DOCUMENTS)
    except Exception as error:  # SQLAlchemy raises ImportError, ArgumentError and NoSuchModuleError here
        raise SettingsError(f"The database URL cannot be used: {error}") from error
    _make_private_file(parsed.database)
    arguments = {"timeout": _busy_timeout(parsed), "check_same_thread": False}
    engine = create_engine(parsed, connect_args=arguments, **_DOCUMENTS)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _busy_timeout(url: URL) -> float:
    """Seconds to wait for another process's lock; `?timeout=5` at the end of the URL sets it."""
    try:
        return float(str(url.query.get("timeout", BUSY_TIMEOUT_SECONDS)))
    except ValueError:
        raise SettingsError(
            "The database URL's timeout is no number.", advice="Write it in seconds, such as ?timeout=5."
        ) from None


def _make_private_file(database: str | None) -> None:
    """SQLite would make the file with the process's umask; leads are personal data."""
    if not database or database == ":memory:":
        return
    path = Path(database)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The database {path} cannot be made: {error.strerror}.", advice="Check the folder's owner, mode and space."
        ) from error


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions are ours: see _begin_sqlite
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")  # in WAL: a power cut may cost the last commits, never consistency
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Writers take the lock at once, so that two of them cannot both read and then fail to upgrade."""
    writes = connection.get_execution_options().get("leads_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read transaction: one consistent view of the database."""
    with typed_errors(), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A write transaction: committed when the block ends, rolled back when it raises.

    Raises:
        StoreBusyError: locked for longer than the busy timeout, or the connection was lost.
        StoreError: the database refuses for good.
    """
    with typed_errors(), engine.execution_options(leads_write=True).connect() as connection, connection.begin():
        yield connection


@contextmanager
def typed_errors() -> Iterator[None]:
    """Turn the drivers' errors into ours; ours pass through."""
    try:
        yield
    except LeadsError:
        raise
    except PoolTimeoutError as error:
        raise StoreBusyError("All connections to the lead database are in use.") from error
    except DBAPIError as error:
        raise typed_error(error) from error


def typed_error(error: DBAPIError) -> StoreBusyError | StoreError:
    """The error of ours that a driver's error amounts to; never carries the parameters, which are people's data."""
    said = str(error.orig)
    lowered = said.lower()
    if isinstance(error, OperationalError) and any(word in lowered for word in _TRANSIENT_WORDS):
        return StoreBusyError(
            f"The lead database is busy: {said.strip()}.",
            advice="Another process holds it; the sync can simply be run again.",
        )
    if isinstance(error, IntegrityError):
        return StoreError(f"The lead database refuses a row: {said.splitlines()[0]}")
    advice = next((words for part, words in _ADVICE.items() if part in lowered), "")
    return StoreError(f"The lead database cannot be used: {said.strip()}.", advice=advice)
