"""Where each field of a lead comes from: who says it, since when, and why that value and no other.

What belongs here: folding one lead again, as it stands or as it stood at some moment, from everything that was ever
said of it. Nothing about it is stored: provenance is the fold, told. Its words are `rule_words`'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from leads_dagster.leads.claims import is_person
from leads_dagster.leads.survivorship import Claim, FoldedField, FoldedLead, Override, RecordView, Survivorship, fold
from leads_dagster.pipeline import lead_lookup
from leads_dagster.pipeline.rule_words import why
from leads_dagster.pipeline.sheet_rows import Places
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import history, lead_rows, rulings
from leads_dagster.store.engine import reading
from leads_dagster.store.history import PastClaim, PastRecord
from leads_dagster.store.rulings import Ruling


@dataclass
class Told:
    """Everything that was ever said of one lead, and decided about it.

    Attributes:
        records: those that belong to it or did when they left; edits of leads merged into it too.
        claims: of these, those taken back too. decisions: about it, newest first.
        takers: the decisions that took something of all this back, by id.
        rules: by which the lead is as it stands. rulings: all that were ever in force, oldest first.
    """

    lead_id: str
    records: dict[int, PastRecord]
    claims: list[PastClaim]
    decisions: list[dict[str, Any]]
    takers: dict[int, dict[str, Any]]
    rules: Survivorship = field(default_factory=Survivorship)
    rulings: list[Ruling] = field(default_factory=list)

    def ruling_at(self, at: datetime) -> Ruling:
        """The rules in force at a moment."""
        return next(one for one in reversed(self.rulings) if one.decided_at is None or one.decided_at <= at)

    def folded(self, at: datetime | None = None, *, rules: Survivorship | None = None) -> FoldedLead:
        """The lead as it stands, or as it stood right after `at`, as far as its records are still the same.

        Args:
            rules: others than those by which it is as it stands.
        """
        live = [one for one in self.records.values() if one.removed_at is None or (at and one.removed_at > at)]
        views = [
            RecordView(one.id, one.source, one.content_hash, is_person(one.source), edit=one.kind == "edit")
            for one in live
        ]
        said = [
            Claim(one.record_id, one.field, one.value, one.changed_at)
            for one in self.claims
            if (at is None or one.changed_at <= at) and self._stood(one.voided_by, at)
        ]
        return fold(views, said, self._overrides(at), rules=self.rules if rules is None else rules)

    def _stood(self, taken_back_by: int | None, at: datetime | None) -> bool:
        """Whether something that a decision took back later, or none did, counted at that moment."""
        if taken_back_by is None:
            return True
        return at is not None and self.takers[taken_back_by]["decided_at"] > at

    def _overrides(self, at: datetime | None) -> list[Override]:
        return [
            Override(one["subject"]["field"], one["subject"]["value"], one["decided_at"], one["id"])
            for one in self.decisions
            if one["kind"] == "override"
            and (at is None or one["decided_at"] <= at)
            and self._stood(one["undone_by"], at)
        ]

    def claim_behind(self, name: str, chosen: FoldedField) -> PastClaim | None:
        """The claim that a folded field is."""
        return next(
            (
                one
                for one in reversed(self.claims)
                if (one.record_id, one.field, one.changed_at) == (chosen.record_id, name, chosen.changed_at)
            ),
            None,
        )

    @cached_property
    def decision(self) -> Mapping[int, dict[str, Any]]:
        """The decisions by id."""
        return {one["id"]: one for one in self.decisions}


def all_told(ws: Workspace, connection: Connection, row: Mapping[str, Any]) -> Told:
    """Read everything that was ever said of a lead.

    Args:
        row: the lead's, of all its columns.
    """
    customer, lead_id = ws.name, row["id"]
    forebears = list(lead_rows.forebears(connection, [lead_id]))
    found = history.records_ever(connection, [lead_id, *forebears])
    records = {one.id: one for one in found if one.lead_id == lead_id or one.kind == "edit"}
    claims = history.claims_ever(connection, list(records))
    decisions = history.decisions_about(connection, customer, [lead_id, *forebears])
    takers = {one.voided_by for one in claims} | {one["undone_by"] for one in decisions}
    taken = history.decisions_by_id(connection, sorted(taker for taker in takers if taker is not None))
    told = Told(lead_id, records, claims, decisions, taken, rulings=rulings.rulings(connection, customer))
    told.rules = _rules_of(told, row, list(rulings.rules_told(connection, ws.policy)))
    return told


def _rules_of(told: Told, row: Mapping[str, Any], candidates: list[Survivorship]) -> Survivorship:
    """Of the rules that a lead may have been folded by last, those that give what it is."""
    stored = lead_rows.to_texts(row)
    folds = ((rules, told.folded(rules=rules).values()) for rules in candidates)
    return next((rules for rules, found in folds if _reads(found) == stored), candidates[0])


def _reads(values: Mapping[str, str]) -> dict[str, str]:
    return lead_rows.to_texts(lead_rows.to_columns(values))


def provenance(ws: Workspace, named: str) -> dict[str, Any]:
    """Each field of a lead with its value and where that comes from.

    Args:
        named: the lead's id, the beginning of it, or its e-mail address.

    Returns:
        lead (in short) and fields: field -> value, rule, why, since, source, record_id, source_key, row (of the sheet,
        where it can be told), run_id, who, reason, decision_id, and others: what else is said of it and by whom.

    Raises:
        NotFoundError: no such lead, or several.
    """
    with reading(ws.engine) as connection:
        row = lead_lookup.the_one(connection, ws.name, named)
        told = all_told(ws, connection, row)
        places = Places(ws, connection)
        authors = history.field_authors(connection, row["id"])
        folded = told.folded().fields
        fields = {name: _field(name, chosen, told, places, authors) for name, chosen in folded.items()}
    return {"lead": lead_lookup.brief(row), "fields": fields}


def _field(
    name: str,
    chosen: FoldedField,
    told: Told,
    places: Places,
    authors: Mapping[tuple[str, datetime], str],
) -> dict[str, Any]:
    decision = told.decision.get(chosen.decision_id) if chosen.decision_id is not None else None
    claim = told.claim_behind(name, chosen)
    return {
        "value": chosen.value,
        "rule": chosen.rule,
        "why": why(name, chosen, told.rules),
        "since": chosen.changed_at,
        **places.of(told.records.get(chosen.record_id) if chosen.record_id is not None else None),
        "run_id": claim.run_id if claim else None,
        "who": decision["who"] if decision else authors.get((name, chosen.changed_at)),
        "reason": decision["reason"] if decision else None,
        "decision_id": chosen.decision_id,
        "others": _others(name, chosen, told, places),
    }


def _others(name: str, chosen: FoldedField, told: Told, places: Places) -> list[dict[str, Any]]:
    """What the lead's other live records say of a field, where it is something else; newest first."""
    newest: dict[int, PastClaim] = {}
    for claim in told.claims:
        record = told.records[claim.record_id]
        if claim.field == name and claim.voided_by is None and record.removed_at is None:
            newest[claim.record_id] = claim
    return [
        {"value": claim.value, "since": claim.changed_at, **places.of(told.records[claim.record_id])}
        for claim in sorted(newest.values(), key=lambda one: (one.changed_at, one.id), reverse=True)
        if claim.value != chosen.value
    ]
