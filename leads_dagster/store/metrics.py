"""What the lead database costs this process in waiting and trying again, by operation.

What belongs here: counting, for `leads status` and whoever collects metrics. Deciding to try again is `retry`'s.
"""

from __future__ import annotations

import functools
import os
import threading
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

UNNAMED = "other"  # transactions outside any named operation


@dataclass
class Waits:
    """How long locks were waited for: how many write transactions, seconds in all, the longest wait."""

    count: int = 0
    total: float = 0.0
    max: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one wait."""
        self.count += 1
        self.total += seconds
        self.max = max(self.max, seconds)


@dataclass
class OperationCounts:
    """One operation: calls, tries after a first one, calls that failed in the end, and its waits for locks."""

    calls: int = 0
    retries: int = 0
    failures: int = 0
    lock_wait_seconds: Waits = field(default_factory=Waits)


class StoreMetrics:
    """The counters of one process; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_operation: dict[str, OperationCounts] = {}
        self._unbooked: dict[str, Counter[str]] = {}

    def called(self, operation: str) -> None:
        """An operation begins."""
        with self._lock:
            self._of(operation).calls += 1

    def retried(self, operation: str) -> None:
        """It is tried again."""
        with self._lock:
            self._of(operation).retries += 1

    def failed(self, operation: str) -> None:
        """It failed in the end."""
        with self._lock:
            self._of(operation).failures += 1

    def waited(self, operation: str, seconds: float) -> None:
        """A write transaction waited this long for its lock, whether it came or not."""
        with self._lock:
            self._of(operation).lock_wait_seconds.add(seconds)

    def to_book(self, database: str, operation: str, retries: int) -> None:
        """Retries that the database shall be told of."""
        with self._lock:
            self._unbooked.setdefault(database, Counter())[operation] += retries

    def take_unbooked(self, database: str) -> dict[str, int]:
        """Operation -> retries that the database was not told of; who takes them tells it, or gives them back."""
        with self._lock:
            return dict(self._unbooked.pop(database, {}))

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Operation -> its counts, as plain values."""
        with self._lock:
            return {name: asdict(counts) for name, counts in sorted(self._by_operation.items())}

    def _of(self, operation: str) -> OperationCounts:
        return self._by_operation.setdefault(operation, OperationCounts())


@functools.cache
def shared_metrics() -> StoreMetrics:
    """The process's own counters."""
    return StoreMetrics()


def store_metrics() -> dict[str, Any]:
    """What this process's calls to the lead database came to so far.

    Returns:
        `operations`: operation -> {calls, retries, failures, lock_wait_seconds: {count, total, max}};
        `lock_wait_seconds`: the same over all of them.
    """
    operations = shared_metrics().snapshot()
    waits = [one["lock_wait_seconds"] for one in operations.values()]
    return {
        "operations": operations,
        "lock_wait_seconds": {
            "count": sum(wait["count"] for wait in waits),
            "total": round(sum(wait["total"] for wait in waits), 6),
            "max": round(max((wait["max"] for wait in waits), default=0.0), 6),
        },
    }


# A forked child counts for itself, and must not wait for a lock that a thread of its parent held.
os.register_at_fork(after_in_child=shared_metrics.cache_clear)
