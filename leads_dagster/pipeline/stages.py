"""What every stage of the road has in common: the customer's lock, progress, timing, and booking of a failure.

What belongs here: the frame around a stage and the shape of its outcome; no stage itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from leads_dagster.breakers import breaker_states
from leads_dagster.errors import LeadsError
from leads_dagster.logs import about
from leads_dagster.pipeline.pace import retry_seconds
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import ledger, watch_rows
from leads_dagster.store.engine import writing

Number = int | float | str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage did.

    Attributes:
        changed: False where there was nothing to do; what comes after may then be skipped.
        data_version: names the content of the asset after the stage.
        numbers: what to plot over time: counts, seconds, bytes, shares; and a few short texts.
    """

    changed: bool
    data_version: str
    numbers: Mapping[str, Number] = field(default_factory=dict)

    def metadata(self) -> dict[str, Number]:
        """The numbers, for run metadata; none of it a secret or a person's data."""
        return dict(self.numbers)


@contextmanager
def stage(ws: Workspace, run_id: str, name: str, *, percent: int, message: str) -> Iterator[None]:
    """Run a stage under the customer's lock; a failure is booked in the ledger and passed on."""
    with about(customer=ws.name, run_id=run_id), ws.locked(), failures_booked(ws, run_id):
        started = time.monotonic()
        ws.report(percent, message, stage_start=True)
        yield
        _book_seconds(ws, run_id, name, time.monotonic() - started)


@contextmanager
def failures_booked(ws: Workspace, run_id: str) -> Iterator[None]:
    """Book a failure in the ledger and pass it on."""
    try:
        yield
    except LeadsError as error:
        mark_failed(ws, run_id, error)
        raise


def rest(ws: Workspace) -> None:
    """Say that nothing is under way; a stage that comes later says otherwise again."""
    with writing(ws.engine) as connection:
        ledger.rest_state(connection, ws.name)


def mark_failed(ws: Workspace, run_id: str, error: LeadsError) -> None:
    """Book a failed cycle. A database that cannot even take this is the failure itself, and is not hidden by it."""
    try:
        with writing(ws.engine) as connection:
            ledger.update_run(
                connection, ws.name, run_id, status="failed", error=str(error)[:2000], finished_at=ws.now()
            )
            failing = [one for one in breaker_states() if one["failures"]]
            ledger.fail_state(connection, ws.name, run_id=run_id, error=str(error)[:2000], breakers=failing)
            _book_retry(ws, connection, error)
    except LeadsError as second:
        second.__context__ = None
        if hasattr(error, "add_note"):  # Python 3.11 and newer
            error.add_note(f"The ledger could not be told: {second.message}")


def _book_retry(ws: Workspace, connection: Connection, error: LeadsError) -> None:
    """Say when the live system may ask for this cycle again; a restart of it must know."""
    before = watch_rows.watched(connection, ws.name)
    failures = (before.failures if before else 0) + 1
    wait = timedelta(seconds=retry_seconds(failures, transient=error.transient))
    watch_rows.note_failure(connection, ws.name, failures=failures, retry_at=ws.now() + wait)


def _book_seconds(ws: Workspace, run_id: str, name: str, seconds: float) -> None:
    with writing(ws.engine) as connection:
        run = ledger.find_run(connection, ws.name, run_id)
        if run is not None:
            ledger.update_run(connection, ws.name, run_id, timings={**run["timings"], name: round(seconds, 4)})
