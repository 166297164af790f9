"""Parked plans of the blast-radius guard, as rows: open, approved, applied, dropped or dissolved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from leads_dagster.errors import ConflictError, NotFoundError
from leads_dagster.store.tables import holds

STANDING = ("open", "approved")
# The source of a plan that no sheet made: to match all records by other rules than those in force.
MATCHING = "matching"


def standing(connection: Connection, customer: str, source: str) -> dict[str, Any] | None:
    """The hold that stands for a source, if one does; there is at most one."""
    query = (
        select(holds)
        .where(holds.c.customer == customer, holds.c.source == source, holds.c.status.in_(STANDING))
        .order_by(holds.c.id.desc())
    )
    row = connection.execute(query).first()
    return None if row is None else dict(row._mapping)


def of_plan(connection: Connection, customer: str, source: str, plan_hash: str) -> dict[str, Any] | None:
    """The newest hold of this very plan, whatever became of it."""
    here = (holds.c.customer == customer, holds.c.source == source, holds.c.plan_hash == plan_hash)
    row = connection.execute(select(holds).where(*here).order_by(holds.c.id.desc())).first()
    return None if row is None else dict(row._mapping)


def stands_open(connection: Connection, customer: str, source: str) -> bool:
    """Whether a plan waits for a person."""
    found = standing(connection, customer, source)
    return found is not None and found["status"] == "open"


def approved_waiting(connection: Connection, customer: str, source: str) -> bool:
    """Whether an approved plan waits for the next cycle."""
    found = standing(connection, customer, source)
    return found is not None and found["status"] == "approved"


def listed(connection: Connection, customer: str, *, every: bool = False) -> list[dict[str, Any]]:
    """The holds of a customer, newest first; only those that stand unless `every`."""
    query = select(holds).where(holds.c.customer == customer).order_by(holds.c.id.desc())
    if not every:
        query = query.where(holds.c.status.in_(STANDING))
    return [dict(row._mapping) for row in connection.execute(query)]


def get(connection: Connection, customer: str, hold_id: int) -> dict[str, Any]:
    """One hold.

    Raises:
        NotFoundError: this customer has no such hold.
    """
    row = connection.execute(select(holds).where(holds.c.customer == customer, holds.c.id == hold_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no hold {hold_id} for customer {customer}.", advice="See `leads holds list`.")
    return dict(row._mapping)


def put(connection: Connection, row: Mapping[str, Any]) -> None:
    """Park a plan; the same plan parked again keeps its row and its decision, another one takes its place."""
    found = standing(connection, row["customer"], row["source"])
    if found is not None and found["plan_hash"] == row["plan_hash"]:
        return
    if found is not None:
        settle(connection, found["id"], "dissolved", at=row["created_at"])
    if not _was_refused(connection, row):
        connection.execute(holds.insert(), dict(row))


def _was_refused(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Whether a person dropped this very plan: it stays refused and is not asked about again."""
    query = select(holds.c.id).where(
        holds.c.customer == row["customer"],
        holds.c.source == row["source"],
        holds.c.plan_hash == row["plan_hash"],
        holds.c.status == "dropped",
    )
    return connection.execute(query.limit(1)).first() is not None


def decide(connection: Connection, customer: str, hold_id: int, status: str, *, who: str, at: datetime) -> None:
    """Approve or drop a hold; one that was dropped may still be approved, while no other plan stands in its place.

    Raises:
        ConflictError: it no longer stands, so the decision would bind to nothing.
    """
    found = get(connection, customer, hold_id)
    reopened = status == "approved" and found["status"] == "dropped"
    if reopened and standing(connection, customer, found["source"]) is not None:
        raise ConflictError(f"Another plan stands in the place of hold {hold_id}.", advice="See `leads holds`.")
    if found["status"] not in STANDING and not reopened:
        raise ConflictError(f"Hold {hold_id} is {found['status']}; nothing waits for a decision.")
    connection.execute(update(holds).where(holds.c.id == hold_id).values(status=status, decided_at=at, decided_by=who))


def settle(connection: Connection, hold_id: int, status: str, *, at: datetime) -> None:
    """Close a hold: applied, or dissolved because the rows returned."""
    connection.execute(update(holds).where(holds.c.id == hold_id).values(status=status, decided_at=at))
