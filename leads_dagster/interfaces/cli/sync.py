"""`leads sync`: one cycle, or one after the other until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from leads_dagster.customers import PLAN_CALLS_A_MONTH, CustomerSettings
from leads_dagster.errors import LeadsError, SettingsError, TransientError
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, examples
from leads_dagster.settings import Settings, customer_named, load_settings
from leads_dagster.sources.sheet_address import parse_sheet
from leads_dagster.stopping import stop_signals

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from leads_dagster.pipeline.watching import Watcher
    from leads_dagster.pipeline.watching_airtable import AirtableWatcher

ROW_OUTCOMES = ("read", "created", "updated", "unchanged", "merged", "quarantined", "held", "removed")

_DEFAULT_INTERVAL_SECONDS = 300.0
_COSTLY_INTERVAL_SECONDS = 5.0
_MINUTE_SECONDS = 60.0
_LOOK_SECONDS = 1.0  # after which Airtable's turn is looked for


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "sync",
        epilog=examples(
            "leads sync",
            "leads sync --sheet leads.csv",
            "leads sync --customer acme --json",
            "leads sync --watch --interval 60",
            "leads sync --full",
        ),
    )(sync)


def sync(  # noqa: PLR0917  # Typer passes options by name
    customer: Customer = None,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="PATH_OR_URL", help="Read this sheet instead of the customer's.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep going until Ctrl-C.")] = False,
    interval: Annotated[
        float | None, typer.Option("--interval", metavar="S", min=1, help="Seconds between looks; 300 if not said.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Compare sheet, store, CRM and Airtable as a whole, and mend what differs.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Bring the sheet into the lead database, the CRM and Airtable.

    Runs one cycle through the Dagster job in this process. Rows in quarantine and parked plans are no failure; look
    at them with `leads quarantine` and `leads holds`.
    """
    if interval is not None and not watch:
        raise SettingsError("--interval says how often --watch looks.", advice="Add --watch, or leave it out.")
    if full and watch:
        raise SettingsError("--full is for one sync.", advice="Leave --watch out; the live system compares by itself.")
    settings = load_settings()
    chosen = customer_named(settings, customer)
    if sheet is not None:
        chosen = chosen.with_sheet(sheet, folder=Path.cwd())

    cycle = _Cycle(settings, chosen, sheet=chosen.sheet if sheet is not None else None, full=full)
    if watch:
        return _watch(cycle, seconds=interval or _DEFAULT_INTERVAL_SECONDS, as_json=as_json)
    facts = cycle()
    _show(facts, as_json=as_json)
    _say_if_paused(settings, chosen.name)
    return 1 if facts["status"] == "failed" else 0


def failed_facts(error: LeadsError) -> dict[str, Any]:
    """What `--json` prints for a cycle that ended in an error, or could not even begin."""
    return {
        "customer": error.context.get("customer"),
        "run_id": None,
        "status": "failed",
        "rows": dict.fromkeys(ROW_OUTCOMES, 0),
        "seconds": 0.0,
        "error": str(error),
    }


@dataclass(frozen=True)
class _Cycle:
    """One cycle of one customer, to be called as often as it is wanted.

    Attributes:
        sheet: read in place of the customer's own; None for its own.
        full: compare everything before.
    """

    settings: Settings
    customer: CustomerSettings
    sheet: str | None = None
    full: bool = False

    def __call__(self, instance: DagsterInstance | None = None) -> dict[str, Any]:
        """What the cycle did, as `--json` prints it.

        Raises:
            LeadsError: it could not begin.
        """
        from leads_dagster.interfaces.cli.progress import progress_bar

        try:
            parse_sheet(self.customer.sheet)  # one that cannot be read is a wrong argument: said before Dagster loads
            from leads_dagster.orchestration.launch import sync_once

            with progress_bar() as progress:
                done = sync_once(
                    self.settings,
                    self.customer.name,
                    sheet=self.sheet,
                    progress=progress,
                    instance=instance,
                    paced=instance is not None,  # one of a watch
                    full=self.full,
                )
            return done.as_dict()
        except LeadsError as error:
            error.context.setdefault("customer", self.customer.name)
            raise


def _watch(cycle: _Cycle, *, seconds: float, as_json: bool) -> NoReturn:
    """One cycle, and then one whenever a look gives reason for it; a sheet that did not change costs a look.

    A cycle that failed is tried again, whatever the reason: a sheet half edited, or not shared for an hour, is mended.
    The watch ends where a cycle cannot even begin, for settings that are wrong or a database that refuses for good.
    """
    from leads_dagster.orchestration.instance import open_instance

    if warning := cost_of_looking(seconds, cycle.customer):
        typer.echo(warning, err=True)
    with _stop_politely() as raise_if_forgotten, open_instance(cycle.settings) as instance:
        _show_cycle(cycle, instance, as_json=as_json)
        with closing(_watcher(cycle, seconds)) as watcher, closing(_airtable(watcher)) as tables:
            each_minute = _Minutes(cycle.settings)
            while True:
                raise_if_forgotten()
                each_minute()
                if tables.watch(0) or watcher.watch(min(seconds, _LOOK_SECONDS)):
                    _show_cycle(cycle, instance, as_json=as_json)
                    watcher.settle(cycle.customer.name)


class _Minutes:
    """What a schedule of the live system does each minute: lines of freshness are added up, and old ones dropped."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._due = time.monotonic()

    def __call__(self) -> None:
        """Do it where a minute has passed; a database that is busy is left for the next one."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _MINUTE_SECONDS
        from leads_dagster.pipeline.vouching import each_minute

        with suppress(TransientError):
            each_minute(self._settings, now=datetime.now(timezone.utc))


def _show_cycle(cycle: _Cycle, instance: DagsterInstance, *, as_json: bool) -> None:
    try:
        facts = cycle(instance)
    except TransientError as error:
        facts = failed_facts(error)
    _show(facts, as_json=as_json)


def _watcher(cycle: _Cycle, seconds: float) -> Watcher:
    from leads_dagster.pipeline.watching import Watcher

    customer = replace(cycle.customer, interval_seconds=seconds, idle_interval_seconds=None)
    return Watcher(replace(cycle.settings, customers=(customer,)), follows_file=False)


def _airtable(watcher: Watcher) -> AirtableWatcher:
    from leads_dagster.pipeline.watching_airtable import AirtableWatcher

    return AirtableWatcher(watcher)


def _say_if_paused(settings: Settings, name: str) -> None:
    from leads_dagster.pipeline.pausing import paused_words

    with opened(name) as workspace:
        if words := paused_words(workspace):
            typer.echo(words, err=True)


@contextmanager
def _stop_politely() -> Iterator[Callable[[], None]]:
    """SIGTERM ends a watch as Ctrl-C does: the running transaction is rolled back, and that is said."""
    try:
        with stop_signals() as raise_if_forgotten:
            yield raise_if_forgotten
    except KeyboardInterrupt:
        typer.echo("Stopped; what was written stays, what was not comes with the next sync.", err=True)
        raise


def cost_of_looking(seconds: float, customer: CustomerSettings) -> str | None:
    """What looking every so many seconds takes out of the services' quotas; None where it is no matter."""
    if seconds > _COSTLY_INTERVAL_SECONDS:
        return None
    looks = 60 / seconds
    return (
        f"A look every {seconds:g} s is {looks:.0f} a minute and {looks * 1440:,.0f} a day. Google allows a user 60 "
        f"Sheets reads a minute and refuses more{_airtable_cost(customer)}."
    )


def _airtable_cost(customer: CustomerSettings) -> str:
    calls = PLAN_CALLS_A_MONTH[customer.airtable.plan] if customer.airtable else None
    if customer.airtable is None or calls is None:
        return ""
    return (
        f"; Airtable's {customer.airtable.plan} plan has {calls:,} calls a month, used by every look that finds edits"
    )


def _show(facts: dict[str, Any], *, as_json: bool) -> None:
    """One cycle: a line of JSON, or a few lines of words; on stderr what went wrong."""
    from leads_dagster.interfaces.cli.render import emit_json_line

    if as_json:
        emit_json_line(facts)
        return
    rows = facts["rows"]
    typer.echo(
        f"{facts['customer'] or 'sync'}: {facts['status']} in {facts['seconds']:.1f} s (run {facts['run_id'] or '-'})"
    )
    if facts["error"]:
        typer.echo(f"leads: {facts['error']}", err=True)
    if facts["status"] in ("done", "held"):
        typer.echo("  " + ", ".join(f"{rows[name]} {name}" for name in ROW_OUTCOMES))
    if rows["quarantined"]:
        typer.echo("  Rows in quarantine, with what would mend them: leads quarantine")
    if rows["held"] or facts["status"] == "held":
        typer.echo("  A plan waits for approval: leads holds")
