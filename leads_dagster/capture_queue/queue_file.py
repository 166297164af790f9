"""The SQLite file of a capture queue: opening it, its tables, its transactions and its errors.

What belongs here: what holds for any use of the file. What is written into it is `file_queue`.

No connection lives through a fork: a child that has SQLite's memory of the parent's locks, and not the locks, can
wait for ever or lose the log (sqlite.org/howtocorrupt.html, 2.6). All are closed before it, and opened again at the
next use on either side. A file that was removed or replaced under us is opened anew, so that nothing is acknowledged
into a file that nobody will see.
"""

from __future__ import annotations

import functools
import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from leads_dagster.errors import LeadsError, StoreBusyError, StoreError

VERSION = 2
# "leads" as SQLite's `file` shows it.
APPLICATION_ID = 0x1EAD5

# A put touches a page of each table and index, and waits until they are on the disk: with pages of half the usual size
# a single one takes less time, a batch more. Files that are there already keep theirs. So much is appended to the log
# before somebody folds it into the file: fewer, longer pauses.
_PRAGMAS = (
    "PRAGMA page_size=2048",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA wal_autocheckpoint=8000",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA cache_size=-16000",
)
_TABLES = (
    # at_ms: since when it is queued, dead or settled; until when it is leased or delayed.
    """
    CREATE TABLE items (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL, customer TEXT NOT NULL, key TEXT NOT NULL, state INTEGER NOT NULL,
        at_ms INTEGER NOT NULL, failures INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0, lease TEXT,
        captured_ms INTEGER NOT NULL, enqueued_ms INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '', lead_id TEXT)
    """,
    "CREATE UNIQUE INDEX items_by_key ON items (customer, key)",
    "CREATE INDEX items_by_state ON items (customer, state, at_ms)",
    # Apart, so that leasing and settling do not write them again.
    "CREATE TABLE bodies (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    """
    CREATE TABLE counts (
        customer TEXT NOT NULL, state INTEGER NOT NULL, items INTEGER NOT NULL, PRIMARY KEY (customer, state)
    ) WITHOUT ROWID
    """,
    # A ring of ticks a customer.
    """
    CREATE TABLE pace (
        customer TEXT NOT NULL, slot INTEGER NOT NULL, tick INTEGER NOT NULL, enqueued INTEGER NOT NULL,
        settled INTEGER NOT NULL, PRIMARY KEY (customer, slot)
    ) WITHOUT ROWID
    """,
    f"PRAGMA application_id={APPLICATION_ID}",
)
# Version -> what a file of it lacks. 1: how many were ever taken in (`file_views.TAKEN`).
_LACKS = {
    0: _TABLES,
    1: ("INSERT INTO counts SELECT customer, 7, sum(items) FROM counts WHERE state < 7 GROUP BY customer",),
}
_FIRST_WAIT_SECONDS = 0.0002
_LONGEST_WAIT_SECONDS = 0.005


class QueueFile:
    """The file, as threads and processes use it.

    Args:
        busy_seconds: how long to wait for others before giving up.
    """

    def __init__(self, path: Path, busy_seconds: float = 10.0) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._held_for_fork = False
        _OPEN_FILES.add(self)
        with self._using():
            pass

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes: all of it is on the disk when this is left, or nothing."""
        with self._using() as connection:
            self._patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
            with _ending(connection):
                yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction in which everything is seen as of one moment."""
        with self._using() as connection:
            connection.execute("BEGIN")
            with _ending(connection):
                yield connection

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        if not self._lock.acquire(timeout=self._busy_seconds):
            raise self._busy()
        try:
            with self._errors():
                yield self._current()
        finally:
            self._lock.release()

    def _current(self) -> sqlite3.Connection:
        if self._connection is not None and self._is_the_same():
            return self._connection
        if self._connection is not None:
            self._disconnect()
        self._connection = self._patiently(self._opened)
        self._inode = self.path.stat().st_ino
        return self._connection

    def _is_the_same(self) -> bool:
        try:
            return os.stat(self.path).st_ino == self._inode  # noqa: PTH116 - a third of the time of Path's
        except FileNotFoundError:
            return False

    def _opened(self) -> sqlite3.Connection:
        _make_private(self.path)
        connection = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            _make_tables(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _patiently(self, attempt: Callable[[], sqlite3.Connection | sqlite3.Cursor]) -> sqlite3.Connection:
        """Tries until nobody else holds the file. SQLite's own waiting grows to 100 ms; a put takes a fifth of one."""
        deadline, wait = time.monotonic() + self._busy_seconds, _FIRST_WAIT_SECONDS
        while True:
            try:
                return attempt()  # type: ignore[return-value]
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise
                if time.monotonic() > deadline:
                    raise self._busy() from error
            time.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - who goes first
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except LeadsError:
            raise
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.OperationalError) and _is_busy(error):
                raise self._busy() from error
            advice = "Check the folder's permissions and the space on its disk."
            raise StoreError(f"The capture queue in {self.path} cannot be used: {error}.", advice=advice) from error

    def _busy(self) -> StoreBusyError:
        return StoreBusyError(
            f"The capture queue in {self.path} is busy: others have held it for {self._busy_seconds:g} s.",
            advice="Hand it over again.",
        )

    def size(self) -> int:
        """Bytes of the file and of its log."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        """Lets go of the connection; the next use opens another."""
        with self._lock:
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def before_fork(self) -> None:
        """Lets the transaction under way end; nobody begins one until `after_fork`."""
        self._held_for_fork = self._lock.acquire(timeout=self._busy_seconds)
        if self._held_for_fork:
            self._disconnect()

    def after_fork(self, *, in_child: bool) -> None:
        """Goes on. What a parent could not close before, its child never closes: that would fold in a log in use."""
        if in_child:
            self._of_parent, self._connection = self._connection, None
            self._lock = threading.Lock()
        elif self._held_for_fork:
            self._lock.release()


# Of this process; each leaves when nobody holds it any more.
_OPEN_FILES: weakref.WeakSet[QueueFile] = weakref.WeakSet()


def _before_fork() -> None:
    for file in list(_OPEN_FILES):
        file.before_fork()


def _after_fork(*, in_child: bool) -> None:
    for file in list(_OPEN_FILES):
        file.after_fork(in_child=in_child)


os.register_at_fork(
    before=_before_fork,
    after_in_parent=functools.partial(_after_fork, in_child=False),
    after_in_child=functools.partial(_after_fork, in_child=True),
)


@contextmanager
def _ending(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return


def _make_tables(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN")
    with _ending(connection):  # as of one moment: another process may be making them
        found = _version(connection, path)
    if found == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    with _ending(connection):
        if (found := _version(connection, path)) != VERSION:
            for statement in (*_LACKS[found], f"PRAGMA user_version={VERSION}"):
                connection.execute(statement)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (kind,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if found > VERSION and kind == APPLICATION_ID:
        advice = "Install that version again, or let LEADS_QUEUE_URL name another file."
        raise StoreError(f"The capture queue in {path} is of a newer version of this program.", advice=advice)
    if tables and kind != APPLICATION_ID:
        raise StoreError(f"{path} is no capture queue.", advice="Let LEADS_QUEUE_URL name another file.")
    return int(found)


def _is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether others are in the way; "locking protocol" is what very many of them at once come to."""
    return any(word in str(error) for word in ("locked", "busy", "locking protocol"))
