"""The file that keeps a budget: its tables, its errors, and reading it.

What belongs here: what needs no lock. Writing into it is `file_books`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leads_dagster.budget.books import KEPT, TEXTS, LimitFacts
from leads_dagster.errors import StoreBusyError, StoreError

BUDGET_FILE = "budget.sqlite"
# A lock held longer than this belongs to a stopped process; nobody holds it for more than some milliseconds.
LOCK_TIMEOUT_SECONDS = 30.0

_HOURS = """
CREATE TABLE IF NOT EXISTS hours (
    name TEXT NOT NULL, hour INTEGER NOT NULL, calls INTEGER NOT NULL, PRIMARY KEY (name, hour)) WITHOUT ROWID
"""


def read_file_books(home: Path, clock: Callable[[], float] = time.time) -> tuple[LimitFacts, ...]:
    """Every limit that was ever kept under this folder; empty when none was. Waits for nobody, changes nothing."""
    path = home / BUDGET_FILE
    if not path.exists():
        return ()
    with file_errors(path):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            return all_facts(connection, int(clock() * 1000))
        finally:
            connection.close()


def make_tables(connection: sqlite3.Connection) -> None:
    """The tables as they are now; a file of an earlier version gets what it lacks."""
    connection.execute("CREATE TABLE IF NOT EXISTS limits (name TEXT PRIMARY KEY)")
    connection.execute(_HOURS)
    known = {row[1] for row in connection.execute("PRAGMA table_info(limits)")}
    for column in KEPT:
        if column not in known:
            kind = "TEXT NOT NULL DEFAULT ''" if column in TEXTS else "NUMERIC NOT NULL DEFAULT 0"
            connection.execute(f"ALTER TABLE limits ADD COLUMN {column} {kind}")


def all_facts(connection: sqlite3.Connection, now: int) -> tuple[LimitFacts, ...]:
    known = {row[1] for row in connection.execute("PRAGMA table_info(limits)")}
    columns = [column for column in KEPT if column in known]
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM limits ORDER BY name").fetchall()  # noqa: S608
    return tuple(_one(connection, dict(zip(columns, row, strict=True)), now) for row in rows)


def _one(connection: sqlite3.Connection, row: dict[str, Any], now: int) -> LimitFacts:
    used = 0
    if row["calls"]:
        query = f"SELECT count(*) FROM {row['slots']} WHERE item_timestamp > ?"  # noqa: S608 - our own, hex digits
        (used,) = connection.execute(query, (now - row["window_ms"],)).fetchone()
    hours = {}
    if "since_ms" in row:
        hours = dict(connection.execute("SELECT hour, calls FROM hours WHERE name = ?", (row["name"],)).fetchall())
    return LimitFacts(**row, used=used, hours=hours, now_ms=now)


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Says in our words why the file cannot be used.

    Raises:
        StoreBusyError: another process has held it for too long.
        StoreError: all else.
    """
    try:
        yield
    except TimeoutError as error:  # filelock.Timeout is one
        raise StoreBusyError(f"Another process has held {path}.lock for {LOCK_TIMEOUT_SECONDS:.0f} s.") from error
    except (sqlite3.Error, OSError) as error:
        advice = "Check the folder's permissions and the space on its disk."
        raise StoreError(f"The call budget in {path} cannot be kept: {error}.", advice=advice) from error
