"""Readings: what two names, or two companies, must have in common to be taken for one. Of one name alone.

What belongs here: the readings of a `PersonName` and of a `CompanyName`. Blocking keys are few and coarse, since they
are stored; readings are many and fine. Two records that share a key are one lead only where their names, and where the
rule looks at companies these too, share a reading. That holds in the smallest list as in the largest, and so a large
block may be taken apart by readings without losing anything.

A reading keeps one word by its beginning and the other by all but one end, or by both of its ends: one error in either
leaves one reading whole. Some readings are a guest's, who meets only those for whom it is an open one: an initial or
half a name meets all names that it may stand for, which do not for that meet each other.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from leads_dagster.leads.aspects import (
    COMPANY,
    MAILBOX,
    NAME_COMPANY,
    PHONE,
    PHONE_PROFILE,
    PROFILE,
    ROLE_MAILBOX,
    Aspect,
)
from leads_dagster.leads.match_features import LEAST_JOINED, CompanyName, PersonName, nickname_table
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.record_columns import Flags, Indexes, RecordColumns, numbered, spread

_ENOUGH_WORDS = 6
_FEW_LETTERS = 3
_PLACE_WORDS = 8
# Names whose readings are kept at a time; some 700 bytes each.
_KEPT = 30_000
# What a mistyped legal form leaves behind a long name: "Hartworth Cedar Roboticsa B".
_STRAY_LETTERS, _LONG = 4, 12
# Letters that one alphabet is written with in another: Iwanow, Ivanov; Sergey, Sergei.
_WRITTEN_ALIKE = str.maketrans("wy", "vi")


@dataclass(frozen=True, slots=True)
class Readings:
    """What a name may be read as.

    Attributes:
        opens: shared with any other's.
        guests: shared with those that are open for another.
    """

    opens: frozenset[str]
    guests: frozenset[str] = frozenset()

    def packed(self) -> Packed:
        """The same in few bytes."""
        return Packed(*(array("q", map(hash, some)) for some in (self.opens, self.guests)))


@dataclass(frozen=True, slots=True)
class Packed:
    """Readings by their hashes: half a kilobyte where the texts take six."""

    opens: array[int]
    guests: array[int]

    def meets(self, other: Packed) -> bool:
        """Whether two names have a reading in common."""
        mine = set(self.opens)
        if not (mine.isdisjoint(other.opens) and mine.isdisjoint(other.guests)):
            return True
        return not set(other.opens).isdisjoint(self.guests)


# Of a record that says nothing: it may be anybody's.
ANYTHING = "*"
_SILENT = Readings(frozenset((ANYTHING,)), frozenset((ANYTHING,)))


def name_readings(name: PersonName) -> Readings:
    """The readings of a name; a word may stand in either place."""
    if not name.key:
        return Readings(frozenset(("",)))
    opens, guests = {f"={name.key}"}, set[str]()
    for one, other in _word_pairs(name):
        for kept, told in ((one, other), (other, one)):
            _read_beside(kept.translate(_WRITTEN_ALIKE), told, opens, guests)
    if name.family:
        guests.update(f"m{word[:3]}" for word in (name.given, name.family, name.before_last) if len(word) > 1)
    else:
        opens.add(f"m{name.given[:3]}")
        opens.update(f"a{reading}" for reading in _readings(name.given) if len(name.given) > _FEW_LETTERS)
    opens.update(_without_blanks(name))
    return Readings(frozenset(opens), frozenset(guests))


def _telling_of_name(name: PersonName) -> Iterator[str]:
    """Readings of a name that one slip leaves whole."""
    yield from _without_blanks(name)
    for one, other in _word_pairs(name):
        yield from _whole_beside(one.translate(_WRITTEN_ALIKE), other)
        yield from _whole_beside(other.translate(_WRITTEN_ALIKE), one)


def _without_blanks(name: PersonName) -> Iterator[str]:
    for joined in (name.joined, name.joined_back):
        if len(joined) >= LEAST_JOINED:
            yield f"j{joined[:4]} {joined[-4:]}"


def _whole_beside(kept: str, told: str) -> tuple[str, str]:
    """All of one word beside both ends of the other."""
    return f"w{kept} {told[:1]}~{told[-2:]}", f"w{kept} {told[:2]}~{told[-1:]}"


def _read_beside(kept: str, told: str, opens: set[str], guests: set[str]) -> None:
    """The readings of one word beside beginning or end of the other, or beside all of it."""
    opens.update(_whole_beside(kept, told))
    for half in (f"{kept[:3]}~", f"~{kept[-3:]}"):
        if len(told) == 1:
            opens.add(f"i{half} {told}")
            continue
        opens.update(f"{half} {reading}" for reading in _readings(told.translate(_WRITTEN_ALIKE)))
        opens.update(f"n{half} {group}" for group in nickname_table().groups.get(told, ()))
        guests.update(f"i{half} {letter}" for letter in (told[:1], *nickname_table().letters.get(told, ())))


def _word_pairs(name: PersonName) -> Iterator[tuple[str, str]]:
    """Two words of a name, one of which may be missing in the other name."""
    if not name.family:
        return
    yield name.given, name.family
    if name.before_last:
        yield name.given, name.before_last
        yield name.second, name.family
        yield name.family, name.before_last


def _readings(word: str) -> Iterator[str]:
    """A word without what an error may have changed: both ends, all but the end, all but the beginning, its letters."""
    yield f"{word[:2]}~{word[-2:]}"
    yield f"{word[:-1]}~"
    yield f"{word[:-2]}~"
    yield f"~{word[1:]}"
    yield f"~{word[2:]}"
    yield "".join(sorted(word))


def _joined_readings(joined: str) -> Iterator[str]:
    """Of all words together longer ends: many names begin alike."""
    yield from _readings(joined)
    yield f"{joined[:5]}~{joined[-2:]}"
    yield f"{joined[:2]}~{joined[-5:]}"
    for letters in range(_STRAY_LETTERS + 1 if len(joined) > _LONG else 1):
        yield f"{joined[: len(joined) - letters]}~"


def company_readings(company: CompanyName) -> Readings:
    """The readings of a company's name; one that is within another is met by all that it is within."""
    if not company.key:
        return _SILENT
    words = sorted(company.words)[:_ENOUGH_WORDS]
    opens = {f"={' '.join(sorted(company.words))}", *(f"j{reading}" for reading in _joined_readings(company.joined))}
    for left_out, word in enumerate(words if len(words) > 1 else ()):
        rest = " ".join(other[:4] for place, other in enumerate(words) if place != left_out)
        opens.update(f"{rest} {reading}" for reading in _readings(word))
    if company.acronym:
        opens.add(f"@{company.acronym}")
    within = {*((word,) for word in words), *combinations(words, 2), *combinations(words, len(words) - 1)}
    guests = {f"={' '.join(some)}" for some in within}
    return Readings(frozenset(opens), frozenset((*guests, ANYTHING)))


def _telling_of_company(company: CompanyName) -> tuple[str, str]:
    """Readings of a company that words in another order, or one slip, leave whole."""
    return f"={' '.join(sorted(company.words))}", f"j{company.joined[:2]}~{company.joined[-2:]}"


def _employer_readings(record: MatchRecord) -> Readings:
    """Where only addresses say the company: two of different ones are colleagues."""
    return Readings(frozenset((record.inferred,)), _SILENT.guests) if record.inferred else _SILENT


def _place_readings(record: MatchRecord) -> Readings:
    """One place the beginning of the other."""
    if not record.place:
        return _SILENT
    words = record.place[:_PLACE_WORDS]
    beginnings = (" ".join(words[:count]) for count in range(1, len(words)))
    return Readings(frozenset((" ".join(words),)), frozenset((*beginnings, ANYTHING)))


def _phone_readings(record: MatchRecord) -> Readings:
    return Readings(frozenset(record.phones), _SILENT.guests) if record.phones else _SILENT


@dataclass(frozen=True, slots=True)
class Coded:
    """Readings of many records as columns: whose, which, and whether it is a guest's."""

    places: Indexes
    codes: Indexes
    guests: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Part:
    """What two records must have a reading of in common.

    Attributes:
        key: of which part of a record; equal keys have equal readings.
        readings: those of the part.
        telling: some of the open ones, that are quickly made and that most have in common that have any.
        may_be_silent: whether one whose key is "" meets everybody.
    """

    key: Callable[[MatchRecord], str]
    readings: Callable[[MatchRecord], Readings]
    telling: Callable[[MatchRecord], Iterable[str]] = lambda _: ()
    may_be_silent: bool = True


class ReadingColumns:
    """Readings of many records as columns; those of a name are made once."""

    def __init__(self, columns: RecordColumns) -> None:
        self._columns = columns
        self._numbers: dict[Part, Indexes] = {}
        self._known: dict[tuple[Part, int], tuple[array[int], bytes]] = {}

    def numbers(self, part: Part) -> Indexes:
        """Of each record the number of what it says of a part."""
        if part not in self._numbers:
            self._numbers[part] = numbered(map(part.key, self._columns.records))
        return self._numbers[part]

    def of(self, part: Part, owners: Indexes) -> Coded:
        """The readings of the records at `owners`, a name for a name."""
        numbers, first, which = np.unique(self.numbers(part)[owners], return_index=True, return_inverse=True)
        records = (self._columns.records[owner] for owner in owners[first].tolist())
        found = [self._of_one(part, number, record) for number, record in zip(numbers.tolist(), records, strict=True)]
        sizes = np.array([len(codes) for codes, _ in found], dtype=np.int64)
        codes, guests = (b"".join(columns) for columns in zip(*found, strict=True))
        places, rows = spread(sizes, which)
        return Coded(places, np.frombuffer(codes, dtype=np.int64)[rows], np.frombuffer(guests, dtype=np.int8)[rows])

    def _of_one(self, part: Part, number: int, record: MatchRecord) -> tuple[array[int], bytes]:
        if (known := self._known.get((part, number))) is not None:
            return known
        if len(self._known) >= _KEPT:
            self._known.clear()
        found = part.readings(record)
        codes = array("q", [hash(reading) for some in (found.opens, found.guests) for reading in some])
        self._known[part, number] = codes, bytes(len(found.opens)) + b"\1" * len(found.guests)
        return self._known[part, number]


_NAME = Part(
    lambda record: record.name.key,
    lambda record: name_readings(record.name),
    lambda record: _telling_of_name(record.name),
    may_be_silent=False,
)
_COMPANY = Part(
    lambda record: record.company.key,
    lambda record: company_readings(record.company),
    lambda record: _telling_of_company(record.company),
)
_PLACE = Part(lambda record: " ".join(record.place[:_PLACE_WORDS]), _place_readings)
_PHONES = Part(lambda record: " ".join(record.phones), _phone_readings)
_EMPLOYER = Part(lambda record: record.inferred, _employer_readings)

# What must meet under each aspect. Under the others equal values or a fact are enough.
PARTS: dict[Aspect, tuple[Part, ...]] = {
    MAILBOX: (_NAME,),
    ROLE_MAILBOX: (_NAME,),
    PHONE: (_NAME,),
    PHONE_PROFILE: (_NAME,),
    NAME_COMPANY: (_NAME, _COMPANY, _EMPLOYER),
    PROFILE: (_NAME, _COMPANY),
    COMPANY: (_COMPANY, _PLACE, _PHONES),
}


class Meetings:
    """Whether pairs of records meet, for many at once; each pair of names, or of companies, is looked at once.

    Args:
        records: those that the positions given later are of.
    """

    def __init__(self, records: Sequence[MatchRecord]) -> None:
        self._records = records
        self._known = {part: _PartMeetings(part) for parts in PARTS.values() for part in parts}
        self._numbers: dict[Part, Indexes] = {}

    def hold(self, aspect: Aspect, left: Indexes, right: Indexes) -> Flags:
        """Of each pair, whether in all that the aspect looks at the two have a reading in common."""
        found = np.ones(left.size, dtype=np.bool_)
        for part in PARTS.get(aspect, ()) if left.size else ():
            found &= self._meet(part, left, right)
        return found

    def _meet(self, part: Part, left: Indexes, right: Indexes) -> Flags:
        if part not in self._numbers:
            self._numbers[part] = numbered(map(part.key, self._records))
        one, other = self._numbers[part][left], self._numbers[part][right]
        met: Flags = one == other
        if part.may_be_silent:
            met |= (one == 0) | (other == 0)
        rest = np.flatnonzero(~met)
        codes = np.minimum(one, other)[rest] * len(self._records) + np.maximum(one, other)[rest]
        _, first, same = np.unique(codes, return_index=True, return_inverse=True)
        pairs = zip(left[rest[first]].tolist(), right[rest[first]].tolist(), strict=True)
        found = [self._known[part].meet(self._records[a], self._records[b]) for a, b in pairs]
        met[rest] = np.array(found, dtype=np.bool_)[same]
        return met


class _PartMeetings:
    """Whether one part of two records, which is not the same, has a reading in common; few readings tell most."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._telling: dict[str, frozenset[str]] = {}
        self._packed: dict[str, Packed] = {}

    def meet(self, one: MatchRecord, other: MatchRecord) -> bool:
        if not self._told(one).isdisjoint(self._told(other)):
            return True
        return self._readings(one).meets(self._readings(other))

    def _told(self, record: MatchRecord) -> frozenset[str]:
        return _kept(self._telling, self._part.key(record), lambda: frozenset(self._part.telling(record)))

    def _readings(self, record: MatchRecord) -> Packed:
        return _kept(self._packed, self._part.key(record), lambda: self._part.readings(record).packed())


_T = TypeVar("_T")


def _kept(known: dict[str, _T], key: str, make: Callable[[], _T]) -> _T:
    if (found := known.get(key)) is not None:
        return found
    if len(known) >= _KEPT:
        known.clear()
    return known.setdefault(key, make())
