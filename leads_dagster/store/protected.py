"""Leads that somebody edited are not joined or split unasked: the cluster stays as the lead is, and a person is asked.

What belongs here: which clusters that concerns, and what they are instead. How the question is kept is `questions`'
business; that a person joins or parts leads by a decision is not unasked.

Everything here is a function of the records, what people edited and decided, and the leads as they stand, so the same
state gives the same leads and the same questions at every cycle. Most resolutions join and split nothing that exists;
then nothing is asked of the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import product

from sqlalchemy import Connection

from leads_dagster.leads.clustering import Cluster, cluster
from leads_dagster.leads.forest import Homes
from leads_dagster.leads.matching import Edge, MatchRecord, Thresholds
from leads_dagster.store import claim_rows, decisions, lead_rows, records
from leads_dagster.store.disjoint import DisjointSets
from leads_dagster.store.pair_decisions import Pair, PairDecisions
from leads_dagster.store.questions import Question


@dataclass(frozen=True, slots=True)
class Scene:
    """What was clustered, and how things stand.

    Attributes:
        sides: records by id. edges: among them, as found. lead_of: record -> its lead before, if any.
        same, not_same: pairs that people joined, and kept apart. said: everything that people said of pairs.
        leaving: records that are about to be taken out.
    """

    connection: Connection
    sides: Mapping[int, MatchRecord]
    edges: Sequence[Edge]
    lead_of: Mapping[int, str | None]
    same: Set[Pair]
    not_same: Set[Pair]
    said: PairDecisions
    thresholds: Thresholds
    leaving: Set[int] = field(default_factory=set)


def guarded(scene: Scene, clusters: list[Cluster]) -> tuple[list[Cluster], list[Question]]:
    """The clusters as they may be without asking, and what is to be asked."""
    undone = _Undone.of(scene)
    moving = _moving(scene, clusters) | _homes_of(scene, undone.records)
    edited = edited_leads(scene.connection, moving, without=scene.leaving)
    if not edited:
        return clusters, []
    affected = _hanging_together(scene, edited, undone.together)
    edited = edited_leads(scene.connection, _homes_of(scene, affected), without=scene.leaving)
    held = _Held(scene, affected, edited, undone)
    again = held.clusters()
    rest = [one for one in clusters if one.members[0] not in affected]
    natural = [one for one in clusters if one.members[0] in affected]
    return [*rest, *again], list(_questions(natural, again, held))


@dataclass(frozen=True, slots=True)
class _Undone:
    """Answers that were taken back and nothing else was said since: things are as they were before them.

    Attributes:
        apart: pairs of two leads that an answer had joined. together: pairs of one lead that an answer had split.
        joinable: pairs of two leads that an undone merge had parted.
    """

    apart: Set[Pair]
    together: Set[Pair]
    joinable: Set[Pair]

    @classmethod
    def of(cls, scene: Scene) -> _Undone:
        apart, together, joinable = set[Pair](), set[Pair](), set[Pair]()
        for one in scene.said.taken_back():
            pairs = set(one.pairs(scene.sides)) - scene.same - scene.not_same
            if one.verdict == "same":
                apart |= set() if one.of_split else pairs
            elif one.asked is None:
                joinable |= pairs
            elif one.of_split:
                together |= pairs
        return cls(apart, together, joinable)

    @property
    def records(self) -> set[int]:
        """Those that answers had moved."""
        return {record for pair in self.apart | self.together for record in pair}


def edited_leads(connection: Connection, leads: Iterable[str], *, without: Set[int] = frozenset()) -> set[str]:
    """Those of these leads that somebody edited, or one that lives on in them: by hand, or by the lead's id."""
    asked = sorted(set(leads))
    merged = lead_rows.forebears(connection, asked)
    family = [*asked, *(merged.keys() - set(asked))]
    edits = {edit: lead for edit, lead in records.edits_of(connection, family).items() if edit not in without}
    telling = {edits[claim.record_id] for claim in claim_rows.claims_of(connection, sorted(edits))}
    touched = telling | {lead for lead, found in decisions.overrides_of(connection, family).items() if found}
    return {_standing(lead, merged) for lead in touched} & set(asked)


def _standing(lead: str, merged: Mapping[str, str]) -> str:
    while lead in merged:
        lead = merged[lead]
    return lead


def _moving(scene: Scene, clusters: Sequence[Cluster]) -> set[str]:
    """Leads that these clusters would join or split."""
    found: set[str] = set()
    seen: set[str] = set()
    for one in clusters:
        homes = _homes_of(scene, one.members)
        found |= homes if len(homes) > 1 else homes & seen
        seen |= homes
    return found


def _hanging_together(scene: Scene, leads: Set[str], together: Set[Pair]) -> set[int]:
    """All records that matches, decisions or leads connect with those of these leads."""
    sets: DisjointSets[int] = DisjointSets()
    first: dict[str, int] = {}
    for record in scene.sides:
        sets.name_of(record)
        if (lead := scene.lead_of.get(record)) is not None:
            sets.link(first.setdefault(lead, record), record)
    for pair in (*scene.same, *together):
        sets.link(*pair)
    for edge in scene.edges:
        if edge.outcome == "match":
            sets.link(edge.a, edge.b)
    wanted = {sets.name_of(first[lead]) for lead in leads}
    return {record for record in scene.sides if sets.name_of(record) in wanted}


def _homes_of(scene: Scene, members: Iterable[int]) -> set[str]:
    return {lead for record in members if (lead := scene.lead_of.get(record)) is not None}


class _Held:
    """The leads that hang together with edited ones, held as they are.

    Attributes:
        guarded: record -> what names the leads that it may be joined with unasked.
        oldest: the oldest record of each lead that is kept whole. whole: pairs that keep the edited leads whole.
    """

    def __init__(self, scene: Scene, members: Set[int], edited: Set[str], undone: _Undone) -> None:
        self._scene, self._members, self._edited, self._undone = scene, members, edited, undone
        self._apart = scene.not_same | undone.apart
        self._same = {pair for pair in scene.same if pair <= members}
        self.whole = {pair for pair in undone.together if _homes_of(scene, pair) & edited}
        self.guarded: dict[int, str] = {}
        self.oldest: list[int] = []
        self._others = self._hold()

    def clusters(self) -> list[Cluster]:
        """Who is who among them, without joining or splitting what is edited."""
        scene = self._scene
        sides = [side for record, side in scene.sides.items() if record in self._members]
        edges = [edge for edge in scene.edges if edge.a in self._members]
        homes = Homes(self.guarded, self._others)
        same = self._same | self.whole
        return cluster(sides, edges, same=same, not_same=self._apart, thresholds=scene.thresholds, homes=homes)

    def _hold(self) -> set[int]:
        """Guards the leads, and gives the records of those that need no guard."""
        rows: dict[str, list[int]] = {}
        for record in sorted(self._members):
            if (lead := self._scene.lead_of.get(record)) is not None:
                rows.setdefault(lead, []).append(record)
        joined = self._joined_by_people()
        names = {joined.name_of(lead) for lead in self._edited}
        for lead, mine in rows.items():
            name = joined.name_of(lead)
            if lead in self._edited:
                self._keep_whole(mine, name)
            elif name in names:
                self.guarded.update(dict.fromkeys(mine, name))
        return {record for mine in rows.values() for record in mine} - self.guarded.keys()

    def _joined_by_people(self) -> DisjointSets[str]:
        """Leads that a person joined, or let join again."""
        sets: DisjointSets[str] = DisjointSets()
        for pair in self._same | self._undone.joinable | self.whole:
            sets.link(*sorted(_homes_of(self._scene, pair)))
        return sets

    def _keep_whole(self, mine: Sequence[int], name: str) -> None:
        """Hold together what stays with a lead's oldest record: all but the records that a person parted from it.

        A lead that an answer had joined to it, and that is taken back, is held as it was before.
        """
        kept = self._reached(mine)
        self._keep(kept, name)
        left = [one for one in mine if one not in kept]
        while left:
            part = self._reached(left)
            if any(frozenset(pair) in self._undone.apart for pair in product(part, kept)):
                self._keep(part, f"{name}, once {left[0]}")
            left = [one for one in left if one not in part]

    def _keep(self, group: Mapping[int, int], name: str) -> None:
        self.oldest.append(next(iter(group)))
        self.guarded.update(dict.fromkeys(group, name))
        self.whole.update(frozenset(tie) for tie in group.items() if tie[0] != tie[1])

    def _reached(self, rows: Sequence[int]) -> dict[int, int]:
        """What nobody parted from the first of these, by any way through the others: each -> by way of which."""
        among = set(rows)
        parted = {pair for pair in self._apart if pair <= among}
        way, left, frontier = {rows[0]: rows[0]}, list(rows[1:]), [rows[0]]
        for center in frontier:  # it grows on the way
            near = [one for one in left if frozenset((center, one)) not in parted]
            way.update(dict.fromkeys(near, center))
            frontier += near
            left = [one for one in left if frozenset((center, one)) in parted]
        return way


def _questions(natural: Sequence[Cluster], again: Sequence[Cluster], held: _Held) -> Iterator[Question]:
    """What the clusters would have been, where they are held: edges that join nothing, parts that do not part."""
    now = {record: number for number, one in enumerate(again) for record in one.members}
    then = {record: number for number, one in enumerate(natural) for record in one.members}
    guarded_ones = {now[record] for record in held.guarded}
    seen: set[frozenset[int]] = set()
    for edge in (edge for one in natural for edge in one.edges):
        pair = frozenset((now[edge.a], now[edge.b]))
        if len(pair) > 1 and pair not in seen and not pair.isdisjoint(guarded_ones):
            seen.add(pair)
            yield Question(edge.a, edge.b, "join", edge)
    for oldest in sorted(held.oldest):
        yield from _splits(oldest, again[now[oldest]].members, then)


def _splits(oldest: int, members: Sequence[int], then: Mapping[int, int]) -> Iterator[Question]:
    """One question for every part of a lead that would not be with its oldest record."""
    parts: dict[int, list[int]] = {}
    for record in sorted(members):
        parts.setdefault(then[record], []).append(record)
    for part, mine in parts.items():
        if part == then[oldest]:
            continue
        rest = tuple(record for record in sorted(members) if then[record] != part)
        if oldest < mine[0]:
            yield Question(oldest, mine[0], "split", sides=(rest, tuple(mine)))
        else:
            yield Question(mine[0], oldest, "split", sides=(tuple(mine), rest))
