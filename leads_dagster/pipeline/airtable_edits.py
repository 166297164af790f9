"""airtable_edits: what people changed in Airtable, taken into the store once they stopped typing.

What belongs here: which edits are due. How Airtable is read is `pull`'s business, what is too much at once
`airtable_guard`'s, and whose lead an edit is of `store.airtable_intake`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from leads_dagster.customers import AirtableSettings
from leads_dagster.pipeline.airtable_guard import digest_of, dropped, guarded, put_back
from leads_dagster.pipeline.airtable_table import known_table
from leads_dagster.pipeline.airtable_words import edit_of
from leads_dagster.pipeline.freshness import Measuring
from leads_dagster.pipeline.pull import Pulled, pull_for_cycle
from leads_dagster.pipeline.stages import Outcome, stage
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_changes, airtable_state, epochs, hold_rows
from leads_dagster.store.airtable_changes import RecordChange
from leads_dagster.store.airtable_edit import Taken
from leads_dagster.store.airtable_intake import AirtableIntake
from leads_dagster.store.airtable_state import TableState
from leads_dagster.store.engine import writing
from leads_dagster.store.statements import chunks

AIRTABLE_EDITS = "airtable_edits"
_AT_ONCE = 500  # records in one transaction


def take_edits(ws: Workspace, *, run_id: str) -> Outcome:
    """Read Airtable and take in what people changed there; `changed` is False where nothing was.

    Airtable being away is an outcome, not a failure: the sheet goes on, and the next cycle reads on where this one
    stopped.
    """
    airtable = ws.customer.airtable
    if airtable is None:
        return Outcome(False, "none", {"configured": False})
    with stage(ws, run_id, AIRTABLE_EDITS, percent=3, message="Reading Airtable"):
        pulled, ws.pulled = ws.pulled or pull_for_cycle(ws), None
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
    hold = hold_rows.standing(connection, ws.name, table.source) if quiet else None
    kept = {one["digest"] for one in hold["plan"]} if hold and hold["status"] == "open" else set()
    return any(digest_of(change) not in kept for change in quiet)


def _quiet(ws: Workspace, airtable: AirtableSettings, connection: Connection, table: TableState) -> list[RecordChange]:
    return airtable_changes.quiet(
        connection, table.base_id, table.table_id, now=ws.now(), debounce_seconds=airtable.debounce_seconds
    )


def _take_due(ws: Workspace, airtable: AirtableSettings, table: TableState, run_id: str) -> Taken:
    with writing(ws.engine, ws.name) as connection:
        quiet = _quiet(ws, airtable, connection, table)
        refused = dropped(connection, ws.name, table, quiet)
        put_back(ws, connection, table, refused)
        ready = guarded(ws, connection, table, [one for one in quiet if one not in refused], run_id)
    total = Taken()
    for part in chunks(ready, _AT_ONCE):
        _add(total, _take(ws, table, part, run_id))
    return total


def _take(ws: Workspace, table: TableState, part: Sequence[RecordChange], run_id: str) -> Taken:
    edits = [edit_of(table, change) for change in part]
    with writing(ws.engine, ws.name) as connection:
        newest = max(change.changed_at for change in part)  # later than now, where the clock was put back since
        now = epochs.moment(connection, ws.name, max(newest, ws.now()))
        first = min(_seen_at(change) for change in part)
        intake = AirtableIntake(connection, ws.policy, source=table.source, run_id=run_id, now=now, seen_at=first)
        taken = intake.take(edits)
        _measure(ws, connection, part, run_id)
        airtable_changes.drop(connection, part)
        seen = {"sweep_due": True} if taken.unknown else {}
        airtable_state.note_table(connection, ws.name, heard_until=newest, **seen)
    return taken


def _seen_at(change: RecordChange) -> datetime:
    """When the first of a record's edits was seen here."""
    return min(seen_at for _, seen_at in change.rows)


def _measure(ws: Workspace, connection: Connection, part: Sequence[RecordChange], run_id: str) -> None:
    for change in part:
        ws.made_at[_seen_at(change)] = change.changed_at
    Measuring(ws, run_id, "store").note(connection, [_seen_at(change) for change in part])


def _add(total: Taken, part: Taken) -> None:
    for name in Taken.__dataclass_fields__:
        setattr(total, name, getattr(total, name) + getattr(part, name))
