"""Records in Airtable beside the one that shows their lead, as rows.

What belongs here: keeping and listing them. What becomes of them is `pipeline.airtable_duplicates`' business.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, select, update

from leads_dagster.store.statements import chunks, upsert
from leads_dagster.store.tables import airtable_duplicates

DuplicateStatus = Literal["open", "kept"]


def note(
    connection: Connection,
    customer: str,
    record_id: str,
    lead_id: str,
    *,
    status: DuplicateStatus,
    reason: str,
    at: datetime,
) -> None:
    """Keep that a record stands beside the one that shows its lead."""
    row = {
        "record_id": record_id, "customer": customer, "lead_id": lead_id, "status": status, "reason": reason,
        "noted_at": at,
    }  # fmt: skip
    upsert(connection, airtable_duplicates, [row], keep=("noted_at",))


def keep(connection: Connection, record_id: str, *, reason: str) -> None:
    """Say why a record is left alone."""
    mine = airtable_duplicates.c.record_id == record_id
    connection.execute(update(airtable_duplicates).where(mine).values(status="kept", reason=reason))


def forget(connection: Connection, record_ids: Sequence[str]) -> None:
    """These records are gone, or show a lead of their own."""
    for part in chunks(record_ids):
        connection.execute(delete(airtable_duplicates).where(airtable_duplicates.c.record_id.in_(part)))


def of_leads(connection: Connection, lead_ids: Sequence[str]) -> dict[str, str]:
    """Lead -> the oldest record that stands beside the one that shows it."""
    found: dict[str, str] = {}
    query = select(airtable_duplicates.c.lead_id, airtable_duplicates.c.record_id)
    for part in chunks(lead_ids):
        mine = query.where(airtable_duplicates.c.lead_id.in_(part))
        for lead, record in connection.execute(mine.order_by(airtable_duplicates.c.noted_at)):
            found.setdefault(lead, record)
    return found


def listed(connection: Connection, customer: str, *, status: DuplicateStatus | None = None) -> list[dict[str, Any]]:
    """Duplicates of a customer, oldest first: record_id, customer, lead_id, status, reason, noted_at."""
    query = select(airtable_duplicates).where(airtable_duplicates.c.customer == customer)
    query = query if status is None else query.where(airtable_duplicates.c.status == status)
    ordered = query.order_by(airtable_duplicates.c.noted_at, airtable_duplicates.c.record_id)
    return [dict(row._mapping) for row in connection.execute(ordered)]
