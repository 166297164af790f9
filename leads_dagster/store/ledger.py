"""The ledger: where every source row ended, cycle by cycle, and what the last closed cycle saw.

What belongs here: `source_states`, `sync_runs`, `sync_states`. A cycle that dies leaves `open_run_id` behind, and the
next one catches up from the last closed ledger.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, and_, func, select, update

from leads_dagster.errors import NotFoundError
from leads_dagster.store.statements import chunks, upsert
from leads_dagster.store.tables import (
    claims,
    holds,
    migration_log,
    quarantine,
    source_records,
    source_states,
    sync_runs,
    sync_states,
)

RunStatus = Literal["running", "done", "unchanged", "held", "failed"]


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows of one cycle by where they ended; `read` is the sum of the others without `removed`."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    quarantined: int = 0
    held: int = 0
    removed: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every row ended in exactly one state."""
        states = self.created + self.updated + self.unchanged + self.merged + self.quarantined + self.held
        return self.read == states and min(states, *(getattr(self, name) for name in self.__slots__)) >= 0

    @property
    def error_rate(self) -> float:
        """Share of the rows read that could not be used, 0 to 1."""
        return self.quarantined / self.read if self.read else 0.0


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the last closed ledger of one source saw; the empty one where there was none."""

    customer: str
    source: str
    fingerprint: str | None = None
    rules_fingerprint: str | None = None
    marker: dict[str, Any] | None = None
    checksum: str | None = None
    header: list[str] | None = None
    digests: bytes = b""
    record_ids: bytes = b""
    read_rows: int = 0
    held_rows: int = 0
    version: int = 0
    closed_at: datetime | None = None
    open_run_id: str | None = None


_ORDER = ("digests", "record_ids")
_LOOK_AGAIN = bytes(16)
_RECORD_ID = struct.Struct("<q")
_STATE = [source_states.c[one.name] for one in fields(SourceState)]
_STATE_WITHOUT_ORDER = [column for column in _STATE if column.name not in _ORDER]


def source_state(connection: Connection, customer: str, source: str, *, order: bool = True) -> SourceState:
    """The state of one source, as of its last closed ledger; without the sheet's order, megabytes, unless asked."""
    row = connection.execute(
        select(*(_STATE if order else _STATE_WITHOUT_ORDER)).where(
            source_states.c.customer == customer, source_states.c.source == source
        )
    ).one_or_none()
    return SourceState(customer, source) if row is None else _state_of(row)


def _state_of(row: Row[Any]) -> SourceState:
    known = dict(row._mapping)
    return SourceState(**{**known, **{name: known.get(name) or b"" for name in _ORDER}})


def read_last(connection: Connection, customer: str, configured: str) -> str:
    """The source to speak of: the configured one, or where that was never read (`--sheet`), the one read last."""
    query = select(source_states.c.source, source_states.c.closed_at).where(source_states.c.customer == customer)
    return _to_speak_of({row.source: row.closed_at for row in connection.execute(query)}, configured)


def _to_speak_of(closed_at: Mapping[str, datetime | None], configured: str) -> str:
    closed = {source: at for source, at in closed_at.items() if at is not None}
    return configured if configured in closed or not closed else max(closed, key=lambda source: closed[source])


def sources_to_speak_of(connection: Connection, configured: Mapping[str, str]) -> dict[str, SourceState]:
    """Customer -> the state of the source to speak of, without the sheet's order; see `read_last`."""
    query = select(*_STATE_WITHOUT_ORDER).where(source_states.c.customer.in_(configured))
    known: dict[str, dict[str, SourceState]] = {name: {} for name in configured}
    for row in connection.execute(query):
        known[row.customer][row.source] = _state_of(row)
    found: dict[str, SourceState] = {}
    for name, states in known.items():
        source = _to_speak_of({one.source: one.closed_at for one in states.values()}, configured[name])
        found[name] = states.get(source) or SourceState(name, source)
    return found


def save_source_state(connection: Connection, state: SourceState) -> None:
    """Write the state of one source; part of the transaction that closes a ledger."""
    upsert(connection, source_states, [{one.name: getattr(state, one.name) for one in fields(state)}])


def forget_seen(connection: Connection, state: SourceState) -> bool:
    """Forget what the sheet was like, so that the next look finds it changed; False where another ledger closed."""
    mine = and_(source_states.c.customer == state.customer, source_states.c.source == state.source)
    unmoved = source_states.c.version == state.version
    done = connection.execute(update(source_states).where(mine, unmoved).values(fingerprint=None, marker=None))
    return done.rowcount == 1


def open_source(connection: Connection, customer: str, source: str, run_id: str) -> None:
    """Say that a cycle is writing; who finds this later knows that the cycle died."""
    upsert(connection, source_states, [{"customer": customer, "source": source, "open_run_id": run_id}])


def unclosed_runs(connection: Connection, customer: str, source: str) -> list[str]:
    """Runs that ended without closing the ledger, or may have: those that died, and those that failed anywhere."""
    columns = sync_runs.c
    query = select(columns.run_id).where(
        columns.customer == customer, columns.source == source, columns.status.in_(("running", "failed"))
    )
    return list(connection.execute(query).scalars())


def standing_counts(connection: Connection, state: SourceState) -> RowCounts:
    """The counts of a cycle in which nothing changed: what stands in quarantine, is held or taken back still does.

    A row that the guard parked is held and nothing else, also where it stood in quarantine before.
    """
    parked = _parked(connection, state)
    in_quarantine = select(quarantine.c.record_id).where(
        quarantine.c.customer == state.customer, quarantine.c.source == state.source
    )
    quarantined = _count_without(connection, in_quarantine, parked)
    held = state.held_rows + _count_without(connection, _taken_back(state), parked)
    read = state.read_rows
    return RowCounts(read=read, unchanged=read - quarantined - held, quarantined=quarantined, held=held)


def held_because(connection: Connection, state: SourceState) -> dict[str, int]:
    """Why rows are held: parked by the guard, or undone: taken back by a person and still in the sheet."""
    undone = _count_without(connection, _taken_back(state), _parked(connection, state))
    return {"parked": state.held_rows, "undone": undone}


def _taken_back(state: SourceState) -> Select[Any]:
    columns = source_records.c
    mine = (columns.customer == state.customer, columns.source == state.source)
    return select(columns.id).where(*mine, columns.state == "held")


def _count_without(connection: Connection, ids: Select[Any], without: set[int]) -> int:
    if not without:
        return int(connection.execute(select(func.count()).select_from(ids.subquery())).scalar_one())
    return sum(one not in without for one in connection.execute(ids).scalars())


def _parked(connection: Connection, state: SourceState) -> set[int]:
    """Records that the guard parked: those whose digest the ledger closed with says to look again."""
    if not state.held_rows:
        return set()
    order = state if state.digests else source_state(connection, state.customer, state.source)
    digests = (order.digests[start : start + 16] for start in range(0, len(order.digests), 16))
    records = _RECORD_ID.iter_unpack(order.record_ids)
    return {record for (record,), digest in zip(records, digests, strict=True) if digest == _LOOK_AGAIN}


def begin_run(
    connection: Connection, *, run_id: str, customer: str, source: str, checksum: str, observed_at: datetime
) -> None:
    """Open the ledger's line of a cycle; a retried step finds it there and leaves it."""
    row = {
        "run_id": run_id,
        "customer": customer,
        "source": source,
        "status": "running",
        "timings": {},
        "mirrors": {},
        "checksum": checksum,
        "observed_at": observed_at,
        "started_at": observed_at,
    }
    upsert(connection, sync_runs, [row], keep=("timings", "mirrors", "started_at", "observed_at"))


def find_run(connection: Connection, customer: str, run_id: str) -> Mapping[str, Any] | None:
    """The ledger's line of a cycle, by column name."""
    row = connection.execute(
        select(sync_runs).where(sync_runs.c.customer == customer, sync_runs.c.run_id == run_id)
    ).first()
    return None if row is None else dict(row._mapping)


def last_look(connection: Connection, customer: str, source: str) -> datetime | None:
    """When the newest cycle that closed its ledger looked at the source; None where none ever did."""
    columns = sync_runs.c
    closed = (columns.customer == customer, columns.source == source, columns.status.in_(("done", "held")))
    query = select(columns.observed_at).where(*closed).order_by(columns.started_at.desc()).limit(1)
    found: datetime | None = connection.execute(query).scalar()
    return found


def recent_runs(connection: Connection, customer: str, limit: int) -> list[dict[str, Any]]:
    """The newest lines of the ledger."""
    query = select(sync_runs).where(sync_runs.c.customer == customer).order_by(sync_runs.c.started_at.desc())
    return [dict(row._mapping) for row in connection.execute(query.limit(limit))]


def ended_after(connection: Connection, moment: datetime, *, limit: int) -> list[dict[str, Any]]:
    """Runs of all customers that ended then or later, the earliest first."""
    columns = sync_runs.c
    query = select(sync_runs).where(columns.finished_at >= moment, columns.status != "running")
    query = query.order_by(columns.finished_at, columns.customer, columns.run_id).limit(limit)
    return [dict(row._mapping) for row in connection.execute(query)]


def run_named(connection: Connection, customer: str, named: str) -> str:
    """The full id of a run of this customer: a sync, a migration, or a call of the public database.

    Args:
        named: the id, or as much of its beginning as no other run shares.

    Raises:
        NotFoundError: there is none, or more than one.
    """
    mine = select(source_records.c.id).where(source_records.c.customer == customer)
    found: set[str] = set()
    for column, here in (
        (sync_runs.c.run_id, sync_runs.c.customer == customer),
        (migration_log.c.migration_id, migration_log.c.customer == customer),
        (claims.c.run_id, claims.c.record_id.in_(mine)),
    ):
        if not found:
            query = select(column).where(column.startswith(named, autoescape=True), here).distinct().limit(2)
            found.update(connection.execute(query).scalars())
    if len(found) != 1:
        words = "There is no run" if not found else "More than one run is called"
        raise NotFoundError(
            f"{words} {named} for customer {customer}.",
            advice="`leads history` and `leads status` name runs; a cycle that changed nothing leaves none to undo.",
        )
    return found.pop()


def update_run(connection: Connection, customer: str, run_id: str, **values: Any) -> None:
    """Change columns of a cycle's line."""
    connection.execute(
        update(sync_runs).where(sync_runs.c.customer == customer, sync_runs.c.run_id == run_id).values(**values)
    )


def count_columns(counts: RowCounts) -> dict[str, Any]:
    """The columns of `sync_runs` that hold these counts."""
    return {**{f"rows_{name}": number for name, number in asdict(counts).items()}, "error_rate": counts.error_rate}


def counts_of(run: Mapping[str, Any]) -> RowCounts:
    """The counts in a line of the ledger."""
    return RowCounts(**{one.name: run[f"rows_{one.name}"] for one in fields(RowCounts)})


def save_progress(connection: Connection, customer: str, percent: int, message: str, *, running: bool) -> None:
    """Show how far a customer's cycle is: 0 to 100, and in words."""
    row = {
        "customer": customer,
        "running": running,
        "progress_percent": percent,
        "progress_message": message,
    }
    upsert(connection, sync_states, [row])


def finish_state(
    connection: Connection, customer: str, *, run: Mapping[str, Any], finished_at: datetime, seconds: float
) -> None:
    """Book a closed cycle into the customer's running totals."""
    counts = counts_of(run)
    row = {
        "customer": customer,
        "running": False,
        "progress_percent": 100,
        "progress_message": "Up to date" if run["status"] != "held" else "Up to date, with rows held",
        "last_checksum": run["checksum"],
        "last_run_id": run["run_id"],
        "last_synced_at": finished_at,
        "last_duration_seconds": seconds,
        "rows_processed": counts.read,
        "rows_inserted": counts.created,
        "rows_updated": counts.updated,
        "rows_deleted": counts.removed,
        "last_error": None,
        "breakers": None,
    }
    upsert(connection, sync_states, [row])


def rest_state(connection: Connection, customer: str) -> None:
    """Say that a customer's cycle is over; the words are those that it closed with."""
    held = select(func.count()).select_from(holds).where(holds.c.customer == customer, holds.c.status == "open")
    words = "Up to date, with rows held" if connection.execute(held).scalar_one() else "Up to date"
    save_progress(connection, customer, 100, words, running=False)


def forget_error(connection: Connection, customer: str) -> None:
    """What failed last is no longer so, and there was nothing to do for it."""
    upsert(connection, sync_states, [{"customer": customer, "last_error": None, "breakers": None}])
    rest_state(connection, customer)


def fail_state(
    connection: Connection, customer: str, *, run_id: str, error: str, breakers: list[dict[str, Any]]
) -> None:
    """Book a failed cycle: one error more, what it was, and the hosts that did not answer."""
    row = {"customer": customer, "running": False, "progress_message": "Failed", "last_run_id": run_id}
    upsert(
        connection,
        sync_states,
        [{**row, "last_error": error, "breakers": breakers, "error_count": 0}],
        keep=("error_count",),
    )
    connection.execute(
        update(sync_states).where(sync_states.c.customer == customer).values(error_count=sync_states.c.error_count + 1)
    )


def customer_state(connection: Connection, customer: str) -> dict[str, Any]:
    """The row of `sync_states`, empty where the customer never synced."""
    row = connection.execute(select(sync_states).where(sync_states.c.customer == customer)).one_or_none()
    return {} if row is None else dict(row._mapping)


def customer_states(connection: Connection, customers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Customer -> its row of `sync_states`; without those that never synced."""
    found: dict[str, dict[str, Any]] = {}
    for part in chunks(customers, 5000):
        rows = connection.execute(select(sync_states).where(sync_states.c.customer.in_(part)))
        found.update((row.customer, dict(row._mapping)) for row in rows)
    return found


def paused_customers(connection: Connection) -> set[str]:
    """Customers that a person paused."""
    return set(connection.execute(select(sync_states.c.customer).where(sync_states.c.paused)).scalars())


def unaccounted_records(connection: Connection, customer: str, source: str) -> tuple[int, int]:
    """Live records of a source that are in no lead, not in quarantine and not taken back; and all live ones."""
    mine = and_(source_records.c.customer == customer, source_records.c.source == source)
    live = select(func.count()).where(mine, source_records.c.state != "removed")
    lost = (
        select(func.count())
        .select_from(source_records.outerjoin(quarantine, quarantine.c.record_id == source_records.c.id))
        .where(mine, source_records.c.lead_id.is_(None), source_records.c.state.not_in(["removed", "held"]))
        .where(quarantine.c.record_id.is_(None))
    )
    return int(connection.execute(lost).scalar_one()), int(connection.execute(live).scalar_one())


def fail_dead_runs(connection: Connection, customer: str, run_id: str, *, at: datetime) -> None:
    """Book other cycles that still say "running" as failed: under the customer's lock none of them can be."""
    connection.execute(
        update(sync_runs)
        .where(sync_runs.c.customer == customer, sync_runs.c.status == "running", sync_runs.c.run_id != run_id)
        .values(
            status="failed", error="The process ended before the cycle did; the next cycle caught up.", finished_at=at
        )
    )
