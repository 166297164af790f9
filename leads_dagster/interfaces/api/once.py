"""A POST that carries an Idempotency-Key is done once: the same request again gets the first answer.

What belongs here: what makes two requests the same, as draft-ietf-httpapi-idempotency-key-header-07 says; but a key
that comes with another request is a conflict (409), since 422 says that a body is wrong. Captures are left out: the
queue itself knows their keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.api.problems import problem, problem_of
from leads_dagster.store import api_answers
from leads_dagster.store.api_answers import Given
from leads_dagster.store.engine import writing

if TYPE_CHECKING:
    from leads_dagster.interfaces.api.answering import Answering

_KEY = re.compile("[!-~]{1,255}")
_LARGEST_KEPT = 1_000_000
_LEFT_OUT = frozenset({"/api/leads/captures", "/api/leads/search"})


class Once:
    """The application, with answers to keys kept in the lead database.

    Args:
        app: what answers. leads: whose database keeps the answers.
    """

    def __init__(self, app: ASGIApp, leads: Answering) -> None:
        self.app = app
        self._leads = leads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or give the answer that was given."""
        key = _key_of(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        if not _KEY.fullmatch(key):
            none = problem(400, "An Idempotency-Key has 1 to 255 plain characters, no blank.", name="InvalidRequest")
            await none(scope, receive, send)
            return
        message = await receive()
        fingerprint = _digest(scope["method"].encode(), scope["raw_path"], scope["query_string"], message["body"])
        named = _digest(str(scope.get("state", {}).get("caller", "")).encode(), key.encode("latin-1"))
        try:
            known = await run_in_threadpool(self._begin, named, fingerprint)
        except LeadsError as error:
            await problem_of(error)(scope, receive, send)
            return
        if known is not None:
            await _again(known, fingerprint)(scope, receive, send)
            return
        await self._answer(named, scope, _given(message, receive), send)

    async def _answer(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        """What is answered is kept before its end is sent: who asks again at once finds it."""
        said = _Said(lambda: run_in_threadpool(self._end, key, said))
        try:
            await self.app(scope, receive, said.heard(send))
        finally:
            await said.end()

    def _begin(self, key: str, fingerprint: str) -> Given | None:
        with self._leads.workspace(self._leads.customers()[0]) as ws, writing(ws.engine) as connection:
            return api_answers.begin(connection, key, fingerprint, at=datetime.now(timezone.utc))

    def _end(self, key: str, said: _Said) -> None:
        with writing(self._leads.engine) as connection:
            if said.is_final:
                body = bytes(said.body).decode("utf-8", errors="replace")
                api_answers.end(connection, key, status=said.status, kind=said.kind, body=body)
            else:
                api_answers.forget(connection, key)


class _Said:
    """An answer, as it goes by.

    Args:
        keep: called once, when it is whole, or was broken off.
    """

    def __init__(self, keep: Callable[[], Awaitable[None]]) -> None:
        self._keep = keep
        self._is_kept = False
        self.status = 0
        self.kind = ""
        self.body = bytearray()

    @property
    def is_final(self) -> bool:
        """Whether the same request would be answered the same: not where it failed of something that may pass."""
        return 200 <= self.status < 500 and self.status not in (401, 403, 408, 429) and len(self.body) <= _LARGEST_KEPT

    async def end(self) -> None:
        """Nothing more comes."""
        if not self._is_kept:
            self._is_kept = True
            await self._keep()

    def heard(self, send: Send) -> Send:
        """Send, and listen."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.kind = dict(message["headers"]).get(b"content-type", b"").decode("latin-1")
            elif len(self.body) <= _LARGEST_KEPT:
                self.body += message.get("body", b"")
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await self.end()
            await send(message)

        return sending


def _key_of(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith("/api/"):
        return None
    if scope["path"] in _LEFT_OUT:
        return None
    found: bytes | None = dict(scope["headers"]).get(b"idempotency-key")
    return None if found is None else found.decode("latin-1")


def _again(known: Given, fingerprint: str) -> Response:
    if known.fingerprint != fingerprint:
        return problem(409, "This Idempotency-Key came with another request before.", name="KeyReused")
    if known.status is None:
        detail = "The first request of this Idempotency-Key is being worked at."
        return problem(409, detail, name="StillWorking", headers={"Retry-After": "1"})
    headers = {"Idempotency-Replayed": "true"}
    return Response(known.body, known.status, headers=headers, media_type=known.kind or None)


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _given(message: Message, receive: Receive) -> Receive:
    """The message that was looked at comes first."""
    waiting = [message]

    async def receiving() -> Message:
        return waiting.pop() if waiting else await receive()

    return receiving
