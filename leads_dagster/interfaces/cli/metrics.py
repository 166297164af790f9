"""`leads metrics`: what a customer's sync did in a span of time, and how fresh the stores were."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, examples
from leads_dagster.interfaces.cli.render import moment, print_facts, print_table, show

if TYPE_CHECKING:
    from rich.console import Console

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3650)
_TARGETS = {"store": "lead store", "crm": "CRM", "airtable": "Airtable"}
_COLUMNS = {"target": "store", "rows": "rows", "p50": "p50", "p95": "p95", "p99": "p99", "worst": "worst"}
_BAR = 40


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("metrics", epilog=examples("leads metrics", "leads metrics --since 24h --json"))(metrics)


def metrics(
    customer: Customer = None,
    since: Annotated[
        str, typer.Option("--since", metavar="SPAN", help="How far back: a number and s, m, h or d.")
    ] = "1h",
    as_json: Json = False,
) -> None:
    """Show cycles, rows, errors and retries of a span, and how long changes took to reach each store.

    Freshness is counted from when a change was first seen, first loads left out; percentiles are within 4.5 % of
    what was measured.
    """
    span = _span(since)
    with opened(customer) as workspace:
        from leads_dagster.pipeline.metrics import metrics as read_metrics

        show(read_metrics(workspace, since=span), as_json=as_json, render=_render)


def _span(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhd])", text.strip().lower())
    span = timedelta(**{_UNITS[found[2]]: min(float(found[1]), 1e8)}) if found else timedelta(0)
    if not timedelta(0) < span <= _LONGEST:
        raise SettingsError(
            f"--since {text} is no span of time.", advice="Such as 90s, 30m, 1h or 7d; 10 years at most."
        )
    return span


def _render(console: Console, found: dict[str, Any]) -> None:
    console.print(f"{found['customerId']}, since {moment(found['since'])} UTC")
    print_facts(
        console,
        {
            "cycles": found["syncs"],
            "median duration": time_of(found["syncDuration"]),
            "rows read": f"{found['rowsProcessed']:,}",
            "rows new, changed, removed": ", ".join(
                f"{found[name]:,}" for name in ("rowsInserted", "rowsUpdated", "rowsDeleted")
            ),
            "failed cycles": f"{found['errorCount']:,} ({_share(found['errorRate'])})",
            "retries": found["retryCount"],
        },
        indent=2,
    )
    rows = [_row(target, spread) for target, spread in found["freshness"].items() if spread["rows"]]
    console.print()
    print_table(console, rows, _COLUMNS, empty="No change was stored or mirrored in this time.")
    if console.is_terminal:
        _chart(console, found["hours"])


def _row(target: str, spread: dict[str, Any]) -> dict[str, str]:
    times = {name: time_of(spread[name]) for name in ("p50", "p95", "p99", "worst")}
    return {"target": _TARGETS[target], "rows": f"{spread['rows']:,}", **times}


def _chart(console: Console, hours: list[dict[str, Any]]) -> None:
    """One bar an hour: how long 95 in 100 changes took at most to stand in the store."""
    known = [one["p95"] for one in hours if one["p95"] is not None]
    if not known:
        return
    console.print("\nTo the lead store, p95 by the hour (UTC):")
    for one in hours:
        bar = "" if one["p95"] is None else "#" * max(1, round(_BAR * one["p95"] / max(known)))
        console.print(f"  {one['from'].strftime('%H:%M')}  {time_of(one['p95']):>8}  {bar}")


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"


def time_of(milliseconds: float | None) -> str:
    """Milliseconds as people read them."""
    if milliseconds is None:
        return "-"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.2f} s" if seconds < 60 else f"{seconds / 60:,.1f} min"
