"""The folder of the backups: which there are, new names, and files that appear whole or not at all.

What belongs here: files. What is in them is `backup_stream`'s and the databases' business.

A backup is written under a name that begins with a dot, synced, renamed; then its manifest the same way. It is listed
only by its manifest, so that whatever a killed process leaves behind is never taken for a backup.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from leads_dagster.errors import NotFoundError, StoreBusyError, StoreError
from leads_dagster.store.backup_manifest import MANIFEST_SUFFIX, Manifest, manifest_from

PARTIAL = ".partial-"
LOCK_WAIT_SECONDS = 600.0


@dataclass(frozen=True)
class Listed:
    """What the folder holds.

    Attributes:
        manifests: of the backups, newest first.
        faults: what is wrong with others, in words.
    """

    manifests: tuple[Manifest, ...]
    faults: tuple[str, ...] = ()


class BackupFolder:
    """The backups in one folder, which need not be there yet.

    Args:
        path: of the folder; made with mode 700 when something is first written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from writing here, over all processes; what a killed one left half written is removed.

        Raises:
            StoreBusyError: another backup took longer than ten minutes.
            StoreError: the folder cannot be made.
        """
        with file_faults(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock", timeout=LOCK_WAIT_SECONDS, mode=0o600)
            try:
                lock.acquire()
            except Timeout as error:
                raise StoreBusyError("Another backup is still running.", advice="Wait for it.") from error
        try:
            for left in self.path.glob(f"{PARTIAL}*"):
                left.unlink(missing_ok=True)
            yield
        finally:
            lock.release()

    def listed(self) -> Listed:
        """Every backup, and what looks like one and is not."""
        manifests: list[Manifest] = []
        faults: list[str] = []
        for path in sorted(self.path.glob(f"*{MANIFEST_SUFFIX}")):
            try:
                manifest = manifest_from(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                faults.append(f"{path.name} cannot be read: {error}")
                continue
            fault = self._fault(manifest)
            if fault is None:
                manifests.append(manifest)
            else:
                faults.append(fault)
        newest_first = sorted(manifests, key=lambda one: (one.created_at, one.name), reverse=True)
        return Listed(tuple(newest_first), tuple(faults))

    def _fault(self, manifest: Manifest) -> str | None:
        path = self.file(manifest)
        if not path.is_file():
            return f"{manifest.name} is missing, its manifest is there"
        size = path.stat().st_size
        return None if size == manifest.size_bytes else f"{manifest.name} has {size} bytes, not {manifest.size_bytes}"

    def find(self, name: str) -> Manifest:
        """The backup of that name; a path into this folder will do.

        Raises:
            NotFoundError: there is none.
        """
        wanted = Path(name).name
        found = next((one for one in self.listed().manifests if one.name == wanted), None)
        if found is None:
            raise NotFoundError(f"There is no backup {wanted} in {self.path}.", advice="`leads backup list` shows all.")
        return found

    def file(self, manifest: Manifest) -> Path:
        """Where a backup lies."""
        return self.path / manifest.name

    def new_name(self, at: datetime, suffix: str) -> str:
        """A name that no other backup has; asked while the folder is locked."""
        stem = f"leads-{at:%Y%m%dT%H%M%SZ}"
        number, name = 1, f"{stem}{suffix}"
        while (self.path / name).exists() or self._manifest_path(name).exists():
            number += 1
            name = f"{stem}-{number}{suffix}"
        return name

    @contextmanager
    def partial(self, name: str) -> Iterator[Path]:
        """A private file to write to, gone at the end unless it was published."""
        path = self.path / f"{PARTIAL}{name}"
        with file_faults(path):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def publish(self, partial: Path, manifest: Manifest) -> None:
        """Make a written file a backup."""
        with file_faults(self.path):
            sync_file(partial)
            partial.replace(self.file(manifest))
            self.write_manifest(manifest)

    def write_manifest(self, manifest: Manifest) -> None:
        """Write or replace a manifest, whole or not at all."""
        path = self._manifest_path(manifest.name)
        partial = self.path / f"{PARTIAL}{path.name}"
        with file_faults(path):
            handle = os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(manifest.to_json())
            sync_file(partial)
            partial.replace(path)
            sync_folder(self.path)

    def remove(self, manifest: Manifest) -> None:
        """Remove a backup: first it stops being listed, then it goes."""
        with file_faults(self.path):
            self._manifest_path(manifest.name).unlink(missing_ok=True)
            self.file(manifest).unlink(missing_ok=True)

    def _manifest_path(self, name: str) -> Path:
        return self.path / f"{name}{MANIFEST_SUFFIX}"


@contextmanager
def file_faults(path: Path) -> Iterator[None]:
    """Turn the system's errors about files into ours.

    Raises:
        StoreError: the disk is full, a quota is spent, rights are missing.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{error.filename or path} cannot be written: {error.strerror or error}.",
            advice="Check space, owner and mode; the backups that were there are as they were.",
        ) from error


def sync_file(path: Path) -> None:
    """See that a file is on the disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """See that a folder's entries are on the disk."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
