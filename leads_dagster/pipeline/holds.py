"""Plans that the guard parked: looking at them, letting them through, refusing them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection

from leads_dagster.pipeline.sheet_rows import row_numbers
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import history, hold_rows, lead_rows
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.person import who_asks

_NEXT = {
    "open": "Waits for a decision: `leads holds approve {id}` or `leads holds drop {id}`. Until then these rows do not "
    "count, and all others do. Rows that return dissolve it.",
    "approved": "The next sync does what the plan says, as far as it is still the same then.",
    "dropped": "Its leads stay as they are, and its rows held, until they change again or return; "
    "`leads holds approve {id}` takes that back.",
    "applied": "Done.",
    "dissolved": "The rows returned or changed: nothing is left to decide.",
}
# Of a plan to match all records by other rules; what differs from the above.
_NEXT_OF_MATCHING = {
    "open": "The rules of matching changed, and would give these records other leads. `leads holds approve {id}` lets "
    "the next sync do it, `leads holds drop {id}` leaves them as they are. New and changed rows are matched by the new "
    "rules in any case.",
    "approved": "The next sync matches all records by the new rules.",
    "dropped": "These records stay as they are, until their rows change; `leads holds approve {id}` takes that back.",
    "dissolved": "The rules changed again, or nothing would come of them any more.",
}


def list_(ws: Workspace, *, every: bool = False) -> list[dict[str, Any]]:
    """Holds, newest first, without their rows; only those that stand unless `every`.

    Returns:
        id, source, plan_hash, status (open, approved, applied, dropped, dissolved), removals, changes, blanks,
        limit_rows, created_at, decided_at, decided_by, run_id, next: what happens now.
    """
    with reading(ws.engine) as connection:
        found = hold_rows.listed(connection, ws.name, every=every)
    return [_facts(hold) for hold in found]


def show(ws: Workspace, hold_id: int) -> dict[str, Any]:
    """One hold with exactly what its plan would do.

    Returns:
        as `list_`, and plan: a row each with record_id, row (of the sheet; None where it is gone from it), lead_id,
        lead (its name), kind (remove, change, blank; join or part where only the matching differs), changes
        ([{field, old, new}]: what the row said, and says), and then: what becomes of the lead, where the row goes or
        the record would get another one.

    Raises:
        NotFoundError: this customer has no such hold.
    """
    with reading(ws.engine) as connection:
        hold = hold_rows.get(connection, ws.name, hold_id)
        return {**_facts(hold), "plan": _plan(ws, connection, hold)}


def approve(ws: Workspace, hold_id: int, *, who: str | None = None) -> dict[str, Any]:
    """Let the next cycle do what the plan says, as far as its source, a sheet or Airtable, still says the same then.

    Raises:
        NotFoundError, ConflictError: no such hold, or it no longer stands.
    """
    return _decide(ws, hold_id, "approved", who)


def drop(ws: Workspace, hold_id: int, *, who: str | None = None) -> dict[str, Any]:
    """Refuse the plan: the rows, or what Airtable shows, stay as they were until their source says something else.

    Raises:
        NotFoundError, ConflictError: no such hold, or it no longer stands.
    """
    return _decide(ws, hold_id, "dropped", who)


def _decide(ws: Workspace, hold_id: int, status: Literal["approved", "dropped"], who: str | None) -> dict[str, Any]:
    with writing(ws.engine, ws.name) as connection:
        hold_rows.decide(connection, ws.name, hold_id, status, who=who_asks(who), at=ws.now())
        decided = hold_rows.get(connection, ws.name, hold_id)
    return _facts(decided)


def _facts(hold: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: value for name, value in hold.items() if name not in ("customer", "plan")}
    words = {**_NEXT, **_NEXT_OF_MATCHING} if hold["source"] == hold_rows.MATCHING else _NEXT
    return {**facts, "next": words[hold["status"]].format(id=hold["id"])}


def _plan(ws: Workspace, connection: Connection, hold: Mapping[str, Any]) -> list[dict[str, Any]]:
    plan = hold["plan"]
    rows = row_numbers(ws, connection, hold["source"])
    leads = lead_rows.load(connection, sorted({one["lead_id"] for one in plan if one["lead_id"]}))
    said = _said(connection, hold)
    then = _then(ws, connection, plan)
    told = [
        {
            "record_id": one["record_id"],
            "row": None if one["kind"] == "remove" else rows.get(one["record_id"]),
            "lead_id": one["lead_id"],
            "lead": leads[one["lead_id"]]["full_name"] if one["lead_id"] in leads else None,
            "kind": one["kind"],
            "changes": _changes(one, one.get("old") or said.get(one["record_id"], {})),
            "then": one.get("then") or then.get(one["record_id"]),
        }
        for one in plan
    ]
    return sorted(told, key=lambda one: (one["row"] is None, one["row"] or one["record_id"]))


def _said(connection: Connection, hold: Mapping[str, Any]) -> dict[int, dict[str, str | None]]:
    """Record -> field -> what the row said when the plan was parked, whatever became of it since."""
    found: dict[int, dict[str, str | None]] = {}
    for claim in history.claims_ever(connection, [one["record_id"] for one in hold["plan"]]):
        if claim.changed_at <= hold["created_at"]:
            found.setdefault(claim.record_id, {})[claim.field] = claim.value
    return found


def _changes(one: Mapping[str, Any], said: Mapping[str, str | None]) -> list[dict[str, Any]]:
    if one["kind"] in ("join", "part"):
        return []
    if one["kind"] == "remove" and not one["fields"]:
        return [{"field": name, "old": value, "new": None} for name, value in sorted(said.items()) if value is not None]
    new = one["fields"] or {}
    return [{"field": name, "old": said.get(name), "new": value} for name, value in sorted(new.items())]


def _then(ws: Workspace, connection: Connection, plan: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Record -> what becomes of its lead, of rows that would go."""
    leaving = Counter(one["lead_id"] for one in plan if one["kind"] == "remove" and one["lead_id"])
    live = lead_rows.records_per_lead(connection, list(leaving))
    last = {
        "archive": "its lead is archived",
        "keep": "its lead stays as it is",
        "delete": "its lead is archived here and deleted from the CRM and Airtable",
    }[ws.customer.delete_policy]
    return {
        one["record_id"]: last if live.get(one["lead_id"], 0) <= leaving[one["lead_id"]] else "its lead has other rows"
        for one in plan
        if one["kind"] == "remove" and one["lead_id"]
    }
