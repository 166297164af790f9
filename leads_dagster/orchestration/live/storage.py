"""Dagster's own SQLite storages with their connections kept open.

What belongs here: how a connection to the three files is had, and nothing of what is stored or asked. The stock
classes make an engine, and so compile every statement anew, for each single statement: 4 to 8 ms of the 10 ms that an
event costs (dagster 1.13). A test holds that what they store is what the stock classes read, and the other way round.

The write-ahead log is flushed at checkpoints only (`synchronous = NORMAL`): the files stay sound through kill -9 and
power cuts; a power cut may take the last events of a run from Dagster's history, never a row of the lead database.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, cast

from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry
from typing_extensions import Self


def _kept_engine(url: str) -> Engine:
    """One engine for the life of the storage; as many connections as there are threads at work."""
    engine = create_engine(url, pool_size=4, max_overflow=60, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
    event.listen(engine, "connect", _flush_at_checkpoints)
    return engine


def _flush_at_checkpoints(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection, connection.begin():
        yield connection


class KeptEventLogStorage(ConsolidatedSqliteEventLogStorage):
    """The events of all runs in one file, its connections kept."""

    @cached_property
    def _engine(self) -> Engine:
        return _kept_engine(self._conn_string)

    @cached_property
    def _tables_seen(self) -> set[str]:
        return set()

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with _transaction(self._engine) as connection:
            yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the table is there; one that was seen is not looked for again."""
        if table_name not in self._tables_seen:
            with self._connect() as connection:
                if not inspect(connection).has_table(table_name):
                    return False
            self._tables_seen.add(table_name)
        return True

    def dispose(self) -> None:
        """Close what was kept."""
        super().dispose()
        self._engine.dispose()


class KeptRunStorage(SqliteRunStorage):
    """The runs, the connections to their file kept."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """As dagster.yaml has it: `base_dir`."""
        return cls.from_local(inst_data=inst_data, **config_value)

    @cached_property
    def _engine(self) -> Engine:
        return _kept_engine(self._conn_string)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """One transaction."""
        with _transaction(self._engine) as connection:
            yield connection

    def dispose(self) -> None:
        """Close what was kept."""
        super().dispose()
        self._engine.dispose()


class KeptScheduleStorage(SqliteScheduleStorage):
    """Ticks and the state of sensors and schedules, the connections to their file kept."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """As dagster.yaml has it: `base_dir`."""
        made = cls.from_local(inst_data=inst_data, **config_value)
        return cast("Self", made)

    @cached_property
    def _engine(self) -> Engine:
        engine = _kept_engine(self._conn_string)
        weakref.finalize(self, engine.dispose)  # an instance that is closed forgets this storage
        return engine

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """One transaction."""
        with _transaction(self._engine) as connection:
            yield connection

    def dispose(self) -> None:
        """Close what was kept."""
        super().dispose()
        self._engine.dispose()
