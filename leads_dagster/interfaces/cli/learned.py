"""`leads learned`: what people taught of a customer's headers, companies and given names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, Limit, ListByDefault, examples
from leads_dagster.interfaces.cli.render import print_facts, print_table, show

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {
    "id": "id", "kind": "kind", "left": "this", "right": "counts as", "who": "who", "learned_at": "since",
    "decision_id": "by decision",
}  # fmt: skip
_MORE_COLUMNS = {"removed_at": "removed", "removed_by": "by", "undone_by": "undone by decision"}

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would come of it, and write nothing.")]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(cls=ListByDefault, help="What people taught: headers, company names, nicknames.")
    group.command("list", epilog=examples("leads learned", "leads learned list --all --json"))(list_learned)
    group.command(
        "add",
        epilog=examples(
            'leads learned add header "Kontaktperson" full_name',
            'leads learned add company "IBM" "International Business Machines"',
            "leads learned add nickname Peggy Margaret",
        ),
    )(add_learned)
    group.command("remove", epilog=examples("leads learned remove 3"))(remove_learned)
    app.add_typer(group, name="learned")


def list_learned(
    customer: Customer = None,
    every: Annotated[bool, typer.Option("--all", help="Also what counts no more.")] = False,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List what was taught, by `leads learned add` or by a decision that two rows are one lead."""
    from leads_dagster.pipeline.learned import list_

    with opened(customer) as workspace:
        show(list_(workspace, every=every, limit=limit), as_json=as_json, render=_render)


def add_learned(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="header, company or nickname.")],
    left: Annotated[str, typer.Argument(metavar="LEFT", help="A name; of a header its text.")],
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="The other name; of a header the field it means.")],
    *,
    dry_run: DryRun = False,
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Teach that two names count as one, or which field a header means; for this customer alone.

    Rows that it concerns are matched anew at once: leads may join. `leads learned remove` takes it back.
    """
    from leads_dagster.pipeline.learned import add

    with opened(customer) as workspace:
        show(add(workspace, kind, left, right, dry_run=dry_run), as_json=as_json, render=print_facts)


def remove_learned(
    line: Annotated[int, typer.Argument(metavar="ID", help="The id that the list gives.")],
    *,
    dry_run: DryRun = False,
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Take back what was taught; leads that only it held together part again."""
    from leads_dagster.pipeline.learned import remove

    with opened(customer) as workspace:
        show(remove(workspace, line, dry_run=dry_run), as_json=as_json, render=print_facts)


def _render(console: Console, found: list[dict[str, Any]]) -> None:
    more = _MORE_COLUMNS if found and "removed_at" in found[0] else {}
    print_table(console, found, {**_COLUMNS, **more}, empty="Nothing was taught yet.")
