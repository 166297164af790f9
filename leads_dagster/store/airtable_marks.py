"""Which Airtable record a lead is shown in, and what stands there, as the outbox knows it.

What belongs here: what taking edits in asks and changes of `sync_status` for Airtable. What a push writes there is
`outbox`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from leads_dagster.store.queries import MANY, Query
from leads_dagster.store.statements import chunks, upsert
from leads_dagster.store.tables import leads, sync_status

_MINE = (sync_status.c.customer == bindparam("customer"), sync_status.c.mirror == "airtable")
_COLUMNS = [sync_status.c[name] for name in ("lead_id", "external_id", "base", "last_attempt")]
_BY_RECORD = Query(select(*_COLUMNS).where(*_MINE, sync_status.c.external_id.in_(MANY)))
_BY_LEAD = Query(select(*_COLUMNS).where(*_MINE, sync_status.c.lead_id.in_(MANY)))

KEY = "lead_key"  # in place of a lead field: the text field by which a record names its lead


@dataclass(frozen=True, slots=True)
class Shown:
    """A lead as Airtable shows it.

    Attributes:
        record_id: "rec…"; None where it has no record.
        base: lead field -> value as it stands there, as far as we know; None where nothing is known. A field that was
            blank when the record was made is not in it.
        written_at: when we last wrote to it.
    """

    lead_id: str
    record_id: str | None
    base: Mapping[str, Any] | None
    written_at: datetime | None

    def knows(self, name: str) -> bool:
        """Whether it is known what stands in a field: always, but where even the record's `lead_key` is not."""
        return self.base is not None and (name in self.base or self.base.get(KEY, "") is not None)

    def stood(self, name: str) -> Any:
        """What stands in a field that is known."""
        return (self.base or {}).get(name)


def by_record(connection: Connection, customer: str, record_ids: Sequence[str]) -> dict[str, Shown]:
    """Record id -> the lead that it shows."""
    return {str(row[1]): Shown(*row) for row in _BY_RECORD.rows(connection, record_ids, customer=customer)}


def by_lead(connection: Connection, customer: str, lead_ids: Sequence[str]) -> dict[str, Shown]:
    """Lead -> how Airtable shows it; those that were never marked for it are left out."""
    return {str(row[0]): Shown(*row) for row in _BY_LEAD.rows(connection, lead_ids, customer=customer)}


def note_there(connection: Connection, customer: str, there: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
    """Say what stands in Airtable: lead -> (record id, lead field -> value). The next push sends what differs."""
    versions = _versions(connection, there)
    rows = [
        {
            "lead_id": lead, "mirror": "airtable", "customer": customer, "operation": "update", "status": "pending",
            "version": versions[lead], "external_id": record, "base": dict(base), "attempt_count": 0,
            "next_attempt_at": None, "error_message": None,
        }
        for lead, (record, base) in there.items()
        if lead in versions
    ]  # fmt: skip
    upsert(connection, sync_status, rows, keep=("customer",))
    _tell_leads(connection, {lead: record for lead, (record, _) in there.items() if lead in versions})


def note_gone(connection: Connection, customer: str, lead_ids: Iterable[str]) -> None:
    """Say that leads have no record in Airtable any more; those that live get a new one at the next push."""
    wanted = sorted(set(lead_ids))
    for part in chunks(wanted):
        mine = (sync_status.c.lead_id.in_(part), sync_status.c.mirror == "airtable", sync_status.c.customer == customer)
        gone = {"external_id": None, "base": None, "unbooked": None, "operation": "create", "status": "pending"}
        connection.execute(update(sync_status).where(*mine).values(attempt_count=0, next_attempt_at=None, **gone))
    _tell_leads(connection, dict.fromkeys(wanted))


def _versions(connection: Connection, lead_ids: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in chunks(sorted(lead_ids)):
        query = select(leads.c.id, leads.c.version).where(leads.c.id.in_(part))
        found.update((row.id, row.version) for row in connection.execute(query))
    return found


def _tell_leads(connection: Connection, records: Mapping[str, str | None]) -> None:
    for lead, record in records.items():
        connection.execute(update(leads).where(leads.c.id == lead).values(airtable_id=record))
