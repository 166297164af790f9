"""Pacing: how many calls a service lets us make, kept by every thread, process and host together.

What belongs here: waiting for a place, resting and parking after refusals, and whose turn it is to look for edits.
Where that is written down is `file_books` or `redis_books`; arithmetic of months is `plans`. Not: what the calls are.

pyrate-limiter's `Limiter` waits by adding the wait to the call's old timestamp, so that a late wake-up is entered too
early. We wait ourselves and enter the time at which the call is really made. A service counts arrivals, and a busy
machine may send a call late: until its answer is there, a call keeps its place (`Books.enter` puts it ahead of now);
then the entry is moved by what the answer took beyond the quickest ones, for it may have arrived that much later
(`Books.settle`). That costs next to nothing in pace.

Our own count of a month sets how often we look for edits, and lets the pace down once it is used up. What ends a
month's calls is the service's word: it knows the calls of others and the plan of today, and Airtable goes on answering
the Team plan beyond its number, more slowly.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from leads_dagster.budget.books import Books, Entry, LimitFacts
from leads_dagster.budget.limits import Limit
from leads_dagster.budget.plans import month_end, next_pull
from leads_dagster.budget.status import LimitStatus, sharers, status_of
from leads_dagster.errors import LeadsError, QuotaSpentError, RateLimitedError
from leads_dagster.retrying import SERVER_WAIT

logger = logging.getLogger(__name__)

# Answers that are remembered, and how many of them tell what the quickest take.
_REMEMBERED = 50
_ENOUGH = 10
_PARK_ADVICE = (
    "Wait for the next month or choose a larger plan; nothing is lost, the outbox keeps what is pending. "
    "The service is asked once an hour whether it answers again."
)


class Budget:
    """Lets a call through when every limit has room and nobody has been refused lately.

    One instance a process; its threads may share it. The first limit is the one that rests after a refusal.

    Args:
        home: state folder; the file `budget.sqlite` in it is what processes share.
        limits: all of them must have room.
        url: a Redis that processes share in place of the file, also of several hosts.
        clock: seconds since the epoch, the same in every process; None for the host's, or for that of Redis.
        sleep: waits that many seconds.

    Raises:
        SettingsError: `url` is none of Redis.
        StoreError: the books cannot be written.
        StoreBusyError: another process has held the file for too long, or Redis cannot be reached.
    """

    def __init__(
        self,
        home: Path,
        limits: Sequence[Limit],
        *,
        url: str | None = None,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = tuple(limits)
        self._account = self._limits[0].account or self._limits[0].name
        self._sleep = sleep
        self._took_ms: deque[int] = deque(maxlen=_REMEMBERED)
        self._books = _open_books(home, self._limits, url, clock)

    @contextmanager
    def slot(self, *, patience_seconds: float | None = None) -> Iterator[None]:
        """Waits for room in every limit, then runs the body as one call.

        A `QuotaSpentError` of the body parks the budget until the next month.

        Args:
            patience_seconds: wait no longer than this; None for as long as it takes.

        Raises:
            QuotaSpentError: the budget is parked; no call is made.
            RateLimitedError: it would take more than the patience; no call is made.
            StoreError, StoreBusyError: the books cannot be used; no call is made unpaced.
        """
        ticket = uuid.uuid4().hex
        entry = self._take(ticket, patience_seconds)
        try:
            yield
        except QuotaSpentError as spent:
            self.park(reason=spent.message)
            raise
        else:
            if entry.probing:
                self.unpark()
        finally:
            self._settle(ticket, entry.began_ms)

    def _take(self, ticket: str, patience_seconds: float | None = None) -> Entry:
        """The place of a call that may be made now."""
        waited = 0.0
        while True:
            entry = self._books.enter(ticket)
            if entry.parked_until_ms:
                raise _parked(entry)
            if not entry.wait_ms:
                return entry
            wait = entry.wait_ms / 1000
            if patience_seconds is not None and waited + wait > patience_seconds:
                raise self._full(wait)
            self._sleep(wait)
            waited += wait

    def _full(self, wait: float) -> RateLimitedError:
        return RateLimitedError(
            f"The calls of {self._limits[0].name} are used up for another {wait:.0f} s.",
            retry_after_seconds=wait,
            advice="Nothing was asked of the service; the next sync goes on.",
            **{SERVER_WAIT: wait},
        )

    def _settle(self, ticket: str, began_ms: int) -> None:
        """Enters the call at the time at which it can have arrived at the latest, as far as that is known."""
        # What the quickest answers take, every answer takes; until some are known, all of it may be the way there.
        least = min(self._took_ms) if len(self._took_ms) >= _ENOUGH - 1 else 0
        try:
            self._took_ms.append(self._books.settle(ticket, began_ms, least))
        except LeadsError as error:  # the call was made, and keeps the place it has until that runs out
            logger.warning("A call could not be settled: %s", error.message)

    def rest(self, seconds: float | None = None) -> None:
        """A call was refused: nobody calls for so long, in any process; without a number, as the service wants it."""
        first = self._limits[0]
        self._books.rest(first, first.rest_seconds if seconds is None else seconds)

    def park(self, until: datetime | None = None, *, reason: str) -> None:
        """The month's calls are used up: nobody calls until then, in any process, but for one question an hour.

        Args:
            until: aware; None for the end of the month.
            reason: shown to whoever would call.
        """
        end = month_end(self._facts()[self._account].now) if until is None else until.timestamp()
        if self._books.park(self._account, int(end * 1000), reason):
            logger.warning("%s is parked until %s: %s", self._account, _utc(end), reason)

    def unpark(self) -> None:
        """The service answers again."""
        self._books.unpark(tuple(limit.name for limit in self._limits))
        logger.info("%s is no longer parked", self._account)

    def pull_due(self, *, interval_seconds: float = 1.0) -> bool:
        """Whether the caller shall look for edits now; of all that ask, in any process, one is told so.

        Who is told so and then fails has had the turn: a service that is away must not use up the month.

        Args:
            interval_seconds: the customer's own; the month's budget may ask for a longer one.
        """
        facts = self._facts()
        own = facts[self._limits[0].name]
        if facts[self._account].asleep or self._next_pull(facts, interval_seconds) > own.now:
            return False
        return self._books.claim_pull(own.name, self._account, last_ms=own.last_pull_ms)

    def note_pull(self) -> None:
        """Somebody has looked as a part of something else, as before a write: the next look counts from now."""
        self._books.note_pull(self._limits[0].name)

    def next_pull_at(self, *, interval_seconds: float = 1.0) -> datetime:
        """When to look for edits again (UTC); in the past where it is due."""
        return _utc(self._next_pull(self._facts(), interval_seconds))

    def _next_pull(self, facts: dict[str, LimitFacts], least: float) -> float:
        own, account = facts[self._limits[0].name], facts[self._account]
        return next_pull(
            account.month_use,
            own.now,
            last=own.last_pull_ms / 1000,
            sharers=sharers(own, facts.values()),
            least=max(1.0, least),
        )

    def _facts(self) -> dict[str, LimitFacts]:
        return {one.name: one for one in self._books.facts()}

    def status(self) -> tuple[LimitStatus, ...]:
        """How much of each of this budget's limits is used now."""
        names = {limit.name for limit in self._limits}
        return tuple(status for status in status_of(self._books.facts()) if status.name in names)

    def close(self) -> None:
        """Lets go of the books."""
        self._books.close()

    def __enter__(self) -> Budget:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _open_books(home: Path, limits: Sequence[Limit], url: str | None, clock: Callable[[], float] | None) -> Books:
    if url is not None:
        from leads_dagster.budget.redis_books import RedisBooks

        return RedisBooks(url, limits, clock)
    from leads_dagster.budget.file_books import FileBooks

    return FileBooks(home, limits, clock or time.time)


def _parked(entry: Entry) -> QuotaSpentError:
    until = _utc(entry.parked_until_ms / 1000)
    return QuotaSpentError(
        f"{entry.reason} Nothing is asked before {until:%Y-%m-%d %H:%M} UTC.",
        advice=_PARK_ADVICE,
        parked_until=until.isoformat(),
    )


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, timezone.utc)
