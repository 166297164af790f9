"""What people decided, as rows: append-only, and taken back by a further decision.

What belongs here: reading and writing `decisions`. What a decision does to leads is `undo`'s business and the fold's.

    kind       subject
    same       {"together": [[a, …], [b, …]]}        all of them are one lead
    not_same   {"apart": [[a, …], [b, …]]}           no record of the one list is one lead with any of the other
    override   {"field": …, "value": …}              the field of the lead has this value (null: is blank)
    revert     {"field": …, "claims": [ids]}         these claims do not count
    rollback   {"run_id": …}                         what the run did does not count
    deleted    {"records": [ids]}                    somebody deleted the lead in Airtable: these records do not count
    undo       {"kind": …}                           the decision that `undoes` names does not count any more

And by whoever wrote leads.toml (see `rulings`):
    survivorship  {"rules": …, "trusted_sources": …}  which of several values of a field wins from now on

Where a review was answered by `same` or `not_same`, "records" has the two that were shown, "rule" and "score" what
spoke for them. A `same` without "together" is of its "records" alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from leads_dagster.errors import NotFoundError
from leads_dagster.leads.survivorship import Override
from leads_dagster.store.queries import MANY, Query
from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import decisions

DecisionKind = Literal["same", "not_same", "override", "revert", "rollback", "deleted", "undo", "survivorship"]
_OVERRIDES = Query(
    select(decisions.c.lead_id, decisions.c.subject, decisions.c.decided_at, decisions.c.id)
    .where(decisions.c.kind == "override", decisions.c.lead_id.in_(MANY), decisions.c.undone_by.is_(None))
    .order_by(decisions.c.id)
)


def decide(
    connection: Connection,
    customer: str,
    kind: DecisionKind,
    subject: Mapping[str, Any],
    *,
    who: str,
    at: datetime,
    lead_id: str | None = None,
    undoes: int | None = None,
    reason: str | None = None,
) -> int:
    """Write a decision down and return its id; it is obeyed at the next fold of what it is about."""
    row = {
        "customer": customer,
        "kind": kind,
        "subject": dict(subject),
        "lead_id": lead_id,
        "undoes": undoes,
        "who": who,
        "reason": reason,
        "decided_at": at,
    }
    written = connection.execute(decisions.insert(), row)
    assert written.inserted_primary_key is not None
    decision = int(written.inserted_primary_key[0])
    if undoes is not None:
        _note_undone(connection, undoes, by=decision)
    return decision


def _note_undone(connection: Connection, decision_id: int, *, by: int) -> None:
    """Mark a decision as taken back; where it had itself taken one back, that one stands again, and so on."""
    taken_back: int | None = decision_id
    verdict: int | None = by
    while taken_back is not None:
        connection.execute(update(decisions).where(decisions.c.id == taken_back).values(undone_by=verdict))
        verdict = taken_back if verdict is None else None
        query = select(decisions.c.undoes).where(decisions.c.id == taken_back)
        taken_back = connection.execute(query).scalar_one()


def root(connection: Connection, customer: str, decision_id: int) -> tuple[dict[str, Any], bool]:
    """What a chain of taking back is about in the end, and whether that stands."""
    found = get(connection, customer, decision_id)
    while found["undoes"] is not None:
        found = get(connection, customer, found["undoes"])
    return found, found["undone_by"] is None


def get(connection: Connection, customer: str, decision_id: int) -> dict[str, Any]:
    """One decision.

    Raises:
        NotFoundError: this customer has no such decision.
    """
    query = select(decisions).where(decisions.c.customer == customer, decisions.c.id == decision_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(
            f"There is no decision {decision_id} for customer {customer}.", advice="See `leads undo list`."
        )
    return dict(row._mapping)


def listed(
    connection: Connection, customer: str, *, lead_ids: Sequence[str] = (), limit: int = 100
) -> list[dict[str, Any]]:
    """Decisions, newest first; of these leads only, where any are given."""
    query = select(decisions).where(decisions.c.customer == customer).order_by(decisions.c.id.desc()).limit(limit)
    if lead_ids:
        query = query.where(decisions.c.lead_id.in_(lead_ids))
    return [dict(row._mapping) for row in connection.execute(query)]


def overrides_of(connection: Connection, lead_ids: Sequence[str]) -> dict[str, list[Override]]:
    """Lead -> people's standing decisions on its fields, oldest first."""
    found: dict[str, list[Override]] = {}
    for lead, subject, decided_at, decision in _OVERRIDES.rows(connection, lead_ids):
        found.setdefault(lead, []).append(Override(subject["field"], subject["value"], decided_at, decision))
    return found


def newest_override(connection: Connection, lead_ids: Sequence[str], name: str) -> int | None:
    """The standing decision that gives a field its value, on a lead or one that was merged into it; or None."""
    query = (
        select(decisions.c.id, decisions.c.subject)
        .where(decisions.c.kind == "override", decisions.c.lead_id.in_(lead_ids), decisions.c.undone_by.is_(None))
        .order_by(decisions.c.id.desc())
    )
    return next((row.id for row in connection.execute(query) if row.subject["field"] == name), None)


def standing_deletions(connection: Connection, lead_ids: Sequence[str]) -> dict[str, int]:
    """Lead -> the decision that deleted it, of those that were deleted in Airtable and of which nobody took it back."""
    found: dict[str, int] = {}
    for part in chunks(lead_ids):
        query = select(decisions.c.lead_id, decisions.c.id).where(
            decisions.c.kind == "deleted", decisions.c.lead_id.in_(part), decisions.c.undone_by.is_(None)
        )
        found.update(
            (str(lead), int(decision)) for lead, decision in connection.execute(query.order_by(decisions.c.id))
        )
    return found


def standing_rollback(connection: Connection, customer: str, run_id: str) -> int | None:
    """The standing decision that rolled a run back, or None."""
    query = select(decisions.c.id, decisions.c.subject).where(
        decisions.c.customer == customer, decisions.c.kind == "rollback", decisions.c.undone_by.is_(None)
    )
    return next((row.id for row in connection.execute(query) if row.subject["run_id"] == run_id), None)
