"""Where a customer's sync stands, for `leads status` and later the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from leads_dagster.breakers import breaker_states
from leads_dagster.errors import LeadsError
from leads_dagster.pipeline.airtable_status import airtable_status
from leads_dagster.pipeline.metrics import freshness_of
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import hold_rows, lead_rows, ledger, outbox, outbox_marks, records, review_rows, watch_rows
from leads_dagster.store.engine import reading
from leads_dagster.store.metrics import store_metrics
from leads_dagster.store.retry import booked_retries

if TYPE_CHECKING:
    from leads_dagster.budget import LimitStatus

# Of the last cycle that closed; the errors and retries of all.
_TOTALS = ("rows_processed", "rows_inserted", "rows_updated", "rows_deleted", "error_count", "retry_count")


def status(ws: Workspace) -> dict[str, Any]:
    """The customer's last cycle, the ledger, what waits and where, and the state of every breaker."""
    from leads_dagster.pipeline.fixing_table import fixing_status

    budget, budget_error = _budget(ws)
    with reading(ws.engine) as connection:
        state = ledger.customer_state(connection, ws.name)
        source = ledger.source_state(connection, ws.name, ledger.read_last(connection, ws.name, ws.source), order=False)
        counts = ledger.standing_counts(connection, source)
        last = next(iter(ledger.recent_runs(connection, ws.name, 1)), None)
        return {
            "customer": ws.name,
            "sheet": ws.address.display if source.source == ws.source else source.source,
            "running": bool(state.get("running", False)),
            "paused": bool(state.get("paused", False)),
            "progress_percent": state.get("progress_percent", 0),
            "progress_message": state.get("progress_message", "Never synced"),
            "last_synced_at": state.get("last_synced_at"),
            "last_duration_seconds": state.get("last_duration_seconds"),
            **{name: state.get(name, 0) for name in _TOTALS},
            "last_error": state.get("last_error"),
            "leads": lead_rows.count_active(connection, ws.name),
            "rows": asdict(counts),
            "held_because": ledger.held_because(connection, source),
            "ledger_adds_up": counts.adds_up,
            "watching": _watching(watch_rows.watched(connection, ws.name)),
            "last_run": None if last is None else _run_facts(last),
            "quarantine": records.quarantined_by_code(connection, ws.name),
            "needs_fixing": fixing_status(ws, connection),
            "holds": len(hold_rows.listed(connection, ws.name)),
            "reviews": review_rows.count_waiting(connection, ws.name),
            "airtable": airtable_status(ws, connection, budget),
            "outbox": outbox.counts(connection, ws.name),
            "freshness": freshness_of(ws, connection),
            "refused": outbox_marks.listed(connection, ws.name, waiting=False, limit=10),
            "breakers": _breakers(state.get("breakers") or []),
            "budget": [asdict(one) for one in budget],
            "budget_error": budget_error,
            "store": {
                "retries": booked_retries(connection),
                "lock_wait_seconds": store_metrics()["lock_wait_seconds"],
            },
        }


def progress(ws: Workspace, customers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What changes while cycles run, of many customers for the price of one query.

    Returns:
        customer -> customer, is_running, is_paused, progress_percent, progress_message, last_sync_at, last_error and
        the counts of the last cycle that closed.
    """
    with reading(ws.engine) as connection:
        states = ledger.customer_states(connection, customers)
    return {name: _progress(name, states.get(name, {})) for name in customers}


def _progress(customer: str, state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "customer": customer,
        "is_running": bool(state.get("running", False)),
        "is_paused": bool(state.get("paused", False)),
        "progress_percent": state.get("progress_percent", 0),
        "progress_message": state.get("progress_message", "Never synced"),
        "last_sync_at": state.get("last_synced_at"),
        "last_error": state.get("last_error"),
        **{name: state.get(name, 0) for name in _TOTALS},
    }


def _watching(row: Row[Any] | None) -> dict[str, Any]:
    """How often the live system looks at the sheet and why so, and what it waits for; empty where none ever did."""
    return {} if row is None else {name: value for name, value in row._mapping.items() if name != "customer"}


def _breakers(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By host: as this process sees it, else as the process did whose cycle failed last."""
    return list({one["host"]: one for one in [*stored, *breaker_states()]}.values())


def _run_facts(run: dict[str, Any]) -> dict[str, Any]:
    names = ("run_id", "status", "started_at", "finished_at", "error", "error_rate", "retries", "timings", "mirrors")
    return {**{name: run[name] for name in names}, "rows": asdict(ledger.counts_of(run))}


def _budget(ws: Workspace) -> tuple[tuple[LimitStatus, ...], str | None]:
    """Calls spent of each service's limit, over all processes that share the books; or why these are out of reach."""
    if ws.customer.airtable is None and ws.settings.google_credentials is None:
        return (), None
    from leads_dagster.budget import budget_place

    try:
        return tuple(budget_place(ws.settings).status()), None
    except LeadsError as error:
        return (), error.message
