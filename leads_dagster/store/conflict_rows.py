"""Conflicts, as rows: two sources that changed one field, or a mirror that says something of its own.

What belongs here: finding, keeping and settling rows of `conflicts`. A conflict keeps its id and its time while it
lasts, whatever the two sides say meanwhile; it is never deleted, only settled: by a person (`resolution`), or by
itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from leads_dagster.errors import ConflictError, NotFoundError
from leads_dagster.store.queries import MANY, Query
from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import conflicts

Resolution = Literal["keep", "take", "value"]
_COLUMNS = tuple(column.name for column in conflicts.c)
_AMONG = Query(
    select(conflicts).where(
        conflicts.c.customer == bindparam("customer"),
        conflicts.c.lead_id.in_(MANY),
        conflicts.c.mirror.is_(None),
        conflicts.c.status == "open",
    )
)
_SIDES = ("kept", "lost", "kept_source", "lost_source")


def note_among_sources(
    connection: Connection, customer: str, lead_ids: Sequence[str], rows: Sequence[Mapping[str, Any]], *, at: datetime
) -> None:
    """Set what is open among the sources of these leads to `rows`; what is no longer among them has settled itself."""
    found = (dict(zip(_COLUMNS, row, strict=True)) for row in _AMONG.rows(connection, lead_ids, customer=customer))
    known = {_pair(row): row for row in found}
    wanted = {_pair(row): row for row in rows}
    _write(connection, known, wanted)
    settle(connection, [row["id"] for pair, row in known.items() if pair not in wanted], at=at)


def note_of_mirror(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep what a mirror's row says where it differs from our last write; an open one of the same field goes on."""
    known: dict[tuple[Any, ...], Any] = {}
    for part in chunks(rows):
        leads = [row["lead_id"] for row in part]
        known.update((_pair(row), row) for row in _open(connection, conflicts.c.lead_id.in_(leads)))
    _write(connection, known, {_pair(row): row for row in rows})


def settle_of_mirror(
    connection: Connection, customer: str, mirror: str, agreed: Mapping[str, Iterable[str]], *, at: datetime
) -> None:
    """Settle what is open of a mirror on fields that it now says as we do: lead -> those fields."""
    if not agreed:
        return
    found = _open(connection, conflicts.c.customer == customer, conflicts.c.mirror == mirror)
    settle(connection, [row["id"] for row in found if row["field"] in agreed.get(row["lead_id"], ())], at=at)


def settle(
    connection: Connection,
    ids: Sequence[int],
    *,
    at: datetime,
    resolution: Resolution | None = None,
    decision_id: int | None = None,
) -> None:
    """Say that conflicts are over: by a person's resolution, or, without one, because the two sides came to agree."""
    values = {"status": "resolved", "resolved_at": at, "resolution": resolution, "decision_id": decision_id}
    for part in chunks(ids):
        connection.execute(update(conflicts).where(conflicts.c.id.in_(part)).values(**values))


def open_of_mirror(connection: Connection, customer: str, mirror: str) -> dict[tuple[str, str], str | None]:
    """What a mirror is known to say otherwise: (lead, field) -> its value."""
    found = _open(connection, conflicts.c.customer == customer, conflicts.c.mirror == mirror)
    return {(row["lead_id"], row["field"]): row["kept"] for row in found}


def as_text(value: Any) -> str | None:
    """A mirror's value as a claim would have it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def open_on_field(connection: Connection, lead_id: str, field: str) -> list[int]:
    """Ids of the conflicts among sources that are open on one field of a lead."""
    found = _open(connection, conflicts.c.lead_id == lead_id, conflicts.c.field == field, conflicts.c.mirror.is_(None))
    return [row["id"] for row in found]


def listed(connection: Connection, customer: str, *, every: bool = False, limit: int = 100) -> list[dict[str, Any]]:
    """Conflicts of a customer, newest first; only the open ones unless `every`."""
    query = select(conflicts).where(conflicts.c.customer == customer)
    if not every:
        query = query.where(conflicts.c.status == "open")
    return [dict(row._mapping) for row in connection.execute(query.order_by(conflicts.c.id.desc()).limit(limit))]


def get(connection: Connection, customer: str, conflict_id: int) -> dict[str, Any]:
    """One conflict.

    Raises:
        NotFoundError: this customer has no such conflict.
    """
    query = select(conflicts).where(conflicts.c.customer == customer, conflicts.c.id == conflict_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(
            f"There is no conflict {conflict_id} for customer {customer}.", advice="See `leads conflicts list`."
        )
    return dict(row._mapping)


def get_open(connection: Connection, customer: str, conflict_id: int) -> dict[str, Any]:
    """One conflict that waits for a decision.

    Raises:
        NotFoundError, ConflictError: there is none, or it is settled already.
    """
    found = get(connection, customer, conflict_id)
    if found["status"] != "open":
        raise ConflictError(f"Conflict {conflict_id} is settled; nothing waits for a decision.")
    return found


def _open(connection: Connection, *where: ColumnElement[bool]) -> list[dict[str, Any]]:
    query = select(conflicts).where(conflicts.c.status == "open", *where)
    return [dict(row._mapping) for row in connection.execute(query)]


def _pair(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two rows one conflict: the lead, the field, and who is at odds, whoever of them won."""
    return row["lead_id"], row["field"], row["mirror"], frozenset((row["kept_source"], row["lost_source"]))


def _write(
    connection: Connection, known: Mapping[tuple[Any, ...], Any], wanted: Mapping[tuple[Any, ...], Mapping[str, Any]]
) -> None:
    new = [dict(row) for pair, row in wanted.items() if pair not in known]
    if new:
        connection.execute(conflicts.insert(), new)
    for pair, row in wanted.items():
        sides = {name: row[name] for name in _SIDES}
        if pair in known and sides != {name: known[pair][name] for name in _SIDES}:
            connection.execute(update(conflicts).where(conflicts.c.id == known[pair]["id"]).values(**sides))


def count_open(connection: Connection, customer: str) -> int:
    """How many wait for a decision."""
    query = select(func.count()).where(conflicts.c.customer == customer, conflicts.c.status == "open")
    return int(connection.execute(query).scalar_one())
