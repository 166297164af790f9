"""Small SQL pieces that SQLite and PostgreSQL spell alike but SQLAlchemy keeps apart.

What belongs here: upserts, and splitting of long id lists. No table is named here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

# SQLite allows 32,766 parameters a statement, PostgreSQL 65,535.
MAX_IDS = 10_000
Item = TypeVar("Item")


def chunks(items: Sequence[Item], size: int = MAX_IDS) -> Iterator[Sequence[Item]]:
    """Slices of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, keep: Sequence[str] = ()
) -> None:
    """Insert rows; where the primary key is there already, update all other columns given but those in `keep`."""
    if not rows:
        return
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    keys = [column.name for column in table.primary_key]
    updated = {name: insert.excluded[name] for name in rows[0] if name not in keys and name not in keep}
    if updated:
        statement = insert.on_conflict_do_update(index_elements=keys, set_=updated)
    else:
        statement = insert.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, list(rows))
