"""The commands, put together: what `leads --help` lists, in the order in which people need them."""

from __future__ import annotations

from typing import Annotated

import typer

from leads_dagster import __version__
from leads_dagster.interfaces.cli import (
    backup,
    bench,
    budget,
    conflicts,
    dedupe,
    demo,
    doctor,
    drift,
    history,
    holds,
    learned,
    metrics,
    migrate,
    notify,
    outbox,
    override,
    pausing,
    plan,
    quarantine,
    queue,
    reviews,
    sandbox,
    serve,
    status,
    sync,
    trigger,
    undo,
    up,
)

_COMMANDS = (
    sync, up, demo, serve, trigger, pausing, plan, status, metrics, history, undo, override, reviews, conflicts,
    drift, quarantine, holds, queue, outbox, notify, budget, learned, migrate, dedupe, backup, doctor, bench, sandbox,
)  # fmt: skip


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"leads {__version__}")
        raise typer.Exit


def _leads(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keep a Google Sheet, a lead database, a CRM and Airtable saying the same thing.

    Settings come from the environment and from leads.toml (docs/configuration.md); without any, `leads sync` reads
    the packaged sample into files under .leads.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def build_app() -> typer.Typer:
    """A fresh Typer application with every command."""
    app = typer.Typer(
        name="leads",
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help is quicker, and the same in a pipe
    )
    app.callback(invoke_without_command=True)(_leads)
    for module in _COMMANDS:
        module.register(app)
    return app
