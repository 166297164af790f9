"""`leads pause`, `leads resume`: whether the live system looks after a customer."""

from __future__ import annotations

from typing import Annotated

import typer

from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, examples
from leads_dagster.interfaces.cli.render import print_facts, show


def register(app: typer.Typer) -> None:
    """Add both commands to the application."""
    app.command("pause", epilog=examples('leads pause --customer acme --reason "moving house"'))(pause)
    app.command("resume", epilog=examples("leads resume --customer acme"))(resume)


def pause(
    customer: Customer = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Shown until it is resumed.")] = "",
    as_json: Json = False,
) -> None:
    """Let the live system leave a customer alone; `leads sync` by hand still works."""
    from leads_dagster.pipeline import pausing

    with opened(customer) as workspace:
        show(pausing.pause(workspace, reason=reason), as_json=as_json, render=print_facts)


def resume(customer: Customer = None, as_json: Json = False) -> None:
    """Let the live system look after a customer again; it catches up at once."""
    from leads_dagster.pipeline import pausing

    with opened(customer) as workspace:
        show(pausing.resume(workspace), as_json=as_json, render=print_facts)
