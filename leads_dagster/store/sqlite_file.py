"""A SQLite file as lead database: its making, the settings of every connection to it, its locks and its log.

What belongs here: what is SQLite's alone. Engines and transactions of both back ends are in `engine`.

The write-ahead log stays small by itself: it is copied into the file every 16 MB, and cut back to that when it starts
over; a log that passed 64 MB all the same, because somebody was always reading, is cut to nothing after a write at a
moment without readers. The last connection that is closed anywhere takes it away.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError

from leads_dagster.errors import SettingsError, StoreError
from leads_dagster.store.attempts import LOCK_WAIT, WRITE, lock_wait_measured, lock_wait_seconds

logger = logging.getLogger(__name__)

BUSY_TIMEOUT_SECONDS = 30.0
# 16 MB of log between checkpoints instead of 4: pages that many small batches touch are then written back once.
_CHECKPOINT_PAGES = 4000
_WAL_USUAL_BYTES = _CHECKPOINT_PAGES * 4096
WAL_LIMIT_BYTES = 4 * _WAL_USUAL_BYTES
_SWITCH_SECONDS = 0.01
_BUSY_MILLISECONDS = "leads_busy_milliseconds"
_INODE = "leads_inode"


def listen(engine: Engine) -> None:
    """Set up every connection of this engine."""
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    if file_of(engine.url):
        event.listen(engine, "connect", _note_file(engine.url))
        event.listen(engine, "checkout", _check_file(engine.url))


def file_of(url: URL) -> str | None:
    """The path of a SQLite file; None where the database is in memory."""
    inside = not url.database or url.database == ":memory:" or url.database.startswith("file:")
    return None if inside else url.database


def busy_timeout(url: URL) -> float:
    """Seconds to wait for another's lock; `?timeout=5` at the end of the URL sets it."""
    try:
        return float(str(url.query.get("timeout", BUSY_TIMEOUT_SECONDS)))
    except ValueError:
        raise SettingsError(
            "The database URL's timeout is no number.", advice="Write it in seconds, such as ?timeout=5."
        ) from None


def make_private_file(database: str | None) -> None:
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


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are ours: see _begin
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")  # in WAL: a power cut may cost the last commits, never consistency
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    cursor.execute(f"PRAGMA journal_size_limit = {_WAL_USUAL_BYTES}")
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    """SQLite does not wait for another connection that is switching the same new file, so we do."""
    until = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= until:
                raise
            time.sleep(_SWITCH_SECONDS)


def _note_file(url: URL) -> Callable[[Any, Any], None]:
    def note(_connection: Any, record: Any) -> None:
        record.info[_INODE] = _inode(url)

    return note


def _check_file(url: URL) -> Callable[[Any, Any, Any], None]:
    """The health check of a pooled connection: one `stat`, where a query would tell nothing.

    A connection to a file that was replaced (a restored backup) would go on writing into the old one, which nobody
    will ever read.
    """

    def check(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info.get(_INODE) != _inode(url):
            raise DisconnectionError("the database file was replaced")

    return check


def _inode(url: URL) -> tuple[int, int]:
    try:
        found = Path(str(url.database)).stat()
    except OSError as error:
        raise StoreError(
            f"The database file {url.database} cannot be found any more: {error.strerror}.",
            advice="Put it back, or restore the newest backup.",
        ) from error
    return found.st_dev, found.st_ino


def _begin(connection: Connection) -> None:
    """Writers take the lock at once, so that two of them cannot both read and then fail to upgrade."""
    options = connection.get_execution_options()
    _set_busy_timeout(connection, lock_wait_seconds(options.get(LOCK_WAIT, BUSY_TIMEOUT_SECONDS)))
    if not options.get(WRITE):
        connection.exec_driver_sql("BEGIN")
        return
    with lock_wait_measured():
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _set_busy_timeout(connection: Connection, seconds: float) -> None:
    milliseconds = math.ceil(seconds * 1000)
    if connection.info.get(_BUSY_MILLISECONDS) != milliseconds:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {milliseconds}")
        connection.info[_BUSY_MILLISECONDS] = milliseconds


def keep_wal_small(connection: Connection) -> None:
    """After a write, where readers kept the log from starting over: at once or not at all, nobody waits for it."""
    if connection.dialect.name != "sqlite" or _wal_bytes(connection.engine.url) < WAL_LIMIT_BYTES:
        return
    connection.info[_BUSY_MILLISECONDS] = 0
    cursor = connection.connection.cursor()  # beside SQLAlchemy's transactions: a checkpoint may not be in one
    try:
        cursor.execute("PRAGMA busy_timeout = 0")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.fetchall()
    except sqlite3.Error as error:  # what was written is committed: this is no failure of it
        logger.warning("The log of the lead database could not be cut: %s", error)
    finally:
        cursor.close()


def _wal_bytes(url: URL) -> int:
    try:
        return Path(f"{file_of(url)}-wal").stat().st_size
    except OSError:
        return 0
