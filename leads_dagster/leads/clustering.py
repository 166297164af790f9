"""From edges to leads: which records are one lead, without joining what contradicts.

What belongs here: clusters and the order in which edges make them. Rules about pairs are in `evidence`.

Edges are taken strongest first (decisions, then by rule, score and content), and a union is refused when any record of
one side contradicts any of the other: two LinkedIn profiles, two generations of a name, two different persons at one
mailbox, two offices of a company, a decision that they are not the same. So no chain of matches joins what a single
pair would keep apart. An edge speaks for its aspect, not for its two records: all records with the same aspect are
joined, or refused, alike. The result depends on the records and decisions alone, and a connected component gives by
itself what it gives within the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain

from leads_dagster.leads.aspects import (
    ASPECTS,
    FACTS,
    MAILBOX,
    NAME_COMPANY,
    PHONE,
    PHONE_PROFILE,
    PROFILE,
    ROLE_MAILBOX,
    Aspect,
    aspect_values,
)
from leads_dagster.leads.edges import ASPECT_NAMES
from leads_dagster.leads.evidence import RULE_OF_ASPECT
from leads_dagster.leads.forest import NO_HOMES, Forest, Homes
from leads_dagster.leads.many_objects import without_collecting
from leads_dagster.leads.match_edges import DEFAULT_THRESHOLDS, RULES, Edge, Thresholds
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.personal_evidence import days_differ

_ASPECT_OF_NAME: dict[str, Aspect] = {name: aspect for aspect, name in ASPECT_NAMES.items()}
_RANKS = {aspect: RULES.index(rule) for aspect, rule in RULE_OF_ASPECT.items()}


# Events whose names are compared together.
_FORESEEN = 30

# Aspects that match only where the names do not speak against it.
_BY_NAME = frozenset({MAILBOX, ROLE_MAILBOX, PHONE, PHONE_PROFILE, NAME_COMPANY, PROFILE, FACTS})


@dataclass(frozen=True, slots=True)
class Cluster:
    """Records that are one lead.

    Attributes:
        members: record ids in content-hash order.
        edges: those that joined them, one fewer than members, in the order in which they did.
    """

    members: tuple[int, ...]
    edges: tuple[Edge, ...] = ()


@without_collecting()
def cluster(
    records: Sequence[MatchRecord],
    edges: Sequence[Edge],
    *,
    same: Set[frozenset[int]] = frozenset(),
    not_same: Set[frozenset[int]] = frozenset(),
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    homes: Homes = NO_HOMES,
) -> list[Cluster]:
    """Every record in exactly one cluster, in content-hash order of their first members.

    Args:
        records: a whole population, or any set closed under match edges and `same` decisions.
        edges: from `match_all` or `match_new`; only matches join, and edges to records not given are left aside.
        same: pairs that a person called one lead; they join first, whatever else contradicts.
        not_same: pairs that a person keeps apart; they win over everything.
        thresholds: those that the edges were made with.
        homes: leads that are joined by decisions only.
    """
    forest = Forest(records, not_same, thresholds, homes)
    unions = [edge for edge in _decision_edges(same, forest) if forest.join(edge.a, edge.b, by_decision=True)]
    matches = {(edge.a, edge.b): edge for edge in edges if edge.outcome == "match" and forest.has(edge.a, edge.b)}
    _note_names(matches.values(), forest)
    pairs, others = _apart(matches, {member for pair in same for member in pair})
    unions += [edge for edge in pairs if _join_pair(edge, forest)]
    events = _events(others, forest)
    sharing = _sharing(events, {end for edge in others for end in (edge.a, edge.b)}, forest)
    in_order = list(events)
    for number, (event, edge) in enumerate(events.items()):
        if number % _FORESEEN == 0:
            forest.foresee(_to_be_joined(in_order[number : number + _FORESEEN], sharing))
        unions += [_named(edge, matches, one, other) for one, other in _unions(event, sharing, forest)]
    return _clusters(forest, unions)


# Rank of the rule, score below zero, and two values of an aspect: all records with the one are to be joined with all
# that have the other. Sorted, the order in which that is done.
_Event = tuple[int, float, str, str]


def _decision_edges(same: Set[frozenset[int]], forest: Forest) -> Iterator[Edge]:
    """One edge for each pair that a person joined and that is here, in content order."""
    pairs = [sorted(pair, key=forest.rank) for pair in same if len(pair) > 1 and forest.has(*pair)]
    for one, other in sorted(pairs, key=lambda pair: [forest.rank(member) for member in pair]):
        explanation = {"rule": "A person said that they are the same lead."}
        yield Edge(min(one, other), max(one, other), "match", "decision", 1.0, explanation)


def _note_names(matches: Iterable[Edge], forest: Forest) -> None:
    """What the edges tell of two names."""
    for edge in matches:
        for aspect, _ in _matching_aspects(edge):
            if aspect in _BY_NAME:
                forest.note_alike(edge.a, edge.b)
            elif RULE_OF_ASPECT[aspect] == "linkedin":
                forest.note_one_profile(edge.a, edge.b)


def _apart(matches: Mapping[tuple[int, int], Edge], decided: Set[int]) -> tuple[list[Edge], list[Edge]]:
    """Edges of two records that hang together with no other, and the other edges."""
    count = Counter(chain.from_iterable(matches))
    count.update(decided)
    pairs: list[Edge] = []
    others: list[Edge] = []
    for (one, other), edge in matches.items():
        (pairs if count[one] == count[other] == 1 else others).append(edge)
    return pairs, others


def _join_pair(edge: Edge, forest: Forest) -> bool:
    """Join two records of which no third has anything to say, by whichever aspect does; whether that was possible."""
    one, other = forest.record(edge.a), forest.record(edge.b)
    for aspect, _ in sorted(_matching_aspects(edge), key=lambda item: _RANKS[item[0]]):
        by_profile = RULE_OF_ASPECT[aspect] == "linkedin"
        beyond_days = by_profile or (aspect == FACTS and days_differ(one.born, other.born))
        told = next(_lifted(aspect, one, other), None) is not None
        if told and forest.join(edge.a, edge.b, by_profile=by_profile, beyond_days=beyond_days):
            return True
    return False


def _events(matches: Iterable[Edge], forest: Forest) -> dict[_Event, Edge]:
    """What the edges say of aspects, in the order in which it is applied, each with one edge that says it."""
    found: dict[_Event, Edge] = {}
    for edge in matches:
        one, other = forest.record(edge.a), forest.record(edge.b)
        for aspect, score in _matching_aspects(edge):
            for left, right in _lifted(aspect, one, other):
                found.setdefault((_RANKS[aspect], -score, left, right), edge)
    return {event: found[event] for event in sorted(found)}


def _matching_aspects(edge: Edge) -> Iterator[tuple[Aspect, float]]:
    for item in edge.explanation["evidence"]:
        if item["outcome"] == "match":
            yield _ASPECT_OF_NAME[item["aspect"]], item["score"]


def _lifted(aspect: Aspect, one: MatchRecord, other: MatchRecord) -> Iterator[tuple[str, str]]:
    """The values of the aspect by which two records met; of mailboxes and telephones, those that both have."""
    left, right = aspect_values(one, aspect), aspect_values(other, aspect)
    for key, value in left.items():
        if (met := right.get(key)) is not None:
            yield (f"{aspect}{value}", f"{aspect}{met}") if value <= met else (f"{aspect}{met}", f"{aspect}{value}")


def _sharing(events: Iterable[_Event], members: Set[int], forest: Forest) -> dict[str, list[int]]:
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


def _to_be_joined(events: Iterable[_Event], sharing: Mapping[str, Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Records that events speak of, one for each side."""
    for _, _, left, right in events:
        if left != right:
            yield sharing[left][0], sharing[right][0]


def _unions(event: _Event, sharing: dict[str, list[int]], forest: Forest) -> Iterator[tuple[int, int]]:
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


def _named(edge: Edge, matches: dict[tuple[int, int], Edge], one: int, other: int) -> Edge:
    """The edge between the two, or where one of equal aspects stood for them, that one's edge in their name."""
    ends = min(one, other), max(one, other)
    return matches.get(ends) or replace(edge, a=ends[0], b=ends[1])


def _clusters(forest: Forest, unions: Sequence[Edge]) -> list[Cluster]:
    edges: dict[int, list[Edge]] = {}
    for edge in unions:
        edges.setdefault(forest.tree(edge.a), []).append(edge)
    return [Cluster(members, tuple(_edges_of(members, edges, forest))) for members in forest.trees()]


def _edges_of(members: Sequence[int], edges: Mapping[int, Sequence[Edge]], forest: Forest) -> Sequence[Edge]:
    return edges[forest.tree(members[0])] if len(members) > 1 else ()
