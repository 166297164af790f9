"""`leads holds`: plans that the guard parked, and what to do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.interfaces.cli.completing import ids_of
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, ListByDefault, examples
from leads_dagster.interfaces.cli.render import print_facts, print_table, show

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {
    "id": "id", "status": "status", "removals": "removals", "changes": "changes", "blanks": "blanks",
    "limit_rows": "limit", "created_at": "since", "plan_hash": "plan",
}  # fmt: skip

_PLAN_COLUMNS = {
    "row": "row", "lead": "lead", "lead_id": "id", "kind": "kind", "field": "field", "old": "now", "new": "would be",
}  # fmt: skip

Hold = Annotated[int, typer.Argument(metavar="ID", help="The id that the list gives.", autocompletion=ids_of("holds"))]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(cls=ListByDefault, help="Plans that the guard parked: look, approve, drop.")
    group.command("list", epilog=examples("leads holds", "leads holds list --all --json"))(list_holds)
    group.command("show", epilog=examples("leads holds show 3"))(show_hold)
    group.command("approve", epilog=examples("leads holds approve 3", "leads sync"))(approve_hold)
    group.command("drop", epilog=examples("leads holds drop 3"))(drop_hold)
    app.add_typer(group, name="holds")


def list_holds(
    customer: Customer = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that were applied, dropped or dissolved.")] = False,
    as_json: Json = False,
) -> None:
    """List the plans that wait for a person."""
    from leads_dagster.pipeline.holds import list_

    with opened(customer) as workspace:
        show(list_(workspace, every=every), as_json=as_json, render=_render)


def show_hold(hold: Hold, customer: Customer = None, as_json: Json = False) -> None:
    """Show exactly what a parked plan would do: row by row, each field as it was and as it would be."""
    from leads_dagster.pipeline import holds

    with opened(customer) as workspace:
        show(holds.show(workspace, hold), as_json=as_json, render=_render_plan)


def approve_hold(hold: Hold, customer: Customer = None, as_json: Json = False) -> None:
    """Let the next sync do what the plan says, if it still is that plan then."""
    _on_one("approve", hold, customer, as_json=as_json)


def drop_hold(hold: Hold, customer: Customer = None, as_json: Json = False) -> None:
    """Refuse the plan: its leads stay as they are until the rows change again."""
    _on_one("drop", hold, customer, as_json=as_json)


def _on_one(verb: str, hold: int, customer: str | None, *, as_json: bool) -> None:
    from leads_dagster.pipeline import holds

    act = {"approve": holds.approve, "drop": holds.drop}[verb]
    with opened(customer) as workspace:
        show(act(workspace, hold), as_json=as_json, render=print_facts)


def _render(console: Console, found: list[dict[str, Any]]) -> None:
    print_table(console, found, _COLUMNS, empty="Nothing waits for approval.")


def _render_plan(console: Console, hold: dict[str, Any]) -> None:
    print_facts(console, {name: value for name, value in hold.items() if name != "plan"})
    console.print()
    print_table(console, _lines(hold["plan"]), _PLAN_COLUMNS, empty="")


def _lines(plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line a change; of a row that goes, or would get another lead, one line that says what becomes of its lead."""
    lines = []
    for one in plan:
        gone = "gone" if one["kind"] == "remove" else ""
        facts = {"row": one["row"] or gone, **{name: one[name] for name in ("lead", "lead_id", "kind")}}
        if one["then"]:
            lines.append({**facts, "field": "(whole row)", "old": one["then"], "new": ""})
            lines += [{**facts, **change} for change in one["changes"] if change["new"] is not None]
        else:
            lines += [{**facts, **change} for change in one["changes"]]
    return lines
