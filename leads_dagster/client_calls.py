"""The calls of the HTTP API, as `LeadsClient` and `AsyncLeadsClient` both make them.

What belongs here: what is sent, how an answer is read, what a failure means. Sending is the clients'.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx

from leads_dagster import errors
from leads_dagster.client_results import Captured, LeadPage, Paused, SyncMetrics, SyncStatus, Triggered, read
from leads_dagster.errors import (
    ContentError,
    CredentialsError,
    LeadsError,
    NotFoundError,
    RateLimitedError,
    ServiceUnavailableError,
)

DEFAULT_URL = "http://127.0.0.1:8000"
CACHE_SECONDS = 300.0
R = TypeVar("R")
_LEAD_ID = re.compile("[0-9A-Za-z_-]{6,64}")


@dataclass(frozen=True)
class Call(Generic[R]):
    """One request, and how its answer is read.

    Attributes:
        path: below /api/leads.
        read: from JSON to what the caller gets.
        writes: whether it changes anything, so that nothing that was kept holds any more.
    """

    method: str
    path: str
    read: Callable[[Any], R]
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    writes: bool = False

    @property
    def name(self) -> str:
        """What tells it from other calls."""
        return repr((self.method, self.path, sorted(self.params.items()), self.json))


class Cache:
    """Answers of one client, for so many seconds.

    Args:
        seconds: how long each holds.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._kept: dict[str, tuple[float, Any]] = {}

    def get(self, call: Call[R]) -> tuple[R] | None:
        """The answer that is kept, in a tuple; None where there is none."""
        at, answer = self._kept.get(call.name, (float("-inf"), None))
        return (answer,) if self._clock() - at < self._seconds else None

    def put(self, call: Call[R], answer: R) -> None:
        """Keep an answer; what has had its time goes."""
        now = self._clock()
        self._kept = {name: kept for name, kept in self._kept.items() if now - kept[0] < self._seconds}
        self._kept[call.name] = (now, answer)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()


def status(customer: str | None) -> Call[SyncStatus]:
    """Where a customer's sync stands."""
    return Call("GET", "/sync/status", lambda raw: read(SyncStatus, raw), _of(customer))


def statuses() -> Call[list[SyncStatus]]:
    """Where every customer's sync stands."""
    return Call("GET", "/sync/status/all", lambda raw: [read(SyncStatus, one) for one in raw])


def metrics(customer: str | None, since: str) -> Call[SyncMetrics]:
    """What a customer's sync did."""
    return Call("GET", "/sync/metrics", lambda raw: read(SyncMetrics, raw), {**_of(customer), "since": since})


def trigger(customer: str | None) -> Call[Triggered]:
    """A cycle now."""
    return Call("POST", "/sync/trigger", lambda raw: read(Triggered, raw), _of(customer), writes=True)


def pause(customer: str | None, reason: str) -> Call[Paused]:
    """Let the live system leave a customer alone."""
    said = {**_of(customer), **({"reason": reason} if reason else {})}
    return Call("POST", "/sync/pause", lambda raw: read(Paused, raw), said, writes=True)


def resume(customer: str | None) -> Call[Paused]:
    """Let it look after the customer again."""
    return Call("POST", "/sync/resume", lambda raw: read(Paused, raw), _of(customer), writes=True)


def leads(customer: str | None, asked: Mapping[str, Any]) -> Call[LeadPage]:
    """A page of leads; what is searched for goes in the body, since URLs are logged."""
    body = {**_of(customer), **{name: value for name, value in asked.items() if value is not None}}
    return Call("POST", "/search", lambda raw: read(LeadPage, raw), json=body)


def lead(customer: str | None, lead_id: str) -> Call[Mapping[str, Any]]:
    """One lead.

    Raises:
        NotFoundError: that is no id.
    """
    if not _LEAD_ID.fullmatch(lead_id):
        raise NotFoundError("That is no id of a lead.", advice="Search for it: a name or an address has no place here.")
    return Call("GET", f"/{lead_id}", dict, _of(customer))


def history(customer: str | None, lead_id: str, limit: int) -> Call[Mapping[str, Any]]:
    """What happened to a lead."""
    path = lead(customer, lead_id).path
    return Call("GET", f"{path}/history", dict, {**_of(customer), "limit": str(limit)})


def capture(customer: str | None, data: Mapping[str, Any], key: str | None) -> Call[Captured]:
    """Hand over one lead."""
    return Call("POST", "/captures", lambda raw: read(Captured, raw), _of(customer), dict(data), _key(key), writes=True)


def captures(customer: str | None, many: Sequence[Mapping[str, Any]], key: str | None) -> Call[list[Captured]]:
    """Hand over several."""

    def results(raw: Any) -> list[Captured]:
        return [read(Captured, one) for one in raw]

    return Call("POST", "/captures", results, _of(customer), [dict(one) for one in many], _key(key), writes=True)


def _of(customer: str | None) -> dict[str, str]:
    return {} if customer is None else {"customerId": customer}


def _key(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}


def token_of(given: str | None) -> str | None:
    """The token to show: the one given, else the first of LEADS_API_TOKEN."""
    first = (given or os.environ.get("LEADS_API_TOKEN", "")).split(",")[0].strip()
    return first.removeprefix("read:").removeprefix("write:") or None


def answer_of(call: Call[R], response: httpx.Response) -> R:
    """What a response says.

    Raises:
        LeadsError: what went wrong, as the server names it.
    """
    if response.is_success:
        try:
            return call.read(response.json())
        except (ValueError, TypeError, AttributeError) as error:
            raise ServiceUnavailableError(
                f"What answers at {_place(response.request.url)} is not the API of leads_dagster."
            ) from error
    raise _error(response)


def unreachable(url: httpx.URL | str, error: httpx.TransportError) -> LeadsError:
    """What a connection that failed means."""
    what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
    return ServiceUnavailableError(
        f"The API at {_place(httpx.URL(url))} {what}.", advice="Does `leads up` or `leads serve` run there?"
    )


def _place(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.host}" + (f":{url.port}" if url.port else "")


_BY_STATUS: dict[int, type[LeadsError]] = {401: CredentialsError, 403: CredentialsError, 404: NotFoundError}


def _error(response: httpx.Response) -> LeadsError:
    try:
        said = response.json()
        message, advice = str(said["detail"]), str(said.get("advice", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        said, message, advice = {}, f"The API answered {response.status_code}.", ""
    if faults := said.get("errors"):
        message += " " + "; ".join(f"{one['at']}: {one['message']}" for one in faults)
    if response.status_code == 429 and said.get("error") in (None, "RateLimitedError"):
        seconds = float(response.headers.get("retry-after", "1"))
        return RateLimitedError(message, advice=advice, retry_after_seconds=seconds)
    context = {"status": response.status_code, **(said.get("context") or {})}
    return _kind(said.get("error"), response.status_code)(message, advice=advice, **context)


def _kind(name: object, status: int) -> type[LeadsError]:
    """The error class that the server names, where it is one that needs nothing more; else by the status."""
    named = getattr(errors, name, None) if isinstance(name, str) else None
    if isinstance(named, type) and issubclass(named, LeadsError) and named.__init__ is LeadsError.__init__:
        return named
    return _BY_STATUS.get(status, ServiceUnavailableError if status >= 500 else ContentError)
