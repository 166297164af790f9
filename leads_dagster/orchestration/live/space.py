"""Giving space of Dagster's SQLite files back to the disk, a little at a time.

What belongs here: the files. What was deleted from them is `orchestration.cleaning`'s.

SQLite keeps the pages of deleted rows for new ones. A file that is set to give pages back one by one does so without
being rewritten; setting it so rewrites it once, which is done while it is small.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import dagster as dg
from sqlalchemy import make_url

from leads_dagster.orchestration.live.storage import KeptEventLogStorage, KeptRunStorage, KeptScheduleStorage

_INCREMENTAL = 2
# Rewriting so many bytes keeps writers waiting for less than a second.
_SMALL_BYTES = 32_000_000
_PAGES_AT_ONCE = 200
_REST_SECONDS = 0.02
# A tenth of a file is left free, for what comes next.
_SHARE_KEPT_FREE = 0.1


def give_space_back(instance: dg.DagsterInstance, *, seconds: float = 30.0) -> int:
    """Shrink the files of runs, events and ticks by what is free in them; bytes. Nothing where they are no files."""
    ends = time.monotonic() + seconds
    return sum(_shrink(path, ends) for path in files_of(instance))


def files_of(instance: dg.DagsterInstance) -> list[Path]:
    """Dagster's own SQLite files, as far as they are of our kept storages."""
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    kept = [one for one in storages if isinstance(one, (KeptRunStorage, KeptEventLogStorage, KeptScheduleStorage))]
    named = [make_url(one._conn_string).database for one in kept]
    return [Path(name) for name in named if name and Path(name).is_file()]


def _shrink(path: Path, ends: float) -> int:
    before = path.stat().st_size
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        if _number(connection, "auto_vacuum") != _INCREMENTAL:
            _set_up(connection, before)
        gives_back = _number(connection, "auto_vacuum") == _INCREMENTAL
        while gives_back and _free_share(connection) > _SHARE_KEPT_FREE and time.monotonic() < ends:
            connection.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")  # `execute` frees one page
            time.sleep(_REST_SECONDS)
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    return max(0, before - path.stat().st_size)


def _set_up(connection: sqlite3.Connection, size: int) -> None:
    if size * (1 - _free_share(connection)) > _SMALL_BYTES:
        return
    connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
    connection.execute("VACUUM")


def _free_share(connection: sqlite3.Connection) -> float:
    return _number(connection, "freelist_count") / max(1, _number(connection, "page_count"))


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
