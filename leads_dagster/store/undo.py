"""Taking things back: a field's value, a merge, a run, or a decision. Each is a decision itself, and can be taken back.

What belongs here: what a decision does to claims, records and leads, inside the caller's write transaction. Nothing is
deleted: claims are voided by a decision, records set aside by one, and everything that follows is matched and folded
again. How a run is taken back is `undo_run`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from leads_dagster.errors import ConflictError, NotFoundError
from leads_dagster.store import aside, claim_rows, decisions, epochs, lead_rows, records, review_rows, typed_doubles
from leads_dagster.store.batches import whole
from leads_dagster.store.claims_behind import claims_to_void
from leads_dagster.store.decisions import DecisionKind
from leads_dagster.store.folding import load_material
from leads_dagster.store.lead_writer import LeadWriter
from leads_dagster.store.learning import knowledge_may_change
from leads_dagster.store.pair_decisions import sides_of
from leads_dagster.store.policy import Policy
from leads_dagster.store.rematching import as_stored
from leads_dagster.store.resolution import rematch
from leads_dagster.store.rulings import rules_for


@dataclass(frozen=True, slots=True)
class Undoing:
    """Who takes something back, when, why, and whose.

    Attributes:
        connection: in a write transaction that keeps other writers of the customer out.
        policy: of the customer.
        run_id: what the history names.
        who, reason: kept with the decision.
        at: aware UTC.
    """

    connection: Connection
    policy: Policy
    run_id: str
    who: str
    at: datetime
    reason: str | None = None

    def decide(
        self,
        kind: DecisionKind,
        subject: Mapping[str, Any],
        *,
        lead_id: str | None = None,
        undoes: int | None = None,
    ) -> int:
        """Write a decision of this person's down."""
        return decisions.decide(
            self.connection, self.policy.customer, kind, subject,
            who=self.who, at=self.at, lead_id=lead_id, undoes=undoes, reason=self.reason,
        )  # fmt: skip


@dataclass(slots=True)
class Effect:
    """What a decision touches.

    Attributes:
        records: live records to match anew.
        set_aside: records that stand aside from now on. removed: records that are gone from now on.
        leads: leads to fold again, beside those of the records.
    """

    records: set[int] = field(default_factory=set)
    set_aside: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    leads: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of it.

    Attributes:
        decision_id: by which it can be taken back in turn.
        leads: every lead that was looked at again, changed or not.
        facts: counts and words for the person who asked.
    """

    decision_id: int
    leads: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


def settle(undoing: Undoing, decision_id: int, effect: Effect) -> tuple[str, ...]:
    """Match and fold again what a decision touches, and write what comes out differently."""
    connection, policy = undoing.connection, undoing.policy
    epochs.begin_epoch(connection, policy.customer)
    leaving = effect.set_aside | effect.removed
    leads = effect.leads | _leads_of(connection, effect.records | leaving)
    # Who is who may have waited for the edit that is taken back.
    waited = review_rows.records_asked_about(connection, leads) - leaving
    resolution = rematch(policy, connection, effect.records | waited, without=leaving)
    changes = [as_stored(one) for one in records.known_records(connection, resolution.touched)]
    aside.set_aside(connection, sorted(effect.set_aside), by=decision_id)
    aside.remove_again(connection, sorted(effect.removed), at=undoing.at)
    batch = whole(changes, (), resolution)
    batch.leads |= leads
    writer = LeadWriter(policy, undoing.run_id, f"decision:{decision_id}", undoing.at, who=undoing.who)
    writer.write(connection, batch)
    touched = sorted(batch.leads | batch.new_leads)
    typed_doubles.ask(connection, policy, touched, run_id=undoing.run_id, at=undoing.at)
    return tuple(touched)


def _leads_of(connection: Connection, ids: set[int]) -> set[str]:
    return {str(one.lead_id) for one in records.known_records(connection, sorted(ids)) if one.lead_id is not None}


def override(undoing: Undoing, lead_id: str, name: str, value: str | None) -> Undone:
    """Give a field of a lead a value that no source changes, until the decision is taken back.

    Args:
        value: normalised as the field asks; None for blank.
    """
    living(undoing.connection, undoing.policy.customer, lead_id)
    decision = undoing.decide("override", {"field": name, "value": value}, lead_id=lead_id)
    return Undone(decision, settle(undoing, decision, Effect(leads={lead_id})), {"field": name})


def undo_field(undoing: Undoing, lead_id: str, name: str) -> Undone:
    """Give a field of a lead the value back that it had before.

    The claims that gave it its present value do not count any more; a newer one does. A value that a person set by hand
    is given up by taking that decision back.

    Raises:
        NotFoundError: no such lead.
        ConflictError: it had no other value before.
    """
    connection = undoing.connection
    living(connection, undoing.policy.customer, lead_id)
    deciding = lead_rows.with_forebears(connection, lead_id)
    if (by_hand := decisions.newest_override(connection, deciding, name)) is not None:
        return take_back(undoing, by_hand)
    material = load_material(connection, [lead_id])[lead_id]
    blank_before = lead_rows.was_blank(connection, lead_id, name)
    rules = rules_for(connection, undoing.policy)
    voided = claims_to_void(connection, material, name, rules, blank_before=blank_before)
    if voided is None:
        raise ConflictError(
            f"Field {name} of lead {lead_id} has no earlier value.", advice="Set another one with `leads override`."
        )
    decision = undoing.decide("revert", {"field": name, "claims": [one.id for one in voided]}, lead_id=lead_id)
    effect = _void(connection, decision, voided)
    effect.leads.add(lead_id)
    return Undone(decision, settle(undoing, decision, effect), {"field": name, "claims": len(voided)})


def _void(connection: Connection, decision: int, rows: Sequence[Any]) -> Effect:
    claim_rows.void_claims(connection, [one.id for one in rows], by=decision)
    touched = {one.record_id for one in rows}
    claim_rows.note_in_force(connection, touched)
    return Effect(records=touched)


def undo_merge(undoing: Undoing, lead_id: str, leaving: Sequence[int] = ()) -> Undone:
    """Take a merge apart: each original is a lead again, with the claims of its own records; and stays so.

    Args:
        lead_id: the lead that was merged into another, or the one that lives.
        leaving: of a living lead, the records that leave it; none where it is made of two originals only.

    Raises:
        NotFoundError: no such lead, or a record is not of it.
        ConflictError: it was never merged, or is made of more than two originals and `leaving` names none.
    """
    connection, customer = undoing.connection, undoing.policy.customer
    kept = lead_rows.standing_for(connection, customer, lead_id)
    rows = {one.id: one for one in records.records_of_leads(connection, [kept])}
    homes = originals(connection, kept, list(rows.values()))
    group = _named(rows, leaving, kept) if leaving else _original(homes, lead_id, kept)
    rest = sorted(rows.keys() - group)
    if not group or not rest:
        raise ConflictError(f"Lead {lead_id} is not a merge of others.", advice="See `leads history`.")
    decision = undoing.decide("not_same", {"apart": [sorted(group), rest]}, lead_id=kept)
    leads = settle(undoing, decision, Effect(records=set(rows), leads={kept}))
    parted = sorted(_leads_of(connection, set(rows)))
    return Undone(decision, leads, {"leads": parted, "records_leaving": sorted(group)})


def originals(connection: Connection, lead: str, rows: Sequence[records.KnownRecord]) -> dict[int, str]:
    """Record of a lead -> the original that it came from: a lead of before, or "record 7" where it never was one."""
    homes = {one.id: one.origin_lead_id or f"record {one.id}" for one in rows}
    for merged, moved in lead_rows.merges_into(connection, lead):
        homes.update((record, merged) for record in moved if record in homes)
    return homes


def _named(rows: Mapping[int, Any], leaving: Sequence[int], lead: str) -> set[int]:
    strangers = sorted(set(leaving) - rows.keys())
    if strangers:
        raise NotFoundError(f"Record {strangers[0]} is not of lead {lead}.", advice="See `leads history`.")
    return set(leaving)


def _original(homes: Mapping[int, str], lead_id: str, kept: str) -> set[int]:
    """The records of the original that leaves: the named one, or of two the one that is not the living lead itself."""
    if lead_id != kept:
        return {record for record, home in homes.items() if home == lead_id}
    others = sorted({home for home in homes.values() if home != kept})
    if not others or (len(others) == 1 and kept not in homes.values()):
        return set()
    if len(set(homes.values())) > 2:
        raise ConflictError(
            f"Lead {kept} is made of {len(set(homes.values()))} originals: {_listed(homes)}.",
            advice="Name the records that leave: `leads undo merge LEAD --record ID`.",
        )
    return {record for record, home in homes.items() if home == others[-1]}


def _listed(homes: Mapping[int, str]) -> str:
    by_home: dict[str, list[int]] = {}
    for record, home in sorted(homes.items()):
        by_home.setdefault(home, []).append(record)
    return "; ".join(f"records {', '.join(map(str, ids))}" for ids in by_home.values())


def take_back(undoing: Undoing, decision_id: int) -> Undone:
    """Take a decision back, whatever it was; also one that took another back.

    Raises:
        NotFoundError: no such decision.
        ConflictError: it does not stand any more, or is not a person's to take back but the settings'.
    """
    connection = undoing.connection
    found = decisions.get(connection, undoing.policy.customer, decision_id)
    if found["undone_by"] is not None:
        raise ConflictError(f"Decision {decision_id} was taken back already, by decision {found['undone_by']}.")
    if found["kind"] == "survivorship":
        raise ConflictError(
            f"Decision {decision_id} is what leads.toml says of survivorship.", advice="Change it there, then sync."
        )
    with knowledge_may_change(connection, undoing.policy) as concerned:
        decision = undoing.decide("undo", {"kind": found["kind"]}, lead_id=found["lead_id"], undoes=decision_id)
    meant, stands = decisions.root(connection, undoing.policy.customer, decision_id)
    effect = (_APPLY if stands else _UNAPPLY)[meant["kind"]](undoing, meant)
    effect.records |= concerned
    leads = settle(undoing, meant["id"] if stands else decision, effect)
    return Undone(decision, leads, {"kind": found["kind"], **({"again": meant["kind"]} if stands else {})})


def living(connection: Connection, customer: str, lead_id: str) -> Mapping[str, Any]:
    """A lead that is neither archived nor merged.

    Raises:
        NotFoundError: no such lead.
        ConflictError: it is archived, or another one stands in its place.
    """
    row = lead_rows.get(connection, customer, lead_id)
    if row["merged_into"] is not None:
        raise ConflictError(
            f"Lead {lead_id} was merged into {row['merged_into']}.", advice="Name that one, or undo the merge."
        )
    if row["archived_at"] is not None:
        raise ConflictError(f"Lead {lead_id} is archived: no source names it any more.")
    return row


def _of_lead(undoing: Undoing, decision: Mapping[str, Any]) -> Effect:
    return Effect(leads={lead_rows.standing_for(undoing.connection, undoing.policy.customer, decision["lead_id"])})


def _of_pairs(undoing: Undoing, decision: Mapping[str, Any]) -> Effect:
    return Effect(records={record for side in sides_of(decision["subject"]) for record in side})


def _apply_revert(undoing: Undoing, decision: Mapping[str, Any]) -> Effect:
    ids = decision["subject"]["claims"]
    return _void(undoing.connection, decision["id"], claim_rows.claims_by_id(undoing.connection, ids))


def _unapply_revert(undoing: Undoing, decision: Mapping[str, Any]) -> Effect:
    touched = claim_rows.revive_claims(undoing.connection, voided_by=decision["id"])
    claim_rows.note_in_force(undoing.connection, touched)
    return Effect(records=touched)


def _apply_rollback(undoing: Undoing, decision: Mapping[str, Any]) -> Effect:
    from leads_dagster.store import undo_run

    return undo_run.apply(undoing, decision)


def _unapply_rollback(undoing: Undoing, decision: Mapping[str, Any]) -> Effect:
    from leads_dagster.store import undo_run

    return undo_run.unapply(undoing, decision)


_Doing = Callable[[Undoing, Mapping[str, Any]], Effect]


def _apply_deleted(undoing: Undoing, decision: Mapping[str, Any]) -> Effect:
    known = records.known_records(undoing.connection, decision["subject"]["records"])
    return Effect(set_aside={one.id for one in known if one.undone_by is None})


def _unapply_deleted(undoing: Undoing, decision: Mapping[str, Any]) -> Effect:
    return Effect(records=aside.bring_back(undoing.connection, undone_by=decision["id"]))


def delete(undoing: Undoing, lead_id: str) -> Undone:
    """Set aside all that sources say of a lead, because somebody deleted it in a mirror: it is archived by that.

    A row of it counts again as soon as it says something new.
    """
    known = sorted(records.mates_of(undoing.connection, [lead_id]))
    decision = undoing.decide("deleted", {"records": known}, lead_id=lead_id)
    leads = settle(undoing, decision, Effect(set_aside=set(known), leads={lead_id}))
    return Undone(decision, leads, {"records": len(known)})


_APPLY: dict[str, _Doing] = {
    "same": _of_pairs, "not_same": _of_pairs, "override": _of_lead, "revert": _apply_revert,
    "rollback": _apply_rollback, "deleted": _apply_deleted,
}  # fmt: skip
_UNAPPLY: dict[str, _Doing] = {
    **_APPLY,
    "revert": _unapply_revert,
    "rollback": _unapply_rollback,
    "deleted": _unapply_deleted,
}
