"""`leads sandbox`: the offline twin of Airtable and Google, until Ctrl-C."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from leads_dagster.interfaces.cli.options import examples
from leads_dagster.interfaces.cli.render import emit_json_line
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
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
) -> None:
    """Serve stand-ins for Airtable and Google on one local port, until Ctrl-C.

    Any token will do. The bases are kept under LEADS_HOME. Point AIRTABLE_ENDPOINT_URL and
    GOOGLE_SHEETS_ENDPOINT_URL at it.
    """
    home = load_settings().prepare_home()
    from leads_dagster.sandbox import serve

    serve(
        bases=bases,
        sheets=sheets or _own_sheets(home),
        port=port,
        limits=limits,
        state=home / "sandbox",
        announce=lambda twin: _announce(twin.url, as_json=as_json),
    )


def _own_sheets(home: Path) -> Path | None:
    """The sheets that `make run` left in the state folder."""
    folder = home / "sheets"
    return folder if folder.is_dir() else None


def _announce(url: str, *, as_json: bool) -> None:
    """Say where it serves, at once: whoever started it waits for this line."""
    if as_json:
        emit_json_line({"url": url})
        return
    typer.echo(f"Serving Airtable and Google Sheets at {url}; Ctrl-C ends it. To use it:")
    typer.echo(f"  export AIRTABLE_ENDPOINT_URL={url} GOOGLE_SHEETS_ENDPOINT_URL={url} AIRTABLE_API_KEY=any")
    sys.stdout.flush()
