"""Numbers with a name (table `counters`): added to in one statement, so that two at once never get the same.

What belongs here: adding and reading. What a number means is its owner's to say.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from leads_dagster.store.tables import counters


def add(connection: Connection, name: str, count: int) -> int:
    """Add to a counter, which begins at nought, and return what it then is; call inside a write transaction.

    On PostgreSQL whoever adds to the same counter waits until this transaction ends.
    """
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(counters)
    statement = insert.values(name=name, value=count).on_conflict_do_update(
        index_elements=[counters.c.name], set_={"value": counters.c.value + insert.excluded.value}
    )
    return int(connection.execute(statement.returning(counters.c.value)).scalar_one())


def add_all(connection: Connection, counts: Mapping[str, int]) -> None:
    """Add to several, in one order for everybody, so that two of them never wait for each other."""
    for name in sorted(counts):
        add(connection, name, counts[name])


def named(connection: Connection, prefix: str) -> dict[str, int]:
    """The counters whose names begin with `prefix`, which is left out."""
    query = select(counters.c.name, counters.c.value).where(counters.c.name.startswith(prefix, autoescape=True))
    return {row.name.removeprefix(prefix): row.value for row in connection.execute(query.order_by(counters.c.name))}
