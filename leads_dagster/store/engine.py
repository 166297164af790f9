"""Opening the lead database, and transactions on it: SQLite and PostgreSQL, sync and async.

What belongs here: engines, pools, forks, transactions. What is SQLite's alone is in `sqlite_file`; tables are in
`tables`, their upgrade in `schema`, what a driver's failure means in `failures`, trying again in `retry`.
"""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from leads_dagster.errors import SettingsError
from leads_dagster.store import sqlite_file
from leads_dagster.store.advisory import lock_customer
from leads_dagster.store.attempts import CUSTOMER, LOCK_WAIT, WRITE, calls, lock_wait_measured, lock_wait_seconds
from leads_dagster.store.failures import typed_errors

# Connections of one engine: kept open, and in all. One more waits this long for one to come back.
POOL_SIZE = 8
POOL_LIMIT = 16
POOL_TIMEOUT_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 10
POSTGRES_LOCK_WAIT_SECONDS = 30.0
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
_ASYNC_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
# What PostgreSQL needs for "one consistent view" over several statements; in SQLite every transaction has it.
_READ_OPTIONS: dict[str, dict[str, Any]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
}
AnyEngine = TypeVar("AnyEngine", Engine, AsyncEngine)


def open_engine(url: str) -> Engine:
    """Open the database of a SQLAlchemy URL; a missing SQLite file and its folder are made, for the owner only.

    Writers wait 30 seconds for another's lock, or their operation's share of its deadline if that is shorter;
    `?timeout=5` at the end of a SQLite URL says how long at most. A process may fork with an engine open, as long as
    no other thread is in the midst of a transaction on a SQLite file; parent and child then have connections of
    their own.

    Args:
        url: `sqlite:///…`; `postgresql://…` and `postgres://…` go through psycopg.

    Raises:
        SettingsError: the URL cannot be read, or names a driver that is not installed.
        StoreError: the folder cannot be made or written.
    """
    parsed = read_url(url)
    return _open(parsed, lambda: create_engine(parsed, **_options(parsed)), lambda engine: engine)


def open_async_engine(url: str) -> AsyncEngine:
    """As `open_engine`, for asyncio: the same settings of every connection, locks and failures.

    Its connections to a SQLite file do not survive a fork: open it in the child.

    Raises:
        SettingsError, StoreError: as `open_engine`.
    """
    parsed = read_url(url)
    parsed = parsed.set(drivername=_ASYNC_DRIVERS.get(parsed.get_backend_name(), parsed.drivername))
    return _open(parsed, lambda: create_async_engine(parsed, **_options(parsed)), lambda engine: engine.sync_engine)


def read_url(url: str) -> URL:
    """A database URL as people give it, with the driver that we use. Messages never quote it: it may hold a password.

    Raises:
        SettingsError: it is no URL.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(
            "The database URL cannot be read.",
            advice="It looks like sqlite:////var/lib/leads.db or postgresql://user:password@host/name.",
        ) from None
    return parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))


def _open(url: URL, make: Callable[[], AnyEngine], core: Callable[[AnyEngine], Engine]) -> AnyEngine:
    if _is_sqlite(url):
        sqlite_file.make_private_file(url.database)
    try:
        engine = make()
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"The database URL needs a driver that is not installed: {error.name}.",
            advice="For PostgreSQL: pip install 'leads-dagster[postgres]'.",
        ) from error
    except (ArgumentError, NoSuchModuleError):
        raise SettingsError(
            f"The database URL cannot be used: it names no database that is known, {url.drivername}."
        ) from None
    _listen(core(engine))
    return engine


def _listen(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        sqlite_file.listen(engine)
    elif engine.dialect.name == "postgresql":
        event.listen(engine, "begin", _begin_postgres)
    _open_engines().add(engine)


def _options(url: URL) -> dict[str, Any]:
    options: dict[str, Any] = {
        "hide_parameters": True,
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
        "connect_args": _connect_arguments(url),
        "execution_options": {LOCK_WAIT: _lock_wait(url)},
    }
    if _is_sqlite(url) and not sqlite_file.file_of(url):
        return options  # in memory: one connection, for ever
    return {
        **options,
        "pool_size": POOL_SIZE,
        "max_overflow": POOL_LIMIT - POOL_SIZE,
        "pool_timeout": POOL_TIMEOUT_SECONDS,
        "pool_pre_ping": not _is_sqlite(url),  # a file is looked at, not pinged: see sqlite_file
    }


def _connect_arguments(url: URL) -> dict[str, Any]:
    if _is_sqlite(url):
        return {"timeout": _lock_wait(url), "check_same_thread": False}
    if url.get_backend_name() != "postgresql":
        return {}
    wanted = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "leads_dagster"}
    return {name: value for name, value in wanted.items() if name not in url.query}


def _lock_wait(url: URL) -> float:
    return sqlite_file.busy_timeout(url) if _is_sqlite(url) else POSTGRES_LOCK_WAIT_SECONDS


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _begin_postgres(connection: Connection) -> None:
    """Writers of one customer are serial, as on SQLite all are; for any lock a transaction waits only so long."""
    options = connection.get_execution_options()
    if not options.get(WRITE):
        return
    seconds = lock_wait_seconds(options[LOCK_WAIT])
    wait = f"{max(1, math.ceil(seconds * 1000))}ms"  # nought would be for ever
    connection.exec_driver_sql("SELECT set_config('lock_timeout', %s, true)", (wait,))
    if options.get(CUSTOMER) is not None:
        with lock_wait_measured():
            lock_customer(connection, options[CUSTOMER])


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read transaction: one consistent view of the database.

    Raises:
        StoreBusyError, StoreError: as `writing`.
    """
    calls(engine)
    with typed_errors(), _for_reading(engine).connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, customer: str | None = None) -> Iterator[Connection]:
    """A write transaction: committed when the block ends, rolled back when it raises.

    Args:
        engine: of the lead database.
        customer: whose data it writes. On PostgreSQL it then waits for the customer's other writers; on SQLite it
            waits for all writers in any case.

    Raises:
        StoreBusyError: locked for longer than the busy timeout, or the connection was lost.
        CircuitOpenError: an operation under `retry` calls a database that is being rested.
        StoreError: the database refuses for good.
    """
    calls(engine)
    with typed_errors(), _for_writing(engine, customer).connect() as connection:
        with connection.begin():
            yield connection
        sqlite_file.keep_wal_small(connection)


@asynccontextmanager
async def async_reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """As `reading`."""
    calls(engine)
    with typed_errors():
        async with _for_reading(engine).connect() as connection:
            yield connection


@asynccontextmanager
async def async_writing(engine: AsyncEngine, customer: str | None = None) -> AsyncIterator[AsyncConnection]:
    """As `writing`."""
    calls(engine)
    with typed_errors():
        async with _for_writing(engine, customer).connect() as connection:
            async with connection.begin():
                yield connection
            await connection.run_sync(sqlite_file.keep_wal_small)


def _for_reading(engine: AnyEngine) -> AnyEngine:
    return engine.execution_options(**_READ_OPTIONS.get(engine.dialect.name, {}))


def _for_writing(engine: AnyEngine, customer: str | None) -> AnyEngine:
    return engine.execution_options(**{WRITE: True, CUSTOMER: customer})


@cache
def _open_engines() -> weakref.WeakSet[Engine]:
    return weakref.WeakSet()


def _close_files_before_fork() -> None:
    """A child that inherits an open SQLite file takes its locks for its own, and so would hold none at all.

    https://www.sqlite.org/howtocorrupt.html, "Carrying an open database file across a fork()".
    """
    for engine in list(_open_engines()):
        if _is_sqlite(engine.url) and not engine.dialect.is_async and sqlite_file.file_of(engine.url):
            engine.dispose()


def _forget_connections_in_child() -> None:
    for engine in list(_open_engines()):
        if not _is_sqlite(engine.url) or sqlite_file.file_of(engine.url):
            engine.dispose(close=False)  # they are the parent's: not even closed here


os.register_at_fork(before=_close_files_before_fork, after_in_child=_forget_connections_in_child)
