"""How the last change of one lead travelled: when it was first seen, and how long after that it stood where.

What belongs here: finding that in what was measured anyway; nothing is kept for it. Lines of freshness are kept for a
day, so of older changes it is not known any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from leads_dagster.store.tables import freshness, lead_history, sync_status

# A cycle stores what it took in within this time of its look, or the line is of something else.
_LONGEST = timedelta(minutes=10)


def arrival(connection: Connection, customer: str, lead_id: str) -> dict[str, Any] | None:
    """seen_at, and stored_seconds, crm_seconds, airtable_seconds since then; of mirrors that did not hear of it yet,
    or have something newer to say, None. None as a whole where it is not known.
    """
    history = lead_history.c
    newest = select(history.run_id, history.at).where(history.lead_id == lead_id).order_by(history.id.desc()).limit(1)
    change = connection.execute(newest).one_or_none()
    stored = None if change is None else _stored(connection, customer, change.run_id, change.at)
    if stored is None:
        return None
    seen_at = stored.at - timedelta(seconds=stored.seconds)
    mirrored = {
        f"{row.mirror}_seconds": _since(seen_at, row.last_attempt)
        for row in connection.execute(_sent(customer, lead_id, stored.at))
    }
    nowhere = {"crm_seconds": None, "airtable_seconds": None}
    return {"seen_at": seen_at, "stored_seconds": round(stored.seconds, 3), **nowhere, **mirrored}


def _stored(connection: Connection, customer: str, run_id: str, at: datetime) -> Any:
    """The last line of the run that stored the change."""
    columns = freshness.c
    query = select(columns.at, columns.seconds).where(
        columns.customer == customer, columns.target == "store", columns.run_id == run_id,
        columns.at >= at, columns.at < at + _LONGEST,
    )  # fmt: skip
    return connection.execute(query.order_by(columns.id.desc()).limit(1)).one_or_none()


def _sent(customer: str, lead_id: str, stored_at: datetime) -> Any:
    """Mirrors that were last told of the lead when a change was measured: the line has the time of the booking."""
    marks, lines = sync_status.c, freshness.c
    same = (lines.customer == customer, lines.target == marks.mirror, lines.at == marks.last_attempt)
    told = (marks.lead_id == lead_id, marks.status == "success", marks.last_attempt >= stored_at)
    return select(marks.mirror, marks.last_attempt).where(*told, select(lines.id).where(*same).exists())


def _since(seen_at: datetime, at: datetime) -> float:
    return round((at - seen_at).total_seconds(), 3)
