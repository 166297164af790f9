"""Meeting: which parts of two records must have a reading in common, and whether they have one.

What belongs here: what must meet under which rule, for many records at once. Two records that share a key are one lead
only where their names, and where the rule looks at companies these too, share a reading. That holds in the smallest
list as in the largest, and so a large block may be taken apart by readings without losing anything.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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
    Readings,
    company_readings,
    employer_readings,
    name_readings,
    phone_readings,
    place_readings,
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
        may_be_silent: whether one whose key is "" meets everybody.
    """

    key: Callable[[MatchRecord], str]
    readings: Callable[[MatchRecord], Readings]
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

    def telling(self, part: Part, owners: Indexes) -> Coded:
        """Some of the open ones of names, that are quickly made and that most have in common that have any."""
        if part is not _NAME:
            return Coded(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int8))
        return self._names.telling(self._columns.name_of[owners])

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
    may_be_silent=False,
)
_COMPANY = Part(
    lambda record: record.company.key,
    lambda record: company_readings(record.company),
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
        columns: the records that the positions given later are of.
    """

    def __init__(self, columns: RecordColumns) -> None:
        self._count = len(columns)
        self._readings = ReadingColumns(columns)

    def hold(self, aspect: Aspect, left: Indexes, right: Indexes) -> Flags:
        """Of each pair, whether in all that the aspect looks at the two have a reading in common."""
        found = np.ones(left.size, dtype=np.bool_)
        for part in PARTS.get(aspect, ()) if left.size else ():
            found &= self._meet(part, left, right)
        return found

    def _meet(self, part: Part, left: Indexes, right: Indexes) -> Flags:
        numbers = self._readings.numbers(part)
        one, other = numbers[left], numbers[right]
        met: Flags = one == other
        if part.may_be_silent:
            met |= (one == 0) | (other == 0)
        rest = np.flatnonzero(~met)
        codes = np.minimum(one, other)[rest] * self._count + np.maximum(one, other)[rest]
        _, first, same = np.unique(codes, return_index=True, return_inverse=True)
        met[rest] = self._share(part, left[rest[first]], right[rest[first]])[same]
        return met

    def _share(self, part: Part, left: Indexes, right: Indexes) -> Flags:
        """Whether two parts that are not the same have a reading in common; few readings tell most."""
        found = np.zeros(left.size, dtype=np.bool_)
        for read in (self._readings.telling, self._readings.of):
            rest = np.flatnonzero(~found)
            for some in np.array_split(rest, -(-rest.size // _PAIRS)) if rest.size else ():
                found[some] = _in_common(partial(read, part), left[some], right[some])
        return found


def _in_common(read: Callable[[Indexes], Coded], left: Indexes, right: Indexes) -> Flags:
    """Of each pair, whether one has a reading that is open to the other's."""
    owners, which = np.unique(np.concatenate((left, right)), return_inverse=True)
    coded = read(owners)
    order = np.argsort(coded.places, kind="stable")
    sides, rows = spread(np.bincount(coded.places, minlength=owners.size), which)
    right_side, pairs = np.divmod(sides, left.size)
    rows = order[rows]
    marks = (1 << (2 * right_side + coded.guests[rows])).astype(np.int8)
    codes = coded.codes[rows] + pairs * _ODD
    order = np.argsort(codes)
    begins = np.ones(order.size, dtype=np.bool_)
    begins[1:] = np.diff(codes[order]) != 0
    starts = np.flatnonzero(begins)
    said = np.bitwise_or.reduceat(marks[order], starts) if starts.size else marks
    meet = ((said & _LEFT_OPEN > 0) & (said & _RIGHT > 0)) | ((said & _RIGHT_OPEN > 0) & (said & _LEFT > 0))
    found = np.zeros(left.size, dtype=np.bool_)
    found[pairs[order[starts[meet]]]] = True
    return found


# Marks of a reading: left and open, left and a guest's, right and open, right and a guest's.
_LEFT_OPEN, _LEFT, _RIGHT_OPEN, _RIGHT = 1, 1 | 2, 4, 4 | 8
# Pairs at a time; each has some two hundred readings.
_PAIRS = 10_000
# Mixes the number of a pair with that of a reading.
_ODD = np.array([0xC2B2AE3D27D4EB4F], np.uint64).view(np.int64)
