"""The one HTTP client of a process: timeouts, size limit, retries, circuit breakers, typed errors.

What belongs here: getting bytes over HTTP safely, and saying by the error's type whether to come again. What an
answer means (a login page, a sheet, an API error) is the caller's to say: every status below 500 that is not a
"come later" is returned, not raised.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from leads_dagster.breakers import CircuitBreakers, shared_breakers
from leads_dagster.errors import AccessError, LeadsError, ServiceUnavailableError, SheetFormatError, TransientError
from leads_dagster.retrying import USUAL_RETRIES, Retries, attempts
from leads_dagster.sources.http_errors import come_again, is_come_again, typed

if TYPE_CHECKING:
    import httpx  # at run time imported when the first call is made: a local file must not pay 0.4 s for it

__all__ = ["Answer", "LeadsHttp", "Retries", "Timeouts", "shared_http"]

logger = logging.getLogger(__name__)

# The first rest of a host that keeps failing.
SHEET_REST_SECONDS = 30.0
API_REST_SECONDS = 15.0
DEFAULT_MAX_BYTES = 200_000_000
MAX_REDIRECTS = 5
MAX_ERROR_BODY_BYTES = 65_536
# What these hosts answer is never data: a redirect there is handed back without being followed.
LOGIN_HOSTS = frozenset({"accounts.google.com"})
USER_AGENT = "leads-dagster"
# Never through a proxy of the environment: nobody but this machine can reach the twin on its loopback.
DIRECT = ("all://127.0.0.1", "all://localhost", "all://[::1]")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, and for one call with all its retries."""

    connect: float = 5.0
    read: float = 30.0
    total: float = 120.0


USUAL_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: HTTP status of the final answer, after redirects; 3xx when one leads to a login page.
        headers: names in lower case.
        body: decoded by Content-Encoding; of an error only the first 64 KiB.
        url: the address that answered, after redirects; the login page's when one leads there.
        seconds: wall time of the call with its retries.
        calls: requests sent, redirects not counted.
        retries: how many of them were retries.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)
    seconds: float = 0.0
    calls: int = 1
    retries: int = 0


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    max_bytes: int
    again_on: type[TransientError] = TransientError

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc.rpartition("@")[2].lower()


class LeadsHttp:
    """A thread-safe HTTP client; keep one a process (`shared_http`).

    Cookies are never kept: one customer's session must not colour another's answer.
    """

    def __init__(
        self,
        *,
        timeouts: Timeouts = USUAL_TIMEOUTS,
        retries: Retries = USUAL_RETRIES,
        breakers: CircuitBreakers | None = None,
    ) -> None:
        self._timeouts = timeouts
        self._retries = retries
        self._breakers = breakers if breakers is not None else shared_breakers()
        self._lock = threading.Lock()
        self._made: httpx.Client | None = None

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        rest_seconds: float = SHEET_REST_SECONDS,
        again_on: type[TransientError] = TransientError,
    ) -> Answer:
        """GET `url`, following redirects.

        Args:
            url: http or https.
            headers: sent as they are, also after a redirect (Authorization only to the same host).
            max_bytes: limit of the decoded body.
            rest_seconds: the host's first rest when its breaker opens.
            again_on: the failures that are tried again.

        Raises:
            ServiceUnavailableError: timeouts, cut connections and 5xx, still after the retries.
            RateLimitedError: 429, still after the retries or asking for a longer wait than is sensible.
            CircuitOpenError: the host is resting.
            SheetFormatError: the body is larger than `max_bytes`.
            AccessError: a certificate that cannot be trusted, redirects without end.
            SettingsError: an address that no request can be made of.
        """
        return self._call(_Request("GET", url, headers or {}, None, max_bytes, again_on), rest_seconds)

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str] | None = None, rest_seconds: float) -> Answer:
        """POST `body`; only for requests that may be sent twice. Arguments and errors as `get`."""
        return self._call(_Request("POST", url, headers or {}, body, DEFAULT_MAX_BYTES), rest_seconds)

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.close()

    def _call(self, request: _Request, rest_seconds: float) -> Answer:
        breaker = self._breakers.breaker(request.host, base_seconds=rest_seconds)
        with breaker.call() as probe:
            return self._with_retries(request, replace(self._retries, count=0) if probe else self._retries)

    def _with_retries(self, request: _Request, retries: Retries) -> Answer:
        started = time.monotonic()
        calls = 0
        try:
            for attempt in attempts(retries, total_seconds=self._timeouts.total, on=request.again_on):
                with attempt:
                    calls += 1
                    answer = self._send(request, deadline=started + self._timeouts.total)
        except LeadsError as error:
            error.context.update(calls=calls, retries=calls - 1)
            raise
        return replace(answer, seconds=time.monotonic() - started, calls=calls, retries=calls - 1)

    def _send(self, request: _Request, *, deadline: float) -> Answer:
        import httpx

        try:
            first = self._client().build_request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
                timeout=self._remaining_timeout(deadline),
            )
            return self._follow(first, request, deadline=deadline)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise typed(error, request.host) from error

    def _follow(self, hop: httpx.Request, request: _Request, *, deadline: float) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            with closing(self._client().send(hop, stream=True)) as response:
                following = response.next_request
                if following is None:
                    return _read(response, request, deadline=deadline)
                if following.url.host in LOGIN_HOSTS:
                    return Answer(response.status_code, {}, b"", str(following.url))
                hop = following
        raise AccessError(f"{request.host} redirects without end.", advice="The address probably wants a login.")

    def _remaining_timeout(self, deadline: float) -> httpx.Timeout:
        import httpx

        left = max(0.001, deadline - time.monotonic())
        return httpx.Timeout(min(self._timeouts.read, left), connect=min(self._timeouts.connect, left))

    def _client(self) -> httpx.Client:
        with self._lock:
            if self._made is None:
                self._made = _new_client()
            return self._made


@functools.cache
def shared_http(timeouts: Timeouts = USUAL_TIMEOUTS, retries: Retries = USUAL_RETRIES) -> LeadsHttp:
    """The process's client; one for each setting of timeouts and retries, which is one in practice."""
    return LeadsHttp(timeouts=timeouts, retries=retries)


# A forked child must not share its parent's sockets.
os.register_at_fork(after_in_child=shared_http.cache_clear)


def _new_client() -> httpx.Client:
    import httpx

    httpx_logger = logging.getLogger("httpx")
    if httpx_logger.level == logging.NOTSET:
        httpx_logger.setLevel(logging.WARNING)  # at INFO it logs whole addresses, with the keys in their queries
    return httpx.Client(
        follow_redirects=False,  # followed one by one in `_follow`
        headers={"User-Agent": USER_AGENT},
        mounts=dict.fromkeys(DIRECT),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
    )


def _read(response: httpx.Response, request: _Request, *, deadline: float) -> Answer:
    """The answer with its body, or the transient error that its status means."""
    if is_come_again(response.status_code):
        raise come_again(response, request.host)
    chunks = _in_time(response, request, deadline=deadline)
    body = _whole(response, request, chunks) if response.is_success else _beginning(chunks)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body, str(response.url))


def _in_time(response: httpx.Response, request: _Request, *, deadline: float) -> Iterator[bytes]:
    for chunk in response.iter_bytes():
        if time.monotonic() > deadline:
            raise ServiceUnavailableError(f"{request.host} sends too slowly: the time allowed is over.")
        yield chunk


def _whole(response: httpx.Response, request: _Request, chunks: Iterator[bytes]) -> bytes:
    _check_announced_size(response, request)
    parts: list[bytes] = []
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > request.max_bytes:
            raise _too_large(request)
        parts.append(chunk)
    return b"".join(parts)


def _beginning(chunks: Iterator[bytes]) -> bytes:
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) >= MAX_ERROR_BODY_BYTES:
            break
    return body[:MAX_ERROR_BODY_BYTES]


def _check_announced_size(response: httpx.Response, request: _Request) -> None:
    announced = response.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > request.max_bytes:
        raise _too_large(request)


def _too_large(request: _Request) -> SheetFormatError:
    return SheetFormatError(
        f"The answer of {request.host} is larger than the limit of {request.max_bytes:,} bytes.",
        advice="Is it the right sheet? If so, raise the limit of a sheet's size.",
        max_bytes=request.max_bytes,
    )
