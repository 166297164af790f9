"""What people taught, as rows: headers, companies and given names that mean the same; and what matching makes of it.

What belongs here: reading and writing `learned`. A line counts until it is removed, and one that a decision taught
while that decision stands: taking the decision back takes back what it taught.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, or_, select

from leads_dagster.leads.knowledge import NO_KNOWLEDGE, Knowledge, knowledge_of
from leads_dagster.store.queries import Query
from leads_dagster.store.tables import decisions, learned

_COUNTS = (
    learned.c.removed_at.is_(None),
    or_(learned.c.decision_id.is_(None), decisions.c.undone_by.is_(None)),
)
_STANDING = Query(
    select(learned.c.kind, learned.c.left_key, learned.c.right_key)
    .select_from(learned.outerjoin(decisions, decisions.c.id == learned.c.decision_id))
    .where(learned.c.customer == bindparam("customer"), *_COUNTS)
)


def knowledge(connection: Connection, customer: str) -> Knowledge:
    """What this customer's people taught the matcher."""
    pairs: dict[str, list[tuple[str, str]]] = {"company": [], "nickname": []}
    for kind, left, right in _STANDING.rows(connection, customer=customer):
        if kind in pairs:
            pairs[kind].append((left, right))
    if not any(pairs.values()):
        return NO_KNOWLEDGE
    return knowledge_of(pairs["company"], pairs["nickname"])
