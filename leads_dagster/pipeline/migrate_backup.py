"""The backup of the lead database that a migration makes before its first write.

What belongs here: the one call. How backups are made and kept is `backup`'s business.
"""

from __future__ import annotations

from leads_dagster.pipeline.migrate_archive import migration_folder
from leads_dagster.pipeline.migrate_trial import copy_sqlite
from leads_dagster.pipeline.workspace import Workspace


def backup_database(ws: Workspace, migration_id: str) -> str | None:
    """Back the lead database up; returns the backup's name.

    Raises:
        StoreError: it cannot be made; nothing is to be written then.
    """
    if ws.engine.dialect.name != "sqlite":
        return None
    target = migration_folder(ws.settings.prepare_home(), migration_id) / "leads.db"
    target.unlink(missing_ok=True)
    copy_sqlite(ws.engine, target)
    return str(target.relative_to(ws.settings.home))
