"""Opens the CRM's database and says in our words why it refuses.

What belongs here: engines, locks, file modes, and which database error is transient. Not: tables and leads.
"""

from __future__ import annotations

import errno
import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc

from leads_dagster.errors import LeadsError, SettingsError, StoreBusyError, StoreError

# Short: a CRM that somebody locks, or that does not answer, must not keep Airtable and the next cycle waiting. What it
# has to hear stays in the outbox.
BUSY_TIMEOUT_SECONDS = 5
CONNECT_TIMEOUT_SECONDS = 5

# What a database says when the same call may succeed later. SQLite has no codes in Python 3.10.
_BUSY_WORDS = ("database is locked", "database table is locked", "database schema is locked", "server closed")
# PostgreSQL: connection failures (08), serialization and deadlock (40), no room or shutting down (53300, 57P0x), locks.
_BUSY_STATES = ("08", "40", "53300", "57P0", "55P03")


def open_crm_engine(url: str) -> sa.Engine:
    """An engine on the CRM's database; a SQLite file is made with mode 0600 where there is none.

    Args:
        url: any SQLAlchemy URL. `postgres://` and `postgresql://` go through psycopg.

    Raises:
        SettingsError: not a URL, or the driver is not installed.
        StoreError: the SQLite file cannot be made.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite":
            return _sqlite_engine(parsed)
        return _server_engine(parsed)
    except (exc.ArgumentError, exc.NoSuchModuleError) as error:
        raise SettingsError(f"LEADS_CRM_URL is no database URL: {error}.") from error
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"The driver for LEADS_CRM_URL is not installed: {error.name}.",
            advice="For PostgreSQL: pip install 'leads-dagster[postgres]'.",
        ) from error


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    if url.database and not url.database.startswith((":memory:", "file:")):
        _make_private_file(Path(url.database))
    arguments = {"timeout": _busy_timeout(url), "check_same_thread": False}
    engine = sa.create_engine(url, connect_args=arguments, hide_parameters=True)
    sa.event.listen(engine, "connect", _set_pragmas)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _server_engine(url: sa.URL) -> sa.Engine:
    """A CRM that does not answer, or a table that somebody locks, keeps a cycle only so long."""
    if url.get_backend_name() != "postgresql":
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    arguments = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_TIMEOUT_SECONDS}
    engine = sa.create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=arguments)
    sa.event.listen(engine, "begin", _limit_lock_waits)
    return engine


def _limit_lock_waits(connection: sa.Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{math.ceil(BUSY_TIMEOUT_SECONDS * 1000)}ms'")


def _busy_timeout(url: sa.URL) -> float:
    """Seconds to wait for another process's lock; `?timeout=5` at the end of the URL sets it."""
    try:
        return float(str(url.query.get("timeout", BUSY_TIMEOUT_SECONDS)))
    except ValueError:
        raise SettingsError(
            "The timeout in LEADS_CRM_URL is no number.", advice="Write it in seconds, such as ?timeout=5."
        ) from None


def _make_private_file(path: Path) -> None:
    """See that there is a file that may be written. One that is there is not opened: closing it would give up every
    lock that this process has on it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with suppress(FileExistsError):  # another process was faster
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        elif path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        elif not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise StoreError(
            f"The CRM database {path} cannot be opened for writing: {error.strerror}.",
            advice="Check the permissions of the file and its folder.",
        ) from error


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA cache_size=-65536")  # KiB; uuids land all over the index


def _begin(connection: sa.Connection) -> None:
    # What is read to decide must still be so when it is written: the lock is taken before the reading.
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def transaction(engine: sa.Engine, *, reading: bool = False) -> Iterator[sa.Connection]:
    """One transaction; committed if the body ends well. `reading` takes no write lock.

    Raises:
        StoreBusyError, StoreError: as `crm_errors` says.
    """
    with crm_errors(), engine.connect().execution_options(reading=reading) as connection, connection.begin():
        yield connection


@contextmanager
def crm_errors() -> Iterator[None]:
    """Turns a database's errors into ours; a row's own fault (`DataError`, `IntegrityError`) passes as it is.

    Raises:
        StoreBusyError: locked, deadlocked or gone just now.
        StoreError: all else: full disk, read-only, no permission, schema.
    """
    try:
        yield
    except (exc.DataError, exc.IntegrityError):
        raise
    except exc.DBAPIError as error:
        raise _ours(error) from error
    except exc.SQLAlchemyError as error:
        said = error.orig if isinstance(error, exc.StatementError) else error
        raise StoreError(f"The CRM database refuses: {said}.") from error


def _ours(error: exc.DBAPIError) -> LeadsError:
    said = str(error.orig).strip()
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if error.connection_invalidated or state.startswith(_BUSY_STATES) or _is_busy(said):
        return StoreBusyError(f"The CRM database is busy: {said}.")
    if not state and isinstance(error, exc.OperationalError) and "connect" in said and "authentication" not in said:
        return StoreBusyError(f"The CRM database cannot be reached: {said}.")
    return StoreError(f"The CRM database refuses: {said}.", advice="Check its permissions, schema and disk space.")


def _is_busy(said: str) -> bool:
    return any(word in said for word in _BUSY_WORDS)
