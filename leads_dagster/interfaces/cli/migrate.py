"""`leads migrate`: JSON files into the store, what came of it, and back out again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, examples
from leads_dagster.interfaces.cli.render import print_facts, print_table, printable, show

if TYPE_CHECKING:
    from rich.console import Console

_LISTED = {
    "migration_id": "migration", "status": "status", "path": "file", "position": "records", "started_at": "started",
    "finished_at": "finished",
}  # fmt: skip
_STATES = ("read", "created", "updated", "unchanged", "merged", "quarantined")
_FAULTS_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "migrate",
        epilog=examples(
            "leads migrate export.json --dry-run",
            "leads migrate export.json old/",
            "leads migrate --list",
            "leads migrate --rollback m20260401120000-3fa2b1",
        ),
    )(migrate)


def migrate(  # noqa: PLR0917  # Typer passes options by name
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH…", help="JSON or JSON Lines files, packed ones too, and folders."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come of it; write nothing.")] = False,
    rollback: Annotated[
        str | None, typer.Option("--rollback", metavar="ID", help="Take a migration back; edited leads stay.")
    ] = None,
    as_list: Annotated[bool, typer.Option("--list", help="List the files migrated so far.")] = False,
    customer: Customer = None,
    as_json: Json = False,
) -> int:
    """Bring JSON files into the lead database, each record by the same road as a row of the sheet.

    Reads lists, JSON Lines, and wrapped, paged and nested exports. The database and the files are backed up first; the
    same command goes on where a migration was interrupted. Records that cannot be leads are listed, and kept in
    quarantine.
    """
    _check_arguments(paths, rollback, as_list=as_list, dry_run=dry_run)
    if as_list:
        return _list(customer, as_json=as_json)
    if rollback is not None:
        return _roll_back(rollback, customer, as_json=as_json)
    return _migrate(paths or [], customer, dry_run=dry_run, as_json=as_json)


def _check_arguments(paths: list[Path] | None, rollback: str | None, *, as_list: bool, dry_run: bool) -> None:
    asked = sum((bool(paths), rollback is not None, as_list))
    if asked == 1 and not (dry_run and not paths):
        return
    if asked == 0:
        raise SettingsError("There is no file to migrate.", advice="Name JSON files or folders, or say --list.")
    raise SettingsError("PATH, --rollback and --list each go alone.", advice="--dry-run goes with PATH only.")


def _list(customer: str | None, *, as_json: bool) -> int:
    from leads_dagster.pipeline.migrate_log import list_

    with opened(customer) as workspace:
        show(list_(workspace), as_json=as_json, render=_render_list)
    return 0


def _roll_back(migration: str, customer: str | None, *, as_json: bool) -> int:
    from leads_dagster.pipeline.migrate_log import rollback

    with opened(customer) as workspace:
        show(rollback(workspace, migration), as_json=as_json, render=print_facts)
    return 0


def _migrate(paths: list[Path], customer: str | None, *, dry_run: bool, as_json: bool) -> int:
    from leads_dagster.interfaces.cli.progress import progress_bar
    from leads_dagster.pipeline.migrate import migrate as bring_in

    with opened(customer) as workspace, progress_bar() as progress:
        workspace.progress = progress
        facts = bring_in(workspace, paths, dry_run=dry_run).as_dict()
    show(facts, as_json=as_json, render=_render)
    return 1 if facts["status"] == "failed" else 0


def _render_list(console: Console, rows: list[dict[str, Any]]) -> None:
    print_table(console, rows, _LISTED, empty="No JSON file was migrated yet.")


def _render(console: Console, facts: dict[str, Any]) -> None:
    rows = [{"path": file["path"], "status": file["status"], **file.get("rows", {})} for file in facts["files"]]
    columns = {"path": "file", "status": "status", **{state: state for state in _STATES}}
    print_table(console, rows, columns, empty="No file.")
    for file in facts["files"]:
        for line in _remarks(file):
            console.print(printable(f"{file['path']}: {line}"), soft_wrap=True)
    for why, number in facts["left_out"].items():
        console.print(f"Left out: {number:,} {why}", soft_wrap=True)
    console.print(_closing(facts), soft_wrap=True)


def _remarks(file: dict[str, Any]) -> list[str]:
    """What a person should know of a file beyond its numbers."""
    found = [file["error"]] if file["error"] else []
    found += [file["breaks_off"]] if file.get("breaks_off") else []
    faults = file.get("faults", [])
    found += [_fault_words(one) for one in faults[:_FAULTS_SHOWN]]
    more = file.get("rows", {}).get("quarantined", 0) - len(faults[:_FAULTS_SHOWN])
    found += [f"and {more:,} more in quarantine: `leads quarantine`"] if more > 0 else []
    defaulted = file.get("defaulted", {})
    for field, number in file.get("missing", {}).items():
        filled = f"; {defaulted[field]:,} got the file's name" if field in defaulted else ""
        found.append(f"warning: {number:,} record{'' if number == 1 else 's'} without {field}{filled}")
    return found


def _closing(facts: dict[str, Any]) -> str:
    identity = facts["migration_id"]
    if facts["dry_run"]:
        return "This was a dry run: nothing was written."
    if identity is None:
        return "Nothing was written."
    resumed = ", taken up where it was interrupted" if facts["resumed"] else ""
    return f"Migration {identity}{resumed}. Take it back with: leads migrate --rollback {identity}"


def _fault_words(fault: dict[str, Any]) -> str:
    return f"record {fault['record']} (line {fault['line']}): {fault['message']} {fault['suggestion']}".strip()
