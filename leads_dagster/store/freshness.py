"""How long changes took to stand in the store and in the mirrors: measured lines, and the same by the minute.

What belongs here: `freshness` and `freshness_minutes`. When a change was first seen is known by whoever stored or sent
it; they write the line in the transaction that books it.

Lines are kept for a day and minutes for as long as the settings say. A roll-up counts a minute anew from its lines, so
that doing it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, select

from leads_dagster.store.buckets import Histogram, bucket_of
from leads_dagster.store.statements import bulk_insert, upsert
from leads_dagster.store.tables import freshness, freshness_minutes

Target = Literal["store", "crm", "airtable"]
TARGETS: tuple[Target, ...] = ("store", "crm", "airtable")
LINES_KEPT = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
# A line is dated before its transaction commits: minutes that were rolled up lately are counted again.
_LATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Wait:
    """Rows that took as long: seconds since their change was first seen, and since it was made where that is known."""

    rows: int
    seconds: float
    made_seconds: float | None = None


@dataclass(slots=True)
class Measured:
    """What was measured of one target.

    Attributes:
        seen: rows by seconds since their change was first seen.
        made: the same since it was made; only rows of which that is known.
        worst: the longest since first seen, in seconds, exactly.
    """

    seen: Histogram = field(default_factory=Histogram)
    made: Histogram = field(default_factory=Histogram)
    worst: float = 0.0

    def count(self, wait: Wait) -> None:
        """Count the rows of one line."""
        self.seen.count(wait.seconds, wait.rows)
        if wait.made_seconds is not None:
            self.made.count(wait.made_seconds, wait.rows)
        self.worst = max(self.worst, wait.seconds)

    def add(self, other: Measured) -> None:
        """Add what was measured elsewhere or at another time."""
        self.seen.add(other.seen)
        self.made.add(other.made)
        self.worst = max(self.worst, other.worst)

    def percentile(self, share: float) -> float | None:
        """Of the seconds since first seen; never more than the worst."""
        found = self.seen.percentile(share)
        return None if found is None else min(found, self.worst)


def write(
    connection: Connection, customer: str, target: Target, run_id: str, waits: Iterable[Wait], *, at: datetime
) -> None:
    """Write lines, those that fall into the same buckets as one; in the transaction that stores or books the rows."""
    alike: dict[tuple[int, int | None], Wait] = {}
    for one in waits:
        key = (bucket_of(one.seconds), None if one.made_seconds is None else bucket_of(one.made_seconds))
        before = alike.get(key)
        alike[key] = one if before is None else _longer(before, one)
    common = {"customer": customer, "target": target, "run_id": run_id, "at": at}
    rows = [
        {**common, "rows": one.rows, "seconds": one.seconds, "made_seconds": one.made_seconds} for one in alike.values()
    ]
    if rows:
        bulk_insert(connection, freshness, rows)


def _longer(one: Wait, other: Wait) -> Wait:
    longest = max(one, other, key=lambda wait: wait.seconds)
    return Wait(one.rows + other.rows, longest.seconds, longest.made_seconds)


def over(
    connection: Connection,
    customer: str | None,
    *,
    since: datetime,
    until: datetime,
    targets: Sequence[Target] = TARGETS,
) -> dict[Target, Measured]:
    """What was measured in a span, for each of the targets; of all customers together where none is named.

    The minute that `since` lies in is counted whole where its lines are gone.
    """
    names = None if customer is None else [customer]
    found = {target: Measured() for target in targets}
    for each in over_each(connection, names, since=since, until=until, targets=targets).values():
        for target, measured in each.items():
            found[target].add(measured)
    return found


def over_each(
    connection: Connection,
    customers: Sequence[str] | None,
    *,
    since: datetime,
    until: datetime,
    targets: Sequence[Target] = TARGETS,
) -> dict[str, dict[Target, Measured]]:
    """As `over`, for each of these customers, or of all; without those of whom nothing was measured."""
    rolled = _rolled_until(connection)
    first = _minute(since)
    start = first if first == since or since < until - LINES_KEPT else first + _MINUTE
    found: dict[str, dict[Target, Measured]] = {}
    if rolled is not None:
        _add_minutes(found, connection, customers, targets, (start, min(rolled, until)))
    if start > since:
        _add_lines(found, connection, customers, targets, (since, min(start, until)))
    begin = max(start, rolled) if rolled is not None else start
    _add_lines(found, connection, customers, targets, (begin, until))
    return found


def _rolled_until(connection: Connection) -> datetime | None:
    newest = connection.execute(select(func.max(freshness_minutes.c.minute_at))).scalar()
    return None if newest is None else newest + _MINUTE


Each = dict[str, dict[Target, Measured]]


def _add_minutes(
    found: Each,
    connection: Connection,
    customers: Sequence[str] | None,
    targets: Sequence[Target],
    span: tuple[datetime, datetime],
) -> None:
    columns = freshness_minutes.c
    query = select(
        columns.customer, columns.target, columns.buckets, columns.made_buckets, columns.worst_seconds
    ).where(columns.target.in_(targets), columns.minute_at >= span[0], columns.minute_at < span[1])
    if customers is not None:
        query = query.where(columns.customer.in_(customers))
    for row in connection.execute(query):
        measured = found.setdefault(row.customer, {}).setdefault(row.target, Measured())
        measured.seen.add_document(row.buckets)
        measured.made.add_document(row.made_buckets)
        measured.worst = max(measured.worst, row.worst_seconds)


def _add_lines(
    found: Each,
    connection: Connection,
    customers: Sequence[str] | None,
    targets: Sequence[Target],
    span: tuple[datetime, datetime],
) -> None:
    columns = freshness.c
    query = select(columns.customer, columns.target, columns.rows, columns.seconds, columns.made_seconds).where(
        columns.target.in_(targets), columns.at >= span[0], columns.at < span[1]
    )
    if customers is not None:
        query = query.where(columns.customer.in_(customers))
    for row in connection.execute(query):
        measured = found.setdefault(row.customer, {}).setdefault(row.target, Measured())
        measured.count(Wait(row.rows, row.seconds, row.made_seconds))


@dataclass(frozen=True, slots=True)
class RolledUp:
    """What a roll-up did: minutes written (a customer and target each), lines and minutes dropped."""

    minutes: int
    lines_dropped: int
    minutes_dropped: int


def roll_up(connection: Connection, *, now: datetime, keep_days: float) -> RolledUp:
    """Add up the minutes that are over, of all customers, and drop what is old; in the caller's transaction.

    Args:
        now: aware UTC.
        keep_days: how long minutes are kept.
    """
    rolled = _rolled_until(connection)
    until = _minute(now)
    since = None if rolled is None else min(rolled, until) - _LATE
    minutes = _added_up(connection, since, until)
    upsert(connection, freshness_minutes, [_minute_row(*key, one) for key, one in minutes.items()])
    # Whole minutes, so that no minute is ever counted again from half its lines.
    old_lines = delete(freshness).where(freshness.c.at < _minute(now - LINES_KEPT))
    old_minutes = delete(freshness_minutes).where(freshness_minutes.c.minute_at < now - timedelta(days=keep_days))
    dropped = connection.execute(old_lines).rowcount
    return RolledUp(len(minutes), dropped, connection.execute(old_minutes).rowcount)


def _added_up(
    connection: Connection, since: datetime | None, until: datetime
) -> dict[tuple[str, str, datetime], Measured]:
    columns = freshness.c
    query = select(columns.customer, columns.target, columns.at, columns.rows, columns.seconds, columns.made_seconds)
    query = query.where(columns.at < until)
    if since is not None:
        query = query.where(columns.at >= since)
    found: dict[tuple[str, str, datetime], Measured] = {}
    for row in connection.execute(query):
        key = (row.customer, row.target, _minute(row.at))
        found.setdefault(key, Measured()).count(Wait(row.rows, row.seconds, row.made_seconds))
    return found


def _minute_row(customer: str, target: str, minute: datetime, measured: Measured) -> dict[str, Any]:
    return {
        "customer": customer,
        "target": target,
        "minute_at": minute,
        "rows": measured.seen.rows,
        "buckets": measured.seen.as_document(),
        "made_buckets": measured.made.as_document(),
        "worst_seconds": measured.worst,
    }


def longest_of_run(connection: Connection, customer: str, run_id: str, *, since: datetime) -> float | None:
    """The longest that a change took from first seen to the store in a run, in seconds; None where it stored none.

    Args:
        since: before the run stored anything; lines are found by their time.
    """
    columns = freshness.c
    query = select(func.max(columns.seconds)).where(
        columns.customer == customer, columns.at >= since, columns.run_id == run_id, columns.target == "store"
    )
    found = connection.execute(query).scalar()
    return None if found is None else float(found)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
