"""Backups of the lead database: make, verify, restore, encrypt anew, prune.

What belongs here: the order of the steps, the same for SQLite and PostgreSQL. Files are `backup_folder`'s, bytes are
`backup_stream`'s, databases are `backup_sqlite`'s and `backup_postgres`'. Who may write meanwhile is the caller's
business.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from leads_dagster.errors import NotFoundError, SettingsError, StoreDamagedError, StoreError
from leads_dagster.settings import Settings
from leads_dagster.store.backup_contents import differences
from leads_dagster.store.backup_folder import BackupFolder
from leads_dagster.store.backup_frames import FrameWriter, copy_stream
from leads_dagster.store.backup_keys import BackupKeys, backup_keys
from leads_dagster.store.backup_manifest import Contents, DatabaseKind, Manifest, Reason
from leads_dagster.store.backup_sqlite import Share, SqliteDatabase
from leads_dagster.store.backup_stream import (
    ENCRYPTED_SUFFIX,
    decrypting,
    file_sha256,
    packing,
    reading_faults,
    unpacking,
    written_file,
)
from leads_dagster.store.engine import read_url

Progress = Callable[[int, str], None]
_log = logging.getLogger(__name__)


class BackedUpDatabase(Protocol):
    """What can be backed up: see `SqliteDatabase` for what each part promises."""

    kind: DatabaseKind
    suffix: str
    packed: bool

    def dump(self, sink: BinaryIO, scratch: Path, share: Share) -> Contents: ...
    def check(self, source: BinaryIO, scratch: Path) -> Contents: ...
    def replace(self, source: BinaryIO, scratch: Path, *, at: datetime) -> str | None: ...
    def faults(self) -> list[str]: ...
    def is_empty(self) -> bool: ...


@dataclass(frozen=True)
class Backups:
    """The lead database of some settings and its backups.

    Attributes:
        database: what is backed up.
        address: of it, without password, `$LEADS_HOME` for the state folder: the same after the folder was moved.
        folder: where the backups are.
        keys: gives the keys as they are when asked.
        keep, keep_days: how many backups, and how long.
    """

    database: BackedUpDatabase
    address: str
    folder: BackupFolder
    keys: Callable[[], BackupKeys]
    keep: int
    keep_days: float

    def make(self, reason: Reason, *, verify: bool = True, progress: Progress | None = None) -> Manifest:
        """Make one backup; it is listed once it is whole and, unless told otherwise, verified.

        Raises:
            StoreDamagedError: the database is damaged, and nothing was kept of this.
            StoreError, StoreBusyError, CredentialsError: it could not be made or proved to be no good.
        """
        tell = progress or _silent
        keys, at = self.keys(), datetime.now(timezone.utc)
        with self.folder.locked():
            suffix = self.database.suffix + (ENCRYPTED_SUFFIX if keys else "")
            name = self.folder.new_name(at, suffix)
            with self.folder.partial(name) as partial:
                tell(0, "copying the database")
                manifest = self._write(partial, keys, Manifest(
                    name, at, reason, self.database.kind, self.address, Contents(None, {}), 0, "", keys.newest_id
                ), lambda share: tell(int(60 * share), "copying the database"))  # fmt: skip
                if verify:
                    tell(60, "restoring it on trial")
                    self._verify(partial, manifest, keys)
                    manifest = replace(manifest, verified_at=datetime.now(timezone.utc))
                self.folder.publish(partial, manifest)
        tell(100, "done")
        _log.info("made backup %s: %d rows, %d bytes", name, manifest.contents.rows, manifest.size_bytes)
        return manifest

    def _write(self, path: Path, keys: BackupKeys, manifest: Manifest, share: Share) -> Manifest:
        packed = self.database.packed
        with self.folder.partial(f"{manifest.name}.scratch") as scratch, written_file(path) as file:
            with packing(cast("BinaryIO", file), keys, packed=packed) as sink:
                contents = self.database.dump(sink, scratch, share)
            return replace(manifest, contents=contents, size_bytes=file.size_bytes, sha256=file.sha256)

    def verify(self, name: str, *, progress: Progress | None = None) -> Manifest:
        """Restore a backup into a scratch database and compare it with its manifest, which then says so.

        Raises:
            NotFoundError: there is no such backup.
            CredentialsError: its key is not there.
            StoreError: it is damaged or differs.
        """
        tell = progress or _silent
        tell(0, f"restoring {name} on trial")
        with self.folder.locked():
            manifest = self.folder.find(name)
            try:
                self._verify(self.folder.file(manifest), manifest, self.keys())
            except StoreError:
                self.folder.write_manifest(replace(manifest, verified_at=None))
                raise
            verified = replace(manifest, verified_at=datetime.now(timezone.utc))
            self.folder.write_manifest(verified)
        tell(100, "done")
        return verified

    def _verify(self, path: Path, manifest: Manifest, keys: BackupKeys) -> None:
        self._check_kind(manifest)
        keys.check(manifest.key_id, manifest.name)
        _check_bytes(path, manifest)
        with self.folder.partial(f"{manifest.name}.trial") as scratch:
            try:
                with unpacking(path, manifest, keys, packed=self.database.packed) as source:
                    found = self.database.check(source, scratch)
            except StoreDamagedError as error:  # of the copy, not of the database in use
                raise StoreError(f"The backup {manifest.name} is damaged: {error.message}") from error
        if faults := differences(manifest.contents, found):
            raise StoreError(f"The backup {manifest.name} does not hold what it should: {'; '.join(faults)}.")

    def _check_kind(self, manifest: Manifest) -> None:
        if manifest.kind != self.database.kind:
            raise SettingsError(
                f"The backup {manifest.name} is of a {manifest.kind} database, this one is {self.database.kind}.",
                advice="Set LEADS_DATABASE_URL or LEAD_DATABASE_PATH to a database of its kind.",
            )

    def newest_good(self, *, progress: Progress | None = None) -> Manifest:
        """The newest backup that verifies now, passing over what a restore set aside.

        Raises:
            NotFoundError: there is none; says what is wrong with each.
            CredentialsError: the newest needs a key that is not there; an older one is no answer to that.
        """
        faults: list[str] = []
        for manifest in self.folder.listed().manifests:
            if manifest.reason == "before-restore" or manifest.kind != self.database.kind:
                continue
            try:
                return self.verify(manifest.name, progress=progress)
            except StoreError as error:
                _log.warning("passing over a backup: %s", error)
                faults.append(error.message)
        raise NotFoundError(
            f"There is no good backup in {self.folder.path}. {' '.join(faults)}".strip(),
            advice="docs/recovery.md says what is left to do.",
        )

    def put_in_place(self, manifest: Manifest) -> str | None:
        """Put a verified backup in the place of the database; the name a damaged file was kept under, else None.

        The caller keeps writers out.

        Raises:
            StoreError: it could not be done; the database is as it was.
        """
        self._check_kind(manifest)
        with self.folder.locked(), self.folder.partial(f"{manifest.name}.restoring") as scratch:
            path = self.folder.file(manifest)
            with unpacking(path, manifest, self.keys(), packed=self.database.packed) as source:
                return self.database.replace(source, scratch, at=datetime.now(timezone.utc))

    def rotate(self, *, progress: Progress | None = None) -> list[Manifest]:
        """Encrypt every backup with the newest key that is not yet; those that were changed, under their new names.

        Raises:
            CredentialsError: there is no key, or one that a backup needs is missing.
            StoreError: backups are damaged: these are left as they are, all others are done.
        """
        tell, keys = progress or _silent, self.keys()
        keys.cipher()
        done: list[Manifest] = []
        faults: list[str] = []
        with self.folder.locked():
            old = [one for one in self.folder.listed().manifests if one.key_id != keys.newest_id]
            for number, manifest in enumerate(old):
                tell(100 * number // len(old), manifest.name)
                try:
                    done.append(self._encrypt_anew(manifest, keys))
                except StoreError as error:
                    faults.append(error.message)
        if faults:
            raise StoreError(
                f"{' '.join(faults)} Encrypted with the newest key: {len(done)} of {len(old)}.",
                advice="What is damaged is as it was; `leads backup verify NAME` says what is wrong with it.",
            )
        return done

    def _encrypt_anew(self, manifest: Manifest, keys: BackupKeys) -> Manifest:
        """Written under a new name before the old one goes: killed in between, both are there and both are good."""
        keys.check(manifest.key_id, manifest.name)
        path = self.folder.file(manifest)
        _check_bytes(path, manifest)  # what is damaged must not get a manifest that says otherwise
        suffix = self.database.suffix if manifest.kind == self.database.kind else Path(manifest.name).suffix
        name = self.folder.new_name(manifest.created_at, f"{suffix}{ENCRYPTED_SUFFIX}")
        with self.folder.partial(name) as partial, written_file(partial) as file:
            with reading_faults(manifest.name), decrypting(path, manifest, keys) as plain:
                frames = FrameWriter(cast("BinaryIO", file), keys)
                copy_stream(plain, cast("BinaryIO", frames))
                frames.finish()
            written = replace(
                manifest, name=name, size_bytes=file.size_bytes, sha256=file.sha256, key_id=keys.newest_id
            )
            self.folder.publish(partial, written)
        self.folder.remove(manifest)
        return written

    def prune(self, at: datetime) -> list[Manifest]:
        """Remove backups by count and age; those that went. The newest verified one stays, or, without any, the newest.

        Raises:
            StoreError: one cannot be removed.
        """
        with self.folder.locked():
            manifests = self.folder.listed().manifests
            gone = to_prune(manifests, at, keep=self.keep, keep_days=self.keep_days)
            for manifest in gone:
                self.folder.remove(manifest)
        return gone


def _check_bytes(path: Path, manifest: Manifest) -> None:
    """Refuse a file that is not the one that was written."""
    with reading_faults(manifest.name):
        if file_sha256(path) != manifest.sha256:
            raise StoreError(f"The backup {manifest.name} is damaged: its bytes are not those that were written.")


def to_prune(manifests: tuple[Manifest, ...], at: datetime, *, keep: int, keep_days: float) -> list[Manifest]:
    """Which of some backups (newest first) have had their time: `keep` newer ones, or more than so many days."""
    oldest = at - timedelta(days=keep_days)
    safe = next((one for one in manifests if one.verified_at), manifests[0] if manifests else None)
    old = [one for rank, one in enumerate(manifests) if rank >= keep or one.created_at < oldest]
    return [one for one in old if one is not safe]


def open_backups(settings: Settings) -> Backups:
    """The backups of the lead database that the settings name.

    Raises:
        SettingsError: that database cannot be backed up.
    """
    return Backups(
        database=_database(settings),
        address=database_address(settings),
        folder=BackupFolder(settings.backup_folder),
        keys=lambda: backup_keys(settings),
        keep=settings.backup_keep,
        keep_days=settings.backup_keep_days,
    )


def database_address(settings: Settings) -> str:
    """The lead database in words that hold no password and do not change when the state folder is moved."""
    shown = read_url(settings.database_url).render_as_string(hide_password=True)
    return shown.replace(str(settings.home), "$LEADS_HOME")


def _database(settings: Settings) -> BackedUpDatabase:
    url = read_url(settings.database_url)
    if url.get_backend_name() == "postgresql":
        from leads_dagster.store.backup_postgres import PostgresDatabase

        return PostgresDatabase(url, settings.pg_bin)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise SettingsError("Only an SQLite file or PostgreSQL can be backed up.", advice="See LEADS_DATABASE_URL.")
    return SqliteDatabase(Path(url.database))


def _silent(percent: int, message: str) -> None:
    """Progress nobody looks at."""
