"""Pairs that say too little: what recall is left when they are given up.

What belongs here: one definition. A true pair is *bare* when its two rows agree in nothing but name, title and place.
That is no more than two namesakes in one town share, who are two people; whoever joins such pairs takes the risk of
joining those. Agreeing is meant generously: a company counts as given again in an acronym, with a typo, or in the
domain of a mailbox; an e-mail with a typo counts as the same. So no matcher is blamed for what it could have read.

Where a row of somebody else even agrees as well in name, title and place, and says nothing against it, nobody could
tell: these are counted beside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from benchmarks.matching.corruption import bare_company
from benchmarks.matching.generator import Labelled
from benchmarks.matching.people import FREE_MAIL, UMLAUTS, WORDS, plain
from benchmarks.matching.scores import score
from benchmarks.matching.union import joined

_NEW_MAILBOX = frozenset({"other e-mail", "job change"})
_KEYS = ("linkedin_url", "phone", "email")
# Every title and place in all its writings -> the first of them.
_FIRST_WRITING = {
    writing: first for part in ("titles", "places") for first, others in WORDS[part].items() for writing in others
}


@dataclass(frozen=True)
class Ceiling:
    """What the rows leave untold.

    Attributes:
        bare: true pairs that agree in nothing but name, title and place.
        impostors: of these, pair -> a row of somebody else that agrees as well.
        share: bare pairs, of all true pairs.
        recall: of one who gives the bare pairs up and finds all others, and what hangs together over them.
    """

    bare: list[tuple[int, int]]
    impostors: dict[tuple[int, int], int]
    share: float
    recall: float


def ceiling(leads: Sequence[Labelled]) -> Ceiling:
    """Find the bare pairs."""
    true = [*_true_pairs(leads)]
    bare = {pair for pair in true if _is_bare(leads[pair[0]], leads[pair[1]])}
    told = joined(len(leads), (pair for pair in true if pair not in bare))
    return Ceiling(sorted(bare), _impostors(leads, bare), len(bare) / max(len(true), 1), score(leads, told).recall)


def _true_pairs(leads: Sequence[Labelled]) -> Iterator[tuple[int, int]]:
    rows = defaultdict(list)
    for number, lead in enumerate(leads):
        rows[lead.person].append(number)
    for members in rows.values():
        yield from combinations(members, 2)


def _is_bare(one: Labelled, other: Labelled) -> bool:
    mine, yours = one.row.fields, other.row.fields
    if any(name in mine and mine[name] == yours.get(name) for name in _KEYS):
        return False
    befell = one.corruptions | other.corruptions
    if "email" in mine and "email" in yours and befell.isdisjoint(_NEW_MAILBOX):
        return False
    return not (_tells_company(mine) and _tells_company(yours)) or "job change" in befell


def _tells_company(fields: dict[str, str]) -> bool:
    return "company" in fields or fields.get("email", "@gmail.com").partition("@")[2] not in FREE_MAIL


def _impostors(leads: Sequence[Labelled], pairs: set[tuple[int, int]]) -> dict[tuple[int, int], int]:
    alike = defaultdict(list)
    for number, lead in enumerate(leads):
        alike[_name_title_place(lead)].append(number)
    found = {}
    for a, b in pairs:
        for one, other in ((a, b), (b, a)):
            for c in alike[_name_title_place(leads[one])]:
                if leads[c].person != leads[a].person and _nothing_against(leads[one], leads[c], leads[other]):
                    found[a, b] = c
    return found


def _name_title_place(lead: Labelled) -> tuple[str, ...]:
    fields = lead.row.fields
    name = " ".join(sorted(plain(fields["full_name"].translate(UMLAUTS)).lower().split()))
    return name, *(_FIRST_WRITING.get(fields[part], fields[part]) for part in ("title", "location"))


def _nothing_against(one: Labelled, impostor: Labelled, other: Labelled) -> bool:
    """Whether the impostor differs from the row in nothing but what the other row of the pair differs in too."""
    return _differing(one, impostor) <= _differing(one, other)


def _differing(one: Labelled, other: Labelled) -> set[str]:
    mine, yours = one.row.fields, other.row.fields
    both = [name for name in (*_KEYS, "company") if name in mine and name in yours]
    return {name for name in both if _text(mine, name) != _text(yours, name)}


def _text(fields: dict[str, str], name: str) -> str:
    return bare_company(fields[name]).lower() if name == "company" else fields[name]
