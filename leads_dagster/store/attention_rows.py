"""What waits for a person, lead by lead, and for which leads Airtable was last asked to say so.

What belongs here: open conflicts and reviews of a customer by lead, and rows of `airtable_attention`. The sentences are
made in `pipeline.attention`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import xxhash
from sqlalchemy import Connection, delete, select

from leads_dagster.store import review_rows
from leads_dagster.store.review_rows import Waiting
from leads_dagster.store.statements import chunks, upsert
from leads_dagster.store.tables import airtable_attention, conflicts

# Of more questions than these the strongest are told; each look must stay cheap.
REVIEWS_AT_MOST = 2_000
_SAID = ("id", "field", "kept", "lost", "kept_source", "lost_source", "mirror")


@dataclass(slots=True)
class Open:
    """What waits of one lead: rows of `conflicts` in the order of their ids, and questions."""

    conflicts: list[Mapping[str, Any]] = field(default_factory=list)
    reviews: list[Waiting] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Another text whenever another thing waits."""
        told = [[str(one[name]) for name in _SAID] for one in self.conflicts]
        asked = [[str(one.record_a), str(one.record_b), *sorted(one.leads)] for one in self.reviews]
        return xxhash.xxh3_128_hexdigest(repr((told, asked)).encode())


def all_open(connection: Connection, customer: str) -> dict[str, Open]:
    """Lead -> what waits of it; leads of which nothing waits are left out."""
    found: dict[str, Open] = defaultdict(Open)
    query = select(conflicts).where(conflicts.c.customer == customer, conflicts.c.status == "open")
    for row in connection.execute(query.order_by(conflicts.c.id)):
        found[row.lead_id].conflicts.append(dict(row._mapping))
    for one in islice(review_rows.waiting(connection, customer), REVIEWS_AT_MOST):
        for lead in sorted(one.leads):
            found[lead].reviews.append(one)
    return dict(found)


def told(connection: Connection, customer: str) -> dict[str, str]:
    """Lead -> digest of what Airtable was last asked to say of it."""
    mine = select(airtable_attention).where(airtable_attention.c.customer == customer)
    return {row.lead_id: row.digest for row in connection.execute(mine)}


def note_told(connection: Connection, customer: str, digests: Mapping[str, str | None]) -> None:
    """Keep what Airtable is asked to say; None: nothing any more."""
    rows = [{"customer": customer, "lead_id": lead, "digest": one} for lead, one in digests.items() if one is not None]
    upsert(connection, airtable_attention, rows)
    _forget(connection, customer, [lead for lead, one in digests.items() if one is None])


def _forget(connection: Connection, customer: str, lead_ids: Sequence[str]) -> None:
    for part in chunks(lead_ids):
        mine = airtable_attention.c.customer == customer
        connection.execute(delete(airtable_attention).where(mine, airtable_attention.c.lead_id.in_(part)))
