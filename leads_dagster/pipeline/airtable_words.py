"""Edits made in Airtable, in the lead's words. Pure.

What belongs here: which cell is which field of a lead. How a cell's value is read is `mirrors.airtable_values`'.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leads_dagster.mirrors.airtable_values import AirtableColumn, to_lead_value
from leads_dagster.store.airtable_changes import RecordChange
from leads_dagster.store.airtable_edit import AirtableEdit
from leads_dagster.store.airtable_marks import KEY
from leads_dagster.store.airtable_state import TableState


def edit_of(table: TableState, change: RecordChange) -> AirtableEdit:
    """A change in the lead's words; cells of fields that are not kept in step are left out."""
    field_of = {str(known["id"]): name for name, known in table.fields.items()}
    values: dict[str, Any] = {}
    said_at: dict[str, datetime] = {}
    lead_key = None
    for field_id, (cell, at) in change.cells.items():
        name = field_of.get(field_id)
        if name == KEY:
            lead_key = str(cell) if cell else None
        elif name is not None:
            values[name] = to_lead_value(name, _column(table.fields[name]), cell)
            said_at[name] = at
    if change.kind == "created":  # what is not told of a new record is blank there
        values = {**{name: None for name in table.fields if name != KEY}, **values}
    over = frozenset(field_of[one] for one in change.overwritten if one in field_of)
    return AirtableEdit(change.record_id, change.kind, values, said_at, change.changed_at, lead_key, over)


def _column(known: Mapping[str, str]) -> AirtableColumn:
    return AirtableColumn(known["id"], known["name"], known["type"])
