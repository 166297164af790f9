"""The backup of the lead database that a migration makes before its first write.

What belongs here: the one call. How backups are made and kept is `backup`'s business.
"""

from __future__ import annotations

from leads_dagster.pipeline.backup import create
from leads_dagster.pipeline.workspace import Workspace


def backup_database(ws: Workspace, migration_id: str) -> str | None:
    """Back the lead database up; returns the backup's name, as `leads backup list` shows it.

    Raises:
        StoreError, StoreBusyError, CredentialsError: it cannot be made; nothing is to be written then.
    """
    return create(ws.settings, reason="before-migration").name
