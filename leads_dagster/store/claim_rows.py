"""Claims, as rows: what one record says of one field, and which of it counts.

What belongs here: reading and writing `claims`, append-only but for `voided_by`. What a claim comes to is the fold's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from leads_dagster.leads.survivorship import Claim
from leads_dagster.store.queries import MANY, Query
from leads_dagster.store.statements import bulk_insert, chunks
from leads_dagster.store.tables import claims, source_records

_OF_RECORDS = Query(
    select(claims.c.record_id, claims.c.field, claims.c.value, claims.c.changed_at)
    .where(claims.c.record_id.in_(MANY), claims.c.voided_by.is_(None))
    .order_by(claims.c.id)
)


def insert_claims(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append claims."""
    bulk_insert(connection, claims, rows)


def claims_of(connection: Connection, record_ids: Sequence[int]) -> Iterator[Claim]:
    """All claims of these records that nobody took back, oldest first."""
    return (Claim(*row) for row in _OF_RECORDS.rows(connection, record_ids))


def that_count(connection: Connection, record_ids: Sequence[int], field: str | None = None) -> list[Any]:
    """Claims of these records that count, oldest first: id, record_id, field, value, changed_at, run_id."""
    found: list[Any] = []
    columns = [claims.c[name] for name in ("id", "record_id", "field", "value", "changed_at", "run_id")]
    for part in chunks(record_ids):
        query = select(*columns).where(claims.c.record_id.in_(part), claims.c.voided_by.is_(None))
        query = query if field is None else query.where(claims.c.field == field)
        found += connection.execute(query.order_by(claims.c.id))
    return found


def fields_said(connection: Connection, record_ids: Sequence[int]) -> dict[int, set[str]]:
    """Record -> fields that it ever claimed, what was taken back of it too."""
    said: dict[int, set[str]] = {one: set() for one in record_ids}
    for part in chunks(record_ids):
        query = select(claims.c.record_id, claims.c.field).where(claims.c.record_id.in_(part)).distinct()
        for record, field in connection.execute(query):
            said[record].add(field)
    return said


def claims_by_id(connection: Connection, claim_ids: Sequence[int]) -> list[Any]:
    """These claims: id, record_id, field."""
    found: list[Any] = []
    for part in chunks(claim_ids):
        found += connection.execute(
            select(claims.c.id, claims.c.record_id, claims.c.field).where(claims.c.id.in_(part))
        )
    return found


def claimed_by_run(connection: Connection, customer: str, run_id: str) -> set[int]:
    """Live records of which a run claimed something that still counts. Reads all claims: it is asked seldom."""
    query = (
        select(claims.c.record_id)
        .join(source_records, source_records.c.id == claims.c.record_id)
        .where(
            claims.c.run_id == run_id,
            claims.c.voided_by.is_(None),
            source_records.c.customer == customer,
            source_records.c.removed_at.is_(None),
            source_records.c.undone_by.is_(None),
        )
        .distinct()
    )
    return set(connection.execute(query).scalars())


def given_by_edits(connection: Connection, customer: str, values: Sequence[str]) -> set[str]:
    """Of these e-mails and LinkedIn URLs, those that somebody gave to a lead itself: edits take no part in matching."""
    found: set[str] = set()
    for part in chunks(values):
        query = (
            select(claims.c.value)
            .join(source_records, source_records.c.id == claims.c.record_id)
            .where(
                claims.c.value.in_(part),
                claims.c.field.in_(["email", "linkedin_url"]),
                claims.c.voided_by.is_(None),
                source_records.c.customer == customer,
                source_records.c.kind == "edit",
                source_records.c.removed_at.is_(None),
            )
            .distinct()
        )
        found.update(str(value) for value in connection.execute(query).scalars())
    return found


def void_claims(connection: Connection, claim_ids: Sequence[int], *, by: int) -> None:
    """Say which decision took these claims back."""
    for part in chunks(claim_ids):
        connection.execute(update(claims).where(claims.c.id.in_(part)).values(voided_by=by))


def revive_claims(connection: Connection, *, voided_by: int) -> set[int]:
    """Let the claims that a decision took back count again; returns the records they are of."""
    mine = claims.c.voided_by == voided_by
    touched = set(connection.execute(select(claims.c.record_id).where(mine).distinct()).scalars())
    connection.execute(update(claims).where(mine).values(voided_by=None))
    return touched


def note_in_force(connection: Connection, record_ids: Iterable[int]) -> None:
    """Write beside these records what counts, of the fields whose newest claim was taken back."""
    for part in chunks(sorted(record_ids)):
        query = select(claims.c.record_id, claims.c.field, claims.c.value, claims.c.voided_by)
        newest: dict[int, dict[str, tuple[bool, str | None]]] = {one: {} for one in part}
        counted: dict[tuple[int, str], str | None] = {}
        for record, field, value, voided in connection.execute(
            query.where(claims.c.record_id.in_(part)).order_by(claims.c.changed_at, claims.c.id)
        ):
            newest[record][field] = (voided is not None, value)
            if voided is None:
                counted[record, field] = value
        for record, fields in newest.items():
            undone = {name: counted.get((record, name)) for name, (voided, _) in fields.items() if voided}
            connection.execute(
                update(source_records).where(source_records.c.id == record).values(undone=undone or None)
            )
