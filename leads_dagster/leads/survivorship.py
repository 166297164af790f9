"""The fold: a lead is a pure function of what its source records claim and of what people decided.

What belongs here: how one value is chosen among claims, and which differences are conflicts. What does not: where
claims come from (`reconciliation`), which records make one lead (`matching`), and how either is stored.

The rules, first that applies:
    1. a person's override;
    2. people before machines: what a person typed before what a capture found;
    3. the newest claim;
    4. among claims of one instant: a value before a blank, a verified record's before another's, the longest,
       and last the smaller content hash, so that the order in which rows arrive decides nothing.

A difference is not yet a conflict: two sources that both changed a field since they last agreed are one. Who never
agreed is counted from when the later of the two came: what a source says when it is first seen changes nothing, so that
two lists that call one person differently are no thousand conflicts (`leads drift` shows them). Where only one of the
two changed, it is simply the newer. An edit of a lead begins as agreement with everybody: it was made on top of what
the lead said. A field that a person decided is no conflict while the decision stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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
        edit: True where it holds what somebody changed of a lead, and nothing of its own.
    """

    record_id: int
    source: str
    content_hash: bytes
    person: bool = True
    edit: bool = False


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
    decision_id: int | None = None


@dataclass(frozen=True, slots=True)
class FoldedField:
    """The value of one field, who said it, since when, and the rule that chose it (`record_id` None: a person)."""

    value: str | None
    record_id: int | None
    changed_at: datetime
    rule: FoldRule
    decision_id: int | None = None


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """Two sources changed one field to different things; the winner's is kept, the other is not forgotten."""

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


def fold(records: Sequence[RecordView], claims: Iterable[Claim], overrides: Collection[Override] = ()) -> FoldedLead:
    """Fold claims and overrides into a lead.

    Args:
        records: the live records of the lead; claims of any other record are left out.
        claims: all claims of those records, in any order; of one record and field only the newest counts.
        overrides: people's decisions on fields, in any order; the newest of a field counts.

    Returns:
        The same lead whatever the order of the arguments.
    """
    views = {record.record_id: record for record in records}
    if len(views) == 1 and not overrides:
        return FoldedLead(_said_alone(claims, views))
    told = [claim for claim in claims if claim.record_id in views]
    live = _live_claims(told)
    verified = {claim.record_id for claim in live.get("verified", ()) if claim.value == "true"}
    chosen = {name: _choose(candidates, views, verified) for name, candidates in live.items() if name != RAW_DATA}
    decided = _newest_overrides(overrides)
    open_ones = {name: one for name, one in chosen.items() if name not in decided}
    conflicts = tuple(_Disagreements(told, views, verified).among(open_ones))
    if RAW_DATA in live:
        chosen[RAW_DATA] = _merge_raw_data(live[RAW_DATA], views)
    chosen.update(decided)
    return FoldedLead(fields=dict(sorted(chosen.items())), conflicts=conflicts)


def _said_alone(claims: Iterable[Claim], views: Mapping[int, RecordView]) -> dict[str, FoldedField]:
    """A lead of one record says what the record says; most leads are such, and this is a third of the work."""
    newest: dict[str, Claim] = {}
    for claim in claims:
        held = newest.get(claim.field)
        if claim.record_id in views and (held is None or _is_newer(claim, held)):
            newest[claim.field] = claim
    return {name: _folded(newest[name], "only") for name in sorted(newest)}


def _is_newer(claim: Claim, held: Claim) -> bool:
    return (claim.changed_at, _rank(claim.value)) > (held.changed_at, _rank(held.value))


def _live_claims(claims: Iterable[Claim]) -> dict[str, list[Claim]]:
    """Field -> the newest claim of each record."""
    newest: dict[tuple[int, str], Claim] = {}
    for claim in claims:
        key = (claim.record_id, claim.field)
        held = newest.get(key)
        if held is None or _is_newer(claim, held):
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
    ordered = sorted(overrides, key=lambda one: (one.decided_at, one.decision_id or 0, _rank(one.value)))
    return {
        one.field: FoldedField(one.value, None, one.decided_at, "override", decision_id=one.decision_id)
        for one in ordered
    }


class _Disagreements:
    """Which sources of one lead changed the same field since they last agreed on it; see the top of the module."""

    def __init__(self, claims: Sequence[Claim], views: Mapping[int, RecordView], verified: set[int]) -> None:
        self.views, self.verified = views, verified
        self.several = len({view.source for view in views.values()}) > 1
        self.told: dict[tuple[str, str], list[Claim]] = {}
        self.came_at: dict[str, datetime] = {}  # source -> when its first row was seen; not of edits
        for claim in claims if self.several else ():
            view = views[claim.record_id]
            self.told.setdefault((claim.field, view.source), []).append(claim)
            if not view.edit:
                self.came_at[view.source] = min(claim.changed_at, self.came_at.get(view.source, claim.changed_at))

    def among(self, chosen: Mapping[str, FoldedField]) -> Iterable[FieldConflict]:
        for name, source in sorted(self.told):
            winner = chosen.get(name)
            if winner is None or winner.record_id is None:
                continue
            kept_source = self.views[winner.record_id].source
            if source == kept_source:
                continue
            lost = self._word(self.told[name, source]).value
            if lost != winner.value and self._both_changed(name, kept_source, source):
                yield FieldConflict(name, winner.value, lost, kept_source, source)

    def _both_changed(self, name: str, *sources: str) -> bool:
        agreed_at = self._last_agreed(name, *sources)
        changes = (self.told[name, source] for source in sources)
        return all(agreed_at is None or max(c.changed_at for c in told) > agreed_at for told in changes)

    def _last_agreed(self, name: str, *sources: str) -> datetime | None:
        """When the sources last said the same; who never did: when the later of them came; None: before any claim."""
        moments = {claim.changed_at for source in sources for claim in self.told[name, source]}
        for moment in sorted(moments, reverse=True):
            if self._agree_at(moment, name, *sources):
                return moment
        return max((self.came_at[source] for source in sources if source in self.came_at), default=None)

    def _agree_at(self, moment: datetime, name: str, *sources: str) -> bool:
        words = []
        for source in sources:
            told = [claim for claim in self.told[name, source] if claim.changed_at <= moment]
            came_at = self.came_at.get(source)
            if told:
                words.append(self._word(told).value)
            elif came_at is None:
                return True  # an edit not made yet
            elif came_at <= moment:
                words.append(None)
            else:
                return False
        return len(set(words)) == 1

    def _word(self, told: Sequence[Claim]) -> FoldedField:
        """What one source says of a field by these claims, whatever its rows say one by one."""
        (newest,) = _live_claims(told).values()
        return _choose(newest, self.views, self.verified)


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
