"""The client of the HTTP API, in two kinds: `LeadsClient`, and `AsyncLeadsClient` for asyncio.

    from leads_dagster.client import LeadsClient

    with LeadsClient("http://127.0.0.1:8000") as client:
        print(client.sync_status().progress_message)
        for lead in client.all_leads(q="acme"):
            print(lead["fullName"])

What belongs here: sending, and keeping answers for a while where that is asked for. What is sent and how it is read is
`client_calls`', what comes back `client_results`'.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import httpx
from typing_extensions import Self

from leads_dagster import client_calls as calls
from leads_dagster.client_calls import CACHE_SECONDS, DEFAULT_URL, Cache, Call, answer_of, token_of, unreachable
from leads_dagster.client_results import Captured, LeadPage, Paused, SyncMetrics, SyncStatus, Triggered

__all__ = [
    "AsyncLeadsClient",
    "Captured",
    "LeadPage",
    "LeadsClient",
    "Paused",
    "SyncMetrics",
    "SyncStatus",
    "Triggered",
]

R = TypeVar("R")
_API = "/api/leads"
_PAGE = 500


def _headers(token: str | None) -> dict[str, str]:
    shown = token_of(token)
    return {"Authorization": f"Bearer {shown}"} if shown else {}


class LeadsClient:
    """Calls the API of `leads up` or `leads serve`; one object may serve many threads.

    Every method raises a `LeadsError` in words where it fails: `ServiceUnavailableError` where nobody answers,
    `CredentialsError` for a token, else the error that the server names.

    Args:
        url: of the server.
        token: to show; None for the first of LEADS_API_TOKEN, if that is set.
        cached: keep what is read for `cache_seconds`, until something is written through this client; each method that
            reads takes `cached` too, for itself.
        cache_seconds: five minutes.
        timeout: seconds that one answer may take.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        cached: bool = False,
        cache_seconds: float = CACHE_SECONDS,
        timeout: float = 30.0,
    ) -> None:
        self._url = url
        self._cached = cached
        self._cache = Cache(cache_seconds)
        self._http = httpx.Client(base_url=url, headers=_headers(token), timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def forget(self) -> None:
        """Keep nothing of what was read."""
        self._cache.clear()

    def sync_status(self, customer_id: str | None = None, *, cached: bool | None = None) -> SyncStatus:
        """Where a customer's sync stands; None for the only customer."""
        return self._call(calls.status(customer_id), cached=cached)

    def all_statuses(self, *, cached: bool | None = None) -> list[SyncStatus]:
        """Where every customer's sync stands, in the order of leads.toml."""
        return self._call(calls.statuses(), cached=cached)

    def metrics(self, customer_id: str | None = None, *, since: str = "24h", cached: bool | None = None) -> SyncMetrics:
        """What a customer's sync did since so long: a number and s, m, h or d."""
        return self._call(calls.metrics(customer_id, since), cached=cached)

    def trigger(self, customer_id: str | None = None) -> Triggered:
        """Ask for a cycle now; `ConflictError` where the customer is paused."""
        return self._call(calls.trigger(customer_id))

    def pause(self, customer_id: str | None = None, *, reason: str = "") -> Paused:
        """Let the live system leave a customer alone."""
        return self._call(calls.pause(customer_id, reason))

    def resume(self, customer_id: str | None = None) -> Paused:
        """Let it look after the customer again."""
        return self._call(calls.resume(customer_id))

    def leads(self, customer_id: str | None = None, *, cached: bool | None = None, **asked: Any) -> LeadPage:
        """A page of leads.

        Args:
            asked: what `POST /api/leads/search` takes, by its names: q, limit, cursor, order, company=["Acme"],
                createdSince="2026-01-01T00:00:00Z", ….
        """
        return self._call(calls.leads(customer_id, asked), cached=cached)

    def all_leads(self, customer_id: str | None = None, **asked: Any) -> Iterator[Mapping[str, Any]]:
        """All leads that a search finds, page by page."""
        asked = {"limit": _PAGE, **asked}
        while True:
            page = self.leads(customer_id, cached=False, **asked)
            yield from page.leads
            if page.next_cursor is None:
                return
            asked["cursor"] = page.next_cursor

    def lead(self, lead_id: str, customer_id: str | None = None, *, cached: bool | None = None) -> Mapping[str, Any]:
        """One lead, with where its fields come from and why its records are one."""
        return self._call(calls.lead(customer_id, lead_id), cached=cached)

    def history(
        self, lead_id: str, customer_id: str | None = None, *, limit: int = 100, cached: bool | None = None
    ) -> Mapping[str, Any]:
        """What happened to a lead, newest first."""
        return self._call(calls.history(customer_id, lead_id, limit), cached=cached)

    def capture(self, data: Mapping[str, Any], customer_id: str | None = None, *, key: str | None = None) -> Captured:
        """Hand over one lead; the same key again is the same capture."""
        return self._call(calls.capture(customer_id, data, key))

    def capture_many(
        self, many: Sequence[Mapping[str, Any]], customer_id: str | None = None, *, key: str | None = None
    ) -> list[Captured]:
        """Hand over up to a thousand at once, all or none."""
        return self._call(calls.captures(customer_id, many, key))

    def _call(self, call: Call[R], *, cached: bool | None = None) -> R:
        keeps = (self._cached if cached is None else cached) and not call.writes
        if keeps and (kept := self._cache.get(call)) is not None:
            return kept[0]
        try:
            response = self._http.request(**_request(call))
        except httpx.TransportError as error:
            raise unreachable(self._url, error) from error
        finally:
            if call.writes:  # even if it failed: it may have been done
                self._cache.clear()
        answer = answer_of(call, response)
        if keeps:
            self._cache.put(call, answer)
        return answer


class AsyncLeadsClient:
    """As `LeadsClient`, for asyncio; to be used in one event loop.

    Args:
        url, token, cached, cache_seconds, timeout: as there.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        cached: bool = False,
        cache_seconds: float = CACHE_SECONDS,
        timeout: float = 30.0,
    ) -> None:
        self._url = url
        self._cached = cached
        self._cache = Cache(cache_seconds)
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(token), timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def forget(self) -> None:
        """Keep nothing of what was read."""
        self._cache.clear()

    async def sync_status(self, customer_id: str | None = None, *, cached: bool | None = None) -> SyncStatus:
        """As `LeadsClient.sync_status`, and so on for all methods."""
        return await self._call(calls.status(customer_id), cached=cached)

    async def all_statuses(self, *, cached: bool | None = None) -> list[SyncStatus]:
        """Where every customer's sync stands."""
        return await self._call(calls.statuses(), cached=cached)

    async def metrics(
        self, customer_id: str | None = None, *, since: str = "24h", cached: bool | None = None
    ) -> SyncMetrics:
        """What a customer's sync did since so long."""
        return await self._call(calls.metrics(customer_id, since), cached=cached)

    async def trigger(self, customer_id: str | None = None) -> Triggered:
        """Ask for a cycle now."""
        return await self._call(calls.trigger(customer_id))

    async def pause(self, customer_id: str | None = None, *, reason: str = "") -> Paused:
        """Let the live system leave a customer alone."""
        return await self._call(calls.pause(customer_id, reason))

    async def resume(self, customer_id: str | None = None) -> Paused:
        """Let it look after the customer again."""
        return await self._call(calls.resume(customer_id))

    async def leads(self, customer_id: str | None = None, *, cached: bool | None = None, **asked: Any) -> LeadPage:
        """A page of leads."""
        return await self._call(calls.leads(customer_id, asked), cached=cached)

    async def all_leads(self, customer_id: str | None = None, **asked: Any) -> AsyncIterator[Mapping[str, Any]]:
        """All leads that a search finds, page by page."""
        asked = {"limit": _PAGE, **asked}
        while True:
            page = await self.leads(customer_id, cached=False, **asked)
            for one in page.leads:
                yield one
            if page.next_cursor is None:
                return
            asked["cursor"] = page.next_cursor

    async def lead(
        self, lead_id: str, customer_id: str | None = None, *, cached: bool | None = None
    ) -> Mapping[str, Any]:
        """One lead."""
        return await self._call(calls.lead(customer_id, lead_id), cached=cached)

    async def history(
        self, lead_id: str, customer_id: str | None = None, *, limit: int = 100, cached: bool | None = None
    ) -> Mapping[str, Any]:
        """What happened to a lead."""
        return await self._call(calls.history(customer_id, lead_id, limit), cached=cached)

    async def capture(
        self, data: Mapping[str, Any], customer_id: str | None = None, *, key: str | None = None
    ) -> Captured:
        """Hand over one lead."""
        return await self._call(calls.capture(customer_id, data, key))

    async def capture_many(
        self, many: Sequence[Mapping[str, Any]], customer_id: str | None = None, *, key: str | None = None
    ) -> list[Captured]:
        """Hand over up to a thousand at once."""
        return await self._call(calls.captures(customer_id, many, key))

    async def _call(self, call: Call[R], *, cached: bool | None = None) -> R:
        keeps = (self._cached if cached is None else cached) and not call.writes
        if keeps and (kept := self._cache.get(call)) is not None:
            return kept[0]
        try:
            response = await self._http.request(**_request(call))
        except httpx.TransportError as error:
            raise unreachable(self._url, error) from error
        finally:
            if call.writes:
                self._cache.clear()
        answer = answer_of(call, response)
        if keeps:
            self._cache.put(call, answer)
        return answer


def _request(call: Call[Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {"method": call.method, "url": _API + call.path, "params": dict(call.params)}
    return {**facts, "headers": dict(call.headers), **({} if call.json is None else {"json": call.json})}
