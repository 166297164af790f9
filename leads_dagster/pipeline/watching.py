"""Watching all customers' sheets, for the life of a process: whose turn it is, and who needs a cycle.

What belongs here: looking in turn, in threads, over one database and one HTTP client for all. What one look comes to is
`watching_sheet`'s, how often to look `pace`'s; starting cycles is the business of who asks.

State is compared with state: a finding that gets lost is found again, and one that is acted on twice does no harm.
All waits are by the monotonic clock, so that a clock that is set does not stop them.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from leads_dagster.breakers import CircuitBreakers
from leads_dagster.customers import CustomerSettings
from leads_dagster.errors import LeadsError, SettingsError
from leads_dagster.leads_toml import read_customers
from leads_dagster.pipeline.pace import LONGEST_LOOK_WAIT_SECONDS, Pace, drive_look_seconds
from leads_dagster.pipeline.recovery import see_that_sound
from leads_dagster.pipeline.watching_notes import Notes
from leads_dagster.pipeline.watching_sheet import CHANGED, Finding, WatchedSheet
from leads_dagster.pipeline.watching_turns import Turns
from leads_dagster.pipeline.watching_waiting import Waiting
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.retrying import Retries
from leads_dagster.settings import CONFIG_NAME, Settings
from leads_dagster.sources.http import LeadsHttp, Timeouts
from leads_dagster.store.change_counter import ChangeCounter
from leads_dagster.store.damage import watch_for_damage
from leads_dagster.store.engine import open_engine, reading
from leads_dagster.store.schema import ensure_schema
from leads_dagster.store.watch_rows import Standing, standings

__all__ = ["Finding", "Watcher"]

THREADS = 16
# A look that hangs must not keep its thread for long: the next one comes soon enough.
_TIMEOUTS = Timeouts(connect=5.0, read=10.0, total=20.0)
# The database is asked for all customers at once at most so often, and less often the more they are.
_HEAR_SECONDS = 0.2
_HEAR_SECONDS_A_CUSTOMER = 0.001
# More than this between two calls is a pause of the caller's, such as the five seconds of plain `dagster dev`.
_PAUSE_SECONDS = 0.5
_ASK_AGAIN_SECONDS = 1.0  # a database that could not be read
_LATENESS_WEIGHT = 0.05


@dataclass(frozen=True, slots=True)
class _Looked:
    """A look that is over: whose, when its turn was, when it began and what it found."""

    sheet: WatchedSheet
    due: float
    done: Future[tuple[float, Finding | None]]


class Watcher:
    """Looks at the sheets of all customers, again and again.

    Args:
        settings: of the process.
        follows_file: read leads.toml again when it changes.

    Attributes:
        sheets: customer -> what is known of it.
        paces: customer -> how often it is looked at, and why so.
        troubles: what cannot be read now ("settings", "store"), and why, in words.
        waiting: what was found and not given to anybody yet.

    Raises:
        StoreError, StoreBusyError: the lead database cannot be opened.
    """

    def __init__(self, settings: Settings, *, follows_file: bool = True) -> None:
        self.settings = settings
        self._follows_file = follows_file
        self.sheets: dict[str, WatchedSheet] = {}
        self.paces: dict[str, Pace] = {}
        self.troubles: dict[str, str] = {}
        self._late_seconds = 0.0
        self._watching = threading.Lock()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="look")
        self._results: queue.SimpleQueue[_Looked] = queue.SimpleQueue()
        self._turns = Turns()
        self.waiting = Waiting()
        self._busy: frozenset[str] = frozenset()
        self._config = _state_of(_config_path(settings))
        self._hear_at = self._began = self._ended = 0.0
        self._must_hear = True
        self._looked: set[str] = set()
        self._answers: dict[str, datetime] = {}
        self._http = _http()
        settings.prepare_home()
        see_that_sound(settings)
        self.engine = open_engine(settings.database_url)
        watch_for_damage(self.engine, settings)
        ensure_schema(self.engine)
        self._counter = ChangeCounter(self.engine)
        self._notes = Notes(settings, self.engine)
        self._meet(settings.customers)

    def watch(self, seconds: float, busy: Collection[str] = (), *, most: int | None = None) -> list[Finding]:
        """Look for so long, or until something is found.

        Args:
            seconds: how long at most.
            busy: customers with a cycle under way: they are left alone, and looked at as soon as that is over.
            most: findings to give at most; those left out wait for the next call. With none the looks go on.

        Returns:
            Customers that need a cycle, the longest waiting first.
        """
        with self._watching:
            until = time.monotonic() + seconds
            self._begin(frozenset(busy))
            found = self._look_until(until, most)
            self._end(found)
            return found

    def settle(self, customer: str) -> None:
        """A cycle of this customer ended: see at once whether another one is due."""
        if customer in self.sheets:
            self.sheets[customer].ask_in_full()
            self._turns.give(customer, time.monotonic())
            self._must_hear = True

    def refresh(self) -> None:
        """Take in settings and database, for whoever watches something else; while sheets are watched that is done."""
        if self._watching.acquire(blocking=False):
            try:
                self._read_settings()
                self._hear()
            finally:
                self._watching.release()

    def close(self) -> None:
        """End the threads and let go of the database."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()
        self._counter.close()
        self.engine.dispose()

    @property
    def paused(self) -> dict[str, str]:
        """Paused customers, and why."""
        return {name: one.standing.reason for name, one in self.sheets.items() if one.standing.paused}

    def _begin(self, busy: frozenset[str]) -> None:
        now = time.monotonic()
        if now - self._ended > _PAUSE_SECONDS:
            self._began = now
        self._read_settings()
        if self._answers:  # whoever was given these findings came back, so that they were acted on
            self._notes.note_answered(self._answers)
            self._answers = {}
        ended, self._busy = self._busy - busy, busy
        self.waiting.drop(busy)
        for name in ended:
            self.settle(name)

    def _end(self, found: Iterable[Finding]) -> None:
        for one in found:
            sheet = self.sheets[one.customer]
            sheet.note_asked()
            if sheet.standing.triggered_at is not None:
                self._answers[one.customer] = sheet.standing.triggered_at
        if self._notes.write(self.paces, sorted(self._looked)):
            self._looked.clear()
        self._ended = time.monotonic()

    def _look_until(self, until: float, most: int | None) -> list[Finding]:
        while True:
            self._hear()
            self._send_out()
            # Who waits already waits for no look; those that are due begin all the same.
            self._collect(until if most == 0 or not self.waiting else time.monotonic())
            found = self.waiting.take(most, self._may_run)
            if found or time.monotonic() >= until:
                return found

    def _may_run(self, finding: Finding) -> bool:
        """Whether a run could do what it is for. Where reads are counted, it would fail for want of two."""
        sheet = self.sheets[finding.customer]
        return finding.why != CHANGED or not sheet.counts_reads or self._notes.take_reads()

    def _read_settings(self) -> None:
        """Take in a leads.toml that changed; one that cannot be used changes nothing."""
        path = _config_path(self.settings)
        state = _state_of(path)
        if state == self._config or not self._follows_file:
            return
        try:
            if state is not None:
                self.settings = replace(self.settings, customers=read_customers(path), config_path=path)
            self._config = state
            self.troubles.pop("settings", None)
        except SettingsError as error:
            self.troubles["settings"] = f"{path.name} cannot be used, the one before it holds: {error.message}"
            return
        self._meet(self.settings.customers)

    def _meet(self, customers: Collection[CustomerSettings]) -> None:
        """Watch these customers and no others; their first turns are spread over their intervals."""
        wanted = {one.name: one for one in customers}
        for name in self.sheets.keys() - wanted.keys():
            del self.sheets[name]
            self.paces.pop(name, None)
            self._turns.drop(name)
            self.waiting.drop([name])
        new = [one for one in customers if one.name not in self.sheets or self.sheets[one.name].ws.customer != one]
        now = time.monotonic()
        for place, customer in enumerate(new):
            before = self.sheets.get(customer.name)
            made = WatchedSheet(self._workspace(customer), before.standing if before else None)
            made.may_read = self._may_read
            self.sheets[customer.name] = made
            self._turns.drop(customer.name)
            self._turns.give(customer.name, now + customer.interval_seconds * place / len(new))
        self._share_out_drive()
        self._must_hear = True

    def _share_out_drive(self) -> None:
        """All looks that ask Google Drive come out of one quota."""
        asking = [one for one in self.sheets.values() if one.counts_reads and one.ws.customer.interval_seconds <= 1]
        for sheet in asking:
            sheet.quick_seconds = drive_look_seconds(len(asking))

    def _workspace(self, customer: CustomerSettings) -> Workspace:
        made = Workspace(self.settings, customer, self.engine, books_progress=False, paced=True)
        made.http = self._http
        return made

    def _may_read(self) -> bool:
        """Whether a sheet may be read in full for its age alone."""
        return self._notes.take_reads(spare=True)

    def _hear(self) -> None:
        """Let the customers know what the database says, where somebody wrote to it."""
        now = time.monotonic()
        if now < self._hear_at and not self._must_hear:
            return
        self._hear_at = now + _HEAR_SECONDS + _HEAR_SECONDS_A_CUSTOMER * len(self.sheets)
        if not self._counter.moved() and not self._must_hear:
            return
        self._must_hear = False
        try:
            with reading(self.engine) as connection:
                said = standings(connection, list(self.sheets))
        except LeadsError as error:
            self._cannot_ask(error)
            return
        self.troubles.pop("store", None)
        for name, standing in said.items():
            self._tell(name, standing)

    def _cannot_ask(self, error: LeadsError) -> None:
        """The database cannot be read: nothing is found until it can."""
        self.troubles["store"] = error.message
        self._counter.forget()
        self._hear_at = time.monotonic() + _ASK_AGAIN_SECONDS

    def _tell(self, name: str, standing: Standing) -> None:
        sheet = self.sheets[name]
        before, heard = sheet.standing, sheet.heard
        sheet.hear(standing)
        if standing.paused != before.paused:
            self._notes.forget(name)
            self.waiting.drop([name])
        if heard and standing != before:
            self._turns.give(name, time.monotonic())

    def _send_out(self) -> None:
        now = time.monotonic()
        for name, due in self._turns.take(now):
            sheet = self.sheets[name]
            if name in self._busy or sheet.standing.paused or not sheet.heard:
                self._turns.come_back(name, now + sheet.ws.customer.interval_seconds)
                continue
            future = self._pool.submit(_timed_look, sheet)
            future.add_done_callback(partial(self._bring_back, sheet, due))

    def _bring_back(self, sheet: WatchedSheet, due: float, done: Future[tuple[float, Finding | None]]) -> None:
        self._results.put(_Looked(sheet, due, done))

    def _collect(self, until: float) -> None:
        """Wait for the next look to end, or for the next turn; then take in all looks that have ended."""
        soonest = min(until, self._turns.next_at() or until, self._hear_at)
        wait = max(0.001, soonest - time.monotonic())
        while True:
            try:
                looked = self._results.get(timeout=wait) if wait else self._results.get_nowait()
            except queue.Empty:
                return
            wait = 0.0
            self._take_in(looked)

    def _take_in(self, looked: _Looked) -> None:
        sheet, name = looked.sheet, looked.sheet.ws.name
        if self.sheets.get(name) is not sheet or looked.done.cancelled():
            return  # its settings changed meanwhile, or it is gone
        try:
            began, finding = looked.done.result()
        except LeadsError as error:
            self._cannot_ask(error)
            began, finding = looked.due, None
        if name in self.paces:  # the first looks of many cost more than those that follow, and say nothing of these
            self._note_lateness(began - max(looked.due, self._began))
        share = self._notes.google_share() if sheet.counts_reads else 0.0
        pace = self.paces[name] = sheet.pace(late_seconds=self._late_seconds, quota_share=share)
        self._turns.come_back(name, max(looked.due + sheet.next_look_seconds(pace), time.monotonic()))
        if sheet.error is None:
            self._looked.add(name)
        self.waiting.note(name, None if name in self._busy or sheet.standing.paused else finding)

    def _note_lateness(self, seconds: float) -> None:
        self._late_seconds += (max(0.0, seconds) - self._late_seconds) * _LATENESS_WEIGHT


def _timed_look(sheet: WatchedSheet) -> tuple[float, Finding | None]:
    """When it began, and what was found."""
    return time.monotonic(), sheet.look()


def _http() -> LeadsHttp:
    """No retries, since the next look is one; and no host is rested for longer than people wait."""
    breakers = CircuitBreakers(max_seconds=LONGEST_LOOK_WAIT_SECONDS)
    return LeadsHttp(timeouts=_TIMEOUTS, retries=Retries(count=0), breakers=breakers)


def _config_path(settings: Settings) -> Path:
    return settings.config_path or settings.home / CONFIG_NAME


def _state_of(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
