"""Source records, their claims and the edges between them, as rows.

What belongs here: reading and writing `source_records`, `claims`, `match_keys`, `matches`, `quarantine`, `decisions`.
Which row is which record, and what makes two records one lead, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import xxhash
from sqlalchemy import Connection, delete, func, or_, select, update

from leads_dagster.errors import NotFoundError
from leads_dagster.leads.survivorship import Claim, Override
from leads_dagster.store import counting
from leads_dagster.store.statements import bulk_insert, chunks, upsert
from leads_dagster.store.tables import (
    claims,
    decisions,
    leads,
    match_keys,
    matches,
    quarantine,
    source_records,
)

_COUNTER = "source_records"
_HALF_OF_64_BITS = 2**63  # a database's integers have a sign


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """A live source record as the store has it.

    Attributes:
        id, source, source_key, lead_id, state: as in the table.
        raw: the base, column label -> cell. said: what it came to, normalised.
        row_hash, content_hash: 16 bytes each.
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


_KNOWN = [source_records.c[name] for name in KnownRecord.__dataclass_fields__]


@dataclass(frozen=True, slots=True)
class StoredEdge:
    """An edge between two records as the store has it; `record_a` is the smaller id."""

    record_a: int
    record_b: int
    outcome: str
    rule: str
    score: float
    explanation: dict[str, Any]


_EDGE = [matches.c[name] for name in StoredEdge.__dataclass_fields__]


def allocate_ids(connection: Connection, count: int) -> int:
    """Reserve `count` surrogate keys and return the first; call inside a write transaction."""
    return counting.add(connection, _COUNTER, count) - count + 1


def known_records(connection: Connection, ids: Sequence[int]) -> Iterator[KnownRecord]:
    """Live records by surrogate key; ids that are unknown or removed are left out."""
    for part in chunks(ids):
        query = select(*_KNOWN).where(source_records.c.id.in_(part), source_records.c.removed_at.is_(None))
        for row in connection.execute(query):
            yield KnownRecord(*row)


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


def records_of_leads(connection: Connection, lead_ids: Sequence[str]) -> Iterator[KnownRecord]:
    """Live records of these leads."""
    for part in chunks(lead_ids):
        query = select(*_KNOWN).where(source_records.c.lead_id.in_(part), source_records.c.removed_at.is_(None))
        for row in connection.execute(query):
            yield KnownRecord(*row)


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
    query = select(source_records.c.id).where(source_records.c.customer == customer).limit(1)
    return connection.execute(query).first() is not None


def insert_records(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add new records."""
    bulk_insert(connection, source_records, rows)


def change_records(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write known records again, with what they say now."""
    upsert(connection, source_records, rows, keep=("first_seen_at",))


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
    by_lead: dict[str, list[int]] = {}
    for record, lead in record_to_lead.items():
        by_lead.setdefault(lead, []).append(record)
    for lead, ids in by_lead.items():
        for part in chunks(ids):
            connection.execute(update(source_records).where(source_records.c.id.in_(part)).values(lead_id=lead))


def insert_claims(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append claims."""
    bulk_insert(connection, claims, rows)


def claims_of(connection: Connection, record_ids: Sequence[int]) -> Iterator[Claim]:
    """All claims of these records, oldest first."""
    for part in chunks(record_ids):
        query = (
            select(claims.c.record_id, claims.c.field, claims.c.value, claims.c.changed_at)
            .where(claims.c.record_id.in_(part))
            .order_by(claims.c.id)
        )
        for row in connection.execute(query):
            yield Claim(*row)


def replace_keys(connection: Connection, customer: str, keys_of: Mapping[int, Iterable[str]]) -> None:
    """Set the blocking keys of these records."""
    ids = list(keys_of)
    for part in chunks(ids):
        connection.execute(delete(match_keys).where(match_keys.c.record_id.in_(part)))
    insert_keys(connection, customer, keys_of)


def insert_keys(connection: Connection, customer: str, keys_of: Mapping[int, Iterable[str]]) -> None:
    """Add blocking keys of records that have none yet."""
    rows = [
        {"key": key, "record_id": record}
        for record, keys in keys_of.items()
        for key in set(hashed_keys(customer, keys))
    ]
    bulk_insert(connection, match_keys, sorted(rows, key=lambda row: row["key"]))


def hashed_keys(customer: str, keys: Iterable[str]) -> list[int]:
    """A customer's blocking keys as 64 bits each: an index of numbers is a third of one of texts.

    Two keys with one number would only make a pair be compared that need not be.
    """
    prefix = f"{customer}\x1f"
    return [
        xxhash.xxh3_64_intdigest((prefix + key).encode("utf-8", "surrogatepass")) - _HALF_OF_64_BITS for key in keys
    ]


def records_by_key(connection: Connection, customer: str, keys: Sequence[str]) -> dict[str, list[int]]:
    """Blocking key -> records that have it."""
    key_of = dict(zip(hashed_keys(customer, keys), keys, strict=True))
    found: dict[str, list[int]] = {}
    for part in chunks(list(key_of)):
        query = select(match_keys.c.key, match_keys.c.record_id).where(match_keys.c.key.in_(part))
        for number, record in connection.execute(query):
            found.setdefault(key_of[number], []).append(record)
    return found


def edges_at(connection: Connection, record_ids: Sequence[int]) -> list[StoredEdge]:
    """All edges that touch these records."""
    found: dict[tuple[int, int], StoredEdge] = {}
    for part in chunks(record_ids):
        query = select(*_EDGE).where(or_(matches.c.record_a.in_(part), matches.c.record_b.in_(part)))
        for row in connection.execute(query):
            found[row.record_a, row.record_b] = StoredEdge(*row)
    return list(found.values())


def replace_edges(connection: Connection, touched: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
    """Set the edges at the touched records to these."""
    for part in chunks(touched):
        connection.execute(delete(matches).where(or_(matches.c.record_a.in_(part), matches.c.record_b.in_(part))))
    insert_edges(connection, rows)


def insert_edges(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add edges."""
    bulk_insert(connection, matches, rows)


def quarantine_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put records into quarantine; one that is there already keeps since when."""
    upsert(connection, quarantine, rows, keep=("since_at",))


def release(connection: Connection, ids: Sequence[int]) -> None:
    """Take records out of quarantine."""
    for part in chunks(ids):
        connection.execute(delete(quarantine).where(quarantine.c.record_id.in_(part)))


def pair_decisions(connection: Connection, customer: str) -> tuple[set[frozenset[int]], set[frozenset[int]]]:
    """Pairs of records that people said are the same, and are not; decisions taken back are left out."""
    undone = select(decisions.c.undoes).where(decisions.c.undoes.is_not(None))
    query = (
        select(decisions.c.kind, decisions.c.subject)
        .where(
            decisions.c.customer == customer,
            decisions.c.kind.in_(["same", "not_same"]),
            decisions.c.id.not_in(undone),
        )
        .order_by(decisions.c.id)
    )
    verdicts: dict[frozenset[int], str] = {}
    for kind, subject in connection.execute(query):
        verdicts[frozenset(subject["records"])] = kind
    same = {pair for pair, kind in verdicts.items() if kind == "same"}
    return same, set(verdicts) - same


def overrides_of(connection: Connection, lead_ids: Sequence[str]) -> dict[str, list[Override]]:
    """Lead -> people's decisions on its fields, those taken back left out."""
    undone = select(decisions.c.undoes).where(decisions.c.undoes.is_not(None))
    found: dict[str, list[Override]] = {}
    for part in chunks(lead_ids):
        query = select(decisions.c.lead_id, decisions.c.subject, decisions.c.decided_at).where(
            decisions.c.kind == "override", decisions.c.lead_id.in_(part), decisions.c.id.not_in(undone)
        )
        for lead, subject, decided_at in connection.execute(query):
            found.setdefault(lead, []).append(Override(subject["field"], subject["value"], decided_at))
    return found


def kept_apart(connection: Connection, customer: str, values: Sequence[str]) -> set[str]:
    """Of these e-mails and LinkedIn URLs, those whose records the matcher or a person kept apart for a reason."""
    found: set[str] = set()
    for part in chunks(values, 500):
        for column in (leads.c.email, leads.c.linkedin_url):
            query = (
                select(column)
                .select_from(
                    leads.join(source_records, source_records.c.lead_id == leads.c.id).join(
                        matches,
                        or_(matches.c.record_a == source_records.c.id, matches.c.record_b == source_records.c.id),
                    )
                )
                .where(leads.c.customer == customer, column.in_(part), matches.c.outcome.in_(["review", "blocked"]))
                .distinct()
            )
            found.update(row[0] for row in connection.execute(query))
    found.update(value for value in values if not _names_a_person(value))
    return found


def _names_a_person(value: str) -> bool:
    """Whether the matcher takes this e-mail or LinkedIn URL for one person's.

    A role mailbox is shared by design, and cells that could not be normalised ("see notes") are kept as they are.
    """
    from leads_dagster.leads.linkedin import linkedin_slug
    from leads_dagster.leads.match_features import is_role_mailbox

    return not is_role_mailbox(value) if "@" in value else linkedin_slug(value) is not None


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
