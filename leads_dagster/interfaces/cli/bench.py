"""`leads bench`: how fresh the stores are, measured on this machine with the offline twin."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.interfaces.cli.options import Json, examples
from leads_dagster.interfaces.cli.render import print_table, show

if TYPE_CHECKING:
    from rich.console import Console

_NAMES = {"store": "lead database", "crm": "CRM", "airtable": "Airtable"}
_SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "worst": 1.0}
_COLUMNS = {"target": "edit to", "edits": "edits", **{f"{name}_seconds": f"{name} s" for name in _SHARES}}


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(no_args_is_help=True, help="Measure this machine, on the offline twin.")
    group.callback()(_bench)
    group.command(
        "freshness",
        epilog=examples("leads bench freshness", "leads bench freshness --edits 100 --rows 10000 --json"),
    )(freshness)
    app.add_typer(group, name="bench")


def _bench() -> None:
    """Measure this machine, on the offline twin."""


def freshness(
    edits: Annotated[int, typer.Option("--edits", min=1, help="How many cells are edited.")] = 30,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Of the sheet.")] = 1000,
    airtable: Annotated[bool, typer.Option("--airtable/--no-airtable", help="Mirror to Airtable as well.")] = True,
    stock: Annotated[bool, typer.Option("--stock", help="Stock `dagster dev` instead of `leads up`.")] = False,
    as_json: Json = False,
) -> None:
    """Time edits of a sheet, at random instants, until the stores hold them.

    Starts the live system and the offline twin in a folder of their own, which is removed afterwards; your own state
    and services are left alone.
    """
    from leads_dagster.interfaces.freshness_trial import TrialPlan, run_trial

    plan = TrialPlan("stock" if stock else "live", edits=edits, rows=rows, airtable=airtable)
    with tempfile.TemporaryDirectory(prefix="leads-bench-", ignore_cleanup_errors=True) as folder:
        found = run_trial(plan, Path(folder), say=lambda words: typer.echo(words, err=True))
    show([_line(name, seconds) for name, seconds in found.items()], as_json=as_json, render=_render)


def _line(target: str, seconds: list[float]) -> dict[str, Any]:
    from leads_dagster.interfaces.freshness_trial import percentile

    shares = {f"{name}_seconds": round(percentile(seconds, share), 3) for name, share in _SHARES.items()}
    return {"target": target, "edits": len(seconds), **shares}


def _render(console: Console, lines: list[dict[str, Any]]) -> None:
    named = [{**line, "target": _NAMES[line["target"]]} for line in lines]
    print_table(console, named, _COLUMNS, empty="Nothing was edited.")
