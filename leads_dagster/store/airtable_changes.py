"""Edits made in Airtable that nobody took in yet: the payload log, kept as what is new of each cell.

What belongs here: `airtable_changes`. What is somebody's edit and what our own write come back is told apart before
(`mirrors.airtable_payloads`); what an edit does to a lead is decided later (`pipeline.airtable_edits`).

Of one cell only the newest edit is kept. A record that was made has an edit a cell, and none from before; one that was
deleted keeps those that were made until then. Noting the same edit twice changes nothing, so that a payload may be read
again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select, tuple_, update

from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import airtable_changes, airtable_tables

ChangeKind = Literal["changed", "created", "deleted"]
CellKind = Literal["changed", "overwritten", "created", "deleted"]  # overwritten: by us, after somebody's edit
RECORD = ""  # in place of a field: the record itself


@dataclass(frozen=True, slots=True)
class CellChange:
    """One cell that somebody changed, or a record that was made or deleted.

    Attributes:
        record_id: "rec…". field_id: "fld…"; `RECORD` where the record itself was made or deleted.
        cell: as Airtable gives it; None for blank.
        changed_at: by our clock. seen_at: when we learnt of it, never before.
    """

    record_id: str
    field_id: str
    kind: CellKind
    cell: Any
    changed_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class RecordChange:
    """What waits of one record.

    Attributes:
        kind: "created" and "deleted" of the record; "changed" where cells alone changed.
        cells: field id -> (cell, changed_at).
        changed_at: of the newest of its changes.
        overwritten: field ids of cells in which a write of ours landed over the edit.
        rows: id and seen_at of each, to drop what was taken in and nothing that was noted since.
    """

    record_id: str
    kind: ChangeKind
    cells: Mapping[str, tuple[Any, datetime]]
    changed_at: datetime
    rows: tuple[tuple[int, datetime], ...] = field(default=())
    overwritten: frozenset[str] = frozenset()


def not_before(connection: Connection, customer: str, now: datetime) -> datetime:
    """`now`, or when the newest of the customer's edits was made that were noted when it was later than it is: the
    clock was put back since, and what is said now is newer than what waits."""
    of_customer = select(airtable_tables.c.base_id, airtable_tables.c.table_id).where(
        airtable_tables.c.customer == customer
    )
    here = tuple_(airtable_changes.c.base_id, airtable_changes.c.table_id).in_(of_customer)
    newest = select(func.max(airtable_changes.c.changed_at)).where(here, airtable_changes.c.seen_at > now)
    return max(now, connection.execute(newest).scalar_one() or now)


def note(connection: Connection, base_id: str, table_id: str, changes: Iterable[CellChange]) -> int:
    """Keep edits until they are taken in, in the order in which they happened; in a write transaction.

    Returns how many said something new.
    """
    wanted: dict[tuple[str, str], CellChange] = {}
    ended: dict[str, None] = {}  # records that were made: what waited before says nothing any more
    for change in changes:
        if change.field_id == RECORD and change.kind == "created":
            wanted = {key: one for key, one in wanted.items() if key[0] != change.record_id}
            ended[change.record_id] = None
        wanted[change.record_id, change.field_id] = change
    _drop_records(connection, base_id, table_id, list(ended))
    rows = [{"base_id": base_id, "table_id": table_id, **asdict(one)} for one in wanted.values()]
    return _put(connection, rows)


def _drop_records(connection: Connection, base_id: str, table_id: str, record_ids: Sequence[str]) -> None:
    for part in chunks(record_ids):
        connection.execute(delete(airtable_changes).where(*_of(base_id, table_id, part)))


def _put(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Insert edits; of a cell that has one already the newer stays, and one that says the same changes nothing."""
    known: dict[tuple[str, str], Any] = {}
    for part in chunks(rows):
        ids = [row["record_id"] for row in part]
        query = select(airtable_changes).where(*_of(part[0]["base_id"], part[0]["table_id"], ids))
        known.update(((row.record_id, row.field_id), row) for row in connection.execute(query))
    new = [row for row in rows if (row["record_id"], row["field_id"]) not in known]
    if new:
        connection.execute(airtable_changes.insert(), new)
    newer = 0
    for row in rows:
        held = known.get((row["record_id"], row["field_id"]))
        if held is not None and (held.cell != row["cell"] or held.kind != row["kind"]):
            connection.execute(update(airtable_changes).where(airtable_changes.c.id == held.id).values(**row))
            newer += 1
    return len(new) + newer


def quiet(
    connection: Connection, base_id: str, table_id: str, *, now: datetime, debounce_seconds: float
) -> list[RecordChange]:
    """What may be taken in: cells that nobody touched for that long, oldest edit first.

    A record that was made waits as a whole until its last cell is quiet; a deletion does not wait. What was seen in the
    future does not wait either: our clock was put back since.
    """
    before = now - timedelta(seconds=debounce_seconds)
    query = select(airtable_changes).where(
        airtable_changes.c.base_id == base_id, airtable_changes.c.table_id == table_id
    )
    by_record: dict[str, list[Any]] = {}
    for row in connection.execute(query.order_by(airtable_changes.c.id)):
        by_record.setdefault(row.record_id, []).append(row)
    found = (_change_of(record, rows, before, now) for record, rows in by_record.items())
    return sorted((one for one in found if one is not None), key=lambda one: (one.changed_at, one.record_id))


def _change_of(record_id: str, rows: Sequence[Any], before: datetime, now: datetime) -> RecordChange | None:
    kind: ChangeKind = next((row.kind for row in rows if row.field_id == RECORD), "changed")
    at_rest = [row for row in rows if row.changed_at <= before or row.seen_at > now]
    ready = rows if kind == "deleted" else at_rest
    if not ready or (kind == "created" and len(at_rest) < len(rows)):
        return None
    cells = {row.field_id: (row.cell, row.changed_at) for row in ready if row.field_id != RECORD}
    return RecordChange(
        record_id,
        kind,
        cells,
        max(row.changed_at for row in ready),
        tuple((row.id, row.seen_at) for row in ready),
        frozenset(row.field_id for row in ready if row.kind == "overwritten"),
    )


def waiting(
    connection: Connection, base_id: str, table_id: str, record_ids: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Of these records, those with edits that nobody took in: record id -> field ids, `RECORD` among them where the
    record itself was made or deleted."""
    return {record: frozenset(held) for record, held in cells(connection, base_id, table_id, record_ids).items()}


def cells(connection: Connection, base_id: str, table_id: str, record_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """As `waiting`, with the cell that waits: record id -> field id -> cell."""
    found: dict[str, dict[str, Any]] = {}
    wanted = [airtable_changes.c[name] for name in ("record_id", "field_id", "cell")]
    for part in chunks(record_ids):
        for record, name, cell in connection.execute(select(*wanted).where(*_of(base_id, table_id, part))):
            found.setdefault(record, {})[name] = cell
    return found


def in_field(connection: Connection, base_id: str, table_id: str, field_id: str) -> list[Any]:
    """What waits of all cells of a field."""
    here = (airtable_changes.c.base_id == base_id, airtable_changes.c.table_id == table_id)
    query = select(airtable_changes.c.cell).where(*here, airtable_changes.c.field_id == field_id)
    return list(connection.execute(query).scalars())


def deleted(connection: Connection, base_id: str, table_id: str, record_ids: Sequence[str]) -> set[str]:
    """Of these records, those of which a deletion waits."""
    mine = (airtable_changes.c.field_id == RECORD, airtable_changes.c.kind == "deleted")
    found: set[str] = set()
    for part in chunks(record_ids):
        query = select(airtable_changes.c.record_id).where(*_of(base_id, table_id, part), *mine)
        found.update(connection.execute(query).scalars())
    return found


def count(connection: Connection, base_id: str, table_id: str) -> int:
    """How many edits wait."""
    here = (airtable_changes.c.base_id == base_id, airtable_changes.c.table_id == table_id)
    return int(connection.execute(select(func.count()).select_from(airtable_changes).where(*here)).scalar_one())


def drop(connection: Connection, taken: Iterable[RecordChange]) -> None:
    """Forget edits that were taken in, but for cells that were edited again meanwhile."""
    rows = [{"of": row, "seen": seen_at} for change in taken for row, seen_at in change.rows]
    mine = (airtable_changes.c.id == bindparam("of"), airtable_changes.c.seen_at == bindparam("seen"))
    if rows:
        connection.execute(delete(airtable_changes).where(*mine), rows)


def forget(connection: Connection, base_id: str, table_id: str, record_ids: Sequence[str]) -> None:
    """Forget all that waits of these records."""
    _drop_records(connection, base_id, table_id, record_ids)


def take_back(connection: Connection, base_id: str, table_id: str, cells: Sequence[tuple[str, str]]) -> None:
    """Forget what waits of these cells, (record id, field id): they stand again as they did."""
    wanted = set(cells)
    query = select(airtable_changes.c.id, airtable_changes.c.record_id, airtable_changes.c.field_id)
    records = sorted({record for record, _ in wanted})
    waiting_rows = [
        row for part in chunks(records) for row in connection.execute(query.where(*_of(base_id, table_id, part)))
    ]
    ids = [row.id for row in waiting_rows if (row.record_id, row.field_id) in wanted]
    for part in chunks(ids):
        connection.execute(delete(airtable_changes).where(airtable_changes.c.id.in_(part)))


def overwrite(connection: Connection, base_id: str, table_id: str, cells: Sequence[tuple[str, str]]) -> None:
    """Note that we wrote to these cells, (record id, field id), after what waits of them was typed."""
    wanted = set(cells)
    for part in chunks(sorted({record for record, _ in wanted})):
        waits = select(airtable_changes).where(*_of(base_id, table_id, part), airtable_changes.c.kind == "changed")
        ids = [row.id for row in connection.execute(waits) if (row.record_id, row.field_id) in wanted]
        for some in chunks(ids):
            mine = airtable_changes.c.id.in_(some)
            connection.execute(update(airtable_changes).where(mine).values(kind="overwritten"))


def forget_blanks(connection: Connection, base_id: str, table_id: str, field_ids: Collection[str]) -> None:
    """Forget what waits of these fields' cells that are blank: Airtable emptied them itself."""
    wanted = select(airtable_changes.c.id, airtable_changes.c.cell).where(
        airtable_changes.c.base_id == base_id,
        airtable_changes.c.table_id == table_id,
        airtable_changes.c.field_id.in_(sorted(field_ids)),
    )
    for part in chunks([row.id for row in connection.execute(wanted) if row.cell is None]):
        connection.execute(delete(airtable_changes).where(airtable_changes.c.id.in_(part)))


def forget_table(connection: Connection, base_id: str, table_id: str) -> None:
    """Forget all that waits of a table: another one took its place, or no customer has it any more."""
    here = (airtable_changes.c.base_id == base_id, airtable_changes.c.table_id == table_id)
    connection.execute(delete(airtable_changes).where(*here))


def forget_old(connection: Connection, base_id: str, table_id: str, *, before: datetime) -> int:
    """Forget what of a table nobody took in since then; returns how many edits."""
    here = (airtable_changes.c.base_id == base_id, airtable_changes.c.table_id == table_id)
    return connection.execute(delete(airtable_changes).where(*here, airtable_changes.c.seen_at < before)).rowcount


def _of(base_id: str, table_id: str, record_ids: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return (
        airtable_changes.c.base_id == base_id,
        airtable_changes.c.table_id == table_id,
        airtable_changes.c.record_id.in_(record_ids),
    )
