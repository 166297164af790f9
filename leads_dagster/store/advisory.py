"""PostgreSQL's locks that stand for something outside any table: a customer's writers, a customer's cycle.

What belongs here: their keys, and taking them. SQLite needs neither: it has one writer, and its file one host.
A lock has two numbers, which kind and a hash of whose; two customers of one hash only wait for each other.
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import xxhash
from sqlalchemy import Connection, Engine

from leads_dagster.store.failures import typed_errors

_WRITERS = 7_242_002
_CYCLE = 7_242_003
_POLL_SECONDS = 0.1
_HALF_OF_32_BITS = 2**31  # a database's integers have a sign


def lock_customer(connection: Connection, customer: str) -> None:
    """Wait until no other transaction writes for this customer; kept until this one ends."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, %s)", (_WRITERS, _number(customer)))


@contextmanager
def cycle_lock(engine: Engine, customer: str, *, wait_seconds: float) -> Iterator[None]:
    """Keep other hosts' cycles of this customer out while the block runs; nothing to do on SQLite.

    The lock is a connection's, so that it ends with the process however that ends.

    Raises:
        TimeoutError: another host kept it longer than `wait_seconds`.
        StoreBusyError, StoreError: the database cannot be asked.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with _connected(engine) as connection:
        _wait(connection, customer, until=time.monotonic() + wait_seconds)
        yield


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    """A connection of its own, closed and not pooled at the end: what closes it lets go of its locks."""
    with typed_errors():
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
    try:
        yield connection
    finally:
        connection.close()


def _wait(connection: Connection, customer: str, *, until: float) -> None:
    while not _try(connection, customer):
        if time.monotonic() >= until:
            raise TimeoutError
        time.sleep(_POLL_SECONDS)


def _try(connection: Connection, customer: str) -> bool:
    with typed_errors():
        answer = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s, %s)", (_CYCLE, _number(customer)))
        return bool(answer.scalar_one())


def _number(customer: str) -> int:
    return xxhash.xxh32_intdigest(customer.encode("utf-8", "surrogatepass")) - _HALF_OF_32_BITS
