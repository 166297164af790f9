"""What the store knows of the records of an Airtable table: the lead that each shows, and what may stand in its cells.

What belongs here: reading that, for whoever compares it with what Airtable says; and giving a lead the record that was
made for it. What waits to be taken in is in `airtable_changes`, hooks and tables are in `airtable_state`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from leads_dagster.store import records
from leads_dagster.store.airtable_changes import RECORD
from leads_dagster.store.queries import MANY, Query
from leads_dagster.store.tables import leads, sync_status

_MINE = (sync_status.c.customer == bindparam("customer"), sync_status.c.mirror == "airtable")
_COLUMNS = (
    sync_status.c.lead_id,
    sync_status.c.external_id,
    sync_status.c.base,
    sync_status.c.unbooked,
    sync_status.c.echoes,
    leads.c.archived_at,
    leads.c.merged_into,
)
_OF = select(*_COLUMNS).join_from(sync_status, leads, leads.c.id == sync_status.c.lead_id).where(*_MINE)
_BY_RECORD = Query(_OF.where(sync_status.c.external_id.in_(MANY)))
_BY_LEAD = Query(_OF.where(sync_status.c.lead_id.in_(MANY)))


@dataclass(frozen=True, slots=True)
class RecordState:
    """A record in Airtable, as far as the store knows.

    Attributes:
        lead_id: the lead that it shows; None for one that was made there and shows none.
        record_id: "rec…"; None for a lead that has no record yet.
        base: lead field -> value as it stood there when we last knew; None where nothing is known.
        unbooked: lead field -> values that we may have written since.
        echoes: digests of what we wrote lately, by `outbox.echo`.
        leaving: its lead is archived or stands in another's place, or we may have deleted the record since.
    """

    lead_id: str | None
    record_id: str | None
    base: Mapping[str, Any] | None = None
    unbooked: Mapping[str, Sequence[Any]] | None = None
    echoes: frozenset[str] = frozenset()
    leaving: bool = False


def source_of(base_id: str, table_id: str) -> str:
    """The canonical address of a table: what names it as a source."""
    return f"airtable:{base_id}/{table_id}"


def by_record(
    connection: Connection, customer: str, source: str, record_ids: Collection[str]
) -> dict[str, RecordState]:
    """Record id -> what is known, of those that show a lead or were taken in as rows."""
    wanted = sorted(record_ids)
    rows = records.by_source_key(connection, customer, source, wanted)
    made_there = {key: RecordState(None, key, dict(row.raw)) for key, row in rows.items()}
    shown = (_state(row) for row in _BY_RECORD.rows(connection, wanted, customer=customer))
    return {**made_there, **{str(state.record_id): state for state in shown}}


def by_lead(connection: Connection, customer: str, lead_ids: Collection[str]) -> dict[str, RecordState]:
    """Lead -> what is known of its record, of those that live and were ever marked for Airtable."""
    states = (_state(row) for row in _BY_LEAD.rows(connection, sorted(lead_ids), customer=customer))
    return {str(state.lead_id): state for state in states if not state.leaving}


def shown_ids(connection: Connection, customer: str) -> set[str]:
    """All records that should be there: those that show living leads."""
    query = (
        select(sync_status.c.external_id)
        .join_from(sync_status, leads, leads.c.id == sync_status.c.lead_id)
        .where(
            sync_status.c.customer == customer,
            sync_status.c.mirror == "airtable",
            sync_status.c.external_id.is_not(None),
            leads.c.archived_at.is_(None),
            leads.c.merged_into.is_(None),
        )
    )
    return {str(row[0]) for row in connection.execute(query)}


def adopt(connection: Connection, customer: str, adopted: Mapping[str, str]) -> None:
    """Lead -> the record that we made for it, where that was never booked."""
    for lead, record in adopted.items():
        mine = (
            sync_status.c.lead_id == lead,
            sync_status.c.mirror == "airtable",
            sync_status.c.customer == customer,
            sync_status.c.external_id.is_(None),
        )
        connection.execute(update(sync_status).where(*mine).values(external_id=record))


def _state(row: Sequence[Any]) -> RecordState:
    lead, record, base, unbooked, echoes, archived_at, merged_into = row
    leaving = archived_at is not None or merged_into is not None or RECORD in (unbooked or {})
    return RecordState(lead, record, base, unbooked, frozenset(echoes or ()), leaving)
