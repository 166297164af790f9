"""`leads trigger`: one cycle now, by the live system where it runs."""

from __future__ import annotations

from typing import Any

import typer

from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, examples
from leads_dagster.interfaces.cli.render import print_facts, show
from leads_dagster.settings import Settings, customer_named, load_settings


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("trigger", epilog=examples("leads trigger", "leads trigger --customer acme --json"))(trigger)


def trigger(customer: Customer = None, as_json: Json = False) -> int:
    """Ask for a cycle now.

    Where `leads up` runs, it starts the cycle within the second; else this process runs one, as `leads sync` does.
    """
    settings = load_settings()
    name = customer_named(settings, customer).name
    facts = _asked(settings, name) or _run(settings, name)
    show(facts, as_json=as_json, render=print_facts)
    return 1 if facts.get("error") else 0


def _asked(settings: Settings, name: str) -> dict[str, Any] | None:
    """What the live system was asked for; None where none runs.

    Raises:
        ConflictError: the customer is paused.
    """
    from leads_dagster.live.presence import who_runs
    from leads_dagster.pipeline import pausing

    with opened(name) as workspace:
        pausing.refuse_paused(workspace)
        if not (who_runs(settings.home) or {}).get("running"):
            return None
        status = "started" if pausing.ask(workspace) else "already_running"
    return {"customer": name, "runId": None, "status": status}


def _run(settings: Settings, name: str) -> dict[str, Any]:
    from leads_dagster.interfaces.cli.progress import progress_bar
    from leads_dagster.orchestration.launch import sync_once

    try:
        with progress_bar() as progress:
            done = sync_once(settings, name, progress=progress)
    except LeadsError as error:
        error.context.setdefault("customer", name)
        raise
    return {"customer": name, "runId": done.run_id, "status": "started", "result": done.status, "error": done.error}
