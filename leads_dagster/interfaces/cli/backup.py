"""`leads backup`: make, list, verify and restore backups of the lead database, and their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.cli.completing import backups
from leads_dagster.interfaces.cli.options import Json, ListByDefault, examples
from leads_dagster.interfaces.cli.progress import progress_bar
from leads_dagster.interfaces.cli.render import console, print_facts, print_table, show
from leads_dagster.settings import Settings, load_settings

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {
    "name": "name", "created_at": "made", "reason": "reason", "size_bytes": "bytes", "leads": "leads",
    "key_id": "key", "verified_at": "verified",
}  # fmt: skip
_REPLAYED = {"customer": "customer", "status": "status", "created": "created", "updated": "updated", "error": "error"}

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]", help="A backup as the list names it; the newest if not said.", autocompletion=backups
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(cls=ListByDefault, help="Backups of the lead database: make, verify, restore.")
    group.command("list", epilog=examples("leads backup", "leads backup list --json"))(list_backups)
    group.command("create", epilog=examples("leads backup create", "leads backup create --no-verify"))(create_backup)
    group.command("verify", epilog=examples("leads backup verify", "leads backup verify --live"))(verify_backup)
    group.command(
        "restore", epilog=examples("leads backup restore --latest", "leads backup restore NAME --yes --no-sync")
    )(restore_backup)
    group.command("rotate", epilog=examples("leads backup rotate"))(rotate_backups)
    group.command("key", epilog=examples("leads backup key > backup.key"))(print_key)
    app.add_typer(group, name="backup")


def list_backups(as_json: Json = False) -> None:
    """List the backups, newest first."""
    from leads_dagster.pipeline.backup import list_

    show(list_(load_settings()), as_json=as_json, render=_render)


def create_backup(
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Restore it on trial and compare.")] = True,
    as_json: Json = False,
) -> None:
    """Make a backup while others go on writing, verify it, and prune the old ones.

    It is encrypted where LEADS_BACKUP_KEY or LEADS_BACKUP_KEY_FILE is set.
    """
    from leads_dagster.pipeline.backup import create

    with progress_bar() as progress:
        made = create(load_settings(), verify=verify, progress=progress)
    show(made.as_dict(), as_json=as_json, render=print_facts)


def verify_backup(
    name: Name = None,
    live: Annotated[bool, typer.Option("--live", help="Read the whole database in use instead.")] = False,
    as_json: Json = False,
) -> int:
    """Restore a backup into a scratch database and compare it with what was backed up.

    With --live, the database in use is read as a whole; ends with 1 where it is damaged.
    """
    from leads_dagster.pipeline.backup import verify, verify_live

    if live and name:
        raise SettingsError("--live is about the database in use.", advice="Leave out the name, or --live.")
    settings = load_settings()
    with progress_bar() as progress:
        found = verify_live(settings) if live else verify(settings, name, progress=progress)
    show(found, as_json=as_json, render=print_facts)
    return 0 if found.get("healthy", True) else 1


def restore_backup(
    name: Name = None,
    latest: Annotated[bool, typer.Option("--latest", help="The newest good one.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    sync: Annotated[bool, typer.Option("--sync/--no-sync", help="Then catch up what the sheets hold.")] = True,
    as_json: Json = False,
) -> int:
    """Put a backup in the place of the lead database.

    What is there now is kept. Afterwards every customer is synced once, which takes in what their sheets say since.
    """
    if (name is None) is not latest:
        raise SettingsError("Say which backup: a name, or --latest.", advice="`leads backup list` shows all.")
    if as_json and not yes:
        raise SettingsError("With --json nobody is asked.", advice="Add --yes if the database shall be replaced.")
    settings = load_settings()
    if not yes and not _confirmed(settings, name):
        typer.echo("Nothing was changed.", err=True)
        return 1
    from leads_dagster.pipeline.recovery import restore

    with progress_bar() as progress:
        done = restore(settings, name, replay=sync, progress=progress)
    show(done.as_dict(), as_json=as_json, render=_render_restored)
    return 0


def _confirmed(settings: Settings, name: str | None) -> bool:
    from leads_dagster.pipeline.recovery import choose

    with progress_bar() as progress:
        chosen = choose(settings, name, progress=progress)
    typer.echo(
        f"{chosen.name} is good; it is the moment {chosen.created_at:%Y-%m-%d %H:%M:%S} UTC, "
        f"with {chosen.facts()['leads']} leads.",
        err=True,
    )
    try:
        return typer.confirm("Put it in the place of the lead database?", err=True)
    except typer.Abort:
        return False


def rotate_backups(as_json: Json = False) -> None:
    """Encrypt with the newest key every backup that is not yet."""
    from leads_dagster.pipeline.backup import rotate

    with progress_bar() as progress:
        done = rotate(load_settings(), progress=progress)
    show({"rotated": done}, as_json=as_json, render=_render_rotated)


def print_key(as_json: Json = False) -> None:
    """Print a fresh key; keep it where the backups are not."""
    from leads_dagster.store.backup_keys import fresh_key

    show({"key": fresh_key()}, as_json=as_json, render=lambda target, made: target.print(made["key"]))


def _render(target: Console, found: dict[str, Any]) -> None:
    print_table(target, found["backups"], _COLUMNS, empty=f"There is no backup in {found['folder']}.")
    for fault in found["faults"]:
        console(stderr=True).print(fault, soft_wrap=True)


def _render_restored(target: Console, done: dict[str, Any]) -> None:
    backup = done["backup"]
    target.print(f"Restored {backup['name']}: {backup['leads']} leads.", soft_wrap=True)
    if done["kept_as"]:
        target.print(f"What was there before is kept as {done['kept_as']}.", soft_wrap=True)
    cycles = [{**cycle, **cycle["rows"]} for cycle in done["replayed"]]
    if cycles:
        print_table(target, cycles, _REPLAYED, empty="")
    else:
        target.print("`leads sync` takes in what the sheets say since.")


def _render_rotated(target: Console, done: dict[str, Any]) -> None:
    print_table(target, done["rotated"], _COLUMNS, empty="Every backup is encrypted with the newest key.")
