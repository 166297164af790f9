"""`leads undo`: take back a field's value, a merge, a run, or a decision; nothing is ever deleted by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.interfaces.cli.completing import fields, ids_of
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, Limit, ListByDefault, examples
from leads_dagster.interfaces.cli.render import print_facts, print_table, show

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {
    "id": "id", "kind": "kind", "about": "about", "lead_id": "lead", "who": "who", "reason": "reason",
    "decided_at": "when", "undone_by": "taken back by",
}  # fmt: skip

Lead = Annotated[str, typer.Argument(metavar="LEAD", help="Its id, the beginning of it, or its e-mail.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Kept with the decision.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would come of it, and write nothing.")]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(cls=ListByDefault, help="Take back a value, a merge, a run or a decision; list decisions.")
    group.command("list", epilog=examples("leads undo", "leads undo list --json"))(list_decisions)
    group.command("field", epilog=examples("leads undo field jane@acme.example title"))(undo_field)
    group.command("merge", epilog=examples("leads undo merge 01a204", "leads undo merge 01a204 --record 17"))(
        undo_merge
    )
    group.command("run", epilog=examples("leads undo run 5f3c --dry-run", "leads undo run 5f3c"))(undo_run)
    group.command("decision", epilog=examples("leads undo decision 12"))(undo_decision)
    app.add_typer(group, name="undo")


def list_decisions(customer: Customer = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List what people decided, newest first, and what was taken back of it."""
    from leads_dagster.pipeline.undo import list_

    with opened(customer) as workspace:
        show(list_(workspace, limit=limit), as_json=as_json, render=_render)


def undo_field(
    lead: Lead,
    field: Annotated[
        str, typer.Argument(metavar="FIELD", help="Such as title, phone, company.", autocompletion=fields)
    ],
    *,
    reason: Reason = None,
    dry_run: DryRun = False,
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Give a field of a lead the value back that it had before; a newer edit wins over that."""
    _undo("undo_field", lead, field, reason=reason, dry_run=dry_run, customer=customer, as_json=as_json)


def undo_merge(
    lead: Lead,
    record: Annotated[
        list[int] | None, typer.Option("--record", metavar="ID", help="A record that leaves; may be given again.")
    ] = None,
    *,
    reason: Reason = None,
    dry_run: DryRun = False,
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Take a merge apart: both originals are leads again, and stay two at every later sync."""
    _undo("undo_merge", lead, record or [], reason=reason, dry_run=dry_run, customer=customer, as_json=as_json)


def undo_run(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="Its id, or the beginning of it: see `leads history`.", autocompletion=ids_of("runs")
        ),
    ],
    *,
    reason: Reason = None,
    dry_run: DryRun = False,
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Take back what a sync or a migration did and nothing has overtaken since."""
    _undo("undo_run", run, reason=reason, dry_run=dry_run, customer=customer, as_json=as_json)


def undo_decision(
    decision: Annotated[
        int, typer.Argument(metavar="ID", help="The id that the list gives.", autocompletion=ids_of("decisions"))
    ],
    *,
    reason: Reason = None,
    dry_run: DryRun = False,
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Take a decision back, also one that took another back."""
    _undo("undo_decision", decision, reason=reason, dry_run=dry_run, customer=customer, as_json=as_json)


def _undo(verb: str, *named: Any, reason: str | None, dry_run: bool, customer: str | None, as_json: bool) -> None:
    from leads_dagster.pipeline import undo

    with opened(customer) as workspace:
        done = getattr(undo, verb)(workspace, *named, reason=reason, dry_run=dry_run)
        show(done, as_json=as_json, render=print_facts)


def _render(console: Console, found: list[dict[str, Any]]) -> None:
    print_table(console, found, _COLUMNS, empty="Nobody decided anything yet.")
