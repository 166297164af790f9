"""Drift: where the sheet and a lead say different things. It is shown, not hidden, and not written to the sheet."""

from __future__ import annotations

from typing import Any

import numpy as np

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import lead_rows, ledger, records
from leads_dagster.store.engine import reading
from leads_dagster.store.statements import chunks

_CHUNK = 1000


def drift(ws: Workspace) -> list[dict[str, Any]]:
    """Every cell whose lead says something else: row (1-based, the header is row 1), lead_id, field, sheet, lead."""
    with reading(ws.engine) as connection:
        state = ledger.source_state(connection, ws.name, ws.source)
        order = np.frombuffer(state.record_ids, dtype="<i8").tolist()
        row_of = {record: index + 2 for index, record in enumerate(order)}
        said = list(records.sayings(connection, ws.name, ws.source))
        found: list[dict[str, Any]] = []
        for part in chunks(said, _CHUNK):
            leads = lead_rows.load(connection, [lead for _, lead, _ in part])
            for record, lead, fields in part:
                found += _differences(row_of.get(record), lead, fields, lead_rows.to_texts(leads[lead]))
    return sorted(found, key=lambda one: (one["row"] or 0, one["field"]))


def _differences(row: int | None, lead: str, fields: dict[str, str], has: dict[str, str]) -> list[dict[str, Any]]:
    shown = lead_rows.to_texts(lead_rows.to_columns(fields))
    return [
        {"row": row, "lead_id": lead, "field": name, "sheet": value, "lead": has.get(name)}
        for name, value in shown.items()
        if has.get(name) != value
    ]
