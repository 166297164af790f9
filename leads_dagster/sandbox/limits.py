"""The services' rate limits, kept only when asked for: Airtable's pace and rest, and Google's quotas a minute."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from leads_dagster.sandbox import airtable_errors, google_errors
from leads_dagster.sandbox.clock import Clock
from leads_dagster.sandbox.http import RefusedError

BASE_PER_SECOND = 5
TOKEN_PER_SECOND = 50
REST_SECONDS = 30.0
USER_PER_MINUTE = 60
PROJECT_PER_MINUTE = 300
_MAX_KEYS = 10_000


@dataclass
class Window:
    """At most `limit` events in any `seconds`."""

    limit: int
    seconds: float
    events: deque[float] = field(default_factory=deque)

    def admit(self, now: float) -> bool:
        while self.events and self.events[0] <= now - self.seconds:
            self.events.popleft()
        if len(self.events) >= self.limit:
            return False
        self.events.append(now)
        return True


class Windows:
    """One window a key, made when first used."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self._windows: dict[str, Window] = {}

    def admit(self, key: str, now: float) -> bool:
        if key not in self._windows and len(self._windows) >= _MAX_KEYS:
            self._windows.clear()
        return self._windows.setdefault(key, Window(self.limit, self.seconds)).admit(now)


class AirtableLimits:
    """Five requests in any second a base, fifty a token; one too many and all are refused for thirty seconds."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._bases = Windows(BASE_PER_SECOND, 1.0)
        self._tokens = Windows(TOKEN_PER_SECOND, 1.0)
        self._resting: dict[str, float] = {}

    def check(self, *, token: str, base: str | None) -> None:
        """Raises the refusal of a request too many. A refused request does not lengthen the rest."""
        now = self.clock.monotonic()
        keys = [(self._tokens, f"token {token}")] + ([(self._bases, f"base {base}")] if base else [])
        if any(self._resting.get(key, 0.0) > now for _, key in keys):
            raise airtable_errors.rate_limited()
        for windows, key in keys:
            if not windows.admit(key, now):
                self._resting[key] = now + REST_SECONDS
                raise airtable_errors.rate_limited()


class GoogleLimits:
    """Sixty reads and sixty writes a minute a user, three hundred of each a project."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._users = Windows(USER_PER_MINUTE, 60.0)
        self._project = Windows(PROJECT_PER_MINUTE, 60.0)

    def check(self, *, user: str, write: bool) -> None:
        now, kind = self.clock.monotonic(), "Write" if write else "Read"
        if not self._users.admit(f"{kind} {user}", now):
            raise google_errors.quota_exceeded(kind=kind, per_user=True)
        if not self._project.admit(kind, now):
            raise google_errors.quota_exceeded(kind=kind, per_user=False)


def refusal_for_status(service: str, status: int, error: str | None = None) -> RefusedError:
    """The body that a service gives with a status, for faults on demand; `error` names another of Airtable's."""
    if service == "google":
        if status == 429:
            return google_errors.quota_exceeded(kind="Read", per_user=True)
        names = {403: "PERMISSION_DENIED", 500: "INTERNAL", 503: "UNAVAILABLE"}
        body = {
            "code": status,
            "message": "The service is currently unavailable.",
            "status": names.get(status, "UNKNOWN"),
        }
        return RefusedError(status, {"error": body})
    if status == 429:
        used_up = error == "PUBLIC_API_BILLING_LIMIT_EXCEEDED"
        return airtable_errors.month_used_up() if used_up else airtable_errors.rate_limited()
    kinds = {500: "SERVER_ERROR", 502: "BAD_GATEWAY", 503: "RETRIABLE_ERROR"}
    return airtable_errors.refusal(
        status, error or kinds.get(status, "SANDBOX_FAULT"), "The server could not process your request"
    )
