"""The originals of migrated files: packed copies under $LEADS_HOME/migrations, and how long they are kept.

What belongs here: copying, finding and pruning. A copy is whole or not there, and is of the bytes that were surveyed.
"""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import tempfile
from collections.abc import Collection
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import xxhash

from leads_dagster.errors import ServiceUnavailableError, StoreError

logger = logging.getLogger(__name__)

KEPT_DAYS = 30
_FOLDER = "migrations"
_ORIGINALS = "originals"
_PART_BYTES = 1 << 20


class Archive:
    """The originals of one migration.

    Args:
        home: the state folder.
        migration_id: names the folder.
    """

    def __init__(self, home: Path, migration_id: str) -> None:
        self._home, self._migration_id = home, migration_id
        self.folder = home / _FOLDER / migration_id / _ORIGINALS

    def put(self, path: Path, checksum: str) -> Path:
        """Pack a file away; one that is there already stays.

        Raises:
            ServiceUnavailableError: its bytes are not those of the checksum any more.
            StoreError: no room, or no permission.
        """
        target = self.path_of(path, checksum)
        if target.exists():
            return target
        try:
            migration_folder(self._home, self._migration_id)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            _pack(path, target, checksum)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be copied to {self.folder}: {error.strerror or error}.",
                advice="Check the room and the mode of the state folder; nothing was migrated.",
            ) from error
        return target

    def path_of(self, path: Path, checksum: str) -> Path:
        """Where the copy of a file is, or would be: its name, told from others of that name by its checksum."""
        name = path.name if path.suffix.lower() == ".gz" else f"{path.name}.gz"
        return self.folder / f"{checksum[:8]}-{name[-150:]}"


def migration_folder(home: Path, migration_id: str) -> Path:
    """The folder of one migration, made where it is not there."""
    folder = home / _FOLDER / migration_id
    for one in (folder.parent, folder):
        one.mkdir(mode=0o700, exist_ok=True)
    return folder


def _pack(path: Path, target: Path, checksum: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")  # mkstemp gives mode 600
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            found = _copy(path, raw)
            raw.flush()
            os.fsync(raw.fileno())
        if found != checksum:
            raise ServiceUnavailableError(
                f"{path} changed while it was read.", advice="Migrate it when it is complete."
            )
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _copy(path: Path, target: IO[bytes]) -> str:
    """Copy a file, packed unless it is so already; returns the checksum of the bytes that were read."""
    digest = xxhash.xxh3_128()
    packed = path.suffix.lower() == ".gz"
    with path.open("rb") as source, nullcontext(target) if packed else gzip.open(target, "wb", 6) as out:
        while part := source.read(_PART_BYTES):
            digest.update(part)
            out.write(part)
    return digest.hexdigest()


def prune(home: Path, *, before: datetime, keep: Collection[str] = ()) -> list[str]:
    """Remove the originals of migrations older than `before`; returns their ids."""
    root = home / _FOLDER
    gone = []
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        if folder.name in keep or not folder.is_dir() or folder.stat().st_mtime >= before.timestamp():
            continue
        try:
            shutil.rmtree(folder)
            gone.append(folder.name)
        except OSError as error:  # tidying up; the next migration tries again
            logger.warning("The originals in %s could not be removed: %s", folder, error.strerror)
    return gone


def oldest_kept(now: datetime) -> datetime:
    """Originals of before this time may go."""
    return now - timedelta(days=KEPT_DAYS)
