"""`leads drift`: where the sheet and the leads differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, examples
from leads_dagster.interfaces.cli.render import print_table, show

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {
    "row": "row",
    "lead_id": "lead",
    "field": "field",
    "sheet": "sheet says",
    "lead": "lead has",
    "said_by": "as said by",
}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("drift", epilog=examples("leads drift", "leads drift --customer acme --json"))(drift)


def drift(customer: Customer = None, as_json: Json = False) -> None:
    """List where a lead no longer says what its row says.

    Airtable or a person changed them since; the sheet is an input and is not written to.
    """
    from leads_dagster.pipeline.drift import drift as find_drift

    with opened(customer) as workspace:
        show(find_drift(workspace), as_json=as_json, render=_render)


def _render(console: Console, found: list[dict[str, Any]]) -> None:
    print_table(console, found, _COLUMNS, empty="No drift: every lead says what its rows say.")
