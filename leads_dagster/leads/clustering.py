"""From edges to leads: which records are one lead, without joining what contradicts.

What belongs here: clusters and the order in which edges make them. Rules about pairs are in `evidence`, what edges say
of others with the same aspect in `events`.

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

from leads_dagster.leads.aspects import FACTS, MAILBOX, NAME_COMPANY, PHONE, PHONE_PROFILE, PROFILE, ROLE_MAILBOX
from leads_dagster.leads.events import (
    RANKS,
    events_of,
    foreseen,
    lifted,
    matching_aspects,
    records_of,
    unions_of,
)
from leads_dagster.leads.evidence import RULE_OF_ASPECT
from leads_dagster.leads.forest import NO_HOMES, Forest, Homes
from leads_dagster.leads.many_objects import without_collecting
from leads_dagster.leads.match_edges import DEFAULT_THRESHOLDS, Edge, Thresholds
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.personal_evidence import days_differ

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
    unions += _joined(others, matches, forest)
    return _clusters(forest, unions)


def _decision_edges(same: Set[frozenset[int]], forest: Forest) -> Iterator[Edge]:
    """One edge for each pair that a person joined and that is here, in content order."""
    pairs = [sorted(pair, key=forest.rank) for pair in same if len(pair) > 1 and forest.has(*pair)]
    for one, other in sorted(pairs, key=lambda pair: [forest.rank(member) for member in pair]):
        explanation = {"rule": "A person said that they are the same lead."}
        yield Edge(min(one, other), max(one, other), "match", "decision", 1.0, explanation)


def _note_names(matches: Iterable[Edge], forest: Forest) -> None:
    """What the edges tell of two names."""
    for edge in matches:
        for aspect, _ in matching_aspects(edge):
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
    for aspect, _ in sorted(matching_aspects(edge), key=lambda item: RANKS[item[0]]):
        by_profile = RULE_OF_ASPECT[aspect] == "linkedin"
        beyond_days = by_profile or (aspect == FACTS and days_differ(one.born, other.born))
        told = next(lifted(aspect, one, other), None) is not None
        if told and forest.join(edge.a, edge.b, by_profile=by_profile, beyond_days=beyond_days):
            return True
    return False


def _joined(edges: Sequence[Edge], matches: Mapping[tuple[int, int], Edge], forest: Forest) -> list[Edge]:
    """Join what edges say; those that joined two."""
    members = {end for edge in edges for end in (edge.a, edge.b)}
    forest.expect(members)
    events = events_of(edges, forest)
    sharing = records_of(events, members, forest)
    return [
        _named(events[event], matches, one, other)
        for event in foreseen(list(events), sharing, forest)
        for one, other in unions_of(event, sharing, forest)
    ]


def _named(edge: Edge, matches: Mapping[tuple[int, int], Edge], one: int, other: int) -> Edge:
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
