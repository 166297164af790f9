"""What one customer's people taught the matcher: companies of two names, given names of one person.

What belongs here: the value that matching takes, and how it comes of pairs of names. Where they are kept, and how they
are learned, is the store's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import xxhash


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """Names that count as another one.

    Attributes:
        companies: folded company name (`CompanyName.key`) -> the folded name that it counts as.
        given_names: folded given name (`PersonName.given`) -> the one that it counts as.
    """

    companies: Mapping[str, str] = field(default_factory=dict)
    given_names: Mapping[str, str] = field(default_factory=dict)


NO_KNOWLEDGE = Knowledge()


def knowledge_of(companies: Iterable[tuple[str, str]], given_names: Iterable[tuple[str, str]]) -> Knowledge:
    """What pairs of folded names that count as one come to, whatever the order in which they were learned.

    All names that hang together count as one of them: of companies the longest, which has the most to be compared by;
    of given names one that has nicknames of its own, so that none of those is lost, else the shortest.
    """
    from leads_dagster.leads.match_features import nickname_table

    known = nickname_table().numbers
    return Knowledge(
        companies=_counting_as(companies, lambda name: (-len(name), name)),
        given_names=_counting_as(given_names, lambda name: (name not in known, len(name), name)),
    )


def counting_otherwise(before: Knowledge, after: Knowledge) -> tuple[set[str], set[str]]:
    """Folded company and given names that count as another one after than before."""
    return _otherwise(before.companies, after.companies), _otherwise(before.given_names, after.given_names)


def _otherwise(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name, name) != after.get(name, name)}


def digest(knowledge: Knowledge) -> str:
    """What tells that something else is known: equal for equal knowledge; "" for none."""
    if not knowledge.companies and not knowledge.given_names:
        return ""
    told = repr((sorted(knowledge.companies.items()), sorted(knowledge.given_names.items())))
    return xxhash.xxh3_128_hexdigest(told.encode("utf-8", "surrogatepass"))


def _counting_as(pairs: Iterable[tuple[str, str]], preference: Callable[[str], tuple[object, ...]]) -> dict[str, str]:
    """Each name -> the one of its group that sorts first; those that stand for themselves are left out."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        neighbours[one].add(other)
        neighbours[other].add(one)
    found: dict[str, str] = {}
    for name in neighbours:
        if name not in found:
            group = _hanging_together(name, neighbours)
            found.update(dict.fromkeys(group, min(group, key=preference)))
    return {name: other for name, other in found.items() if name != other}


def _hanging_together(name: str, neighbours: Mapping[str, Collection[str]]) -> set[str]:
    group: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in group:
            group.add(one)
            waiting += neighbours[one]
    return group
