"""The capture queue in a file of its own: for all processes of one host.

What belongs here: what each verb of the protocol writes and reads. Tables, transactions and errors are `queue_file`;
looking without changing is `file_views`.

One index, (customer, state, time), answers every question: what is due, whose lease is over, what is dead, what was
settled when. Counts are kept beside it in the same transactions, so that a million items are counted as fast as one.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from leads_dagster.capture_queue import file_views
from leads_dagster.capture_queue.file_views import (
    CLEARED,
    CLOSED,
    DEAD,
    DELAYED,
    LEASED,
    NO_LONGER_KEPT,
    OPEN,
    QUEUED,
    TICK_MS,
    TICKS,
    customers_of,
)  # fmt: skip
from leads_dagster.capture_queue.items import (
    LEASED_BYTES,
    LONGEST_MS,
    LOST_LEASES,
    LOST_REASON,
    REASON_CHARACTERS,
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
)  # fmt: skip
from leads_dagster.capture_queue.queue_file import QueueFile

_PUT = """
INSERT INTO items (id, customer, key, state, at_ms, captured_ms, enqueued_ms) VALUES (?, ?, ?, 0, ?, ?, ?)
ON CONFLICT (customer, key) DO NOTHING
"""
_PUT_BODY = "INSERT INTO bodies (seq, body) VALUES (?, ?)"
_FIRST_ID = "SELECT id FROM items WHERE customer = ? AND key = ?"
_COUNT = """
INSERT INTO counts (customer, state, items) VALUES (?, ?, ?)
ON CONFLICT (customer, state) DO UPDATE SET items = items + excluded.items
"""
_TAKE_IN = """
INSERT INTO counts (customer, state, items) VALUES (?1, 0, ?2), (?1, 7, ?2)
ON CONFLICT (customer, state) DO UPDATE SET items = items + excluded.items
"""
_PACE = """
INSERT INTO pace (customer, slot, tick, enqueued, settled) VALUES (:customer, :slot, :tick, :enqueued, :settled)
ON CONFLICT (customer, slot) DO UPDATE SET
    enqueued = excluded.enqueued + CASE tick WHEN excluded.tick THEN enqueued ELSE 0 END,
    settled = excluded.settled + CASE tick WHEN excluded.tick THEN settled ELSE 0 END,
    tick = excluded.tick
"""
_ONE_KIND = (
    "SELECT * FROM (SELECT seq, at_ms, state, lost, customer FROM items WHERE customer = ? AND state = {state}"
    " {when} ORDER BY at_ms, seq LIMIT ?)"
)
# Queued items are due whatever the clock says; leases and delays when they end, or began before it was set back.
_DUE = " UNION ALL ".join([
    _ONE_KIND.format(state=QUEUED, when=""),
    *(_ONE_KIND.format(state=state, when=f"AND at_ms {how} ?") for state in (LEASED, DELAYED) for how in ("<=", ">")),
])  # fmt: skip
_TAKE = "UPDATE items SET state = 1, at_ms = ?, lease = ?, lost = ? WHERE seq = ?"
_BURY = "UPDATE items SET state = 3, at_ms = ?, lease = NULL, lost = ?, reason = ? WHERE seq = ?"
_TAKEN = """
SELECT id, customer, key, body, captured_ms, enqueued_ms, failures + 1, lease
FROM items JOIN bodies USING (seq) WHERE seq = ?
"""
_BODY_BYTES = "SELECT length(body) FROM bodies WHERE seq = ?"
_EXTEND = "UPDATE items SET at_ms = ? WHERE seq = ? AND lease = ? AND state = 1"
_GIVE_BACK = "UPDATE items SET state = 0, at_ms = enqueued_ms, lease = NULL WHERE seq = ? AND lease = ? AND state = 1"
_HELD = "SELECT customer, failures FROM items WHERE seq = ? AND lease = ? AND state = 1"
_END = """
UPDATE items SET state = ?, at_ms = ?, failures = ?, lost = 0, lease = NULL, reason = ?, lead_id = ? WHERE seq = ?
"""
_QUEUE_AGAIN = """
UPDATE items SET state = 0, at_ms = ?, failures = 0, lost = 0, lease = NULL WHERE seq = ?
"""
_OLD = "SELECT seq FROM items WHERE customer = ? AND state = ? AND at_ms < ? LIMIT ?"
_OUTCOMES = {"recorded": 4, "duplicate": 5, "rejected": 6}
_LEAST_PURGED = 500
_PAGE = 500


class FileQueue:
    """A queue in an SQLite file; see `protocol.CaptureQueue`.

    Args:
        clock: seconds since the epoch, the same in every process on the host.
        busy_seconds: how long to wait for others before giving up.
    """

    def __init__(
        self,
        path: Path,
        limits: QueueLimits | None = None,
        clock: Callable[[], float] = time.time,
        busy_seconds: float = 10.0,
    ) -> None:
        self._limits = limits or QueueLimits()
        self._clock = clock
        self._file = QueueFile(path, busy_seconds)

    def put(self, items: Sequence[NewCapture]) -> list[Receipt]:
        """Puts all of them in or none; they are there for certain when this returns."""
        self._limits.check(items)
        if not items:
            return []
        now = self._now()
        with self._file.writing() as connection:
            ids = new_ids(len(items), now)
            receipts = [_insert(connection, item, id_, now) for item, id_ in zip(items, ids, strict=True)]
            added = Counter(item.customer for item, one in zip(items, receipts, strict=True) if one.is_new)
            if added:
                self._check_room(connection, added.total())
            for customer, count in added.items():
                connection.execute(_TAKE_IN, (customer, count))
                _keep_pace(connection, customer, now, enqueued=count)
        return receipts

    def _check_room(self, connection: sqlite3.Connection, added: int) -> None:
        (waiting,) = connection.execute("SELECT coalesce(sum(items), 0) FROM counts WHERE state < 3").fetchone()
        self._limits.check_room(waiting, added)

    def lease(self, *, customer: str | None, limit: int = 100, seconds: float = 60.0) -> list[Leased]:
        """Up to so many that are due, the longest waiting first, for so long."""
        with self._file.writing() as connection:
            now = self._now()
            due = _due(connection, customers_of(connection, customer, OPEN), now, limit)
            taken = _choose(connection, due, now)
            token = os.urandom(8).hex()
            connection.executemany(
                _TAKE, [(now + lease_ms(seconds), f"{seq}.{token}", lost, seq) for seq, lost, _, _ in taken]
            )
            _count_moves(connection, ((of, state, LEASED) for _, _, of, state in taken))
            return [Leased(*connection.execute(_TAKEN, (seq,)).fetchone()) for seq, *_ in taken]

    def extend(self, leased: Sequence[Leased], *, seconds: float) -> int:
        """Lets leases end in so many seconds from now, 0 gives the items back at once."""
        with self._file.writing() as connection:
            if seconds <= 0:
                back = [one for one in leased if connection.execute(_GIVE_BACK, _held(one.lease)).rowcount]
                _count_moves(connection, ((one.customer, LEASED, QUEUED) for one in back))
                return len(back)
            until = self._now() + lease_ms(seconds)
            return sum(connection.execute(_EXTEND, (until, *_held(one.lease))).rowcount for one in leased)

    def settle(self, ends: Sequence[Settled]) -> int:
        """Ends leases, all at once; one that another has taken since settles nothing."""
        with self._file.writing() as connection:
            now = self._now()
            moves = [move for end in ends if (move := self._end(connection, end, now))]
            _count_moves(connection, moves)
            for customer, count in Counter(move[0] for move in moves if move[2] in CLOSED).items():
                _keep_pace(connection, customer, now, settled=count)
                self._purge(connection, customer, now, max(_LEAST_PURGED, 2 * count))
            return len(moves)

    def _end(self, connection: sqlite3.Connection, end: Settled, now: int) -> tuple[str, int, int] | None:
        seq, lease = _held(end.lease)
        held = connection.execute(_HELD, (seq, lease)).fetchone()
        if held is None:
            return None
        customer, failures = held
        state, at_ms = _OUTCOMES.get(end.outcome, DELAYED), now
        if state == DELAYED:
            failures += 1
            state = DEAD if failures >= self._limits.attempts else DELAYED
            at_ms = now if state == DEAD else now + self._limits.delay_ms(failures)
        connection.execute(_END, (state, at_ms, failures, end.reason[:REASON_CHARACTERS], end.lead_id, seq))
        return customer, LEASED, state

    def _purge(self, connection: sqlite3.Connection, customer: str, now: int, most: int) -> None:
        for state in CLOSED:
            rows = connection.execute(_OLD, (customer, state, now - self._limits.keep_ms, most)).fetchall()
            _remove(connection, [row[0] for row in rows], NO_LONGER_KEPT[state])

    def waiting(self) -> dict[str, int]:
        """Customer -> items due now, where there are any."""
        with self._file.reading() as connection:
            return file_views.waiting(connection, self._now())

    def status(self, customer: str | None = None) -> QueueStatus:
        """Where it stands."""
        with self._file.reading() as connection:
            return file_views.status(connection, customer, self._now(), self._file.size(), self._limits.waiting)

    def books(self, customer: str) -> QueueBooks:
        """Where each is of all that was ever put in for a customer."""
        with self._file.reading() as connection:
            return file_views.books(connection, customer)

    def ended(self, customer: str, *, before_ms: int, limit: int = 1000) -> list[Ended]:
        """Up to so many that were settled before a moment and are kept, the latest first."""
        with self._file.reading() as connection:
            return file_views.ended(connection, customer, before_ms, limit)

    def dead(self, customer: str | None, *, limit: int = 100) -> list[DeadItem]:
        """Those that failed too often, the longest dead first."""
        with self._file.reading() as connection:
            return file_views.dead(connection, customer, limit)

    def retry_dead(self, customer: str | None, *, limit: int = 100) -> int:
        """Queues up to so many dead again, as if they had never failed."""
        return self._queue_again(customer, (DEAD,), (0, 2**62), limit)

    def replay(self, customer: str | None, *, since_ms: int, until_ms: int) -> int:
        """Queues again what was settled in that time."""
        return self._queue_again(customer, CLOSED, (since_ms, until_ms), -1)

    def _queue_again(self, customer: str | None, states: Sequence[int], span: tuple[int, int], limit: int) -> int:
        with self._file.writing() as connection:
            found = file_views.in_state(connection, customer, states, span, limit)
            if limit < 0 and found:
                self._check_room(connection, len(found))
            now = self._now()
            connection.executemany(_QUEUE_AGAIN, [(now, seq) for seq, _, _ in found])
            _count_moves(connection, ((of, state, QUEUED) for _, of, state in found))
            return len(found)

    def export(self, customer: str | None) -> Iterator[bytes]:
        """A JSON line for each item that is not settled, dead ones included."""
        after = 0
        while True:
            with self._file.reading() as connection:
                page = file_views.export_page(connection, customer, after, _PAGE)
            if not page:
                return
            yield from (line for _, line in page)
            after = page[-1][0]

    def clear(self, customer: str | None, *, export: Callable[[bytes], object] | None = None) -> int:
        """Removes what is not settled, dead ones included."""
        with self._file.reading() as connection:
            last = file_views.last_seq(connection)
        cleared = after = 0
        while True:
            with self._file.writing() as connection:
                page = file_views.export_page(connection, customer, after, _PAGE, last)
                if not page:
                    return cleared
                if export:
                    export(b"".join(line for _, line in page))
                _remove(connection, [seq for seq, _ in page], CLEARED)
            cleared, after = cleared + len(page), page[-1][0]

    def worries(self) -> list[str]:
        """A file on a disk forgets nothing."""
        return []

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _insert(connection: sqlite3.Connection, item: NewCapture, id_: str, now: int) -> Receipt:
    made = connection.execute(_PUT, (id_, item.customer, item.key or id_, now, item.captured_at_ms, now))
    if made.rowcount:
        connection.execute(_PUT_BODY, (made.lastrowid, item.body))
        return Receipt(id_, is_new=True)
    (first,) = connection.execute(_FIRST_ID, (item.customer, item.key)).fetchone()
    return Receipt(first, is_new=False)


def _due(connection: sqlite3.Connection, customers: Sequence[str], now: int, limit: int) -> list[tuple[int, ...]]:
    """(seq, at_ms, state, lost, customer) of what is due, the longest waiting first."""
    rows = [row for of in customers for row in connection.execute(_DUE, _due_arguments(of, now, limit))]
    return sorted(rows, key=lambda row: (row[1], row[0]))[:limit]


def _due_arguments(customer: str, now: int, limit: int) -> list[object]:
    ranged = [customer, now, limit, customer, now + LONGEST_MS, limit]
    return [customer, limit, *ranged, *ranged]


def _choose(connection: sqlite3.Connection, due: Iterable[Sequence[int]], now: int) -> list[tuple[int, int, str, int]]:
    """(seq, lost, customer, state) of those to lease; one that has taken its workers with it goes alone, then dies."""
    chosen: list[tuple[int, int, str, int]] = []
    size = 0
    for seq, _, state, lost_before, customer in due:
        lost = lost_before + (state == LEASED)
        if lost >= LOST_LEASES:
            reason = f"{lost}{LOST_REASON}"
            connection.execute(_BURY, (now, lost, reason, seq))
            _count_moves(connection, [(str(customer), state, DEAD)])
            continue
        size += connection.execute(_BODY_BYTES, (seq,)).fetchone()[0]
        if chosen and (lost >= SUSPECT or size > LEASED_BYTES):
            break
        chosen.append((seq, lost, str(customer), state))
        if lost >= SUSPECT:
            break
    return chosen


def _held(lease: str) -> tuple[int, str]:
    """The number of the row that a lease is for, and the lease; none of ours matches no row."""
    number, _, _ = lease.partition(".")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else -1, lease


def _count_moves(connection: sqlite3.Connection, moves: Iterable[tuple[str, int, int]]) -> None:
    """Keep the counts: each move is of a customer's item, from one state to another."""
    changes: Counter[tuple[str, int]] = Counter()
    for customer, before, after in moves:
        changes[customer, before] -= 1
        changes[customer, after] += 1
    for (customer, state), change in changes.items():
        if change:
            connection.execute(_COUNT, (customer, state, change))


def _keep_pace(connection: sqlite3.Connection, customer: str, now: int, *, enqueued: int = 0, settled: int = 0) -> None:
    tick = now // TICK_MS
    row = {"customer": customer, "slot": tick % TICKS, "tick": tick, "enqueued": enqueued, "settled": settled}
    connection.execute(_PACE, row)


def _remove(connection: sqlite3.Connection, seqs: Iterable[int], remembered_as: int) -> None:
    """Only that they were there is remembered: as cleared, or as no longer kept."""
    gone: Counter[tuple[str, int]] = Counter()
    for seq in seqs:
        gone[connection.execute("SELECT customer, state FROM items WHERE seq = ?", (seq,)).fetchone()] += 1
        connection.execute("DELETE FROM items WHERE seq = ?", (seq,))
        connection.execute("DELETE FROM bodies WHERE seq = ?", (seq,))
    for (customer, state), count in gone.items():
        connection.execute(_COUNT, (customer, state, -count))
        connection.execute(_COUNT, (customer, remembered_as, count))
