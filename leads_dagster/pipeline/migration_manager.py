"""The public door to the migration of JSON files: `from leads_dagster.pipeline import MigrationManager`.

What belongs here: three calls that open a customer's road, ask `migrate` and `migrate_log`, and give plain values back.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeAlias

from leads_dagster.pipeline.migrate import backup_files, migrate, new_migration_id
from leads_dagster.pipeline.migrate_log import validate
from leads_dagster.pipeline.migrate_reading import checksum_of_file
from leads_dagster.pipeline.workspace import Workspace, open_workspace
from leads_dagster.settings import Settings, load_settings
from leads_dagster.sources.json_folders import find_files

Paths: TypeAlias = str | Path | Sequence[str | Path]


class MigrationManager:  # the name is DESIGN's
    """Brings JSON files into one customer's leads.

    Args:
        customer: a name; None for the only configured one.
        settings: of the process; from the environment and leads.toml without.
    """

    def __init__(self, customer: str | None = None, *, settings: Settings | None = None) -> None:
        self._settings = settings or load_settings()
        self._customer = customer

    def migrate_json_files(self, paths: Paths, *, dry_run: bool = False) -> dict[str, Any]:
        """Take files and folders in; see `migrate.migrate`.

        Returns:
            What `leads migrate --json` prints.
        """
        with self._opened() as ws:
            return migrate(ws, _listed(paths), dry_run=dry_run).as_dict()

    def backup_json_files(self, paths: Paths) -> list[Path]:
        """Put packed copies of files away under $LEADS_HOME/migrations, without migrating them; returns where they are.

        Raises:
            SettingsError, AccessError, StoreError: a file is not there or may not be read; there is no room.
        """
        with self._opened() as ws:
            files = [(file.path, checksum_of_file(file.path)) for file in find_files(_listed(paths)).files]
            return backup_files(ws, new_migration_id(ws.now()), files)

    def validate_migration(self, migration_id: str) -> dict[str, Any]:
        """Compare the files of a migration with the store again; see `migrate_log.validate`.

        Raises:
            NotFoundError: no such migration.
        """
        with self._opened() as ws:
            return validate(ws, migration_id)

    def _opened(self) -> AbstractContextManager[Workspace]:
        return open_workspace(self._settings, self._customer)


def _listed(paths: Paths) -> list[Path]:
    return [Path(paths)] if isinstance(paths, (str, Path)) else [Path(path) for path in paths]
