"""What the live system keeps of each customer: how often it looks and why, what failed, what was asked for.

What belongs here: table `watching`, whether a customer is paused, and, for all customers at once, the few facts that
tell whether a cycle may be due. What to make of them is `pipeline.watching`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from leads_dagster.store.statements import chunks, upsert
from leads_dagster.store.tables import holds, source_states, sync_states, sync_status, watching


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says of one customer, as far as it can be had for all customers in a few small queries.

    Attributes:
        paused: nobody shall ask for its cycles. reason: why, as far as somebody said.
        fingerprints: source -> fingerprint of the last closed ledger.
        cycles: what moves with each of its cycles: the last run, how many failed, whether one is at work.
        marks: marks of the outbox that wait, whether or not it is their time.
        next_mark_at: when the first of them may be tried; None where at once, or where there is none.
        approved: plans that a person approved.
        failures, retry_at, triggered_at: columns of `watching`.
    """

    paused: bool = False
    reason: str = ""
    fingerprints: Mapping[str, str | None] = field(default_factory=dict)
    cycles: tuple[Any, ...] = ()
    marks: int = 0
    next_mark_at: datetime | None = None
    approved: int = 0
    failures: int = 0
    retry_at: datetime | None = None
    triggered_at: datetime | None = None


def standings(connection: Connection, customers: Sequence[str]) -> dict[str, Standing]:
    """Customer -> what the database says of it; customers without any row are there, too."""
    found: dict[str, dict[str, Any]] = {name: {} for name in customers}
    for part in chunks(customers, 5000):
        _add_states(connection, part, found)
        _add_ledgers(connection, part, found)
        _add_marks(connection, part, found)
        _add_plans(connection, part, found)
    return {name: Standing(**facts) for name, facts in found.items()}


def _add_states(connection: Connection, names: Sequence[str], found: dict[str, dict[str, Any]]) -> None:
    state = sync_states.c
    query = select(state.customer, state.paused, state.running, state.last_run_id, state.error_count)
    for row in connection.execute(query.where(state.customer.in_(names))):
        found[row.customer].update(paused=row.paused, cycles=(row.running, row.last_run_id, row.error_count))
    columns = watching.c
    told = select(columns.customer, columns.reason, columns.failures, columns.retry_at, columns.triggered_at)
    for row in connection.execute(told.where(columns.customer.in_(names))):
        found[row.customer].update({name: value for name, value in row._mapping.items() if name != "customer"})


def _add_ledgers(connection: Connection, names: Sequence[str], found: dict[str, dict[str, Any]]) -> None:
    # Nothing that stands behind the sheet's order: SQLite would read through megabytes to get there.
    columns = source_states.c
    query = select(columns.customer, columns.source, columns.fingerprint).where(columns.customer.in_(names))
    for row in connection.execute(query):
        found[row.customer].setdefault("fingerprints", {})[row.source] = row.fingerprint


def _add_marks(connection: Connection, names: Sequence[str], found: dict[str, dict[str, Any]]) -> None:
    columns = sync_status.c
    waiting = (
        columns.customer.in_(names),
        columns.mirror.in_(["airtable", "crm"]),
        columns.status.in_(["pending", "failed"]),
    )
    at_once = func.count().filter(columns.next_attempt_at.is_(None))
    query = select(
        columns.customer, func.count().label("marks"), func.min(columns.next_attempt_at).label("next"), at_once
    )
    for customer, marks, following, now in connection.execute(query.where(*waiting).group_by(columns.customer)):
        found[customer].update(marks=marks, next_mark_at=None if now else following)


def _add_plans(connection: Connection, names: Sequence[str], found: dict[str, dict[str, Any]]) -> None:
    query = select(holds.c.customer, func.count()).where(holds.c.customer.in_(names), holds.c.status == "approved")
    for customer, number in connection.execute(query.group_by(holds.c.customer)):
        found[customer]["approved"] = number


def watched(connection: Connection, customer: str) -> Row[Any] | None:
    """The customer's row of `watching`."""
    return connection.execute(select(watching).where(watching.c.customer == customer)).one_or_none()


def is_paused(connection: Connection, customer: str) -> bool:
    """Whether somebody paused this customer."""
    return bool(connection.execute(select(sync_states.c.paused).where(sync_states.c.customer == customer)).scalar())


def set_paused(connection: Connection, customer: str, *, paused: bool, reason: str, at: datetime) -> None:
    """Pause a customer or let it go on; the reason is shown until then."""
    upsert(connection, sync_states, [{"customer": customer, "paused": paused}])
    upsert(connection, watching, [{"customer": customer, "reason": reason, "changed_at": at}])


def note_pace(connection: Connection, customer: str, *, seconds: float | None, reason: str, at: datetime) -> None:
    """How often a customer is looked at from now on, and why."""
    row = {"customer": customer, "interval_seconds": seconds, "reason": reason, "changed_at": at}
    upsert(connection, watching, [row])


def note_looks(connection: Connection, customers: Sequence[str], *, at: datetime) -> None:
    """These customers' sheets could be looked at."""
    upsert(connection, watching, [{"customer": name, "looked_at": at} for name in customers])


def note_failure(connection: Connection, customer: str, *, failures: int, retry_at: datetime) -> None:
    """A cycle failed, so many in a row: none is asked for before that moment, unless something changes."""
    upsert(connection, watching, [{"customer": customer, "failures": failures, "retry_at": retry_at}])


def forget_failures(connection: Connection, customer: str) -> None:
    """A cycle got to its end."""
    connection.execute(
        update(watching)
        .where(watching.c.customer == customer, watching.c.failures > 0)
        .values(failures=0, retry_at=None)
    )


def ask(connection: Connection, customer: str, *, at: datetime) -> None:
    """Somebody wants a cycle now."""
    upsert(connection, watching, [{"customer": customer, "triggered_at": at}])


def answered(connection: Connection, customer: str, *, triggered_at: datetime) -> None:
    """The cycle that was wanted then was asked for."""
    connection.execute(
        update(watching)
        .where(watching.c.customer == customer, watching.c.triggered_at == triggered_at)
        .values(triggered_at=None)
    )
