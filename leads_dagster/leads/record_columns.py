"""Records as columns of numbers, so that many are compared at once: equal texts are equal numbers, "" is 0.

What belongs here: numbering what records say. What it means is the business of those who read the columns.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from leads_dagster.leads.match_features import CompanyName, PersonName
from leads_dagster.leads.match_record import MatchRecord

Indexes = NDArray[np.int64]
Flags = NDArray[np.bool_]


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


_K = TypeVar("_K", bound=_Keyed)
# Products of numbers stay below this; a larger one is numbered anew.
_ROOM = 1 << 62


@dataclass(frozen=True, slots=True)
class Said:
    """What records say of something that each may have several of.

    Attributes:
        owners: positions of records, ascending.
        numbers: what they say.
    """

    owners: Indexes
    numbers: Indexes

    def of(self, records: Flags) -> Said:
        """What some of the records say."""
        keep = records[self.owners]
        return Said(self.owners[keep], self.numbers[keep])


@dataclass(frozen=True, slots=True)
class Coded:
    """Readings of many records as columns: whose, which, and whether it is a guest's."""

    places: Indexes
    codes: Indexes
    guests: NDArray[np.int8]


class Words:
    """The words of many names, or of what else has words, numbered together; "" is 0.

    Attributes:
        texts: the distinct words.
        numbers: name of a column -> of every name the number of its word.
    """

    def __init__(self, names: Sequence[object], columns: Sequence[str]) -> None:
        known: dict[str, int] = {"": 0}
        self.numbers = {
            column: np.array([known.setdefault(getattr(name, column), len(known)) for name in names], dtype=np.int64)
            for column in columns
        }
        self.texts = list(known)


WORDS_OF_NAME = ("given", "family", "second", "before_last")


class RecordColumns:
    """What is compared of many records.

    Attributes:
        records: in the order of the columns.
        names, companies: distinct ones by their key.
        name_of, company_of: of each record the place of its own among them.
        slug, title, born, inferred: numbers of what each record says.
        place: the same of the first word of its place.
        has_name, has_company: whether it gives one.
    """

    def __init__(self, records: Sequence[MatchRecord]) -> None:
        self.records = records
        self.names: list[PersonName]
        self.companies: list[CompanyName]
        self.names, self.name_of = _distinct([record.name for record in records])
        self.companies, self.company_of = _distinct([record.company for record in records])
        self.slug = numbered([record.slug for record in records])
        self.title = numbered([record.title for record in records])
        self.place = numbered([record.place[0] if record.place else "" for record in records])
        self.born = numbered([record.born if record.facts else "" for record in records])
        self.inferred = numbered([record.inferred for record in records])
        self.has_name = np.array([bool(name.key) for name in self.names], dtype=np.bool_)[self.name_of]
        self.has_company = np.array([bool(one.key) for one in self.companies], dtype=np.bool_)[self.company_of]

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def employer(self) -> Indexes:
        """A number for all that is compared of a record's company."""
        return combined(self.company_of, self.inferred)

    @cached_property
    def words(self) -> Words:
        """The words of the names."""
        return Words(self.names, WORDS_OF_NAME)

    def mailboxes(self) -> Said:
        """The personal mailboxes of the records."""
        return _said([record.mailboxes for record in self.records])

    def role_mailboxes(self) -> Said:
        """The mailboxes of tasks that the records of persons give."""
        nothing: tuple[str, ...] = ()
        return _said([nothing if record.kind == "company" else record.role_mailboxes for record in self.records])

    def phones(self) -> Said:
        """The telephones of the records."""
        return _said([record.phones for record in self.records])


def combined(first: Indexes, *others: Indexes) -> Indexes:
    """One number for several: equal where all of them are."""
    found, room = first, _most(first)
    for other in others:
        size = _most(other)
        if room * size >= _ROOM:
            found = np.unique(found, return_inverse=True)[1]
            room = _most(found)
        found, room = found * size + other, room * size
    return found


def hashed(texts: Iterable[Iterable[str]]) -> tuple[Indexes, Indexes]:
    """How many texts each thing has, and their hashes, one thing after the other and a 0 at the end; see `spread`."""
    sizes, hashes = array("q"), array("q")
    for some in texts:
        before = len(hashes)
        hashes.extend(map(hash, some))
        sizes.append(len(hashes) - before)
    hashes.append(0)
    return np.array(sizes, dtype=np.int64), np.array(hashes, dtype=np.int64)


def spread(sizes: Indexes, which: Indexes) -> tuple[Indexes, Indexes]:
    """Rows of a column in which things stand with several rows each, one after the other.

    Args:
        sizes: how many rows each thing has.
        which: the things wanted, in any order, each as often as wanted.

    Returns:
        Of each row wanted the place in `which`, and the row.
    """
    starts, wanted = (np.cumsum(sizes) - sizes)[which], sizes[which]
    places = np.repeat(np.arange(which.size), wanted)
    within = np.arange(places.size) - np.repeat(np.cumsum(wanted) - wanted, wanted)
    return places, starts[places] + within


def _most(numbers: Indexes) -> int:
    return int(numbers.max(initial=0)) + 1


def numbered(texts: Iterable[str]) -> Indexes:
    """Equal texts as equal numbers, "" as 0."""
    numbers = {"": 0}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)


def _distinct(values: Sequence[_K]) -> tuple[list[_K], Indexes]:
    """The distinct values by their `key`, and the number of each."""
    numbers: dict[str, int] = {}
    codes = np.array([numbers.setdefault(value.key, len(numbers)) for value in values], dtype=np.int64)
    _, first = np.unique(codes, return_index=True)
    return [values[place] for place in first.tolist()], codes


def _said(values: Sequence[Sequence[str]]) -> Said:
    owners = np.repeat(np.arange(len(values)), [len(some) for some in values])
    return Said(owners, numbered(chain.from_iterable(values)))
