"""Small SQL pieces that SQLite and PostgreSQL spell alike but SQLAlchemy keeps apart.

What belongs here: upserts, and splitting of long id lists. No table is named here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

# SQLite allows 32,766 parameters a statement, PostgreSQL 65,535.
MAX_IDS = 10_000
Item = TypeVar("Item")


def chunks(items: Sequence[Item], size: int = MAX_IDS) -> Iterator[Sequence[Item]]:
    """Slices of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def bulk_insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows whose keys are all the same, without SQLAlchemy's work per parameter where the driver allows.

    On a driver with positional parameters the values go straight to its `executemany`, run only through the types'
    own processors; for claims and keys, the most numerous rows there are, that is a third of the time.
    """
    if not rows:
        return
    dialect = connection.dialect
    if not dialect.positional:
        connection.execute(table.insert(), list(rows))
        return
    names = list(rows[0])
    statement, processors = _prepared(table, tuple(names), dialect)
    columns = [_converted([row[name] for row in rows], to) for name, to in zip(names, processors, strict=True)]
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


def _converted(values: list[Any], process: Callable[[Any], Any] | None) -> list[Any]:
    """Values as the driver takes them; most columns of a batch hold one value over and over (a time, a flag)."""
    if process is None:
        return values
    try:
        converted = {value: process(value) for value in set(values)}
    except TypeError:  # documents cannot be told apart by a hash
        return [process(value) for value in values]
    return [converted[value] for value in values]


@lru_cache(maxsize=64)
def _prepared(table: Table, names: tuple[str, ...], dialect: Dialect) -> tuple[str, list[Any]]:
    """The INSERT of these columns in this order, and what turns their values into the driver's."""
    places = ", ".join("?" for _ in names)
    quote = dialect.identifier_preparer.quote
    sql = f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, names))}) VALUES ({places})"  # noqa: S608
    return sql, [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]


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
