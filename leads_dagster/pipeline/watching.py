"""Looks at the sheets of all customers, again and again, and says which of them a cycle is due for.

What belongs here: whose turn it is, and the look. Nothing is written and no cycle is run: a finding that gets lost is
found again, since state is compared with state.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine

from leads_dagster.customers import CustomerSettings
from leads_dagster.errors import LeadsError
from leads_dagster.pipeline.ingest import has_work
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.settings import Settings, load_settings
from leads_dagster.store import ledger
from leads_dagster.store.engine import open_engine, reading
from leads_dagster.store.schema import ensure_schema

LOOKS_A_SECOND = 4
_THREADS = 16
_LONGEST_DELAY_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A customer for whom a cycle is due.

    Attributes:
        customer: the name.
        why: in words.
        seen_at: when it was first seen.
    """

    customer: str
    why: str
    seen_at: datetime


@dataclass
class _Seat:
    """One customer as the watcher knows it; times are monotonic."""

    ws: Workspace
    due_at: float = 0.0
    seen_version: int | None = None  # of the database when there was nothing to do
    seen_checksum: str = ""
    asked: str = ""  # what the last cycle was asked for; "" once there was nothing to do
    asked_times: int = 0
    not_before: float = 0.0
    first_seen: datetime | None = field(default=None)


class Watcher:
    """Watches all customers of these settings; to be kept for the life of a process.

    Args:
        settings: whose customers.
    """

    def __init__(self, settings: Settings) -> None:
        settings.prepare_home()
        self.settings = settings
        self._engine: Engine = open_engine(settings.database_url)
        ensure_schema(self._engine)
        self._versions: Connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="watch")
        self._seats = {one.name: self._seat(one) for one in settings.customers}

    def watch(self, *, seconds: float, busy: Collection[str] = ()) -> list[Finding]:
        """Look until something is found, or until the seconds are over.

        Args:
            seconds: how long at most.
            busy: customers with a cycle under way; they are looked at when it is over.
        """
        ends = time.monotonic() + seconds
        while True:
            found = self._look_at_those_due(busy)
            now = time.monotonic()
            next_due = min((seat.due_at for seat in self._seats.values()), default=ends)
            if found or now >= ends:
                return found
            time.sleep(max(0.0, min(next_due, ends) - now))

    def _look_at_those_due(self, busy: Collection[str]) -> list[Finding]:
        now = time.monotonic()
        paused = self._paused()
        due = [seat for name, seat in self._seats.items() if seat.due_at <= now and name not in paused]
        for seat in due:
            seat.due_at = now + seat.ws.customer.interval_seconds / LOOKS_A_SECOND
        version = self._version()
        looks = (functools.partial(self._look, seat, version) for seat in due if seat.ws.name not in busy)
        return [one for one in self._pool.map(_call, looks) if one is not None]

    def _look(self, seat: _Seat, version: int) -> Finding | None:
        if not has_work(seat.ws, airtable=False):
            seat.asked, seat.asked_times, seat.first_seen = "", 0, None
            return None
        looked = seat.ws.looked
        what = repr(looked) if isinstance(looked, LeadsError) else looked.fingerprint if looked else ""
        now = time.monotonic()
        if what == seat.asked and now < seat.not_before:
            return None
        seat.asked_times = seat.asked_times + 1 if what == seat.asked else 1
        if what != seat.asked or seat.first_seen is None:
            seat.first_seen = seat.ws.now() if isinstance(looked, LeadsError) or looked is None else looked.observed_at
        seat.asked = what
        seat.not_before = now + min(2.0 ** (seat.asked_times - 1), _LONGEST_DELAY_SECONDS)
        why = "the sheet cannot be read" if isinstance(looked, LeadsError) else "something changed"
        return Finding(seat.ws.name, why, seat.first_seen)

    def _paused(self) -> set[str]:
        with reading(self._engine) as connection:
            return {name for name in self._seats if ledger.customer_state(connection, name).get("paused")}

    def _version(self) -> int:
        """A number that is another one after any change of the database by somebody else."""
        if self._engine.dialect.name != "sqlite":
            return int(time.monotonic())
        return int(self._versions.exec_driver_sql("PRAGMA data_version").scalar_one())

    def _seat(self, customer: CustomerSettings) -> _Seat:
        ws = Workspace(self.settings, customer, self._engine, books_progress=False)
        ws.paced = True
        return _Seat(ws)


def _call(look: functools.partial[Finding | None]) -> Finding | None:
    return look()


def names(found: Iterable[Finding]) -> str:
    """The customers of findings, for a sentence."""
    return ", ".join(one.customer for one in found)


@functools.cache
def _watcher(home: str, config: str, changed: float) -> Watcher:
    return Watcher(load_settings())


def shared_watcher() -> Watcher:
    """The process's one; another where leads.toml changed.

    Raises:
        SettingsError: the settings are wrong.
        StoreError, StoreBusyError: the lead database cannot be opened.
    """
    settings = load_settings()
    path = settings.config_path
    changed = path.stat().st_mtime if path is not None else 0.0
    return _watcher(str(settings.home), str(path or os.curdir), changed)
