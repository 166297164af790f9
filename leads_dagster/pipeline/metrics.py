"""What a customer's sync did in a span of time: cycles, rows, errors, and how fresh the stores were.

What belongs here: the names and units of `leads metrics --json`, which the API will have too. Times are milliseconds
there, rates shares from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import freshness
from leads_dagster.store.engine import reading
from leads_dagster.store.freshness import TARGETS, Measured, Target
from leads_dagster.store.run_totals import RunTotals, run_totals

HOURS_SHOWN = 12
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def metrics(ws: Workspace, *, since: timedelta) -> dict[str, Any]:
    """The customer's metrics, camelCase, from that long ago until now.

    `hours` has the freshness of the store hour by hour, oldest first, of the last twelve.
    """
    now = ws.now()
    minute = now.replace(second=0, microsecond=0) + _MINUTE  # whole minutes, so that no line counts in two hours
    with reading(ws.engine) as connection:
        totals = run_totals(connection, ws.name, since=now - since)
        measured = freshness.over(connection, ws.name, since=now - since, until=now + _HOUR)
        hours = [_hour(connection, ws.name, minute - back * _HOUR) for back in range(HOURS_SHOWN, 0, -1)]
    return {
        "customerId": ws.name,
        "since": now - since,
        **_totals(totals),
        "freshness": {target: _spread(one) for target, one in measured.items()},
        "hours": hours,
    }


def spreads(measured: Mapping[Target, Measured]) -> dict[str, dict[str, Any]]:
    """Freshness by target, in seconds, for `leads status`; only targets of which something is known."""
    return {
        target: {
            "rows": one.seen.rows,
            "p50_seconds": _rounded(one.percentile(0.5)),
            "p95_seconds": _rounded(one.percentile(0.95)),
            "worst_seconds": _rounded(one.worst),
        }
        for target, one in sorted(measured.items(), key=lambda item: TARGETS.index(item[0]))
        if one.seen.rows
    }


def _totals(totals: RunTotals) -> dict[str, Any]:
    failing = totals.failed / totals.runs if totals.runs else None
    return {
        "syncs": totals.runs,
        "syncDuration": _milliseconds(totals.seconds),
        "rowsProcessed": totals.rows_read,
        "rowsInserted": totals.rows_created,
        "rowsUpdated": totals.rows_updated,
        "rowsDeleted": totals.rows_removed,
        "errorCount": totals.failed,
        "retryCount": totals.retries,
        "successRate": None if failing is None else round(1 - failing, 6),
        "errorRate": None if failing is None else round(failing, 6),
    }


def _spread(one: Measured) -> dict[str, Any]:
    spread: dict[str, Any] = {name: _milliseconds(one.percentile(share)) for name, share in _SHARES.items()}
    spread |= {"worst": _milliseconds(one.worst) if one.seen.rows else None, "rows": one.seen.rows}
    made = {name: _milliseconds(one.made.percentile(share)) for name, share in _SHARES.items()}
    return {**spread, "sinceMade": {**made, "rows": one.made.rows}}


def _hour(connection: Connection, customer: str, since: datetime) -> dict[str, Any]:
    found = freshness.over(connection, customer, since=since, until=since + _HOUR, targets=["store"])["store"]
    return {
        "from": since,
        "rows": found.seen.rows,
        "p50": _milliseconds(found.percentile(0.5)),
        "p95": _milliseconds(found.percentile(0.95)),
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
