"""Trying again after a transient failure, for everything that calls out.

What belongs here: how often, and after what wait. Whether a failure is transient is said by its type.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leads_dagster.errors import TransientError

if TYPE_CHECKING:
    import stamina
    from stamina.instrumentation import RetryDetails

logger = logging.getLogger(__name__)

# In the context of a TransientError: how long the server asked us to wait.
SERVER_WAIT = "server_wait_seconds"


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and after what wait a transient failure is tried again.

    Attributes:
        count: retries after the first try; 0 for none.
        delay_seconds: the first wait; each further one is twice as long.
        max_delay_seconds: no wait is longer.
        jitter: each wait grows by a random part of up to this share of `delay_seconds`.
        max_server_wait_seconds: a Retry-After up to this is waited for; a longer one ends the call at once.
    """

    count: int = 3
    delay_seconds: float = 1.0
    max_delay_seconds: float = 10.0
    jitter: float = 0.5
    max_server_wait_seconds: float = 30.0


USUAL_RETRIES = Retries()


def attempts(
    retries: Retries, *, total_seconds: float | None, on: type[TransientError] = TransientError
) -> Iterator[stamina.Attempt]:
    """The tries of one call: `for attempt in attempts(...): with attempt: ...`.

    Args:
        total_seconds: no further try is started after this time; None for no such limit.
        on: the errors that are tried again; any other ends the call.
    """
    import stamina

    _log_through_logging()
    return iter(
        stamina.retry_context(
            on=_next_wait(retries, on),
            attempts=retries.count + 1,
            timeout=total_seconds,
            wait_initial=retries.delay_seconds,
            wait_max=retries.max_delay_seconds,
            wait_jitter=retries.delay_seconds * retries.jitter,
        )
    )


def _next_wait(retries: Retries, on: type[TransientError]) -> Callable[[Exception], bool | float]:
    """stamina's hook: no retry, a retry after the usual wait, or after so many seconds."""

    def decide(error: Exception) -> bool | float:
        if not isinstance(error, on):
            return False
        asked: float | None = error.context.get(SERVER_WAIT)
        if asked is None:
            return True
        return asked if asked <= retries.max_server_wait_seconds else False

    return decide


@functools.cache
def _log_through_logging() -> None:
    """Once a process: stamina would print to standard output through structlog, into the midst of our JSON."""
    from stamina.instrumentation import set_on_retry_hooks

    set_on_retry_hooks([_log])


def _log(details: RetryDetails) -> None:
    logger.info("Retry %d in %.1f s: %s", details.retry_num, details.wait_for, details.caused_by)
