"""The minute's work on freshness: adding up, and finding out of which stores it can be said that they are up to date.

What belongs here: what makes a store up to date where nothing was written to it lately. Dagster is told by
`orchestration.freshness`.

A sheet that nobody edits is no reason to call the store stale, and a live system that stopped is. So the store is
vouched for while every sheet was looked at lately, and a mirror while, besides, no change waits for it for long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from leads_dagster.customers import CustomerSettings
from leads_dagster.settings import Settings
from leads_dagster.store import freshness
from leads_dagster.store.engine import open_engine, writing
from leads_dagster.store.freshness import TARGETS, Measured, RolledUp, Target
from leads_dagster.store.schema import ensure_schema
from leads_dagster.store.tables import sync_states, sync_status, watching

# A sheet that was not looked at for so long, or for three of its intervals, is not watched.
UNWATCHED = timedelta(minutes=3)
# A change that a mirror did not hear of for so long makes that mirror late.
LATE = timedelta(minutes=3)
_INTERVALS = 3
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Minute:
    """What the minute's work found.

    Attributes:
        rolled_up: what was added up and dropped.
        stale: target -> the customers of whom it cannot be said that it is up to date; the others are.
        customers: how many there are that are not paused.
        last_hour: what was measured, all customers together.
    """

    rolled_up: RolledUp
    stale: dict[Target, list[str]]
    customers: int
    last_hour: dict[Target, Measured] = field(repr=False)


def each_minute(settings: Settings, *, now: datetime) -> Minute:
    """Add up the minutes that are over, and find out which stores are up to date.

    Raises:
        StoreError, StoreBusyError: the lead database cannot be opened or written.
    """
    engine = open_engine(settings.database_url)
    try:
        ensure_schema(engine)
        with writing(engine) as connection:
            rolled_up = freshness.roll_up(connection, now=now, keep_days=settings.freshness_keep_days)
            at_work = _at_work(connection, settings)
            stale = {target: _stale(connection, target, at_work, now) for target in TARGETS}
            hour = freshness.over(connection, None, since=now - _HOUR, until=now + _HOUR)
        return Minute(rolled_up, stale, len(at_work), hour)
    finally:
        engine.dispose()


def _at_work(connection: Connection, settings: Settings) -> list[CustomerSettings]:
    paused = set(connection.execute(select(sync_states.c.customer).where(sync_states.c.paused)).scalars())
    return [one for one in settings.customers if one.name not in paused]


def _stale(connection: Connection, target: Target, at_work: Sequence[CustomerSettings], now: datetime) -> list[str]:
    having = [one for one in at_work if target != "airtable" or one.airtable is not None]
    found = _unwatched(connection, having, now)
    if target != "store":
        names = {one.name for one in having}
        found |= names & _waited_for(connection, target, now)
    return sorted(found)


def _unwatched(connection: Connection, customers: Sequence[CustomerSettings], now: datetime) -> set[str]:
    rows = connection.execute(select(watching.c.customer, watching.c.looked_at, watching.c.interval_seconds))
    known = {row.customer: row for row in rows}
    found = set()
    for one in customers:
        row = known.get(one.name)
        interval = one.interval_seconds if row is None else row.interval_seconds or one.interval_seconds
        allowed = max(UNWATCHED, _INTERVALS * timedelta(seconds=interval))
        if row is None or row.looked_at is None or row.looked_at < now - allowed:
            found.add(one.name)
    return found


def _waited_for(connection: Connection, mirror: str, now: datetime) -> set[str]:
    columns = sync_status.c
    query = select(columns.customer).where(
        columns.mirror == mirror, columns.status.in_(["pending", "failed"]), columns.seen_at < now - LATE
    )
    return set(connection.execute(query.group_by(columns.customer).having(func.count() > 0)).scalars())
