"""`migration_log`: which JSON files came in, how far each is, and what the store holds of them.

What belongs here: the rows of the log, one a file of a migration, and the look at a source's records that validation
needs. What a migration does is `pipeline.migrate`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, insert, select, update

from leads_dagster.store import records
from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import claims, migration_log, source_records

MigrationStatus: TypeAlias = Literal["running", "done", "failed", "rolled_back"]


@dataclass(frozen=True, slots=True)
class MigratedFile:
    """One file of one migration; attributes as in the table."""

    id: int
    migration_id: str
    path: str
    checksum: str | None
    status: MigrationStatus
    position: int
    summary: dict[str, Any]
    backup: str | None
    started_at: datetime
    finished_at: datetime | None


_COLUMNS = [migration_log.c[name] for name in MigratedFile.__dataclass_fields__]


def add(connection: Connection, customer: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add files to the log: `migration_id`, `path`, `checksum`, `status`, `summary`, `started_at` and what is known."""
    for row in rows:
        connection.execute(insert(migration_log).values(customer=customer, **row))


def change(connection: Connection, row_id: int, **values: Any) -> None:
    """Set columns of one file's row."""
    connection.execute(update(migration_log).where(migration_log.c.id == row_id).values(**values))


def files_of(connection: Connection, customer: str, migration_id: str) -> list[MigratedFile]:
    """The files of one migration, in its order; none where there is no such migration."""
    return _found(connection, customer, migration_log.c.migration_id == migration_id)


def unfinished(connection: Connection, customer: str) -> list[MigratedFile]:
    """Files of migrations that never ended, oldest first."""
    return _found(connection, customer, migration_log.c.status == "running")


def newest_of(connection: Connection, customer: str, path: str) -> MigratedFile | None:
    """How the last migration of a file that wrote anything stands; None where there was none."""
    found = _found(connection, customer, migration_log.c.path == path, migration_log.c.status != "failed")
    return found[-1] if found else None


def listed(connection: Connection, customer: str, limit: int) -> list[MigratedFile]:
    """The newest files, newest first."""
    query = select(*_COLUMNS).where(migration_log.c.customer == customer).order_by(migration_log.c.id.desc())
    return [MigratedFile(*row) for row in connection.execute(query.limit(limit))]


def _found(connection: Connection, customer: str, *where: Any) -> list[MigratedFile]:
    query = select(*_COLUMNS).where(migration_log.c.customer == customer, *where).order_by(migration_log.c.id)
    return [MigratedFile(*row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """What the store holds of one record of a file."""

    source_key: str
    state: str
    lead_id: str | None
    raw: dict[str, str]
    said: dict[str, Any]


_STORED = [source_records.c[name] for name in StoredRecord.__dataclass_fields__]


def records_by_key(connection: Connection, customer: str, source: str, keys: Sequence[str]) -> Iterator[StoredRecord]:
    """The live records of a source that have these keys."""
    for part in chunks(keys):
        query = select(*_STORED).where(
            source_records.c.customer == customer,
            source_records.c.source == source,
            source_records.c.source_key.in_(part),
            source_records.c.removed_at.is_(None),
        )
        for row in connection.execute(query):
            yield StoredRecord(*row)


def claimed_anything(connection: Connection, migration_id: str) -> bool:
    """Whether a migration said anything of any lead."""
    query = select(claims.c.id).where(claims.c.run_id == migration_id).limit(1)
    return connection.execute(query).first() is not None


def clear_quarantine(connection: Connection, customer: str, source: str, *, run_id: str, at: datetime) -> int:
    """Take records out of quarantine that a migration put there and that never were leads; returns how many."""
    query = select(source_records.c.id).where(
        source_records.c.customer == customer,
        source_records.c.source == source,
        source_records.c.run_id == run_id,
        source_records.c.state == "quarantined",
        source_records.c.lead_id.is_(None),
    )
    ids = list(connection.execute(query).scalars())
    records.mark_removed(connection, ids, at=at, run_id=run_id)
    return len(ids)
