"""Drift: where the sheet and a lead say different things. It is shown, not hidden, and not written to the sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import lead_rows, ledger, records
from leads_dagster.store.engine import reading
from leads_dagster.store.statements import chunks

_CHUNK = 1000
Saying = tuple[int, str, dict[str, str]]  # record, its lead, what its source says


def drift(ws: Workspace) -> list[dict[str, Any]]:
    """Every cell whose lead says something else.

    Returns:
        row (1-based, the header is row 1), lead_id, field, sheet (what the row says), lead (what the lead has), and
        said_by: the row of the same sheet, or the source, whose word the lead follows; "a person" for a decision.
    """
    with reading(ws.engine) as connection:
        source = ledger.read_last(connection, ws.name, ws.source)
        state = ledger.source_state(connection, ws.name, source)
        order = np.frombuffer(state.record_ids, dtype="<i8").tolist()
        row_of = {record: index + 2 for index, record in enumerate(order)}
        said = list(records.sayings(connection, ws.name, source))
        found: list[dict[str, Any]] = []
        for part in chunks(said, _CHUNK):
            leads = lead_rows.load(connection, [lead for _, lead, _ in part])
            for record, lead, fields in part:
                found += _differences(row_of.get(record), lead, fields, lead_rows.to_texts(leads[lead]))
        _name_the_others(found, said, row_of)
    return sorted(found, key=lambda one: (one["row"] or 0, one["field"]))


def _name_the_others(found: list[dict[str, Any]], said: Sequence[Saying], row_of: Mapping[int, int]) -> None:
    """Add to each difference who says what the lead has."""
    drifting = {one["lead_id"] for one in found}
    rows: dict[tuple[str, str, str], int] = {}
    for record, lead, fields in said:
        if lead in drifting:
            for name, value in _shown(fields).items():
                rows.setdefault((lead, name, value), row_of.get(record, 0))
    for one in found:
        row = rows.get((one["lead_id"], one["field"], one["lead"] or ""))
        one["said_by"] = f"row {row}" if row else "a person or another source"


def _shown(fields: dict[str, str]) -> dict[str, str]:
    return lead_rows.to_texts(lead_rows.to_columns(fields))


def _differences(row: int | None, lead: str, fields: dict[str, str], has: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"row": row, "lead_id": lead, "field": name, "sheet": value, "lead": has.get(name)}
        for name, value in _shown(fields).items()
        if has.get(name) != value
    ]
