"""What is shown of quarantine in Airtable: the table it stands in, and what each record there was last made to say.

What belongs here: rows of `airtable_fixing_tables` and `airtable_fixing`, and telling cheaply whether quarantine is
still as it was shown. What is shown, and how, is `pipeline.fixing_table`'s business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from leads_dagster.store.statements import chunks, upsert
from leads_dagster.store.tables import airtable_fixing, airtable_fixing_tables, quarantine, source_records


@dataclass(frozen=True, slots=True)
class FixingState:
    """The table that a customer's quarantine is shown in; attributes as the columns of the table."""

    customer: str
    base_id: str
    table_name: str
    tried_at: datetime
    table_id: str = ""
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    digest: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A record of that table; `airtable_id` is "" until Airtable's answer was booked."""

    airtable_id: str
    digest: str


def state_of(connection: Connection, customer: str) -> FixingState | None:
    """The customer's table; None before the first try."""
    query = select(airtable_fixing_tables).where(airtable_fixing_tables.c.customer == customer)
    row = connection.execute(query).one_or_none()
    return None if row is None else FixingState(**row._mapping)


def save_state(connection: Connection, state: FixingState) -> None:
    """Keep what is known of the table."""
    upsert(connection, airtable_fixing_tables, [asdict(state)])


def shown(connection: Connection, customer: str) -> dict[int, Shown]:
    """Source record -> the Airtable record that shows it."""
    found = select(airtable_fixing).where(airtable_fixing.c.customer == customer)
    return {row.record_id: Shown(row.airtable_id, row.digest) for row in connection.execute(found)}


def save_shown(connection: Connection, customer: str, rows: Mapping[int, Shown]) -> None:
    """Note which Airtable record shows which source record."""
    noted = [{"customer": customer, "record_id": record, **asdict(one)} for record, one in rows.items()]
    upsert(connection, airtable_fixing, noted)


def forget_shown(connection: Connection, customer: str, record_ids: Sequence[int] | None = None) -> None:
    """These records are shown no more; None: none of the customer is."""
    mine = airtable_fixing.c.customer == customer
    if record_ids is None:
        connection.execute(delete(airtable_fixing).where(mine))
    for part in chunks(record_ids or []):
        connection.execute(delete(airtable_fixing).where(mine, airtable_fixing.c.record_id.in_(part)))


def standing(connection: Connection, customer: str, *, limit: int) -> list[dict[str, Any]]:
    """Rows in quarantine in sheet order, each with its source's own key, without the other cells of the row."""
    columns = [column for column in quarantine.c if column.name != "raw"]
    query = (
        select(*columns, source_records.c.source_key)
        .outerjoin(source_records, source_records.c.id == quarantine.c.record_id)
        .where(quarantine.c.customer == customer)
        .order_by(quarantine.c.source, quarantine.c.row_number, quarantine.c.record_id)
        .limit(limit)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def count(connection: Connection, customer: str) -> int:
    """How many rows stand in quarantine."""
    query = select(func.count()).select_from(quarantine).where(quarantine.c.customer == customer)
    return int(connection.execute(query).scalar_one())


def digest_of_quarantine(connection: Connection, customer: str) -> str:
    """Another text whenever anything in quarantine is another: how many rows each run put there or wrote again."""
    mine = select(quarantine.c.run_id, func.count()).where(quarantine.c.customer == customer)
    query = mine.group_by(quarantine.c.run_id).order_by(quarantine.c.run_id)
    return digest(f"{run}:{number}" for run, number in connection.execute(query))


def digest(parts: Iterable[str]) -> str:
    """A short name for texts in their order."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
