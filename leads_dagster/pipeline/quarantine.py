"""Rows that could not be leads: listing and showing them. They leave by themselves when the sheet is mended."""

from __future__ import annotations

from typing import Any

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import records
from leads_dagster.store.engine import reading


def list_(ws: Workspace, *, limit: int = 100) -> list[dict[str, Any]]:
    """Rows in quarantine in sheet order: record_id, row_number, code, column, cell, message, suggestion, since_at."""
    with reading(ws.engine) as connection:
        rows = records.quarantined(connection, ws.name, limit)
    return [{name: value for name, value in row.items() if name not in ("customer", "raw")} for row in rows]


def show(ws: Workspace, record_id: int) -> dict[str, Any]:
    """One row in quarantine, with all its cells.

    Raises:
        NotFoundError: it is not there, or not any more.
    """
    with reading(ws.engine) as connection:
        return records.quarantined_one(connection, ws.name, record_id)


def reasons(ws: Workspace) -> dict[str, int]:
    """How many rows stand there for which reason."""
    with reading(ws.engine) as connection:
        return records.quarantined_by_code(connection, ws.name)
