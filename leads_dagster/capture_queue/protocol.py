"""What a capture queue must be able to do, wherever it is kept.

What belongs here: the protocol that `file_queue` and `redis_queue` fulfil, and that the door and the processing use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from leads_dagster.capture_queue.items import (
    DeadItem,
    Ended,
    Leased,
    NewCapture,
    QueueBooks,
    QueueStatus,
    Receipt,
    Settled,
)


class CaptureQueue(Protocol):
    """A queue of captures. Safe to use from several threads, and in a child after a fork.

    An item is queued, then leased, then settled: for good, or as failed, which delays it and in the end makes it dead.
    Where a customer may be None, all are meant.

    Raises:
        StoreBusyError: it is locked or cannot be reached just now.
        StoreError: it refuses for good.
    """

    def put(self, items: Sequence[NewCapture]) -> list[Receipt]:
        """Puts all of them in or none; they are there for certain when this returns.

        Raises:
            QueueFullError, CaptureTooLargeError, InvalidLeadError: nothing was written.
        """

    def lease(self, *, customer: str | None, limit: int = 100, seconds: float = 60.0) -> list[Leased]:
        """Up to so many that are due, the longest waiting first, for so long; not settled by then, they come back."""

    def extend(self, leased: Sequence[Leased], *, seconds: float) -> int:
        """Lets leases end in so many seconds from now, 0 gives the items back at once; returns how many still held."""

    def settle(self, ends: Sequence[Settled]) -> int:
        """Ends leases, all at once; returns how many. One that another has taken since settles nothing."""

    def waiting(self) -> dict[str, int]:
        """Customer -> items due now, where there are any; cheap enough for every second."""

    def status(self, customer: str | None = None) -> QueueStatus:
        """Where it stands."""

    def books(self, customer: str) -> QueueBooks:
        """Where each is of all that was ever put in for a customer; what is there now is counted, not remembered."""

    def ended(self, customer: str, *, before_ms: int, limit: int = 1000) -> list[Ended]:
        """Up to so many that were settled before a moment and are kept, the latest first."""

    def dead(self, customer: str | None, *, limit: int = 100) -> list[DeadItem]:
        """Those that failed too often, the longest dead first."""

    def retry_dead(self, customer: str | None, *, limit: int = 100) -> int:
        """Queues up to so many dead again, the longest dead first, as if they had never failed; returns how many."""

    def replay(self, customer: str | None, *, since_ms: int, until_ms: int) -> int:
        """Queues again what was settled from `since_ms` on and before `until_ms`; returns how many."""

    def export(self, customer: str | None) -> Iterator[bytes]:
        """A JSON line, with its line end, for each item that is not settled, dead ones included."""

    def clear(self, customer: str | None, *, export: Callable[[bytes], object] | None = None) -> int:
        """Removes what is not settled, dead ones included; returns how many.

        Args:
            export: is given lines of `export`, several at once, before their items go; what it raises keeps them.
        """

    def worries(self) -> list[str]:
        """What lets it forget what it was given, in words; empty where nothing does."""

    def close(self) -> None:
        """Lets go of it."""
