"""`leads quarantine`: rows that could not be leads, and what would mend them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.interfaces.cli.completing import ids_of
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, Limit, ListByDefault, examples
from leads_dagster.interfaces.cli.render import print_facts, print_table, show

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {
    "record_id": "id", "row_number": "row", "code": "reason", "column": "column", "cell": "cell",
    "message": "what is wrong", "suggestion": "what would mend it",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(cls=ListByDefault, help="Rows that could not be leads, and what would mend them.")
    group.command("list", epilog=examples("leads quarantine", "leads quarantine list --json"))(list_rows)
    group.command("show", epilog=examples("leads quarantine show 17"))(show_row)
    app.add_typer(group, name="quarantine")


def list_rows(customer: Customer = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List the rows in quarantine. A row leaves it by itself when the sheet is mended."""
    from leads_dagster.pipeline.quarantine import list_

    with opened(customer) as workspace:
        show(list_(workspace, limit=limit), as_json=as_json, render=_render)


def show_row(
    record: Annotated[
        int, typer.Argument(metavar="ID", help="The id that the list gives.", autocompletion=ids_of("quarantine"))
    ],
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Show one row in quarantine with all its cells."""
    from leads_dagster.pipeline.quarantine import show as show_one

    with opened(customer) as workspace:
        show(show_one(workspace, record), as_json=as_json, render=print_facts)


def _render(console: Console, rows: list[dict[str, Any]]) -> None:
    print_table(console, rows, _COLUMNS, empty="No row is in quarantine.")
