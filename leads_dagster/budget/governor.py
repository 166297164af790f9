"""Pacing: how many calls a service lets us make, kept by every thread and process on this host together.

What belongs here: windows, rests and counts of calls. Not: what the calls are, nor what to do about a refusal.

The windows are pyrate-limiter's, in its SQLite bucket under the state folder. Two things are ours, for these reasons:

- pyrate-limiter's bucket counts first and inserts after, in two transactions: two processes could both count four
  calls and both make the fifth. Every look and every entry is therefore made under one file lock, which the kernel
  lets go when its holder dies.
- Its `Limiter` waits by adding the wait to the call's old timestamp, so that a late wake-up is entered too early. We
  wait ourselves and enter the time at which the call is really made. A service counts arrivals, and a busy machine
  may send a call late: until its answer is there, a call keeps its place (`_take`); then the entry is moved by what
  the answer took beyond the quickest ones, for it may have arrived that much later (`_settle`). That costs next to
  nothing in pace.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from leads_dagster.budget.books import (
    BOOKS,
    BUDGET_FILE,
    LOCK_TIMEOUT_SECONDS,
    LimitStatus,
    budget_status,
    month_of,
    store_errors,
)

if TYPE_CHECKING:
    from pyrate_limiter import SQLiteBucket

REST_SECONDS = 30.0

# Above the service's own window: clocks are read in whole milliseconds at both ends.
_MARGIN_MS = 10
_LOCK_POLL_SECONDS = 0.002
# How long a call without an answer may still be on its way; one whose process died keeps its place no longer.
_ON_ITS_WAY_MS = 4_000
# Entries further ahead than this were made before the clock was set back.
_FUTURE_MS = 10_000
# How often to look again while all places are kept for calls on their way: their answers come any moment.
_LOOK_AGAIN_MS = 20
# A power cut ends every window anyway, and each call is five small transactions.
_NO_SYNC = "PRAGMA synchronous=OFF"
# Answers that are remembered, and how many of them tell what the quickest take.
_REMEMBERED = 50
_ENOUGH = 10


@dataclass(frozen=True, slots=True)
class Limit:
    """A service's limit: so many `calls` in any `seconds`, for all who share `name`."""

    name: str
    calls: int
    seconds: float = 1.0

    @property
    def slots(self) -> str:
        """The name of its table: letters and digits only, whatever the name."""
        return "slots_" + hashlib.sha256(self.name.encode()).hexdigest()[:16]


def airtable_limits(base_id: str, token: str) -> tuple[Limit, Limit]:
    """Airtable's limits, the base first: 5 requests a second a base, 50 a token over all bases.

    Source: airtable.com/developers/web/api/rate-limits
    """
    owner = hashlib.sha256(token.encode()).hexdigest()[:12]
    return Limit(f"airtable base {base_id}", 5), Limit(f"airtable token {owner}", 50)


class Budget:
    """Lets a call through when every limit has room and nobody has been refused lately.

    One instance a process; its threads may share it. The first limit is the one that rests after a refusal.

    Args:
        home: state folder; the file `budget.sqlite` in it is what processes share.
        limits: all of them must have room.
        clock: seconds since the epoch, the same in every process on the host.
        sleep: waits that many seconds.

    Raises:
        StoreError: the folder cannot be written.
        StoreBusyError: another process has held the file for too long.
    """

    def __init__(
        self,
        home: Path,
        limits: Sequence[Limit],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = tuple(limits)
        self._clock = clock
        self._sleep = sleep
        self._took_ms: deque[int] = deque(maxlen=_REMEMBERED)
        self._path = home / BUDGET_FILE
        with store_errors(self._path):
            self._open()

    def _open(self) -> None:
        from filelock import FileLock
        from pyrate_limiter import Rate, SQLiteBucket

        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        self._lock = FileLock(f"{self._path}.lock", timeout=LOCK_TIMEOUT_SECONDS, poll_interval=_LOCK_POLL_SECONDS)
        with self._lock:
            self._books = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            self._books.execute("PRAGMA journal_mode=WAL")
            self._books.execute(_NO_SYNC)
            self._books.execute(BOOKS)
            self._buckets: list[SQLiteBucket] = []
            for limit in self._limits:
                self._enrol(limit)
                rate = Rate(limit.calls, _window_ms(limit))
                bucket = SQLiteBucket.init_from_file([rate], table=limit.slots, db_path=str(self._path))
                bucket.conn.execute(_NO_SYNC)
                bucket.lock = self._lock  # type: ignore[assignment]  # annotated RLock, used as a context manager
                self._buckets.append(bucket)
                self._forget(bucket, self._now())

    def _enrol(self, limit: Limit) -> None:
        self._books.execute(
            "INSERT INTO limits (name, slots, calls, window_ms) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET calls = excluded.calls, window_ms = excluded.window_ms",
            (limit.name, limit.slots, limit.calls, int(limit.seconds * 1000)),
        )

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Waits for room in every limit, then runs the body as one call.

        Raises:
            StoreError, StoreBusyError: the shared file cannot be used; no call is made unpaced.
        """
        ticket = uuid.uuid4().hex
        with store_errors(self._path):
            began = self._take(ticket)
        try:
            yield
        finally:
            with store_errors(self._path):
                self._settle(ticket, began)

    def _take(self, ticket: str) -> int:
        """The time in ms at which the call may be and is made."""
        while True:
            with self._lock:
                now = self._now()
                wait = self._resting_ms(now) or self._put_all(ticket, now)
                if wait == 0:
                    self._move(ticket, now + _ON_ITS_WAY_MS)
                    self._count(now)
                    return now
            self._sleep(wait / 1000)

    def _put_all(self, ticket: str, now: int) -> int:
        """Enters the call in every limit, or in none; returns the ms to wait, 0 when entered."""
        from pyrate_limiter import RateItem

        for index, bucket in enumerate(self._buckets):
            item = RateItem(ticket, now)
            if not bucket.put(item):
                self._forget(bucket, now)
                for entered in self._buckets[:index]:
                    _execute(entered, "DELETE FROM {table} WHERE name = ?", ticket)
                wait = cast(int, bucket.waiting(item))
                return max(1, wait) if wait <= bucket.rates[0].interval else _LOOK_AGAIN_MS
        return 0

    def _forget(self, bucket: SQLiteBucket, now: int) -> None:
        """Drops what no longer counts; called when there is no room and, for a slow trickle, on opening."""
        bucket.leak(now)
        _execute(bucket, "DELETE FROM {table} WHERE item_timestamp > ?", now + _FUTURE_MS)

    def _settle(self, ticket: str, began: int) -> None:
        """Enters the call at the time at which it can have arrived at the latest, as far as that is known."""
        with self._lock:
            took = self._now() - began
            self._took_ms.append(took)
            # What the quickest answers take, every answer takes; until some are known, all of it may be the way there.
            least = min(self._took_ms) if len(self._took_ms) >= _ENOUGH else 0
            self._move(ticket, began + took - least)

    def _move(self, ticket: str, moment: int) -> None:
        for bucket in self._buckets:
            _execute(bucket, "UPDATE {table} SET item_timestamp = ? WHERE name = ?", moment, ticket)

    def rest(self, seconds: float = REST_SECONDS) -> None:
        """A call was refused: nobody calls for so long, in any process on this host."""
        with store_errors(self._path), self._lock:
            self._books.execute(
                "UPDATE limits SET resting_until_ms = max(resting_until_ms, ?), rests = rests + 1 WHERE name = ?",
                (self._now() + int(seconds * 1000) + _MARGIN_MS, self._limits[0].name),
            )

    def _resting_ms(self, now: int) -> int:
        query = "SELECT resting_until_ms FROM limits WHERE name = ?"
        (until,) = self._books.execute(query, (self._limits[0].name,)).fetchone()
        left = int(until) - now
        return left if 0 < left <= 2 * REST_SECONDS * 1000 else 0  # longer: the clock was set back since

    def _count(self, now: int) -> None:
        month = month_of(now)
        for limit in self._limits:
            self._books.execute(
                "UPDATE limits SET month_calls = CASE month WHEN ? THEN month_calls + 1 ELSE 1 END, month = ?"
                " WHERE name = ?",
                (month, month, limit.name),
            )

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def status(self) -> tuple[LimitStatus, ...]:
        """How much of each of this budget's limits is used now."""
        names = {limit.name for limit in self._limits}
        everyone = budget_status(self._path.parent, clock=self._clock)
        return tuple(status for status in everyone if status.name in names)

    def close(self) -> None:
        """Lets go of the file."""
        self._books.close()
        for bucket in self._buckets:
            bucket.conn.close()

    def __enter__(self) -> Budget:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _window_ms(limit: Limit) -> int:
    return int(limit.seconds * 1000) + _MARGIN_MS


def _execute(bucket: SQLiteBucket, statement: str, *values: object) -> None:
    """Runs a statement on a bucket's table; for what pyrate-limiter has no call for. Under the lock only."""
    bucket.conn.execute(statement.format(table=bucket.table), values)
    bucket.conn.commit()
