"""`leads sandbox`: the offline twin of Airtable and Google, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leads_dagster.interfaces.cli.options import examples
from leads_dagster.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "sandbox",
        epilog=examples("leads sandbox --port 8765", "leads sandbox --bases bases.json --sheets ./sheets --limits"),
    )(sandbox)


def sandbox(
    bases: Annotated[
        Path | None, typer.Option("--bases", metavar="FILE", help="Airtable bases to begin with, as JSON.", exists=True)
    ] = None,
    sheets: Annotated[
        Path | None,
        typer.Option(
            "--sheets", metavar="DIR", help="Every CSV in it is a Google Sheet.", exists=True, file_okay=False
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8765,
    limits: Annotated[bool, typer.Option("--limits", help="Enforce the rate limits of the real services.")] = False,
) -> None:
    """Serve stand-ins for Airtable and Google on one local port.

    Any token will do. State is kept under LEADS_HOME. Point AIRTABLE_ENDPOINT_URL and GOOGLE_SHEETS_ENDPOINT_URL at it.
    """
    settings = load_settings()
    from leads_dagster.sandbox import serve

    serve(
        bases=bases,
        sheets=sheets,
        host="127.0.0.1",
        port=port,
        limits=limits,
        state=settings.prepare_home() / "sandbox",
    )
