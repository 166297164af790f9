"""Choosing one value of a field among what several records say of it.

What belongs here: the steps, each of which leaves some claims out, and the last one, which leaves one. Their order is
`survivorship_rules`' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from leads_dagster.leads.claims import Claim, FoldedField, FoldRule, RecordView
from leads_dagster.leads.survivorship_rules import Survivorship


def live_claims(claims: Iterable[Claim]) -> dict[str, list[Claim]]:
    """Field -> the newest claim of each record: what the record says now."""
    newest: dict[tuple[int, str], Claim] = {}
    for claim in claims:
        key = (claim.record_id, claim.field)
        held = newest.get(key)
        if held is None or is_newer(claim, held):
            newest[key] = claim
    by_field: dict[str, list[Claim]] = {}
    for claim in newest.values():
        by_field.setdefault(claim.field, []).append(claim)
    return by_field


def is_newer(claim: Claim, held: Claim) -> bool:
    """Whether of two claims of one record the first counts; of one moment a value does rather than a blank."""
    return (claim.changed_at, rank(claim.value)) > (held.changed_at, rank(held.value))


def rank(value: str | None) -> tuple[bool, str]:
    """A total order over values, blank first."""
    return value is not None, value or ""


def folded(claim: Claim, rule: FoldRule) -> FoldedField:
    """A claim as the value of its field."""
    return FoldedField(claim.value, claim.record_id, claim.changed_at, rule)


class Chooser:
    """Chooses among the live claims of one lead's records, by the customer's rules."""

    def __init__(self, views: Mapping[int, RecordView], verified: set[int], rules: Survivorship) -> None:
        self.views, self.verified, self.rules = views, verified, rules

    def choose(self, name: str, candidates: Sequence[Claim]) -> FoldedField:
        """The value of a field, whatever the order of the candidates, of which there is one at least."""
        if len(candidates) == 1:
            return folded(candidates[0], "only")
        remaining, taken = list(candidates), list[FoldRule]()
        trust: tuple[str, str] | None = None
        for step in self.rules.steps_of(name):
            narrowed = self._owned(name, remaining) if step == "owner" else _STEPS[step](self, remaining)
            if 0 < len(narrowed) < len(remaining):
                trust = self._told_apart(remaining, narrowed) if step == "trusted" else trust
                remaining = narrowed
                taken.append(step)
            if len(remaining) == 1:
                break
        if len({claim.value for claim in remaining}) > 1:
            taken.append("content")
        winner = min(remaining, key=self._order) if len(remaining) > 1 else remaining[0]
        *before, rule = taken or ["only"]
        return FoldedField(winner.value, winner.record_id, winner.changed_at, rule, before=tuple(before), trust=trust)

    def not_overruled(self, name: str, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Claims of a field without those that a later edit of the lead overrules, where age does not decide first."""
        return claims if self.rules.goes_by_age(name) else self._edited(claims)

    def _order(self, claim: Claim) -> tuple[bytes, tuple[bool, str], int]:
        return self.views[claim.record_id].content_hash, rank(claim.value), claim.record_id

    def _told_apart(self, before: Sequence[Claim], after: Sequence[Claim]) -> tuple[str, str]:
        """The best of the sources that trust left out, under the name of the one that it preferred."""
        preferred = self._trust(after[0])
        sources = {self._source(claim) for claim in before if self._trust(claim) != preferred}
        best = min(sources, key=lambda source: (self.rules.trust(source), source))
        return self.rules.trust_name(self._source(after[0])), self.rules.trust_name(best)

    def _source(self, claim: Claim) -> str:
        return self.views[claim.record_id].source

    def _trust(self, claim: Claim) -> int:
        return self.rules.trust(self._source(claim))

    def _by_people(self, claims: Sequence[Claim]) -> list[Claim]:
        return [claim for claim in claims if self.views[claim.record_id].person]

    def _owned(self, name: str, claims: Sequence[Claim]) -> list[Claim]:
        return [claim for claim in claims if self.rules.is_owner(name, self._source(claim))]

    def _edited(self, claims: Sequence[Claim]) -> list[Claim]:
        """What somebody changed of the lead last, and what was said since."""
        edits = [claim.changed_at for claim in claims if self.views[claim.record_id].edit]
        return [claim for claim in claims if not edits or claim.changed_at >= max(edits)]

    def _newest(self, claims: Sequence[Claim]) -> list[Claim]:
        newest = max(claim.changed_at for claim in claims)
        return [claim for claim in claims if claim.changed_at == newest]

    def _filled(self, claims: Sequence[Claim]) -> list[Claim]:
        return [claim for claim in claims if claim.value is not None]

    def _verified(self, claims: Sequence[Claim]) -> list[Claim]:
        return [claim for claim in claims if claim.record_id in self.verified]

    def _longest(self, claims: Sequence[Claim]) -> list[Claim]:
        longest = max(len(claim.value or "") for claim in claims)
        return [claim for claim in claims if len(claim.value or "") == longest]

    def _trusted(self, claims: Sequence[Claim]) -> list[Claim]:
        best = min(map(self._trust, claims))
        return [claim for claim in claims if self._trust(claim) == best]


_STEPS: Mapping[FoldRule, Callable[[Chooser, Sequence[Claim]], list[Claim]]] = {
    "person": Chooser._by_people,
    "edited": Chooser._edited,
    "newest": Chooser._newest,
    "filled": Chooser._filled,
    "verified": Chooser._verified,
    "longest": Chooser._longest,
    "trusted": Chooser._trusted,
}
