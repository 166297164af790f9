"""A damaged lead database: noticing it, remembering it over all processes, and stopping what would write.

What belongs here: the marker `damaged.json` in the state folder, and checks that cost next to nothing. What is done
about it is `pipeline.recovery`'s.

The marker names its database, so that settings that name another one are not stopped by it.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from leads_dagster.errors import StoreDamagedError
from leads_dagster.settings import Settings
from leads_dagster.store.backup import database_address
from leads_dagster.store.backup_folder import BackupFolder, file_faults
from leads_dagster.store.engine import read_url
from leads_dagster.store.failures import says_damaged

MARKER = "damaged.json"
RESTORE = "`leads backup restore --latest` puts the newest good backup in its place; docs/recovery.md says more."
# What SQLite says of a file whose first page cannot be, or tells of more pages than there are.
_FIRST_SIGHT = {"file is not a database": "is not an SQLite database", "database disk image is malformed": "is cut off"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Damage:
    """What was found wrong with the lead database.

    Attributes:
        what: in words, without anything of a lead.
        since: when it was first found.
    """

    what: str
    since: datetime


def known_damage(settings: Settings) -> Damage | None:
    """What is remembered of this database; None where it is taken to be sound."""
    try:
        said = json.loads(_marker(settings).read_text(encoding="utf-8"))
        if said["database"] != database_address(settings):
            return None
        return Damage(str(said["what"]), datetime.fromisoformat(said["since"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        return Damage(f"{_marker(settings)} cannot be read", datetime.now(timezone.utc))


def mark_damaged(settings: Settings, what: str, *, level: int = logging.ERROR) -> None:
    """Remember that the database is damaged, and log it; the first finding stays.

    Raises:
        StoreError: the state folder cannot be written.
    """
    if known_damage(settings) is not None:
        return
    now = datetime.now(timezone.utc).isoformat()
    said = {"database": database_address(settings), "what": what, "since": now}
    path = _marker(settings)
    with file_faults(path):
        settings.prepare_home()
        partial = path.with_name(f".{path.name}")
        partial.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
    _log.log(level, "the lead database is damaged: %s", what)


def clear_damage(settings: Settings) -> None:
    """Forget it: the database was restored, or was read as a whole and found good."""
    with file_faults(_marker(settings)):
        _marker(settings).unlink(missing_ok=True)


def watch_for_damage(engine: Engine, settings: Settings) -> None:
    """Remember damage that any statement of an engine comes upon."""

    def remember(context: ExceptionContext) -> None:
        said = str(context.original_exception)
        if says_damaged(said):
            mark_damaged(settings, said)

    event.listen(engine, "handle_error", remember)


@contextmanager
def damage_remembered(settings: Settings) -> Iterator[None]:
    """Remember damage that is raised as an error of ours."""
    try:
        yield
    except StoreDamagedError as error:
        mark_damaged(settings, error.message)
        raise


def refuse_damaged(settings: Settings) -> None:
    """Stop before a database is used that is damaged or gone.

    Costs a look at three files and the first page. A new database may begin only where there is no backup of an old.

    Raises:
        StoreDamagedError: it is marked as damaged, is no database, was cut off, or is gone while backups of it exist.
    """
    if damage := known_damage(settings):
        raise StoreDamagedError(
            f"The lead database is damaged since {damage.since:%Y-%m-%d %H:%M} UTC ({damage.what}); "
            "nothing is written to it.",
            advice=RESTORE,
        )
    path = sqlite_path(settings)
    if path is None:
        return
    if not path.exists() or path.stat().st_size == 0:
        _refuse_to_start_anew(settings, path)
        return
    if fault := header_fault(path):
        mark_damaged(settings, fault)
        advice = RESTORE if _backups_of(settings) else "There is no backup of it: check LEAD_DATABASE_PATH."
        raise StoreDamagedError(f"The lead database {path} {fault}.", advice=advice)


def _refuse_to_start_anew(settings: Settings, path: Path) -> None:
    if backups := _backups_of(settings):
        raise StoreDamagedError(
            f"The lead database {path} is gone, and there are {backups} backups of it.",
            advice=f"{RESTORE} To begin with an empty one, move {settings.backup_folder} elsewhere.",
        )


def _backups_of(settings: Settings) -> int:
    """How many backups there are of this database."""
    listed = BackupFolder(settings.backup_folder).listed().manifests
    return sum(one.database == database_address(settings) for one in listed)


def header_fault(path: Path) -> str | None:
    """What is wrong with an SQLite file at first sight; None where nothing is.

    SQLite looks, not we: whoever opens the file otherwise and closes it gives up every lock that this process has on it
    (https://www.sqlite.org/howtocorrupt.html, 2.2). The next process to close the database would then take itself for
    the last and remove the log, with what others had committed to it.
    """
    said = _first_look(path) and _first_look(path)  # a log may have been written back between two looks at the file
    if said is None:
        return None
    return f"{said}: {path.stat().st_size:,} bytes"


def _first_look(path: Path) -> str | None:
    """What SQLite says of the first page and the length of a file; None for nothing, or where there is a log."""
    if _has_log(path):
        return None  # what is missing may still be in it
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:
        return None  # it cannot be opened at all, which is told where it is used
    except sqlite3.DatabaseError as error:
        return None if _has_log(path) else _FIRST_SIGHT.get(str(error), str(error))
    return None


def _has_log(path: Path) -> bool:
    log = Path(f"{path}-wal")
    return log.exists() and log.stat().st_size > 0


def sqlite_path(settings: Settings) -> Path | None:
    """The file of the lead database; None where it is no file."""
    url = read_url(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)


def _marker(settings: Settings) -> Path:
    return settings.home / MARKER
