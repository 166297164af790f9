"""What the mirrors hold of leads that a restore takes away, so that it does not stay there beside their successors.

What belongs here: reading it from the database that is about to be replaced, and noting it in the restored one. A lead
that came after the backup is founded anew by the replay, under a new id; what the mirrors have under the old one is
taken back by the outbox, as after any removal: values that people changed there stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, or_, select
from sqlalchemy.exc import DBAPIError

from leads_dagster.store.statements import bulk_insert, chunks
from leads_dagster.store.tables import leads, sync_status

# A lead's time is that of its sheet's fetch, which a long cycle writes later; clocks are set back.
_MARGIN = timedelta(days=1)
_KEPT = ("lead_id", "mirror", "customer", "version", "sent_version", "external_id", "base", "unbooked")


@dataclass(frozen=True)
class LeftBehind:
    """Marks of the outbox, as the database held them.

    Attributes:
        marks: one a lead and mirror, of leads founded since the backup.
        complete: whether all of them could be read.
    """

    marks: Sequence[dict[str, Any]]
    complete: bool


def read_left_behind(engine: Engine, since: datetime) -> LeftBehind:
    """Marks of leads founded since a moment that some mirror heard of; as far as a damaged database gives them."""
    marks: list[dict[str, Any]] = []
    try:
        with engine.connect() as connection:
            marks.extend(_marks(connection, since - _MARGIN))
    except DBAPIError:
        return LeftBehind(marks, complete=False)
    return LeftBehind(marks, complete=True)


def _marks(connection: Connection, since: datetime) -> Iterator[dict[str, Any]]:
    heard = or_(sync_status.c.base.is_not(None), sync_status.c.unbooked.is_not(None))
    columns = [sync_status.c[name] for name in _KEPT]
    query = select(*columns).join(leads, leads.c.id == sync_status.c.lead_id).where(leads.c.created_at >= since, heard)
    for row in connection.execution_options(yield_per=1_000).execute(query):
        yield dict(row._mapping)


def take_back(connection: Connection, marks: Sequence[dict[str, Any]]) -> int:
    """Note in the restored database what the mirrors hold of leads that it does not have; how many marks."""
    known: set[str] = set()
    for part in chunks(sorted({mark["lead_id"] for mark in marks})):
        known.update(connection.execute(select(leads.c.id).where(leads.c.id.in_(part))).scalars())
    gone = [mark for mark in marks if mark["lead_id"] not in known]
    state = {"operation": "update", "status": "pending", "attempt_count": 0}
    bulk_insert(connection, sync_status, [{**mark, **state} for mark in gone])
    return len(gone)
