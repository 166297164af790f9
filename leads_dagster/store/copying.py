"""Copying one customer's rows into another database, as they are at one moment.

What belongs here: which rows of which table are a customer's. What is done with the copy is its maker's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, select

from leads_dagster.store.engine import reading, writing
from leads_dagster.store.statements import bulk_insert
from leads_dagster.store.tables import claims, lead_history, leads, match_keys, metadata, source_records

_AT_ONCE = 5_000
# Tables without a customer: column -> the customer's rows that it names. All others without one are copied as a whole.
_THROUGH: Mapping[Table, tuple[str, Table]] = {
    claims: ("record_id", source_records),
    match_keys: ("record_id", source_records),
    lead_history: ("lead_id", leads),
}


def copy_customer(source: Engine, target: Engine, customer: str) -> None:
    """Copy all that a cycle of this customer may read into an empty database with the same schema.

    Search is left out: its index is made of the leads, and a cycle only adds to it.

    Raises:
        StoreError, StoreBusyError: as `engine.reading`.
    """
    with reading(source) as read, writing(target) as write:
        for table in metadata.tables.values():
            _copy(read, write, table, _rows_of(table, customer))


def _rows_of(table: Table, customer: str) -> Select[Any]:
    if "customer" in table.c:
        return select(table).where(table.c.customer == customer)
    if table in _THROUGH:
        name, owner = _THROUGH[table]
        return select(table).where(table.c[name].in_(select(owner.c.id).where(owner.c.customer == customer)))
    return select(table)


def _copy(read: Connection, write: Connection, table: Table, query: Select[Any]) -> None:
    with read.execution_options(yield_per=_AT_ONCE).execute(query) as rows:
        for part in rows.mappings().partitions(_AT_ONCE):
            bulk_insert(write, table, [dict(row) for row in part])
