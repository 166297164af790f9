"""A wall clock that is moved, and Dagster's daemon, which times its sensors and schedules by it.

What belongs here: noticing that, and what the daemon wrote down for a moment that is now to come. A sensor is evaluated
when its interval has passed since its last evaluation, a schedule when its next time after the last one has come, and
the loop sleeps for what is left of its turn: put back by an hour, all three would wait for that hour (dagster 1.13).
Told that no thread of its own gave a sign for half an hour, the daemon ends itself. So it starts anew when the clock
was moved, which takes some seconds, and whenever it starts it forgets what lies in the future.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, ScheduleInstigatorData, SensorInstigatorData

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
# Less than this back is waited for; forward it is nobody's trouble until the daemon misses its threads' signs.
BACK_SECONDS = 2.0
FORWARD_SECONDS = 600.0

_Data = SensorInstigatorData | ScheduleInstigatorData


def forget_the_future(instance: dg.DagsterInstance, *, now: float) -> int:
    """Have sensors and schedules go on from now where they were last at it in the future; how many.

    Args:
        instance: whose sensors and schedules.
        now: seconds since 1970.
    """
    return sum(_forget(instance, state, now) for state in instance.all_instigator_state())


def _forget(instance: dg.DagsterInstance, state: InstigatorState, now: float) -> bool:
    moved = _forget_ticks(instance, state, now) if state.instigator_type is InstigatorType.SCHEDULE else 0
    before = state.instigator_data
    data = before and _until(before, now)
    if data and data != before:
        instance.update_instigator_state(state.with_data(data))
    return moved > 0 or data != before


def _forget_ticks(instance: dg.DagsterInstance, state: InstigatorState, now: float) -> int:
    """A schedule goes on from its newest tick, whatever else is written of it."""
    ahead = instance.get_ticks(state.instigator_origin_id, state.selector_id, after=now)
    for tick in ahead:
        instance.update_tick(tick.with_status(tick.status, timestamp=now))
    return len(ahead)


def _until(data: _Data, now: float) -> _Data:
    """The same, none of its moments later than now."""
    moments = {name: at for name, at in data._asdict().items() if name.endswith("timestamp") and at is not None}
    return data._replace(**{name: min(at, now) for name, at in moments.items()})


def _ahead() -> float:
    return time.time() - time.monotonic()


class MovedClock:
    """Whether the wall clock was moved, told by the one that nobody sets.

    Args:
        ahead: seconds by which the first is ahead of the second.
    """

    def __init__(self, ahead: Callable[[], float] = _ahead) -> None:
        self._ahead = ahead
        self._at_first = ahead()

    def moved(self) -> float | None:
        """By how many seconds, forward or (less than nought) back, since this was made; None where by little."""
        seconds = self._ahead() - self._at_first
        return seconds if seconds < -BACK_SECONDS or seconds > FORWARD_SECONDS else None


def end_when_moved() -> None:
    """Have this process stopped, as SIGTERM would, when the clock is moved; whoever keeps it up starts it again."""
    threading.Thread(target=_watch, args=(MovedClock(),), name="clock", daemon=True).start()


def _watch(clock: MovedClock) -> None:
    while (seconds := clock.moved()) is None:
        time.sleep(_LOOK_SECONDS)
    way = "put back" if seconds < 0 else "put forward"
    logger.warning(
        "The clock was %s by %.0f s: the daemon starts anew, so that nothing waits for it.", way, abs(seconds)
    )
    os.kill(os.getpid(), signal.SIGTERM)
