"""JSON files into the store: `leads migrate`.

What belongs here: the order of things. Files are found and read whole before anything is written; the database and the
files are backed up before the first write; then each file is taken in, checked against the store, and booked. A
migration that was killed is taken up where its log says, by the same command; one that is complete says so and writes
nothing. Reading is `migrate_reading`, writing `migrate_writing`, checking `migrate_check`, taking back `migrate_undo`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import xxhash
from filelock import FileLock, Timeout

from leads_dagster.errors import ContentError, LeadsError, StoreBusyError
from leads_dagster.pipeline import migrate_archive
from leads_dagster.pipeline.migrate_archive import Archive
from leads_dagster.pipeline.migrate_backup import backup_database
from leads_dagster.pipeline.migrate_check import check_file
from leads_dagster.pipeline.migrate_reading import Survey, survey
from leads_dagster.pipeline.migrate_result import FileResult, FileStatus, MigrationResult
from leads_dagster.pipeline.migrate_trial import trial
from leads_dagster.pipeline.migrate_writing import STATES, FileWriter, Transaction
from leads_dagster.pipeline.rematch import match_anew_where_due
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.sources.json_folders import JsonFile, Listing, find_files
from leads_dagster.store import epochs, migration_log
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.migration_log import MigratedFile
from leads_dagster.store.person import who_asks


def migrate(ws: Workspace, paths: Sequence[Path], *, dry_run: bool = False) -> MigrationResult:
    """Take JSON files, and those in folders, into the store.

    Args:
        ws: of the customer whose leads they are.
        paths: files and folders.
        dry_run: say what would come of it, and write nothing.

    Returns:
        A result a file; a file that fails stops no other.

    Raises:
        SettingsError: a path is not there.
        ContentError: the folders hold no JSON.
        StoreBusyError: another migration of this customer is at work.
        StoreError: the backup cannot be made, or the database refuses; what was written before stays, and the same
            command goes on from there.
    """
    started = time.monotonic()
    listing = find_files(paths)
    if not listing.files:
        raise ContentError(
            f"There is no JSON file in {', '.join(map(str, paths))}.", advice="Name the files, or another folder."
        )
    if dry_run:
        with trial(ws) as transaction:
            result = _Migration(ws, listing, transaction, dry_run=True).run()
    else:
        with _alone(ws):
            result = _Migration(ws, listing, lambda: writing(ws.engine, ws.name), dry_run=False).run()
            _prune(ws)
    result.seconds = time.monotonic() - started
    return result


@contextmanager
def _alone(ws: Workspace) -> Iterator[None]:
    """Keep other migrations of this customer out; its sheet's cycles and batches take turns by themselves."""
    folder = ws.settings.prepare_home() / "locks"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = FileLock(folder / f"migration-{xxhash.xxh3_64_hexdigest(ws.name.encode())}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise StoreBusyError(
            f"Another migration of customer {ws.name} is running.", advice="Wait for it to end; `leads migrate --list`."
        ) from error
    try:
        yield
    finally:
        lock.release()


@dataclass(slots=True)
class _Task:
    """One file on its way."""

    file: JsonFile
    found: Survey | None = None
    before: MigratedFile | None = None
    row: MigratedFile | None = None
    result: FileResult | None = None


class _Migration:
    """One run of the command."""

    def __init__(self, ws: Workspace, listing: Listing, transaction: Transaction, *, dry_run: bool) -> None:
        self.ws, self.listing, self.transaction, self.dry_run = ws, listing, transaction, dry_run
        self.looking: Transaction = transaction if dry_run else lambda: reading(ws.engine)
        self.max_bytes = ws.settings.max_sheet_bytes
        self.result = MigrationResult(ws.name, dry_run, [], dict(sorted((+listing.left_out).items())))

    def run(self) -> MigrationResult:
        tasks = [self._looked_at(file, number) for number, file in enumerate(self.listing.files)]
        waiting = [task for task in tasks if task.result is None]
        if waiting:
            self._begin(waiting)
        for task in waiting:
            task.result = self._bring_in(task)
        self.result.files = [task.result for task in tasks if task.result is not None]
        return self.result

    def _looked_at(self, file: JsonFile, number: int) -> _Task:
        """Read a file whole; one that came in before, by today's rules, is done already."""
        self._report(20 * number // len(self.listing.files), f"Reading {file.name}")
        task = _Task(file)
        try:
            task.found = survey(
                file,
                columns=self.ws.customer.columns,
                learned=self.ws.learned_headers,
                max_bytes=self.max_bytes,
            )
        except LeadsError as error:
            task.result = FileResult(file.name, "failed", error=str(error))
            return task
        with reading(self.ws.engine) as connection:
            task.before = migration_log.newest_of(connection, self.ws.name, str(file.path))
        if self._came_in_before(task):
            task.result = self._unchanged(task)
        return task

    def _came_in_before(self, task: _Task) -> bool:
        before, found = task.before, task.found
        if before is None or found is None or before.status != "done":
            return False
        return before.checksum == found.checksum and before.summary.get("rules") == self.ws.rules_fingerprint

    def _unchanged(self, task: _Task) -> FileResult:
        assert task.before is not None
        before = task.before.summary
        read, quarantined = before["rows"]["read"], before["rows"]["quarantined"]
        rows = dict.fromkeys(["read", *STATES], 0)
        rows.update(read=read, quarantined=quarantined, unchanged=read - quarantined)
        kept: dict[str, Any] = {name: before[name] for name in ("faults", "breaks_off") if name in before}
        summary: dict[str, Any] = {"rows": rows, **kept}
        return FileResult(task.file.name, "unchanged", task.before.migration_id, summary)

    def _begin(self, tasks: Sequence[_Task]) -> None:
        """Take up the migration that was interrupted on one of these files, or back everything up and begin one."""
        with reading(self.ws.engine) as connection:
            open_rows = migration_log.unfinished(connection, self.ws.name)
        paths = {str(task.file.path) for task in tasks}
        interrupted = [row for row in open_rows if row.path in paths]
        self.result.resumed = bool(interrupted)
        identity = interrupted[-1].migration_id if interrupted else new_migration_id(self.ws.now())
        self.result.backup = interrupted[-1].backup if interrupted else None
        if not self.dry_run:
            self.result.migration_id = identity
            self._put_away(tasks, identity)
            match_anew_where_due(replace(self.ws, books_progress=False), run_id=identity, percent=(20, 20))
        with self.transaction() as connection:
            self._open_log(connection, tasks, identity, interrupted)

    def _put_away(self, tasks: Sequence[_Task], identity: str) -> None:
        self._report(20, "Backing up the files and the database")
        backup_files(self.ws, identity, [(task.file.path, task.found.checksum) for task in tasks if task.found])
        self.result.backup = self.result.backup or backup_database(self.ws, identity)

    def _open_log(
        self, connection: Any, tasks: Sequence[_Task], identity: str, interrupted: Sequence[MigratedFile]
    ) -> None:
        """A row for each file; of an interrupted one its own, unless the file changed since: it is then read anew."""
        began = interrupted[-1].started_at if interrupted else epochs.moment(connection, self.ws.name, self.ws.now())
        here = {row.path: row for row in interrupted}
        for task in tasks:
            assert task.found is not None
            row = here.get(str(task.file.path))
            if row is not None and row.checksum == task.found.checksum:
                continue
            if row is not None:
                migration_log.change(connection, row.id, status="failed", finished_at=self.ws.now())
            migration_log.add(connection, self.ws.name, [self._log_row(task, identity, began)])
        rows = {row.path: row for row in migration_log.unfinished(connection, self.ws.name)}
        for task in tasks:
            task.row = rows[str(task.file.path)]

    def _log_row(self, task: _Task, identity: str, began: datetime) -> dict[str, Any]:
        assert task.found is not None
        return {
            "migration_id": identity, "path": str(task.file.path), "checksum": task.found.checksum,
            "status": "running", "summary": {"rules": self.ws.rules_fingerprint}, "backup": self.result.backup,
            "started_at": began,
        }  # fmt: skip

    def _bring_in(self, task: _Task) -> FileResult:
        """Write one file and check it; a file that cannot be read stops no other, a database that fails stops all."""
        found, row = task.found, task.row
        assert found is not None
        assert row is not None
        writer = FileWriter(self.ws.policy, found, migration_id=row.migration_id, at=row.started_at, who=who_asks())
        path = self._copy_of(found, row)
        try:
            tally = writer.write(
                self.transaction, row, path=path, max_bytes=self.max_bytes, told=lambda done: self._told(task, done)
            )
        except ContentError as error:
            return self._failed(task, row, error)
        summary = {**row.summary, **tally.summary(), "breaks_off": found.breaks_off}
        return self._checked(task, row, summary, path)

    def _checked(self, task: _Task, row: MigratedFile, summary: dict[str, Any], path: Path) -> FileResult:
        """Compare a file with the store, which keeps no writer waiting, and book what came of it."""
        assert task.found is not None
        with self.looking() as connection:
            check = check_file(connection, self.ws.policy, task.found, path, max_bytes=self.max_bytes)
        summary = {**summary, "check": check.as_dict()}
        status = "done" if check.passed else "failed"
        with self.transaction() as connection:
            migration_log.change(connection, row.id, status=status, summary=summary, finished_at=self.ws.now())
        shown: FileStatus = "planned" if self.dry_run else "done" if check.passed else "failed"
        wrong = None if check.passed else "The store does not hold what the file says: " + " ".join(check.differences)
        return FileResult(task.file.name, shown, self.result.migration_id, summary, wrong)

    def _failed(self, task: _Task, row: MigratedFile, error: LeadsError) -> FileResult:
        with self.transaction() as connection:
            migration_log.change(connection, row.id, status="failed", finished_at=self.ws.now())
        return FileResult(task.file.name, "failed", self.result.migration_id, error=str(error))

    def _copy_of(self, found: Survey, row: MigratedFile) -> Path:
        """What is read while writing: the copy put away, which nobody changes; in a dry run the file itself."""
        copy = Archive(self.ws.settings.home, row.migration_id).path_of(found.file.path, found.checksum)
        return copy if copy.exists() else found.file.path

    def _told(self, task: _Task, done: int) -> None:
        number = self.listing.files.index(task.file)
        share = (number + done / max(1, task.found.records if task.found else 1)) / len(self.listing.files)
        self._report(20 + int(75 * share), f"{task.file.name}: {done:,} records")

    def _report(self, percent: int, message: str) -> None:
        if self.ws.progress is not None:
            self.ws.progress(percent, message)


def backup_files(ws: Workspace, migration_id: str, files: Iterable[tuple[Path, str]]) -> list[Path]:
    """Put packed copies of files away, each with the checksum that it must have; returns where they are."""
    archive = Archive(ws.settings.prepare_home(), migration_id)
    return [archive.put(path, checksum) for path, checksum in files]


def new_migration_id(now: datetime) -> str:
    """An id that sorts by time and can be typed."""
    return f"m{now:%Y%m%d%H%M%S}-{secrets.token_hex(3)}"


def _prune(ws: Workspace) -> None:
    with reading(ws.engine) as connection:
        open_ones = {row.migration_id for row in migration_log.unfinished(connection, ws.name)}
    migrate_archive.prune(ws.settings.home, before=migrate_archive.oldest_kept(ws.now()), keep=open_ones)
