"""Rolling a run back: only what is still current of it, and everything of that.

What belongs here: which claims, records and removals of a run are taken back, and which are left alone because
something was said or done since. A run is a sync, a migration or a call of the public database.

    what the run did                    what becomes of it
    a record that it brought            stands aside, where nothing was said of it or of its lead since
    a value that it changed             the one before, where it is still what the record says
    a record that it removed            counts again, though its row is gone
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leads_dagster.errors import ConflictError
from leads_dagster.store import aside, claim_rows, decisions, ledger, records
from leads_dagster.store.folding import Material, load_material
from leads_dagster.store.undo import Effect, Undoing, Undone, settle


@dataclass(slots=True)
class RunPlan:
    """What is taken back of a run.

    Attributes:
        records: those that it brought and nothing was said of since.
        claims: ids of those of its claims that are still current, of other records. changed: the records they are of.
        removed: records that it removed.
        left: record -> why it is left alone.
    """

    records: set[int] = field(default_factory=set)
    claims: list[int] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    left: dict[int, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Counts for the person who asked."""
        return {
            "records_undone": len(self.records),
            "values_undone": len(self.claims),
            "removals_undone": len(self.removed),
            "records_left": len(self.left),
            "left": [{"record_id": record, "why": why} for record, why in sorted(self.left.items())[:100]],
        }


def undo_run(undoing: Undoing, run_id: str) -> Undone:
    """Take back what a run did and nothing has overtaken since.

    Raises:
        NotFoundError: no such run.
        ConflictError: it was rolled back already, or nothing of it is current.
    """
    run = ledger.run_named(undoing.connection, undoing.policy.customer, run_id)
    standing = decisions.standing_rollback(undoing.connection, undoing.policy.customer, run)
    if standing is not None:
        raise ConflictError(f"Run {run} was rolled back already, by decision {standing}.")
    found = plan(undoing, run)
    if not (found.records or found.claims or found.removed):
        raise ConflictError(f"Nothing that run {run} did is still current.", advice="See `leads history` of its leads.")
    decision = undoing.decide("rollback", {"run_id": run, "removed": sorted(found.removed)})
    leads = settle(undoing, decision, _carry_out(undoing, decision, found))
    return Undone(decision, leads, {"run_id": run, **found.facts()})


def plan(undoing: Undoing, run: str) -> RunPlan:
    """What would be taken back of a run; writes nothing."""
    connection, customer = undoing.connection, undoing.policy.customer
    found = RunPlan(removed=aside.removed_by(connection, customer, run))
    by_record: dict[int, list[Any]] = {}
    for claim in claim_rows.that_count(connection, sorted(claim_rows.claimed_by_run(connection, customer, run))):
        by_record.setdefault(claim.record_id, []).append(claim)
    for record, claims in by_record.items():
        _sort_out(found, record, claims, run)
    _spare_edited_leads(undoing, found)
    return found


def _sort_out(found: RunPlan, record: int, claims: Sequence[Any], run: str) -> None:
    mine = [one for one in claims if one.run_id == run]
    since = [one for one in claims if one.run_id != run and one.id > mine[-1].id]
    brought = claims[0].run_id == run
    if brought and since:
        found.left[record] = "it says something else since"
    elif brought:
        found.records.add(record)
    else:
        newest = {one.field: one for one in claims}
        current = [one.id for one in mine if newest[one.field].id == one.id]
        found.claims += current
        found.changed |= {record} if current else set()
        if len(current) < len({one.field for one in mine}):
            found.left[record] = "it says something else since"


def _spare_edited_leads(undoing: Undoing, found: RunPlan) -> None:
    """A lead that somebody edited since keeps the records it is made of."""
    known = [one for one in records.known_records(undoing.connection, sorted(found.records)) if one.kind == "row"]
    leads = sorted({one.lead_id for one in known if one.lead_id is not None})
    material = load_material(undoing.connection, leads)
    for one in known:
        of = material.get(one.lead_id or "")
        if of is not None and _was_edited(of, found) and {row.id for row in of.rows} <= found.records:
            found.left[one.id] = "somebody edited its lead since"
    found.records -= found.left.keys()


def _was_edited(lead: Material, found: RunPlan) -> bool:
    return bool(lead.overrides) or any(edit.id not in found.records for edit in lead.edits)


def _carry_out(undoing: Undoing, decision: int, found: RunPlan) -> Effect:
    connection = undoing.connection
    brought = [one.id for one in claim_rows.that_count(connection, sorted(found.records))]
    claim_rows.void_claims(connection, [*found.claims, *brought], by=decision)
    claim_rows.note_in_force(connection, found.changed)
    aside.unremove(connection, sorted(found.removed))
    return Effect(records=found.changed | found.removed, set_aside=found.records)


def apply(undoing: Undoing, decision: Mapping[str, Any]) -> Effect:
    """Roll a run back again, after the rollback was taken back and that was taken back too."""
    return _carry_out(undoing, decision["id"], plan(undoing, decision["subject"]["run_id"]))


def unapply(undoing: Undoing, decision: Mapping[str, Any]) -> Effect:
    """Let what a run did count again."""
    connection = undoing.connection
    changed = claim_rows.revive_claims(connection, voided_by=decision["id"])
    back = aside.bring_back(connection, undone_by=decision["id"])
    claim_rows.note_in_force(connection, changed | back)
    gone = aside.still_removed(connection, decision["subject"]["removed"])
    return Effect(records=changed | back, removed=gone)
