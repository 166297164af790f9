"""Writing one batch: records with their base and claims, then the leads folded from them, history and outbox marks.

What belongs here: turning changes and assignments into rows of one transaction. Which rows go together is decided by
`batches`, which value wins by `leads.survivorship`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from leads_dagster.leads.claims import is_person
from leads_dagster.leads.fields import NormalizedRow
from leads_dagster.leads.match_edges import Edge
from leads_dagster.leads.survivorship import Claim, FoldedLead, RecordView, Survivorship, fold
from leads_dagster.store import claim_rows, lead_rows, match_rows, records
from leads_dagster.store.batches import Batch
from leads_dagster.store.changes import Gone, RowChange
from leads_dagster.store.folded_leads import FoldedLeads, Stamp
from leads_dagster.store.policy import Policy
from leads_dagster.store.rulings import rules_for


@dataclass(slots=True)
class BatchResult:
    """Rows of a batch by where they ended."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    quarantined: int = 0
    held: int = 0
    removed: int = 0

    @property
    def changed(self) -> int:
        """Rows that changed something in the store."""
        return self.created + self.updated + self.merged + self.quarantined + self.removed

    def add(self, other: BatchResult) -> None:
        """Add the counts of another batch."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


class LeadWriter:
    """Writes the batches of one cycle; every method works inside the caller's transaction."""

    def __init__(
        self,
        policy: Policy,
        run_id: str,
        source: str,
        at: datetime,
        *,
        who: str | None = None,
        seen_at: datetime | None = None,
        is_awaited: bool = True,
    ) -> None:
        self.policy, self.customer, self.delete_policy = policy, policy.customer, policy.delete_policy
        self.run_id, self.source, self.at = run_id, source, at
        self.stamp = Stamp(policy.customer, policy.mirrors, run_id, source, at, who, seen_at, is_awaited)

    def write(self, connection: Connection, batch: Batch) -> BatchResult:
        """Write a batch; the same batch written twice leaves the same rows."""
        states = row_states(batch)
        changes = [change for change in batch.changes if change.record_id in states]
        self._write_records(connection, changes, states, batch)
        self._write_claims(connection, changes)
        self._write_matching(connection, batch)
        self._take_out(connection, batch.gone)
        self._write_leads(connection, batch, changes)
        return _result(states.values(), len(batch.gone))

    def refold(self, connection: Connection, lead_ids: Sequence[str]) -> int:
        """Fold stored leads again, because their claims, what people decided of them or the rules changed.

        Returns how many of them changed.
        """
        leads = FoldedLeads(self.stamp, rules_for(connection, self.policy))
        leads.fold_stored(connection, sorted(lead_ids), Batch())
        return leads.write(connection)

    def _take_out(self, connection: Connection, gone: Sequence[Gone]) -> None:
        """Take records out with their claims; under the policy "keep" a lead's last records keep theirs."""
        kept: list[int] = []
        if self.delete_policy == "keep":
            leaving = Counter(one.lead_id for one in gone if one.lead_id)
            live = lead_rows.records_per_lead(connection, list(leaving))
            last = {lead for lead, number in leaving.items() if live.get(lead, 0) <= number}
            kept = [one.record_id for one in gone if one.lead_id in last]
            records.mark_kept(connection, kept, run_id=self.run_id)
        out = sorted({one.record_id for one in gone} - set(kept))
        records.mark_removed(connection, out, at=self.at, run_id=self.run_id)

    def _write_records(
        self, connection: Connection, changes: Sequence[RowChange], states: Mapping[int, str], batch: Batch
    ) -> None:
        rejected = [change for change in changes if change.row.rejection is not None]
        # What a good row said before it went bad stays its base: its claims stand on it.
        keeping = {one.record_id for one in rejected if one.lead_id is not None or one.undone_by is not None}
        records.set_state(connection, sorted(keeping), "quarantined")
        written = [one for one in changes if one.record_id not in keeping and not _is_as_stored(one, states)]
        founders = founders_of(batch)
        rows = {one.record_id: self._record_row(one, states[one.record_id], batch, founders) for one in written}
        records.insert_records(connection, [rows[one.record_id] for one in written if not one.known])
        records.change_records(connection, [rows[one.record_id] for one in written if one.known])
        records.quarantine_rows(connection, [self._quarantine_row(change) for change in rejected])
        released = [c.record_id for c in changes if c.state == "quarantined" and c.row.rejection is None]
        if released:
            records.release(connection, released)
        here = {change.record_id for change in changes}
        movers = {record: lead for record, lead in batch.assigned.items() if record not in here}
        if movers:
            records.assign_lead(connection, movers)
        known = {change.record_id for change in written if change.known} | movers.keys()
        records.note_origins(connection, {one: lead for one, lead in founders.items() if one in known})

    def _record_row(self, change: RowChange, state: str, batch: Batch, founders: Mapping[int, str]) -> dict[str, Any]:
        return {
            "id": change.record_id,
            "customer": self.customer,
            "source": self.source,
            "source_key": change.source_key or None,
            "raw": change.raw,
            "said": _said(change.row),
            "row_hash": change.row_hash,
            "content_hash": change.content_hash,
            "state": state,
            "kind": "row",
            "lead_id": batch.assigned.get(change.record_id, change.lead_id),
            "origin_lead_id": founders.get(change.record_id),
            "undone": change.undone,
            "undone_by": change.undone_by,
            "first_seen_at": self.at,
            "last_seen_at": self.at,
            "removed_at": None,
            "run_id": self.run_id,
        }

    def _quarantine_row(self, change: RowChange) -> dict[str, Any]:
        rejection = change.row.rejection
        assert rejection is not None
        told = asdict(rejection)
        return {
            "record_id": change.record_id,
            "customer": self.customer,
            "source": self.source,
            "row_number": change.row_number,
            **{name: told[name] for name in ("code", "column", "cell", "message", "suggestion")},
            "raw": change.raw,
            "since_at": self.at,
            "run_id": self.run_id,
        }

    def _write_claims(self, connection: Connection, changes: Sequence[RowChange]) -> None:
        rows = [
            {
                "record_id": change.record_id,
                "field": name,
                "value": value,
                "changed_at": self.at,
                "run_id": self.run_id,
            }
            for change in changes
            for name, value in change.claims.items()
        ]
        claim_rows.insert_claims(connection, rows)

    def _write_matching(self, connection: Connection, batch: Batch) -> None:
        known = [change.record_id for change in batch.changes if change.known and change.record_id in batch.keys]
        fresh = {record: keys for record, keys in batch.keys.items() if record not in set(known)}
        match_rows.insert_keys(connection, self.customer, fresh)
        rows = [self.edge_row(edge) for edge in batch.edges]
        if known or batch.rematched:
            match_rows.replace_keys(connection, self.customer, {record: batch.keys[record] for record in known})
            match_rows.replace_edges(connection, [*known, *batch.rematched], rows)
        else:
            match_rows.insert_edges(connection, rows)
        match_rows.book(connection, batch.bookings, [self.edge_row(one.edge) for one in batch.bookings])

    def edge_row(self, edge: Edge) -> dict[str, Any]:
        """The row that keeps an edge."""
        explanation = dict(edge.explanation)
        originals = explanation.pop("originals", {})
        return {
            "customer": self.customer,
            "record_a": edge.a,
            "record_b": edge.b,
            "outcome": edge.outcome,
            "rule": edge.rule,
            "score": edge.score,
            "explanation": explanation,
            "originals": originals,
            "matched_at": self.at,
            "run_id": self.run_id,
        }

    def _write_leads(self, connection: Connection, batch: Batch, changes: Sequence[RowChange]) -> None:
        fresh = self._fresh_leads(batch, changes)
        rules = rules_for(connection, self.policy)
        folded = {lead: self._fold_fresh(members, rules) for lead, members in fresh.items()}
        rest = (batch.new_leads - fresh.keys()) | self._changed_leads(batch, changes)
        leads = FoldedLeads(self.stamp, rules)
        leads.make(folded)
        leads.fold_stored(connection, sorted(rest), batch)
        leads.write(connection)

    def _fresh_leads(self, batch: Batch, changes: Sequence[RowChange]) -> dict[str, list[RowChange]]:
        """New leads of which every record is new and here: they fold without a look at the database."""
        by_lead: dict[str, list[RowChange]] = {}
        for change in changes:
            lead = batch.assigned.get(change.record_id)
            if lead in batch.new_leads and lead is not None:
                by_lead.setdefault(lead, []).append(change)
        here = {change.record_id for change in changes if not change.known}
        mixed = {lead for record, lead in batch.assigned.items() if record not in here}
        return {lead: members for lead, members in by_lead.items() if lead not in mixed}

    def _fold_fresh(self, members: Sequence[RowChange], rules: Survivorship) -> FoldedLead:
        views = [
            RecordView(change.record_id, self.source, change.content_hash, is_person(self.source)) for change in members
        ]
        claims = [
            Claim(change.record_id, name, value, self.at) for change in members for name, value in change.claims.items()
        ]
        return fold(views, claims, rules=rules)

    def _changed_leads(self, batch: Batch, changes: Sequence[RowChange]) -> set[str]:
        quiet = {change.lead_id for change in changes if change.lead_id and not change.claims}
        loud = {change.lead_id for change in changes if change.lead_id and change.claims}
        loud |= {one.lead_id for one in batch.gone if one.lead_id}
        loud |= set(batch.merged) | set(batch.merged.values()) | set(batch.assigned.values())
        return (batch.leads - (quiet - loud)) - batch.new_leads


def row_states(batch: Batch) -> dict[int, str]:
    """Where each row of a batch ends: created, updated, unchanged, merged, quarantined, or held where people took it
    back; rows that the guard parked are left out."""
    founders = founders_of(batch)
    return {
        change.record_id: _state(change, founders) for change in batch.changes if not (change.held or change.match_only)
    }


def founders_of(batch: Batch) -> dict[int, str]:
    """The earliest record of each new or restored lead, which created it; the others of that lead merged into it."""
    earliest: dict[str, int] = {}
    for record, lead in batch.assigned.items():
        if lead in batch.new_leads or lead in batch.restored:
            earliest[lead] = min(record, earliest.get(lead, record))
    return {record: lead for lead, record in earliest.items()}


def _state(change: RowChange, founders: Mapping[int, str]) -> str:
    if change.row.rejection is not None:
        return "quarantined"
    if change.undone_by is not None:
        return "held"
    if change.known and change.lead_id is not None:
        return "updated" if change.claims else "unchanged"
    return "created" if change.record_id in founders else "merged"


def _is_as_stored(change: RowChange, states: Mapping[int, str]) -> bool:
    """Whether nothing of a known record changed, not even where it stands."""
    quiet = change.known and change.same_row and states[change.record_id] == "unchanged"
    return quiet and change.state not in ("quarantined", "removed")


def _said(row: NormalizedRow) -> dict[str, Any]:
    """What is kept of a row for matching it again; `resolve.said_row` reads it."""
    if row.rejection is not None:
        return {}
    said: dict[str, Any] = {"fields": row.fields, "emails": row.emails, "phones": row.phones}
    beside = {"addresses": row.addresses, "beside": row.beside, "facts": row.facts}
    return said | {name: value for name, value in beside.items() if value}


def _result(states: Iterable[str], removed: int) -> BatchResult:
    result = BatchResult(removed=removed)
    for state in states:
        setattr(result, state, getattr(result, state) + 1)
    return result
