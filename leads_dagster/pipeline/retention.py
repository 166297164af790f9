"""Clearing away what had its time, so that a year of cycles a second fills no disk.

What belongs here: what of ours goes, and when. Dagster's runs and events are `orchestration.cleaning`'s, backups have
their own rules (`store.backup`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from leads_dagster.errors import StoreError
from leads_dagster.settings import Settings
from leads_dagster.sources.snapshots import SnapshotStore
from leads_dagster.store import expiry, staging
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.schema import ensure_schema

logger = logging.getLogger(__name__)

# Of each customer's raw sheets so many are kept to look back at.
KEPT_SNAPSHOTS = 20
# A message of the live system's folder that nobody took for so long is of a run that is long over.
_MESSAGE_SECONDS = 86_400.0


def clean_up(settings: Settings, *, now: datetime | None = None) -> dict[str, int]:
    """Delete what had its time from the lead database and the state folder; name -> how many.

    Raises:
        StoreError, StoreBusyError: the lead database cannot be written.
    """
    engine = open_engine(settings.database_url)
    try:
        ensure_schema(engine)
        with writing(engine) as connection:
            gone = expiry.drop_expired(
                connection, now=now or datetime.now(timezone.utc), ledger_days=settings.ledger_keep_days
            )
        with reading(engine) as connection:
            needed = expiry.checksums_needed(connection) | staging.raw_checksums(connection)
    finally:
        engine.dispose()
    snapshots = sum(_prune(settings, folder, needed) for folder in _folders(settings.home / "raw"))
    return {**gone, "snapshots": snapshots, "messages": _drop_messages(settings.home / "live" / "broker")}


def _prune(settings: Settings, folder: Path, needed: set[str]) -> int:
    """Cycles do this when they close; here it is for those that failed, and for customers that are no more."""
    is_customer = any(one.name == folder.name for one in settings.customers)
    try:
        return SnapshotStore(folder).prune(needed, newest=KEPT_SNAPSHOTS if is_customer else 0)
    except StoreError as error:
        logger.warning("Old raw sheets could not be removed: %s", error.message)
        return 0


def _drop_messages(folder: Path) -> int:
    before = time.time() - _MESSAGE_SECONDS
    old = [path for path in _files(folder) if _changed_at(path) < before]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # a worker took it
        return time.time()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in (folder.iterdir() if folder.is_dir() else ()) if path.is_file())


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in (folder.iterdir() if folder.is_dir() else ()) if path.is_dir())
