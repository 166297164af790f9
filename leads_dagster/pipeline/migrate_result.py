"""What a migration did, or would do, file by file.

What belongs here: the values, and how they are summed and shown as JSON.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from leads_dagster.pipeline.migrate_writing import STATES

FileStatus = Literal["planned", "done", "unchanged", "failed"]


@dataclass(slots=True)
class FileResult:
    """What became of one file.

    Attributes:
        path: as the person named it.
        status: planned (a dry run), done, unchanged (it came in before, whole), failed.
        migration_id: the migration that holds it.
        summary: `Tally.summary`, with `check` where it was made, `breaks_off` where the file does.
        error: why it failed, in words.
    """

    path: str
    status: FileStatus
    migration_id: str | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def sound(self) -> bool:
        """Whether all of the file came in and the store holds it."""
        return self.status != "failed" and not self.summary.get("breaks_off") and self._checked

    @property
    def _checked(self) -> bool:
        return bool(self.summary.get("check", {}).get("passed", True))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        shown = {name: value for name, value in self.summary.items() if name != "rules"}
        return {
            "path": self.path, "status": self.status, "migration_id": self.migration_id, **shown, "error": self.error,
        }  # fmt: skip


@dataclass(slots=True)
class MigrationResult:
    """What a migration did, or would do.

    Attributes:
        migration_id: None where nothing was to be done, and of a dry run.
        left_out: why -> how many files of the folders were not read.
        backup: name of the backup of the database.
        resumed: whether a migration that had been interrupted was taken up.
    """

    customer: str
    dry_run: bool
    files: list[FileResult]
    left_out: dict[str, int]
    migration_id: str | None = None
    backup: str | None = None
    resumed: bool = False
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """failed where any file is not sound; else planned, unchanged or done."""
        if not all(file.sound for file in self.files):
            return "failed"
        kinds = {file.status for file in self.files}
        return next(kind for kind in ("planned", "done", "unchanged") if kind in kinds)

    @property
    def rows(self) -> dict[str, int]:
        """State -> records of all files; `read` is their sum."""
        total: Counter[str] = Counter(dict.fromkeys(("read", *STATES), 0))
        for file in self.files:
            total.update(file.summary.get("rows", {}))
        return dict(total)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "customer": self.customer, "migration_id": self.migration_id, "status": self.status,
            "dry_run": self.dry_run, "resumed": self.resumed, "rows": self.rows,
            "files": [file.as_dict() for file in self.files], "left_out": self.left_out, "backup": self.backup,
            "seconds": round(self.seconds, 3),
        }  # fmt: skip
