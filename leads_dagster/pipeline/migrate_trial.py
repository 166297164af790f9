"""Writing for show: transactions of which nothing stays.

What belongs here: where a dry run writes to. On SQLite that is a copy of the database, so that a long trial keeps no
sheet waiting; on PostgreSQL, where only this customer's other writers wait, one transaction that is rolled back.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine

from leads_dagster.errors import StoreError
from leads_dagster.pipeline.migrate_writing import Transaction
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store.engine import open_engine, writing
from leads_dagster.store.failures import typed_errors


class _NothingStaysError(Exception):
    """Ends the transaction of a trial."""


@contextmanager
def trial(ws: Workspace) -> Iterator[Transaction]:
    """Transactions that see the database as it is and each other's writes; nothing of them stays."""
    if ws.engine.dialect.name == "sqlite":
        with _copy_of(ws) as engine:
            yield lambda: writing(engine)
        return
    try:
        with writing(ws.engine, ws.name) as connection:
            yield lambda: _within(connection)
            raise _NothingStaysError
    except _NothingStaysError:
        return


@contextmanager
def _within(connection: Connection) -> Iterator[Connection]:
    yield connection


@contextmanager
def _copy_of(ws: Workspace) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="trial-", dir=ws.settings.prepare_home()) as folder:
        path = Path(folder) / "leads.db"
        copy_sqlite(ws.engine, path)
        engine = open_engine(f"sqlite:///{path}")
        try:
            yield engine
        finally:
            engine.dispose()


def copy_sqlite(engine: Engine, path: Path) -> None:
    """Copy an SQLite database as it is at this moment, while others read and write it.

    Raises:
        StoreError: no room, or the database cannot be read.
    """
    path.touch(mode=0o600)
    try:
        with typed_errors(), engine.connect() as connection:
            source = connection.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)
            target = sqlite3.connect(path)
            try:
                source.backup(target)
            finally:
                target.close()
    except sqlite3.Error as error:
        raise StoreError(f"The database could not be copied: {error}.", advice="Check the room on the disk.") from error
