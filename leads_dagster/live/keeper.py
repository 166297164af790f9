"""One part kept running: started, watched, started again, and ended when that is wanted.

What belongs here: the lives of one part. In what order parts start and stop is the supervisor's.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from leads_dagster.errors import PartFailedError
from leads_dagster.live.backoff import Backoff
from leads_dagster.live.child import Child
from leads_dagster.live.part import Pace, Part, Probe, State, StopStep
from leads_dagster.live.stream import Stream

_Ending = Literal["died", "hung", "asked"]
_LAST_LINES = 12
_MISSED_LOOKS = 3  # one slow answer is no illness, however long the machine slept
# Longer than any run takes: nobody waits at the terminal while parts take up new settings.
_PATIENT_SECONDS = 300.0


@dataclass
class Health:
    """How a part is, for people.

    Attributes:
        since: when it came into this state; seconds since 1970.
        pid: its process, None where it has none.
        restarts: how often it was started again.
    """

    state: State = "waiting"
    since: float = field(default_factory=time.time)
    pid: int | None = None
    restarts: int = 0


class Keeper:
    """Keeps one part running until `stop`.

    Args:
        part: what to run.
        stream: where its lines go and what becomes of it is told.
        pace: how patiently.
        hurry: set when nobody wants to wait for a gentle end any more.
        changed: called when its health changed.
    """

    def __init__(
        self, part: Part, stream: Stream, *, pace: Pace, hurry: asyncio.Event, changed: Callable[[], None]
    ) -> None:
        self.part = part
        self.health = Health()
        self.well_once = asyncio.Event()
        self._stream = stream
        self._pace = pace
        self._hurry = hurry
        self._changed = changed
        self._backoff = Backoff(pace)
        self._asked = asyncio.Event()  # to end this life
        self._stopping = asyncio.Event()  # and to begin no other
        self._well = asyncio.Event()
        self._healthy_since: float | None = None
        self._last: deque[str] = deque(maxlen=_LAST_LINES)

    async def keep(self) -> None:
        """Life after life.

        Raises:
            PartFailedError: it dies again and again without ever having been well.
        """
        while not self._stopping.is_set():
            ending, code = await self._live()
            if not self._stopping.is_set() and ending != "asked":
                await self._pause(self._after(ending, code))
        self._be("stopped")

    def stop(self) -> None:
        """Have it end, for good; `keep` returns when it has."""
        self._stopping.set()
        self._asked.set()

    async def renew(self, seconds: float) -> bool:
        """End this life when its work is done, begin another, wait until that is well; False where it is not."""
        if self._stopping.is_set():
            return False
        self._well.clear()
        self._asked.set()
        try:
            await asyncio.wait_for(self._well.wait(), seconds + _PATIENT_SECONDS)
        except asyncio.TimeoutError:
            return False
        return True

    async def _live(self) -> tuple[_Ending, int | None]:
        """One life, from start to a clean end."""
        self._asked.clear()
        if self._stopping.is_set():
            return "asked", None
        self._healthy_since = None
        probe = self.part.probe()
        child = Child.start(self.part.command, self.part.environ, self._hear)
        self._stream.tell("started", f"starts (process {child.pid})", self.part.name, pid=child.pid)
        self._be("starting", child.pid)
        try:
            ending = await self._watch(child, probe)
            if ending != "died":
                self._be("stopping" if ending == "asked" else "hanging", child.pid)
                await child.stop(self._steps(ending), self._hurry)
        finally:
            await child.clear_away()
        if ending == "asked":
            self._stream.tell("ended", _in_words(child.code), self.part.name, code=child.code)
        return ending, child.code

    def _steps(self, ending: _Ending) -> tuple[StopStep, ...]:
        """How to end this life: one that hangs at once, one that only makes room for another in peace."""
        if ending == "hung":
            return self.part.stop[-1:]
        if self._stopping.is_set():
            return self.part.stop
        first, *others = self.part.stop
        return (StopStep(first.number, max(first.seconds, _PATIENT_SECONDS)), *others)

    async def _watch(self, child: Child, probe: Probe) -> _Ending:
        """Look again and again, until it has ended, hangs, or shall end."""
        missed, last_well = 0, time.monotonic()
        while not await child.ended(self._pace.look, self._asked):
            if self._asked.is_set():
                return "asked"
            if await probe() and not self._asked.is_set():
                self._found_well(child.pid)
                missed, last_well = 0, time.monotonic()
                continue
            missed += 1
            if missed >= _MISSED_LOOKS and time.monotonic() - last_well > self._patience():
                return "hung"
        return "died"

    def _patience(self) -> float:
        return self.part.start_seconds if self._healthy_since is None else self.part.hang_seconds

    def _found_well(self, pid: int) -> None:
        if self._healthy_since is None:
            self._healthy_since = time.monotonic()
            self._be("ready", pid)
            self._stream.tell("healthy", "is ready", self.part.name)
        self._well.set()
        self.well_once.set()

    def _after(self, ending: _Ending, code: int | None) -> float:
        """Say what ended this life, and how long to wait for the next."""
        healthy = 0.0 if self._healthy_since is None else time.monotonic() - self._healthy_since
        pause = self._backoff.died(healthy)
        how = "does not answer and was killed" if ending == "hung" else _in_words(code)
        if pause is None:
            raise self._given_up(how)
        again = f"{how}; starts again in {pause:g} s"
        self._stream.tell(ending, again, self.part.name, code=code, pause_seconds=pause)
        return pause

    async def _pause(self, seconds: float) -> None:
        self._be("restarting")
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except asyncio.TimeoutError:
            return

    def _given_up(self, how: str) -> PartFailedError:
        said = "\n".join(f"  {line}" for line in self._last)
        return PartFailedError(
            f"{self.part.name} {how}, {self._pace.give_up} times one after the other. It said last:\n{said}",
            advice="Mend what it names, then start again; leads doctor checks settings and databases.",
            part=self.part.name,
        )

    def _hear(self, line: str) -> None:
        self._last.append(self._stream.heard(self.part.name, line))

    def _be(self, state: State, pid: int | None = None) -> None:
        self.health = Health(state=state, pid=pid, restarts=self._backoff.restarts)
        self._changed()


def _in_words(code: int | None) -> str:
    """What an exit code means."""
    if code is None:
        return "was lost"
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
