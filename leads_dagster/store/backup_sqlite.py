"""Backing up a lead database that is an SQLite file, and putting a backup in its place.

What belongs here: SQLite's side of `backup`: a consistent copy while others write, its check, the swap.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from sqlalchemy import create_engine

from leads_dagster.errors import StoreBusyError, StoreDamagedError, StoreError
from leads_dagster.store.backup_contents import read_contents
from leads_dagster.store.backup_folder import file_faults, sync_file, sync_folder
from leads_dagster.store.backup_frames import copy_stream
from leads_dagster.store.backup_manifest import Contents, DatabaseKind
from leads_dagster.store.failures import says_damaged
from leads_dagster.store.sqlite_file import BUSY_TIMEOUT_SECONDS

Share = Callable[[float], None]
_PAGES_A_STEP = 1_024
_FAULTS_SHOWN = 5
_BESIDE = ("-wal", "-shm", "-journal")


class SqliteDatabase:
    """One SQLite file.

    Args:
        path: of the file, which need not be there.
    """

    kind: DatabaseKind = "sqlite"
    suffix = ".db.gz"
    packed = False

    def __init__(self, path: Path) -> None:
        self.path = path

    def dump(self, sink: BinaryIO, scratch: Path, share: Share) -> Contents:
        """Write one consistent moment of the database to `sink`, while others go on writing.

        Args:
            scratch: an empty private file; the copy is made there.
            share: told how much is done, 0 to 1.

        Raises:
            StoreDamagedError: the database is damaged; what was written to `sink` is no backup.
            StoreError, StoreBusyError: it cannot be read, or the disk is full.
        """
        with sqlite_faults():
            self._copy(scratch, lambda done: share(0.4 * done))
        contents = checked_contents(scratch, "PRAGMA quick_check")
        share(0.6)
        with scratch.open("rb") as file:
            size = max(1, scratch.stat().st_size)
            copy_stream(file, sink, lambda done: share(0.6 + 0.4 * done / size))
        return contents

    def _copy(self, scratch: Path, share: Share) -> None:
        """SQLite starts a copy anew when another process writes, unless it holds a snapshot: so it holds one."""
        with closing(self._connect()) as source, closing(sqlite3.connect(scratch)) as target:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(
                target,
                pages=_PAGES_A_STEP,
                sleep=0,
                progress=lambda _status, left, total: share(1 - left / max(1, total)),
            )

    def check(self, source: BinaryIO, scratch: Path) -> Contents:
        """Restore into `scratch` and see that it is whole.

        Raises:
            StoreDamagedError: SQLite finds a fault in it.
        """
        with scratch.open("wb") as file:
            copy_stream(source, file)
        return checked_contents(scratch, "PRAGMA integrity_check")

    def faults(self) -> list[str]:
        """What SQLite finds wrong with the live file, reading all of it; empty where nothing is."""
        try:
            with closing(self._connect()) as connection:
                return _said(connection, "PRAGMA quick_check")
        except sqlite3.DatabaseError as error:
            if says_damaged(str(error)):
                return [str(error)]
            raise _typed(error) from error

    def is_empty(self) -> bool:
        """Whether there is no file, or nothing in it."""
        return not self.path.exists() or self.path.stat().st_size == 0

    def replace(self, source: BinaryIO, scratch: Path, *, at: datetime) -> str | None:
        """Put a backup's content in the place of the database.

        A sound file keeps its place and takes the content in one transaction, so that what other processes have open
        stays the database. A damaged one is renamed, with what SQLite keeps beside it, and a new file takes its name.

        Returns:
            The name the damaged file was kept under; None where it was sound or not there.
        """
        with scratch.open("wb") as file:
            copy_stream(source, file)
        if self.is_empty() or self.faults():
            return self._swap(scratch, at)
        with sqlite_faults(), closing(sqlite3.connect(scratch)) as restored, closing(self._connect()) as live:
            live.execute("BEGIN IMMEDIATE")  # waits for a writer; the copy below does so for a fraction of a second
            live.execute("ROLLBACK")
            restored.backup(live)
            live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return None

    def _swap(self, scratch: Path, at: datetime) -> str | None:
        with file_faults(self.path):
            sync_file(scratch)
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            kept = self._set_aside(at)
            scratch.chmod(0o600)
            _move(scratch, self.path)
            sync_folder(self.path.parent)
        return kept

    def _set_aside(self, at: datetime) -> str | None:
        """What lies beside the file belongs to it alone: left behind, SQLite would play it into the next one."""
        aside = self.path.with_name(f"{self.path.name}.damaged-{at:%Y%m%dT%H%M%S%fZ}")
        found = [suffix for suffix in ("", *_BESIDE) if Path(f"{self.path}{suffix}").exists()]
        for suffix in found:
            Path(f"{self.path}{suffix}").rename(f"{aside}{suffix}")
        return aside.name if found else None

    def _connect(self) -> sqlite3.Connection:
        """The live file, which must be there."""
        address = f"file:{quote(str(self.path))}?mode=rw"
        return sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)


def checked_contents(path: Path, pragma: str) -> Contents:
    """What a file holds that nobody else has open.

    Raises:
        StoreDamagedError: SQLite finds a fault in it.
    """
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True))
    try:
        with sqlite_faults(), closing(sqlite3.connect(address, uri=True)) as connection:
            faults = [*_said(connection, pragma), *_dangling(connection)]
        if faults:
            raise StoreDamagedError(f"The lead database is damaged: {'; '.join(faults[:_FAULTS_SHOWN])}.")
        with engine.connect() as opened:
            return read_contents(opened)
    finally:
        engine.dispose()


def _said(connection: sqlite3.Connection, pragma: str) -> list[str]:
    lines = [str(line) for (line,) in connection.execute(pragma)]
    return [] if lines == ["ok"] else lines


def _dangling(connection: sqlite3.Connection) -> list[str]:
    found = {str(table) for table, *_ in connection.execute("PRAGMA foreign_key_check")}
    return [f"rows of {table} point nowhere" for table in sorted(found)]


def _move(source: Path, target: Path) -> None:
    """Rename, or copy and rename where the backups lie on another disk."""
    try:
        source.replace(target)
    except OSError:
        near = target.with_name(f".{target.name}.restoring")
        near.touch(mode=0o600)
        with source.open("rb") as file, near.open("wb") as copy:
            copy_stream(file, copy)
        sync_file(near)
        near.replace(target)


@contextmanager
def sqlite_faults() -> Iterator[None]:
    """Turn SQLite's errors into ours.

    Raises:
        StoreDamagedError: what it reads cannot be what it wrote.
        StoreBusyError: locked for longer than the busy timeout.
        StoreError: it refuses for another reason, such as a full disk.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _typed(error) from error


def _typed(error: sqlite3.Error) -> StoreError | StoreBusyError:
    said = str(error)
    if "locked" in said:
        return StoreBusyError(f"The lead database is busy: {said}.", advice="Another process holds it; try again.")
    if says_damaged(said):
        return StoreDamagedError(f"The lead database is damaged: {said}.")
    return StoreError(f"SQLite cannot go on: {said}.", advice="Check the space and the rights of the disk.")
