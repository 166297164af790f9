"""`leads plan`: what a sync would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, Limit, examples
from leads_dagster.interfaces.cli.render import print_facts, show

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("plan", epilog=examples("leads plan", "leads plan --customer acme --json"))(plan)


def plan(customer: Customer = None, limit: Limit = 20, as_json: Json = False) -> None:
    """Show what a sync would write, call and cost, by rehearsing it on a copy; write nothing."""
    from leads_dagster.interfaces.cli.progress import progress_bar
    from leads_dagster.pipeline.plan import plan as make_plan

    with opened(customer) as workspace, progress_bar():
        show(make_plan(workspace, limit=limit), as_json=as_json, render=_render)


def _render(console: Console, facts: dict[str, Any]) -> None:
    print_facts(console, facts)
    if facts["matched_anew"]:
        console.print("All records would be matched anew first: the rules changed. What comes of it is counted.")
    console.print("Nothing was written. `leads sync` does it.")
