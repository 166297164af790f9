"""The books of a budget in a file: for all processes of one host.

What belongs here: the file, its tables and its lock.

The windows are pyrate-limiter's, in its SQLite bucket. Its bucket counts first and inserts after, in two transactions:
two processes could both count four calls and both make the fifth. Every look and every entry is therefore made under
one file lock, which the kernel lets go when its holder dies.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from leads_dagster.budget.books import (
    FUTURE_MS,
    KEPT,
    LOOK_AGAIN_MS,
    MARGIN_MS,
    ON_ITS_WAY_MS,
    PROBE_MS,
    TEXTS,
    Entry,
    LimitFacts,
    is_parked,
    longest_rest_ms,
    rest_left_ms,
    settings_of,
    waits_for_probe,
    window_ms,
)
from leads_dagster.budget.limits import Limit
from leads_dagster.budget.plans import HOUR, PACE_HOURS, month_of
from leads_dagster.errors import StoreBusyError, StoreError

if TYPE_CHECKING:
    from pyrate_limiter import SQLiteBucket

BUDGET_FILE = "budget.sqlite"
# A lock held longer than this belongs to a stopped process; nobody holds it for more than some milliseconds.
LOCK_TIMEOUT_SECONDS = 30.0

_LOCK_POLL_SECONDS = 0.002
_HOUR_MS = HOUR * 1000
# A power cut ends every window anyway, and each call is some small transactions.
_NO_SYNC = "PRAGMA synchronous=OFF"
_HOURS = """
CREATE TABLE IF NOT EXISTS hours (
    name TEXT NOT NULL, hour INTEGER NOT NULL, calls INTEGER NOT NULL, PRIMARY KEY (name, hour)) WITHOUT ROWID
"""
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
            _make_tables(self._connection)
            now = self._now()
            self._connection.execute("DELETE FROM hours WHERE hour < ?", (now // _HOUR_MS - PACE_HOURS,))
            self._buckets = [self._bucket(limit) for limit in self._limits if limit.calls]
            for bucket in self._buckets:
                self._forget(bucket, now)
            for limit in self._limits:
                self._enrol(limit, now)

    def _bucket(self, limit: Limit) -> SQLiteBucket:
        from pyrate_limiter import Rate, SQLiteBucket

        rate = Rate(limit.calls, window_ms(limit))
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
            wait = self._resting_ms(standing, now) or self._put_all(ticket, now)
            if wait:
                return Entry(wait_ms=wait)
            with self._transaction():
                self._move(ticket, now + ON_ITS_WAY_MS)
                self._count(now)
                if parked is not None:
                    self._set_probe(parked["name"], now)
            return Entry(began_ms=now, probing=parked is not None)

    def _standing(self) -> dict[str, dict[str, Any]]:
        columns = ("name", "resting_until_ms", "parked_until_ms", "parked_reason", "probe_at_ms")
        rows = self._connection.execute(
            f"SELECT {', '.join(columns)} FROM limits WHERE name IN ({', '.join('?' * len(self._limits))})",  # noqa: S608
            [limit.name for limit in self._limits],
        )
        return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}

    def _resting_ms(self, standing: Mapping[str, Mapping[str, Any]], now: int) -> int:
        return max(rest_left_ms(standing[limit.name]["resting_until_ms"], now, limit) for limit in self._limits)

    def _put_all(self, ticket: str, now: int) -> int:
        """Enters the call in every window, or in none; returns the ms to wait, 0 when entered."""
        from pyrate_limiter import RateItem

        for index, bucket in enumerate(self._buckets):
            item = RateItem(ticket, now)
            if not bucket.put(item):
                self._forget(bucket, now)
                for entered in self._buckets[:index]:
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

    def withdraw(self, ticket: str) -> None:
        """Takes back an entry whose call is not made."""
        with self._using(), self._transaction():
            for bucket in self._buckets:
                self._execute(bucket, "DELETE FROM {table} WHERE name = ?", ticket)

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
            return _facts(self._connection, self._now())

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


def read_file_books(home: Path, clock: Callable[[], float] = time.time) -> tuple[LimitFacts, ...]:
    """Every limit that was ever kept under this folder; empty when none was. Waits for nobody, changes nothing."""
    path = home / BUDGET_FILE
    if not path.exists():
        return ()
    with file_errors(path):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            return _facts(connection, int(clock() * 1000))
        finally:
            connection.close()


def _make_tables(connection: sqlite3.Connection) -> None:
    """The tables as they are now; a file of an earlier version gets what it lacks."""
    connection.execute("CREATE TABLE IF NOT EXISTS limits (name TEXT PRIMARY KEY)")
    connection.execute(_HOURS)
    known = {row[1] for row in connection.execute("PRAGMA table_info(limits)")}
    for column in KEPT:
        if column not in known:
            kind = "TEXT NOT NULL DEFAULT ''" if column in TEXTS else "NUMERIC NOT NULL DEFAULT 0"
            connection.execute(f"ALTER TABLE limits ADD COLUMN {column} {kind}")


def _facts(connection: sqlite3.Connection, now: int) -> tuple[LimitFacts, ...]:
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
