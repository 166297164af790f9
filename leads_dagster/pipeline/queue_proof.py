"""The proof that the capture queue loses nothing: what was taken in, against where it is.

What belongs here: the sum of the queue's books, and its settled items held against the store's `captures`. Nothing is
changed, and no file is made.

An item is settled after the store booked it, and the store forgets no capture; so whatever the queue says is settled
must be booked there, with the same outcome. The queue keeps settled items for LEADS_QUEUE_KEEP_DAYS: those are held
against the store, the latest and a stretch that begins at a random moment, so that in time all of them are.
"""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from leads_dagster.capture_queue.items import Ended, QueueBooks
from leads_dagster.capture_queue.place import open_queue, queue_place
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.pipeline.queue_looking import sum_of
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import captures
from leads_dagster.store.engine import reading

COMPARED = 500
_AFTER_ALL_MS = 2**52


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found.

    Attributes:
        compared: settled items that were held against the store.
        unbooked: those of them that it does not know, or with another outcome.
    """

    books: QueueBooks
    compared: int = 0
    unbooked: int = 0

    @property
    def holds(self) -> bool:
        return self.books.missing == 0 and self.unbooked == 0

    def numbers(self) -> dict[str, Any]:
        """By the names that people see."""
        return {
            **sum_of(self.books), "compared": self.compared, "unbooked": self.unbooked,
        }  # fmt: skip

    def words(self) -> str:
        """What does not hold, or that all does."""
        found = [
            f"{abs(self.books.missing):,} captures {self._how}" if self.books.missing else "",
            f"{self.unbooked:,} of {self.compared:,} settled captures are not in the lead database as the queue says"
            if self.unbooked
            else "",
        ]
        return "; ".join(filter(None, found)) or f"All {self.books.taken:,} captures ever taken in are accounted for"

    @property
    def _how(self) -> str:
        return "are nowhere" if self.books.missing > 0 else "are there that were never taken in"


def proof_of(ws: Workspace) -> Proof | None:
    """The proof of this customer's captures; None where nothing was ever enqueued.

    Raises:
        StoreError, StoreBusyError: the queue or the lead database cannot be used.
    """
    place = queue_place(ws.settings)
    if place.path is not None and not place.path.exists():
        return None
    begin = _AFTER_ALL_MS, _random_moment(ws)
    with closing(open_queue(ws.settings)) as queue:
        found = _looked(ws, queue, begin)
        # What was replayed between the look into the queue and that into the store is no fault: it is seen but once.
        return found if found.holds else _looked(ws, queue, begin)


def _random_moment(ws: Workspace) -> int:
    age = random.uniform(0, ws.settings.queue_keep_days * 86_400)  # noqa: S311 - any is as good
    return int((ws.now().timestamp() - age) * 1000)


def _looked(ws: Workspace, queue: CaptureQueue, begin: tuple[int, ...]) -> Proof:
    books = queue.books(ws.name)
    parts = [queue.ended(ws.name, before_ms=moment, limit=COMPARED) for moment in begin]
    settled = {one.id: one for part in parts for one in part}
    with reading(ws.engine) as connection:
        unbooked = _unbooked(connection, ws.name, list(settled.values()))
    return Proof(books, len(settled), unbooked)


def _unbooked(connection: Connection, customer: str, settled: list[Ended]) -> int:
    outcomes = captures.outcomes(connection, customer, [one.key for one in settled])
    return sum(outcomes.get(one.key) != one.outcome for one in settled)
