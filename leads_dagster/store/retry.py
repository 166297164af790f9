"""Trying an operation on the lead database again after a failure that may pass: sync and async alike.

What belongs here: how often, after what wait, under which deadline, and telling of it. What is worth another try is
said by the error's type (`StoreBusyError`, made in `failures`); how long one attempt may wait for a lock travels to
the connection through `attempts`.

Own loop instead of stamina, which `retrying` uses for calls to services: its hooks are the whole process's, know
neither the number of attempts nor the deadline, and it does not let an attempt ask for its share of what is left.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from leads_dagster.errors import LeadsError, StoreBusyError
from leads_dagster.settings import Settings, store_retry_settings
from leads_dagster.store import counting
from leads_dagster.store.attempts import UNDER_WAY, Operation, database_key
from leads_dagster.store.engine import async_writing, writing
from leads_dagster.store.metrics import shared_metrics

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

# Small, so that the wait that was announced stays true; enough that two who failed together do not meet again.
_JITTER = 0.02
_COUNTER = "retries: "
_BOOKING = "retry booking"
_BOOKING_WAIT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class StoreRetries:
    """How an operation on the lead database is tried.

    Attributes:
        attempts: in all, the first one included.
        delay_seconds: wait before the second; each further wait is twice as long.
        deadline_seconds: for all of them, waits for locks included. An attempt waits for a lock no longer than its
            share of what is left: of 30 s and three attempts, 10 s.
    """

    attempts: int = 3
    delay_seconds: float = 0.1
    deadline_seconds: float = 30.0

    @classmethod
    def from_settings(cls, settings: Settings) -> StoreRetries:
        """What the settings say."""
        return cls(settings.store_attempts, settings.store_retry_delay_seconds, settings.store_deadline_seconds)


def usual_retries() -> StoreRetries:
    """What the process's environment says; where it is wrong, which `load_settings` tells, the defaults."""
    return StoreRetries(*store_retry_settings())


def retried(operation: str, policy: StoreRetries | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function or a coroutine function that is one operation on the lead database.

    The whole function is run again, so it opens its own transaction, and what it did may have been committed where
    the connection was lost in that very moment: to do it twice must be to do it once. An operation inside another
    one is not tried by itself; the outer one is.

    Args:
        operation: what it is called in log lines and metrics, such as "lead save".
        policy: where None, the attribute `retries` of the object whose method it is, else `usual_retries`.

    Raises (from the decorated function):
        StoreBusyError: it failed at every attempt, or the deadline passed; `context["attempts"]` says how many.
        CircuitOpenError: the database is being rested; it was not asked.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("a generator has given away what a second try would have to take back")
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                run = functools.partial(function, *args, **kwargs)
                return await run_retried_async(operation, run, policy=policy or _policy_of(args))

            return cast(Callable[P, R], awaited)

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            run = functools.partial(function, *args, **kwargs)
            return run_retried(operation, run, policy=policy or _policy_of(args))

        return called

    return decorate


def _policy_of(args: tuple[Any, ...]) -> StoreRetries | None:
    found = getattr(args[0], "retries", None) if args else None
    return found if isinstance(found, StoreRetries) else None


def run_retried(operation: str, function: Callable[..., R], *args: Any, policy: StoreRetries | None = None) -> R:
    """Call `function(*args)` as `retried` would; for a policy that is known only now."""
    if UNDER_WAY.get() is not None:
        return function(*args)
    policy = policy or usual_retries()
    with _under_way(operation, policy) as current:
        while True:
            try:
                result = function(*args)
                break
            except StoreBusyError as error:
                wait = _wait_after(error, current, policy)
            time.sleep(wait)
            current.attempt += 1
    _book(current)
    return result


async def run_retried_async(
    operation: str, function: Callable[..., Awaitable[R]], *args: Any, policy: StoreRetries | None = None
) -> R:
    """As `run_retried`, for a coroutine function."""
    if UNDER_WAY.get() is not None:
        return await function(*args)
    policy = policy or usual_retries()
    with _under_way(operation, policy) as current:
        while True:
            try:
                result = await function(*args)
                break
            except StoreBusyError as error:
                wait = _wait_after(error, current, policy)
            await asyncio.sleep(wait)
            current.attempt += 1
    await _book_async(current)
    return result


@contextmanager
def _under_way(name: str, policy: StoreRetries) -> Iterator[Operation]:
    """Announce the operation, count how it ends, and let its breaker know."""
    current = Operation(name, max(1, policy.attempts), time.monotonic() + policy.deadline_seconds)
    token = UNDER_WAY.set(current)
    shared_metrics().called(name)
    try:
        with current.calls:
            yield current
    except Exception:
        shared_metrics().failed(name)
        raise
    finally:
        UNDER_WAY.reset(token)


def _wait_after(error: StoreBusyError, current: Operation, policy: StoreRetries) -> float:
    """Seconds until the next attempt.

    Raises:
        StoreBusyError: the one given: it was the last attempt, or the next one would begin after the deadline.
    """
    wait = policy.delay_seconds * 2.0 ** (current.attempt - 1) * random.uniform(1.0, 1.0 + _JITTER)  # noqa: S311  # no secret
    error.context["attempts"] = current.attempt
    if current.attempt >= current.attempts or wait >= current.remaining():
        raise error
    shared_metrics().retried(current.name)
    cause = error.context.get("cause") or error.message.rstrip(".")
    logger.warning(
        "Transient error on attempt %d/%d for %s: %s. Retrying in %.2f seconds",
        current.attempt, current.attempts, current.name, cause, wait,
    )  # fmt: skip
    return wait


def booked_retries(connection: Connection) -> dict[str, int]:
    """Operation -> how often it was tried again, over all processes that could say so."""
    return counting.named(connection, _COUNTER)


def _book(done: Operation) -> None:
    """Tell the database of the retries of an operation that came through, in a small write that does not wait."""
    if done.attempt == 1 or not isinstance(done.engine, Engine):
        return
    with _booking(done) as counts, writing(done.engine) as connection:
        counting.add_all(connection, counts)


async def _book_async(done: Operation) -> None:
    if done.attempt == 1 or not isinstance(done.engine, AsyncEngine):
        return
    with _booking(done) as counts:
        async with async_writing(done.engine) as connection:
            await connection.run_sync(counting.add_all, counts)


@contextmanager
def _booking(done: Operation) -> Iterator[Mapping[str, int]]:
    """Counter -> what to add; what cannot be booked now is booked with the next that can."""
    metrics, engine = shared_metrics(), done.engine
    assert engine is not None
    key = database_key(engine)
    metrics.to_book(key, done.name, done.attempt - 1)
    counts = metrics.take_unbooked(key)
    token = UNDER_WAY.set(Operation(_BOOKING, 1, time.monotonic() + _BOOKING_WAIT_SECONDS, engine=engine))
    try:
        yield {_COUNTER + name: count for name, count in counts.items()}
    except LeadsError as error:
        logger.debug("Retries are booked later: %s", error.message)
        for name, count in counts.items():
            metrics.to_book(key, name, count)
    finally:
        UNDER_WAY.reset(token)
