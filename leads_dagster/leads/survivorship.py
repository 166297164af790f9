"""The fold: a lead is a pure function of what its source records claim and of what people decided.

What belongs here: how one value is chosen among claims, and which differences are conflicts. What does not: where
claims come from (`reconciliation`), which records make one lead (`matching`), and how either is stored.

The rules, first that applies:
    1. a person's override;
    2. people before machines: what a person typed before what a capture found;
    3. the newest claim;
    4. among claims of one instant: a value before a blank, a verified record's before another's, the longest,
       and last the smaller content hash, so that the order in which rows arrive decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import orjson

from leads_dagster.leads.fields import RAW_DATA

FoldRule = Literal["override", "only", "person", "newest", "filled", "verified", "longest", "content"]


@dataclass(frozen=True, slots=True)
class RecordView:
    """What the fold needs to know of a record.

    Attributes:
        record_id: the record's surrogate key.
        source: canonical address of the source it belongs to.
        content_hash: 16 bytes over what the record says; breaks the last tie.
        person: False where a machine found it (a capture); True for a sheet or Airtable.
    """

    record_id: int
    source: str
    content_hash: bytes
    person: bool = True


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source record says of one field since `changed_at`; `value` None says that it is blank now."""

    record_id: int
    field: str
    value: str | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Override:
    """A person's decision on one field of one lead; it holds until it is undone."""

    field: str
    value: str | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class FoldedField:
    """The value of one field, who said it, since when, and the rule that chose it (`record_id` None: a person)."""

    value: str | None
    record_id: int | None
    changed_at: datetime
    rule: FoldRule


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """Two sources say different things of one field; the newer is kept, the other is not forgotten."""

    field: str
    kept: str | None
    lost: str | None
    kept_source: str
    lost_source: str


@dataclass(frozen=True, slots=True)
class FoldedLead:
    """A lead as its claims and decisions make it: field -> chosen value, and the conflicts among sources."""

    fields: dict[str, FoldedField] = field(default_factory=dict)
    conflicts: tuple[FieldConflict, ...] = ()

    def values(self) -> dict[str, str]:
        """Field -> value, blanks left out."""
        return {name: chosen.value for name, chosen in self.fields.items() if chosen.value is not None}


def fold(records: Sequence[RecordView], claims: Iterable[Claim], overrides: Iterable[Override] = ()) -> FoldedLead:
    """Fold claims and overrides into a lead.

    Args:
        records: the live records of the lead; claims of any other record are left out.
        claims: all claims of those records, in any order; of one record and field only the newest counts.
        overrides: people's decisions on fields, in any order; the newest of a field counts.

    Returns:
        The same lead whatever the order of the arguments.
    """
    views = {record.record_id: record for record in records}
    live = _live_claims(claims, views)
    verified = {claim.record_id for claim in live.get("verified", ()) if claim.value == "true"}
    chosen = {name: _choose(candidates, views, verified) for name, candidates in live.items() if name != RAW_DATA}
    conflicts = tuple(_conflicts(live, chosen, views))
    if RAW_DATA in live:
        chosen[RAW_DATA] = _merge_raw_data(live[RAW_DATA], views)
    chosen.update(_newest_overrides(overrides))
    return FoldedLead(fields=dict(sorted(chosen.items())), conflicts=conflicts)


def _live_claims(claims: Iterable[Claim], views: Mapping[int, RecordView]) -> dict[str, list[Claim]]:
    newest: dict[tuple[int, str], Claim] = {}
    for claim in claims:
        if claim.record_id not in views:
            continue
        key = (claim.record_id, claim.field)
        held = newest.get(key)
        if held is None or (claim.changed_at, _rank(claim.value)) > (held.changed_at, _rank(held.value)):
            newest[key] = claim
    by_field: dict[str, list[Claim]] = {}
    for claim in newest.values():
        by_field.setdefault(claim.field, []).append(claim)
    return by_field


def _choose(candidates: list[Claim], views: Mapping[int, RecordView], verified: set[int]) -> FoldedField:
    if len(candidates) == 1:
        return _folded(candidates[0], "only")
    remaining, rule = candidates, "only"
    for name, preferred in (
        ("person", [claim for claim in candidates if views[claim.record_id].person]),
        ("newest", None),
        ("filled", None),
        ("verified", None),
        ("longest", None),
    ):
        narrowed = preferred if name == "person" else _narrow(name, remaining, verified)
        if narrowed and len(narrowed) < len(remaining):
            remaining, rule = narrowed, name
    if len({claim.value for claim in remaining}) > 1:
        rule = "content"
    winner = min(
        remaining, key=lambda claim: (views[claim.record_id].content_hash, _rank(claim.value), claim.record_id)
    )
    return _folded(winner, rule)  # type: ignore[arg-type]  # the names above are the literals of FoldRule


def _narrow(rule: str, claims: list[Claim], verified: set[int]) -> list[Claim]:
    if rule == "newest":
        newest = max(claim.changed_at for claim in claims)
        return [claim for claim in claims if claim.changed_at == newest]
    if rule == "filled":
        return [claim for claim in claims if claim.value is not None]
    if rule == "verified":
        return [claim for claim in claims if claim.record_id in verified]
    longest = max(len(claim.value or "") for claim in claims)
    return [claim for claim in claims if len(claim.value or "") == longest]


def _folded(claim: Claim, rule: FoldRule) -> FoldedField:
    return FoldedField(claim.value, claim.record_id, claim.changed_at, rule)


def _newest_overrides(overrides: Iterable[Override]) -> dict[str, FoldedField]:
    ordered = sorted(overrides, key=lambda override: (override.decided_at, _rank(override.value)))
    return {one.field: FoldedField(one.value, None, one.decided_at, "override") for one in ordered}


def _conflicts(
    live: Mapping[str, list[Claim]], chosen: Mapping[str, FoldedField], views: Mapping[int, RecordView]
) -> Iterable[FieldConflict]:
    for name in sorted(chosen):
        winner = chosen[name]
        kept_source = views[winner.record_id].source if winner.record_id is not None else ""
        losers = {
            (views[claim.record_id].source, claim.value)
            for claim in live[name]
            if views[claim.record_id].source != kept_source and claim.value != winner.value
        }
        for lost_source, lost in sorted(losers, key=lambda loser: (loser[0], _rank(loser[1]))):
            yield FieldConflict(name, winner.value, lost, kept_source, lost_source)


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


def _rank(value: str | None) -> tuple[bool, str]:
    """A total order over values, blank first."""
    return value is not None, value or ""


def _inverted(content_hash: bytes) -> bytes:
    return bytes(255 - byte for byte in content_hash)
