"""The migrations run once a process; further empty SQLite databases get the statements that the first one came to.

They take a tenth of a second, and thousands of tests want a database of their own. Databases that hold anything
already, PostgreSQL's, and those of other processes are upgraded by the migrations as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text

from leads_dagster.store import schema

_ALL = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"


@contextmanager
def quick_schema() -> Iterator[None]:
    """While it holds, schemas are made so in this process."""
    upgrade, known = schema._upgrade, list[str]()

    def quickly(connection: Connection) -> None:
        if connection.dialect.name != "sqlite" or connection.execute(text(_ALL)).first():
            upgrade(connection)
        elif known:
            for statement in known:
                connection.exec_driver_sql(statement)
        else:
            upgrade(connection)
            known.extend(_statements(connection))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "_upgrade", quickly)
        yield


def _statements(connection: Connection) -> list[str]:
    """What makes a database like this one: its schema, and the stamp, which is all that a new one holds."""
    made = connection.execute(text(_ALL)).all()
    virtual = [f"{name}_" for name, sql in made if sql.startswith("CREATE VIRTUAL TABLE")]
    wanted = [sql for name, sql in made if not name.startswith(tuple(virtual))]  # the rest a virtual table makes itself
    return [*wanted, f"INSERT INTO alembic_version VALUES ('{schema.HEAD}')"]
