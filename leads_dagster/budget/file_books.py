"""The books of a budget in a file: for all processes of one host.

What belongs here: entering into the file, under its lock. Its tables are `file_tables`.

The windows are pyrate-limiter's, in its SQLite bucket. Its bucket counts first and inserts after, in two transactions:
two processes could both count four calls and both make the fifth. Every look and every entry is therefore made under
one file lock, which the kernel lets go when its holder dies.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from leads_dagster.budget.books import (
    FUTURE_MS,
    LOOK_AGAIN_MS,
    MARGIN_MS,
    ON_ITS_WAY_MS,
    PROBE_MS,
    Entry,
    LimitFacts,
    is_parked,
    longest_rest_ms,
    rest_left_ms,
    settings_of,
    waits_for_probe,
    window_ms,
)
from leads_dagster.budget.file_tables import BUDGET_FILE, LOCK_TIMEOUT_SECONDS, all_facts, file_errors, make_tables
from leads_dagster.budget.limits import Limit
from leads_dagster.budget.plans import HOUR, PACE_HOURS, month_of

if TYPE_CHECKING:
    from pyrate_limiter import SQLiteBucket

_LOCK_POLL_SECONDS = 0.002
_HOUR_MS = HOUR * 1000
# A power cut ends every window anyway, and each call is some small transactions.
_NO_SYNC = "PRAGMA synchronous=OFF"
_STANDING = (
    "name", "resting_until_ms", "parked_until_ms", "parked_reason", "probe_at_ms", "month", "month_calls",
    "month_limit",
)  # fmt: skip
_COUNT = """
UPDATE limits SET
    month_pulls = CASE month WHEN :month THEN month_pulls ELSE 0 END,
    month_since_ms = CASE month WHEN :month THEN month_since_ms ELSE :now END,
    month_calls = CASE month WHEN :month THEN month_calls + 1 ELSE 1 END,
    month = :month
WHERE name = :name
"""
_COUNT_HOUR = """
INSERT INTO hours (name, hour, calls) VALUES (:name, :hour, 1) ON CONFLICT (name, hour) DO UPDATE SET calls = calls + 1
"""
# The call itself is counted when it is made; here, that it will be one that looks.
_COUNT_PULL = """
UPDATE limits SET
    month_calls = CASE month WHEN :month THEN month_calls ELSE 0 END,
    month_since_ms = CASE month WHEN :month THEN month_since_ms ELSE :now END,
    month_pulls = CASE month WHEN :month THEN month_pulls + 1 ELSE 1 END,
    month = :month
WHERE name = :name
"""


class FileBooks:
    """Books in the file `budget.sqlite` of a folder; see `books.Books`.

    Args:
        home: state folder.
        limits: those that calls are entered in.
        clock: seconds since the epoch, the same in every process on the host.
    """

    def __init__(self, home: Path, limits: Sequence[Limit], clock: Callable[[], float] = time.time) -> None:
        self._path = home / BUDGET_FILE
        self._limits = tuple(limits)
        self._clock = clock
        with file_errors(self._path):
            self._open()

    def _open(self) -> None:
        from filelock import FileLock

        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        self._lock = FileLock(f"{self._path}.lock", timeout=LOCK_TIMEOUT_SECONDS, poll_interval=_LOCK_POLL_SECONDS)
        with self._lock:
            self._connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute(_NO_SYNC)
            make_tables(self._connection)
            now = self._now()
            self._connection.execute("DELETE FROM hours WHERE hour < ?", (now // _HOUR_MS - PACE_HOURS,))
            windows = [limit for limit in self._limits if limit.calls]
            self._buckets = [self._bucket(limit, limit.calls) for limit in windows]
            self._slow_buckets = [self._bucket(limit, limit.calls_when_spent or limit.calls) for limit in windows]
            for bucket in self._buckets:
                self._forget(bucket, now)
            for limit in self._limits:
                self._enrol(limit, now)

    def _bucket(self, limit: Limit, calls: int) -> SQLiteBucket:
        from pyrate_limiter import Rate, SQLiteBucket

        rate = Rate(calls, window_ms(limit))
        bucket = SQLiteBucket.init_from_file([rate], table=limit.slots, db_path=str(self._path))
        bucket.conn.close()  # of its own; one connection for all lets what belongs together be one transaction
        bucket.conn = self._connection
        bucket.lock = self._lock  # type: ignore[assignment]  # annotated RLock, used as a context manager
        return bucket

    def _enrol(self, limit: Limit, now: int) -> None:
        settings = settings_of(limit)
        changed = ", ".join(f"{name} = excluded.{name}" for name in settings if name != "name")
        names = ", ".join([*settings, "since_ms"])
        self._connection.execute(
            f"INSERT INTO limits ({names}) VALUES ({', '.join('?' * (len(settings) + 1))})"  # noqa: S608 - our names
            f" ON CONFLICT (name) DO UPDATE SET {changed}",
            (*settings.values(), now),
        )

    def enter(self, ticket: str) -> Entry:
        """Enters a call in every limit, or in none."""
        with self._using():
            now = self._now()
            standing = self._standing()
            parked = next((row for row in standing.values() if is_parked(row["parked_until_ms"], now)), None)
            if parked is not None and waits_for_probe(parked["probe_at_ms"], now):
                return Entry(parked_until_ms=parked["parked_until_ms"], reason=parked["parked_reason"])
            buckets = self._slow_buckets if _is_spent(standing.values(), now) else self._buckets
            wait = self._resting_ms(standing, now) or self._put_all(ticket, now, buckets)
            if wait:
                return Entry(wait_ms=wait)
            with self._transaction():
                self._move(ticket, now + ON_ITS_WAY_MS)
                self._count(now)
                if parked is not None:
                    self._set_probe(parked["name"], now)
            return Entry(began_ms=now, probing=parked is not None)

    def _standing(self) -> dict[str, dict[str, Any]]:
        rows = self._connection.execute(
            f"SELECT {', '.join(_STANDING)} FROM limits WHERE name IN ({', '.join('?' * len(self._limits))})",  # noqa: S608
            [limit.name for limit in self._limits],
        )
        return {row[0]: dict(zip(_STANDING, row, strict=True)) for row in rows}

    def _resting_ms(self, standing: Mapping[str, Mapping[str, Any]], now: int) -> int:
        return max(rest_left_ms(standing[limit.name]["resting_until_ms"], now, limit) for limit in self._limits)

    def _put_all(self, ticket: str, now: int, buckets: Sequence[SQLiteBucket]) -> int:
        """Enters the call in every window, or in none; returns the ms to wait, 0 when entered."""
        from pyrate_limiter import RateItem

        for index, bucket in enumerate(buckets):
            item = RateItem(ticket, now)
            if not bucket.put(item):
                self._forget(bucket, now)
                for entered in buckets[:index]:
                    self._execute(entered, "DELETE FROM {table} WHERE name = ?", ticket)
                wait = cast(int, bucket.waiting(item))
                return max(1, wait) if wait <= bucket.rates[0].interval else LOOK_AGAIN_MS
        return 0

    def _forget(self, bucket: SQLiteBucket, now: int) -> None:
        """Drops what no longer counts; called when there is no room and, for a slow trickle, on opening."""
        bucket.leak(now)
        self._execute(bucket, "DELETE FROM {table} WHERE item_timestamp > ?", now + FUTURE_MS)

    def _move(self, ticket: str, moment: int) -> None:
        for bucket in self._buckets:
            self._execute(bucket, "UPDATE {table} SET item_timestamp = ? WHERE name = ?", moment, ticket)

    def _count(self, now: int) -> None:
        for limit in self._limits:
            facts = {**self._month(now), "name": limit.name, "hour": now // _HOUR_MS}
            self._connection.execute(_COUNT, facts)
            self._connection.execute(_COUNT_HOUR, facts)

    @staticmethod
    def _month(now: int) -> dict[str, Any]:
        return {"month": month_of(now / 1000), "now": now}

    def _execute(self, bucket: SQLiteBucket, statement: str, *values: object) -> None:
        """Runs a statement on a bucket's table; for what pyrate-limiter has no call for. Under the lock only."""
        self._connection.execute(statement.format(table=bucket.table), values)

    def settle(self, ticket: str, began_ms: int, least_ms: int) -> int:
        """Moves a call to the time at which it can have arrived at the latest; returns the ms it took."""
        with self._using(), self._transaction():
            took = max(0, self._now() - began_ms)
            self._move(ticket, began_ms + took - min(least_ms, took))
            return took

    def rest(self, limit: Limit, seconds: float) -> None:
        """Nobody calls for so long."""
        with self._using():
            rest_ms = min(int(seconds * 1000) + MARGIN_MS, longest_rest_ms(limit))
            self._connection.execute(
                "UPDATE limits SET resting_until_ms = max(resting_until_ms, ?), rests = rests + 1 WHERE name = ?",
                (self._now() + rest_ms, limit.name),
            )

    def park(self, name: str, until_ms: int, reason: str) -> bool:
        """Lets nothing through until then but probes; returns whether that is new."""
        with self._using():
            now = self._now()
            (before,) = self._connection.execute(
                "SELECT parked_until_ms FROM limits WHERE name = ?", (name,)
            ).fetchone()
            self._connection.execute(
                "UPDATE limits SET parked_until_ms = ?, parked_reason = ?, probe_at_ms = ? WHERE name = ?",
                (until_ms, reason, now + PROBE_MS, name),
            )
            return not is_parked(before, now)

    def unpark(self, names: tuple[str, ...]) -> None:
        """Ends every park of these limits."""
        with self._using(), self._transaction():
            for name in names:
                self._connection.execute(
                    "UPDATE limits SET parked_until_ms = 0, parked_reason = '', probe_at_ms = 0 WHERE name = ?", (name,)
                )

    def _set_probe(self, name: str, now: int) -> None:
        self._connection.execute("UPDATE limits SET probe_at_ms = ? WHERE name = ?", (now + PROBE_MS, name))

    def claim_pull(self, name: str, account: str, *, last_ms: int) -> bool:
        """Enters a look for edits, if the last one is still `last_ms`; returns whether it was."""
        with self._using(), self._transaction():
            now = self._now()
            claimed = self._connection.execute(
                "UPDATE limits SET last_pull_ms = ? WHERE name = ? AND last_pull_ms = ?", (now, name, last_ms)
            )
            if claimed.rowcount == 0:
                return False
            for one in dict.fromkeys((name, account)):
                self._connection.execute(_COUNT_PULL, {**self._month(now), "name": one})
            return True

    def note_pull(self, name: str) -> None:
        """Enters that somebody looked as a part of something else."""
        with self._using():
            self._connection.execute("UPDATE limits SET last_pull_ms = ? WHERE name = ?", (self._now(), name))

    def facts(self) -> tuple[LimitFacts, ...]:
        """Every limit in these books, by name."""
        with self._using():
            return all_facts(self._connection, self._now())

    def _now(self) -> int:
        return int(self._clock() * 1000)

    @contextmanager
    def _using(self) -> Iterator[None]:
        with file_errors(self._path), self._lock:
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()


def _is_spent(standing: Iterable[Mapping[str, Any]], now: int) -> bool:
    """Whether any month's calls are used up by our own count."""
    month = month_of(now / 1000)
    return any(0 < row["month_limit"] <= row["month_calls"] and row["month"] == month for row in standing)
