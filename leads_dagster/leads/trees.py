"""Trees of records that are one lead, and what keeps two of them apart.

What belongs here: what the records of a tree say together, and contradictions that need no look at names. Names are
compared in `name_differences`; joining is `forest`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product, starmap

from leads_dagster.leads.evidence import offices_contradict
from leads_dagster.leads.match_features import PersonName
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.personal_evidence import days_differ

NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True)
class Tree:
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
    guarded: frozenset[str] = NOTHING
    at_home: bool = False
    decided: bool = False

    def absorb(self, other: Tree, *, overruled: bool) -> None:
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


def of_one_given_name(left: Tree, right: Tree) -> bool:
    """Whether no two of the names in two trees differ, since all have one given name."""
    return len(left.givens) == 1 and left.givens == right.givens


def kept_apart(left: Tree, right: Tree) -> bool:
    return bool(left.apart) and not left.apart.isdisjoint(right.members)


def unasked(left: Tree, right: Tree) -> bool:
    """Whether to join them would join a guarded lead with another one."""
    return bool(left.guarded) and (right.at_home or not right.guarded <= left.guarded)


def clash(contradictions: Iterable[bool], *, decided: bool) -> bool:
    """Whether pairs of names or offices keep two trees apart: one that contradicts does; but where a person joined what
    contradicts, one that does not is enough to belong."""
    if not decided:
        return any(contradictions)
    found = list(contradictions)
    return bool(found) and all(found)


def born_apart(left: Tree, right: Tree, *, decided: bool) -> bool:
    """Two birth dates, unless one is said on both sides."""
    if not left.days.isdisjoint(right.days):
        return False
    return clash(starmap(days_differ, product(left.days, right.days)), decided=decided)


def offices_clash(left: Tree, right: Tree, *, decided: bool) -> bool:
    """A company and a person, or two offices."""
    if bool(left.offices) != bool(right.offices) and not decided:
        return True
    offices = product(left.offices.values(), right.offices.values())
    return clash(starmap(offices_contradict, offices), decided=decided)


def generations_differ(left: Tree, right: Tree) -> bool:
    """Father and son: two generations, or one that all of one side's names give and none of the other's."""
    if not left.names or not right.names:
        return False
    return left.generations.isdisjoint(right.generations)
