"""`leads status`: where a customer's sync stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.interfaces.cli.budget_words import budget_row
from leads_dagster.interfaces.cli.options import Customer, Json, examples
from leads_dagster.interfaces.cli.render import print_facts, show
from leads_dagster.settings import Settings, customer_named, load_settings

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("status", epilog=examples("leads status", "leads status --customer acme --json", "leads status --all"))(
        status
    )


def status(
    customer: Customer = None,
    every: Annotated[
        bool, typer.Option("--all", help='Every customer; JSON is then {"customers": …, "live": …}.')
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the last sync, what waits, which hosts are rested, and whether `leads up` runs."""
    settings = load_settings()
    from leads_dagster.live.presence import who_runs

    live = {"live": who_runs(settings.home)}
    if every:
        found = {"customers": [_status_of(settings, one.name) for one in settings.customers], **live}
        return show(found, as_json=as_json, render=_render_all)
    found = {**_status_of(settings, customer_named(settings, customer).name), **live}
    return show(found, as_json=as_json, render=_render)


def _status_of(settings: Settings, name: str) -> dict[str, Any]:
    from leads_dagster.pipeline.status import status as read_status
    from leads_dagster.pipeline.workspace import open_workspace

    with open_workspace(settings, name) as workspace:
        return read_status(workspace)


def _render(console: Console, facts: dict[str, Any]) -> None:
    budget = {"budget": [budget_row(one) for one in facts["budget"]]}
    print_facts(console, {**facts, **budget, **_live_in_words(facts)})


def _live_in_words(facts: dict[str, Any]) -> dict[str, str]:
    from leads_dagster.live.presence import in_words

    return {"live": in_words(facts["live"])} if "live" in facts else {}


def _render_all(console: Console, found: dict[str, Any]) -> None:
    for facts in found["customers"]:
        _render(console, facts)
        console.print()
    print_facts(console, _live_in_words(found))
