"""Where a test of both ways takes hold of the machine: time, requests that go out, statements that are run.

What belongs here: a clock that only the test moves, and a process that ends, or a person who types, at a chosen moment.
Nothing here knows leads.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import stamina
from sqlalchemy import Engine, event

from leads_dagster.mirrors.budget import Budget, Limit
from leads_dagster.sandbox import Sandbox

_TICK_SECONDS = 0.001


class Crash(BaseException):
    """The process ends here."""


class Clock:
    """Time as the test wants it: it passes by a tick a look, and by what is asked for.

    Attributes:
        ours, theirs: seconds that our clock and Airtable's are ahead of the true time.
    """

    def __init__(self) -> None:
        self._start = datetime.now(timezone.utc).replace(microsecond=0)
        self._lock = threading.Lock()
        self.passed = self.ours = self.theirs = 0.0

    def advance(self, seconds: float) -> None:
        with self._lock:
            self.passed += seconds

    def _look(self) -> float:
        self.advance(_TICK_SECONDS)
        return self.passed

    def seconds(self) -> float:
        """The true time since the epoch."""
        return self._start.timestamp() + self._look()

    def our_now(self) -> datetime:
        return self._start + timedelta(seconds=self._look() + self.ours)

    def their_now(self) -> datetime:
        return self._start + timedelta(seconds=self._look() + self.theirs)


class Seams:
    """Counts statements and requests while a cycle runs, and does at one of them what was asked for."""

    def __init__(self) -> None:
        self.running = self.dead = False
        self._counts = {"statement": 0, "before": 0, "after": 0}
        self._acts: dict[tuple[str, int], Callable[[], None]] = {}

    def at(self, kind: str, number: int, act: Callable[[], None]) -> None:
        """Do that at the next cycle's statement, or before or after its request, of that number (from 1)."""
        self._acts[kind, number] = act

    def die(self) -> None:
        """From here on nothing is run or sent any more."""
        self.dead = True
        raise Crash

    @contextmanager
    def counted(self) -> Iterator[None]:
        """A cycle, or another piece of our work."""
        self.running, self.dead = True, False
        self._counts = dict.fromkeys(self._counts, 0)
        try:
            yield
        finally:
            self.running = self.dead = False

    def clear(self) -> None:
        self._acts.clear()

    def pass_by(self, kind: str) -> None:
        """One more; raises `Crash` where the process ends."""
        if not self.running:
            return
        if self.dead:
            raise Crash
        self._counts[kind] += 1
        act = self._acts.pop((kind, self._counts[kind]), None)
        if act is not None:
            act()


@contextmanager
def taken_hold(sandbox: Sandbox) -> Iterator[tuple[Clock, Seams]]:
    """Our clock, Airtable's, the budget's waits, every statement and every request to Airtable, in the test's hands."""
    clock, seams = Clock(), Seams()
    with pytest.MonkeyPatch.context() as patch:
        _take_time(patch, clock, sandbox)
        _take_requests(patch, seams)
        patch.setattr(logging.root.manager, "disable", logging.ERROR)  # thousands of refusals that were asked for
        stamina.set_testing(True, attempts=4, cap=True)

        def statement(*_: Any) -> None:
            seams.pass_by("statement")

        event.listen(Engine, "before_cursor_execute", statement)
        event.listen(Engine, "commit", statement)
        try:
            yield clock, seams
        finally:
            event.remove(Engine, "before_cursor_execute", statement)
            event.remove(Engine, "commit", statement)
            stamina.set_testing(False)


def _take_time(patch: pytest.MonkeyPatch, clock: Clock, sandbox: Sandbox) -> None:
    def budget(home: Path, limits: Any, **_: Any) -> Budget:
        return Budget(home, limits, clock=clock.seconds, sleep=clock.advance)

    patch.setattr("leads_dagster.pipeline.workspace.Workspace.now", lambda _: clock.our_now())
    patch.setattr("leads_dagster.store.epochs.wall_clock", clock.our_now)
    patch.setattr("leads_dagster.pipeline.sweep.time", SimpleNamespace(sleep=clock.advance))
    patch.setattr("leads_dagster.budget.place.Budget", budget)
    patch.setattr("leads_dagster.budget.place.airtable_limits", lambda *_, **__: (Limit("all", 10_000),))
    patch.setattr(sandbox.clock, "now", clock.their_now)
    patch.setattr(sandbox.clock, "monotonic", clock.seconds)


def _take_requests(patch: pytest.MonkeyPatch, seams: Seams) -> None:
    send = requests.adapters.HTTPAdapter.send

    def counted(self: Any, *given: Any, **named: Any) -> Any:
        seams.pass_by("before")
        answer = send(self, *given, **named)
        try:
            seams.pass_by("after")
        except Crash:
            answer.close()  # as the system closes what a process leaves open
            raise
        return answer

    patch.setattr("requests.adapters.HTTPAdapter.send", counted)
