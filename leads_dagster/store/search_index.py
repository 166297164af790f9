"""The table behind full-text search: one row a lead, its terms; kept by those who write leads, in their transaction.

What belongs here: numbering leads, writing and rebuilding their index rows. What is in them is decided in
`search_words`.

A row of the index hangs on `leads.number`, which counts up in the order of creation: the newest hits are then found
first without looking at all of them. On SQLite the table is FTS5 (SQLite may renumber a rowid that is no column, so
leads have a column for it); on PostgreSQL an array of lexemes under a GIN index. Nothing in it is a fact of its own:
`rebuild` makes it anew from the leads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, text, update

from leads_dagster.store import counting
from leads_dagster.store.search_words import INDEXED_FIELDS, document, name_key
from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import leads

TABLE = "lead_search"
SEQUENCE = "lead_numbers"  # PostgreSQL's; a row of `counters` would make all customers wait for each other
_COUNTER = "leads"  # SQLite's, which has one writer anyhow
_REBUILT_AT_ONCE = 2_000
_WANTED = [leads.c[name] for name in ("id", "customer", "number", *INDEXED_FIELDS)]
_SQLITE = f"INSERT OR REPLACE INTO {TABLE} (rowid, words) VALUES (?, ?)"  # noqa: S608  # a constant
_DRAW = f"SELECT nextval('{SEQUENCE}') FROM generate_series(1, %s)"  # noqa: S608  # a constant
_POSTGRESQL = (
    f"INSERT INTO {TABLE} (number, words)"  # noqa: S608  # a constant
    " SELECT number, array_to_tsvector(string_to_array(words, ' '))"
    " FROM unnest(CAST(%s AS bigint[]), CAST(%s AS text[])) AS given (number, words)"
    " ON CONFLICT (number) DO UPDATE SET words = excluded.words"
)


def numbered(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """New leads with their number and what they are ordered by; call inside a write transaction."""
    if not rows:
        return []
    numbers = _new_numbers(connection, len(rows))
    return [
        {**row, "number": number, "name_key": name_key(row.get("full_name"))}
        for row, number in zip(rows, numbers, strict=True)
    ]


def _new_numbers(connection: Connection, count: int) -> Sequence[int]:
    if connection.dialect.name == "postgresql":
        return sorted(connection.exec_driver_sql(_DRAW, (count,)).scalars())
    last = counting.add(connection, _COUNTER, count)
    return range(last - count + 1, last + 1)


def save(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the index rows of leads, new or not; rows: `number`, `customer` and the indexed columns."""
    for part in chunks(rows):
        words = [document(row["customer"], _Blank(row)) for row in part]
        numbers = [row["number"] for row in part]
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_POSTGRESQL, (numbers, words))
        else:
            connection.exec_driver_sql(_SQLITE, list(zip(numbers, words, strict=True)))


class _Blank(dict[str, Any]):
    """A row in which columns that were not given are blank."""

    def __missing__(self, name: str) -> None:
        return None


def concerns(values: Mapping[str, Any]) -> bool:
    """Whether a change of these columns changes what a lead is found by."""
    return not values.keys().isdisjoint(INDEXED_FIELDS)


def rebuild_search(connection: Connection) -> int:
    """Make the whole index anew from the leads, and number those without a number; call inside a write transaction.

    Returns:
        How many leads are in it.
    """
    connection.execute(text(f"DELETE FROM {TABLE}"))  # noqa: S608  # a constant
    _number_all(connection)
    total = 0
    for part in _all_leads(connection):
        save(connection, part)
        total += len(part)
    return total


def _number_all(connection: Connection) -> None:
    query = select(leads.c.id, leads.c.full_name).where(leads.c.number.is_(None))
    found = connection.execute(query.order_by(leads.c.created_at, leads.c.id)).all()
    statement = (
        update(leads)
        .where(leads.c.id == bindparam("lead"))
        .values(number=bindparam("new_number"), name_key=bindparam("new_key"))
    )
    for part in chunks(found, _REBUILT_AT_ONCE):
        numbers = _new_numbers(connection, len(part))
        rows = [
            {"lead": row.id, "new_number": number, "new_key": name_key(row.full_name)}
            for row, number in zip(part, numbers, strict=True)
        ]
        connection.execute(statement, rows)


def _all_leads(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    """Batches by primary key, so that memory does not grow with the leads."""
    last = ""
    while True:
        query = select(*_WANTED).where(leads.c.id > last).order_by(leads.c.id).limit(_REBUILT_AT_ONCE)
        part = [dict(row._mapping) for row in connection.execute(query)]
        if not part:
            return
        yield part
        last = part[-1]["id"]
