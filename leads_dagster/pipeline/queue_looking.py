"""Looking at the capture queue from outside of a cycle: for alerts, for the doctor, for `leads queue status`.

What belongs here: reading, and opening the queue once for many customers. Nothing is changed and no file is made; what
becomes of an item is `capture`'s business.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Any

from leads_dagster.capture_queue.items import QueueBooks
from leads_dagster.capture_queue.place import queue_place
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.errors import LeadsError
from leads_dagster.settings import Settings


def unnamed_customers(queue: CaptureQueue, names: Collection[str]) -> dict[str, int]:
    """Customer -> captures that wait, of customers that leads.toml does not name; nobody will ever process them.

    Raises:
        StoreError, StoreBusyError: the queue cannot be used.
    """
    return {customer: count for customer, count in sorted(queue.waiting().items()) if customer not in names}


def sum_of(books: QueueBooks) -> dict[str, int]:
    """The books by the names that people see, with what is `missing`."""
    return {**asdict(books), "missing": books.missing}


class QueueLook:
    """The queue as a round of alerts sees it; to be used as a context.

    A queue that cannot be asked is said in `error`, and not asked again: a server that is away answers each question
    only after its time-out.

    Attributes:
        error: why it cannot be asked; None while it can, and where nothing was ever enqueued.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._queue: CaptureQueue | None = None
        self.error: LeadsError | None = None

    def __enter__(self) -> QueueLook:
        place = queue_place(self._settings)
        try:
            if place.path is None or place.path.exists():
                self._queue = place.open()
        except LeadsError as error:
            self._failed(error)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._queue is not None:
            self._queue.close()

    def of(self, customer: str) -> Mapping[str, Any]:
        """A customer's numbers, named as in `items.QueueStatus`, and `oldest_seconds` and `missing`; empty where nobody
        knows."""
        if self._queue is None:
            return {}
        try:
            found = {**asdict(self._queue.status(customer)), "missing": self._queue.books(customer).missing}
        except LeadsError as error:
            self._failed(error)
            return {}
        oldest = found.pop("oldest_at_ms")
        return {**found, "oldest_seconds": 0.0 if oldest is None else max(0.0, self._clock() - oldest / 1000)}

    def unnamed(self) -> dict[str, int]:
        """As `unnamed_customers`; empty where nobody knows."""
        if self._queue is None:
            return {}
        try:
            return unnamed_customers(self._queue, {one.name for one in self._settings.customers})
        except LeadsError as error:
            self._failed(error)
            return {}

    def _failed(self, error: LeadsError) -> None:
        self.error = error
        if self._queue is not None:
            self._queue.close()
            self._queue = None
