"""Numbers with a name (table `counters`): added to in one statement, so that two at once never get the same.

What belongs here: adding and reading. What a number means is its owner's to say.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, select

from leads_dagster.store.queries import Query
from leads_dagster.store.tables import counters

_VALUE = Query(select(counters.c.value).where(counters.c.name == bindparam("name")))
_ADD = (
    "INSERT INTO counters (name, value) VALUES (?, ?)"
    " ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value RETURNING value"
)
_ADVANCE = (
    "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET"
    " value = CASE WHEN excluded.value > counters.value THEN excluded.value ELSE counters.value + 1 END"
    " RETURNING value"
)


def add(connection: Connection, name: str, count: int) -> int:
    """Add to a counter, which begins at nought, and return what it then is; call inside a write transaction.

    On PostgreSQL whoever adds to the same counter waits until this transaction ends.
    """
    return _one(connection, _ADD, name, count)


def advance(connection: Connection, name: str, at_least: int) -> int:
    """Move a counter to `at_least`, or one on where it is there already, and return where it then is."""
    return _one(connection, _ADVANCE, name, at_least)


def value(connection: Connection, name: str) -> int:
    """What a counter is; nought where nobody ever added to it."""
    found = _VALUE.first(connection, name=name)
    return int(found[0]) if found else 0


def _one(connection: Connection, sql: str, name: str, number: int) -> int:
    """These statements run at every write: both drivers take them as they are, but for the mark of a parameter."""
    sql = sql if connection.dialect.positional else sql.replace("?", "%s")
    return int(connection.exec_driver_sql(sql, (name, number)).scalar_one())


def add_all(connection: Connection, counts: Mapping[str, int]) -> None:
    """Add to several, in one order for everybody, so that two of them never wait for each other."""
    for name in sorted(counts):
        add(connection, name, counts[name])


def named(connection: Connection, prefix: str) -> dict[str, int]:
    """The counters whose names begin with `prefix`, which is left out."""
    query = select(counters.c.name, counters.c.value).where(counters.c.name.startswith(prefix, autoescape=True))
    return {row.name.removeprefix(prefix): row.value for row in connection.execute(query.order_by(counters.c.name))}
