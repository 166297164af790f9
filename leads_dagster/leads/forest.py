"""A union-find that knows what its records contradict.

What belongs here: joining two trees of records, or refusing to. In which order that is tried is `clustering`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain, combinations, islice, product, starmap

from leads_dagster.leads.aspects import COMPANY, aspect_values
from leads_dagster.leads.evidence import offices_contradict
from leads_dagster.leads.match_edges import Thresholds
from leads_dagster.leads.match_features import PersonName
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.name_differences import NameDifferences
from leads_dagster.leads.personal_evidence import days_differ

_NOTHING: frozenset[str] = frozenset()
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


@dataclass(slots=True)
class _Tree:
    """What the records of one tree say that others may contradict.

    Attributes:
        members: ids.
        profiles: LinkedIn slugs; more than one only by a decision.
        days: birth dates; those of one person are nearly the same.
        names: distinct names by their key. givens: their given names and numbers. generations: theirs.
        offices: records of companies, one of each that say the same.
        apart: records that a decision keeps apart from a member.
        decided: whether a person joined what contradicts: it may then go by several names.
        guarded, at_home: see `Homes`: guarded leads, and whether there is a record of another one.
    """

    members: list[int]
    profiles: frozenset[str]
    days: frozenset[str]
    names: dict[str, PersonName]
    givens: set[tuple[str, str]]
    generations: set[str]
    offices: dict[str, MatchRecord]
    apart: frozenset[int]
    guarded: frozenset[str] = _NOTHING
    at_home: bool = False
    decided: bool = False

    def absorb(self, other: _Tree, *, overruled: bool) -> None:
        self.members += other.members
        self.profiles |= other.profiles
        self.days |= other.days
        self.names |= other.names
        self.givens |= other.givens
        self.generations |= other.generations
        self.offices |= other.offices
        self.apart |= other.apart
        self.guarded |= other.guarded
        self.at_home = self.at_home or other.at_home
        self.decided = self.decided or other.decided or overruled


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
        self._trees: dict[int, _Tree] = {}
        self._apart: dict[int, set[int]] = {}
        for pair in not_same:
            for member in pair:
                self._apart.setdefault(member, set()).update(pair - {member})
        self._homes = homes
        self._differences = NameDifferences(thresholds)

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
        if _kept_apart(left, right) or _kept_apart(right, left):
            return False
        if not by_decision and (_unasked(left, right) or _unasked(right, left)):
            return False
        contradict = self._contradict(left, right, by_profile=by_profile, beyond_days=beyond_days)
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

    def _tree(self, root: int) -> _Tree:
        if (known := self._trees.get(root)) is not None:
            return known
        return self._trees.setdefault(root, self._planted(self._records[root]))

    def _planted(self, record: MatchRecord) -> _Tree:
        name = record.name
        return _Tree(
            members=[record.id],
            profiles=frozenset((record.slug,)) if record.slug else _NOTHING,
            days=frozenset((record.born,)) if record.born else _NOTHING,
            names={name.key: name} if name.key else {},
            givens={(name.given, name.digits)} if name.key else set(),
            generations={name.generation} if name.key else set(),
            offices=dict.fromkeys(aspect_values(record, COMPANY).values(), record) if record.kind == "company" else {},
            apart=frozenset(self._apart.get(record.id, ())),
            guarded=frozenset((home,)) if (home := self._homes.guarded.get(record.id)) else _NOTHING,
            at_home=record.id in self._homes.others,
        )

    def _contradict(self, left: _Tree, right: _Tree, *, by_profile: bool, beyond_days: bool) -> bool:
        decided = left.decided or right.decided
        if left.profiles and right.profiles and left.profiles.isdisjoint(right.profiles):
            return True
        born_apart = not beyond_days and _born_apart(left, right, decided=decided)
        if born_apart or _offices_clash(left, right, decided=decided):
            return True
        if by_profile:
            names = product(left.names.values(), right.names.values())
            return _clash(starmap(self._differences.wholly_differ, names), decided=decided)
        if _generations_differ(left, right):
            return True
        return not _of_one_given_name(left, right) and _clash(self._names_differ(left, right), decided=decided)

    def _names_differ(self, left: _Tree, right: _Tree) -> Iterator[bool]:
        """Of each name beside each name of the other tree; a few at first, since one is often enough."""
        names, several = product(left.names.values(), right.names.values()), _FEW_NAMES
        while pairs := list(islice(names, several)):
            self._differences.compare(pairs)
            yield from (self._persons(*pair, left, right) for pair in pairs)
            several *= several

    def foresee(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Compare the names of trees together that are soon to be joined: many at once take little longer than two.

        Args:
            pairs: two records each, whose trees are meant.
        """
        roots = sorted({(self.tree(one), self.tree(other)) for one, other in pairs})
        trees = [(self._tree(one), self._tree(other)) for one, other in roots if one != other]
        trees = [(left, right) for left, right in trees if not _of_one_given_name(left, right)]
        self._differences.compare(_soon_beside(trees))

    def _persons(self, one: PersonName, other: PersonName, left: _Tree, right: _Tree) -> bool:
        """Whether two names in two trees are two persons'."""
        known = self._differences
        return known.differ(one, other) and not known.by_a_slip(one, other, left.names, right.names)


def _of_one_given_name(left: _Tree, right: _Tree) -> bool:
    """Whether no two of the names in two trees differ, since all have one given name."""
    return len(left.givens) == 1 and left.givens == right.givens


def _soon_beside(trees: Sequence[tuple[_Tree, _Tree]]) -> Iterator[tuple[PersonName, PersonName]]:
    """Each name of trees that may become one beside each other, unless they are many."""
    of_first = {tree.members[0]: tree for pair in trees for tree in pair}
    many: set[int] = set()
    for group in _hanging_together([(left.members[0], right.members[0]) for left, right in trees]):
        if sum(len(of_first[first].names) for first in group) > _NAMES_OF_A_GROUP:
            many.update(group)
        else:
            yield from combinations(chain.from_iterable(of_first[first].names.values() for first in group), 2)
    for left, right in trees:
        if left.members[0] in many and len(left.names) * len(right.names) <= _NAMES_OF_TWO:
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


def _kept_apart(left: _Tree, right: _Tree) -> bool:
    return bool(left.apart) and not left.apart.isdisjoint(right.members)


def _unasked(left: _Tree, right: _Tree) -> bool:
    """Whether to join them would join a guarded lead with another one."""
    return bool(left.guarded) and (right.at_home or not right.guarded <= left.guarded)


def _clash(contradictions: Iterable[bool], *, decided: bool) -> bool:
    """Whether pairs of names or offices keep two trees apart: one that contradicts does; but where a person joined what
    contradicts, one that does not is enough to belong."""
    if not decided:
        return any(contradictions)
    found = list(contradictions)
    return bool(found) and all(found)


def _born_apart(left: _Tree, right: _Tree, *, decided: bool) -> bool:
    """Two birth dates, unless one is said on both sides."""
    if not left.days.isdisjoint(right.days):
        return False
    return _clash(starmap(days_differ, product(left.days, right.days)), decided=decided)


def _offices_clash(left: _Tree, right: _Tree, *, decided: bool) -> bool:
    """A company and a person, or two offices."""
    if bool(left.offices) != bool(right.offices) and not decided:
        return True
    offices = product(left.offices.values(), right.offices.values())
    return _clash(starmap(offices_contradict, offices), decided=decided)


def _generations_differ(left: _Tree, right: _Tree) -> bool:
    """Father and son: two generations, or one that all of one side's names give and none of the other's."""
    if not left.names or not right.names:
        return False
    return left.generations.isdisjoint(right.generations)
