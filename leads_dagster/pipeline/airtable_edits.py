"""airtable_edits: what people changed in Airtable, taken into the store once they stopped typing.

What belongs here: which edits are due, and the guard over them. How Airtable is read is `pull`'s business; whose lead
an edit is of, `store.airtable_intake`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import xxhash
from sqlalchemy import Connection

from leads_dagster.customers import AirtableSettings
from leads_dagster.leads import guard
from leads_dagster.mirrors.airtable_values import AirtableColumn, to_lead_value
from leads_dagster.pipeline.airtable_table import known_table
from leads_dagster.pipeline.pull import Pulled, pull
from leads_dagster.pipeline.stages import Outcome, stage
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_changes, airtable_marks, airtable_state, epochs, hold_rows, lead_rows
from leads_dagster.store.airtable_changes import RecordChange
from leads_dagster.store.airtable_intake import KEY, AirtableEdit, AirtableIntake, Taken
from leads_dagster.store.airtable_said import text_of
from leads_dagster.store.airtable_state import TableState
from leads_dagster.store.engine import writing
from leads_dagster.store.statements import chunks

AIRTABLE_EDITS = "airtable_edits"
_AT_ONCE = 500  # records in one transaction


def source_of(table: TableState) -> str:
    """The canonical name of a customer's table, as it stands beside every claim."""
    return f"airtable:{table.base_id}/{table.table_id}"


def take_edits(ws: Workspace, *, run_id: str) -> Outcome:
    """Read Airtable and take in what people changed there; `changed` is False where nothing was.

    Airtable being away is an outcome, not a failure: the sheet goes on, and the next cycle reads on where this one
    stopped.
    """
    airtable = ws.customer.airtable
    if airtable is None:
        return Outcome(False, "none", {"configured": False})
    with stage(ws, run_id, AIRTABLE_EDITS, percent=3, message="Reading Airtable"):
        pulled, ws.pulled = ws.pulled or pull(ws), None
        ws.airtable_failure = None if pulled.status == "parked" else pulled.error
        table = known_table(ws, airtable)
        taken = Taken() if table is None else _take_due(ws, airtable, table, run_id)
    numbers = {"configured": True, **_pull_numbers(pulled), **taken.numbers()}
    changed = any(taken.numbers().values())
    return Outcome(changed, run_id if changed else "same", numbers)


def _pull_numbers(pulled: Pulled) -> dict[str, Any]:
    told = {"pull": pulled.status, "edits_read": pulled.changes, "api_calls": pulled.calls}
    return told if pulled.error is None else {**told, "error": pulled.error.message}


def edits_wait(ws: Workspace, connection: Connection) -> bool:
    """Whether edits could be taken in now: quiet ones, of which no hold keeps them."""
    airtable = ws.customer.airtable
    table = None if airtable is None else airtable_state.table_of(connection, ws.name)
    if airtable is None or table is None or (table.base_id, table.table_name) != (airtable.base_id, airtable.table):
        return False
    quiet = _quiet(ws, airtable, connection, table)
    hold = hold_rows.standing(connection, ws.name, source_of(table)) if quiet else None
    kept = {one["digest"] for one in hold["plan"]} if hold and hold["status"] == "open" else set()
    return any(_digest(change) not in kept for change in quiet)


def _quiet(ws: Workspace, airtable: AirtableSettings, connection: Connection, table: TableState) -> list[RecordChange]:
    before = ws.now() - timedelta(seconds=airtable.debounce_seconds)
    return airtable_changes.quiet(connection, table.base_id, table.table_id, before=before)


def _take_due(ws: Workspace, airtable: AirtableSettings, table: TableState, run_id: str) -> Taken:
    with writing(ws.engine, ws.name) as connection:
        quiet = _quiet(ws, airtable, connection, table)
        refused = _dropped(connection, ws.name, table, quiet)
        _put_back(ws, connection, table, refused)
        ready = _guarded(ws, connection, table, [one for one in quiet if one not in refused], run_id)
    total = Taken()
    for part in chunks(ready, _AT_ONCE):
        _add(total, _take(ws, table, part, run_id))
    return total


def _take(ws: Workspace, table: TableState, part: Sequence[RecordChange], run_id: str) -> Taken:
    edits = [_edit_of(table, change) for change in part]
    with writing(ws.engine, ws.name) as connection:
        now = epochs.moment(connection, ws.name, ws.now())
        intake = AirtableIntake(connection, ws.policy, source=source_of(table), run_id=run_id, now=now)
        taken = intake.take(edits)
        airtable_changes.drop(connection, [one for change in part for one in change.ids])
        newest = max(change.changed_at for change in part)
        seen = {"sweep_due": True} if taken.unknown else {}
        airtable_state.note_table(connection, ws.name, heard_until=newest, **seen)
    return taken


def _add(total: Taken, part: Taken) -> None:
    for name in Taken.__dataclass_fields__:
        setattr(total, name, getattr(total, name) + getattr(part, name))


def _edit_of(table: TableState, change: RecordChange) -> AirtableEdit:
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
    return AirtableEdit(change.record_id, change.kind, values, said_at, change.changed_at, lead_key)


def _column(known: Mapping[str, str]) -> AirtableColumn:
    return AirtableColumn(known["id"], known["name"], known["type"])


# The guard.


def _dropped(
    connection: Connection, customer: str, table: TableState, quiet: Sequence[RecordChange]
) -> list[RecordChange]:
    """Edits whose plan a person dropped."""
    refused: dict[str, str] = {}
    for hold in hold_rows.listed(connection, customer, every=True) if quiet else ():
        if hold["source"] == source_of(table) and hold["status"] == "dropped":
            refused.update((one["airtable_id"], one["digest"]) for one in hold["plan"])
    return [one for one in quiet if refused.get(one.record_id) == _digest(one)]


def _digest(change: RecordChange) -> str:
    """The same edit of the same record gives the same digest, whenever it is looked at."""
    told = sorted((name, repr(cell), at.isoformat()) for name, (cell, at) in change.cells.items())
    return xxhash.xxh3_64_hexdigest(repr((change.record_id, change.kind, told)).encode())


def _guarded(
    ws: Workspace, connection: Connection, table: TableState, ready: Sequence[RecordChange], run_id: str
) -> list[RecordChange]:
    """Without what the guard parks: removals, blanks and changes, where they are more than one cycle may do unasked."""
    plan = _plan(ws, connection, table, ready)
    source, known = source_of(table), lead_rows.count_active(connection, ws.name) if plan else 0
    limit = guard.limit(known, share=ws.customer.guard_share, minimum=ws.customer.guard_minimum)
    standing = hold_rows.standing(connection, ws.name, source)
    approved = standing is not None and _approved(standing, plan)
    if len(plan) <= limit or approved:
        if standing is not None:
            hold_rows.settle(connection, standing["id"], "applied" if approved else "dissolved", at=ws.now())
        return list(ready)
    hold_rows.put(connection, _hold_row(ws, source, plan, limit, run_id))
    parked = {one["airtable_id"] for one in plan}
    return [change for change in ready if change.record_id not in parked]


def _approved(hold: Mapping[str, Any], plan: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a person let exactly these edits through."""
    let_through = {(one["airtable_id"], one["digest"]) for one in hold["plan"]}
    return hold["status"] == "approved" and {(one["airtable_id"], one["digest"]) for one in plan} <= let_through


def _plan(
    ws: Workspace, connection: Connection, table: TableState, ready: Sequence[RecordChange]
) -> list[dict[str, Any]]:
    """One row a record that would go, or in which a value would be blanked or changed."""
    shown = airtable_marks.by_record(connection, ws.name, [change.record_id for change in ready])
    rows = []
    for change in ready:
        if (mark := shown.get(change.record_id)) is None:
            continue
        edit = _edit_of(table, change)
        lost = {name: value for name, value in edit.values.items() if (mark.base or {}).get(name) not in (None, value)}
        if change.kind == "deleted" or lost:
            kind = "remove" if change.kind == "deleted" else "blank" if None in lost.values() else "change"
            fields = {name: text_of(value) or None for name, value in lost.items()}
            old = {name: text_of((mark.base or {}).get(name)) or None for name in lost}
            rows.append(
                {
                    "record_id": 0, "airtable_id": change.record_id, "digest": _digest(change),
                    "lead_id": mark.lead_id, "kind": kind, "fields": fields, "old": old,
                }
            )  # fmt: skip
    return rows


def _plan_hash(plan: Iterable[Mapping[str, Any]]) -> str:
    return xxhash.xxh3_128_hexdigest("\n".join(sorted(str(one["digest"]) for one in plan)).encode())


def _hold_row(ws: Workspace, source: str, plan: Sequence[Mapping[str, Any]], limit: int, run_id: str) -> dict[str, Any]:
    kinds = [one["kind"] for one in plan]
    return {
        "customer": ws.name, "source": source, "plan_hash": _plan_hash(plan), "status": "open",
        "removals": kinds.count("remove"), "changes": kinds.count("change"), "blanks": kinds.count("blank"),
        "limit_rows": limit, "plan": list(plan), "created_at": ws.now(), "run_id": run_id,
    }  # fmt: skip


def _put_back(ws: Workspace, connection: Connection, table: TableState, refused: Collection[RecordChange]) -> None:
    """What a person refused is no edit: the next push writes over it, or makes the record anew."""
    if not refused:
        return
    shown = airtable_marks.by_record(connection, ws.name, [change.record_id for change in refused])
    there = {
        shown[change.record_id].lead_id: (
            change.record_id,
            {**(shown[change.record_id].base or {}), **_edit_of(table, change).values},
        )
        for change in refused
        if change.kind != "deleted" and change.record_id in shown
    }
    airtable_marks.note_there(connection, ws.name, there)
    gone = [shown[c.record_id].lead_id for c in refused if c.kind == "deleted" and c.record_id in shown]
    airtable_marks.note_gone(connection, ws.name, gone)
    airtable_changes.drop(connection, [one for change in refused for one in change.ids])
