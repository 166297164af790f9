"""`leads notify`: what needs a person now, and whether the addresses that are to be told work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from leads_dagster.interfaces.cli.options import Json, ListByDefault, examples
from leads_dagster.interfaces.cli.render import print_table, show

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {
    "customer": "customer", "severity": "severity", "message": "what", "advice": "what to do",
    "opened_at": "since", "told_at": "told at",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(cls=ListByDefault, help="What people are told of: failed syncs, holds, spent budgets and more.")
    group.command("list", epilog=examples("leads notify", "leads notify list --look --json"))(list_alerts)
    group.command("test", epilog=examples("LEADS_NOTIFY_URLS=slack://… leads notify test"))(send_test)
    app.add_typer(group, name="notify")


def list_alerts(
    look: bool = typer.Option(False, "--look", help="Look now, and tell people what is new, as the schedule does."),
    as_json: Json = False,
) -> None:
    """List what stands, as the last look saw it; Dagster's alert_schedule looks each minute."""
    from leads_dagster.pipeline import alerting
    from leads_dagster.settings import load_settings

    settings = load_settings()
    if look:
        alerting.alert_round(settings)
    show(alerting.standing(settings), as_json=as_json, render=_render)


def send_test(as_json: Json = False) -> None:
    """Send a test message to every address of LEADS_NOTIFY_URLS; exit 1 where one does not take it."""
    from leads_dagster.pipeline.alerting import told_of_test
    from leads_dagster.settings import load_settings

    found = told_of_test(load_settings())
    show(found, as_json=as_json, render=_render_test)
    if not all(one["ok"] for one in found["sent"]):
        raise typer.Exit(1)


def _render(target: Console, found: list[dict[str, Any]]) -> None:
    print_table(target, found, _COLUMNS, empty="Nothing needs a person.")


def _render_test(target: Console, found: dict[str, Any]) -> None:
    if not found["sent"]:
        target.print("Nobody is told: set LEADS_NOTIFY_URLS, such as slack://… or mailtos://… (docs/operations.md).")
    for one in found["sent"]:
        target.print(f"{one['name']}: {'taken' if one['ok'] else one['why']}", soft_wrap=True)
