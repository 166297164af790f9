"""The file in which processes keep a budget together, and what it says of every limit.

What belongs here: its tables, its errors, and reading it for `leads status`. Taking a place in it is `budget`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from leads_dagster.errors import StoreBusyError, StoreError

BUDGET_FILE = "budget.sqlite"
# A lock held longer than this belongs to a stopped process; nobody holds it for more than some milliseconds.
LOCK_TIMEOUT_SECONDS = 30.0

BOOKS = """
CREATE TABLE IF NOT EXISTS limits (
    name TEXT PRIMARY KEY, slots TEXT NOT NULL, calls INTEGER NOT NULL, window_ms INTEGER NOT NULL,
    resting_until_ms INTEGER NOT NULL DEFAULT 0, rests INTEGER NOT NULL DEFAULT 0,
    month TEXT NOT NULL DEFAULT '', month_calls INTEGER NOT NULL DEFAULT 0)
"""


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """What `leads status` shows of one limit.

    Attributes:
        name: whose limit; a token is named by a hash only.
        calls, seconds: the limit.
        used: calls in the window that ends now.
        resting_seconds: until the rest after a refusal ends; 0 when none.
        rests: refusals since the file was made.
        month_calls: calls in the running month (UTC).
    """

    name: str
    calls: int
    seconds: float
    used: int
    resting_seconds: float
    rests: int
    month_calls: int


def budget_status(home: Path, *, clock: Callable[[], float] = time.time) -> tuple[LimitStatus, ...]:
    """Every limit that was ever kept under this folder; empty when none was. Waits for nobody, needs no token."""
    path = home / BUDGET_FILE
    if not path.exists():
        return ()
    now = int(clock() * 1000)
    with store_errors(path):
        books = sqlite3.connect(path, isolation_level=None)
        try:
            rows = books.execute("SELECT * FROM limits ORDER BY name").fetchall()
            return tuple(_limit_status(books, row, now) for row in rows)
        finally:
            books.close()


def _limit_status(books: sqlite3.Connection, row: Sequence[object], now: int) -> LimitStatus:
    name, slots, calls, window_ms, resting_until_ms, rests, month, month_calls = row
    query = f"SELECT count(*) FROM {slots} WHERE item_timestamp > ?"  # noqa: S608 - our own table name, hex digits
    (used,) = books.execute(query, (now - int(str(window_ms)),)).fetchone()
    this_month = month == month_of(now)
    return LimitStatus(
        name=str(name),
        calls=int(str(calls)),
        seconds=int(str(window_ms)) / 1000,
        used=int(used),
        resting_seconds=max(0, int(str(resting_until_ms)) - now) / 1000,
        rests=int(str(rests)),
        month_calls=int(str(month_calls)) if this_month else 0,
    )


def month_of(moment_ms: int) -> str:
    """The month (UTC) of a time in ms since the epoch: "2026-11"."""
    return f"{datetime.fromtimestamp(moment_ms / 1000, timezone.utc):%Y-%m}"


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
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
