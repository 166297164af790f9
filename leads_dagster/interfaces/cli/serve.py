"""`leads serve`: the API and the dashboard alone, until Ctrl-C."""

from __future__ import annotations

from typing import Annotated

import typer

from leads_dagster.interfaces.cli.options import Json, examples
from leads_dagster.interfaces.cli.render import emit_json_line
from leads_dagster.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("serve", epilog=examples("leads serve", "leads serve --port 8080", "leads serve --json"))(serve)


def serve(
    host: Annotated[str | None, typer.Option("--host", help="Address; LEADS_API_HOST, or 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="0 for any; else LEADS_API_PORT, 8000 or the next.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve the API and the dashboard without the live system, until Ctrl-C; a trigger then runs in this process.

    `leads up` serves them too, beside what keeps every customer in step.
    """
    settings = load_settings()
    from leads_dagster.live.ports import DEFAULT_API_PORT, choose_port, in_url, reachable_host, refuse_open_door

    at = host or settings.api_host
    asked = settings.api_port if port is None else port
    refuse_open_door(settings, at)
    chosen = choose_port(at, asked, default=DEFAULT_API_PORT, setting="LEADS_API")
    url = f"http://{in_url(reachable_host(at))}:{chosen}"
    if as_json:
        emit_json_line({"url": url, "docs": f"{url}/docs"})
    else:
        typer.echo(f"Serving at {url}, the API's description at {url}/docs. Ctrl-C stops.")
    from leads_dagster.interfaces.api import server

    server.serve(settings, host=at, port=chosen)
