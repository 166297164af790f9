"""`leads status`: where a customer's sync stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.customers import CustomerSettings
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
        found = {"customers": _statuses_of(settings, settings.customers), **live}
        return show(found, as_json=as_json, render=_render_all)
    (one,) = _statuses_of(settings, [customer_named(settings, customer)])
    return show({**one, **live}, as_json=as_json, render=_render)


def _statuses_of(settings: Settings, customers: Sequence[CustomerSettings]) -> list[dict[str, Any]]:
    from leads_dagster.pipeline.status import statuses
    from leads_dagster.pipeline.workspace import Workspace, open_workspace

    with open_workspace(settings, customers[0].name) as first:
        return statuses([Workspace(settings, one, first.engine) for one in customers])


def _render(console: Console, facts: dict[str, Any]) -> None:
    said = {"budget": [budget_row(one) for one in facts["budget"]], "freshness": _freshness(facts["freshness"])}
    print_facts(console, {**facts, **said, **_live_in_words(facts)})


def _live_in_words(facts: dict[str, Any]) -> dict[str, str]:
    from leads_dagster.live.presence import in_words

    return {"live": in_words(facts["live"])} if "live" in facts else {}


def _freshness(found: dict[str, dict[str, Any]]) -> str:
    """One line: how long 95 in 100 changes of the last hour took at most."""
    if not found:
        return "nothing changed in the last hour"
    times = ", ".join(f"{target} {one['p95_seconds']:.2f} s" for target, one in found.items())
    return f"{times} (p95 of the last hour, from being seen)"


def _render_all(console: Console, found: dict[str, Any]) -> None:
    for facts in found["customers"]:
        _render(console, facts)
        console.print()
    print_facts(console, _live_in_words(found))
