"""Use cases, one module a verb; no Dagster and no command line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leads_dagster.pipeline.migration_manager import MigrationManager

__all__ = ["MigrationManager"]


def __getattr__(name: str) -> Any:
    """The public door, imported when it is asked for: every use case pays for this module."""
    if name != "MigrationManager":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from leads_dagster.pipeline.migration_manager import MigrationManager

    return MigrationManager
