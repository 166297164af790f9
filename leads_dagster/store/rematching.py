"""Matching all records of a customer anew, because the rules changed: version, thresholds, what was learned.

What belongs here: whether that is due, and doing it. Nothing is held while others write:

1. The keys of all records are made anew, some thousand in a transaction. New rows find them from then on.
2. Who is who is found in a reading transaction, as if all records had come together.
3. Where more would change leads than the guard lets through unasked, the plan is parked; see `holds`.
4. Edges and leads are written, some hundred records in a transaction, each with whole leads. Where anybody else wrote
   in between, the batch at hand is matched again inside its transaction.
5. Last, the rules are noted as those in force. Whoever is killed before that does all of it again; what was written
   then comes out as it is.

It takes the memory that a first load of the same records takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Engine

from leads_dagster.leads import guard
from leads_dagster.leads.matching import MatchRecord, blocking_keys
from leads_dagster.store import epochs, hold_rows, learned, match_rows, records
from leads_dagster.store.batches import Batch, batches, whole
from leads_dagster.store.changes import RowChange
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.hold_rows import MATCHING
from leads_dagster.store.lead_writer import LeadWriter
from leads_dagster.store.matching_state import rules_in_force, rules_now, save_rules
from leads_dagster.store.policy import Policy
from leads_dagster.store.records import KnownRecord
from leads_dagster.store.resolution import Resolution, as_matched, rematch, resolve_all, said_row, with_originals
from leads_dagster.store.statements import chunks

R = TypeVar("R")
Told = Callable[[float, str], None]

RECORDS_KEYED_AT_ONCE = 5_000
RECORDS_WRITTEN_AT_ONCE = 500
PLAN_ROWS_KEPT = 1_000
_DECIDED_AGAINST = ("open", "dropped")


@dataclass(frozen=True, slots=True)
class Rematched:
    """What came of it.

    Attributes:
        status: "current" where nothing was due; "held" where the guard parked it.
        records: how many were matched anew. moved: how many of them got another lead, or would.
    """

    status: Literal["current", "done", "held"]
    records: int = 0
    moved: int = 0


def is_due(connection: Connection, policy: Policy) -> bool:
    """Whether all records are to be matched anew: the rules are others than those in force, and nobody was asked yet.

    Also where a plan was approved, or stands though there is nothing to plan any more.
    """
    in_force, now = rules_in_force(connection, policy.customer), rules_now(connection, policy)
    if in_force == now:
        return hold_rows.standing(connection, policy.customer, MATCHING) is not None
    if in_force is None:
        return records.has_records(connection, policy.customer) and not _is_parked(connection, policy)
    return not now.is_older_than(in_force) and not _is_parked(connection, policy)


def is_due_for_callers(connection: Connection, policy: Policy) -> bool:
    """Whether a process that may know less of a customer's settings than its cycles has to see to it before it writes:
    only where the rules themselves are newer, for thresholds are the business of the cycles."""
    in_force = rules_in_force(connection, policy.customer)
    if in_force is not None and in_force.version == rules_now(connection, policy).version:
        return False
    return is_due(connection, policy)


def _is_parked(connection: Connection, policy: Policy) -> bool:
    plan = rules_now(connection, policy).fingerprint
    hold = hold_rows.of_plan(connection, policy.customer, MATCHING, plan)
    return hold is not None and hold["status"] in _DECIDED_AGAINST


def match_all_anew(
    engine: Engine,
    policy: Policy,
    *,
    run_id: str,
    who: str | None = None,
    told: Told = lambda share, message: None,
    attempt: Callable[[Callable[[], Any]], Any] = lambda work: work(),
) -> Rematched:
    """Match all records of a customer by today's rules, in transactions of its own, unless the guard holds it.

    Args:
        run_id: what the history names.
        told: which share is done (0 to 1), and words.
        attempt: runs each transaction, so that a caller's retries hold for each.

    Raises:
        StoreError, StoreBusyError: the database refuses; what was written stays, and the next call does it again.
    """
    return _Rematching(engine, policy, run_id, who, told, attempt).run()


def match_again(connection: Connection, policy: Policy, ids: Iterable[int], writer: LeadWriter) -> Resolution:
    """Match these records and all that they are connected to, in the caller's write transaction."""
    epochs.begin_epoch(connection, policy.customer)
    resolution = rematch(policy, connection, ids, without=set())
    changes = [as_stored(one) for one in records.known_records(connection, resolution.touched)]
    writer.write(connection, whole(changes, (), resolution))
    return resolution


def as_stored(known: KnownRecord) -> RowChange:
    """A stored record that is matched anew, and says what it said."""
    return RowChange(
        known.id, True, 0, known.source_key or "", known.raw, said_row(known.said), known.row_hash, known.content_hash,
        {}, state=known.state, lead_id=known.lead_id, same_row=True, undone=known.undone, match_only=True,
    )  # fmt: skip


@dataclass
class _Rematching:
    """One matching of everything."""

    engine: Engine
    policy: Policy
    run_id: str
    who: str | None
    told: Told
    attempt: Callable[[Callable[[], Any]], Any]
    settled: set[int] = field(default_factory=set)
    epoch: int = 0

    def run(self) -> Rematched:
        with reading(self.engine) as connection:
            if not is_due(connection, self.policy):
                return Rematched("current")
            in_force = rules_in_force(connection, self.policy.customer) == rules_now(connection, self.policy)
            ids = [] if in_force else records.ids_that_count(connection, self.policy.customer)
        self._key(ids)
        resolution, sides = self._resolved()
        moved = len(resolution.moved_from)
        if self._writing(partial(self._parked, resolution=resolution, known=len(sides))):
            return Rematched("held", len(sides), moved)
        self._write(resolution, sides)
        self._writing(partial(self._close, moved=moved > 0))
        return Rematched("done", len(sides), moved)

    def _key(self, ids: Sequence[int]) -> None:
        done = 0
        for part in chunks(ids, RECORDS_KEYED_AT_ONCE):
            self.told(0.2 * done / len(ids), f"Matching anew: keys of {done:,} of {len(ids):,} records")
            self._writing(partial(self._key_some, ids=part))
            done += len(part)

    def _key_some(self, connection: Connection, ids: Sequence[int]) -> None:
        knowledge = learned.knowledge(connection, self.policy.customer)
        loaded = [as_matched(one, knowledge) for one in records.known_records(connection, ids) if one.counts]
        match_rows.replace_keys(connection, self.policy.customer, {one.id: blocking_keys(one) for one in loaded})

    def _resolved(self) -> tuple[Resolution, Mapping[int, MatchRecord]]:
        """Who is who; of no records where the rules in force are today's."""
        with reading(self.engine) as connection:
            current = rules_in_force(connection, self.policy.customer) == rules_now(connection, self.policy)
            ids = [] if current else records.ids_that_count(connection, self.policy.customer)
            return resolve_all(
                self.policy,
                connection,
                ids,
                lambda done: self.told(0.2 + 0.2 * done / len(ids), f"Matching anew: {done:,} of {len(ids):,} records"),
            )

    def _parked(self, connection: Connection, resolution: Resolution, known: int) -> bool:
        """Park the plan where it would change more leads than the guard lets through and nobody approved it."""
        policy, plan = self.policy, rules_now(connection, self.policy).fingerprint
        limit = guard.limit(known, share=policy.guard_share, minimum=policy.guard_minimum)
        if len(resolution.moved_from) <= limit:
            return False
        hold = hold_rows.of_plan(connection, policy.customer, MATCHING, plan)
        if hold is not None and hold["status"] == "approved":
            return False
        hold_rows.put(connection, self._hold_row(connection, resolution, plan, limit))
        return True

    def _hold_row(self, connection: Connection, resolution: Resolution, plan: str, limit: int) -> dict[str, Any]:
        moved = sorted(resolution.moved_from.items())
        new = set(resolution.new_leads)
        rows = [_plan_row(record, lead, resolution.assigned[record], new) for record, lead in moved[:PLAN_ROWS_KEPT]]
        return {
            "customer": self.policy.customer, "source": MATCHING, "plan_hash": plan, "status": "open", "removals": 0,
            "changes": len(moved), "blanks": 0, "limit_rows": limit, "plan": rows,
            "created_at": self._moment(connection), "run_id": self.run_id,
        }  # fmt: skip

    def _write(self, resolution: Resolution, sides: Mapping[int, MatchRecord]) -> None:
        self.epoch, total = resolution.epoch, len(sides)
        for batch in batches((), (), resolution, size=RECORDS_WRITTEN_AT_ONCE):
            self.settled.update(batch.rematched)
            self.told(0.5 + 0.5 * len(self.settled) / total, f"Matched anew {len(self.settled):,} of {total:,} records")
            self.epoch = self._writing(partial(self._write_batch, batch=batch, sides=sides))

    def _write_batch(self, connection: Connection, batch: Batch, sides: Mapping[int, MatchRecord]) -> int:
        """Write a batch; returns the epoch that is then, or one that never was where others have written since."""
        customer = self.policy.customer
        overtaken = epochs.epoch(connection, customer) != self.epoch
        writer = LeadWriter(self.policy, self.run_id, MATCHING, self._moment(connection), who=self.who)
        if overtaken:
            match_again(connection, self.policy, batch.rematched, writer)
            return -1
        epochs.begin_epoch(connection, customer)
        touched, edges = batch.rematched, batch.edges
        writer.write(connection, _without_edges(batch))
        match_rows.renew_edges(
            connection,
            touched,
            edges,
            settled=self.settled,
            row_of=lambda edge: writer.edge_row(with_originals(edge, sides)),
        )
        return epochs.epoch(connection, customer)

    def _close(self, connection: Connection, moved: bool) -> None:
        customer, at = self.policy.customer, self._moment(connection)
        rules = rules_now(connection, self.policy)
        save_rules(connection, customer, rules, at=at, run_id=self.run_id)
        hold = hold_rows.standing(connection, customer, MATCHING)
        if hold is not None:
            applied = moved and hold["plan_hash"] == rules.fingerprint
            hold_rows.settle(connection, hold["id"], "applied" if applied else "dissolved", at=at)

    def _moment(self, connection: Connection) -> datetime:
        return epochs.moment(connection, self.policy.customer, epochs.wall_clock())

    def _writing(self, work: Callable[[Connection], R]) -> R:
        def attempt() -> R:
            with writing(self.engine, self.policy.customer) as connection:
                return work(connection)

        done: R = self.attempt(attempt)
        return done


def _without_edges(batch: Batch) -> Batch:
    rest = Batch()
    rest.absorb(batch)
    rest.edges, rest.rematched = [], []
    return rest


def _plan_row(record: int, old: str, lead: str, new: set[str]) -> dict[str, Any]:
    parts = lead in new
    then = "would be a lead of its own" if parts else f"would be one lead with {lead}"
    return {
        "record_id": record, "lead_id": old, "kind": "part" if parts else "join", "fields": None, "then": then,
    }  # fmt: skip
