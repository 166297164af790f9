"""Cases that remain: pairs missed, pairs wrongly joined, pairs that say too little, as text.

What belongs here: choosing a handful of each and writing them out. They are of a seed that rules are tuned on, never
of those that are reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from benchmarks.matching.ceiling import Ceiling
from benchmarks.matching.generator import COLUMNS, Labelled
from benchmarks.matching.trials import Outcome
from benchmarks.page import Table

_HANDFUL = 8
_HEADER = ("", "one row", "other row", "what befell them")
Case = tuple[str, int, int]


def confusion_table(leads: Sequence[Labelled], outcome: Outcome, limit: Ceiling) -> Table:
    """Missed and wrongly joined pairs, a handful of each, of as many kinds as can be; and some bare ones."""
    bare = set(limit.bare)
    missed = [case for case in _missed(leads, outcome) if case[1:] not in bare]
    cases = [*_varied(leads, missed), *_varied(leads, _wrong(leads, outcome))]
    cases += [("says too little", a, b) for a, b in limit.bare[:3]]
    lines = [[what, written(leads[a]), written(leads[b]), _kinds(leads, a, b)] for what, a, b in cases]
    return Table(_HEADER, lines, words=True)


def _missed(leads: Sequence[Labelled], outcome: Outcome) -> Iterator[Case]:
    asked = {frozenset(pair) for pair in outcome.reviews}
    for a, b in _pairs(lead.person for lead in leads):
        if outcome.clusters[a] != outcome.clusters[b]:
            yield "asked" if frozenset((a, b)) in asked else "missed", a, b


def _wrong(leads: Sequence[Labelled], outcome: Outcome) -> Iterator[Case]:
    for a, b in _pairs(outcome.clusters):
        if leads[a].person != leads[b].person:
            yield "wrongly joined", a, b


def _pairs(groups: Iterable[int]) -> Iterator[tuple[int, int]]:
    rows = defaultdict(list)
    for row, group in enumerate(groups):
        rows[group].append(row)
    for members in rows.values():
        yield from combinations(members, 2)


def _varied(leads: Sequence[Labelled], cases: Iterable[Case]) -> list[Case]:
    """Those first in which something shows that does not in the ones before; fewest corruptions first."""
    chosen: list[Case] = []
    seen: set[str] = set()
    for case in sorted(cases, key=lambda case: (len(_befell(leads, case)), case[1:])):
        if len(chosen) < _HANDFUL and (fresh := _befell(leads, case) - seen):
            chosen.append(case)
            seen |= fresh
    return chosen


def _befell(leads: Sequence[Labelled], case: Case) -> frozenset[str]:
    one, other = leads[case[1]], leads[case[2]]
    negatives = frozenset(filter(None, (one.hard_negative, other.hard_negative)))
    return one.corruptions | other.corruptions | (negatives if one.person != other.person else frozenset())


def _kinds(leads: Sequence[Labelled], a: int, b: int) -> str:
    return "; ".join(sorted(_befell(leads, ("", a, b))))


def written(lead: Labelled) -> str:
    """A row on one line, for a table in Markdown."""
    fields = {**lead.row.fields, "linkedin_url": lead.row.fields.get("linkedin_url", "").partition(".com/")[2]}
    return " · ".join(text.replace("|", "/") for column in COLUMNS if (text := fields.get(column, "")))
