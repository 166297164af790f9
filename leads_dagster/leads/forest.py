"""A union-find that knows what its records contradict.

What belongs here: joining two trees of records, or refusing to. In which order that is tried is `clustering`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain, combinations, islice, product, starmap
from typing import NamedTuple

from leads_dagster.leads.aspects import COMPANY, aspect_values
from leads_dagster.leads.match_edges import Thresholds
from leads_dagster.leads.match_features import PersonName
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.name_differences import NameDifferences
from leads_dagster.leads.trees import (
    NOTHING,
    Tree,
    born_apart,
    clash,
    generations_differ,
    kept_apart,
    of_one_given_name,
    offices_clash,
    unasked,
)

# Pairs of names that are compared at a time where one that differs is enough.
_FEW_NAMES = 16
# Of trees that may all become one, with no more names than these, each is compared with each ahead of time; of larger
# ones those of two that are joined, if these are no more pairs.
_NAMES_OF_A_GROUP, _NAMES_OF_TWO = 100, 2_000


@dataclass(frozen=True, slots=True)
class Homes:
    """Leads that records are of already, where some of these may not be joined with another but by a decision.

    Attributes:
        guarded: record -> a lead that is joined with no other. others: records of leads that may be joined.
    """

    guarded: Mapping[int, str] = field(default_factory=dict)
    others: Set[int] = frozenset()


NO_HOMES = Homes()


class _Union(NamedTuple):
    """Two trees that are to be joined, the lower root first, and what does not count against it; see `Forest.join`."""

    first: int
    second: int
    by_profile: bool = False
    beyond_days: bool = False


class Forest:
    """Trees of records; at first every record is one.

    Args:
        records: in any order; ids are unique.
        not_same: pairs that must never be in one tree.
        thresholds: what makes two names alike.
        homes: leads that are joined by decisions only.
    """

    def __init__(
        self,
        records: Sequence[MatchRecord],
        not_same: Set[frozenset[int]],
        thresholds: Thresholds,
        homes: Homes = NO_HOMES,
    ) -> None:
        ordered = sorted(records, key=lambda record: (record.content_hash, record.id))
        self._records = {record.id: record for record in ordered}
        self._rank = {record.id: rank for rank, record in enumerate(ordered)}
        self._dated = any(record.facts and record.born for record in ordered)
        self._parent: dict[int, int] = {}
        self._trees: dict[int, Tree] = {}
        self._apart: dict[int, set[int]] = {}
        for pair in not_same:
            for member in pair:
                self._apart.setdefault(member, set()).update(pair - {member})
        self._homes = homes
        self._differences = NameDifferences(thresholds)
        self._contradicting: dict[_Union, int] = {}

    @property
    def dated(self) -> bool:
        """Whether any record gives a birth date."""
        return self._dated

    def has(self, *members: int) -> bool:
        """Whether all of them are here."""
        return all(member in self._records for member in members)

    def record(self, member: int) -> MatchRecord:
        """The record with an id."""
        return self._records[member]

    def rank(self, member: int) -> int:
        """Place in content order; ids decide only between records that say the same."""
        return self._rank[member]

    def tree(self, member: int) -> int:
        """The id that stands for the tree of a record."""
        parent = self._parent
        root = member
        while (above := parent.get(root)) is not None:
            root = above
        while member != root:
            parent[member], member = root, parent[member]
        return root

    def first_of_each_tree(self, members: Sequence[int]) -> Sequence[int]:
        """The first record of each tree among those given."""
        if len(members) == 1:
            return members
        first: dict[int, int] = {}
        for member in members:
            first.setdefault(self.tree(member), member)
        return list(first.values())

    def profiles(self, member: int) -> Set[str]:
        """LinkedIn slugs in the tree of a record."""
        return self._tree(self.tree(member)).profiles

    def days(self, member: int) -> Set[str]:
        """Birth dates in the tree of a record."""
        return self._tree(self.tree(member)).days

    def note_alike(self, one: int, other: int) -> None:
        """Take for known that the names of two records are not two persons': an edge already says so."""
        self._differences.note_alike(self._records[one].name, self._records[other].name)

    def note_one_profile(self, one: int, other: int) -> None:
        """Take for known that the names of two records may be of one profile: an edge already says so."""
        self._differences.note_one_profile(self._records[one].name, self._records[other].name)

    def join(
        self,
        one: int,
        other: int,
        *,
        by_profile: bool = False,
        beyond_days: bool = False,
        by_decision: bool = False,
    ) -> bool:
        """Join the trees of two records unless they contradict; False where nothing changed.

        Args:
            one, other: record ids.
            by_profile: other names do not count (people marry), but for two of which no word fits.
            beyond_days: other birth dates do not count: they were weighed.
            by_decision: only decisions count against it.
        """
        first, second = self.tree(one), self.tree(other)
        if first == second:
            return False
        left, right = self._tree(first), self._tree(second)
        if kept_apart(left, right) or kept_apart(right, left):
            return False
        if not by_decision and (unasked(left, right) or unasked(right, left)):
            return False
        contradict = self._refused(first, second, by_profile=by_profile, beyond_days=beyond_days)
        if contradict and not by_decision:
            return False
        larger, smaller = (first, second) if len(left.members) >= len(right.members) else (second, first)
        self._trees[larger].absorb(self._trees.pop(smaller), overruled=contradict)
        self._parent[smaller] = larger
        return True

    def trees(self) -> list[tuple[int, ...]]:
        """Members of every tree in content order, trees by their first member."""
        joined = {*self._parent, *self._parent.values()}
        trees: list[Sequence[int]] = []
        of_root: dict[int, list[int]] = {}
        for member in self._rank:
            if member not in joined:
                trees.append((member,))
            elif (known := of_root.get(root := self.tree(member))) is not None:
                known.append(member)
            else:
                trees.append(of_root.setdefault(root, [member]))
        return [tuple(tree) for tree in trees]

    def _tree(self, root: int) -> Tree:
        if (known := self._trees.get(root)) is not None:
            return known
        return self._trees.setdefault(root, self._planted(self._records[root]))

    def _planted(self, record: MatchRecord) -> Tree:
        name = record.name
        return Tree(
            members=[record.id],
            profiles=frozenset((record.slug,)) if record.slug else NOTHING,
            days=frozenset((record.born,)) if record.born else NOTHING,
            names={name.key: name} if name.key else {},
            givens={(name.given, name.digits)} if name.key else set(),
            generations={name.generation} if name.key else set(),
            offices=dict.fromkeys(aspect_values(record, COMPANY).values(), record) if record.kind == "company" else {},
            apart=frozenset(self._apart.get(record.id, ())),
            guarded=frozenset((home,)) if (home := self._homes.guarded.get(record.id)) else NOTHING,
            at_home=record.id in self._homes.others,
        )

    def _refused(self, first: int, second: int, *, by_profile: bool, beyond_days: bool) -> bool:
        """Whether two trees contradict; two that did, and have not grown since, still do."""
        union = _Union(min(first, second), max(first, second), by_profile, beyond_days)
        sizes = self._sizes(first, second)
        if self._contradicting.get(union) == sizes:
            return True
        if not self._contradict(self._tree(union.first), self._tree(union.second), union):
            return False
        self._contradicting[union] = sizes
        return True

    def _sizes(self, first: int, second: int) -> int:
        """Of all records in two trees: no less than the two that stand for them have had at any time before."""
        return len(self._tree(first).members) + len(self._tree(second).members)

    def _contradict(self, left: Tree, right: Tree, union: _Union) -> bool:
        decided = left.decided or right.decided
        if left.profiles and right.profiles and left.profiles.isdisjoint(right.profiles):
            return True
        if not union.beyond_days and born_apart(left, right, decided=decided):
            return True
        if offices_clash(left, right, decided=decided):
            return True
        if union.by_profile:
            names = product(left.names.values(), right.names.values())
            return clash(starmap(self._differences.wholly_differ, names), decided=decided)
        if generations_differ(left, right):
            return True
        return not of_one_given_name(left, right) and clash(self._names_differ(left, right), decided=decided)

    def _names_differ(self, left: Tree, right: Tree) -> Iterator[bool]:
        """Of each name beside each name of the other tree; a few at first, since one is often enough."""
        names, several = product(left.names.values(), right.names.values()), _FEW_NAMES
        while pairs := list(islice(names, several)):
            self._differences.compare(pairs)
            yield from (self._persons(*pair, left, right) for pair in pairs)
            several *= several

    def expect(self, members: Iterable[int]) -> None:
        """Take for known that the names of these records are going to be compared."""
        self._differences.expect(self._records[member].name for member in members)

    def foresee(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Compare the names of trees together that are soon to be joined: many at once take little longer than two.

        Args:
            pairs: two records each, whose trees are meant.
        """
        ends = {(self.tree(one), self.tree(other)) for one, other in pairs}
        roots = sorted({(min(two), max(two)) for two in ends if two[0] != two[1]})
        new = [two for two in roots if self._contradicting.get(_Union(*two)) != self._sizes(*two)]
        trees = [(self._tree(one), self._tree(other)) for one, other in new]
        self._differences.compare(_soon_beside([two for two in trees if not of_one_given_name(*two)]))

    def _persons(self, one: PersonName, other: PersonName, left: Tree, right: Tree) -> bool:
        """Whether two names in two trees are two persons'."""
        known = self._differences
        return known.differ(one, other) and not known.by_a_slip(one, other, left.names, right.names)


def _soon_beside(trees: Sequence[tuple[Tree, Tree]]) -> Iterator[tuple[PersonName, PersonName]]:
    """Each name of trees that may become one beside each other, unless they are many."""
    of_first = {tree.members[0]: tree for pair in trees for tree in pair}
    by_twos: set[int] = set()
    for group in _hanging_together([(left.members[0], right.members[0]) for left, right in trees]):
        if sum(len(of_first[first].names) for first in group) > _NAMES_OF_A_GROUP:
            by_twos.update(group)
        else:
            yield from combinations(chain.from_iterable(of_first[first].names.values() for first in group), 2)
    for left, right in trees:
        if left.members[0] in by_twos and len(left.names) * len(right.names) <= _NAMES_OF_TWO:
            yield from product(left.names.values(), right.names.values())


def _hanging_together(pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Groups of those that pairs bring together, however far apart."""
    group_of: dict[int, list[int]] = {}
    for one, other in pairs:
        first, second = group_of.setdefault(one, [one]), group_of.setdefault(other, [other])
        if first is not second:
            larger, smaller = (first, second) if len(first) >= len(second) else (second, first)
            larger += smaller
            group_of.update(dict.fromkeys(smaller, larger))
    return list({id(group): group for group in group_of.values()}.values())
