"""`leads override`: set a field of a lead by hand, against whatever its sources say."""

from __future__ import annotations

from typing import Annotated

import typer

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.cli.completing import fields
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, examples
from leads_dagster.interfaces.cli.render import print_facts, show


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "override",
        epilog=examples(
            'leads override jane@acme.example title "CTO" --reason "asked her"',
            "leads override 01a204 phone --blank",
            "leads override 01a204 title --release",
        ),
    )(override)


def override(
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="Its id, the beginning of it, or its e-mail.")],
    field: Annotated[
        str, typer.Argument(metavar="FIELD", help="Such as title, phone, company.", autocompletion=fields)
    ],
    value: Annotated[str | None, typer.Argument(metavar="[VALUE]", help="What it is to say.")] = None,
    *,
    blank: Annotated[bool, typer.Option("--blank", help="It is to be blank.")] = False,
    release: Annotated[bool, typer.Option("--release", help="Take the last value set by hand back.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Kept with the decision.")] = None,
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Set a field of a lead by hand; every later cycle obeys it until it is released or undone."""
    if blank + release + (value is not None) != 1:
        raise SettingsError("Say what the field is to be.", advice="Give one of VALUE, --blank and --release.")
    from leads_dagster.pipeline import overriding

    with opened(customer) as workspace:
        if release:
            done = overriding.release(workspace, lead, field, reason=reason)
        else:
            done = overriding.override(workspace, lead, field, value, reason=reason)
        show(done, as_json=as_json, render=print_facts)
