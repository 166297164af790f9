"""Meeting: which parts of two records must have a reading in common, and whether they have one.

What belongs here: what must meet under which rule, for many records at once. Two records that share a key are one lead
only where their names, and where the rule looks at companies these too, share a reading. That holds in the smallest
list as in the largest, and so a large block may be taken apart by readings without losing anything.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

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
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.name_readings import NameReadings
from leads_dagster.leads.readings import (
    PLACE_WORDS,
    Packed,
    Readings,
    company_readings,
    employer_readings,
    name_readings,
    phone_readings,
    place_readings,
    telling_of_company,
    telling_of_name,
)
from leads_dagster.leads.record_columns import Coded, Flags, Indexes, RecordColumns, numbered, spread

# Names whose readings are kept at a time; some 700 bytes each.
_KEPT = 30_000


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
        self._names = NameReadings(columns)

    def numbers(self, part: Part) -> Indexes:
        """Of each record the number of what it says of a part."""
        if part is _NAME:
            return self._columns.name_of
        if part not in self._numbers:
            self._numbers[part] = numbered(map(part.key, self._columns.records))
        return self._numbers[part]

    def of(self, part: Part, owners: Indexes) -> Coded:
        """The readings of the records at `owners`."""
        if part is _NAME:
            return self._names.of(self._columns.name_of[owners])
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
    lambda record: telling_of_name(record.name),
    may_be_silent=False,
)
_COMPANY = Part(
    lambda record: record.company.key,
    lambda record: company_readings(record.company),
    lambda record: telling_of_company(record.company),
)
_PLACE = Part(lambda record: " ".join(record.place[:PLACE_WORDS]), place_readings)
_PHONES = Part(lambda record: " ".join(record.phones), phone_readings)
_EMPLOYER = Part(lambda record: record.inferred, employer_readings)

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
