"""What a customer's cycles of a span come to, added up.

What belongs here: reading `sync_runs`. What one cycle did is the ledger's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import median

from sqlalchemy import Connection, case, func, select

from leads_dagster.store.tables import sync_runs

# Durations are read one by one; more would cost more than they tell.
_DURATIONS = 1_000


@dataclass(frozen=True, slots=True)
class RunTotals:
    """Cycles that began in a span.

    Attributes:
        runs: how many ended. failed: how many of them failed.
        rows_read, rows_created, rows_updated, rows_removed: over all of them.
        retries: requests that were sent again.
        seconds: median duration of the newest thousand, from the look to the last mirror; None without any.
    """

    runs: int
    failed: int
    rows_read: int
    rows_created: int
    rows_updated: int
    rows_removed: int
    retries: int
    seconds: float | None


def run_totals(connection: Connection, customer: str, *, since: datetime, until: datetime | None = None) -> RunTotals:
    """The cycles of a customer that began in a span and are over; those that found nothing to do leave no line."""
    columns = sync_runs.c
    ended = [columns.customer == customer, columns.started_at >= since, columns.status != "running"]
    if until is not None:
        ended.append(columns.started_at < until)
    sums = [columns[name] for name in ("rows_read", "rows_created", "rows_updated", "rows_removed", "retries")]
    failed = func.sum(case((columns.status == "failed", 1), else_=0))
    row = connection.execute(
        select(func.count(), func.coalesce(failed, 0), *(func.coalesce(func.sum(one), 0) for one in sums)).where(*ended)
    ).one()
    times = select(columns.started_at, columns.finished_at).where(*ended, columns.finished_at.is_not(None))
    newest = connection.execute(times.order_by(columns.started_at.desc()).limit(_DURATIONS))
    durations = [max(0.0, (found.finished_at - found.started_at).total_seconds()) for found in newest]
    runs, failures, read, created, updated, removed, retries = (int(number) for number in row)
    seconds = median(durations) if durations else None
    return RunTotals(runs, failures, read, created, updated, removed, retries, seconds)
