"""The outbox against what a mirror really holds: which leads it should hold, and marking those of which it does not.

What belongs here: statements on `sync_status` that a comparison of everything needs. What differs is found by
`pipeline.reconcile`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from leads_dagster.store import outbox
from leads_dagster.store.outbox import MirrorName
from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import leads, sync_status

_PAGE = 1000


def settled(
    connection: Connection, customer: str, mirror: MirrorName, lead_ids: Sequence[str] | None = None
) -> Iterator[dict[str, dict[str, Any]]]:
    """The bases of active leads of which a mirror was told all: lead id -> base, a page at a time.

    Args:
        lead_ids: of these only, a page at most.
    """
    query = (
        select(sync_status.c.lead_id, sync_status.c.base)
        .join(leads, leads.c.id == sync_status.c.lead_id)
        .where(
            sync_status.c.customer == customer,
            sync_status.c.mirror == mirror,
            sync_status.c.status == "success",
            sync_status.c.base.is_not(None),
            leads.c.archived_at.is_(None),
            leads.c.merged_into.is_(None),
        )
        .order_by(sync_status.c.lead_id)
        .limit(_PAGE)
    )
    if lead_ids is not None:
        query = query.where(sync_status.c.lead_id.in_(lead_ids))
    last = ""
    while page := {row.lead_id: row.base for row in connection.execute(query.where(sync_status.c.lead_id > last))}:
        yield page
        last = max(page)


def forget(connection: Connection, mirror: MirrorName, lead_ids: Iterable[str]) -> None:
    """A mirror has no record of these leads any more: the next push makes them anew."""
    for part in chunks(list(lead_ids)):
        connection.execute(
            update(sync_status)
            .where(sync_status.c.mirror == mirror, sync_status.c.lead_id.in_(part))
            .values(
                status="pending",
                operation="create",
                base=None,
                unbooked=None,
                external_id=None,
                attempt_count=0,
                next_attempt_at=None,
            )
        )


def doubt(connection: Connection, customer: str, mirror: MirrorName, fields: Mapping[str, Iterable[str]]) -> None:
    """Have fields sent again though they are as they were sent: lead id -> those. The push finds out whose is there."""
    if not fields:
        return
    outbox.note_unbooked(connection, mirror, {lead: {name: [] for name in names} for lead, names in fields.items()})
    outbox.mark_again(connection, customer, mirror, list(fields))
