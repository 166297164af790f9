"""Records in Airtable beside the one that shows their lead: what becomes of them.

What belongs here: taking out those that hold nothing which the lead does not keep, and leaving the others alone with
the reason. What such a record says is part of its lead in either case: it was taken in as a row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.airtable_access import read_refused, write_refused
from leads_dagster.mirrors.airtable_errors import AirtableRefusedError
from leads_dagster.mirrors.airtable_schema import Target
from leads_dagster.mirrors.airtable_values import COMPUTED_TYPES
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_changes, airtable_duplicates, airtable_marks
from leads_dagster.store.engine import reading, writing

_HOLDS_MORE = "It holds what its lead does not keep: {fields}. Move that to the lead's record, then delete this one."


def any_open(ws: Workspace) -> bool:
    """Whether there are duplicates that nobody looked at yet."""
    if ws.customer.airtable is None:
        return False
    with reading(ws.engine) as connection:
        return bool(airtable_duplicates.listed(connection, ws.name, status="open"))


def take_out(ws: Workspace, base_id: str, target: Target, mirror: AirtableMirror) -> dict[str, int]:
    """Delete the open duplicates that hold nothing of their own; keep the others, with the reason.

    Returns:
        Counts for metadata.

    Raises:
        LeadsError: Airtable is away; they stay open.
    """
    with reading(ws.engine) as connection:
        found = airtable_duplicates.listed(connection, ws.name, status="open")
        records = [one["record_id"] for one in found]
        waiting = airtable_changes.waiting(connection, base_id, target.table, records)
        shown = airtable_marks.by_record(connection, ws.name, records)
    done = {"duplicates_deleted": 0, "duplicates_kept": 0}
    for record in (one for one in records if one in shown):  # its lead lost the other record meanwhile
        _forget(ws, record)
    try:
        computed = _computed(base_id, target, mirror) if found else frozenset()
        for record in (one for one in records if one not in shown and one not in waiting):
            outcome = _take_out_one(ws, base_id, target, mirror, record, computed=computed)
            done[outcome] += 1
    except AirtableRefusedError as refused:
        raise read_refused(mirror.requests, base_id, target.table, refused) from refused
    return {name: number for name, number in done.items() if number}


def _take_out_one(
    ws: Workspace, base_id: str, target: Target, mirror: AirtableMirror, record_id: str, *, computed: Collection[str]
) -> str:
    cells = _cells(base_id, target, mirror, record_id)
    more = [] if cells is None else sorted(_beside(target, computed, cells))
    if more:
        with writing(ws.engine) as connection:
            airtable_duplicates.keep(connection, record_id, reason=_HOLDS_MORE.format(fields=", ".join(more)))
        return "duplicates_kept"
    if cells is not None:
        _delete(base_id, target, mirror, record_id)
    _forget(ws, record_id)
    return "duplicates_deleted"


def _cells(base_id: str, target: Target, mirror: AirtableMirror, record_id: str) -> Mapping[str, Any] | None:
    """Field name -> cell; None where the record is gone."""
    try:
        cells: Mapping[str, Any] = mirror.requests.get(base_id, target.table, record_id)["fields"]
    except AirtableRefusedError as refused:
        if not (refused.names_record or refused.status == 404):
            raise
        return None
    return cells


def _delete(base_id: str, target: Target, mirror: AirtableMirror, record_id: str) -> None:
    try:
        mirror.requests.send(lambda api: api.table(base_id, target.table).batch_delete([record_id]))
    except AirtableRefusedError as refused:
        if not (refused.names_record or refused.status == 404):  # else it is gone: the first answer was lost
            raise write_refused(mirror.requests, base_id, target.table, refused) from refused


def _beside(target: Target, computed: Collection[str], cells: Mapping[str, Any]) -> Iterable[str]:
    """Names of filled fields that no lead keeps, and that a person filled."""
    ours = {target.key.name, *(column.name for column in target.columns.values()), *computed}
    return [name for name in cells if name not in ours]


def _computed(base_id: str, target: Target, mirror: AirtableMirror) -> frozenset[str]:
    """Names of the table's fields that Airtable fills itself; none where the schema may not be read."""
    if target.by_name:
        return frozenset()
    tables = mirror.requests.get("meta", "bases", base_id, "tables")["tables"]
    fields = next(table["fields"] for table in tables if table["id"] == target.table)
    return frozenset(one["name"] for one in fields if one["type"] in COMPUTED_TYPES)


def _forget(ws: Workspace, record_id: str) -> None:
    with writing(ws.engine) as connection:
        airtable_duplicates.forget(connection, [record_id])
