"""What the twin was asked: counts by route and base or sheet, and the last requests. Bounded in size."""

from __future__ import annotations

from collections import Counter, deque

from leads_dagster.sandbox.http import JsonObject

LAST_REQUESTS = 1000
MAX_COUNTS = 5000


class RequestLog:
    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._last: deque[JsonObject] = deque(maxlen=LAST_REQUESTS)
        self.total = 0

    def add(self, *, method: str, route: str, subject: str, path: str, status: int, seconds: float) -> None:
        """`subject` is the base or sheet asked for; a status of 0 is a connection cut."""
        self.total += 1
        key = (f"{method} {route}", subject, status)
        if key in self._counts or len(self._counts) < MAX_COUNTS:
            self._counts[key] += 1
        entry: JsonObject = {"method": method, "path": path, "status": status, "seconds": round(seconds, 6)}
        self._last.append(entry)

    def count(self, *, route: str | None = None, subject: str | None = None, status: int | None = None) -> int:
        """How many requests match; `route` is a part of `METHOD path/{pattern}`."""
        return sum(
            number
            for (name, who, code), number in self._counts.items()
            if (route is None or route in name) and (subject is None or subject == who) and status in (None, code)
        )

    def to_json(self) -> JsonObject:
        counts = [
            {"route": name, "subject": subject, "status": status, "count": number}
            for (name, subject, status), number in self._counts.most_common()
        ]
        return {"total": self.total, "counts": counts, "last": list(self._last)}

    def clear(self) -> None:
        self._counts.clear()
        self._last.clear()
        self.total = 0
