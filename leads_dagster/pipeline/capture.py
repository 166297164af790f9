"""captured_leads: what waits in the capture queue, taken into the store by the one road.

What belongs here: leasing, judging, recording and settling. The queue is `capture_queue`'s, criteria are
`leads.criteria`', and what a record comes to is `store.intake`'s business.

What came of an item is booked in the same transaction as its lead, and only then is it settled in the queue: an item
that comes again, because a process died in between, is found booked and has no second effect.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import Connection

from leads_dagster.capture_queue.items import Leased, Settled
from leads_dagster.capture_queue.place import open_queue, queue_place
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.errors import LeadsError, StoreDamagedError
from leads_dagster.leads.criteria import confidence_of, refusal
from leads_dagster.leads.many_objects import without_collecting
from leads_dagster.pipeline.capture_reading import CaptureReader
from leads_dagster.pipeline.deciding import tell_mirrors
from leads_dagster.pipeline.freshness import Measuring
from leads_dagster.pipeline.stages import Outcome, stage
from leads_dagster.pipeline.workspace import Workspace, open_workspace
from leads_dagster.settings import Settings, customer_named
from leads_dagster.store import captures, epochs, lead_rows
from leads_dagster.store.captures import Capture
from leads_dagster.store.engine import writing
from leads_dagster.store.intake import Arrival, Landed, take_in
from leads_dagster.store.resolution import new_lead_id

logger = logging.getLogger(__name__)

CAPTURED_LEADS = "captured_leads"
BATCH = 100
# Where more wait, larger batches take less time an item.
LARGEST_BATCH = 1_000
LEASE_SECONDS = 120.0
# A stage of a cycle gives way to the rest of the cycle after so long; what is left waits for the next.
STAGE_SECONDS = 10.0
_UNREADABLE = "It cannot be processed"


@dataclass
class Processed:
    """What became of items.

    Attributes:
        ends: outcome -> how many: recorded, duplicate, rejected, failed.
        remaining: of this customer, still due.
        lost: whose lease had ended before it was settled; they come again.
    """

    ends: Counter[str] = field(default_factory=Counter)
    remaining: int = 0
    lost: int = 0

    @property
    def total(self) -> int:
        return sum(self.ends.values())

    def add(self, other: Processed) -> None:
        """Add what became of others."""
        self.ends.update(other.ends)
        self.remaining += other.remaining
        self.lost += other.lost

    def numbers(self) -> dict[str, int]:
        """By the names that people see."""
        return {
            "recorded": self.ends["recorded"],
            "duplicates": self.ends["duplicate"],
            "rejected": self.ends["rejected"],
            "failed": self.ends["failed"],
            "remaining": self.remaining,
        }


def take_captures(ws: Workspace, *, run_id: str) -> Outcome:
    """Take in what waits for this customer, for as long as a stage may take; `changed` is False where nothing did.

    A queue that cannot be reached is an outcome, not a failure: the sheet goes on.
    """
    if not ws.customer.capture.enabled or not queue_exists(ws):
        return Outcome(False, "none", {"enabled": ws.customer.capture.enabled})
    started = time.monotonic()
    try:
        with stage(ws, run_id, CAPTURED_LEADS, percent=3, message="Taking in captures"):
            done = process(ws, run_id=run_id, until=started + STAGE_SECONDS)
    except LeadsError as error:
        if not error.transient:
            raise
        return Outcome(False, "same", {"error": error.message})
    rate = round(done.total / max(time.monotonic() - started, 1e-3), 1) if done.total else 0.0
    return Outcome(done.total > 0, run_id if done.total else "same", {**done.numbers(), "items_a_second": rate})


def queue_exists(ws: Workspace) -> bool:
    """Whether anything was ever enqueued here; asking must not make the file."""
    return _queue_is_there(ws.settings)


def _queue_is_there(settings: Settings) -> bool:
    path = queue_place(settings).path
    return path is None or path.exists()


def retry_dead(settings: Settings, *, limit: int) -> dict[str, int]:
    """Queue up to so many dead captures of each customer again; customer -> how many.

    Raises:
        StoreError, StoreBusyError: the queue cannot be used.
    """
    if not _queue_is_there(settings):
        return {}
    with closing(open_queue(settings)) as queue:
        return {one.name: queue.retry_dead(one.name, limit=limit) for one in settings.customers if one.capture.enabled}


def process(ws: Workspace, *, run_id: str, limit: int | None = None, until: float = float("inf")) -> Processed:
    """Process what is due, batch by batch; between two of them other writers of the customer get their turn.

    Args:
        run_id: what the history names.
        limit: at most so many items; None: all.
        until: no further batch is begun after this moment (`time.monotonic`).

    Raises:
        StoreError, StoreBusyError: queue or lead database cannot be used; what was leased comes back.
    """
    done = Processed()
    queue = open_queue(ws.settings)
    try:
        processor = _Processor(ws, queue, run_id)
        while (left := _left(limit, done)) > 0 and time.monotonic() < until:
            items = queue.lease(customer=ws.name, limit=min(left, processor.size), seconds=LEASE_SECONDS)
            if not items:
                break
            processor.work_off(items, done)
        done.remaining = queue.waiting().get(ws.name, 0)
    finally:
        queue.close()
    return done


def process_now(settings: Settings, *, customer: str | None = None, limit: int | None = None) -> Processed:
    """Process what is due of one customer, or of all, outside of a cycle; the mirrors hear of it at once.

    Raises:
        SettingsError: no such customer.
        StoreError, StoreBusyError: as `process`.
    """
    chosen = settings.customers if customer is None else (customer_named(settings, customer),)
    total = Processed()
    for one in chosen:
        with open_workspace(settings, one.name) as ws:
            if not one.capture.enabled or not queue_exists(ws):
                continue
            with ws.locked():
                left = None if limit is None else limit - total.total
                total.add(process(ws, run_id=f"captures-{new_lead_id()}", limit=left))
            tell_mirrors(ws)
    return total


def _left(limit: int | None, done: Processed) -> int:
    return LARGEST_BATCH if limit is None else limit - done.total


class _Processor:
    """One call's work on the queue of one customer."""

    def __init__(self, ws: Workspace, queue: CaptureQueue, run_id: str) -> None:
        self.ws, self.queue, self.run_id = ws, queue, run_id
        self.reader = CaptureReader(ws.rules, columns=ws.customer.columns, learned=ws.learned_headers)
        self.size = BATCH

    def work_off(self, items: Sequence[Leased], done: Processed) -> None:
        """Take a batch in, in parts where it cannot be as a whole, and settle it."""
        ends = list(self._ends(items))
        settled = self.queue.settle(ends)
        done.lost += len(ends) - settled
        done.ends.update(end.outcome for end in ends)
        if len(items) == self.size:
            self.size = min(2 * self.size, LARGEST_BATCH)

    def _ends(self, items: Sequence[Leased]) -> Iterator[Settled]:
        """What came of each; a batch that fails is halved until the item that spoils it stands alone."""
        try:
            yield from self._taken(items)
        except StoreDamagedError:
            raise
        except LeadsError as error:
            if error.transient:
                raise
            yield from self._apart(items, error.message)
        except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError, AssertionError) as error:
            logger.warning("A batch of %d captures failed: %s", len(items), type(error).__name__, exc_info=True)
            yield from self._apart(items, f"{_UNREADABLE}: {type(error).__name__}.")

    def _apart(self, items: Sequence[Leased], why: str) -> Iterator[Settled]:
        if len(items) == 1:
            yield Settled(items[0].id, items[0].lease, "failed", why)
            return
        middle = len(items) // 2
        yield from self._ends(items[:middle])
        yield from self._ends(items[middle:])

    @without_collecting()
    def _taken(self, items: Sequence[Leased]) -> list[Settled]:
        with writing(self.ws.engine, self.ws.name) as connection:
            known = captures.settled(connection, self.ws.name, [item.key for item in items])
            fresh = _once_each([item for item in items if item.key not in known])
            booked = {**known, **self._recorded(connection, fresh)}
        return [
            Settled(item.id, item.lease, one.outcome, one.reason, one.lead_id)
            for item in items
            if (one := booked[item.key])
        ]

    def _recorded(self, connection: Connection, items: Sequence[Leased]) -> dict[str, Capture]:
        """Judge items and take in those that are to be leads; key -> what came of each, booked."""
        at = epochs.moment(connection, self.ws.name, self.ws.now())
        read = {item.key: self.reader.arrival(item) for item in items}
        refused = {key: why for key, arrival in read.items() if (why := refusal(arrival.row, self.ws.customer.capture))}
        taken = [arrival for key, arrival in read.items() if key not in refused]
        landed = self._landed(connection, taken, items, at)
        changed = captures.changed_by(connection, self.run_id, {one.record_id for one in landed.values()})
        changed |= _of_new_leads(connection, taken, landed)
        found = [_capture(item, read[item.key], refused.get(item.key), landed.get(item.key), changed) for item in items]
        booked = [replace(one, customer=self.ws.name, run_id=self.run_id, at=at) for one in found]
        captures.book(connection, booked)
        return {one.key: one for one in booked}

    def _landed(
        self, connection: Connection, taken: Sequence[Arrival], items: Sequence[Leased], at: datetime
    ) -> dict[str, Landed]:
        if not taken:
            return {}
        seen = [_moment(item.enqueued_at_ms) for item in items]
        landed = take_in(
            connection, self.ws.policy, taken, source=captures.SOURCE, run_id=self.run_id, at=at,
            reread=self.reader.read, seen_at=min(seen),
        )  # fmt: skip
        Measuring(self.ws, self.run_id, "store").note(connection, map(_coarse, seen))
        return {one.key: one for one in landed}


def _capture(item: Leased, arrival: Arrival, refused: str | None, landed: Landed | None, changed: set[int]) -> Capture:
    """What came of an item, before it is said in which run and when."""
    outcome, reason = _outcome(arrival, refused, landed, changed)
    captured_at = _moment(item.captured_at_ms)
    return Capture(
        item.customer, item.key, item.id, outcome, captured_at, captured_at, "", reason,
        arrival.row.fields.get("source"), confidence_of(arrival.row),
        landed.record_id if landed else None, landed.lead_id if landed else None,
        changed_lead=landed is not None and outcome == "recorded",
    )  # fmt: skip


def _of_new_leads(connection: Connection, taken: Sequence[Arrival], landed: Mapping[str, Landed]) -> set[int]:
    """Records that gave a lead that is new in this batch a value; its history names only the first of them."""
    ids = sorted({one.lead_id for one in landed.values() if one.lead_id is not None and one.is_new_lead})
    leads = {lead: lead_rows.to_texts(row) for lead, row in lead_rows.load(connection, ids).items()}
    said: set[tuple[str, str, str]] = set()
    found: set[int] = set()
    for arrival in taken:
        end = landed[arrival.key]
        if end.lead_id in leads:
            has = {(end.lead_id, *item) for item in leads[end.lead_id].items() & arrival.row.fields.items()}
            found |= {end.record_id} if has - said else set()
            said |= has
    return found


def _outcome(
    arrival: Arrival, refused: str | None, landed: Landed | None, changed: set[int]
) -> tuple[captures.CaptureOutcome, str]:
    if refused is not None:
        return "rejected", refused
    if landed is None or landed.state == "quarantined":
        return "rejected", arrival.row.rejection.message if arrival.row.rejection else "It cannot be a lead."
    if landed.state == "created" or landed.record_id in changed:
        return "recorded", ""
    return "duplicate", "It joined a lead that says the same."


def _once_each(items: Sequence[Leased]) -> list[Leased]:
    """Items of different keys; the queue has each key once, whatever it was told."""
    return list({item.key: item for item in items}.values())


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def _coarse(moment: datetime) -> datetime:
    """To the twentieth of a second: items of one batch share a few lines of freshness."""
    return moment.replace(microsecond=moment.microsecond // 50_000 * 50_000)


def captures_wait(ws: Workspace) -> bool:
    """Whether captures of this customer could be processed now. A queue that cannot be asked says no: it says so itself
    where somebody enqueues."""
    if not ws.customer.capture.enabled or not queue_exists(ws):
        return False
    try:
        queue = open_queue(ws.settings)
    except LeadsError:
        return False
    try:
        return queue.waiting().get(ws.name, 0) > 0
    except LeadsError:
        return False
    finally:
        queue.close()


def queue_status(ws: Workspace) -> dict[str, Any] | None:
    """Where the queue stands for this customer; None where nothing was ever enqueued.

    Returns:
        queued, leased, delayed, dead, recorded, duplicates, rejected; oldest_seconds; enqueued_a_minute,
        settled_a_minute; bytes and limit of the whole queue.
    """
    if not queue_exists(ws):
        return None
    queue = open_queue(ws.settings)
    try:
        found = asdict(queue.status(ws.name))
    finally:
        queue.close()
    oldest = found.pop("oldest_at_ms")
    waited = 0.0 if oldest is None else max(0.0, ws.now().timestamp() - oldest / 1000)
    return {**found, "oldest_seconds": round(waited, 3)}
