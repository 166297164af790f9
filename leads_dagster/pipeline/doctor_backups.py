"""The doctor's look at the lead database as a whole, and at its backups.

What belongs here: findings about them; nothing is changed but the marker of a damage that is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from leads_dagster.pipeline.finding import Finding
from leads_dagster.settings import Settings
from leads_dagster.store.backup import Backups, open_backups
from leads_dagster.store.backup_keys import backup_keys
from leads_dagster.store.damage import known_damage, mark_damaged, refuse_damaged, sqlite_path

_OLD = timedelta(days=2)
_RESTORE = "leads backup restore --latest"


def check_integrity(settings: Settings) -> Iterator[Finding]:
    """The whole lead database can be read; an SQLite file is read from end to end.

    Raises:
        StoreDamagedError: it is marked as damaged, cut off or gone.
    """
    path = sqlite_path(settings)
    if known_damage(settings) is None and path is not None and path.exists() and path.stat().st_size:
        faults = open_backups(settings).database.faults()
        if faults:
            mark_damaged(settings, faults[0])
            yield Finding("integrity", "fail", f"{path} is damaged: {faults[0]}", _RESTORE)
            return
    refuse_damaged(settings)
    yield Finding("integrity", "ok", "no damage found")


def check_backups(settings: Settings) -> Iterator[Finding]:
    """There is a backup, it is not old, and its key is at hand.

    Raises:
        CredentialsError: the file of the keys cannot be read.
    """
    path = sqlite_path(settings)
    if path is not None and not path.exists():
        return
    backups = open_backups(settings)
    listed = backups.folder.listed()
    for fault in listed.faults:
        yield Finding("backups", "warn", fault, "Remove it, or bring back what is missing.")
    if not listed.manifests:
        yield Finding("backups", "warn", f"There is none in {backups.folder.path}.", "leads backup create")
        return
    yield _newest(backups, settings)


def _newest(backups: Backups, settings: Settings) -> Finding:
    newest = backups.folder.listed().manifests[0]
    backup_keys(settings).check(newest.key_id, newest.name)
    age = datetime.now(timezone.utc) - newest.created_at
    said = f"{newest.name}, {age.total_seconds() / 3600:.0f} h old"
    if age > _OLD:
        return Finding("backups", "warn", said, "leads backup create; see that Dagster's backup_schedule runs.")
    if newest.verified_at is None:
        return Finding("backups", "warn", f"{said}, not verified", "leads backup verify")
    return Finding("backups", "ok", said)
