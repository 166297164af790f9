"""What the routes and the dashboard's pages ask: settings, workspaces on one engine, kept answers.

What belongs here: what is open for as long as the server runs. One object of it is `request.app.state.leads`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from leads_dagster.capture_queue.place import open_queue
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.errors import NotFoundError
from leads_dagster.interfaces.api.events import Events
from leads_dagster.interfaces.api.keeping import Keeping, Kept
from leads_dagster.interfaces.api.told import milliseconds
from leads_dagster.interfaces.api.triggers import Triggers
from leads_dagster.live.presence import who_runs
from leads_dagster.pipeline.metrics import metrics
from leads_dagster.pipeline.status import progress, statuses
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.settings import Settings, customer_named
from leads_dagster.store.change_counter import ChangeCounter
from leads_dagster.store.damage import refuse_damaged, watch_for_damage
from leads_dagster.store.engine import open_engine
from leads_dagster.store.schema import ensure_schema

_NAMES = {"paused": "is_paused", "running": "is_running", "last_synced_at": "last_sync_at"}
# For what does not stand in the store: budgets, breakers, whether `leads up` runs, and spans that end now.
STATUS_SECONDS = 5.0
# What stands in the store holds until that changes; so long at most.
KEPT_SECONDS = 300.0


class Answering:
    """The lead database and the settings, open for as long as the server runs.

    Args:
        settings: of the process.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.prepare_home()
        self.engine: Engine = open_engine(settings.database_url)
        watch_for_damage(self.engine, settings)
        self._counter = ChangeCounter(self.engine)
        self.kept = Keeping(self._counter)
        self.triggers = Triggers(self)
        self._heard = ChangeCounter(self.engine)
        self.events = Events(self._progress, self._heard.moved)
        self._is_upgraded = False

    def stop_events(self) -> None:
        """The server stops: who listens for events is let go."""
        self.events.stop()

    def close(self) -> None:
        """Let go of the database."""
        self._counter.close()
        self._heard.close()
        if "queue" in vars(self):
            self.queue.close()
        self.engine.dispose()

    @cached_property
    def queue(self) -> CaptureQueue:
        """Where captures wait; open as long as the server runs.

        Raises:
            SettingsError, StoreError, StoreBusyError: it cannot be used.
        """
        return open_queue(self.settings)

    def customers(self) -> list[str]:
        """Names of all customers, in the order of leads.toml."""
        return [one.name for one in self.settings.customers]

    def customer(self, named: str | None) -> str:
        """The customer that a request is about: the named one, else the only one, else `default`.

        Raises:
            NotFoundError: there is none of that name.
            SettingsError: there are several and none was named.
        """
        if named is not None and named not in self.customers():
            known = ", ".join(self.customers())
            raise NotFoundError("There is no customer of that name.", advice=f"leads.toml names {known}.")
        return customer_named(self.settings, named).name

    @contextmanager
    def workspace(self, customer: str | None) -> Iterator[Workspace]:
        """A workspace on the engine that is open; for one thread, and one piece of work.

        Raises:
            SettingsError: no such customer.
            StoreDamagedError: the database is damaged or gone.
            StoreError, StoreBusyError: it cannot be opened.
        """
        refuse_damaged(self.settings)
        if not self._is_upgraded:
            ensure_schema(self.engine)
            self._is_upgraded = True
        yield Workspace(self.settings, customer_named(self.settings, customer), self.engine)

    async def read(self, customer: str | None, use_case: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a use case that only reads, in a thread, with a workspace first."""

        def call() -> Any:
            with self.workspace(customer) as workspace:
                return use_case(workspace, *args, **kwargs)

        return await run_in_threadpool(call)

    async def write(self, customer: str | None, use_case: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a use case that writes, in a thread; no answer from before is given any more, even if it failed."""
        try:
            return await self.read(customer, use_case, *args, **kwargs)
        finally:
            self.kept.wrote()

    async def keep(
        self,
        name: Hashable,
        customer: str | None,
        use_case: Callable[..., Any],
        *args: Any,
        **kwargs: Any,
    ) -> Kept:
        """As `read`, but kept under `name` until the store changes."""

        def call() -> Any:
            with self.workspace(customer) as workspace:
                return use_case(workspace, *args, **kwargs)

        return await self.kept.get(name, call, longest=KEPT_SECONDS)

    async def status(self, customer: str) -> dict[str, Any]:
        """Where a customer's sync stands, as `pipeline.status` says, with the API's names for what is in it.

        is_paused, is_running, last_sync_at, sync_duration (ms), and `live`: whether `leads up` runs.
        """
        found: dict[str, Any] = (await self.status_kept(customer)).value
        return found

    async def statuses(self) -> list[dict[str, Any]]:
        """The status of every customer, in the order of leads.toml."""
        found: list[dict[str, Any]] = (await self.statuses_kept()).value
        return found

    async def status_kept(self, customer: str) -> Kept:
        """As `status`, kept."""
        return await self.kept.get(("status", customer), lambda: self._status(customer), longest=STATUS_SECONDS)

    async def statuses_kept(self) -> Kept:
        """As `statuses`, kept."""

        def read() -> list[dict[str, Any]]:
            return self._statuses(self.customers())

        return await self.kept.get("statuses", read, longest=STATUS_SECONDS)

    async def metrics_kept(self, customer: str, since: timedelta) -> Kept:
        """What a customer's sync did since, as `pipeline.metrics` says."""

        def read() -> dict[str, Any]:
            with self.workspace(customer) as workspace:
                return metrics(workspace, since=since)

        return await self.kept.get(("metrics", customer, since), read, longest=STATUS_SECONDS)

    @cached_property
    def _looked_at(self) -> dict[str, Workspace]:
        """Customer -> a workspace to look with, and nothing else: where its sheet is, is found out once."""
        return {one.name: Workspace(self.settings, one, self.engine) for one in self.settings.customers}

    def _progress(self) -> dict[str, dict[str, Any]]:
        """Customer -> what events tell of it."""
        with self.workspace(self.customers()[0]) as workspace:
            return progress(workspace, self.customers())

    def _status(self, customer: str) -> dict[str, Any]:
        return self._statuses([customer])[0]

    def _statuses(self, customers: Sequence[str]) -> list[dict[str, Any]]:
        with self.workspace(customers[0]):
            found = statuses([self._looked_at[name] for name in customers])
        live = who_runs(self.settings.home)
        return [{**_spelled(one), "live": live} for one in found]


def _spelled(found: Mapping[str, Any]) -> dict[str, Any]:
    """A status with the names of the API."""
    said = {_NAMES.get(name, name): value for name, value in found.items() if name != "last_duration_seconds"}
    return {**said, "sync_duration": milliseconds(found["last_duration_seconds"])}
