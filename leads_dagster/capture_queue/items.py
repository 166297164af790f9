"""What goes into the capture queue and what comes out of it.

What belongs here: the shapes that all back ends, the door and the processing share, and the limits of a queue. Where
items are kept is `file_queue` and `redis_queue`. Times are whole ms since the epoch, by the queue's own clock where the
name does not say otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from leads_dagster.errors import CaptureTooLargeError, InvalidLeadError, QueueFullError

Outcome = Literal["recorded", "duplicate", "rejected", "failed"]

KEY_CHARACTERS = 256
"""A longer key is refused."""
LONGEST_MS = 3_600_000
"""No lease and no delay is longer; what is due later than that was entered before the clock was set back."""
SUSPECT = 3
"""An item whose workers died so often is leased alone, so that it takes no others with it."""
LOST_LEASES = 10
"""After so many leases that nobody ended it is dead."""
LEASED_BYTES = 64_000_000
"""Bodies of one lease together, if it is more than one."""
LOST_REASON = " workers died while they held it, or took longer than its lease."
REASON_CHARACTERS = 1_000
GROWTH = 6
"""Each delay is so many times the one before."""

# In this order items go through them; where a back end keeps a number, it is the place in this list.
STATES = ("queued", "leased", "delayed", "dead", "recorded", "duplicates", "rejected")
# The outcomes that settle an item for good, by the numbers of their states.
ENDS: dict[int, Outcome] = {4: "recorded", 5: "duplicate", 6: "rejected"}

_RANDOM_BITS = 80
_YEAR_10000_MS = 253_402_300_800_000


@dataclass(frozen=True, slots=True)
class NewCapture:
    """Something to be put in.

    Attributes:
        key: the same key again is the same capture; empty: its id becomes its key, it is like no other.
        body: a JSON object in UTF-8.
        captured_at_ms: when it was captured, by the clock of whoever did.
    """

    customer: str
    key: str
    body: bytes
    captured_at_ms: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What putting one in came to: its id, or that of the first with its key, for which nothing was written."""

    id: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Leased:
    """An item that is ours until its lease ends.

    Attributes:
        attempt: 1 at first, one more after every failure.
        lease: what settles it.
    """

    id: str
    customer: str
    key: str
    body: bytes
    captured_at_ms: int
    enqueued_at_ms: int
    attempt: int
    lease: str


@dataclass(frozen=True, slots=True)
class Settled:
    """How a leased item ended. `reason` is kept and shown: no personal data."""

    id: str
    lease: str
    outcome: Outcome
    reason: str = ""
    lead_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeadItem:
    """One that failed too often.

    Attributes:
        attempts: failures.
        reason: of the last one.
    """

    id: str
    customer: str
    key: str
    body: bytes
    captured_at_ms: int
    enqueued_at_ms: int
    died_at_ms: int
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """Where a queue stands.

    Attributes:
        queued: due now, those included whose lease or delay is over.
        leased: being worked at.
        delayed: failed, and to be tried again.
        dead: failed too often.
        recorded, duplicates, rejected: settled and still kept.
        oldest_at_ms: since when the one that has waited longest of the queued waits; None where none does.
        enqueued_a_minute, settled_a_minute: of the last minute.
        bytes: what the queue's file takes, or all bodies in Redis; of all customers.
        limit: how many may be queued, leased and delayed, of all customers together.
    """

    queued: int = 0
    leased: int = 0
    delayed: int = 0
    dead: int = 0
    recorded: int = 0
    duplicates: int = 0
    rejected: int = 0
    oldest_at_ms: int | None = None
    enqueued_a_minute: float = 0.0
    settled_a_minute: float = 0.0
    bytes: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True)
class QueueBooks:
    """Where every capture of a customer is that the queue ever took in.

    Attributes:
        taken: how many it took in; a key that was known is none.
        waiting: queued, leased and delayed. dead: failed too often.
        recorded, duplicates, rejected: settled, those that are no longer kept included.
        cleared: taken out by hand.
    """

    taken: int = 0
    waiting: int = 0
    dead: int = 0
    recorded: int = 0
    duplicates: int = 0
    rejected: int = 0
    cleared: int = 0

    @property
    def missing(self) -> int:
        """How many are nowhere; below 0 where there are more than were taken in."""
        ended = self.dead + self.recorded + self.duplicates + self.rejected + self.cleared
        return self.taken - self.waiting - ended


@dataclass(frozen=True, slots=True)
class Ended:
    """A settled item that is still kept: recorded, duplicate or rejected."""

    id: str
    key: str
    outcome: Outcome
    at_ms: int


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What a queue takes, and how long it tries and keeps.

    Attributes:
        waiting: items queued, leased and delayed, of all customers together.
        item_bytes: of one body.
        keep_days: how long a settled item is kept, for replay and for its key.
        attempts: failures after which an item is dead.
        retry_seconds: delay after the first failure, six times that after the second, and so on, at most an hour.
    """

    waiting: int = 2_000_000
    item_bytes: int = 1_000_000
    keep_days: float = 30.0
    attempts: int = 3
    retry_seconds: float = 5.0

    @property
    def keep_ms(self) -> int:
        return int(self.keep_days * 86_400_000)

    def delay_ms(self, failures: int) -> int:
        """How long an item waits after its n-th failure, from 1."""
        return int(min(self.retry_seconds * 1000 * GROWTH ** min(failures - 1, 20), LONGEST_MS))

    def check(self, items: Sequence[NewCapture]) -> None:
        """Look at everything before anything is written.

        Raises:
            InvalidLeadError: a customer or key that cannot be one.
            CaptureTooLargeError: a body above `item_bytes`.
        """
        for item in items:
            check_key(item.key)
            _check_text("customer", item.customer)
            if not 0 <= item.captured_at_ms < _YEAR_10000_MS:
                raise InvalidLeadError("A capture is of a time between 1970 and 9999.", field="scraped_at")
            if len(item.body) > self.item_bytes:
                raise CaptureTooLargeError(
                    f"A capture of {len(item.body):,} bytes is larger than the {self.item_bytes:,} allowed.",
                    advice="Leave out what is no part of the lead, or raise LEADS_QUEUE_ITEM_BYTES.",
                    bytes=len(item.body),
                    limit=self.item_bytes,
                )

    def check_room(self, waiting: int, added: int) -> None:
        """Raises QueueFullError where so many more do not fit."""
        if waiting + added > self.waiting:
            raise QueueFullError(
                f"The capture queue is full: {waiting:,} of {self.waiting:,} items wait, {added:,} more do not fit.",
                advice="Hand it over again when some are processed; `leads queue status` shows whether they are.",
                waiting=waiting,
                limit=self.waiting,
            )


def check_key(key: str) -> None:
    """Raises InvalidLeadError where this cannot be a key: too long, or no text."""
    if len(key) > KEY_CHARACTERS:
        raise InvalidLeadError(f"A key has at most {KEY_CHARACTERS} characters, not {len(key):,}.", field="key")
    _check_text("key", key)


def _check_text(field: str, text: str) -> None:
    if "\0" in text:
        raise InvalidLeadError(f"A {field} holds no NUL character.", field=field)
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidLeadError(f"A {field} is text that UTF-8 can hold.", field=field) from None


def lease_ms(seconds: float) -> int:
    """The length of a lease, at least a millisecond."""
    return max(1, min(int(seconds * 1000), LONGEST_MS))


def new_ids(count: int, now_ms: int) -> list[str]:
    """Ids that sort by time and are like no others, whoever makes them: ms and 80 random bits, counted up."""
    start = (now_ms << _RANDOM_BITS) + (int.from_bytes(os.urandom(_RANDOM_BITS // 8), "big") >> 1)
    return [f"{start + step:032x}" for step in range(count)]
