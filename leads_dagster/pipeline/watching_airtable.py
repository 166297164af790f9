"""Watching Airtable for all customers who have a table there: reading what people changed, and saying when it is due.

What belongs here: whose hook is read when, and who needs a cycle for what was read. How payloads are read is `pull`'s,
how often they may be is `budget`'s, and what becomes of an edit is decided by the cycle.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timezone

from leads_dagster.budget import airtable_budget
from leads_dagster.customers import AirtableSettings
from leads_dagster.errors import LeadsError
from leads_dagster.pipeline.airtable_edits import edits_wait
from leads_dagster.pipeline.pace import look_again_seconds, retry_seconds
from leads_dagster.pipeline.pull import Pulled, count_waiting, pull
from leads_dagster.pipeline.watching import Finding, Watcher
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store.engine import reading

EDITS_WAIT = "edits in Airtable wait"

_THREADS = 8
# Edits that were noted and are not quiet yet are looked at this often; no call of the budget is spent on that.
_QUIET_SECONDS = 0.25
# A base whose calls are parked or that refuses us is looked at this often, at the least.
_PARKED_SECONDS = 60.0
_RESTS = frozenset({"parked", "unset", "none", "refused"})


@dataclass
class _Table:
    """One customer's table; times are monotonic seconds."""

    ws: Workspace
    airtable: AirtableSettings
    read_at: float = 0.0
    waiting: int = 0
    failures: int = 0
    error: LeadsError | None = None
    asked: int = 0
    asked_until: float = 0.0
    seen_at: datetime | None = None
    reading: Future[None] | None = field(default=None, repr=False)

    def read(self) -> None:
        """Read what is new, and say when to read again; in a thread of the pool."""
        try:
            pulled = pull(self.ws, audit=False)
        except LeadsError as error:  # settings or our own database: a cycle says so in better words
            pulled = Pulled("failed", error=error)
        self._note(pulled)

    def _note(self, pulled: Pulled) -> None:
        self.error = pulled.error
        self.failures = self.failures + 1 if pulled.status == "failed" else 0
        if pulled.changes or (pulled.waiting and self.seen_at is None):
            self.seen_at = self.seen_at or datetime.now(timezone.utc)
        self.waiting = pulled.waiting
        self.read_at = time.monotonic() + self._wait(pulled)

    def _wait(self, pulled: Pulled) -> float:
        interval = self.ws.customer.interval_seconds
        if pulled.status == "failed":
            return look_again_seconds(self.failures, interval)
        if pulled.status in _RESTS:
            return _PARKED_SECONDS
        return max(interval, self._budget_seconds())

    def _budget_seconds(self) -> float:
        """Until the month's budget allows the next look."""
        try:
            with airtable_budget(self.ws.settings, self.airtable) as budget:
                following = budget.next_pull_at(interval_seconds=self.ws.customer.interval_seconds)
        except LeadsError:
            return self.ws.customer.interval_seconds
        return min((following - self.ws.now()).total_seconds(), _PARKED_SECONDS)

    def finding(self) -> Finding | None:
        """Whether edits could be taken in now; asked again only when that did not help for a while."""
        if not self.waiting or time.monotonic() < self.asked_until:
            return None
        with reading(self.ws.engine) as connection:
            due = edits_wait(self.ws, connection)
        if not due:
            self._count()
            return None
        return Finding(self.ws.name, EDITS_WAIT, self.seen_at or datetime.now(timezone.utc))

    def note_asked(self) -> None:
        """A cycle was asked for."""
        self.asked += 1
        self.asked_until = time.monotonic() + retry_seconds(self.asked, transient=True)

    def _count(self) -> None:
        """A cycle may have taken in what waited."""
        self.waiting = count_waiting(self.ws, self.airtable)
        if not self.waiting:
            self.asked, self.seen_at = 0, None


class AirtableWatcher:
    """Reads the hooks of all customers, each at its own pace.

    Args:
        watcher: knows the customers, and who is paused.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._tables: dict[str, _Table] = {}
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="airtable")

    def watch(self, seconds: float, busy: Collection[str] = (), *, most: int | None = None) -> list[Finding]:
        """Read for so long, or until edits can be taken in; arguments as `Watcher.watch`."""
        until = time.monotonic() + seconds
        while True:
            self._watcher.refresh()
            self._meet()
            free = [one for name, one in self._tables.items() if name not in busy]
            reads = self._send_out(free)
            found = [finding for one in free if (finding := one.finding()) is not None][:most]
            left = until - time.monotonic()
            if found or left <= 0:
                for each in found:
                    self._tables[each.customer].note_asked()
                return found
            self._wait(reads, min(left, _QUIET_SECONDS))

    @property
    def customers(self) -> int:
        """How many have a table there."""
        return len(self._tables)

    @property
    def errors(self) -> dict[str, LeadsError]:
        """Customers whose table cannot be read now, and why."""
        return {name: one.error for name, one in self._tables.items() if one.error is not None}

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _meet(self) -> None:
        paused = self._watcher.paused
        sheets = self._watcher.sheets
        for name, sheet in list(sheets.items()):
            airtable = sheet.ws.customer.airtable
            if airtable is None or name in paused:
                self._tables.pop(name, None)
            elif name not in self._tables or self._tables[name].ws is not sheet.ws:
                self._tables[name] = _Table(sheet.ws, airtable)
        for name in self._tables.keys() - sheets.keys():
            del self._tables[name]

    def _send_out(self, tables: Collection[_Table]) -> list[Future[None]]:
        now = time.monotonic()
        for one in tables:
            if one.reading is not None and one.reading.done():
                one.reading.result()  # what is no LeadsError is a bug, and shall be seen
                one.reading = None
            if one.reading is None and now >= one.read_at:
                one.reading = self._pool.submit(one.read)
        return [one.reading for one in tables if one.reading is not None]

    @staticmethod
    def _wait(reads: Collection[Future[None]], seconds: float) -> None:
        if reads:
            wait(reads, timeout=seconds, return_when=FIRST_COMPLETED)
        else:
            time.sleep(seconds)
