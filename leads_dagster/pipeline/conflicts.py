"""Conflicts: listing them, showing both sides, and settling them by a person's word.

What belongs here: what a choice comes to. Among sources it is an override. Of a mirror, whose row says something that
we did not write, "keep" makes its value the lead's, and "take" lets the next push write ours over it.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Connection

from leads_dagster.pipeline.deciding import carried_out, tell_mirrors
from leads_dagster.pipeline.history_words import short_source
from leads_dagster.pipeline.overriding import checked_value, overridden
from leads_dagster.pipeline.provenance import provenance
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import conflict_rows, lead_rows, outbox
from leads_dagster.store.engine import reading
from leads_dagster.store.undo import Undoing

Choice = Literal["keep", "take", "value"]


def list_(ws: Workspace, *, every: bool = False, limit: int = 100) -> list[dict[str, Any]]:
    """Conflicts, newest first; only those that wait for a decision unless `every`.

    Returns:
        id, lead_id, lead (its name), field, kept and lost with kept_source and lost_source, mirror (where it is one's),
        status, detected_at, resolved_at, resolution, decision_id.
    """
    with reading(ws.engine) as connection:
        found = conflict_rows.listed(connection, ws.name, every=every, limit=limit)
        return _with_names(connection, found)


def show(ws: Workspace, conflict_id: int) -> dict[str, Any]:
    """One conflict, with where the field's value comes from and what each choice would do.

    Raises:
        NotFoundError: this customer has no such conflict.
    """
    with reading(ws.engine) as connection:
        (found,) = _with_names(connection, [conflict_rows.get(connection, ws.name, conflict_id)])
    if found["status"] == "open":
        found["choices"] = _choices(found)
    found["provenance"] = provenance(ws, found["lead_id"])["fields"].get(found["field"])
    return found


def resolve(
    ws: Workspace,
    conflict_id: int,
    choice: Choice,
    *,
    value: str | None = None,
    reason: str | None = None,
    who: str | None = None,
) -> dict[str, Any]:
    """Settle a conflict; mirrors hear of it through the outbox, at once where they can be reached.

    Args:
        choice: "keep" what the conflict shows as kept, "take" what it shows as lost, or "value": neither.
        value: with "value": what the field is to say; None for blank.
        who: the person, where it is not the one who runs this process.

    Returns:
        The settled conflict, with mirrors: what each heard, and next: what happens now.

    Raises:
        NotFoundError, ConflictError: no such conflict, it is settled, or its lead is no more.
        ContentError: the value is none of that field.
    """

    def decision(undoing: Undoing) -> dict[str, Any]:
        found = conflict_rows.get_open(undoing.connection, ws.name, conflict_id)
        if found["mirror"]:
            _concede(undoing.connection, found)
        decided = None if found["mirror"] and choice == "take" else _decide(undoing, found, choice, value)
        conflict_rows.settle(undoing.connection, [conflict_id], at=undoing.at, resolution=choice, decision_id=decided)
        (settled,) = _with_names(undoing.connection, [conflict_rows.get(undoing.connection, ws.name, conflict_id)])
        return settled

    settled = carried_out(ws, decision, who=who, reason=reason)
    return {**settled, "mirrors": tell_mirrors(ws), "next": _next(settled, choice)}


def _concede(connection: Connection, found: dict[str, Any]) -> None:
    """What the mirror says is no news any more: our next word is written over it, be it ours or its own put right."""
    theirs = found["kept"]
    stands_there = None if theirs is None else _as_answered(found["field"], theirs)
    outbox.concede(connection, found["lead_id"], found["mirror"], found["field"], stands_there)


def _decide(undoing: Undoing, found: dict[str, Any], choice: Choice, value: str | None) -> int:
    text = {"keep": found["kept"], "take": found["lost"], "value": value}[choice]
    if choice == "value" or found["mirror"]:  # what a source says was normalised when it was read
        text = checked_value(found["field"], text, undoing.policy.rules)
    return overridden(undoing, found["lead_id"], found["field"], text, resolution=choice).decision_id


def _as_answered(name: str, text: str) -> Any:
    """A mirror's word as its base has it: numbers and yes or no as such, where it is one."""
    try:
        return lead_rows.to_columns({name: text})[name]
    except ValueError:
        return text


def _with_names(connection: Connection, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    leads = lead_rows.load(connection, [one["lead_id"] for one in found])
    return [
        {"id": one["id"], "lead": leads[one["lead_id"]]["full_name"] if one["lead_id"] in leads else None, **one}
        for one in found
    ]


def _choices(found: dict[str, Any]) -> dict[str, str]:
    if found["mirror"]:
        return {
            "keep": f"the lead gets what the {found['mirror']} says, and keeps it",
            "take": f"the next sync writes the lead's value over what the {found['mirror']} says",
            "value": "the lead gets another value, and the next sync writes it there too",
        }
    return {
        "keep": f"the lead keeps what {short_source(found['kept_source'])} says, whatever the sources say later",
        "take": f"the lead gets what {short_source(found['lost_source'])} says, and keeps it",
        "value": "the lead gets another value, and keeps it",
    }


def _next(settled: dict[str, Any], choice: Choice) -> str:
    if settled["mirror"] and choice == "take":
        return f"The next sync writes the lead's value to the {settled['mirror']}."
    taken_back = f"`leads override {settled['lead_id']} {settled['field']} --release` takes it back."
    return f"The lead has the value now, and the next sync tells the mirrors. {taken_back}"
