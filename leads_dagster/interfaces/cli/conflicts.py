"""`leads conflicts`: fields of which two sources, or a mirror and we, say different things; and what is to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.cli.completing import ids_of
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, Limit, ListByDefault, examples
from leads_dagster.interfaces.cli.render import print_facts, print_table, show

if TYPE_CHECKING:
    from rich.console import Console

    from leads_dagster.pipeline.conflicts import Choice

_COLUMNS = {
    "id": "id", "lead": "lead", "field": "field", "kept": "kept", "kept_source": "said by", "lost": "lost",
    "lost_source": "said by", "status": "status", "detected_at": "since",
}  # fmt: skip

Conflict = Annotated[
    int, typer.Argument(metavar="ID", help="The id that the list gives.", autocompletion=ids_of("conflicts"))
]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(cls=ListByDefault, help="Fields on which sources or mirrors differ: look, settle.")
    group.command("list", epilog=examples("leads conflicts", "leads conflicts list --all --json"))(list_conflicts)
    group.command("show", epilog=examples("leads conflicts show 3"))(show_conflict)
    group.command(
        "resolve",
        epilog=examples(
            "leads conflicts resolve 3 --keep", 'leads conflicts resolve 3 --value "CTO" --reason "asked her"'
        ),
    )(resolve_conflict)
    app.add_typer(group, name="conflicts")


def list_conflicts(
    customer: Customer = None,
    every: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List what waits for a decision: the value that holds until then, and the one that does not."""
    from leads_dagster.pipeline.conflicts import list_

    with opened(customer) as workspace:
        show(list_(workspace, every=every, limit=limit), as_json=as_json, render=_render)


def show_conflict(conflict: Conflict, customer: Customer = None, as_json: Json = False) -> None:
    """Show one conflict, who says what since when, and what each choice would do."""
    from leads_dagster.pipeline import conflicts

    with opened(customer) as workspace:
        show(conflicts.show(workspace, conflict), as_json=as_json, render=print_facts)


def resolve_conflict(
    conflict: Conflict,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="What is shown as kept is to hold.")] = False,
    take: Annotated[bool, typer.Option("--take", help="What is shown as lost is to hold.")] = False,
    value: Annotated[str | None, typer.Option("--value", metavar="V", help="Neither: this is to hold.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Kept with the decision.")] = None,
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Settle a conflict by a person's word; every later cycle obeys it until it is released."""
    chosen = _choice(keep=keep, take=take, value=value)
    from leads_dagster.pipeline.conflicts import resolve

    with opened(customer) as workspace:
        settled = resolve(workspace, conflict, chosen, value=value, reason=reason)
        show(settled, as_json=as_json, render=print_facts)


def _choice(*, keep: bool, take: bool, value: str | None) -> Choice:
    if keep + take + (value is not None) != 1:
        raise SettingsError("Say what is to hold.", advice="Give one of --keep, --take and --value V.")
    if value is not None:
        return "value"
    return "keep" if keep else "take"


def _render(console: Console, found: list[dict[str, Any]]) -> None:
    from leads_dagster.pipeline.history_words import short_source

    shown = [{**one, **{side: short_source(one[side]) for side in ("kept_source", "lost_source")}} for one in found]
    print_table(console, shown, _COLUMNS, empty="No conflict waits for a decision.")
