"""The ASGI application: routes a request, lets faults and limits have their say, and sends the answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from leads_dagster.errors import LeadsError
from leads_dagster.sandbox import airtable_errors, google_errors
from leads_dagster.sandbox.airtable_world import AirtableWorld
from leads_dagster.sandbox.faults import Fault, Faults
from leads_dagster.sandbox.google_sheets import google_reply
from leads_dagster.sandbox.http import Call, Match, RefusedError, Reply, Route, Router
from leads_dagster.sandbox.limits import AirtableLimits, GoogleLimits, refusal_for_status
from leads_dagster.sandbox.request_log import RequestLog

logger = logging.getLogger(__name__)

AIRTABLE_ADDRESS = "https://api.airtable.com"
MAX_URL_LENGTH = 16_000
_READING_POSTS = (":batchGet", ":getByDataFilter")


class SandboxApp:
    """One server for all services. A lock is held while a handler runs, so that other threads may look at the state."""

    def __init__(
        self,
        routes: list[Route],
        *,
        airtable: AirtableWorld,
        faults: Faults,
        log: RequestLog,
        lock: threading.RLock,
        sheets_lock: threading.Lock,
        limits: bool,
    ) -> None:
        self.router = Router(routes)
        self.airtable, self.faults, self.log, self.lock = airtable, faults, log, lock
        self.sheets_lock = sheets_lock
        self.closing = asyncio.Event()
        self.airtable_limits = AirtableLimits(airtable.clock) if limits else None
        self.google_limits = GoogleLimits(airtable.clock) if limits else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        request = Request(scope, receive)
        raw_path = scope.get("raw_path", b"").split(b"?")[0].decode("latin-1") or scope["path"]
        method = "GET" if request.method == "HEAD" else request.method
        match = self.router.find(method, raw_path)
        call = Call(
            request.method,
            raw_path,
            match.params if match else {},
            scope["query_string"].decode("latin-1"),
            dict(request.headers),
            await request.body(),
        )
        reply = await self._answer(call, match)
        self._note(call, match, reply, time.perf_counter() - started)  # before anybody can know of it
        if reply is None:
            await _cut(receive)
            return
        headers = {"Vary": "Accept-Encoding", **reply.headers, "Content-Type": reply.content_type}
        response = Response(reply.encoded(), reply.status, headers)
        await response(scope, receive, send)

    async def _answer(self, call: Call, match: Match | None) -> Reply | None:
        """None when the connection is to be cut."""
        service = match.route.service if match else _service_of(call.path)
        struck = self.faults.strike(service, call.method, call.path) if service != "admin" else []
        for fault in struck:
            if fault.kind == "latency":
                await self._pause(fault.seconds)
        early = next((fault for fault in struck if fault.kind in ("status", "drop")), None)
        if early is not None and early.kind == "drop":
            return None
        if early is not None:
            return _refused(refusal_for_status(service, early.status, early.error), service)
        if match is not None and service == "google":
            reply = await self._handle_aside(call, match)
        else:
            reply = self._handle(call, match, service, self.lock)
        return await self._late(struck, reply, service)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than the server lives."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)

    async def _late(self, struck: list[Fault], reply: Reply, service: str) -> Reply | None:
        """The reply; a refusal, or None for a cut connection, although the work is done."""
        for fault in struck:
            if fault.kind == "status_after":
                return _refused(refusal_for_status(service, fault.status, fault.error), service)
            if fault.kind == "hang_after":
                await self._pause(fault.seconds)
            if fault.kind in ("hang_after", "drop_after"):
                return None
        return reply

    async def _handle_aside(self, call: Call, match: Match) -> Reply:
        """Google's requests read whole files: in a thread, so that Airtable's are stamped when they arrive."""
        try:
            self._check_google(call)
        except RefusedError as refused:
            return _refused(refused, "google")
        return await asyncio.to_thread(self._handle, call, match, "google", self.sheets_lock)

    def _handle(
        self, call: Call, match: Match | None, service: str, lock: contextlib.AbstractContextManager[Any]
    ) -> Reply:
        try:
            with lock:
                if match is None:
                    raise _no_route(service)
                if service == "airtable":
                    self._check_airtable(call)
                return match.route.handler(call)
        except RefusedError as refused:
            return _refused(refused, service)
        except LeadsError as error:
            return Reply({"error": str(error)}, error.http_status)

    def _check_google(self, call: Call) -> None:
        if self.google_limits is not None and call.path.startswith("/v4/"):
            write = call.method in ("POST", "PUT") and not call.path.endswith(_READING_POSTS)
            self.google_limits.check(user=call.headers.get("authorization", "anonymous"), write=write)

    def _check_airtable(self, call: Call) -> None:
        if len(AIRTABLE_ADDRESS) + len(call.path) + 1 + len(call.query_string) > MAX_URL_LENGTH:
            raise airtable_errors.address_too_long()
        base_id = call.params.get("base")
        if self.airtable_limits is not None:
            token = self.airtable.token(call)
            self.airtable_limits.check(token=token.text, base=base_id)
        base = self.airtable.bases.get(base_id or "")
        if base is not None and not call.path.startswith("/v0/meta/"):
            allowed = base.flags.get("monthlyCalls")
            month = self.airtable.clock.now().strftime("%Y-%m")
            base.calls_this_month = base.calls_this_month + 1 if month == base.month else 1
            base.month = month
            if allowed is not None and base.calls_this_month > allowed:
                raise airtable_errors.month_used_up()

    def _note(self, call: Call, match: Match | None, reply: Reply | None, seconds: float) -> None:
        route = match.route.path if match else "(none)"
        subject = call.params.get("base") or call.params.get("id") or call.params.get("name") or ""
        status = reply.status if reply is not None else 0
        if match is None or match.route.service != "admin":
            self.log.add(
                method=call.method, route=route, subject=subject, path=call.path, status=status, seconds=seconds
            )


def _service_of(path: str) -> str:
    return "airtable" if path.startswith("/v0") else "google"


def _no_route(service: str) -> RefusedError:
    return airtable_errors.not_found() if service == "airtable" else google_errors.not_found()


def _refused(refused: RefusedError, service: str) -> Reply:
    if service == "google":
        return google_reply(refused.body, refused.status)
    return Reply(refused.body, refused.status)


async def _cut(receive: Callable[[], Awaitable[Any]]) -> None:
    """Cut the connection without a byte. ASGI has no word for it, so uvicorn's own transport is taken."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        await asyncio.sleep(0.01)
