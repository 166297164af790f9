"""What the twin was asked: counts by kind, by route and base or sheet, and the last requests. Bounded in size.

A request is a `read`, a `write` (records, comments, schema, cells: whatever was sent to change them, also when it was
refused) or about a `hook` (making, refreshing, deleting one; reading payloads is a read).
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from leads_dagster.sandbox.http import JsonObject

LAST_REQUESTS = 1000
MAX_COUNTS = 5000
Kind = Literal["read", "write", "hook"]
_READING_POSTS = ("/listRecords", ":batchGet", ":getByDataFilter", "/token")


def kind_of(method: str, route: str, path: str) -> Kind:
    """`route` is a pattern such as `v0/{base}/{table}`, `path` what was asked for."""
    if method in ("GET", "HEAD") or path.endswith(_READING_POSTS):
        return "read"
    return "hook" if "/webhooks" in route else "write"


@dataclass(frozen=True)
class Tally:
    """How many requests of each kind. The difference of two is what was asked between them."""

    reads: int = 0
    writes: int = 0
    hooks: int = 0

    def __sub__(self, earlier: Tally) -> Tally:
        return Tally(self.reads - earlier.reads, self.writes - earlier.writes, self.hooks - earlier.hooks)


@dataclass
class RequestLog:
    """`total` counts every request, `last` holds the newest ones with their numbers."""

    total: int = 0
    last: deque[JsonObject] = field(default_factory=lambda: deque(maxlen=LAST_REQUESTS))
    _counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    _kinds: Counter[Kind] = field(default_factory=Counter)

    def add(self, *, method: str, route: str, subject: str, path: str, status: int, seconds: float) -> None:
        """`subject` is the base or sheet asked for; a status of 0 is a connection cut."""
        self.total += 1
        kind = kind_of(method, route, path)
        self._kinds[kind] += 1
        key = (f"{method} {route}", subject, status)
        if key in self._counts or len(self._counts) < MAX_COUNTS:
            self._counts[key] += 1
        entry: JsonObject = {"method": method, "path": path, "status": status, "seconds": round(seconds, 6)}
        entry["at"] = time.time()  # of this machine, whatever the twin's clock was put to
        self.last.append({"number": self.total, "kind": kind, **entry})

    def tally(self) -> Tally:
        """The counts so far: keep one as a mark and subtract it from a later one."""
        return Tally(self._kinds["read"], self._kinds["write"], self._kinds["hook"])

    def since(self, number: int, *, kind: Kind | None = None) -> list[JsonObject]:
        """The requests after that one, of those still held."""
        return [each for each in list(self.last) if each["number"] > number and kind in (None, each["kind"])]

    def count(self, *, route: str | None = None, subject: str | None = None, status: int | None = None) -> int:
        """How many requests match; `route` is a part of `METHOD path/{pattern}`."""
        return sum(
            number
            for (name, who, code), number in self._counts.items()
            if (route is None or route in name) and (subject is None or subject == who) and status in (None, code)
        )

    def to_json(self, *, since: int = 0) -> JsonObject:
        counts = [
            {"route": name, "subject": subject, "status": status, "count": number}
            for (name, subject, status), number in self._counts.most_common()
        ]
        kinds: Mapping[str, int] = vars(self.tally())
        return {"total": self.total, **kinds, "counts": counts, "last": self.since(since)}

    def clear(self) -> None:
        """Start counting anew; that is the mark of those who ask over HTTP."""
        self._counts.clear()
        self._kinds.clear()
        self.last.clear()
        self.total = 0
