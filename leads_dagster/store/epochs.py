"""What is true of all of a customer's records at once: how often others than cycles changed them, and what time it is.

What belongs here: those two counters. Both are kept in the database, since several processes share them.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sqlalchemy import Connection

from leads_dagster.store import counting

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def epoch(connection: Connection, customer: str) -> int:
    """How often anybody but a cycle changed this customer's records or decisions."""
    return counting.value(connection, f"epoch of {customer}")


def begin_epoch(connection: Connection, customer: str) -> None:
    """Say that records or decisions are changed outside a cycle: what a cycle planned before is planned anew."""
    counting.add(connection, f"epoch of {customer}", 1)


def wall_clock() -> datetime:
    """What this machine's clock says, aware UTC; it may jump, `moment` does not."""
    return datetime.now(timezone.utc)


def moment(connection: Connection, customer: str, now: datetime) -> datetime:
    """`now`, or just after the last moment given out, should the clock have jumped back: newer claims must stay newer.

    Call inside a write transaction.
    """
    at_least = (now - _EPOCH) // _MICROSECOND
    microseconds = counting.advance(connection, f"clock of {customer}", at_least)
    return _EPOCH + microseconds * _MICROSECOND
