"""Taking things back: a field's value, a merge, a run, a decision; each as a decision that can be taken back in turn.

What belongs here: the use cases, for the command line and the API. What is done to the store is `store.undo`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from leads_dagster.errors import SettingsError
from leads_dagster.leads.fields import LEAD_FIELDS, RAW_DATA
from leads_dagster.pipeline import lead_lookup
from leads_dagster.pipeline.deciding import carried_out, tell_mirrors
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import decisions, undo
from leads_dagster.store.engine import reading
from leads_dagster.store.pair_decisions import sides_of
from leads_dagster.store.undo import Undoing, Undone
from leads_dagster.store.undo_run import undo_run as roll_back

_SHOWN_LEADS = 100


def undo_field(ws: Workspace, named: str, field: str, **how: Any) -> dict[str, Any]:
    """Give a field of a lead the value back that it had before.

    Args:
        named: the lead's id, the beginning of it, or its e-mail address.
        how: who, reason, dry_run; see `deciding.carried_out`.

    Raises:
        NotFoundError: no such lead, or several. SettingsError: no such field.
        ConflictError: it had no other value before.
    """
    if field not in (*LEAD_FIELDS, RAW_DATA):
        raise SettingsError(f"There is no field {field}.", advice=f"Fields: {', '.join(LEAD_FIELDS)}.")
    return _undone(ws, lambda undoing: undo.undo_field(undoing, _lead(undoing, named), field), **how)


def undo_merge(ws: Workspace, named: str, records: Sequence[int] = (), **how: Any) -> dict[str, Any]:
    """Take a merge apart: both originals are leads again, and stay two.

    Args:
        named: the lead that was merged into another, or the one that lives.
        records: of a lead made of more than two originals, the records that leave it.
        how: as in `undo_field`.

    Raises:
        NotFoundError, ConflictError: as in `store.undo.undo_merge`.
    """
    return _undone(ws, lambda undoing: undo.undo_merge(undoing, _lead(undoing, named), records), **how)


def undo_run(ws: Workspace, run_id: str, **how: Any) -> dict[str, Any]:
    """Take back what a sync, a migration or a call of the public database did, and nothing has overtaken since.

    Args:
        run_id: or as much of its beginning as no other run shares.
        how: as in `undo_field`.

    Raises:
        NotFoundError, ConflictError: as in `store.undo_run.undo_run`.
    """
    return _undone(ws, lambda undoing: roll_back(undoing, run_id), **how)


def undo_decision(ws: Workspace, decision_id: int, **how: Any) -> dict[str, Any]:
    """Take a decision back, whatever it was: an override, an undo, a merge or its undoing.

    Args:
        how: as in `undo_field`.

    Raises:
        NotFoundError, ConflictError: no such decision, or it does not stand any more.
    """
    return _undone(ws, lambda undoing: undo.take_back(undoing, decision_id), **how)


def list_(ws: Workspace, *, limit: int = 100) -> list[dict[str, Any]]:
    """What people decided, newest first: id, kind, about, lead_id, who, reason, decided_at, undone_by."""
    with reading(ws.engine) as connection:
        found = decisions.listed(connection, ws.name, limit=limit)
    shown = ("id", "kind", "lead_id", "who", "reason", "decided_at", "undone_by")
    return [{**{name: one[name] for name in shown}, "about": _about(one)} for one in found]


def _about(decision: dict[str, Any]) -> str:
    """What a decision is about, without the values: those are in the history of its lead."""
    subject = decision["subject"]
    kind = decision["kind"]
    if kind in ("override", "revert"):
        return str(subject["field"])
    if kind == "rollback":
        return f"run {subject['run_id']}"
    if kind == "deleted":
        return "the lead's record in Airtable"
    if kind == "survivorship":
        return "which values win, in leads.toml"
    if kind == "undo":
        return f"decision {decision['undoes']}"
    return "records " + " and ".join(", ".join(map(str, side)) for side in sides_of(subject))


def _lead(undoing: Undoing, named: str) -> str:
    return str(lead_lookup.the_one(undoing.connection, undoing.policy.customer, named)["id"])


def _undone(ws: Workspace, decision: Callable[[Undoing], Undone], **how: Any) -> dict[str, Any]:
    done = carried_out(ws, decision, **how)
    facts = {"decision_id": done.decision_id, **done.facts, "leads_looked_at": len(done.leads)}
    if how.get("dry_run"):
        return {**facts, "decision_id": None, "dry_run": True, "next": "Nothing was written."}
    again = f"`leads undo decision {done.decision_id}` takes it back."
    return {**facts, "lead_ids": list(done.leads[:_SHOWN_LEADS]), "mirrors": tell_mirrors(ws), "next": again}
