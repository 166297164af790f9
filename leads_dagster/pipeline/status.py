"""Where a customer's sync stands, for `leads status` and later the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from leads_dagster.breakers import breaker_states
from leads_dagster.errors import LeadsError
from leads_dagster.pipeline.airtable_status import airtable_status
from leads_dagster.pipeline.metrics import spreads
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import ledger
from leads_dagster.store.engine import reading
from leads_dagster.store.metrics import store_metrics
from leads_dagster.store.retry import booked_retries
from leads_dagster.store.standing import Standing, standing_of

if TYPE_CHECKING:
    from leads_dagster.budget import LimitStatus

# Of the last cycle that closed; the errors and retries of all.
_TOTALS = ("rows_processed", "rows_inserted", "rows_updated", "rows_deleted", "error_count", "retry_count")


def status(ws: Workspace) -> dict[str, Any]:
    """The customer's last cycle, the ledger, what waits and where, and the state of every breaker."""
    return statuses([ws])[0]


def statuses(workspaces: Sequence[Workspace]) -> list[dict[str, Any]]:
    """The status of many customers of one lead database, in their order, for a query a question."""
    if not workspaces:
        return []
    budget = _Budget(workspaces[0])
    with reading(workspaces[0].engine) as connection:
        found = standing_of(connection, {ws.name: ws.source for ws in workspaces}, now=workspaces[0].now())
        store = {"retries": booked_retries(connection), "lock_wait_seconds": store_metrics()["lock_wait_seconds"]}
        return [{**_status(ws, connection, found[ws.name], budget), "store": store} for ws in workspaces]


def _status(ws: Workspace, connection: Connection, found: Standing, budget: _Budget) -> dict[str, Any]:
    from leads_dagster.pipeline.fixing_table import fixing_status

    state, source = found.state, found.source.source
    limits, budget_error = budget.of(ws)
    return {
        "customer": ws.name,
        "sheet": ws.address.display if source == ws.source else source,
        "running": bool(state.get("running", False)),
        "paused": bool(state.get("paused", False)),
        "progress_percent": state.get("progress_percent", 0),
        "progress_message": state.get("progress_message", "Never synced"),
        "last_synced_at": state.get("last_synced_at"),
        "last_duration_seconds": state.get("last_duration_seconds"),
        **{name: state.get(name, 0) for name in _TOTALS},
        "last_error": state.get("last_error"),
        "leads": found.leads,
        "rows": asdict(found.counts),
        "held_because": dict(found.held_because),
        "ledger_adds_up": found.counts.adds_up,
        "watching": {name: value for name, value in found.watching.items() if name != "customer"},
        "last_run": None if found.last_run is None else _run_facts(found.last_run),
        "quarantine": dict(found.quarantine),
        "needs_fixing": fixing_status(ws, connection),
        "holds": found.holds,
        "reviews": found.reviews,
        "airtable": airtable_status(ws, connection, limits),
        "outbox": found.outbox,
        "freshness": spreads(found.fresh),
        "refused": list(found.refused),
        "breakers": _breakers(state.get("breakers") or []),
        "budget": [asdict(one) for one in limits],
        "budget_error": budget_error,
        "waiting": {
            "quarantine": sum(found.quarantine.values()),
            "conflicts": found.conflicts,
            "reviews": found.reviews,
            "holds": found.holds_open,
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


def _breakers(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By host: as this process sees it, else as the process did whose cycle failed last."""
    return list({one["host"]: one for one in [*stored, *breaker_states()]}.values())


def _run_facts(run: Mapping[str, Any]) -> dict[str, Any]:
    names = ("run_id", "status", "started_at", "finished_at", "error", "error_rate", "retries", "timings", "mirrors")
    return {**{name: run[name] for name in names}, "rows": asdict(ledger.counts_of(run))}


class _Budget:
    """Calls spent of each service's limit, over all processes that share the books; they are opened once."""

    def __init__(self, ws: Workspace) -> None:
        self._settings = ws.settings

    def of(self, ws: Workspace) -> tuple[tuple[LimitStatus, ...], str | None]:
        """The limits, and why these are out of reach; nothing of a customer that no service counts calls of."""
        if ws.customer.airtable is None and self._settings.google_credentials is None:
            return (), None
        return self._known

    @cached_property
    def _known(self) -> tuple[tuple[LimitStatus, ...], str | None]:
        from leads_dagster.budget import budget_place

        try:
            return tuple(budget_place(self._settings).status()), None
        except LeadsError as error:
            return (), error.message
