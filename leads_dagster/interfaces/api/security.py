"""Who may come in, and how much at once: plain ASGI around the whole application.

What belongs here: hosts, tokens, forms, headers, sizes. Tokens themselves are `tokens`', rates `limits`'; what each of
this is against stands in docs/security.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leads_dagster.interfaces.api.headers import SAFE_HEADERS
from leads_dagster.interfaces.api.limits import Rates
from leads_dagster.interfaces.api.problems import problem
from leads_dagster.interfaces.api.tokens import Signer, Token, find
from leads_dagster.live.ports import is_loopback

SESSION_COOKIE = "leads_session"
FORM_FIELD = "csrf_token"
FORM_HEADER = "x-csrf-token"
BODY_SECONDS = 30.0
_FORM_BYTES = 100_000
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = frozenset({"application/x-www-form-urlencoded"})
_JSON = frozenset({"application/json"})
# Nobody needs a token for these: how the server is, what a page looks like, and the door itself.
OPEN_PATHS = ("/healthz", "/readyz", "/sign-in")
OPEN_FOLDERS = ("/static/",)

_NO_STORE = (b"cache-control", b"no-store")


@dataclass(frozen=True)
class Door:
    """What the door knows.

    Attributes:
        tokens: empty where nobody needs one, which is only so on this machine itself.
        signer: of sessions and forms.
        origins: other sites whose pages may call, beside the server's own.
        most_bytes: of one request's body.
        needs_tls: browsers shall send their sessions over TLS alone.
        rates: how often whom.
    """

    signer: Signer = field(repr=False)
    rates: Rates = field(repr=False)
    tokens: tuple[Token, ...] = ()
    origins: frozenset[str] = frozenset()
    most_bytes: int = 10_000_000
    needs_tls: bool = False


class Asked(NamedTuple):
    """Of one request what the door looks at."""

    method: str
    path: str
    headers: Mapping[bytes, bytes]
    client: str

    def text(self, name: bytes) -> str:
        """A header, "" where there is none."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def is_reading(self) -> bool:
        """Whether it changes nothing."""
        return self.method in _READING

    @property
    def kind(self) -> str:
        """The media type of its body."""
        return self.text(b"content-type").partition(";")[0].strip().lower()

    @property
    def session(self) -> str:
        """The session cookie, "" where there is none."""
        try:
            found = SimpleCookie(self.text(b"cookie")).get(SESSION_COOKIE)
        except CookieError:
            return ""
        return "" if found is None else found.value


class Guarded:
    """The application behind the door.

    Args:
        app: what is guarded.
        door: what holds.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app = app
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer why not; headers are added to every answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = _asked(scope)
        sending = _with_headers(send)
        refused = self._refused(asked, scope)
        if refused is not None:
            await refused(scope, receive, sending)
            return
        await self._let_in(asked, scope, receive, sending)

    def _refused(self, asked: Asked, scope: Scope) -> Response | None:
        door = self.door
        wait = door.rates.wait(asked.client, writes=not asked.is_reading)
        if wait > 0:
            return _too_many(wait)
        if not door.tokens and not is_loopback(_host_of(asked.text(b"host"))):
            return problem(
                421, "Without a token this server answers to this machine's own names only.", name="WrongHost"
            )
        return self._refused_caller(asked, scope) or self._refused_page(asked) or self._refused_body(asked)

    def _refused_caller(self, asked: Asked, scope: Scope) -> Response | None:
        """Who shows no token that may do this."""
        scope.setdefault("state", {})["scope"] = "write"
        if not self.door.tokens or _is_open(asked.path):
            return None
        token = self._token(asked)
        if token is None:
            wait = self.door.rates.failed(asked.client) if asked.headers.get(b"authorization") else 0.0
            return _too_many(wait) if wait > 0 else _unknown(asked)
        scope["state"].update(scope=token.scope, caller=token.digest)
        if token.scope == "read" and not asked.is_reading and asked.path not in _READING_POSTS:
            return problem(403, "This token may only read.", name="Forbidden")
        return None

    def _token(self, asked: Asked) -> Token | None:
        kind, _, shown = asked.text(b"authorization").partition(" ")
        if kind.lower() == "bearer":
            return find(self.door.tokens, shown.strip())
        return self.door.signer.token_of(asked.session, self.door.tokens) if asked.session else None

    def _refused_page(self, asked: Asked) -> Response | None:
        """A page of another site makes a browser write here: the browser says so."""
        if asked.is_reading:
            return None
        origin = asked.text(b"origin")
        if origin == "null" and asked.text(b"sec-fetch-site") == "same-origin":
            return None  # a form of our own page: a browser that may tell no referrer names no origin either
        if origin:
            own = urlsplit(origin).netloc == asked.text(b"host") and origin.startswith(("http://", "https://"))
            if not own and origin not in self.door.origins:
                return problem(403, "A page of another site may not do this.", name="ForeignPage")
        elif asked.text(b"sec-fetch-site") in ("cross-site", "same-site"):
            return problem(403, "A page of another site may not do this.", name="ForeignPage")
        return None

    def _refused_body(self, asked: Asked) -> Response | None:
        length = asked.text(b"content-length")
        if length and not length.isdigit():
            return problem(400, "The length of the body is no number.", name="InvalidRequest")
        if length and int(length) > self.door.most_bytes:
            return _too_large(self.door.most_bytes)
        has_body = length not in ("", "0") or b"transfer-encoding" in asked.headers
        if asked.is_reading or asked.kind in _JSON or asked.kind in _FORMS or _signs_itself(asked.path):
            return None
        if not has_body and not asked.kind:
            return None
        return problem(415, "The body must be application/json.", name="UnsupportedMediaType")

    async def _let_in(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        if asked.is_reading:
            await self.app(scope, receive, send)
            return
        is_form = asked.kind in _FORMS and not _signs_itself(asked.path)
        try:
            body = await _body(receive, _FORM_BYTES if is_form else self.door.most_bytes)
        except _Refused as refused:
            await refused.response(scope, receive, send)
            return
        if body is None:
            return
        stale = self._refused_form(asked, body) if is_form else None
        await (stale or self.app)(scope, _replayed(body, receive), send)

    def _refused_form(self, asked: Asked, body: bytes) -> Response | None:
        """A form that no page of ours made; signing in needs a token anyhow."""
        if asked.path == "/sign-in":
            return None
        given = asked.text(FORM_HEADER.encode()) or parse_qs(body.decode("latin-1")).get(FORM_FIELD, [""])[0]
        if self.door.signer.is_form_token(given, asked.session if self.door.tokens else ""):
            return None
        return problem(403, "The form is too old; load its page again.", name="StaleForm")


_READING_POSTS = frozenset({"/api/leads/search", "/leads", "/leads/export", "/sign-out"})


def _signs_itself(path: str) -> bool:
    """Webhooks come in the sender's own form, and prove themselves by a signature."""
    return path.startswith("/webhooks/")


class _Refused(Exception):  # noqa: N818 - no error: the answer to a body that is too large, too slow or no form of ours
    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def _asked(scope: Scope) -> Asked:
    client = scope.get("client")
    return Asked(scope["method"], scope["path"], dict(scope["headers"]), client[0] if client else "")


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS) or _signs_itself(path)


def _host_of(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _unknown(asked: Asked) -> Response:
    if asked.is_reading and "text/html" in asked.text(b"accept"):
        return Response(status_code=303, headers={"Location": "/sign-in"})
    return problem(
        401, "A token is needed: Authorization: Bearer …", name="Unauthorized", headers={"WWW-Authenticate": "Bearer"}
    )


def _too_many(wait: float) -> Response:
    return problem(429, "Too many requests.", name="TooManyRequests", headers={"Retry-After": str(max(1, round(wait)))})


def _too_large(most: int) -> Response:
    return problem(
        413, f"The body may have {most:,} bytes at most.", name="BodyTooLarge", headers={"Connection": "close"}
    )


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message["headers"] = list(message.get("headers", ()))
            headers.extend(SAFE_HEADERS)
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append(_NO_STORE)
        await send(message)

    return sending


async def _body(receive: Receive, most: int) -> bytes | None:
    """The whole body; None where the caller has gone.

    Raises:
        _Refused: it is too large, or does not come in time.
    """
    try:
        return await asyncio.wait_for(_whole(receive, most), BODY_SECONDS)
    except asyncio.TimeoutError:
        slow = problem(408, "The body came too slowly.", name="BodyTooSlow", headers={"Connection": "close"})
        raise _Refused(slow) from None


async def _whole(receive: Receive, most: int) -> bytes | None:
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts += message.get("body", b"")
        if len(parts) > most:
            raise _Refused(_too_large(most))
        if not message.get("more_body", False):
            return bytes(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    told = False

    async def receiving() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving
