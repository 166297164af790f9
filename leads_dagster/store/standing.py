"""How many customers stand, for one query a question: what the status of all of them is made of.

What belongs here: reading for many customers at once what other modules read for one. A question that costs by the
customer is asked of those only of whom there is something to tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, select

from leads_dagster.store import freshness, ledger, outbox_marks, review_rows
from leads_dagster.store.freshness import Measured, Target
from leads_dagster.store.hold_rows import STANDING
from leads_dagster.store.ledger import RowCounts, SourceState
from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import (
    conflicts,
    holds,
    leads,
    matches,
    quarantine,
    source_records,
    sync_runs,
    sync_status,
    watching,
)

_HOUR = timedelta(hours=1)
_REFUSED_SHOWN = 10
# So many names in one statement: the least that a SQLite takes is 999.
_AT_ONCE = 900


@dataclass(frozen=True)
class Standing:
    """How one customer stands.

    Attributes:
        state: its row of `sync_states`, empty where it never synced.
        source: the configured one, or where that was never read the one that was read last; without the sheet's order.
        counts: of a cycle in which nothing would have changed.
        held_because: parked and undone -> rows.
        leads: active ones.
        watching: its row of `watching`.
        last_run: the newest line of the ledger.
        quarantine: code -> rows.
        holds: those that stand. holds_open: those that wait for a person. reviews, conflicts: those that wait.
        outbox: mirror -> status -> leads. refused: the worst marks, ten at most.
        fresh: target -> what the last hour's changes took.
    """

    state: Mapping[str, Any]
    source: SourceState
    counts: RowCounts
    held_because: Mapping[str, int]
    leads: int
    watching: Mapping[str, Any]
    last_run: Mapping[str, Any] | None
    quarantine: Mapping[str, int]
    holds: int
    holds_open: int
    reviews: int
    conflicts: int
    outbox: Mapping[str, Mapping[str, int]]
    refused: Sequence[Mapping[str, Any]]
    fresh: Mapping[Target, Measured]


def standing_of(connection: Connection, sources: Mapping[str, str], *, now: datetime) -> dict[str, Standing]:
    """How customers stand.

    Args:
        sources: customer -> the source that it is configured with.
        now: aware UTC.

    Returns:
        Customer -> how it stands, for each of them.
    """
    found: dict[str, Standing] = {}
    for names in chunks(list(sources), _AT_ONCE):
        found.update(_part(connection, names, sources, now))
    return found


def _part(
    connection: Connection, names: Sequence[str], configured: Mapping[str, str], now: datetime
) -> dict[str, Standing]:
    states = ledger.customer_states(connection, names)
    sources = ledger.sources_to_speak_of(connection, {name: configured[name] for name in names})
    quarantined = _grouped(connection, names, quarantine, quarantine.c.source, quarantine.c.code)
    undone = _grouped(
        connection, names, source_records, source_records.c.source, where=source_records.c.state == "held"
    )
    active = _grouped(connection, names, leads, where=leads.c.archived_at.is_(None) & leads.c.merged_into.is_(None))
    parked = _grouped(connection, names, holds, holds.c.status, where=holds.c.status.in_(STANDING))
    differing = _grouped(connection, names, conflicts, where=conflicts.c.status == "open")
    outbox = _grouped(connection, names, sync_status, sync_status.c.mirror, sync_status.c.status)
    reviews, refused = reviews_waiting(connection, names), _refused(connection, names)
    runs, rows = _last_runs(connection, names), _watching(connection, names)
    fresh = freshness.over_each(connection, names, since=now - _HOUR, until=now + _HOUR)
    return {
        name: Standing(
            state=states.get(name, {}),
            source=sources[name],
            **_counts(connection, sources[name], quarantined.get(name, {}), undone.get(name, {})),
            leads=_sum(active.get(name, {})),
            watching=rows.get(name, {}),
            last_run=runs.get(name),
            quarantine=_by_last(quarantined.get(name, {})),
            holds=_sum(parked.get(name, {})),
            holds_open=parked.get(name, {}).get(("open",), 0),
            reviews=reviews.get(name, 0),
            conflicts=_sum(differing.get(name, {})),
            outbox=_nested(outbox.get(name, {})),
            refused=refused.get(name, ()),
            fresh=fresh.get(name, {}),
        )
        for name in names
    }


Grouped = Mapping[tuple[Any, ...], int]


def _grouped(
    connection: Connection, names: Sequence[str], table: Any, *columns: Any, where: Any = True
) -> dict[str, dict[tuple[Any, ...], int]]:
    """Customer -> values of the columns -> how many rows."""
    query = select(table.c.customer, *columns, func.count()).where(table.c.customer.in_(names), where)
    found: dict[str, dict[tuple[Any, ...], int]] = {}
    for name, *values, number in connection.execute(query.group_by(table.c.customer, *columns)):
        found.setdefault(name, {})[tuple(values)] = number
    return found


def _sum(grouped: Grouped) -> int:
    return sum(grouped.values())


def _by_last(grouped: Grouped) -> dict[Any, int]:
    """The last column's values, in order -> how many rows."""
    found: dict[Any, int] = {}
    for key in sorted(grouped, key=lambda one: str(one[-1])):
        found[key[-1]] = found.get(key[-1], 0) + grouped[key]
    return found


def _nested(grouped: Grouped) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (mirror, status), number in grouped.items():
        found.setdefault(mirror, {})[status] = number
    return found


def _counts(connection: Connection, source: SourceState, quarantined: Grouped, undone: Grouped) -> dict[str, Any]:
    """Where the rows stand, and why rows are held; rows that the guard parked are looked for one by one."""
    if source.held_rows:
        because = ledger.held_because(connection, source)
        return {"counts": ledger.standing_counts(connection, source), "held_because": because}
    here = sum(number for (named, _), number in quarantined.items() if named == source.source)
    back, read = undone.get((source.source,), 0), source.read_rows
    counts = RowCounts(read=read, unchanged=read - here - back, quarantined=here, held=back)
    return {"counts": counts, "held_because": {"parked": 0, "undone": back}}


def reviews_waiting(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """Customer -> how many reviews wait; without those of whom no pair was ever in doubt."""
    asked = select(matches.c.customer).where(matches.c.customer.in_(names), matches.c.outcome == "review").distinct()
    return {name: review_rows.count_waiting(connection, name) for name in _names(connection, asked)}


def _refused(connection: Connection, names: Sequence[str]) -> dict[str, Sequence[Mapping[str, Any]]]:
    troubled = select(sync_status.c.customer).where(sync_status.c.customer.in_(names), outbox_marks.TROUBLE).distinct()
    return {
        name: outbox_marks.listed(connection, name, waiting=False, limit=_REFUSED_SHOWN)
        for name in _names(connection, troubled)
    }


def _names(connection: Connection, query: Select[Any]) -> list[str]:
    return list(connection.execute(query).scalars())


def _last_runs(connection: Connection, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    columns = sync_runs.c
    newest = (
        select(columns.customer.label("whose"), func.max(columns.started_at).label("newest"))
        .where(columns.customer.in_(names))
        .group_by(columns.customer)
        .subquery()
    )
    query = select(sync_runs).join(
        newest, (columns.customer == newest.c.whose) & (columns.started_at == newest.c.newest)
    )
    return {row.customer: dict(row._mapping) for row in connection.execute(query)}


def _watching(connection: Connection, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    query = select(watching).where(watching.c.customer.in_(names))
    return {row.customer: dict(row._mapping) for row in connection.execute(query)}
