"""What people said of pairs of records: that they are one lead, or that they are not.

What belongs here: reading those decisions, and for which records they speak. Writing them is `decisions`' business,
what they do to leads that of clustering.

A decision names all records that its two sides had when it was taken, and holds for them whatever they say later. When
every record of a side has left its source, what remains of the lead that it was in speaks for it: a person who keeps
two leads apart means the leads, not the rows that they happened to have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, or_, select

from leads_dagster.store import lead_rows, records
from leads_dagster.store.queries import Query
from leads_dagster.store.questions import SPLIT_RULE
from leads_dagster.store.tables import decisions

Verdict = Literal["same", "not_same"]
Pair = frozenset[int]
_READ = ("id", "kind", "subject", "who", "reason", "decided_at", "undone_by")
_OF_PAIRS = Query(
    select(*(decisions.c[name] for name in _READ))
    .where(
        decisions.c.customer == bindparam("customer"),
        or_(decisions.c.kind == "same", decisions.c.kind == "not_same"),
    )
    .order_by(decisions.c.id)
)


@dataclass(frozen=True, slots=True)
class PairDecision:
    """One person's word on two sides.

    Attributes:
        verdict: whether the sides are one lead.
        subject: as it was written.
        undone_by: the decision that took it back; None: it stands.
    """

    id: int
    verdict: Verdict
    subject: Mapping[str, Any]
    who: str
    reason: str | None
    decided_at: datetime
    undone_by: int | None

    @property
    def sides(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The records of either side."""
        left, right = sides_of(self.subject)
        return tuple(left), tuple(right)

    def covers(self, pair: tuple[int, int]) -> bool:
        """Whether it speaks of a pair, one record on either side."""
        left, right = self.sides
        return (pair[0] in left and pair[1] in right) or (pair[1] in left and pair[0] in right)

    def pairs(self, members: Collection[int]) -> Iterator[Pair]:
        """The pairs that it speaks of, of these records."""
        left, right = ([one for one in side if one in members] for side in self.sides)
        return (frozenset(pair) for pair in product(left, right) if pair[0] != pair[1])

    @property
    def asked(self) -> tuple[int, int] | None:
        """The two records that were shown when the question was put; None of what nobody asked (an undone merge)."""
        shown = self.subject.get("records")
        return (shown[0], shown[1]) if shown else None

    @property
    def of_split(self) -> bool:
        """Whether it answers the question if a lead that somebody edited is still one."""
        return self.asked is not None and self.subject.get("rule") == SPLIT_RULE


def sides_of(subject: Mapping[str, Any]) -> Sequence[Sequence[int]]:
    """The two lists of records that a decision on a pair is about."""
    found: Sequence[Sequence[int]] | None = subject.get("apart") or subject.get("together")
    return found or [[record] for record in subject["records"]]


class PairDecisions:
    """All that people said of a customer's pairs, oldest first."""

    def __init__(self, connection: Connection, customer: str) -> None:
        self._connection = connection
        self.all = [PairDecision(*row) for row in _OF_PAIRS.rows(connection, customer=customer)]
        self.standing = [one for one in self.all if one.undone_by is None]
        self._named = {record for one in self.standing for side in one.sides for record in side}
        self._partners = _partners(self.standing)

    def partners(self, ids: Iterable[int]) -> set[int]:
        """Records that somebody called one lead with these."""
        return {other for one in self._partners.keys() & set(ids) for other in self._partners[one]}

    def taken_back(self) -> list[PairDecision]:
        """What people said and took back."""
        return [one for one in self.all if one.undone_by is not None]

    def heirs(
        self, members: Collection[int], lead_of: Mapping[int, str | None], leaving: Iterable[int] = ()
    ) -> dict[int, list[int]]:
        """Record that somebody decided about and that is gone -> those of `members` that speak for it now.

        Args:
            members: live records. lead_of: record -> its lead, also of those that leave.
            leaving: records that are about to be taken out.
        """
        if not self._named:
            return {}
        living: dict[str, list[int]] = {}
        for one in members:
            if (lead := lead_of.get(one)) is not None:
                living.setdefault(lead, []).append(one)
        merged = lead_rows.forebears(self._connection, sorted(living))
        left = records.removed_from(self._connection, [*living, *merged])
        left.update((one, lead) for one in leaving if (lead := lead_of.get(one)) is not None)
        return {
            one: living[heir]
            for one, lead in left.items()
            if one in self._named and one not in members and (heir := _heir(lead, merged, living)) is not None
        }

    def verdicts(self, members: Collection[int], heirs: Mapping[int, Sequence[int]]) -> dict[Pair, PairDecision]:
        """Pair of these records -> the newest standing word on it."""
        found: dict[Pair, PairDecision] = {}
        for one in self.standing:
            left, right = ([each for each in speaking(side, heirs) if each in members] for side in one.sides)
            found.update((frozenset(pair), one) for pair in product(left, right) if pair[0] != pair[1])
        return found


def speaking(side: Sequence[int], heirs: Mapping[int, Sequence[int]]) -> Sequence[int]:
    """The records of a side; where all of them are gone, those that speak for them."""
    if heirs and all(one in heirs for one in side):
        return sorted({heir for one in side for heir in heirs[one]})
    return side


def split_by_verdict(verdicts: Mapping[Pair, PairDecision]) -> tuple[set[Pair], set[Pair]]:
    """Pairs that are the same, and pairs that are not."""
    same = {pair for pair, one in verdicts.items() if one.verdict == "same"}
    return same, verdicts.keys() - same


def _partners(standing: Iterable[PairDecision]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for one in standing:
        if one.verdict == "same":
            together = {record for side in one.sides for record in side}
            for record in together:
                found.setdefault(record, set()).update(together)
    return found


def _heir(lead: str, merged: Mapping[str, str], living: Mapping[str, Any]) -> str | None:
    """The lead that stands for this one among those that live, if any does."""
    while lead not in living:
        if lead not in merged:
            return None
        lead = merged[lead]
    return lead
