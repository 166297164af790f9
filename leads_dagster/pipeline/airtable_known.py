"""What the store knows of records in Airtable, in the words of those who compare it with what Airtable says.

What belongs here: putting `store.airtable_bases` and `mirrors.airtable_payloads` together, which know nothing of each
other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.mirrors.airtable_watched import KnownRecord, KnownRecords
from leads_dagster.store import airtable_bases, lead_rows
from leads_dagster.store.airtable_bases import RecordState
from leads_dagster.store.airtable_state import TableState


def known_records(
    connection: Connection, table: TableState, record_ids: Collection[str], lead_keys: Collection[str] = ()
) -> KnownRecords:
    """What is known of some records of a table, and of the living leads that records name."""
    source = airtable_bases.source_of(table.base_id, table.table_id)
    return KnownRecords(
        _known(airtable_bases.by_record(connection, table.customer, source, record_ids)),
        _known(airtable_bases.by_lead(connection, table.customer, lead_keys)),
    )


def archived(connection: Connection, lead_ids: Collection[str]) -> dict[str, KnownRecord]:
    """Of these leads the archived ones, and what a record that showed them would say."""
    found = lead_rows.load(connection, sorted(lead_ids)).items()
    said = {lead: {name: row[name] for name in LEAD_FIELDS} for lead, row in found if row["archived_at"] is not None}
    return {lead: KnownRecord(lead, None, base) for lead, base in said.items()}


def _known(states: Mapping[str, RecordState]) -> dict[str, KnownRecord]:
    return {
        name: KnownRecord(one.lead_id, one.record_id, one.base, one.unbooked, one.echoes, one.leaving)
        for name, one in states.items()
    }
