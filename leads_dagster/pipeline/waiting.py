"""What waits for a person, counted.

What belongs here: the counts that lead to the inboxes. What waits in each is told by `quarantine`, `conflicts`,
`reviews` and `holds`.
"""

from __future__ import annotations

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import conflict_rows, hold_rows, records, review_rows
from leads_dagster.store.engine import reading

INBOXES = ("quarantine", "conflicts", "reviews", "holds")


def waiting(ws: Workspace) -> dict[str, int]:
    """Inbox -> how much waits in it, of one customer."""
    with reading(ws.engine) as connection:
        return {
            "quarantine": sum(records.quarantined_by_code(connection, ws.name).values()),
            "conflicts": conflict_rows.count_open(connection, ws.name),
            "reviews": review_rows.count_waiting(connection, ws.name),
            "holds": sum(one["status"] == "open" for one in hold_rows.listed(connection, ws.name)),
        }
