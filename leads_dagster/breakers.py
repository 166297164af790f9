"""Circuit breakers, one a host: after five failed calls in a row a host is rested, each time twice as long.

What belongs here: counting and resting. What counts as a failure is said by the error's type (`TransientError`);
who is called, how often within one call, and how long the first rest is, is the business of who calls: `sources`, and
`store`, to which its database is a host like any other.

Own code instead of pybreaker: its rest has one fixed length, and it keeps no table of hosts.
"""

from __future__ import annotations

import functools
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from leads_dagster.errors import CircuitOpenError, LeadsError, TransientError

logger = logging.getLogger(__name__)

State = Literal["closed", "open", "half_open"]

MAX_REST_SECONDS = 900.0
FAILURES_TO_OPEN = 5


class CircuitBreaker:
    """The breaker of one host; thread-safe.

    closed: calls pass, failures in a row are counted. open: calls are refused until the rest is over.
    half_open: one call is let through as a probe; it closes the breaker or starts a rest twice as long.

    Args:
        host: for messages only.
        base_seconds: length of the first rest.
        max_seconds: no rest is longer, not even the first.
        threshold: failed calls in a row that open it.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        host: str,
        *,
        base_seconds: float,
        max_seconds: float = MAX_REST_SECONDS,
        threshold: int = FAILURES_TO_OPEN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host = host
        self._base_seconds = base_seconds = min(base_seconds, max_seconds)
        self._max_seconds = max_seconds
        self._threshold = threshold
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._rest_seconds = base_seconds
        self._open_until: float | None = None
        self._probing = False
        self._last_error = ""

    @contextmanager
    def call(self) -> Iterator[bool]:
        """Wrap one call to the host; yields whether this call is the probe (which should not retry).

        A `TransientError` counts as a failure. Any other `LeadsError` is an answer of a living host. What is
        neither (an interrupt, a bug) says nothing about the host and is not counted.

        Raises:
            CircuitOpenError: the host is resting; `retry_after_seconds` says how long.
        """
        probe = self._enter()
        try:
            yield probe
        except TransientError as error:
            self._failed(error, probe=probe)
            raise
        except LeadsError:
            self._answered()
            raise
        except BaseException:
            self._abandoned(probe=probe)
            raise
        self._answered()

    def describe(self) -> dict[str, Any]:
        """The state as a flat dict: host, state, failures, rest_seconds, retry_in_seconds, last_error."""
        with self._lock:
            return {
                "host": self.host,
                "state": self._state(),
                "failures": self._failures,
                "rest_seconds": self._rest_seconds,
                "retry_in_seconds": round(self._remaining(), 1),
                "last_error": self._last_error,
            }

    def _state(self) -> State:
        if self._open_until is None:
            return "closed"
        return "open" if self._remaining() > 0 else "half_open"

    def _remaining(self) -> float:
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._clock())

    def _enter(self) -> bool:
        with self._lock:
            state = self._state()
            if state == "closed":
                return False
            if state == "open" or self._probing:
                raise self._refusal()
            self._probing = True
            return True

    def _refusal(self) -> CircuitOpenError:
        wait = max(1.0, self._remaining())
        return CircuitOpenError(
            f"{self.host} failed {self._failures} times in a row and is being rested for another {math.ceil(wait)} s.",
            retry_after_seconds=wait,
            advice="It is asked again by itself after that; nothing is lost meanwhile.",
            host=self.host,
        )

    def _failed(self, error: TransientError, *, probe: bool) -> None:
        with self._lock:
            self._failures += 1
            self._last_error = type(error).__name__
            if probe:
                self._rest(min(self._rest_seconds * 2, self._max_seconds))
            elif self._open_until is None and self._failures >= self._threshold:
                self._rest(self._base_seconds)

    def _rest(self, seconds: float) -> None:
        self._probing = False
        self._rest_seconds = seconds
        self._open_until = self._clock() + seconds
        logger.warning("%s failed %d times in a row; resting it for %g s", self.host, self._failures, seconds)

    def _answered(self) -> None:
        with self._lock:
            if self._open_until is not None:
                logger.info("%s answers again", self.host)
            self._failures = 0
            self._rest_seconds = self._base_seconds
            self._open_until = None
            self._probing = False
            self._last_error = ""

    def _abandoned(self, *, probe: bool) -> None:
        with self._lock:
            if probe:
                self._probing = False


class CircuitBreakers:
    """The breakers of one process, made when a host is first called; thread-safe."""

    def __init__(
        self,
        *,
        max_seconds: float = MAX_REST_SECONDS,
        threshold: int = FAILURES_TO_OPEN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_seconds = max_seconds
        self._threshold = threshold
        self._clock = clock
        self._lock = threading.Lock()
        self._by_host: dict[str, CircuitBreaker] = {}

    def breaker(
        self, host: str, *, base_seconds: float, max_seconds: float | None = None, key: str | None = None
    ) -> CircuitBreaker:
        """The breaker of `host` ("name" or "name:port"); the seconds count when it is first made.

        Args:
            host: what it is called, in messages and in `states`.
            base_seconds: length of the first rest.
            max_seconds: no rest is longer; None for what holds for all.
            key: what tells hosts of one name apart, such as the addresses of two databases.
        """
        with self._lock:
            return self._by_host.setdefault(
                key or host,
                CircuitBreaker(
                    host,
                    base_seconds=base_seconds,
                    max_seconds=self._max_seconds if max_seconds is None else max_seconds,
                    threshold=self._threshold,
                    clock=self._clock,
                ),
            )

    def states(self) -> list[dict[str, Any]]:
        """Every breaker's `describe()`, by host name."""
        with self._lock:
            breakers = sorted(self._by_host.values(), key=lambda breaker: breaker.host)
        return [breaker.describe() for breaker in breakers]


@functools.cache
def shared_breakers() -> CircuitBreakers:
    """The process's own breakers, for everything that calls out."""
    return CircuitBreakers()


def breaker_states() -> list[dict[str, Any]]:
    """The state of every breaker of this process, for `leads status` and metrics."""
    return shared_breakers().states()


# A forked child must not wait for a lock that a thread of its parent held.
os.register_at_fork(after_in_child=shared_breakers.cache_clear)
