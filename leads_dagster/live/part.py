"""What a part of the live system is: a program, how it shows that it is well, and how it is stopped.

What belongs here: values only. Which parts there are is said in `parts`, keeping one running is `keeper`.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Probe = Callable[[], Awaitable[bool]]
State = Literal["waiting", "starting", "ready", "hanging", "restarting", "stopping", "stopped"]


@dataclass(frozen=True)
class StopStep:
    """One signal to all processes of a part, and how long they have to heed it."""

    number: signal.Signals
    seconds: float


PROMPT = (StopStep(signal.SIGTERM, 10.0), StopStep(signal.SIGKILL, 10.0))
# A worker ends after the run that it has in hand (SIGUSR2); one that takes too long gives the run up (SIGTERM).
AFTER_ITS_RUN = (
    StopStep(signal.SIGUSR2, 20.0),
    StopStep(signal.SIGTERM, 10.0),
    StopStep(signal.SIGKILL, 10.0),
)


@dataclass(frozen=True)
class Part:
    """One process that is kept running.

    Attributes:
        name: as logs and `leads status` have it.
        command: program and arguments.
        probe: gives a new probe for each life of the process; the probe tells whether it is well, and never raises.
        after: parts that must have been ready once before this one starts.
        environ: added to the supervisor's own environment.
        start_seconds: how long it may take to be well for the first time.
        hang_seconds: how long it may be unwell before it is taken for hanging.
        stop: what is sent to end it.
        stop_order: parts with a smaller one are ended first.
        follows_settings: whether it has to be started anew when leads.toml changed.
        is_awaited: whether the whole is ready only when this part is.
        url: where people find it.
    """

    name: str
    command: tuple[str, ...]
    probe: Callable[[], Probe]
    after: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    start_seconds: float = 120.0
    hang_seconds: float = 30.0
    stop: tuple[StopStep, ...] = PROMPT
    stop_order: int = 0
    follows_settings: bool = False
    is_awaited: bool = True
    url: str | None = None


@dataclass(frozen=True)
class Pace:
    """How patiently parts are kept running; all in seconds but `give_up`.

    Attributes:
        first_pause: between a death and the next life; doubled from death to death.
        longest_pause: it grows no longer than this.
        forgive: after so much health earlier deaths are forgotten.
        settled: a life with less health than this counts as one that never was well.
        give_up: so many such lives in a row end the whole.
        look: from one look at a part to the next.
    """

    first_pause: float = 0.5
    longest_pause: float = 15.0
    forgive: float = 60.0
    settled: float = 5.0
    give_up: int = 10
    look: float = 0.5
