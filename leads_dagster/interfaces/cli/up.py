"""`leads up`: the live system in the foreground, until Ctrl-C."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from leads_dagster.interfaces.cli.options import examples
from leads_dagster.live.ports import refuse_open_door
from leads_dagster.settings import Settings, load_settings

if TYPE_CHECKING:
    from leads_dagster.live.part import Part
    from leads_dagster.live.stream import Stream
    from leads_dagster.live.system import Chore


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("up", epilog=examples("leads up", "leads up --workers 4 --port 8080", "leads up --json"))(up)


def up(
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Runs at once; LEADS_WORKERS, or 2, if not said.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Of Dagster's interface, 0 for any; else 3000 or the next."),
    ] = None,
    api_port: Annotated[
        int | None,
        typer.Option("--api-port", min=0, max=65535, help="Of API and dashboard, 0 for any; else 8000 or the next."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print events and lines as JSON, one a line.")] = False,
) -> None:
    """Keep every customer in step, within a second of an edit, until Ctrl-C.

    Runs Dagster's code server, daemon and interface, the run workers, and the API with the dashboard, and nothing that
    has to be installed first.
    What dies or hangs is started again. Ctrl-C lets runs in hand end, and a second one does not wait for them.
    """
    settings = load_settings()
    settings.prepare_home()
    refuse_open_door(settings, settings.api_host)
    from leads_dagster.live.lines import Secrets
    from leads_dagster.live.stream import Stream, discard_output, wants_colours

    colours = wants_colours(sys.stdout, os.environ)
    secrets = Secrets(os.environ)
    stream = Stream(sys.stdout, as_json=as_json, colours=colours, hide=secrets.hidden)
    try:
        keep_up(
            settings,
            stream,
            workers=workers,
            port=port,
            api_port=api_port,
            chores=(lambda _: secrets.read_again(),),
        )
    finally:
        stream.close()
        if stream.gone.is_set():
            discard_output(sys.stdout.fileno())


def keep_up(
    settings: Settings,
    stream: Stream,
    *,
    workers: int | None = None,
    port: int | None = None,
    api_port: int | None = None,
    chores: Sequence[Chore] = (),
) -> None:
    """Run the live system until Ctrl-C or SIGTERM; `leads demo` does so, too.

    Args:
        workers, port, api_port: as the options of `leads up`.
        chores: done once a second, beside following leads.toml.

    Raises:
        LeadsError: as `live.system.serve` does.
    """
    from leads_dagster.live.following import Following
    from leads_dagster.live.system import serve

    serve(
        settings.home,
        lambda: _parts(settings, stream, workers=workers, port=port, api_port=api_port),
        stream,
        make_chores=lambda: (Following(settings, stream), *chores),
    )


def _parts(
    settings: Settings, stream: Stream, *, workers: int | None, port: int | None, api_port: int | None
) -> list[Part]:
    """The parts, and on disk what they read when they start."""
    from leads_dagster.live.parts import live_parts, write_workspace
    from leads_dagster.orchestration.live.home import prepare_live_home

    web = _web_port(settings, stream, port)
    api = _api_port(settings, stream, api_port)
    prepare_live_home(settings)
    write_workspace(settings.home)
    return live_parts(
        settings.home,
        workers=workers or settings.workers,
        host=settings.web_host,
        port=web,
        api_host=settings.api_host,
        api_port=api,
    )


def _web_port(settings: Settings, stream: Stream, port: int | None) -> int:
    from leads_dagster.live.ports import DEFAULT_WEB_PORT, choose_port

    asked = settings.web_port if port is None else port
    chosen = choose_port(settings.web_host, asked)
    if asked is None and chosen != DEFAULT_WEB_PORT:
        stream.tell("port", f"Port {DEFAULT_WEB_PORT} is taken, so the interface is at {chosen}.", port=chosen)
    return chosen


def _api_port(settings: Settings, stream: Stream, port: int | None) -> int:
    from leads_dagster.live.ports import DEFAULT_API_PORT, choose_port

    asked = settings.api_port if port is None else port
    chosen = choose_port(settings.api_host, asked, default=DEFAULT_API_PORT, setting="LEADS_API")
    if asked is None and chosen != DEFAULT_API_PORT:
        stream.tell("port", f"Port {DEFAULT_API_PORT} is taken, so API and dashboard are at {chosen}.", port=chosen)
    return chosen
