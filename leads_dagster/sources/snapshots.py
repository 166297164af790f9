"""The raw bytes of sheets as they were fetched, each content once, on disk.

What belongs here: putting bytes away safely and giving the same bytes back. Which snapshot is of which sheet and
run, the store knows.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from leads_dagster.errors import NotFoundError, StoreError
from leads_dagster.sources.fetched import checksum_of

SUFFIX = ".csv"
FOLDER_MODE = 0o700
# A temporary file this old was left by a process that died.
STALE_SECONDS = 3600.0

_CHECKSUM = re.compile(r"^[0-9a-f]{32}$")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Bytes put away: their xxh3_128 in hex, the file, and how many they are."""

    checksum: str
    path: Path
    bytes: int


class SnapshotStore:
    """A folder of raw bytes, named by their checksum (`ab/abcdef….csv`); only this user may read it.

    Safe for several processes at once: a file appears whole or not at all.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes, *, checksum: str = "") -> Snapshot:
        """Put bytes away; the same bytes a second time only count as new again (see `prune`).

        Args:
            checksum: of `data`, if it is known already.

        Raises:
            StoreError: disk full, no permission.
        """
        name = checksum or checksum_of(data)
        path = self._path(name)
        try:
            if path.exists() and path.stat().st_size == len(data):
                os.utime(path)
            else:
                _write_whole(path, data)
        except OSError as error:
            raise _typed(error, self.folder) from error
        return Snapshot(name, path, len(data))

    def has(self, checksum: str) -> bool:
        """Whether `get` would find it."""
        return self._path(checksum).is_file()

    def get(self, checksum: str) -> bytes:
        """The bytes of a checksum.

        Raises:
            NotFoundError: not kept, or no longer.
            StoreError: the file is damaged or not readable.
        """
        try:
            data = self._path(checksum).read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(f"No snapshot {checksum} is kept.") from error
        except OSError as error:
            raise _typed(error, self.folder) from error
        if checksum_of(data) != checksum:
            raise StoreError(
                f"The snapshot {checksum} is damaged.",
                advice=f"Delete {self._path(checksum)} and fetch the sheet again.",
            )
        return data

    def prune(self, keep: Collection[str] = (), *, newest: int = 0) -> int:
        """Delete all snapshots but those named in `keep` and the `newest` ones; returns how many went."""
        try:
            files = sorted(self.folder.glob(f"??/*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
            going = [path for path in files[newest:] if path.stem not in keep]
            for path in [*going, *self._left_over()]:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise _typed(error, self.folder) from error
        return len(going)

    def _left_over(self) -> list[Path]:
        before = time.time() - STALE_SECONDS
        return [path for path in self.folder.glob("??/.*.part") if path.stat().st_mtime < before]

    def _path(self, checksum: str) -> Path:
        if not _CHECKSUM.match(checksum):
            raise NotFoundError(f"{checksum!r} is not the checksum of a snapshot.")
        return self.folder / checksum[:2] / f"{checksum}{SUFFIX}"


def _write_whole(path: Path, data: bytes) -> None:
    """Write beside the goal, flush to disk, then rename: after a crash there is the whole file or none."""
    path.parent.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    path.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")  # mkstemp gives mode 600
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _typed(error: OSError, folder: Path) -> StoreError:
    if error.errno in _FULL:
        return StoreError(
            f"There is no room left for the sheet's snapshot in {folder}.",
            advice="Free some space on the disk, or set LEADS_HOME to another one; nothing was half-written.",
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return StoreError(f"{folder} may not be written to.", advice="Give this user the folder, or set LEADS_HOME.")
    return StoreError(f"The snapshots in {folder} cannot be used: {error.strerror or error}.")
