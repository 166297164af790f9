"""Measuring a cycle: from when a change was first seen, and made, to when it stands in the store or in a mirror.

What belongs here: what is measured from when, and what a run says of it. Lines and minutes are `store.freshness`'s.

A change was first seen by the watcher that asked for the run, else by the run's own look, else when Airtable's payload
was read. The time of standing is taken just before the transaction that books it commits. Where a clock was put back,
a wait would be negative: it counts as nothing, and the log says so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import freshness
from leads_dagster.store.buckets import bucket_of
from leads_dagster.store.engine import reading
from leads_dagster.store.freshness import Measured, Target, Wait

logger = logging.getLogger(__name__)

_SHARES = {"p50": 0.5, "p95": 0.95}
_HOUR = timedelta(hours=1)


def first_seen(ws: Workspace, observed_at: datetime, *, last_look: datetime | None) -> datetime:
    """When what a cycle takes in was first seen: by a watcher, else by the cycle's own look.

    Args:
        observed_at: of the cycle's look.
        last_look: of the last cycle that closed its ledger: what a watcher saw before is not what is new since (a run
            that is started again from Dagster's UI carries the word of the first one).
    """
    told = ws.seen_at
    if told is None or told > observed_at or (last_look is not None and told <= last_look):
        return observed_at
    return told


def made_at(told: datetime | None, *, observed_at: datetime, last_look: datetime | None) -> datetime | None:
    """When a sheet was last edited, as its source tells; None where that cannot be when what is new was made.

    That is so on a first load, which is no edit; and where it lies before the last look or after this one: a file that
    was copied keeps its age, and clocks differ. Of the last look the whole second counts, since HTTP tells no more.
    """
    if told is None or last_look is None or not last_look.replace(microsecond=0) <= told <= observed_at:
        return None
    return told


@dataclass(slots=True)
class Measuring:
    """What one stage of a run measures of one target.

    Attributes:
        ws, run_id, target: whose, in which run, of what.
        measured: all of it so far.
    """

    ws: Workspace
    run_id: str
    target: Target
    measured: Measured = field(default_factory=Measured)
    _gathered: list[Wait] = field(default_factory=list)

    def note(self, connection: Connection, seen: Iterable[datetime], *, now: datetime | None = None) -> None:
        """Note rows that stand now, each by when its change was first seen; in the transaction that books them."""
        at = now or self.ws.now()
        rows: dict[datetime, int] = {}
        for one in seen:
            rows[one] = rows.get(one, 0) + 1
        waits = [self._wait(seen_at, at, number) for seen_at, number in rows.items()]
        self._count(waits)
        freshness.write(connection, self.ws.name, self.target, self.run_id, waits, at=at)

    def gather(self, connection: Connection, seen_at: datetime, rows: int, *, last: bool) -> None:
        """Note rows of one batch of many. Batches that took as long (the same bucket of time) share a line, which is
        written with the first batch that took longer: a load of thousands of batches writes some dozens."""
        at = self.ws.now()
        wait = self._wait(seen_at, at, rows)
        self._count([wait])
        before = self._gathered[-1] if self._gathered else wait
        self._gathered += [wait] if rows else []
        if last or bucket_of(before.seconds) != bucket_of(wait.seconds):
            freshness.write(connection, self.ws.name, self.target, self.run_id, self._gathered, at=at)
            self._gathered = []

    def numbers(self) -> dict[str, float | int]:
        """For metadata: this run's, and the customer's of the last hour."""
        now = self.ws.now()
        with reading(self.ws.engine) as connection:
            hour = freshness.over(
                connection, self.ws.name, since=now - _HOUR, until=now + _HOUR, targets=[self.target]
            )[self.target]
        return {**_numbers(self.measured, ""), **_numbers(hour, "_last_hour")}

    def _count(self, waits: Iterable[Wait]) -> None:
        for wait in waits:
            if wait.rows:
                self.measured.count(wait)

    def _wait(self, seen_at: datetime, at: datetime, rows: int) -> Wait:
        made = self.ws.made_at.get(seen_at)
        return Wait(rows, _between(seen_at, at), None if made is None else _between(made, at))


def _between(earlier: datetime, later: datetime) -> float:
    seconds = (later - earlier).total_seconds()
    if seconds < -0.001:
        logger.warning("The clock was put back by %.3f s or more; a wait counts as nothing.", -seconds)
    return max(0.0, seconds)


def _numbers(measured: Measured, of: str) -> dict[str, float | int]:
    """Seconds since first seen (and since made) as plottable numbers; none where nothing was measured."""
    if not measured.seen.rows:
        return {}
    told: dict[str, float | int] = {f"freshness_rows{of}": measured.seen.rows}
    for name, share in _SHARES.items():
        told[f"freshness_{name}_seconds{of}"] = round(measured.percentile(share) or 0.0, 4)
        if (made := measured.made.percentile(share)) is not None:
            told[f"made_{name}_seconds{of}"] = round(made, 4)
    return {**told, f"freshness_worst_seconds{of}": round(measured.worst, 4)}
