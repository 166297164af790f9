"""The road for whatever does not come from a sheet: records that their source names by a key.

What belongs here: pairing arrivals with the records they are of, and taking them in like the rows of a sheet: claims,
matching, folding, history, outbox, all in the caller's transaction. Where they come from is their source's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from leads_dagster.leads.fields import NormalizedRow
from leads_dagster.leads.matching import content_hash
from leads_dagster.leads.reconciliation import changed_fields, row_hash
from leads_dagster.store import epochs, records
from leads_dagster.store.batches import whole
from leads_dagster.store.changes import RowChange, first_claims, said_fields
from leads_dagster.store.lead_writer import LeadWriter, row_states
from leads_dagster.store.matching_state import note_first_rules
from leads_dagster.store.policy import Policy
from leads_dagster.store.records import KnownRecord
from leads_dagster.store.resolution import resolve_rows

LandedState = Literal["created", "merged", "updated", "unchanged", "quarantined"]
Reader: TypeAlias = Callable[[Mapping[str, str]], NormalizedRow]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record as its source says it now.

    Attributes:
        key: what the source knows it by; the same key again is the same record.
        raw: label -> text as it was: the record's base.
        row: what that comes to, normalised.
        covered: fields that it speaks of, so that a blank one among them is blank now; None: those that it fills.
        row_number: 1-based place in its source, for quarantine.
        founding: label -> text that it says besides where it founds a lead; a lead that was there keeps its own.
    """

    key: str
    raw: dict[str, str]
    row: NormalizedRow
    covered: frozenset[str] | None = None
    row_number: int | None = None
    founding: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Landed:
    """Where one arrival ended.

    Attributes:
        lead_id: None in quarantine, but where the record was a lead before.
        state: "created" also where a lead that was archived lives again.
        is_new_lead: whether the lead was made by it, under an id that nobody had seen.
    """

    key: str
    record_id: int
    lead_id: str | None
    state: LandedState
    is_new_lead: bool = False


def take_in(
    connection: Connection,
    policy: Policy,
    arrivals: Sequence[Arrival],
    *,
    source: str,
    run_id: str,
    at: datetime,
    reread: Reader,
    who: str | None = None,
    seen_at: datetime | None = None,
) -> list[Landed]:
    """Take records in by the one road, inside the caller's write transaction.

    Args:
        connection: in a write transaction that keeps other writers of this customer out.
        policy: of the customer.
        arrivals: in any order; of one key the later ones come after the earlier ones.
        source: canonical name of where they come from ("api", "json:<path>").
        run_id: what the history names.
        at: when they were said, aware UTC.
        reread: normalises a base by today's rules: what the record said before, and, where an arrival names only some
            of the labels, what it says with the others.
        who: the person behind them, where one is known.
        seen_at: when they were first seen; None: at `at`.

    Returns:
        One `Landed` an arrival, in their order. An arrival that says what its record said is "unchanged", and nothing
        is written for it. What people took back counts again once its source says it again.
    """
    intake = _Intake(connection, policy, source, reread)
    landed: dict[int, Landed] = {}
    for turn, wave in enumerate(_waves(arrivals)):
        if turn:  # what is said later of one record must be newer
            at = epochs.moment(connection, policy.customer, at)
        writer = LeadWriter(policy, run_id, source, at, who=who, seen_at=seen_at)
        landed |= intake.take([(place, arrivals[place]) for place in wave], writer)
    return [landed[place] for place in range(len(arrivals))]


def _waves(arrivals: Sequence[Arrival]) -> Iterator[list[int]]:
    """Places of arrivals, so that no key comes twice in one wave."""
    turn_of: dict[str, int] = {}
    waves: list[list[int]] = []
    for place, arrival in enumerate(arrivals):
        turn = turn_of.get(arrival.key, 0)
        turn_of[arrival.key] = turn + 1
        if turn == len(waves):
            waves.append([])
        waves[turn].append(place)
    return iter(waves)


class _Intake:
    """One call's work on one state of the store."""

    def __init__(self, connection: Connection, policy: Policy, source: str, reread: Reader) -> None:
        self.connection, self.policy, self.source, self.reread = connection, policy, source, reread

    def take(self, wave: Sequence[tuple[int, Arrival]], writer: LeadWriter) -> dict[int, Landed]:
        known = records.by_source_key(
            self.connection, self.policy.customer, self.source, [arrival.key for _, arrival in wave]
        )
        changes = {place: self._change(arrival, known.get(arrival.key)) for place, arrival in wave}
        loud = {place: change for place, change in changes.items() if not _says_nothing_new(change)}
        landed = {
            place: Landed(change.source_key, change.record_id, change.lead_id, "unchanged")
            for place, change in changes.items()
            if place not in loud
        }
        founding = {place: arrival.founding for place, arrival in wave if place in loud and arrival.founding}
        return landed | (self._write(loud, founding, writer) if loud else {})

    def _change(self, arrival: Arrival, known: KnownRecord | None) -> RowChange:
        if known is None:
            return RowChange(
                -1, False, arrival.row_number or 0, arrival.key, arrival.raw, arrival.row, row_hash(arrival.raw),
                content_hash(arrival.row), first_claims(arrival.row),
            )  # fmt: skip
        raw = {**known.raw, **arrival.raw}
        digest = row_hash(raw)
        row = arrival.row if raw.keys() == arrival.raw.keys() else self.reread(raw)
        claims = {} if digest == known.row_hash else self._new_claims(arrival, row, known)
        if _stands_aside(known) and row.rejection is None:
            claims = {**claims, **first_claims(row)}
        undone = {name: value for name, value in (known.undone or {}).items() if name not in claims}
        return RowChange(
            known.id, True, arrival.row_number or 0, arrival.key, raw, row, digest, content_hash(row), claims,
            state=known.state, lead_id=known.lead_id, same_row=digest == known.row_hash, undone=undone or None,
            undone_by=None if row.rejection is None else known.undone_by,
        )  # fmt: skip

    def _new_claims(self, arrival: Arrival, row: NormalizedRow, known: KnownRecord) -> dict[str, str | None]:
        """What an arrival says that its record did not say before, both by today's rules."""
        if row.rejection is not None:
            return {}
        covered = frozenset(said_fields(arrival.row)) if arrival.covered is None else arrival.covered
        before = said_fields(self.reread(known.raw))
        return changed_fields(before, said_fields(row), covered=covered, never_said=frozenset())

    def _write(
        self, changes: Mapping[int, RowChange], founding: Mapping[int, Mapping[str, str]], writer: LeadWriter
    ) -> dict[int, Landed]:
        self._number([change for change in changes.values() if not change.known])
        epochs.begin_epoch(self.connection, self.policy.customer)
        note_first_rules(self.connection, self.policy, at=writer.at, run_id=writer.run_id)
        rows = list(changes.values())
        resolution = resolve_rows(self.policy, self.connection, (), rows)
        batch = whole(rows, (), resolution)
        states = row_states(batch)
        for place, besides in founding.items():
            if not changes[place].known and states[changes[place].record_id] == "created":
                self._say_besides(changes[place], besides)
        writer.write(self.connection, batch)
        return {
            place: Landed(
                change.source_key,
                change.record_id,
                batch.assigned.get(change.record_id, change.lead_id),
                states[change.record_id],  # type: ignore[arg-type]  # "held" is for the rows of sheets
                states[change.record_id] == "created" and batch.assigned.get(change.record_id) in batch.new_leads,
            )
            for place, change in changes.items()
        }

    def _say_besides(self, change: RowChange, besides: Mapping[str, str]) -> None:
        change.raw = {**change.raw, **besides}
        change.row = self.reread(change.raw)
        change.row_hash, change.content_hash = row_hash(change.raw), content_hash(change.row)
        change.claims = first_claims(change.row)

    def _number(self, new: Sequence[RowChange]) -> None:
        if new:
            first = records.allocate_ids(self.connection, len(new))
            for number, change in enumerate(new, start=first):
                change.record_id = number


def _stands_aside(known: KnownRecord) -> bool:
    """Whether a record counts for nothing now: in quarantine without a lead, or taken back as a whole."""
    return known.undone_by is not None or (known.state == "quarantined" and known.lead_id is None)


def _says_nothing_new(change: RowChange) -> bool:
    return change.known and change.same_row and not change.claims and change.state not in ("quarantined", "held")
