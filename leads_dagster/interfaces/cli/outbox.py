"""`leads outbox`: what a mirror has still to hear of, what it would not take and why; and trying it again."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, Limit, ListByDefault, examples
from leads_dagster.interfaces.cli.render import print_facts, print_table, show

if TYPE_CHECKING:
    from rich.console import Console

    from leads_dagster.store.outbox import MirrorName

_COLUMNS = {
    "lead_id": "id", "lead": "lead", "mirror": "mirror", "operation": "does", "status": "status",
    "attempt_count": "tried", "error_message": "why", "next_attempt_at": "next try",
}  # fmt: skip


class _Mirror(str, Enum):
    airtable = "airtable"
    crm = "crm"


Mirror = Annotated[_Mirror | None, typer.Option("--mirror", help="Of this mirror only.")]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(cls=ListByDefault, help="Leads that a mirror has still to hear of, or would not take.")
    group.command("list", epilog=examples("leads outbox", "leads outbox list --mirror airtable --json"))(list_marks)
    group.command("retry", epilog=examples("leads outbox retry ada@example.com", "leads outbox retry --all"))(retry)
    app.add_typer(group, name="outbox")


def list_marks(customer: Customer = None, mirror: Mirror = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List what is not done, the worst first.

    `dead`: refused for good, or too often; it is tried again when the lead or Airtable's fields change, or by `retry`.
    `failed`: tried again by itself. `left out`: the record is there, without values that do not fit. `pending`: waits
    to be sent.
    """
    from leads_dagster.pipeline.outbox import list_

    with opened(customer) as workspace:
        show(list_(workspace, mirror=_name(mirror), limit=limit), as_json=as_json, render=_render)


def retry(
    leads: Annotated[
        list[str] | None, typer.Argument(metavar="LEAD", help="Ids, beginnings of them, or e-mail addresses.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that failed, died or was left out.")] = False,
    mirror: Mirror = None,
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Try again what a mirror would not take, at once."""
    if bool(leads) == every:
        raise SettingsError("Say what to try again.", advice="Name leads, or give --all.")
    from leads_dagster.pipeline.outbox import retry as try_again

    with opened(customer) as workspace:
        done = try_again(workspace, leads or None, mirror=_name(mirror))
        show(done, as_json=as_json, render=_render_retried)


def _name(mirror: _Mirror | None) -> MirrorName | None:
    return None if mirror is None else mirror.value


def _render(console: Console, found: list[dict[str, Any]]) -> None:
    print_table(console, found, _COLUMNS, empty="The mirrors have heard of every lead.")


def _render_retried(console: Console, done: dict[str, Any]) -> None:
    print_facts(console, {"tried again": done["retried"], **done["mirrors"]})
    if done["left"]:
        _render(console, done["left"])
