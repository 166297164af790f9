"""What is known of leads over time, as rows: their history, the records behind them, edges, decisions.

What belongs here: reading. Rows of the history are written where leads are written (`lead_rows.add_history`); the words
they are told in are `pipeline.history`'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from leads_dagster.store.pair_decisions import sides_of
from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import claims, conflicts, decisions, lead_history, leads, matches, source_records

SHORTEST_ID = 6
_ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class PastRecord:
    """A record that has or had a say in a lead, also one that left its source."""

    id: int
    source: str
    source_key: str | None
    kind: str
    state: str
    lead_id: str | None
    content_hash: bytes
    first_seen_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class PastClaim:
    """A claim with what is known about it; `voided_by` names the decision that took it back."""

    id: int
    record_id: int
    field: str
    value: str | None
    changed_at: datetime
    run_id: str
    voided_by: int | None


_RECORD = [source_records.c[name] for name in PastRecord.__dataclass_fields__]
_CLAIM = [claims.c[name] for name in PastClaim.__dataclass_fields__]


def lead_ids(connection: Connection, customer: str) -> list[str]:
    """All leads of a customer that ever were, oldest first."""
    return list(
        connection.execute(select(leads.c.id).where(leads.c.customer == customer).order_by(leads.c.id)).scalars()
    )


def find_leads(connection: Connection, customer: str, named: str, *, limit: int = 20) -> list[dict[str, Any]]:
    """Leads that an id, the beginning of one (6 characters or more) or an e-mail address names; active ones first."""
    text = named.strip()
    condition = func.lower(leads.c.email) == text.lower() if "@" in text else _id_begins(text.replace("-", "").lower())
    if condition is None:
        return []
    query = select(leads).where(leads.c.customer == customer, condition)
    query = query.order_by(leads.c.archived_at.is_not(None), leads.c.id).limit(limit)
    return [dict(row._mapping) for row in connection.execute(query)]


def _id_begins(text: str) -> Any:
    if len(text) < SHORTEST_ID or not text.isalnum():
        return None
    if len(text) >= _ID_LENGTH:
        return leads.c.id == text
    return and_(leads.c.id >= text, leads.c.id < text + "~")  # "~" sorts behind every hex digit


def rows(connection: Connection, lead_id: str, *, field: str | None = None, limit: int) -> list[dict[str, Any]]:
    """Rows of a lead's history, newest first; with a field, those of the field and of the whole lead."""
    query = select(lead_history).where(lead_history.c.lead_id == lead_id)
    if field is not None:
        query = query.where(or_(lead_history.c.field == field, lead_history.c.field.is_(None)))
    query = query.order_by(lead_history.c.at.desc(), lead_history.c.id.desc()).limit(limit)
    return [dict(row._mapping) for row in connection.execute(query)]


def count_rows(connection: Connection, lead_id: str, *, field: str | None = None) -> int:
    """How many rows a lead's history has."""
    query = select(func.count()).select_from(lead_history).where(lead_history.c.lead_id == lead_id)
    if field is not None:
        query = query.where(or_(lead_history.c.field == field, lead_history.c.field.is_(None)))
    return int(connection.execute(query).scalar_one())


def field_authors(connection: Connection, lead_id: str) -> dict[tuple[str, datetime], str]:
    """(field, moment) -> who changed it, where that is known."""
    query = select(lead_history.c.field, lead_history.c.at, lead_history.c.who).where(
        lead_history.c.lead_id == lead_id, lead_history.c.field.is_not(None), lead_history.c.who.is_not(None)
    )
    return {(row.field, row.at): row.who for row in connection.execute(query)}


def records_ever(connection: Connection, lead_ids: Sequence[str]) -> list[PastRecord]:
    """Every record that belongs to one of these leads, or belonged to it when it left its source."""
    query = select(*_RECORD).where(source_records.c.lead_id.in_(lead_ids)).order_by(source_records.c.id)
    return [PastRecord(*row) for row in connection.execute(query)]


def records_by_id(connection: Connection, ids: Sequence[int]) -> dict[int, PastRecord]:
    """Records by surrogate key, removed ones too."""
    found: dict[int, PastRecord] = {}
    for part in chunks(ids):
        query = select(*_RECORD).where(source_records.c.id.in_(part))
        found.update((row.id, PastRecord(*row)) for row in connection.execute(query))
    return found


def claims_ever(connection: Connection, record_ids: Sequence[int]) -> list[PastClaim]:
    """All claims of these records, those taken back too, oldest first."""
    found: list[PastClaim] = []
    for part in chunks(record_ids):
        query = select(*_CLAIM).where(claims.c.record_id.in_(part)).order_by(claims.c.id)
        found += [PastClaim(*row) for row in connection.execute(query)]
    return found


def edges_among(connection: Connection, record_ids: Sequence[int], *, limit: int) -> list[dict[str, Any]]:
    """Edges that join two of these records, newest first."""
    ids = set(record_ids)
    found: list[dict[str, Any]] = []
    for part in chunks(record_ids):
        query = select(matches).where(matches.c.record_a.in_(part), matches.c.outcome == "match")
        found += [dict(row._mapping) for row in connection.execute(query) if row.record_b in ids]
    return sorted(found, key=lambda row: (row["matched_at"], row["id"]), reverse=True)[:limit]


def decisions_about(connection: Connection, customer: str, lead_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Decisions on these leads, newest first."""
    query = select(decisions).where(decisions.c.customer == customer, decisions.c.lead_id.in_(lead_ids))
    return [dict(row._mapping) for row in connection.execute(query.order_by(decisions.c.id.desc()))]


def decisions_by_id(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Decisions by id."""
    found: dict[int, dict[str, Any]] = {}
    for part in chunks(ids):
        query = select(decisions).where(decisions.c.id.in_(part))
        found.update((row.id, dict(row._mapping)) for row in connection.execute(query))
    return found


def conflicts_of(connection: Connection, lead_id: str) -> list[dict[str, Any]]:
    """Conflicts of a lead, settled ones too, newest first."""
    query = select(conflicts).where(conflicts.c.lead_id == lead_id)
    return [dict(row._mapping) for row in connection.execute(query.order_by(conflicts.c.id.desc()))]


def merged_into(connection: Connection, lead_id: str) -> list[str]:
    """Leads that live on in this one."""
    query = select(leads.c.id).where(leads.c.merged_into == lead_id).order_by(leads.c.id)
    return list(connection.execute(query).scalars())


def pair_decisions(connection: Connection, customer: str, record_ids: Collection[int]) -> list[dict[str, Any]]:
    """Decisions on which records are one lead or are not, of those that name one of these records."""
    query = select(decisions).where(decisions.c.customer == customer, decisions.c.kind.in_(["same", "not_same"]))
    found = [dict(row._mapping) for row in connection.execute(query)]
    return [one for one in found if not _named(one["subject"]).isdisjoint(record_ids)]


def _named(subject: Mapping[str, Any]) -> set[int]:
    return {record for side in sides_of(subject) for record in side}
