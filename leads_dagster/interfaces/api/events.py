"""`GET /api/leads/sync/events`: progress as it happens, as server-sent events.

What belongs here: one watcher for all who listen, and handing the same bytes to each. The watcher asks the store's
change counter twice a second while anybody listens; only what changed of a customer's progress is sent. Events are
numbered and the last few kept, so that who comes back with `Last-Event-ID` misses none; who was away for too long, or
read too slowly, is told how everything stands instead.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.api.asking import CustomerId, leads_of
from leads_dagster.interfaces.api.problems import problem
from leads_dagster.interfaces.api.told import as_json, told

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/api/leads/sync", tags=["sync"])

LOOK_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
MOST_LISTENERS = 500
_KEPT_EVENTS = 1_000
_HEARTBEAT = b": still here\n\n"
_RETRY = b"retry: 2000\n\n"

Progress = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Event:
    """One event, ready to be sent.

    Attributes:
        number: counts from 1 in each life of the server.
        customer: whose.
    """

    number: int
    customer: str
    data: bytes


class Events:
    """What all who listen share.

    Args:
        read: gives each customer's progress; called in a thread.
        changed: tells for next to nothing whether it may have changed.
        look_seconds: from one look to the next. heartbeat_seconds: after so long a silence a line is sent.
    """

    def __init__(
        self,
        read: Callable[[], Progress],
        changed: Callable[[], bool],
        *,
        look_seconds: float = LOOK_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._read, self._changed = read, changed
        self._look_seconds, self._heartbeat_seconds = look_seconds, heartbeat_seconds
        self._life = secrets.token_hex(4)
        self._kept: deque[Event] = deque(maxlen=_KEPT_EVENTS)
        self._number = 0
        self._standing: dict[str, Event] = {}
        self._known: dict[str, Mapping[str, Any]] = {}
        self._news = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._listeners = 0
        self._stopped = False

    @property
    def listeners(self) -> int:
        """How many listen."""
        return self._listeners

    def stop(self) -> None:
        """Let all who listen go, and stop watching."""
        self._stopped = True
        self._tell_all()

    async def listen(self, customer: str | None, last_id: str | None) -> AsyncIterator[bytes]:
        """What one listener is sent, until the server stops; how everything stands comes first.

        Args:
            customer: whose events only; None for all.
            last_id: of the last event that the listener had; those since are sent again.
        """
        self._listeners += 1
        try:
            yield _RETRY
            at = self._number_of(last_id)
            while not self._stopped:
                self._keep_watching()
                news = self._news
                events = self._since(at)
                at = self._number
                sent = b"".join(self._bytes(one) for one in events if customer in (None, one.customer))
                if sent:
                    yield sent
                if at == self._number and not await _comes(news, self._heartbeat_seconds):
                    yield _HEARTBEAT
        finally:
            self._listeners -= 1

    def _number_of(self, last_id: str | None) -> int:
        """The number in an id of this life of the server; -1 of any other."""
        life, _, number = (last_id or "").partition("-")
        return int(number) if life == self._life and number.isascii() and number.isdigit() else -1

    def _since(self, at: int) -> list[Event]:
        """Events after a number; where they are not all kept any more, how everything stands."""
        first = self._kept[0].number if self._kept else self._number + 1
        if at + 1 < first or at > self._number:
            return sorted(self._standing.values(), key=lambda one: one.number)
        return [one for one in self._kept if one.number > at]

    def _bytes(self, event: Event) -> bytes:
        return b"id: %b-%d\nevent: progress\ndata: %b\n\n" % (self._life.encode(), event.number, event.data)

    def _keep_watching(self) -> None:
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        """Look while anybody listens."""
        await self._look()
        while self._listeners and not self._stopped:
            await asyncio.sleep(self._look_seconds)
            if self._changed():
                await self._look()

    async def _look(self) -> None:
        try:
            found = await run_in_threadpool(self._read)
        except LeadsError as error:  # those who ask for a status are told; who listens goes on listening
            logger.info("Progress cannot be read: %s", error.message)
            return
        changed = [name for name, facts in found.items() if self._known.get(name) != facts]
        for name in changed:
            self._number += 1
            event = Event(self._number, name, as_json(told(found[name])))
            self._known[name], self._standing[name] = found[name], event
            self._kept.append(event)
        if changed:
            self._tell_all()

    def _tell_all(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


async def _comes(news: asyncio.Event, seconds: float) -> bool:
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(news.wait(), seconds)
        return True
    return False


class EventStream(Response):
    """The answer that goes on until its listener leaves, or the server stops."""

    media_type = "text/event-stream"

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until either side has enough."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_has_left(receive))
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        for one in (sending, leaving):
            one.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        async for part in self._stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _has_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get(
    "/events",
    summary="Progress as it happens",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def listen(
    request: Request,
    customer_id: CustomerId = None,
    last_event_id: Annotated[
        str | None, Header(max_length=100, description="Of the last event that was had; those since are sent.")
    ] = None,
) -> Response:
    """Server-sent events named `progress`: a customer's `customerId`, `isRunning`, `isPaused`, `progressPercent`,
    `progressMessage`, `lastSyncAt`, `lastError` and row counts, whenever one of these changes; first of all as they
    are. A comment every 15 s keeps the connection open.
    """
    leads = leads_of(request)
    customer = None if customer_id is None else leads.customer(customer_id)
    if leads.events.listeners >= MOST_LISTENERS:
        return problem(503, f"{MOST_LISTENERS} listen already.", name="TooManyListeners", headers={"Retry-After": "30"})
    return EventStream(leads.events.listen(customer, last_event_id))
