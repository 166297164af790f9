"""What a database holds, as numbers that can be compared: rows and a checksum for each table.

What belongs here: reading them, the same way on SQLite and PostgreSQL. Values are hashed as the driver gives them, so
that sums of the two back ends are not to be compared with each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import xxhash
from sqlalchemy import Connection, inspect, text

from leads_dagster.store import search_index
from leads_dagster.store.backup_manifest import Contents, TableContent
from leads_dagster.store.tables import metadata

_ROWS_A_FETCH = 2_000
_SUM_BITS = 128
STAMP_TABLE = "alembic_version"


def read_contents(connection: Connection) -> Contents:
    """Rows and checksums of every table, in the transaction of `connection`.

    Every row is read: some seconds for a million.
    """
    names = table_names(connection)
    return Contents(_stamp(connection, names), {name: _read_table(connection, name) for name in names})


def table_names(connection: Connection) -> list[str]:
    """The tables that make up the lead database, in order of name.

    SQLite: all with rows of their own, which leaves out virtual ones. PostgreSQL: those of this package, since others
    may live beside them.
    """
    if connection.dialect.name == "sqlite":
        return sorted(
            connection.execute(
                text(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                    "AND sql NOT LIKE 'CREATE VIRTUAL%'"
                )
            ).scalars()
        )
    return sorted(our_tables() & set(inspect(connection).get_table_names()))


def our_tables() -> set[str]:
    """The names of every table that this version knows."""
    return {*metadata.tables, STAMP_TABLE, search_index.TABLE}


def differences(expected: Contents, found: Contents) -> list[str]:
    """What is not as it was, in words; empty where all is."""
    said = [] if expected.schema == found.schema else [f"schema {found.schema} instead of {expected.schema}"]
    for name in sorted({*expected.tables, *found.tables}):
        was, is_ = expected.tables.get(name), found.tables.get(name)
        if was is None or is_ is None:
            said.append(f"table {name} is {'missing' if is_ is None else 'too many'}")
        elif was.rows != is_.rows:
            said.append(f"table {name} has {is_.rows} rows instead of {was.rows}")
        elif was.checksum != is_.checksum:
            said.append(f"table {name} has other values")
    return said


def _stamp(connection: Connection, names: Iterable[str]) -> str | None:
    if STAMP_TABLE not in names:
        return None
    return connection.execute(text(f"SELECT version_num FROM {STAMP_TABLE}")).scalar()  # noqa: S608  # a constant


def _read_table(connection: Connection, name: str) -> TableContent:
    """The sum of the rows' hashes: it does not depend on their order, which a restore need not keep."""
    count = total = 0
    for row in _rows(connection, name):
        total += xxhash.xxh3_128_intdigest(repr(row).encode("utf-8", "surrogatepass"))
        count += 1
    return TableContent(count, f"{total % (1 << _SUM_BITS):032x}")


def _rows(connection: Connection, name: str) -> Iterator[tuple[Any, ...]]:
    quoted = connection.dialect.identifier_preparer.quote(name)
    streamed = connection.execution_options(stream_results=True, max_row_buffer=_ROWS_A_FETCH)
    with streamed.exec_driver_sql(f"SELECT * FROM {quoted}") as result:  # noqa: S608  # quoted by the dialect
        for part in result.partitions(_ROWS_A_FETCH):
            yield from (tuple(row) for row in part)
