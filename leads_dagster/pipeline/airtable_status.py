"""How a customer's Airtable stands, in one word and the facts behind it.

What belongs here: the word. What each one means for a team is in docs/airtable.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from leads_dagster.budget.status import LimitStatus
from leads_dagster.pipeline import airtable_refused
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_changes, airtable_duplicates, airtable_state, hold_rows, outbox, outbox_marks
from leads_dagster.store.airtable_refusals import Refusal
from leads_dagster.store.airtable_state import HookState, TableState

AirtableState = Literal["off", "new", "in_step", "settling", "behind", "held", "refused", "unreachable", "parked"]

# The worst first: of those that hold, the first is shown.
_ORDER: tuple[AirtableState, ...] = ("parked", "unreachable", "refused", "held", "behind", "settling", "in_step")


def airtable_status(ws: Workspace, connection: Connection, budget: tuple[LimitStatus, ...] = ()) -> dict[str, Any]:
    """Where the customer's Airtable stands.

    Returns:
        state, and beside it: table (base and id), hook (active, lost, refused), read_at, swept_at, edits_waiting,
        outbox (status -> leads), left_out (leads of which Airtable does not take all values: `leads outbox` says
        which), duplicates, problems (lead field -> why it is not kept in step), error, parked_until; and where token,
        base or table are refused, asked_again_at and refused_times.
    """
    airtable = ws.customer.airtable
    if airtable is None:
        return {"state": "off"}
    table = airtable_state.table_of(connection, ws.name)
    if table is None or (table.base_id, table.table_name) != (airtable.base_id, airtable.table):
        return _never_reached(ws, connection, f"{airtable.base_id}/{airtable.table}")
    hook = airtable_state.hook_of(connection, airtable.base_id)
    counts = outbox.counts(connection, ws.name).get("airtable", {})
    left_out = outbox_marks.count_left_out(connection, ws.name, "airtable")
    due = outbox.count_due(connection, ws.name, ["airtable"], now=ws.now())
    edits = airtable_changes.count(connection, table.base_id, table.table_id)
    parked_until = _parked_until(airtable.base_id, budget)
    refusal = next(iter(airtable_refused.standing(ws, connection)), None)
    held = hold_rows.stands_open(connection, ws.name, table.source)
    holding: Mapping[AirtableState, bool] = {
        "parked": parked_until is not None,
        "unreachable": refusal is not None or ((table.error or hook.error) is not None and hook.status != "refused"),
        "refused": counts.get("dead", 0) > 0 or bool(table.problems) or left_out > 0,
        "held": held,
        "behind": due > 0 or counts.get("failed", 0) > 0,
        "settling": edits > 0 or counts.get("pending", 0) > 0,
        "in_step": True,
    }
    state = next(word for word in _ORDER if holding[word])
    return {
        "state": state,
        **_facts(table, hook, counts, parked_until),
        **_refused(refusal),
        "left_out": left_out,
        "edits_waiting": edits,
        **_doubles(connection, ws),
    }


def _never_reached(ws: Workspace, connection: Connection, name: str) -> dict[str, Any]:
    refusal = next(iter(airtable_refused.standing(ws, connection)), None)
    return {"state": "new" if refusal is None else "unreachable", "table": name, **_refused(refusal)}


def _refused(refusal: Refusal | None) -> dict[str, Any]:
    if refusal is None:
        return {}
    return {"error": refusal.error, "asked_again_at": refusal.ask_at, "refused_times": refusal.tries}


def _parked_until(base_id: str, budget: tuple[LimitStatus, ...]) -> datetime | None:
    """Until when the base is parked, by its own limit or its workspace's."""
    mine = (one for one in budget if one.name.startswith(("airtable workspace", f"airtable base {base_id}")))
    return max((one.parked_until for one in mine if one.parked_until is not None), default=None)


def _facts(
    table: TableState, hook: HookState, counts: Mapping[str, int], parked_until: datetime | None
) -> dict[str, Any]:
    return {
        "table": f"{table.base_id}/{table.table_id}",
        "hook": hook.status,
        "read_at": hook.read_at,
        "swept_at": table.swept_at,
        "outbox": dict(counts),
        "problems": dict(table.problems),
        "error": table.error or hook.error,
        "parked_until": parked_until,
    }


def _doubles(connection: Connection, ws: Workspace) -> dict[str, Any]:
    found = airtable_duplicates.listed(connection, ws.name)
    return {"duplicates": [{name: one[name] for name in ("record_id", "lead_id", "reason")} for one in found]}
