"""What a customer's sync did, step by step through a span of time, and its last cycles: what charts are drawn from.

What belongs here: the steps of a span. What one step comes to is `store.freshness`'s and `store.run_totals`'s.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import freshness, ledger
from leads_dagster.store.engine import reading
from leads_dagster.store.run_totals import run_totals

Span = Literal["day", "week", "month"]
# Span -> how long a step is, and how many there are.
STEPS: dict[Span, tuple[timedelta, int]] = {
    "day": (timedelta(hours=1), 24),
    "week": (timedelta(hours=6), 28),
    "month": (timedelta(days=1), 28),
}
_RUN_FACTS = ("run_id", "status", "started_at", "finished_at", "error", "retries")


def series(ws: Workspace, span: Span) -> list[dict[str, Any]]:
    """The steps of a span, oldest first; the last one is not over yet.

    Returns:
        at (its beginning), freshness_p50 and freshness_p95 (ms, to the lead store; None where nothing changed),
        inserted, updated, deleted (rows), duration (ms, median of its cycles), syncs, errors, error_rate (0 to 1).
    """
    length, count = STEPS[span]
    now = ws.now()
    begin = _begin(now, length) - length * (count - 1)
    with reading(ws.engine) as connection:
        return [_step(ws, connection, begin + length * number, length) for number in range(count)]


def runs(ws: Workspace, *, limit: int = 20) -> list[dict[str, Any]]:
    """The newest cycles: run_id, status, started_at, finished_at, error, retries, seconds, and rows by outcome."""
    with reading(ws.engine) as connection:
        return [_run(one) for one in ledger.recent_runs(connection, ws.name, limit)]


def _begin(now: datetime, length: timedelta) -> datetime:
    """Where the step that lasts now began: steps begin at midnight UTC and whole multiples after it."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + length * ((now - midnight) // length)


def _step(ws: Workspace, connection: Connection, since: datetime, length: timedelta) -> dict[str, Any]:
    until = since + length
    fresh = freshness.over(connection, ws.name, since=since, until=until, targets=["store"])["store"]
    totals = run_totals(connection, ws.name, since=since, until=until)
    return {
        "at": since,
        "freshness_p50": _milliseconds(fresh.percentile(0.5)),
        "freshness_p95": _milliseconds(fresh.percentile(0.95)),
        "inserted": totals.rows_created,
        "updated": totals.rows_updated,
        "deleted": totals.rows_removed,
        "duration": _milliseconds(totals.seconds),
        "syncs": totals.runs,
        "errors": totals.failed,
        "error_rate": totals.failed / totals.runs if totals.runs else None,
    }


def _run(run: dict[str, Any]) -> dict[str, Any]:
    began, ended = run["started_at"], run["finished_at"]
    seconds = None if ended is None else max(0.0, (ended - began).total_seconds())
    return {**{name: run[name] for name in _RUN_FACTS}, "seconds": seconds, "rows": asdict(ledger.counts_of(run))}


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
