"""The guard over edits made in Airtable: what would remove, blank or change too much in one cycle waits for a person.

What belongs here: the plan of what waits, and what became of it. The limit is `leads.guard`'s, who decides `holds`'.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import xxhash
from sqlalchemy import Connection

from leads_dagster.leads import guard
from leads_dagster.pipeline.airtable_words import edit_of
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_changes, airtable_marks, hold_rows, lead_rows, outbox
from leads_dagster.store.airtable_changes import RecordChange
from leads_dagster.store.airtable_said import text_of
from leads_dagster.store.airtable_state import TableState


def dropped(
    connection: Connection, customer: str, table: TableState, quiet: Sequence[RecordChange]
) -> list[RecordChange]:
    """Edits whose plan a person dropped."""
    refused: dict[str, str] = {}
    for hold in hold_rows.listed(connection, customer, every=True) if quiet else ():
        if hold["source"] == table.source and hold["status"] == "dropped":
            refused.update((one["airtable_id"], one["digest"]) for one in hold["plan"])
    return [one for one in quiet if refused.get(one.record_id) == digest_of(one)]


def digest_of(change: RecordChange) -> str:
    """The same edit of the same record gives the same digest, whenever it is looked at."""
    told = sorted((name, repr(cell), at.isoformat()) for name, (cell, at) in change.cells.items())
    return xxhash.xxh3_64_hexdigest(repr((change.record_id, change.kind, told)).encode())


def guarded(
    ws: Workspace, connection: Connection, table: TableState, ready: Sequence[RecordChange], run_id: str
) -> list[RecordChange]:
    """Without what the guard parks: removals, blanks and changes, where they are more than one cycle may do unasked.

    That no record is left is always asked about: it is another table, or a base that was restored, more often than a
    customer who has no leads any more.
    """
    plan = _plan(ws, connection, table, ready)
    source, known = table.source, lead_rows.count_active(connection, ws.name) if plan else 0
    limit = guard.limit(known, share=ws.customer.guard_share, minimum=ws.customer.guard_minimum)
    standing = hold_rows.standing(connection, ws.name, source)
    judged = plan if standing is None else _judged(standing, plan, limit)
    emptied = any(one["kind"] == "remove" for one in judged) and _is_emptied(connection, ws.name, plan)
    asks = len(judged) > limit or emptied
    if standing is not None and (standing["status"] == "approved" or not asks):
        ended = "applied" if standing["status"] == "approved" else "dissolved"
        hold_rows.settle(connection, standing["id"], ended, at=ws.now())
    if not asks:
        return list(ready)
    hold_rows.put(connection, _hold_row(ws, source, judged, limit, run_id))
    parked = {one["airtable_id"] for one in judged}
    return [change for change in ready if change.record_id not in parked]


def _is_emptied(connection: Connection, customer: str, plan: Sequence[Mapping[str, Any]]) -> bool:
    """Whether of several leads that were shown there none would be left."""
    removed = len([one for one in plan if one["kind"] == "remove"])
    return removed > 1 and removed >= outbox.count_heard(connection, customer, "airtable")


def _judged(hold: Mapping[str, Any], plan: Sequence[Mapping[str, Any]], limit: int) -> list[Mapping[str, Any]]:
    """What of a plan is to be asked about beside a hold: what a person let through is not, nor is what people go on
    typing while it waits, as long as that is not too much itself."""
    if hold["status"] == "approved":
        let_through = {(one["airtable_id"], one["digest"]) for one in hold["plan"]}
        return [one for one in plan if (one["airtable_id"], one["digest"]) not in let_through]
    parked = {one["airtable_id"] for one in hold["plan"]}
    beside = [one for one in plan if one["kind"] == "change" and one["airtable_id"] not in parked]
    return list(plan) if len(beside) > limit else [one for one in plan if one not in beside]


def _plan(
    ws: Workspace, connection: Connection, table: TableState, ready: Sequence[RecordChange]
) -> list[dict[str, Any]]:
    """One row a record that would go, or in which a value would be blanked or changed."""
    shown = airtable_marks.by_record(connection, ws.name, [change.record_id for change in ready])
    living = lead_rows.living_for(connection, [mark.lead_id for mark in shown.values()])
    rows = []
    for change in ready:
        if (mark := shown.get(change.record_id)) is None:
            continue
        edit = edit_of(table, change)
        said = {name: value for name, value in edit.values.items() if (mark.base or {}).get(name) != value}
        lost = {name: value for name, value in said.items() if (mark.base or {}).get(name) is not None}
        goes = change.kind == "deleted" and living.get(mark.lead_id) == mark.lead_id
        if goes or lost:
            kind = "remove" if goes else "blank" if None in lost.values() else "change"
            told = said if goes else lost  # of a deletion all that was typed before: it is refused with it
            fields = {name: text_of(value) or None for name, value in told.items()}
            old = {name: text_of((mark.base or {}).get(name)) or None for name in told}
            rows.append(
                {
                    "record_id": 0, "airtable_id": change.record_id, "digest": digest_of(change),
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


def put_back(ws: Workspace, connection: Connection, table: TableState, refused: Collection[RecordChange]) -> None:
    """What a person refused is no edit: the next push writes over it, or makes the record anew."""
    if not refused:
        return
    shown = airtable_marks.by_record(connection, ws.name, [change.record_id for change in refused])
    there = {
        shown[change.record_id].lead_id: (
            change.record_id,
            edit_of(table, change).over(shown[change.record_id].base),
        )
        for change in refused
        if change.kind != "deleted" and change.record_id in shown
    }
    airtable_marks.note_there(connection, ws.name, there)
    gone = [shown[c.record_id].lead_id for c in refused if c.kind == "deleted" and c.record_id in shown]
    airtable_marks.note_gone(connection, ws.name, gone)
    airtable_changes.drop(connection, refused)
