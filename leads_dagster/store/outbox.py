"""The outbox: which leads a mirror has still to hear of. Dirty marks with a version, no payloads.

What belongs here: `sync_status`. What is sent is computed when it is sent, from the lead and from what the mirror
answered last; so a mark can be made twice, or be lost with its transaction, and nothing goes wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, and_, case, func, literal, or_, select, update

from leads_dagster.leads.digests import value_digest
from leads_dagster.store.statements import bulk_insert, bulk_update, chunks, upsert
from leads_dagster.store.tables import counters, leads, sync_status

MirrorName = Literal["airtable", "crm"]
MIRRORS: tuple[MirrorName, ...] = ("crm", "airtable")
Operation = Literal["create", "update", "delete"]
_KEYS = ("lead_id", "mirror")
MAX_ATTEMPTS = 10
_FIRST_DELAY_SECONDS = 2.0
_LONGEST_DELAY_SECONDS = 900.0


def mark(
    connection: Connection,
    customer: str,
    mirrors: Sequence[MirrorName],
    versions: Mapping[str, int],
    *,
    seen_at: datetime | None = None,
) -> None:
    """Mark leads dirty for each mirror; lead id -> version that made it so.

    Args:
        seen_at: when the change was first seen; None where nothing changed that somebody waits for. A mark that waits
            keeps the time of its oldest change.
    """
    rows = _marks(customer, mirrors, versions, seen_at)
    upsert(connection, sync_status, rows, keep=("operation", "customer"), keep_set=("seen_at",))


def mark_again(connection: Connection, customer: str, mirror: MirrorName, lead_ids: Sequence[str]) -> None:
    """Mark leads that did not change, but of which a mirror has more to say; those it never heard of are left out.

    The mark's version is one that no version of a lead can be, and another each time: a push that is under way
    meanwhile does not settle it.
    """
    for part in chunks(lead_ids):
        connection.execute(
            update(sync_status)
            .where(sync_status.c.customer == customer, sync_status.c.mirror == mirror, sync_status.c.lead_id.in_(part))
            .values(
                status="pending",
                version=-func.abs(sync_status.c.version) - 1,
                attempt_count=0,
                next_attempt_at=None,
                error_message=None,
            )
        )


def mark_new(
    connection: Connection,
    customer: str,
    mirrors: Sequence[MirrorName],
    ids: Iterable[str],
    *,
    seen_at: datetime | None,
) -> None:
    """Mark leads that were made in this very transaction; they have no mark yet."""
    bulk_insert(connection, sync_status, _marks(customer, mirrors, dict.fromkeys(ids, 1), seen_at))


def _marks(
    customer: str, mirrors: Sequence[MirrorName], versions: Mapping[str, int], seen_at: datetime | None
) -> list[dict[str, Any]]:
    return [
        {
            "lead_id": lead,
            "mirror": mirror,
            "customer": customer,
            "operation": "create",
            "status": "pending",
            "version": version,
            "attempt_count": 0,
            "next_attempt_at": None,
            "error_message": None,
            "seen_at": seen_at,
        }
        for lead, version in versions.items()
        for mirror in mirrors
    ]


def backfill(connection: Connection, customer: str, mirror: MirrorName) -> int:
    """Mark active leads that a mirror never heard of (it was configured later); returns how many."""
    versions = never_told(connection, customer, mirror)
    mark(connection, customer, [mirror], versions)
    return len(versions)


def never_told(connection: Connection, customer: str, mirror: MirrorName) -> dict[str, int]:
    """Active leads without a mark of this mirror: id -> version."""
    missing = (
        select(leads.c.id, leads.c.version)
        .outerjoin(sync_status, and_(sync_status.c.lead_id == leads.c.id, sync_status.c.mirror == literal(mirror)))
        .where(
            leads.c.customer == customer,
            leads.c.archived_at.is_(None),
            leads.c.merged_into.is_(None),
            sync_status.c.lead_id.is_(None),
        )
    )
    return {row.id: row.version for row in connection.execute(missing)}


def place_of(connection: Connection, customer: str, mirror: MirrorName) -> int:
    """The number noted for where a mirror is; 0 where none ever was, below zero where it was taken away."""
    query = select(counters.c.value).where(counters.c.name == _place_name(customer, mirror))
    return int(connection.execute(query).scalar() or 0)


def note_place(connection: Connection, customer: str, mirror: MirrorName, place: int) -> None:
    """Note where a mirror is."""
    upsert(connection, counters, [{"name": _place_name(customer, mirror), "value": place}])


def _place_name(customer: str, mirror: MirrorName) -> str:
    return f"place of {mirror}: {customer}"


def tell_again(connection: Connection, customer: str, mirror: MirrorName, *, same_place: bool) -> None:
    """Mark every lead that a mirror ever heard of; in another place it also has none of the records it had."""
    forgotten = {} if same_place else {"base": None, "unbooked": None, "external_id": None, "operation": "create"}
    connection.execute(
        update(sync_status)
        .where(sync_status.c.customer == customer, sync_status.c.mirror == mirror)
        .values(status="pending", attempt_count=0, next_attempt_at=None, error_message=None, **forgotten)
    )


def restate(
    connection: Connection, customer: str, mirror: MirrorName, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Say something else of what stands at a mirror, lead by lead; `change` is given each base."""
    query = select(sync_status.c.lead_id, sync_status.c.base).where(
        sync_status.c.customer == customer, sync_status.c.mirror == mirror, sync_status.c.base.is_not(None)
    )
    rows = [{"lead_id": row.lead_id, "mirror": mirror, "base": change(row.base)} for row in connection.execute(query)]
    bulk_update(connection, sync_status, rows, keys=_KEYS)


def due(
    connection: Connection,
    customer: str,
    mirror: MirrorName,
    *,
    now: datetime,
    limit: int,
    lead_ids: Sequence[str] | None = None,
) -> list[Any]:
    """Marks to work on now, longest waiting lead first: lead_id, version, external_id, base, unbooked, attempt_count,
    operation (the last that landed), echoes, seen_at.

    Args:
        lead_ids: only those of these leads.
    """
    mine = [] if lead_ids is None else [sync_status.c.lead_id.in_(lead_ids)]
    query = (
        select(
            sync_status.c.lead_id,
            sync_status.c.version,
            sync_status.c.external_id,
            sync_status.c.base,
            sync_status.c.unbooked,
            sync_status.c.attempt_count,
            sync_status.c.operation,
            sync_status.c.echoes,
            sync_status.c.seen_at,
        )
        .where(_is_due(customer, [mirror], now), *mine)
        .order_by(sync_status.c.attempt_count, sync_status.c.lead_id)
        .limit(limit)
    )
    return list(connection.execute(query))


def waiting(
    connection: Connection, customer: str, mirrors: Sequence[MirrorName], *, limit: int
) -> dict[str, list[str]]:
    """Lead -> mirrors that have still to hear of it, also those that a mirror refused; in the order of being made."""
    mine = (
        sync_status.c.customer == customer,
        sync_status.c.mirror.in_(mirrors),
        sync_status.c.status.in_(["pending", "failed"]),
    )
    first = select(sync_status.c.lead_id).where(*mine).distinct().order_by(sync_status.c.lead_id).limit(limit)
    query = select(sync_status.c.lead_id, sync_status.c.mirror).where(*mine, sync_status.c.lead_id.in_(first))
    found: dict[str, list[str]] = {}
    for lead, mirror in connection.execute(query.order_by(sync_status.c.lead_id, sync_status.c.mirror)):
        found.setdefault(lead, []).append(mirror)
    return found


def count_due(connection: Connection, customer: str, mirrors: Sequence[MirrorName], *, now: datetime) -> int:
    """How many marks of these mirrors could be worked on now."""
    query = select(func.count()).select_from(sync_status).where(_is_due(customer, mirrors, now))
    return int(connection.execute(query).scalar_one())


def _is_due(customer: str, mirrors: Sequence[MirrorName], now: datetime) -> Any:
    """Where the last attempt lies in the future the clock was put back, and no wait that it set can be trusted."""
    return and_(
        sync_status.c.customer == customer,
        sync_status.c.mirror.in_(mirrors),
        sync_status.c.status.in_(["pending", "failed"]),
        or_(
            sync_status.c.next_attempt_at.is_(None),
            sync_status.c.next_attempt_at <= now,
            sync_status.c.last_attempt > now,
        ),
    )


def counts(connection: Connection, customer: str) -> dict[str, dict[str, int]]:
    """Mirror -> status -> how many leads."""
    query = (
        select(sync_status.c.mirror, sync_status.c.status, func.count())
        .where(sync_status.c.customer == customer)
        .group_by(sync_status.c.mirror, sync_status.c.status)
    )
    found: dict[str, dict[str, int]] = {}
    for mirror, status, number in connection.execute(query):
        found.setdefault(mirror, {})[status] = number
    return found


def waits_since(connection: Connection, customer: str, mirror: MirrorName, *, before: datetime) -> bool:
    """Whether a mirror waits for a change that was first seen before then."""
    query = select(sync_status.c.lead_id).where(
        sync_status.c.customer == customer,
        sync_status.c.mirror == mirror,
        sync_status.c.status.in_(["pending", "failed"]),
        sync_status.c.seen_at < before,
    )
    return connection.execute(query.limit(1)).first() is not None


def note_unbooked(
    connection: Connection, mirror: MirrorName, values: Mapping[str, Mapping[str, Sequence[Any]]]
) -> None:
    """Say what a push is about to write, before it does: lead id -> field -> the values that may stand there then.

    A process that ends between the mirror's commit and ours leaves the base behind the mirror. What is noted here tells
    our own write from somebody's edit, and that there is something to look at though lead and base are equal.
    """
    rows = [{"lead_id": lead, "mirror": mirror, "unbooked": noted} for lead, noted in values.items()]
    bulk_update(connection, sync_status, rows, keys=_KEYS)


def concede(connection: Connection, lead_id: str, mirror: MirrorName, field: str, theirs: Any) -> None:
    """Take what a mirror says of one field for known: the next push, which this asks for, may write over it."""
    query = select(sync_status.c.base).where(sync_status.c.lead_id == lead_id, sync_status.c.mirror == mirror)
    base = connection.execute(query).scalar_one_or_none() or {}
    connection.execute(
        update(sync_status)
        .where(sync_status.c.lead_id == lead_id, sync_status.c.mirror == mirror)
        .values(base={**base, field: theirs}, status="pending", attempt_count=0, next_attempt_at=None)
    )


_ECHOES_KEPT = 40


def echo(field: str, value: Any) -> str:
    """What a write of ours to Airtable is known by when its payload tells of it: 16 hex digits over field and value.

    Args:
        field: of the lead.
        value: as Airtable answered it (`PushOutcome.answered`); blank, "" and false are one.
    """
    return value_digest(field, value)


def echoes_with(before: Sequence[str] | None, written: Mapping[str, Any]) -> list[str]:
    """The newest echoes of a lead, with those of what was written now."""
    new = [echo(name, value) for name, value in written.items()]
    return [*(one for one in before or () if one not in new), *new][-_ECHOES_KEPT:]


def postpone(
    connection: Connection, mirror: MirrorName, lead_ids: Sequence[str], *, now: datetime, until: datetime
) -> None:
    """Let marks wait though a push landed or was not tried: part of it was withheld for now.

    They count as tried now where the last attempt lies in the future, since the clock was put back: they would be due
    again at once else, for ever (see `_is_due`).
    """
    tried = case((sync_status.c.last_attempt > now, now), else_=sync_status.c.last_attempt)
    for part in chunks(lead_ids):
        connection.execute(
            update(sync_status)
            .where(sync_status.c.lead_id.in_(part), sync_status.c.mirror == mirror)
            .values(status="pending", next_attempt_at=until, attempt_count=0, last_attempt=tried)
        )


def book_success(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Book writes that landed; rows: lead_id, mirror, version, external_id, base, operation, at, and may be echoes and
    error: which values were left out.

    A mark that became newer meanwhile stays pending.
    """
    booked = [
        {
            "external_id": row["external_id"],
            "base": row["base"],
            "unbooked": None,
            "sent_version": row["version"],
            "operation": row["operation"],
            "attempt_count": 0,
            "last_attempt": row["at"],
            "next_attempt_at": None,
            "error_message": row.get("error"),
            "lead_id": row["lead_id"],
            "mirror": row["mirror"],
            **({"echoes": row["echoes"]} if "echoes" in row else {}),
        }
        for row in rows
    ]
    bulk_update(connection, sync_status, booked, keys=_KEYS)
    for mirror in {row["mirror"] for row in rows}:
        _settle(connection, mirror, [row["lead_id"] for row in rows if row["mirror"] == mirror])


def _settle(connection: Connection, mirror: MirrorName, lead_ids: Sequence[str]) -> None:
    """Call those marks done of which the last version was sent."""
    for part in chunks(lead_ids):
        connection.execute(
            update(sync_status)
            .where(
                sync_status.c.lead_id.in_(part),
                sync_status.c.mirror == mirror,
                sync_status.c.version == sync_status.c.sent_version,
            )
            .values(status="success", seen_at=None)
        )


def book_failure(
    connection: Connection,
    lead_ids: Sequence[str],
    mirror: MirrorName,
    *,
    error: str,
    permanent: bool,
    now: datetime,
    attempts: Mapping[str, int],
    patient: bool = False,
) -> None:
    """Book writes that did not land: again later with growing delay, or dead after the limit or a permanent error.

    Args:
        patient: the lead is not at fault; however often it fails, it does not die of it.
    """
    for part in chunks(lead_ids):
        for lead in part:
            tried = attempts.get(lead, 0) + 1
            wait = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2 ** min(tried - 1, MAX_ATTEMPTS))
            connection.execute(
                update(sync_status)
                .where(sync_status.c.lead_id == lead, sync_status.c.mirror == mirror)
                .values(
                    status="dead" if permanent or (tried >= MAX_ATTEMPTS and not patient) else "failed",
                    attempt_count=tried,
                    last_attempt=now,
                    next_attempt_at=now + timedelta(seconds=wait),
                    error_message=error,
                )
            )


def count_heard(connection: Connection, customer: str, mirror: MirrorName) -> int:
    """How many active leads a mirror holds, as far as it ever answered."""
    query = (
        select(func.count())
        .select_from(sync_status.join(leads, leads.c.id == sync_status.c.lead_id))
        .where(
            sync_status.c.customer == customer,
            sync_status.c.mirror == mirror,
            sync_status.c.base.is_not(None),
            leads.c.archived_at.is_(None),
            leads.c.merged_into.is_(None),
        )
    )
    return int(connection.execute(query).scalar_one())
