"""The public database for asyncio: `LeadDatabase`, awaited.

What belongs here: the awaiting class, method by method its twin's. What operations do is in `lead_operations`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from typing_extensions import Self

from leads_dagster.store import lead_operations as operations
from leads_dagster.store.api_arguments import whole_number
from leads_dagster.store.damage import watch_for_damage
from leads_dagster.store.engine import async_reading, async_writing, open_async_engine, open_engine
from leads_dagster.store.intake import Landed
from leads_dagster.store.lead_database import BATCH_ROWS, lead_of
from leads_dagster.store.lead_filter import LeadFilter
from leads_dagster.store.lead_operations import Lead, Operation
from leads_dagster.store.lead_search import LARGEST_PAGE, LeadPage, Order
from leads_dagster.store.metrics import store_metrics
from leads_dagster.store.newer_rules import match_by_todays_rules
from leads_dagster.store.opening import DEFAULT_ATTEMPTS, DEFAULT_DELAY_SECONDS, opening, tried
from leads_dagster.store.outbox import MirrorName
from leads_dagster.store.retry import StoreRetries, run_retried, run_retried_async
from leads_dagster.store.schema import ensure_schema

R = TypeVar("R")


class AsyncLeadDatabase:
    """A customer's leads in SQLite (aiosqlite) or PostgreSQL (psycopg), without blocking the event loop on either.

    Everything is as in `LeadDatabase`, with the same operations and tests; open it by `async with` or `await open()`.
    Matching and folding take some milliseconds of processor time a record, in which the loop does nothing else.

    Args:
        url, customer, who: as in `LeadDatabase`.
    """

    def __init__(self, url: str | None = None, customer: str = "default", *, who: str | None = None) -> None:
        opened = opening(url, customer, who)
        self.customer = customer
        self.retries: StoreRetries = opened.retries
        self._caller = opened.caller
        self._url = opened.settings.database_url
        self._engine = open_async_engine(self._url)
        watch_for_damage(self._engine.sync_engine, opened.settings)
        self._upgraded = False
        self._matched_by_todays_rules = False

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> Self:
        """Make or upgrade the schema; the first operation does, where nobody did.

        Raises:
            StoreError, StoreBusyError: the database cannot be opened, made or upgraded.
        """
        if not self._upgraded:
            await asyncio.to_thread(_upgrade, self._url, self.retries)
            self._upgraded = True
        return self

    async def close(self) -> None:
        """Close every connection; the next operation would open new ones."""
        await self._engine.dispose()

    async def add_lead(self, data: Mapping[str, Any]) -> str:
        """Take a record in and return the id of the lead that it made or is part of."""
        return lead_of(await self._write("lead save", operations.save(data)))

    async def upsert_lead(
        self,
        data: Mapping[str, Any],
        max_retries: int = DEFAULT_ATTEMPTS,
        retry_delay: float = DEFAULT_DELAY_SECONDS,
    ) -> tuple[str, bool]:
        """As `add_lead`, and whether a lead was made."""
        retries = tried(self.retries, attempts=max_retries, delay_seconds=retry_delay)
        landed = await self._write("lead save", operations.save(data), retries=retries)
        return lead_of(landed), landed.is_new_lead

    async def upsert_leads(
        self, batch: Iterable[Mapping[str, Any]], *, batch_rows: int = BATCH_ROWS
    ) -> AsyncIterator[Landed]:
        """Take many records in, `batch_rows` in a transaction; lazily, so that it has to be iterated."""
        whole_number("batch_rows", batch_rows, least=1)
        remaining = iter(batch)
        while part := list(islice(remaining, batch_rows)):
            for landed in await self._write("lead save", operations.save_all(part)):
                yield landed

    async def get_lead(self, lead_id: str) -> Lead | None:
        """A lead by id, by column; archived and merged ones too (`archived_at`, `merged_into`). None: no such lead."""
        return await self._read("lead read", operations.get(lead_id))

    async def update_lead(self, lead_id: str, data: Mapping[str, Any]) -> bool:
        """Change fields of a lead; a newer edit in a sheet or in Airtable overtakes it. Returns whether any changed."""
        return await self._write("lead update", operations.update(lead_id, data))

    async def search_leads(
        self,
        query: str | Mapping[str, Any] | LeadFilter | None = None,
        *,
        limit: int = 50,
        after: str | None = None,
        offset: int = 0,
        order: Order = "relevance",
        **filters: Any,
    ) -> LeadPage:
        """A page of the leads that meet a filter, without archived and merged ones."""
        find = operations.search(LeadFilter.of(query, **filters), limit=limit, after=after, offset=offset, order=order)
        return await self._read("lead search", find)

    async def count_leads(self, query: str | Mapping[str, Any] | LeadFilter | None = None, **filters: Any) -> int:
        """How many leads meet a filter; looks at each of them."""
        return await self._read("lead search", operations.count(LeadFilter.of(query, **filters)))

    async def get_all_leads(self) -> AsyncIterator[Lead]:
        """All leads but archived and merged ones, oldest first, a thousand in memory at a time."""
        after: str | None = None
        while True:
            page = await self.search_leads(limit=LARGEST_PAGE, after=after, order="oldest")
            for lead in page:
                yield lead
            after = page.next
            if after is None:
                return

    async def mark_for_sync(
        self, lead_ids: str | Sequence[str], mirrors: MirrorName | Sequence[MirrorName] | None = None
    ) -> int:
        """Let mirrors look at leads again at the next sync; returns how many leads were marked."""
        return await self._write("mark for sync", operations.mark_for_sync(lead_ids, mirrors))

    async def get_sync_pending_leads(self, limit: int = 100, mirror: MirrorName | None = None) -> list[Lead]:
        """Leads that a mirror has still to hear of; each with `pending`: which mirrors."""
        return await self._read("lead read", operations.sync_pending(limit=limit, mirror=mirror))

    @staticmethod
    def metrics() -> dict[str, Any]:
        """What the lead database cost this process: calls, retries, failures and waits for locks, by operation."""
        return store_metrics()

    async def _write(self, operation: str, call: Operation[R], *, retries: StoreRetries | None = None) -> R:
        async def attempt() -> R:
            async with async_writing(self._engine, self.customer) as connection:
                return await connection.run_sync(call, self._caller)

        await self.open()
        if not self._matched_by_todays_rules:
            await asyncio.to_thread(_match, self._url, self._caller, self.retries)
            self._matched_by_todays_rules = True
        return await run_retried_async(operation, attempt, policy=retries or self.retries)

    async def _read(self, operation: str, call: Operation[R]) -> R:
        async def attempt() -> R:
            async with async_reading(self._engine) as connection:
                return await connection.run_sync(call, self._caller)

        await self.open()
        return await run_retried_async(operation, attempt, policy=self.retries)


def _upgrade(url: str, retries: StoreRetries) -> None:
    """Alembic is not asynchronous: the schema is made through a connection of its own, in a thread."""
    engine = open_engine(url)
    try:
        run_retried("schema upgrade", ensure_schema, engine, policy=retries)
    finally:
        engine.dispose()


def _match(url: str, caller: operations.Caller, retries: StoreRetries) -> None:
    """Matching everything anew takes long, and happens once in a version: in a thread, as the upgrade."""
    engine = open_engine(url)
    try:
        match_by_todays_rules(engine, caller, retries)
    finally:
        engine.dispose()
