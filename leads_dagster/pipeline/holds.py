"""Plans that the guard parked: looking at them, letting them through, refusing them."""

from __future__ import annotations

import getpass
from typing import Any

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import hold_rows
from leads_dagster.store.engine import reading, writing


def list_(ws: Workspace) -> list[dict[str, Any]]:
    """Holds that stand, newest first, without their rows."""
    with reading(ws.engine) as connection:
        found = hold_rows.listed(connection, ws.name)
    return [{name: value for name, value in hold.items() if name not in ("customer", "plan")} for hold in found]


def show(ws: Workspace, hold_id: int) -> dict[str, Any]:
    """One hold with every row of its plan: record, lead, what would happen, and the values.

    Raises:
        NotFoundError: this customer has no such hold.
    """
    with reading(ws.engine) as connection:
        return hold_rows.get(connection, ws.name, hold_id)


def approve(ws: Workspace, hold_id: int) -> dict[str, Any]:
    """Let the next cycle do what the plan says, if the sheet still makes the same plan then.

    Raises:
        NotFoundError, ConflictError: no such hold, or it no longer stands.
    """
    return _decide(ws, hold_id, "approved")


def drop(ws: Workspace, hold_id: int) -> dict[str, Any]:
    """Refuse the plan: the rows stay as they were until the sheet makes another one.

    Raises:
        NotFoundError, ConflictError: no such hold, or it no longer stands.
    """
    return _decide(ws, hold_id, "dropped")


def _decide(ws: Workspace, hold_id: int, status: str) -> dict[str, Any]:
    with writing(ws.engine) as connection:
        hold_rows.decide(connection, ws.name, hold_id, status, who=_who(), at=ws.now())
        decided = hold_rows.get(connection, ws.name, hold_id)
    return {name: value for name, value in decided.items() if name not in ("customer", "plan")}


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        return "unknown"
