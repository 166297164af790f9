"""Finding the lead that a person means: by id, by the beginning of one, or by e-mail address."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from leads_dagster.errors import NotFoundError
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import history, lead_rows
from leads_dagster.store.engine import reading

_SHOWN = ("id", "full_name", "email", "company", "archived_at", "merged_into", "created_at", "updated_at")


def find(ws: Workspace, named: str) -> list[dict[str, Any]]:
    """The leads that `named` may mean, in short: id, full_name, email, company, state and times; active ones first."""
    with reading(ws.engine) as connection:
        return [brief(row) for row in history.find_leads(connection, ws.name, named)]


def the_one(connection: Connection, customer: str, named: str) -> dict[str, Any]:
    """The one lead that `named` means, as its row.

    Raises:
        NotFoundError: none, or several; their ids are in the advice.
    """
    found = history.find_leads(connection, customer, named)
    if len(found) == 1:
        return found[0]
    if not found:
        raise nobody(named)
    active = [row for row in found if state_of(row) == "active"]
    if len(active) == 1:
        return active[0]
    ids = ", ".join(row["id"] for row in active or found)
    raise NotFoundError("Several leads may be meant.", advice=f"Name one by its id: {ids}.")


def stands_for(connection: Connection, row: dict[str, Any]) -> dict[str, Any] | None:
    """The lead that stands in the place of one that was merged, in short; None where it leads nowhere any more."""
    seen: set[str] = set()
    found: dict[str, Any] | None = row
    while found is not None and found["merged_into"] is not None and found["id"] not in seen:
        seen.add(found["id"])
        found = lead_rows.load(connection, [found["merged_into"]]).get(found["merged_into"])
    return None if found is None or found["id"] in seen else brief(found)


def nobody(named: str) -> NotFoundError:
    """What to say when no lead is meant."""
    if "@" not in named and len(named.strip()) < history.SHORTEST_ID:
        return NotFoundError(
            "That is too short to name a lead.",
            advice=f"Give at least {history.SHORTEST_ID} characters of its id, or its e-mail address.",
        )
    return NotFoundError(
        "There is no such lead for this customer.", advice="Name it by its id, the beginning of it, or its e-mail."
    )


def brief(row: dict[str, Any]) -> dict[str, Any]:
    """A lead in short, with `state`: active, archived or merged."""
    return {**{name: row[name] for name in _SHOWN}, "state": state_of(row)}


def state_of(row: dict[str, Any]) -> str:
    """Whether a lead is active, archived or merged into another."""
    if row["merged_into"] is not None:
        return "merged"
    return "active" if row["archived_at"] is None else "archived"
