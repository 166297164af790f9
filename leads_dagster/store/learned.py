"""What people taught, as rows: headers, companies and given names that mean the same.

What belongs here: reading and writing `learned`. A line counts until it is removed, and one that a decision taught
while that decision stands: taking the decision back takes back what it taught. What follows is `learning`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, bindparam, or_, select, update

from leads_dagster.errors import ConflictError, NotFoundError
from leads_dagster.leads.knowledge import NO_KNOWLEDGE, Knowledge, knowledge_of
from leads_dagster.store.queries import Query
from leads_dagster.store.tables import decisions, learned

LearnedKind = Literal["header", "company", "nickname"]


@dataclass(frozen=True, slots=True)
class Line:
    """Something to learn.

    Attributes:
        left, right: as people wrote them; of a header the label and the field.
        left_key, right_key: folded, as they are compared.
    """

    kind: LearnedKind
    left: str
    right: str
    left_key: str
    right_key: str


_WITH_DECISIONS = learned.outerjoin(decisions, decisions.c.id == learned.c.decision_id)
_STANDS = (
    learned.c.removed_at.is_(None),
    or_(learned.c.decision_id.is_(None), decisions.c.undone_by.is_(None)),
)
_STANDING = Query(
    select(learned.c.kind, learned.c.left_key, learned.c.right_key)
    .select_from(_WITH_DECISIONS)
    .where(learned.c.customer == bindparam("customer"), *_STANDS)
    .order_by(learned.c.id)
)


def knowledge(connection: Connection, customer: str) -> Knowledge:
    """What this customer's people taught the matcher."""
    pairs: dict[str, list[tuple[str, str]]] = {"company": [], "nickname": [], "header": []}
    for kind, left, right in _STANDING.rows(connection, customer=customer):
        pairs[kind].append((left, right))
    if not pairs["company"] and not pairs["nickname"]:
        return NO_KNOWLEDGE
    return knowledge_of(pairs["company"], pairs["nickname"])


def headers(connection: Connection, customer: str) -> dict[str, str]:
    """Folded header -> the field that people said it means."""
    rows = _STANDING.rows(connection, customer=customer)
    return {left: right for kind, left, right in rows if kind == "header"}


def listed(connection: Connection, customer: str, *, every: bool = False, limit: int = 100) -> list[dict[str, Any]]:
    """Lines, newest first; only those that count unless `every`. `undone_by` is what took a line's decision back."""
    query = _lines(customer).order_by(learned.c.id.desc()).limit(limit)
    query = query if every else query.where(*_STANDS)
    return [dict(row._mapping) for row in connection.execute(query)]


def get(connection: Connection, customer: str, line_id: int) -> dict[str, Any]:
    """One line, with `undone_by` as in `listed`.

    Raises:
        NotFoundError: this customer has no such line.
    """
    row = connection.execute(_lines(customer).where(learned.c.id == line_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"Nothing was learned as {line_id} for customer {customer}.", advice="See `leads learned`.")
    return dict(row._mapping)


def _lines(customer: str) -> Select[Any]:
    return select(learned, decisions.c.undone_by).select_from(_WITH_DECISIONS).where(learned.c.customer == customer)


def standing_like(connection: Connection, customer: str, line: Line) -> dict[str, Any] | None:
    """The line that counts and says the same, in whatever order it names the two."""
    query = _lines(customer).where(learned.c.kind == line.kind, *_STANDS)
    keys = {(line.left_key, line.right_key), (line.right_key, line.left_key)}
    rows = connection.execute(query.where(learned.c.left_key.in_([line.left_key, line.right_key])))
    return next((dict(row._mapping) for row in rows if (row.left_key, row.right_key) in keys), None)


def add(
    connection: Connection, customer: str, line: Line, *, who: str, at: datetime, decision_id: int | None = None
) -> int:
    """Learn a line and return its id. A header that meant another field means this one from now on."""
    if line.kind == "header":
        query = _lines(customer).where(learned.c.kind == "header", learned.c.left_key == line.left_key, *_STANDS)
        for before in connection.execute(query).all():
            remove(connection, customer, before.id, who=who, at=at)
    row = {
        "customer": customer, "kind": line.kind, "left": line.left, "right": line.right, "left_key": line.left_key,
        "right_key": line.right_key, "decision_id": decision_id, "who": who, "learned_at": at,
    }  # fmt: skip
    written = connection.execute(learned.insert(), row)
    assert written.inserted_primary_key is not None
    return int(written.inserted_primary_key[0])


def remove(connection: Connection, customer: str, line_id: int, *, who: str, at: datetime) -> Mapping[str, Any]:
    """Let a line count no more; it stays in the table, with who removed it and when. Returns it as it was.

    Raises:
        NotFoundError: this customer has no such line.
        ConflictError: it does not count any more.
    """
    found = get(connection, customer, line_id)
    if found["removed_at"] is not None:
        raise ConflictError(f"What was learned as {line_id} was removed already, by {found['removed_by']}.")
    if found["undone_by"] is not None:
        raise ConflictError(f"What was learned as {line_id} went when decision {found['decision_id']} was taken back.")
    connection.execute(update(learned).where(learned.c.id == line_id).values(removed_at=at, removed_by=who))
    return found
