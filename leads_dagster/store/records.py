"""Source records, their claims and the edges between them, as rows.

What belongs here: reading and writing `source_records`, `claims`, `match_keys`, `matches`, `quarantine`.
Which row is which record, and what makes two records one lead, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, func, literal_column, or_, select, update

from leads_dagster.errors import NotFoundError
from leads_dagster.store import counting
from leads_dagster.store.queries import MANY, Query
from leads_dagster.store.statements import bulk_insert, bulk_update, chunks, upsert
from leads_dagster.store.tables import (
    leads,
    match_keys,
    matches,
    quarantine,
    source_records,
)

RecordKind = Literal["row", "edit"]
_ROWS: tuple[RecordKind, ...] = ("row",)
_COUNTER = "source_records"
_AT_ONCE = 1_000  # records with all that they say, held in memory


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """A live source record as the store has it.

    Attributes:
        id, source, source_key, lead_id, state: as in the table.
        raw: the base, column label -> cell. said: what it came to, normalised.
        row_hash, content_hash: 16 bytes each.
        kind: "row", or "edit": what somebody changed of a lead, by its id.
        origin_lead_id: the lead that the record last helped to found.
        undone: field -> value in force, where people took back what the record says.
        undone_by: the decision that took back all of it.
    """

    id: int
    source: str
    source_key: str | None
    raw: dict[str, str]
    said: dict[str, Any]
    row_hash: bytes
    content_hash: bytes
    state: str
    lead_id: str | None
    kind: str = "row"
    origin_lead_id: str | None = None
    undone: dict[str, str | None] | None = None
    undone_by: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it has a say in who is who: no edit, not taken back as a whole, not in quarantine from the first."""
        return self.kind == "row" and self.undone_by is None and bool(self.said)


_KNOWN = [source_records.c[name] for name in KnownRecord.__dataclass_fields__]
_LIVE = source_records.c.removed_at.is_(None)
_BY_ID = Query(select(*_KNOWN).where(source_records.c.id.in_(MANY), _LIVE))
_BY_KEY = Query(
    select(*_KNOWN).where(
        source_records.c.customer == bindparam("customer"),
        source_records.c.source == bindparam("source"),
        source_records.c.source_key.in_(MANY),
        source_records.c.kind == bindparam("of_kind"),
        _LIVE,
    )
)
_OF_LEADS = Query(select(*_KNOWN).where(source_records.c.lead_id.in_(MANY), _LIVE))
_ANY_OF_CUSTOMER = Query(select(source_records.c.id).where(source_records.c.customer == bindparam("customer")).limit(1))
_STANDINGS = Query(
    select(*(source_records.c[name] for name in ("id", "lead_id", "origin_lead_id", "removed_at"))).where(
        source_records.c.id.in_(MANY)
    )
)
_SAID = Query(select(source_records.c.id, source_records.c.said).where(source_records.c.id.in_(MANY)))
_EDITS_OF = Query(
    select(source_records.c.id, source_records.c.lead_id).where(
        source_records.c.lead_id.in_(MANY), source_records.c.kind == "edit", _LIVE, source_records.c.undone_by.is_(None)
    )
)
_REMOVED_FROM = Query(
    select(source_records.c.id, source_records.c.lead_id).where(
        source_records.c.lead_id.in_(MANY), source_records.c.kind == "row", source_records.c.removed_at.is_not(None)
    )
)
_MATES = Query(
    select(*(source_records.c[name] for name in ("id", "lead_id", "origin_lead_id", "removed_at"))).where(
        source_records.c.lead_id.in_(MANY), source_records.c.kind == "row", _LIVE
    )
)


def allocate_ids(connection: Connection, count: int) -> int:
    """Reserve `count` surrogate keys and return the first; call inside a write transaction."""
    return counting.add(connection, _COUNTER, count) - count + 1


def known_records(connection: Connection, ids: Sequence[int]) -> Iterator[KnownRecord]:
    """Live records by surrogate key; ids that are unknown or removed are left out."""
    for part in chunks(ids, _AT_ONCE):
        yield from (KnownRecord(*row) for row in _BY_ID.rows(connection, part))


def ids_that_count(connection: Connection, customer: str) -> list[int]:
    """All live records of a customer that are of a lead, without edits, in the order they were first seen."""
    query = select(source_records.c.id).where(
        source_records.c.customer == customer,
        source_records.c.kind == "row",
        source_records.c.removed_at.is_(None),
        source_records.c.lead_id.is_not(None),
    )
    return sorted(row.id for row in connection.execute(query))


def live_ids(connection: Connection, customer: str, source: str) -> list[int]:
    """All live records of a source, in the order they were first seen."""
    query = select(source_records.c.id).where(
        source_records.c.customer == customer,
        source_records.c.source == source,
        source_records.c.state != "removed",
    )
    return sorted(row.id for row in connection.execute(query))


def ids_written_by(connection: Connection, customer: str, source: str, run_ids: Sequence[str]) -> set[int]:
    """Records of a source that these cycles were the last to write, or to put into quarantine."""
    found: set[int] = set()
    for part in chunks(run_ids):
        for column, table in ((source_records.c.id, source_records), (quarantine.c.record_id, quarantine)):
            here = (table.c.customer == customer, table.c.source == source, table.c.run_id.in_(part))
            found.update(connection.execute(select(column).where(*here)).scalars())
    return found


def removed_like(
    connection: Connection,
    customer: str,
    source: str,
    *,
    source_keys: Collection[str],
    row_hashes: Collection[bytes],
    emails: Collection[str],
    names: Collection[str],
) -> list[KnownRecord]:
    """Records that left this source and may be what returned to it, the last to leave first.

    Those of one of the ids, those that said exactly what one of the rows says, those whose lead has one of the e-mails
    or names (folded), and those that people took back; none that only ever was in quarantine. They have no lead but
    where a policy, or the undoing of their removal, kept it alive.
    """
    gone = (
        source_records.c.customer == customer,
        source_records.c.source == source,
        source_records.c.state == literal_column("'removed'"),  # a parameter would keep SQLite from the partial index
        func.coalesce(source_records.c.lead_id, source_records.c.origin_lead_id).is_not(None),
    )
    query = select(source_records.c.removed_at, *_KNOWN).where(*gone)
    of_leads = query.join(leads, leads.c.id == source_records.c.lead_id).where(leads.c.customer == customer)
    asked = [query.where(source_records.c.undone_by.is_not(None))]
    asked += [query.where(source_records.c.source_key.in_(part)) for part in chunks(list(source_keys))]
    asked += [query.where(source_records.c.row_hash.in_(part)) for part in chunks(list(row_hashes))]
    asked += [of_leads.where(leads.c.email.in_(part)) for part in chunks(list(emails))]
    asked += [of_leads.where(leads.c.name_key.in_(part)) for part in chunks(list(names))]
    found: dict[int, KnownRecord] = {}
    for one in asked:
        for removed_at, *row in connection.execute(one):
            known = KnownRecord(*row)
            found[known.id] = known if removed_at is None else replace(known, lead_id=None)
    return sorted(found.values(), key=lambda known: -known.id)


def by_source_key(
    connection: Connection, customer: str, source: str, keys: Sequence[str], *, kind: RecordKind = "row"
) -> dict[str, KnownRecord]:
    """Key -> the live record that a source knows by it."""
    rows = _BY_KEY.rows(connection, keys, customer=customer, source=source, of_kind=kind)
    return {known.source_key or "": known for known in (KnownRecord(*row) for row in rows)}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a record stands, and nothing of what it says.

    Attributes:
        lead_id: None also of a removed record.
        origin: the lead that it last helped to found, else the one that it was in; of a removed record too.
    """

    lead_id: str | None
    origin: str | None


def standings(connection: Connection, ids: Sequence[int]) -> dict[int, Standing]:
    """Where these records stand, removed ones too; those that were never written are left out."""
    return _standings(_STANDINGS.rows(connection, ids))


def mates_of(connection: Connection, lead_ids: Sequence[str]) -> dict[int, Standing]:
    """The live records of these leads, without edits, and where they stand."""
    return _standings(_MATES.rows(connection, lead_ids))


def removed_from(connection: Connection, lead_ids: Sequence[str]) -> dict[int, str]:
    """Record that is gone -> the one of these leads that it was of."""
    return dict(_REMOVED_FROM.rows(connection, lead_ids))  # type: ignore[arg-type]  # rows of two columns


def edits_of(connection: Connection, lead_ids: Sequence[str]) -> dict[int, str]:
    """Edits that count of these leads, and the lead that each was made on."""
    return dict(_EDITS_OF.rows(connection, lead_ids))  # type: ignore[arg-type]  # rows of two columns


def last_leads(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, bool]]:
    """Record -> the lead that it is of, or was of when it left, and whether it left; those of no lead are left out."""
    query = _STANDINGS.rows(connection, ids)
    return {record: (lead, removed_at is not None) for record, lead, _, removed_at in query if lead is not None}


def sayings_of(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Record -> field -> what its source said last, of records that left too."""
    return {record: said.get("fields", {}) for record, said in _SAID.rows(connection, ids)}


def _standings(rows: Iterable[Sequence[Any]]) -> dict[int, Standing]:
    return {
        record: Standing(lead if removed_at is None else None, origin or lead)
        for record, lead, origin, removed_at in rows
    }


def records_of_leads(
    connection: Connection, lead_ids: Sequence[str], *, kinds: Collection[RecordKind] = _ROWS
) -> Iterator[KnownRecord]:
    """Live records of these leads."""
    for part in chunks(lead_ids, _AT_ONCE):
        found = (KnownRecord(*row) for row in _OF_LEADS.rows(connection, part))
        yield from (one for one in found if one.kind in kinds)


def ids_in_state(connection: Connection, customer: str, source: str, state: str) -> set[int]:
    """Live records of a source that last ended in this state."""
    query = select(source_records.c.id).where(
        source_records.c.customer == customer,
        source_records.c.source == source,
        source_records.c.state == state,
        source_records.c.removed_at.is_(None),
    )
    return {row.id for row in connection.execute(query)}


def has_records(connection: Connection, customer: str) -> bool:
    """Whether any record of this customer was ever seen."""
    return _ANY_OF_CUSTOMER.first(connection, customer=customer) is not None


def insert_records(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add new records."""
    bulk_insert(connection, source_records, rows)


def change_records(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write known records again, with what they say now."""
    upsert(connection, source_records, rows, keep=("first_seen_at", "origin_lead_id"))


def mark_removed(connection: Connection, ids: Sequence[int], *, at: datetime, run_id: str) -> None:
    """Take records out: gone from their source."""
    for part in chunks(ids):
        connection.execute(
            update(source_records)
            .where(source_records.c.id.in_(part))
            .values(removed_at=at, state="removed", run_id=run_id)
        )
        connection.execute(delete(match_keys).where(match_keys.c.record_id.in_(part)))
        connection.execute(delete(quarantine).where(quarantine.c.record_id.in_(part)))
        connection.execute(delete(matches).where(or_(matches.c.record_a.in_(part), matches.c.record_b.in_(part))))


def mark_kept(connection: Connection, ids: Sequence[int], *, run_id: str) -> None:
    """Book records as gone from their source whose claims a policy keeps alive: their leads go on as they are."""
    for part in chunks(ids):
        connection.execute(
            update(source_records).where(source_records.c.id.in_(part)).values(state="removed", run_id=run_id)
        )
        connection.execute(delete(quarantine).where(quarantine.c.record_id.in_(part)))


def set_state(connection: Connection, ids: Sequence[int], state: str) -> None:
    """Say where records ended."""
    for part in chunks(ids):
        connection.execute(update(source_records).where(source_records.c.id.in_(part)).values(state=state))


def assign_lead(connection: Connection, record_to_lead: Mapping[int, str]) -> None:
    """Point known records at their leads."""
    rows = [{"id": record, "lead_id": lead} for record, lead in record_to_lead.items()]
    bulk_update(connection, source_records, rows)


def note_origins(connection: Connection, record_to_lead: Mapping[int, str]) -> None:
    """Say which new lead records helped to found."""
    rows = [{"id": record, "origin_lead_id": lead} for record, lead in record_to_lead.items()]
    bulk_update(connection, source_records, rows)


def sayings(connection: Connection, customer: str, source: str) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Record, its lead and what its source says now, for every live record in a lead; streamed."""
    query = select(source_records.c.id, source_records.c.lead_id, source_records.c.said).where(
        source_records.c.customer == customer,
        source_records.c.source == source,
        source_records.c.removed_at.is_(None),
        source_records.c.lead_id.is_not(None),
    )
    for row in connection.execution_options(yield_per=1000).execute(query):
        yield row.id, row.lead_id, row.said.get("fields", {})


def quarantine_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put records into quarantine; one that is there already keeps since when."""
    upsert(connection, quarantine, rows, keep=("since_at",))


def release(connection: Connection, ids: Sequence[int]) -> None:
    """Take records out of quarantine."""
    for part in chunks(ids):
        connection.execute(delete(quarantine).where(quarantine.c.record_id.in_(part)))


def quarantined(connection: Connection, customer: str, limit: int) -> list[dict[str, Any]]:
    """Rows in quarantine, in sheet order."""
    query = select(quarantine).where(quarantine.c.customer == customer)
    query = query.order_by(quarantine.c.source, quarantine.c.row_number, quarantine.c.record_id).limit(limit)
    return [dict(row._mapping) for row in connection.execute(query)]


def quarantined_by_code(connection: Connection, customer: str) -> dict[str, int]:
    """How many rows stand in quarantine for which reason."""
    query = select(quarantine.c.code, func.count()).where(quarantine.c.customer == customer).group_by(quarantine.c.code)
    return {row[0]: row[1] for row in connection.execute(query.order_by(quarantine.c.code))}


def quarantined_one(connection: Connection, customer: str, record_id: int) -> dict[str, Any]:
    """One row in quarantine.

    Raises:
        NotFoundError: no such row.
    """
    query = select(quarantine).where(quarantine.c.customer == customer, quarantine.c.record_id == record_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(f"Row {record_id} is not in quarantine.", advice="See `leads quarantine`.")
    return dict(row._mapping)
