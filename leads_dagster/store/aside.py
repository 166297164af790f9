"""Records that a decision took out of the count or let count again, as rows.

What belongs here: what `undo` and `undo_run` write to `source_records`. Which records, they decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, case, delete, func, or_, select, update

from leads_dagster.store.match_rows import forget_keys
from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import matches, source_records


def removed_by(connection: Connection, customer: str, run_id: str) -> set[int]:
    """Records that a run removed and that did not come back since; none that did not count before it."""
    query = select(source_records.c.id).where(
        source_records.c.customer == customer,
        source_records.c.run_id == run_id,
        source_records.c.removed_at.is_not(None),
        source_records.c.lead_id.is_not(None),
        source_records.c.undone_by.is_(None),
    )
    return set(connection.execute(query).scalars())


def unremove(connection: Connection, ids: Sequence[int]) -> None:
    """Let records count whose rows are gone; their state goes on saying that they are in no sheet."""
    for part in chunks(ids):
        connection.execute(update(source_records).where(source_records.c.id.in_(part)).values(removed_at=None))


def still_removed(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Of these records, those whose rows did not come back."""
    found: set[int] = set()
    for part in chunks(ids):
        query = select(source_records.c.id).where(source_records.c.id.in_(part), source_records.c.state == "removed")
        found.update(connection.execute(query).scalars())
    return found


def remove_again(connection: Connection, ids: Sequence[int], *, at: datetime) -> None:
    """Take records out whose removal had been taken back."""
    for part in chunks(ids):
        connection.execute(update(source_records).where(source_records.c.id.in_(part)).values(removed_at=at))
        connection.execute(delete(matches).where(or_(matches.c.record_a.in_(part), matches.c.record_b.in_(part))))
    forget_keys(connection, ids)


def set_aside(connection: Connection, ids: Sequence[int], *, by: int) -> None:
    """Take back all that records say: they stand as held, with no lead, until they say something new."""
    for part in chunks(ids):
        mine = source_records.c.id.in_(part)
        origin = func.coalesce(source_records.c.origin_lead_id, source_records.c.lead_id)
        connection.execute(
            update(source_records)
            .where(mine)
            .values(state=_state_or("held"), undone_by=by, origin_lead_id=origin, lead_id=None, undone=None)
        )
        connection.execute(delete(matches).where(or_(matches.c.record_a.in_(part), matches.c.record_b.in_(part))))
    forget_keys(connection, ids)


def bring_back(connection: Connection, *, undone_by: int) -> set[int]:
    """Let records that a decision set aside count again; they have still to be matched. Returns them."""
    mine = source_records.c.undone_by == undone_by
    found = set(connection.execute(select(source_records.c.id).where(mine)).scalars())
    lead = case((source_records.c.kind == "edit", source_records.c.origin_lead_id), else_=source_records.c.lead_id)
    connection.execute(
        update(source_records).where(mine).values(state=_state_or("unchanged"), undone_by=None, lead_id=lead)
    )
    return found


def _state_or(state: str) -> ColumnElement[str]:
    """This state, but where the row is gone or cannot be read: that goes on being where it ended."""
    stays = source_records.c.state.in_(["quarantined", "removed"])
    return case((stays, source_records.c.state), else_=state)
