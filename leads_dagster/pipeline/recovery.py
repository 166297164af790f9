"""Putting a backup in the place of the lead database, and catching up what the sources hold since.

What belongs here: the order of it: keep writers out, keep what is there, restore, upgrade, replay. Also what happens at
the start of every command when the database is damaged.

A backup holds a moment of the past. What came in since is still in its sources: the next cycle of each customer
compares the sheet with the restored ledger and takes in the difference, as after any pause.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine

from leads_dagster.errors import LeadsError, StoreBusyError, StoreDamagedError
from leads_dagster.settings import Settings
from leads_dagster.store.advisory import cycle_lock
from leads_dagster.store.backup import Backups, Progress, open_backups
from leads_dagster.store.backup_manifest import Manifest
from leads_dagster.store.damage import clear_damage, known_damage, mark_damaged, refuse_damaged, sqlite_path
from leads_dagster.store.engine import open_engine, writing
from leads_dagster.store.left_behind import LeftBehind, read_left_behind, take_back
from leads_dagster.store.schema import ensure_schema

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Replay:
    """One customer's cycle after a restore.

    Attributes:
        customer: whose.
        status: of the cycle; "failed" where the source could not be reached.
        rows: where its rows ended.
        error: why it failed; the next sync catches up then.
    """

    customer: str
    status: str
    rows: dict[str, int]
    error: str | None = None


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    Attributes:
        backup: what the database holds again, as `leads backup list` shows it.
        kept_as: where that lies which was there before: a file beside the database, or a backup; None: nothing was.
        replayed: one cycle a customer; empty where none was asked for.
    """

    backup: dict[str, Any]
    kept_as: str | None
    replayed: tuple[Replay, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return asdict(self)


def restore(
    settings: Settings, name: str | None = None, *, replay: bool = True, progress: Progress | None = None
) -> Restored:
    """Put a backup in the place of the lead database.

    Args:
        settings: of the process.
        name: of the backup; None for the newest good one.
        replay: run one cycle a customer afterwards.
        progress: told percent and words.

    Raises:
        NotFoundError: there is no such backup, or no good one.
        CredentialsError: its key is missing.
        StoreBusyError: a sync goes on for longer than a minute.
        StoreError: the backup is damaged, or the database cannot be replaced; it is as it was.
    """
    backups = open_backups(settings)
    manifest = choose(settings, name, progress=progress)
    with writers_kept_out(settings):
        kept = _replace(settings, backups, manifest)
    _log.info("restored %s; what was there is kept as %s", manifest.name, kept)
    cycles = _replay(settings, progress) if replay else ()
    return Restored(manifest.facts(), kept, cycles)


def choose(settings: Settings, name: str | None, *, progress: Progress | None = None) -> Manifest:
    """The backup to restore, verified now; the newest good one, where none is named.

    Raises:
        NotFoundError, CredentialsError, StoreError: as `restore`.
    """
    backups = open_backups(settings)
    return backups.newest_good(progress=progress) if name is None else backups.verify(name, progress=progress)


def _replace(settings: Settings, backups: Backups, manifest: Manifest) -> str | None:
    """While this goes on the database counts as damaged: a process killed here leaves no half-restored one in use."""
    kept = _keep_sound(settings, backups)
    left = _left_behind(settings, backups, manifest)
    known = known_damage(settings)
    mark_damaged(settings, f"the restore of {manifest.name} did not end", level=logging.DEBUG)
    try:
        aside = backups.put_in_place(manifest)
    except LeadsError:
        if known is None:
            clear_damage(settings)
        raise
    with _opened(settings) as engine:
        ensure_schema(engine)
        with writing(engine) as connection:
            take_back(connection, left.marks)
    clear_damage(settings)
    return aside or kept


def _left_behind(settings: Settings, backups: Backups, manifest: Manifest) -> LeftBehind:
    if backups.database.is_empty():
        return LeftBehind((), complete=True)
    with _opened(settings) as engine:
        left = read_left_behind(engine, manifest.created_at)
    if not left.complete:
        _log.warning("not all of what the mirrors hold could be read: look for rows there that the store does not know")
    return left


@contextmanager
def _opened(settings: Settings) -> Iterator[Engine]:
    engine = open_engine(settings.database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def _keep_sound(settings: Settings, backups: Backups) -> str | None:
    """A database that can be read is backed up first; a damaged SQLite file is renamed later, as it is."""
    if backups.database.is_empty() or (backups.database.kind == "sqlite" and backups.database.faults()):
        return None
    return backups.make("before-restore", verify=False).name


@contextmanager
def writers_kept_out(settings: Settings) -> Iterator[None]:
    """Hold the locks of all customers, so that no cycle writes meanwhile, on PostgreSQL also none of another host.

    Raises:
        StoreBusyError: one goes on for longer than a minute.
    """
    from leads_dagster.pipeline.workspace import LOCK_WAIT_SECONDS, customer_lock

    with ExitStack() as held:
        for name in sorted(customer.name for customer in settings.customers):
            try:
                held.enter_context(customer_lock(settings, name))
                if sqlite_path(settings) is None:
                    engine = held.enter_context(_opened(settings))
                    held.enter_context(cycle_lock(engine, name, wait_seconds=LOCK_WAIT_SECONDS))
            except TimeoutError as error:  # filelock's own is one
                raise StoreBusyError(f"A sync of customer {name} is still running.", advice="Wait for it.") from error
        yield


def _replay(settings: Settings, progress: Progress | None) -> tuple[Replay, ...]:
    names = [customer.name for customer in settings.customers]
    replays = []
    for number, name in enumerate(names):
        if progress is not None:
            progress(100 * number // len(names), f"catching up {name}")
        replays.append(_cycle(settings, name))
    return tuple(replays)


def _cycle(settings: Settings, customer: str) -> Replay:
    """A source that cannot be reached does not undo the restore."""
    from leads_dagster.pipeline.cycle import run_cycle
    from leads_dagster.pipeline.workspace import open_workspace

    try:
        with open_workspace(settings, customer) as workspace:
            done = run_cycle(workspace).as_dict()
        return Replay(customer, done["status"], done["rows"], done["error"])
    except LeadsError as error:
        _log.warning("the replay of customer %s failed: %s", customer, error)
        return Replay(customer, "failed", {}, str(error))


def see_that_sound(settings: Settings) -> None:
    """Stop before a damaged or vanished database is used; with LEADS_AUTO_RESTORE, restore it instead.

    Raises:
        StoreDamagedError: it is damaged, and the setting is off.
        LeadsError: it is damaged and could not be restored.
    """
    try:
        refuse_damaged(settings)
    except StoreDamagedError as error:
        if not settings.auto_restore:
            raise
        _log.warning("%s LEADS_AUTO_RESTORE is on: restoring the newest good backup.", error.message)
        _restore_unless_done(settings)


def _restore_unless_done(settings: Settings) -> None:
    """Of several processes that find the damage at the same moment, one restores."""
    backups = open_backups(settings)
    manifest = choose(settings, None)
    with writers_kept_out(settings):
        try:
            return refuse_damaged(settings)
        except StoreDamagedError:
            kept = _replace(settings, backups, manifest)
    _say(manifest, kept)
    for cycle in _replay(settings, None):
        _log.warning("customer %s was caught up: %s %s", cycle.customer, cycle.status, cycle.rows)
    return None


def _say(manifest: Manifest, kept: str | None) -> None:
    moment = manifest.created_at.isoformat(timespec="seconds")
    _log.warning("restored %s, the moment %s; what was there before is kept as %s", manifest.name, moment, kept)
