"""The fold: a lead is a pure function of what its source records claim and of what people decided.

What belongs here: how a lead comes of claims, overrides and the customer's rules. What does not: how one value is
chosen (`choosing`) and by which rules (`survivorship_rules`), which differences are conflicts (`disagreements`), where
claims come from (`reconciliation`), which records make one lead (`matching`), and how either is stored.

The rules, first that applies:
    1. a person's override;
    2. people before machines: what a person typed before what a capture found;
    3. where the customer sets nothing: the newest claim; among claims of one instant a value before a blank, a verified
       record's before another's, the longest;
       where the customer sets rules of the field: those, in their order. What somebody changed of the lead itself (an
       edit) overrules whatever was said before it, though that be longer or more trusted; once that is done, a value
       comes before a blank;
    4. the smaller content hash, so that the order in which rows arrive decides nothing.

What a record says is its newest claim: a record that said "CEO" and then nothing says nothing, whatever the rules.
Columns without a field (`raw_data`) are one object of all records' columns, of which the newer record's stay; rules are
not set for them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import orjson

from leads_dagster.leads.choosing import Chooser, folded, is_newer, live_claims, rank
from leads_dagster.leads.claims import (
    Claim,
    FieldConflict,
    FoldedField,
    FoldedLead,
    FoldRule,
    Override,
    RecordView,
)
from leads_dagster.leads.disagreements import Disagreements
from leads_dagster.leads.fields import RAW_DATA
from leads_dagster.leads.survivorship_rules import Survivorship

__all__ = [
    "Claim", "FieldConflict", "FoldRule", "FoldedField", "FoldedLead", "Override", "RecordView", "Survivorship", "fold",
]  # fmt: skip


def fold(
    records: Sequence[RecordView],
    claims: Iterable[Claim],
    overrides: Collection[Override] = (),
    *,
    rules: Survivorship | None = None,
) -> FoldedLead:
    """Fold claims and overrides into a lead.

    Args:
        records: the live records of the lead; claims of any other record are left out.
        claims: all claims of those records, in any order; of one record and field only the newest counts.
        overrides: people's decisions on fields, in any order; the newest of a field counts.
        rules: the customer's; None where none are set.

    Returns:
        The same lead whatever the order of the arguments.
    """
    views = {record.record_id: record for record in records}
    if len(views) == 1 and not overrides:
        return FoldedLead(_said_alone(claims, views))
    told = [claim for claim in claims if claim.record_id in views]
    live = live_claims(told)
    verified = {claim.record_id for claim in live.get("verified", ()) if claim.value == "true"}
    chooser = Chooser(views, verified, rules or Survivorship())
    chosen = {name: chooser.choose(name, candidates) for name, candidates in live.items() if name != RAW_DATA}
    decided = _newest_overrides(overrides)
    open_ones = {name: one for name, one in chosen.items() if name not in decided}
    conflicts = tuple(Disagreements(told, live, chooser).among(open_ones))
    if RAW_DATA in live:
        chosen[RAW_DATA] = _merge_raw_data(live[RAW_DATA], views)
    chosen.update(decided)
    return FoldedLead(fields=dict(sorted(chosen.items())), conflicts=conflicts)


def _said_alone(claims: Iterable[Claim], views: Mapping[int, RecordView]) -> dict[str, FoldedField]:
    """A lead of one record says what the record says; most leads are such, and this is a third of the work."""
    newest: dict[str, Claim] = {}
    for claim in claims:
        held = newest.get(claim.field)
        if claim.record_id in views and (held is None or is_newer(claim, held)):
            newest[claim.field] = claim
    return {name: folded(newest[name], "only") for name in sorted(newest)}


def _newest_overrides(overrides: Iterable[Override]) -> dict[str, FoldedField]:
    ordered = sorted(overrides, key=lambda one: (one.decided_at, one.decision_id or 0, rank(one.value)))
    return {
        one.field: FoldedField(one.value, None, one.decided_at, "override", decision_id=one.decision_id)
        for one in ordered
    }


def _merge_raw_data(candidates: list[Claim], views: Mapping[int, RecordView]) -> FoldedField:
    """All records' further columns in one object; where two say different things, the newer record's stays."""
    ordered = sorted(
        candidates,
        key=lambda claim: (claim.changed_at, _inverted(views[claim.record_id].content_hash), claim.record_id),
    )
    merged: dict[str, str] = {}
    for claim in ordered:
        merged.update(orjson.loads(claim.value) if claim.value else {})
    newest = ordered[-1]
    rule: FoldRule = "only" if len(ordered) == 1 else "newest"
    value = orjson.dumps(merged, option=orjson.OPT_SORT_KEYS).decode() if merged else None
    return FoldedField(value, newest.record_id, newest.changed_at, rule)


def _inverted(content_hash: bytes) -> bytes:
    return bytes(255 - byte for byte in content_hash)
