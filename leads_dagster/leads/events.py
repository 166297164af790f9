"""Events: what edges say of the values of aspects, and the unions that come of it.

What belongs here: events, their order, and the joining of all records that one speaks of. Clusters
are made of them in `clustering`.

An edge speaks for its aspect, not for its two records: all records with the same aspect are joined, or refused, alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from leads_dagster.leads.aspects import ASPECTS, FACTS, Aspect, aspect_values
from leads_dagster.leads.edges import ASPECT_NAMES
from leads_dagster.leads.evidence import RULE_OF_ASPECT
from leads_dagster.leads.forest import Forest
from leads_dagster.leads.match_edges import RULES, Edge
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.personal_evidence import days_differ

_ASPECT_OF_NAME: dict[str, Aspect] = {name: aspect for aspect, name in ASPECT_NAMES.items()}
RANKS = {aspect: RULES.index(rule) for aspect, rule in RULE_OF_ASPECT.items()}
# Events whose names are compared together.
_FORESEEN = 30

# Rank of the rule, score below zero, and two values of an aspect: all records with the one are to be joined with all
# that have the other. Sorted, the order in which that is done.
Event = tuple[int, float, str, str]


def events_of(matches: Iterable[Edge], forest: Forest) -> dict[Event, Edge]:
    """What the edges say of aspects, in the order in which it is applied, each with one edge that says it."""
    found: dict[Event, Edge] = {}
    for edge in matches:
        one, other = forest.record(edge.a), forest.record(edge.b)
        for aspect, score in matching_aspects(edge):
            for left, right in lifted(aspect, one, other):
                found.setdefault((RANKS[aspect], -score, left, right), edge)
    return {event: found[event] for event in sorted(found)}


def matching_aspects(edge: Edge) -> Iterator[tuple[Aspect, float]]:
    for item in edge.explanation["evidence"]:
        if item["outcome"] == "match":
            yield _ASPECT_OF_NAME[item["aspect"]], item["score"]


def lifted(aspect: Aspect, one: MatchRecord, other: MatchRecord) -> Iterator[tuple[str, str]]:
    """The values of the aspect by which two records met; of mailboxes and telephones, those that both have."""
    left, right = aspect_values(one, aspect), aspect_values(other, aspect)
    for key, value in left.items():
        if (met := right.get(key)) is not None:
            yield (f"{aspect}{value}", f"{aspect}{met}") if value <= met else (f"{aspect}{met}", f"{aspect}{value}")


def records_of(events: Iterable[Event], members: Set[int], forest: Forest) -> dict[str, list[int]]:
    """Value of an aspect -> the records that have it, in content order."""
    sharing: dict[str, list[int]] = {value: [] for _, _, left, right in events for value in (left, right)}
    aspects = [aspect for aspect in ASPECTS if aspect in {value[0] for value in sharing}]
    for member in sorted(members, key=forest.rank):
        record = forest.record(member)
        for aspect in aspects:
            for value in aspect_values(record, aspect).values():
                if (known := sharing.get(f"{aspect}{value}")) is not None:
                    known.append(member)
    return sharing


def foreseen(events: Sequence[Event], sharing: Mapping[str, Sequence[int]], forest: Forest) -> Iterator[Event]:
    """The events in their order; the names of some that come next are compared together."""
    for first in range(0, len(events), _FORESEEN):
        some = events[first : first + _FORESEEN]
        forest.foresee(_to_be_joined(some, sharing))
        yield from some


def _to_be_joined(events: Iterable[Event], sharing: Mapping[str, Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Records that events speak of, one for each side."""
    for _, _, left, right in events:
        if left != right:
            yield sharing[left][0], sharing[right][0]


def unions_of(event: Event, sharing: Mapping[str, Sequence[int]], forest: Forest) -> Iterator[tuple[int, int]]:
    """Join all that the event speaks of; yields the two records by which each union came about."""
    rank, _, left_value, right_value = event
    left = forest.first_of_each_tree(sharing[left_value])
    right = left if left_value == right_value else forest.first_of_each_tree(sharing[right_value])
    if len(left) == len(right) == 1 and forest.tree(left[0]) == forest.tree(right[0]):
        return
    done: set[int] = set()
    by_profile = RULES[rank] == "linkedin"
    weighed = left_value[0] == FACTS
    by_days = forest.dated and not by_profile and not weighed
    partners = _Partners(left, forest, by_days=by_days) if len(left) > 1 else None
    for other in right:
        if forest.tree(other) in done:
            continue
        for one in left if partners is None else partners.of(other):
            days = forest.record(one).born, forest.record(other).born
            beyond_days = by_profile or (weighed and days_differ(*days))
            if forest.join(one, other, by_profile=by_profile, beyond_days=beyond_days):
                yield one, other
        done.add(forest.tree(other))


class _Partners:
    """Records that another may be joined with as far as LinkedIn profiles or birth dates go: no two are tried."""

    def __init__(self, members: Sequence[int], forest: Forest, *, by_days: bool) -> None:
        self._members, self._forest, self._by_days = members, forest, by_days
        self._undated = [member for member in members if not forest.days(member)] if by_days else []
        self._by_half: dict[str, list[int]] = {}
        for member in members if by_days else ():
            for half in _halves(forest.days(member)):
                self._by_half.setdefault(half, []).append(member)
        self._without = [member for member in members if not forest.profiles(member)]
        self._by_profile: dict[str, list[int]] = {}
        for member in members:
            for profile in forest.profiles(member):
                self._by_profile.setdefault(profile, []).append(member)

    def of(self, member: int) -> Sequence[int]:
        profiles = sorted(self._forest.profiles(member))
        if not profiles:
            return self._near(self._forest.days(member)) if self._by_days else self._members
        return [*self._without, *(one for profile in profiles for one in self._by_profile.get(profile, ()))]

    def _near(self, days: Set[str]) -> Sequence[int]:
        if not days:
            return self._members
        near = dict.fromkeys(one for half in sorted(_halves(days)) for one in self._by_half.get(half, ()))
        return [*self._undated, *near]


def _halves(days: Set[str]) -> set[str]:
    """Years, and months with days: nearly the same birth date has one of them in common."""
    return {half for day in days for half in (day[:4], f".{day[4:]}")}
