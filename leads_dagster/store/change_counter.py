"""Whether anybody wrote to the lead database since one last asked, for next to nothing.

What belongs here: that one question. SQLite counts the commits of others (`PRAGMA data_version`, some ten microseconds
on a connection that stays open); PostgreSQL has no such counter, and is asked once a second what there is to know.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from leads_dagster.store import sqlite_file

POSTGRES_SECONDS = 1.0


class ChangeCounter:
    """Says whether the database may have changed; thread-safe.

    Args:
        engine: of the lead database.
        clock: seconds, monotonic.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.monotonic) -> None:
        is_file = engine.dialect.name == "sqlite"
        self._path = sqlite_file.file_of(engine.url) if is_file else None
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._seen: object = None

    def moved(self) -> bool:
        """Whether it may have changed since this was asked last; the first time it has.

        Of a file that cannot be read it says so, too: who then reads is told why.
        """
        with self._lock:
            try:
                now = self._version() if self._path is not None else int(self._clock() / POSTGRES_SECONDS)
            except (OSError, sqlite3.Error):
                self._let_go()
                return True
            before, self._seen = self._seen, now
            return now != before

    def _version(self) -> object:
        """The counter, and which file it is of: one that was put in its place is another database."""
        found = Path(str(self._path)).stat()
        file = (found.st_dev, found.st_ino)
        if file != self._file or self._connection is None:
            self._let_go()
            self._connection, self._file = sqlite3.connect(str(self._path), check_same_thread=False, timeout=1.0), file
        return file, self._connection.execute("PRAGMA data_version").fetchone()

    def _let_go(self) -> None:
        left, self._connection, self._seen = self._connection, None, None
        if left is not None:
            with contextlib.suppress(sqlite3.Error):
                left.close()

    def forget(self) -> None:
        """What it said last could not be heeded: say so again."""
        with self._lock:
            self._seen = None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._let_go()
