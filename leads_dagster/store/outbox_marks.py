"""Marks of the outbox as people ask for them: what waits, what was refused and why, and letting it be tried again.

What belongs here: listing and replaying. How marks are made, worked off and booked is `outbox`' business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, update

from leads_dagster.store.outbox import MirrorName
from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import leads, sync_status

# A mark whose push landed without some of the lead's values: they do not fit where they should go.
LEFT_OUT = "left out"
_WORST_FIRST = {"dead": 0, "failed": 1, LEFT_OUT: 2, "pending": 3}

_is_left_out = and_(sync_status.c.status == "success", sync_status.c.error_message.is_not(None))
_status = case((_is_left_out, LEFT_OUT), else_=sync_status.c.status)
# What a mirror would not take, or not all of.
TROUBLE: ColumnElement[bool] = or_(sync_status.c.status.in_(["failed", "dead"]), _is_left_out)


def listed(
    connection: Connection,
    customer: str,
    *,
    mirror: MirrorName | None = None,
    waiting: bool = True,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Marks that are not done, the worst first, of those the last tried first.

    Args:
        waiting: those too that have only to be sent.

    Returns:
        lead_id, lead (its name), mirror, operation, status (dead, failed, left out, pending), attempt_count,
        error_message, last_attempt, next_attempt_at.
    """
    status = _status.label("status")
    chosen = or_(TROUBLE, sync_status.c.status == "pending") if waiting else TROUBLE
    mine = [sync_status.c.customer == customer, chosen]
    if mirror is not None:
        mine.append(sync_status.c.mirror == mirror)
    query = (
        select(
            sync_status.c.lead_id,
            leads.c.full_name.label("lead"),
            sync_status.c.mirror,
            sync_status.c.operation,
            status,
            sync_status.c.attempt_count,
            sync_status.c.error_message,
            sync_status.c.last_attempt,
            sync_status.c.next_attempt_at,
        )
        .outerjoin(leads, leads.c.id == sync_status.c.lead_id)
        .where(*mine)
        .order_by(case(_WORST_FIRST, value=_status), sync_status.c.last_attempt.desc(), sync_status.c.lead_id)
        .limit(limit)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def count_left_out(connection: Connection, customer: str, mirror: MirrorName) -> int:
    """How many leads a mirror shows without some of their values."""
    mine = (sync_status.c.customer == customer, sync_status.c.mirror == mirror, _is_left_out)
    return int(connection.execute(select(func.count()).select_from(sync_status).where(*mine)).scalar_one())


def retry(
    connection: Connection,
    customer: str,
    *,
    mirror: MirrorName | None = None,
    lead_ids: Sequence[str] | None = None,
) -> int:
    """Let marks that failed, died, or landed without some of the values be tried at once; returns how many.

    Args:
        lead_ids: of these leads only.
    """
    mine = [sync_status.c.customer == customer, TROUBLE]
    if mirror is not None:
        mine.append(sync_status.c.mirror == mirror)
    parts = [()] if lead_ids is None else [(sync_status.c.lead_id.in_(part),) for part in chunks(lead_ids)]
    again = {"status": "pending", "attempt_count": 0, "next_attempt_at": None}
    return sum(connection.execute(update(sync_status).where(*mine, *part).values(again)).rowcount for part in parts)
