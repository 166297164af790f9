"""`leads budget`: how the call budgets stand, and letting a parked Airtable be asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from leads_dagster.interfaces.cli.budget_words import budget_row
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, ListByDefault, examples
from leads_dagster.interfaces.cli.render import print_facts, print_table, show
from leads_dagster.settings import load_settings

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {
    "limit": "limit", "used": "used", "calls_this_month": "calls this month", "pace": "pace",
    "at_this_pace_lasts_until": "at this pace lasts until", "looks_for_edits": "looks for edits", "state": "state",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(cls=ListByDefault, help="Calls of Airtable and Google: what is used, and what is parked.")
    group.command("list", epilog=examples("leads budget", "leads budget list --json"))(list_limits)
    group.command("unpark", epilog=examples("leads budget unpark --customer acme"))(unpark)
    app.add_typer(group, name="budget")


def list_limits(as_json: Json = False) -> None:
    """List every limit with what is used of it, of all customers here."""
    from leads_dagster.pipeline.call_budget import list_

    show(list_(load_settings()), as_json=as_json, render=_render)


def unpark(customer: Customer = None, as_json: Json = False) -> None:
    """Ask Airtable again although the month's calls were used up: a larger plan was chosen.

    It is asked once an hour in any case; if the calls are still spent, it is parked again, and nothing is lost.
    """
    from leads_dagster.pipeline import call_budget

    with opened(customer) as workspace:
        show(call_budget.unpark(workspace), as_json=as_json, render=print_facts)


def _render(console: Console, found: list[dict[str, Any]]) -> None:
    print_table(console, [budget_row(one) for one in found], _COLUMNS, empty="No call was made yet.")
