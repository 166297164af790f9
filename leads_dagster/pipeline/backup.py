"""Backups as people and the schedule ask for them: make, list, verify, encrypt anew, prune.

What belongs here: the use cases around `store.backup`. Restoring is `pipeline.recovery`'s.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from leads_dagster.errors import NotFoundError
from leads_dagster.settings import Settings
from leads_dagster.store.backup import Backups, Progress, open_backups
from leads_dagster.store.backup_manifest import Manifest, Reason
from leads_dagster.store.damage import clear_damage, damage_remembered, mark_damaged, refuse_damaged


@dataclass(frozen=True)
class BackupResult:
    """What making a backup came to.

    Attributes:
        name: of the new backup.
        bytes: of its file.
        rows: of all tables.
        seconds: wall time, verifying and pruning included.
        kept: how many backups there are now.
        pruned: names of those that had their time.
        encrypted, verified: of the new one.
    """

    name: str
    bytes: int
    rows: int
    seconds: float
    kept: int
    pruned: tuple[str, ...]
    encrypted: bool
    verified: bool

    def as_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return asdict(self)


def create(
    settings: Settings, *, reason: Reason = "asked", verify: bool = True, progress: Progress | None = None
) -> BackupResult:
    """Make one backup, verify it and prune the old ones.

    Args:
        settings: of the process.
        reason: why; shown in the list.
        verify: restore it on trial before it counts.
        progress: told percent and words.

    Raises:
        StoreDamagedError: the database is damaged, which is remembered; the backups are as they were.
        NotFoundError: there is no database yet.
        StoreError, StoreBusyError, CredentialsError: it could not be made or proved to be no good.
    """
    started = time.monotonic()
    backups = open_existing(settings)
    with damage_remembered(settings):
        made = backups.make(reason, verify=verify, progress=progress)
    pruned = backups.prune(datetime.now(timezone.utc))
    return BackupResult(
        name=made.name,
        bytes=made.size_bytes,
        rows=made.contents.rows,
        seconds=round(time.monotonic() - started, 3),
        kept=len(backups.folder.listed().manifests),
        pruned=tuple(one.name for one in pruned),
        encrypted=made.encrypted,
        verified=made.verified_at is not None,
    )


def open_existing(settings: Settings) -> Backups:
    """The backups of a database that is there and not known to be damaged.

    Raises:
        StoreDamagedError: it is damaged, or gone while backups of it exist.
        NotFoundError: there is none yet.
    """
    refuse_damaged(settings)
    backups = open_backups(settings)
    if backups.database.is_empty():
        raise NotFoundError("There is no lead database yet to be backed up.", advice="`leads sync` makes one.")
    return backups


def list_(settings: Settings) -> dict[str, Any]:
    """The backups, newest first, and what is wrong with files that look like one."""
    found = open_backups(settings).folder.listed()
    return {
        "folder": str(settings.backup_folder),
        "backups": [manifest.facts() for manifest in found.manifests],
        "faults": list(found.faults),
    }


def verify(settings: Settings, name: str | None = None, *, progress: Progress | None = None) -> dict[str, Any]:
    """Restore a backup on trial and compare; the newest, where none is named.

    Raises:
        NotFoundError: there is no such backup.
        StoreError, CredentialsError: it is damaged, or its key is missing.
    """
    backups = open_backups(settings)
    return backups.verify(name or _newest(backups).name, progress=progress).facts()


def _newest(backups: Backups) -> Manifest:
    manifests = backups.folder.listed().manifests
    if not manifests:
        raise NotFoundError(f"There is no backup in {backups.folder.path}.", advice="`leads backup create` makes one.")
    return manifests[0]


def verify_live(settings: Settings) -> dict[str, Any]:
    """Read the whole database in use and say what is wrong with it; what was remembered of it is put right.

    Raises:
        NotFoundError: there is no database yet.
        StoreError, StoreBusyError: it cannot be read.
    """
    backups = open_backups(settings)
    if backups.database.is_empty():
        raise NotFoundError("There is no lead database to be checked.", advice="`leads sync` makes one.")
    faults = backups.database.faults()
    if faults:
        mark_damaged(settings, "; ".join(faults[:5]))
    else:
        clear_damage(settings)
    return {"database": backups.address, "healthy": not faults, "faults": faults}


def rotate(settings: Settings, *, progress: Progress | None = None) -> list[dict[str, Any]]:
    """Encrypt every backup with the newest key; those that were changed.

    Raises:
        CredentialsError: there is no key, or one that a backup needs is missing.
        StoreError: backups are damaged: these are left as they are, all others are done.
    """
    return [manifest.facts() for manifest in open_backups(settings).rotate(progress=progress)]
