"""Looking at migrations, checking one again, and rolling one back.

What belongs here: what people ask of a migration after it ran. Nothing is deleted by a rollback: it is a decision over
the fold, and taken back like any other; records that could not be leads leave the quarantine with it.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from leads_dagster.errors import ConflictError, LeadsError, NotFoundError
from leads_dagster.pipeline.migrate_archive import Archive
from leads_dagster.pipeline.migrate_check import check_file
from leads_dagster.pipeline.migrate_reading import survey
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.sources.json_folders import JsonFile
from leads_dagster.store import epochs, migration_log
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.migration_log import MigratedFile
from leads_dagster.store.person import who_asks
from leads_dagster.store.undo import Undoing
from leads_dagster.store.undo_run import undo_run


def list_(ws: Workspace, *, limit: int = 100) -> list[dict[str, Any]]:
    """Files that were migrated, newest first: migration_id, path, status, position, rows, started_at, finished_at."""
    with reading(ws.engine) as connection:
        return [_shown(row) for row in migration_log.listed(connection, ws.name, limit)]


def _shown(row: MigratedFile) -> dict[str, Any]:
    kept = {name: value for name, value in asdict(row).items() if name not in ("id", "summary", "checksum")}
    return {**kept, "rows": row.summary.get("rows", {})}


def rollback(ws: Workspace, migration_id: str) -> dict[str, Any]:
    """Take back what a migration did, but for leads that somebody edited since and values overtaken since.

    Returns:
        migration_id, status, files, decision_id (by which it can be taken back), and what was undone and what was left.

    Raises:
        NotFoundError: no such migration.
        ConflictError: it was rolled back already.
    """
    with writing(ws.engine, ws.name) as connection:
        files = _files(connection, ws, migration_id)
        undone = _undo(connection, ws, migration_id)
        for source in {JsonFile(Path(row.path), row.path).source for row in files}:
            migration_log.clear_quarantine(connection, ws.name, source, run_id=migration_id, at=ws.now())
        for row in files:
            migration_log.change(connection, row.id, status="rolled_back", finished_at=ws.now())
    return {
        "customer": ws.name, "migration_id": migration_id, "status": "rolled_back",
        "files": [row.path for row in files], **undone,
    }  # fmt: skip


def _files(connection: Connection, ws: Workspace, migration_id: str) -> list[MigratedFile]:
    files = migration_log.files_of(connection, ws.name, migration_id)
    if not files:
        raise NotFoundError(
            f"There is no migration {migration_id} of customer {ws.name}.", advice="See `leads migrate --list`."
        )
    if all(row.status == "rolled_back" for row in files):
        raise ConflictError(
            f"Migration {migration_id} was rolled back already.", advice="Migrate the files again to have it back."
        )
    return files


def _undo(connection: Connection, ws: Workspace, migration_id: str) -> dict[str, Any]:
    if not migration_log.claimed_anything(connection, migration_id):
        return {"decision_id": None, "records_undone": 0, "values_undone": 0, "records_left": 0, "left": []}
    at = epochs.moment(connection, ws.name, ws.now())
    reason = f"rollback of {migration_id}"
    undoing = Undoing(connection, ws.policy, f"undo-{uuid.uuid4().hex}", who_asks(), at, reason=reason)
    done = undo_run(undoing, migration_id)
    return {"decision_id": done.decision_id, **done.facts}


def validate(ws: Workspace, migration_id: str) -> dict[str, Any]:
    """Compare the files of a migration with the store again, as right after it.

    Returns:
        migration_id, passed, files: of each path and what `Check.as_dict` says; `error` where it could not be read.

    Raises:
        NotFoundError: no such migration.
    """
    with reading(ws.engine) as connection:
        files = migration_log.files_of(connection, ws.name, migration_id)
        if not files:
            raise NotFoundError(f"There is no migration {migration_id} of customer {ws.name}.")
        checks = [_validated(connection, ws, row) for row in files]
    return {"migration_id": migration_id, "passed": all(check["passed"] for check in checks), "files": checks}


def _validated(connection: Connection, ws: Workspace, row: MigratedFile) -> dict[str, Any]:
    path = Path(row.path)
    copy = Archive(ws.settings.home, row.migration_id).path_of(path, row.checksum or "")
    limit = ws.settings.max_sheet_bytes
    try:
        here = copy if copy.exists() else path
        file, columns = JsonFile(path, row.path), ws.customer.columns
        found = survey(file, at=here, columns=columns, learned=ws.learned_headers, max_bytes=limit)
        return {"path": row.path, **check_file(connection, ws.policy, found, here, max_bytes=limit).as_dict()}
    except LeadsError as error:
        return {"path": row.path, "passed": False, "error": str(error)}
