"""Watching the capture queue for all customers: who has captures that could be processed now.

What belongs here: asking the queue, and saying when it cannot be asked. What becomes of an item is `capture`'s
business.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timezone

from leads_dagster.capture_queue.place import queue_place
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.errors import LeadsError
from leads_dagster.pipeline.ingest import CAPTURES_WAIT
from leads_dagster.pipeline.pace import retry_seconds
from leads_dagster.pipeline.watching import Watcher
from leads_dagster.pipeline.watching_sheet import Finding

_LOOK_SECONDS = 0.1
# A queue that cannot be asked, or that nobody has made yet, is looked for so often.
_ASK_AGAIN_SECONDS = 1.0
_LONGEST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """A run that was asked for: how many items had ended then, how many before it were in vain, when to ask again."""

    ended: int
    in_vain: int
    again_at: float


class QueueWatcher:
    """Asks the queue several times a second.

    Args:
        watcher: knows the customers, and who is paused.

    Attributes:
        error: why the queue cannot be asked now.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._place = queue_place(watcher.settings)
        self._queue: CaptureQueue | None = None
        self.error: LeadsError | None = None
        self.waiting: dict[str, int] = {}
        self._asked: dict[str, _Asked] = {}

    def watch(self, seconds: float, busy: Collection[str] = (), *, most: int | None = None) -> list[Finding]:
        """Ask for so long, or until captures wait; arguments as `Watcher.watch`."""
        until = time.monotonic() + seconds
        while True:
            self._watcher.refresh()
            self.waiting = self._ask()
            found = [self._finding(name) for name in self._due(busy)[:most]]
            left = until - time.monotonic()
            if found or left <= 0:
                return found
            time.sleep(min(left, _LOOK_SECONDS if self._queue is not None else _ASK_AGAIN_SECONDS))

    def words(self) -> str:
        """What a tick says that asked for nothing."""
        if self.error is not None:
            return f"The capture queue cannot be asked: {self.error.message}"
        if not self.waiting:
            return "No captures wait."
        words = f"{sum(self.waiting.values()):,} captures wait, of customers that are at work, paused or switched off"
        named = self._watcher.sheets
        if unnamed := sum(count for name, count in self.waiting.items() if name not in named):
            return f"{words}; {unnamed:,} of them of customers that leads.toml does not name."
        return f"{words}."

    def close(self) -> None:
        """Let go of the queue."""
        if self._queue is not None:
            self._queue.close()
            self._queue = None

    def _ask(self) -> dict[str, int]:
        try:
            if self._queue is None and (self._place.path is None or self._place.path.exists()):
                self._queue = self._place.open()
            found = {} if self._queue is None else self._queue.waiting()
        except LeadsError as error:
            self.error = error
            self.close()
            return {}
        self.error = None
        return found

    def _due(self, busy: Collection[str]) -> list[str]:
        """Customers whose captures could be processed; one for whom that did not help is asked for ever more seldom."""
        sheets, paused, now = self._watcher.sheets, self._watcher.paused, time.monotonic()
        self._asked = {name: asked for name, asked in self._asked.items() if name in self.waiting}
        may = (name for name in self.waiting if name in sheets and name not in busy and name not in paused)
        enabled = (name for name in may if sheets[name].ws.customer.capture.enabled)
        return sorted((name for name in enabled if now >= self._again_at(name)), key=self._again_at)

    def _again_at(self, name: str) -> float:
        return self._asked[name].again_at if name in self._asked else 0.0

    def _finding(self, name: str) -> Finding:
        before, ended = self._asked.get(name), self._ended(name)
        in_vain = before.in_vain + 1 if before is not None and before.ended == ended else 0
        wait = min(retry_seconds(in_vain, transient=True), _LONGEST_SECONDS) if in_vain else 0.0
        self._asked[name] = _Asked(ended, in_vain, time.monotonic() + wait)
        return Finding(name, CAPTURES_WAIT, datetime.now(timezone.utc), captures_only=True)

    def _ended(self, name: str) -> int:
        """How many of a customer's items were worked at, one way or the other; it moves where a run got somewhere."""
        try:
            found = self._queue.status(name) if self._queue is not None else None
        except LeadsError:
            return 0
        return 0 if found is None else found.recorded + found.duplicates + found.rejected + found.delayed + found.dead
