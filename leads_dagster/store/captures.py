"""Captures that were processed: what each was, and what came of it; the key of each has an effect once.

What belongs here: rows of `captures`. How an item of the queue becomes one is `pipeline.capture`'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from leads_dagster.store.statements import chunks, upsert
from leads_dagster.store.tables import captures, lead_history, source_records

SOURCE = "capture"

CaptureOutcome = Literal["recorded", "duplicate", "rejected"]


@dataclass(frozen=True, slots=True)
class Capture:
    """One that was processed.

    Attributes:
        key: the same key again is the same capture.
        item_id: of the queue.
        reason: why it was rejected, or what it is a duplicate of; "" where it was recorded.
        origin: what it says of its source.
        record_id: its source record; None where it was refused before the road.
        lead_id: the lead that it went into then.
        changed_lead: whether it founded or changed that lead.
        captured_at: when it was captured. at: when it was processed.
    """

    customer: str
    key: str
    item_id: str
    outcome: CaptureOutcome
    captured_at: datetime
    at: datetime
    run_id: str
    reason: str = ""
    origin: str | None = None
    confidence: float | None = None
    record_id: int | None = None
    lead_id: str | None = None
    changed_lead: bool = False


_COLUMNS = tuple(one.name for one in fields(Capture))


def settled(connection: Connection, customer: str, keys: Sequence[str]) -> dict[str, Capture]:
    """Key -> what came of it, of those that had their effect: recorded or duplicate, not taken back since."""
    columns = captures.c
    query = (
        select(captures)
        .join(source_records, source_records.c.id == columns.record_id)
        .where(columns.customer == customer, columns.outcome != "rejected", source_records.c.undone_by.is_(None))
    )
    found: dict[str, Capture] = {}
    for part in chunks(keys):
        for row in connection.execute(query.where(columns.key.in_(part))):
            found[row.key] = Capture(**row._mapping)
    return found


def outcomes(connection: Connection, customer: str, keys: Sequence[str]) -> dict[str, str]:
    """Key -> how it ended, of those that were processed."""
    columns, found = captures.c, dict[str, str]()
    for part in chunks(keys):
        query = select(columns.key, columns.outcome).where(columns.customer == customer, columns.key.in_(part))
        found |= {row.key: row.outcome for row in connection.execute(query)}
    return found


def book(connection: Connection, processed: Sequence[Capture]) -> None:
    """Keep what came of captures."""
    if processed:
        upsert(connection, captures, [{name: getattr(one, name) for name in _COLUMNS} for one in processed])


def changed_by(connection: Connection, run_id: str, record_ids: Collection[int]) -> set[int]:
    """Those of these records that changed a lead in this run."""
    found: set[int] = set()
    for part in chunks(sorted(record_ids)):
        query = select(lead_history.c.record_id).where(
            lead_history.c.run_id == run_id, lead_history.c.record_id.in_(part)
        )
        found |= set(connection.execute(query.distinct()).scalars())
    return found


def of_records(connection: Connection, record_ids: Collection[int]) -> list[dict[str, Any]]:
    """The captures that these source records are of, the earliest first."""
    found: list[dict[str, Any]] = []
    for part in chunks(sorted(record_ids)):
        query = select(captures).where(captures.c.record_id.in_(part)).order_by(captures.c.captured_at)
        found += [dict(row._mapping) for row in connection.execute(query)]
    return sorted(found, key=lambda one: one["captured_at"])


def totals(connection: Connection, customer: str) -> dict[str, int]:
    """Outcome -> how many ended so."""
    query = select(captures.c.outcome, func.count()).where(captures.c.customer == customer)
    return {row[0]: row[1] for row in connection.execute(query.group_by(captures.c.outcome))}
