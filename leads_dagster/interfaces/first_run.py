"""`make run`: the whole road once, with nothing but this machine.

Starts the offline twin, syncs the sample sheet through Dagster into the lead database, the CRM database and the twin's
Airtable, says what happened and what to try next, and stops the twin. State is kept, so that a second run finds
nothing to do.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from leads_dagster.customers import sample_sheet
from leads_dagster.errors import LeadsError, SettingsError
from leads_dagster.interfaces.cli.edge import prepare_process, say_error
from leads_dagster.interfaces.cli.progress import progress_bar
from leads_dagster.interfaces.cli.render import console, print_table, printable
from leads_dagster.settings import Settings, load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from leads_dagster.pipeline.result import SyncResult

CUSTOMER = "default"
TWIN_BASE = "appLeadsSandbox01"
SHEETS_FOLDER = "sheets"
STATE_FOLDER = "sandbox"

_CONFIG = f"""\
# Written by `make run` for a trial with the offline twin. For your own sheet and base, change the four values below
# and set AIRTABLE_API_KEY; every key is in docs/configuration.md.
[[customers]]
name = "{CUSTOMER}"
sheet = "{SHEETS_FOLDER}/leads.csv"   # or a Google Sheets link, or any CSV address

[customers.airtable]
base_id = "{TWIN_BASE}"
table = "Leads"
"""

_QUARANTINE_COLUMNS = {
    "row_number": "row",
    "code": "reason",
    "message": "what is wrong",
    "suggestion": "what would mend it",
}


def main() -> int:
    """Run the trial; 0 when it worked."""
    prepare_process()
    try:
        settings = _prepare()
        with _twin(settings) as environment:
            os.environ.update(environment)
            result = _sync(load_settings())
        _tell(console(), load_settings(), result)
    except LeadsError as error:
        say_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 1 if result.status == "failed" else 0


def _prepare() -> Settings:
    """The state folder with the trial's leads.toml and its copy of the sample sheet.

    Raises:
        SettingsError: there is a leads.toml that is somebody's own, which a trial must not touch.
    """
    settings = load_settings()
    home = settings.prepare_home()
    if settings.config_path is None:
        (home / "leads.toml").write_text(_CONFIG, encoding="utf-8")
        settings = load_settings()
    if not _is_trial(settings):
        raise SettingsError(
            f"{settings.config_path} is your own, and make run is a trial with the offline twin.",
            advice="Use .venv/bin/leads sync, or another folder: LEADS_HOME=.trial make run.",
        )
    sheet = Path(settings.customers[0].sheet)
    if not sheet.exists():
        sheet.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(sample_sheet(), sheet)
    return settings


def _is_trial(settings: Settings) -> bool:
    """Whether the only customer is the one that `_CONFIG` names."""
    (first, *others) = settings.customers
    return not others and first.airtable is not None and first.airtable.base_id == TWIN_BASE


@contextmanager
def _twin(settings: Settings) -> Iterator[dict[str, str]]:
    """The twin, serving; and the environment that leads to it. No real service is asked, whatever is set."""
    from leads_dagster.sandbox import Sandbox

    with Sandbox(sheets=settings.home / SHEETS_FOLDER, state=settings.home / STATE_FOLDER) as sandbox:
        yield {
            "AIRTABLE_ENDPOINT_URL": sandbox.url,
            "AIRTABLE_API_KEY": "any-token-will-do",
            "GOOGLE_SHEETS_ENDPOINT_URL": sandbox.url,
            "GOOGLE_APPLICATION_CREDENTIALS": "",
        }


def _sync(settings: Settings) -> SyncResult:
    from leads_dagster.orchestration.launch import sync_once

    typer.echo("Syncing the sample sheet through Dagster into SQLite, the CRM database and a stand-in Airtable …")
    with progress_bar() as progress:
        return sync_once(settings, CUSTOMER, sheet=None, progress=progress)


def _tell(target: Console, settings: Settings, result: SyncResult) -> None:
    """What happened, where it lies, what to do next."""
    if result.status == "failed":
        target.print(f"The sync failed after {result.seconds:.1f} s.")
        typer.echo(f"leads: {printable(result.error or '')}", err=True)  # whole: its end says what to do
        return
    _tell_rows(target, settings, result)
    target.print()
    _tell_places(target, settings)
    _tell_next(target, settings)


def _tell_rows(target: Console, settings: Settings, result: SyncResult) -> None:
    rows = result.as_dict()["rows"]
    if result.status == "unchanged":
        target.print(
            f"Nothing changed: {rows['read']} rows looked at in {result.seconds:.1f} s, "
            "nothing written to the leads, the CRM or Airtable."
        )
    else:
        target.print(f"Done in {result.seconds:.1f} s.")
        for line in _outcome_lines(rows, result.mirrors or {}):
            target.print(f"  {line}")
    if rows["quarantined"]:
        target.print(f"\nIn quarantine, until the sheet is mended ({rows['quarantined']}):")
        print_table(target, _quarantined(settings), _QUARANTINE_COLUMNS, empty="")


def _outcome_lines(rows: Mapping[str, int], mirrors: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield f"{rows['read']:>5} rows read"
    yield f"{rows['created']:>5} leads created, {rows['updated']} updated, {rows['unchanged']} rows unchanged"
    yield f"{rows['merged']:>5} rows merged into a lead that another row had made"
    yield f"{rows['quarantined']:>5} rows in quarantine, {rows['held']} held, {rows['removed']} removed"
    for name, label in (("crm", "CRM rows"), ("airtable", "Airtable records")):
        done = mirrors.get(name, {})
        written = sum(int(done.get(verb, 0)) for verb in ("created", "updated", "deleted"))
        yield f"{written:>5} {label} written in {done.get('calls', 0)} calls"


def _quarantined(settings: Settings) -> list[dict[str, Any]]:
    from leads_dagster.pipeline.quarantine import list_
    from leads_dagster.pipeline.workspace import open_workspace

    with open_workspace(settings, CUSTOMER) as workspace:
        return list_(workspace, limit=20)


def _tell_places(target: Console, settings: Settings) -> None:
    places = {
        "sheet": settings.customers[0].sheet,
        "settings": settings.config_path,
        "leads": settings.database_url.removeprefix("sqlite:///"),
        "CRM": settings.crm_url.removeprefix("sqlite:///"),
        "Airtable (twin)": settings.home / STATE_FOLDER / "airtable.json",
    }
    target.print("Where it lies")
    for name, place in places.items():
        target.print(f"  {name:<16} {_shown(place)}", soft_wrap=True)


def _tell_next(target: Console, settings: Settings) -> None:
    leads = shlex.quote(_shown(Path(sys.executable).with_name("leads")))
    dagster = shlex.quote(_shown(Path(sys.executable).with_name("dagster")))
    lines = {
        "where it stands": f"{leads} status",
        "the rows in quarantine": f"{leads} quarantine",
        "change a cell of the sheet, then": "make run",
        "your own sheet, no settings": f"LEADS_HOME=.mine {leads} sync --sheet your.csv",
        "the same within a second, all day": f"{leads} up",
        "the asset graph and its runs": f"DAGSTER_HOME={shlex.quote(str(settings.home / 'dagster'))} {dagster} dev",
    }
    target.print("What to run next")
    for purpose, command in lines.items():
        target.print(f"  {purpose:<34} {command}", soft_wrap=True)


def _shown(place: object) -> str:
    """A path as short as it can be said from here; a database URL without its password."""
    text = str(place)
    if "://" in text:
        scheme, _, rest = text.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}"
    path = Path(text)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else text


if __name__ == "__main__":
    sys.exit(main())
