"""The operation under way: how long its present attempt may wait for a lock, and which database it is calling.

What belongs here: what `retry`, which knows the operation, and `engine`, which knows the connection, must tell each
other. It travels in a context variable: transactions are opened deep inside the function that is tried again, and
both sync and async code have one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from leads_dagster.breakers import CircuitBreaker, shared_breakers
from leads_dagster.store.metrics import UNNAMED, shared_metrics

BREAKER_NAME = "lead database"
# Execution options of a transaction: whether it writes, whose data, and how long it may wait for a lock at most.
WRITE = "leads_write"
CUSTOMER = "leads_customer"
LOCK_WAIT = "leads_lock_wait_seconds"
REST_SECONDS = 5.0
MAX_REST_SECONDS = 60.0


@dataclass
class Operation:
    """One call of a retried function, over all its attempts.

    Attributes:
        name: for log lines and metrics.
        attempts: how many there may be in all.
        deadline: on the monotonic clock; waits for locks count.
        attempt: which one runs, from 1.
        engine: the database it called, once it did.
        calls: closes the breaker's call when the operation ends.
    """

    name: str
    attempts: int
    deadline: float
    attempt: int = 1
    engine: Engine | AsyncEngine | None = None
    calls: ExitStack = field(default_factory=ExitStack)

    def remaining(self) -> float:
        """Seconds to the deadline, never below zero."""
        return max(0.0, self.deadline - time.monotonic())

    def lock_wait_seconds(self) -> float:
        """The present attempt's share of what is left of the deadline."""
        return self.remaining() / max(1, self.attempts - self.attempt + 1)


UNDER_WAY: ContextVar[Operation | None] = ContextVar("leads_store_operation", default=None)


def lock_wait_seconds(at_most: float) -> float:
    """How long a transaction that begins now may wait for a lock: `at_most`, or the operation's share if shorter."""
    operation = UNDER_WAY.get()
    return at_most if operation is None else min(at_most, operation.lock_wait_seconds())


@contextmanager
def lock_wait_measured() -> Iterator[None]:
    """Count the block as a wait for a lock of the operation under way, whether the lock came or not."""
    started = time.perf_counter()
    try:
        yield
    finally:
        operation = UNDER_WAY.get()
        name = UNNAMED if operation is None else operation.name
        shared_metrics().waited(name, time.perf_counter() - started)


def calls(engine: Engine | AsyncEngine) -> None:
    """Say that the operation under way calls this database; its breaker then counts how the operation ends.

    Outside an operation nothing is counted or refused: one failed attempt is no operation that failed.

    Raises:
        CircuitOpenError: the database is being rested.
    """
    operation = UNDER_WAY.get()
    if operation is None or operation.engine is not None:
        return
    probe = operation.calls.enter_context(_breaker(engine).call())
    operation.engine = engine
    if probe:
        operation.attempts = operation.attempt  # one call shows whether it is back


def database_key(engine: Engine | AsyncEngine) -> str:
    """What tells this process's lead databases apart; holds no password."""
    return f"{BREAKER_NAME} {engine.url.render_as_string(hide_password=True)}"


def _breaker(engine: Engine | AsyncEngine) -> CircuitBreaker:
    return shared_breakers().breaker(
        BREAKER_NAME, base_seconds=REST_SECONDS, max_seconds=MAX_REST_SECONDS, key=database_key(engine)
    )
