"""The capture queue in Redis: for all processes of several hosts.

What belongs here: what each verb of the protocol asks of the server. The scripts, and the keys they use, are
`redis_scripts` and `redis_views`.

Each verb is one script and one round trip: Redis runs a script alone and writes what it did to its log as one piece,
which makes it all or nothing, also when the server dies. Times are the server's own, so that hosts whose clocks differ
agree on when a lease ends. What was put in is there for certain when the server keeps what it is given: `appendonly
yes`, with `appendfsync always` to the last item, and no eviction (`worries` says what is not so). All keys share one
hash tag, so that a Redis Cluster keeps them on one node.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from leads_dagster.capture_queue.items import (
    ENDS,
    GROWTH,
    LEASED_BYTES,
    LONGEST_MS,
    LOST_LEASES,
    LOST_REASON,
    REASON_CHARACTERS,
    STATES,
    SUSPECT,
    DeadItem,
    Ended,
    Leased,
    NewCapture,
    QueueBooks,
    QueueLimits,
    QueueStatus,
    Receipt,
    Settled,
    lease_ms,
    new_ids,
)
from leads_dagster.capture_queue.lines import LINE, export_line
from leads_dagster.capture_queue.redis_scripts import EXTEND, LEASE, PUT, QUEUE_AGAIN, REMOVE, SETTLE
from leads_dagster.capture_queue.redis_views import BOOKS, COUNT_SETTLED, DEAD, ENDED, LOOK, STATUS
from leads_dagster.redis_access import connect, said_in_words

PREFIX = "{leads:queue}"
VARIABLE = "LEADS_QUEUE_URL"

_TIMEOUT_SECONDS = 5.0
_SCRIPTS = (BOOKS, COUNT_SETTLED, DEAD, ENDED, EXTEND, LEASE, LOOK, PUT, QUEUE_AGAIN, REMOVE, SETTLE, STATUS)
_OUTCOMES = {"recorded": 4, "duplicate": 5, "rejected": 6, "failed": 2}
_DEAD, _RECORDED, _REJECTED = 3, 4, 6
_OPEN_AND_DEAD = range(4)
# So many at once do not keep others waiting.
_PAGE = 500


class RedisQueue:
    """A queue in a Redis; see `protocol.CaptureQueue`.

    Args:
        url: "redis://…", "rediss://…" or "unix://…".
        clock: seconds since the epoch; None for the server's own, which is what several hosts need.
        prefix: of all keys, if not the usual one.
    """

    def __init__(
        self,
        url: str,
        limits: QueueLimits | None = None,
        clock: Callable[[], float] | None = None,
        *,
        prefix: str | None = None,
    ) -> None:
        self._limits = limits or QueueLimits()
        self._clock = clock
        self._prefix = prefix or PREFIX
        self._redis = connect(url, VARIABLE, timeout_seconds=_TIMEOUT_SECONDS)
        self._scripts = {text: self._redis.register_script(text) for text in _SCRIPTS}

    def put(self, items: Sequence[NewCapture]) -> list[Receipt]:
        """Puts all of them in or none; they are there for certain when this returns."""
        self._limits.check(items)
        if not items:
            return []
        arguments: list[Any] = [self._limits.waiting]
        for item, id_ in zip(items, new_ids(len(items), self._made_ms()), strict=True):
            arguments += [id_, item.customer, item.key or id_, item.captured_at_ms, item.body]
        full, *answer = self._run(PUT, arguments)
        if full:
            self._limits.check_room(*answer)
        return [Receipt(_text(id_), bool(new)) for id_, new in zip(answer[::2], answer[1::2], strict=True)]

    def lease(self, *, customer: str | None, limit: int = 100, seconds: float = 60.0) -> list[Leased]:
        """Up to so many that are due, the longest waiting first, for so long."""
        token = os.urandom(8).hex()
        rules = [LONGEST_MS, SUSPECT, LOST_LEASES, LEASED_BYTES, LOST_REASON]
        rows = self._run(LEASE, [limit, lease_ms(seconds), token, *rules, *_of(customer)])
        return [Leased(*[*map(_text, row[:3]), *row[3:], token]) for row in rows]

    def extend(self, leased: Sequence[Leased], *, seconds: float) -> int:
        """Lets leases end in so many seconds from now, 0 gives the items back at once."""
        ms = lease_ms(seconds) if seconds > 0 else 0
        return int(self._run(EXTEND, [ms, *(part for one in leased for part in (one.id, one.customer, one.lease))]))

    def settle(self, ends: Sequence[Settled]) -> int:
        """Ends leases, all at once; one that another has taken since settles nothing."""
        limits = self._limits
        first_ms = int(limits.retry_seconds * 1000)
        arguments: list[Any] = [limits.attempts, first_ms, GROWTH, LONGEST_MS, limits.keep_ms]
        for end in ends:
            reason = end.reason[:REASON_CHARACTERS]
            arguments += [end.id, end.lease, _OUTCOMES[end.outcome], reason, end.lead_id or ""]
        return int(self._run(SETTLE, arguments))

    def waiting(self) -> dict[str, int]:
        """Customer -> items due now, where there are any."""
        return {_text(row[0]): row[1] for row in self._run(STATUS, [LONGEST_MS]) if row[1]}

    def status(self, customer: str | None = None) -> QueueStatus:
        """Where it stands."""
        rows = self._run(STATUS, [LONGEST_MS, *_of(customer)])
        with self._errors():
            size = int(self._redis.get(f"{self._prefix}:bytes") or 0)
        return QueueStatus(
            **{name: sum(row[place] for row in rows) for place, name in enumerate(STATES, 1)},
            oldest_at_ms=min((row[8] for row in rows if row[8] >= 0), default=None),
            enqueued_a_minute=float(sum(row[9] for row in rows)),
            settled_a_minute=float(sum(row[10] for row in rows)),
            bytes=size,
            limit=self._limits.waiting,
        )

    def books(self, customer: str) -> QueueBooks:
        """Where each is of all that was ever put in for a customer."""
        taken, queued, leased, delayed, *rest = map(int, self._run(BOOKS, [customer]))
        return QueueBooks(taken, queued + leased + delayed, *rest)

    def ended(self, customer: str, *, before_ms: int, limit: int = 1000) -> list[Ended]:
        """Up to so many that were settled before a moment and are kept, the latest first."""
        rows = self._run(ENDED, [before_ms, limit, customer])
        return [Ended(_text(id_), _text(key), ENDS[state], at_ms) for id_, key, state, at_ms in rows]

    def dead(self, customer: str | None, *, limit: int = 100) -> list[DeadItem]:
        """Those that failed too often, the longest dead first."""
        rows = self._run(DEAD, [limit, *_of(customer)])
        return [DeadItem(*[*map(_text, row[:3]), *row[3:8], _text(row[8])]) for row in rows]

    def retry_dead(self, customer: str | None, *, limit: int = 100) -> int:
        """Queues up to so many dead again, as if they had never failed."""
        return self._queue_again(customer, (_DEAD, _DEAD), (0, 2**52), limit)

    def replay(self, customer: str | None, *, since_ms: int, until_ms: int) -> int:
        """Queues again what was settled in that time; what is settled meanwhile is not."""
        count, open_, now = self._run(COUNT_SETTLED, [since_ms, until_ms, *_of(customer)])
        self._limits.check_room(open_, count)
        return self._queue_again(customer, (_RECORDED, _REJECTED), (since_ms, min(until_ms, now + 1)), count)

    def _queue_again(self, customer: str | None, states: tuple[int, int], span: tuple[int, int], limit: int) -> int:
        done = 0
        while done < limit:
            page = min(_PAGE, limit - done)
            moved = int(self._run(QUEUE_AGAIN, [*span, page, *states, *_of(customer)]))
            done += moved
            if moved < page:
                break
        return done

    def export(self, customer: str | None) -> Iterator[bytes]:
        """A JSON line for each item that is not settled, dead ones included."""
        for page in self._pages(customer):
            yield from self._lines(page)

    def clear(self, customer: str | None, *, export: Callable[[bytes], object] | None = None) -> int:
        """Removes what is not settled, dead ones included."""
        cleared = 0
        for page in self._pages(customer):
            if export:
                export(b"".join(self._lines(page)))
            cleared += int(self._run(REMOVE, page))
        return cleared

    def _pages(self, customer: str | None) -> Iterator[list[bytes]]:
        """The ids of what is not settled, the oldest first, some at a time."""
        ids: set[bytes] = set()
        with self._errors():
            known = self._redis.smembers(f"{self._prefix}:customers") if customer is None else [customer]
            for of, state in itertools.product(map(_text, known), _OPEN_AND_DEAD):
                ids.update(id_ for id_, _ in self._redis.zscan_iter(f"{self._prefix}:z:{state}:{of}", count=_PAGE))
        in_order = sorted(ids)
        return (in_order[start : start + _PAGE] for start in range(0, len(in_order), _PAGE))

    def _lines(self, ids: Sequence[bytes]) -> list[bytes]:
        texts = {"id", "customer", "key", "reason"}
        return [
            export_line({name: _text(value) if name in texts else value for name, value in zip(LINE, row, strict=True)})
            for row in self._run(LOOK, ids)
        ]

    def worries(self) -> list[str]:
        """What of this server's settings lets it forget what it was given, in words; empty where nothing does."""
        with self._errors():
            said = {**self._redis.info("persistence"), **self._redis.info("memory")}
        found = []
        if not said.get("aof_enabled"):
            found.append("it keeps no append-only file: set `appendonly yes`")
        if said.get("maxmemory") and said.get("maxmemory_policy") != "noeviction":
            found.append("it throws keys away when its memory is full: set `maxmemory-policy noeviction`")
        return found

    def close(self) -> None:
        """Lets go of the connections."""
        self._redis.close()

    def _run(self, script: str, arguments: Sequence[Any]) -> Any:
        with self._errors():
            return self._scripts[script](keys=[self._prefix], args=[self._given(), *arguments])

    def _errors(self) -> AbstractContextManager[None]:
        return said_in_words(VARIABLE, "Is it running? Hand it over again.")

    def _given(self) -> int:
        """The time that scripts are to take for now in ms; 0 for the server's."""
        return 0 if self._clock is None else int(self._clock() * 1000)

    def _made_ms(self) -> int:
        """The time that ids are made of: this host's, since they only have to differ, and to sort well enough."""
        return self._given() or time.time_ns() // 1_000_000


def _of(customer: str | None) -> list[str]:
    return [] if customer is None else [customer]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
