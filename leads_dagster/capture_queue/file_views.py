"""Looking into the file of a capture queue: what waits, where it stands, what is dead, what an export says.

What belongs here: reading. Everything is asked of a connection in a transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from leads_dagster.capture_queue.items import ENDS, LONGEST_MS, STATES, DeadItem, Ended, QueueBooks, QueueStatus
from leads_dagster.capture_queue.lines import LINE, export_line

QUEUED, LEASED, DELAYED, DEAD = range(4)
OPEN = (QUEUED, LEASED, DELAYED)
CLOSED = (4, 5, 6)
# Kept in `counts` beside the states: what was ever taken in, what was taken out by hand, and, of what is settled, those
# that are no longer kept.
TAKEN, CLEARED = 7, 8
NO_LONGER_KEPT = {4: 9, 5: 10, 6: 11}
TICK_MS = 10_000
"""Enqueued and settled are counted in spans of this length."""
TICKS = 7
"""So many spans are kept: a minute and the running one."""

_BACK = "customer = ? AND state = ? AND (at_ms <= ? OR at_ms > ?)"
# Above so many, settled ones are believed to be as many as were counted: counting takes 0.15 s a million.
_COUNTED_SETTLED = 200_000
_ENDED = """
SELECT id, key, state, at_ms FROM items WHERE customer = ? AND state = ? AND at_ms < ? ORDER BY at_ms DESC, seq DESC
LIMIT ?
"""
_DEAD_ITEMS = """
SELECT id, customer, key, body, captured_ms, enqueued_ms, at_ms, failures, reason FROM items JOIN bodies USING (seq)
WHERE customer = ? AND state = 3 ORDER BY at_ms, seq LIMIT ?
"""
_IN_STATE = """
SELECT seq, customer, state, at_ms FROM items WHERE customer = ? AND state = ? AND at_ms >= ? AND at_ms < ?
ORDER BY at_ms, seq LIMIT ?
"""
_EXPORT = """
SELECT seq, id, customer, key, state, captured_ms, enqueued_ms, failures, reason, body
FROM items JOIN bodies USING (seq)
WHERE seq > ? AND seq <= ? AND state <= 3 AND (customer = ? OR ? IS NULL) ORDER BY seq LIMIT ?
"""


def customers_of(connection: sqlite3.Connection, customer: str | None, states: Sequence[int]) -> list[str]:
    """The one named, or every one with items in these states."""
    if customer is not None:
        return [customer]
    wanted = ", ".join(str(state) for state in states)
    query = f"SELECT DISTINCT customer FROM counts WHERE items > 0 AND state IN ({wanted})"  # noqa: S608 - numbers
    return [row[0] for row in connection.execute(query)]


def waiting(connection: sqlite3.Connection, now: int) -> dict[str, int]:
    """Customer -> items due now, where there are any."""
    found = {of: _now_in(connection, of, now)["queued"] for of in customers_of(connection, None, OPEN)}
    return {customer: count for customer, count in found.items() if count}


def status(connection: sqlite3.Connection, customer: str | None, now: int, size: int, limit: int) -> QueueStatus:
    """Where a customer's queue stands, or all of it."""
    states = [*OPEN, DEAD, *CLOSED]
    customers = customers_of(connection, customer, states)
    counts = [_now_in(connection, of, now) for of in customers]
    oldest = [since for of in customers if (since := _oldest(connection, of, now)) is not None]
    enqueued, settled = _pace(connection, customer, now)
    return QueueStatus(
        **{name: sum(one[name] for one in counts) for name in STATES},
        oldest_at_ms=min(oldest, default=None),
        enqueued_a_minute=float(enqueued),
        settled_a_minute=float(settled),
        bytes=size,
        limit=limit,
    )


def _now_in(connection: sqlite3.Connection, customer: str, now: int) -> dict[str, int]:
    """State -> items: those whose lease or delay is over are queued."""
    rows = connection.execute("SELECT state, items FROM counts WHERE customer = ? AND state < 7", (customer,))
    counts = dict.fromkeys(STATES, 0) | {STATES[state]: items for state, items in rows}
    for state in (LEASED, DELAYED):
        if counts[STATES[state]]:
            query = f"SELECT count(*) FROM items WHERE {_BACK}"  # noqa: S608 - our own words
            (back,) = connection.execute(query, (customer, state, now, now + LONGEST_MS)).fetchone()
            counts["queued"] += back
            counts[STATES[state]] -= back
    return counts


def _oldest(connection: sqlite3.Connection, customer: str, now: int) -> int | None:
    """Since when the one that has waited longest of those due waits."""
    query = "SELECT min(at_ms) FROM items WHERE customer = ? AND state = ?"
    since = {state: connection.execute(query, (customer, state)).fetchone()[0] for state in OPEN}
    over = [at for state, at in since.items() if at is not None and (state == QUEUED or at <= now)]
    return min(over, default=None)


def books(connection: sqlite3.Connection, customer: str) -> QueueBooks:
    """Where each is of all that was ever put in for a customer."""
    remembered = dict(connection.execute("SELECT state, items FROM counts WHERE customer = ?", (customer,)).fetchall())
    here = {STATES[state]: _items_in(connection, customer, state) for state in (*OPEN, DEAD)}
    for state in CLOSED:
        kept = remembered.get(state, 0)
        counted = kept if kept > _COUNTED_SETTLED else _items_in(connection, customer, state)
        here[STATES[state]] = counted + remembered.get(NO_LONGER_KEPT[state], 0)
    waiting = sum(here.pop(STATES[state]) for state in OPEN)
    return QueueBooks(taken=remembered.get(TAKEN, 0), waiting=waiting, cleared=remembered.get(CLEARED, 0), **here)


def _items_in(connection: sqlite3.Connection, customer: str, state: int) -> int:
    query = "SELECT count(*) FROM items WHERE customer = ? AND state = ?"
    return int(connection.execute(query, (customer, state)).fetchone()[0])


def ended(connection: sqlite3.Connection, customer: str, before_ms: int, limit: int) -> list[Ended]:
    """Settled before a moment and still kept, the latest first."""
    rows = [row for state in CLOSED for row in connection.execute(_ENDED, (customer, state, before_ms, limit))]
    rows.sort(key=lambda row: (-row[3], row[0]))
    return [Ended(id_, key, ENDS[state], at_ms) for id_, key, state, at_ms in rows[:limit]]


def _pace(connection: sqlite3.Connection, customer: str | None, now: int) -> tuple[int, int]:
    """Enqueued and settled in the last minute, to the span."""
    query = """
    SELECT coalesce(sum(enqueued), 0), coalesce(sum(settled), 0) FROM pace
    WHERE (customer = ? OR ? IS NULL) AND tick > ? AND tick <= ?
    """
    tick = now // TICK_MS
    enqueued, settled = connection.execute(query, (customer, customer, tick - 60_000 // TICK_MS, tick)).fetchone()
    return enqueued, settled


def dead(connection: sqlite3.Connection, customer: str | None, limit: int) -> list[DeadItem]:
    """Those that failed too often, the longest dead first."""
    customers = customers_of(connection, customer, (DEAD,))
    found = [DeadItem(*row) for of in customers for row in connection.execute(_DEAD_ITEMS, (of, limit))]
    return sorted(found, key=lambda item: (item.died_at_ms, item.id))[:limit]


def in_state(
    connection: sqlite3.Connection, customer: str | None, states: Sequence[int], span: tuple[int, int], limit: int
) -> list[tuple[int, str, int]]:
    """(seq, customer, state) of items that came into one of the states in that time; a limit below 0 is none."""
    found = [
        row
        for of in customers_of(connection, customer, states)
        for state in states
        for row in connection.execute(_IN_STATE, (of, state, *span, limit))
    ]
    found.sort(key=lambda row: (row[3], row[0]))
    return [row[:3] for row in (found if limit < 0 else found[:limit])]


def export_page(
    connection: sqlite3.Connection, customer: str | None, after: int, limit: int, last: int = 2**62
) -> list[tuple[int, bytes]]:
    """(seq, JSON line) of items that are not settled, after a seq and up to another."""
    rows = connection.execute(_EXPORT, (after, last, customer, customer, limit))
    return [(seq, export_line(dict(zip(LINE, [*known], strict=True)))) for seq, *known in rows]


def last_seq(connection: sqlite3.Connection) -> int:
    """Of the newest item; 0 where there is none."""
    (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM items").fetchone()
    return int(last)
