"""From blocks to pairs: which records of a block are compared.

What belongs here: blocks of any size, in pieces that fit in memory. What brings records into one block is `blocking`'s.

In a block above `SMALL_BLOCK` records, pairs that cannot end in one lead (two LinkedIn profiles; two different names at
one mailbox) are only looked at side by side, for the record; that choice never changes a cluster. A block with more
than `MANY_IN_BLOCK` new records is taken apart by what two records must have in common to be one lead (`meeting`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from leads_dagster.leads.meeting import Part, ReadingColumns
from leads_dagster.leads.record_columns import Flags, Indexes, RecordColumns

Marks = NDArray[np.int8]

# A larger block looks at two records that cannot be one lead only where they lie side by side.
SMALL_BLOCK = 16
# With more new records than these a block is taken apart by readings; it makes no difference to what comes out.
MANY_IN_BLOCK = 64
# Pairs gathered at a time, and records of large blocks: both bound the memory of the largest list.
CHUNK_PAIRS = 1_000_000
_CHUNK_RECORDS = 50_000

# Flags of a key. Two records that both have one of the first three are no match, but may be looked at; two guests of
# one thing are not looked at. A guest by name may be the host by company: each part by which a block is taken apart has
# a flag of its own.
CLOSED, SLUGGED, DATED, GUEST = 1, 2, 4, 8
_GUEST_BEFORE = (16, 32, 64)
_APART = CLOSED | SLUGGED | DATED
_GUESTS = GUEST | sum(_GUEST_BEFORE)
_ALL_FLAGS = 128
# Mixes the number of a block with that of a reading.
_ODD, _ODD_TOO = np.array([[0xC2B2AE3D27D4EB4F], [0x165667B19E3779F9]], np.uint64).view(np.int64)


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys as columns: which, whose, and what the flags say of the record."""

    codes: Indexes
    owners: Indexes
    flags: Marks

    def some(self, keep: Flags) -> Keys:
        """Those to keep."""
        return Keys(self.codes[keep], self.owners[keep], self.flags[keep])


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Blocks one after the other: owners in ascending order within each, and their flags."""

    starts: Indexes
    sizes: Indexes
    owners: Indexes
    flags: Marks

    def some(self, keep: Flags) -> _Blocks:
        """Some of the blocks."""
        rows = np.repeat(keep, self.sizes)
        sizes = self.sizes[keep]
        return _Blocks(np.cumsum(sizes) - sizes, sizes, self.owners[rows], self.flags[rows])

    def each(self) -> Iterator[tuple[Indexes, Marks]]:
        """Owners and flags of one block after the other."""
        for start, size in zip(self.starts.tolist(), self.sizes.tolist(), strict=True):
            yield self.owners[start : start + size], self.flags[start : start + size]

    def in_chunks(self) -> Iterator[_Blocks]:
        """The blocks, of some `_CHUNK_RECORDS` records at a time."""
        chunk = (np.cumsum(self.sizes) - 1) // _CHUNK_RECORDS
        for number in np.unique(chunk).tolist():
            yield self.some(chunk == number)

    def numbers(self) -> Indexes:
        """Of each record the place of its block."""
        return np.repeat(np.arange(self.sizes.size), self.sizes)

    def each_once(self) -> _Blocks:
        """Without those of the same records and flags: names of one given name share a reading of it a dozen times."""
        said = (self.owners * _ALL_FLAGS + self.flags + 1) * _ODD
        said = (said ^ (said >> 29)) * _ODD_TOO
        marks = np.add.reduceat(said ^ (said >> 32), self.starts)
        keep = np.zeros(marks.size, dtype=np.bool_)
        keep[np.unique(marks, return_index=True)[1]] = True
        return self.some(keep)


@dataclass(frozen=True, slots=True)
class TakingApart:
    """Takes blocks apart, large ones by the readings of their records as far as there are any.

    Attributes:
        columns: all records.
        readings: theirs.
        first_new: position of the first new record.
        namesakes_are_tied: whether records of one name have been brought together already.
    """

    columns: RecordColumns
    readings: ReadingColumns
    first_new: int
    namesakes_are_tied: bool

    def pairs(self, keys: Keys, parts: Sequence[Part]) -> Iterator[Indexes]:
        """Pairs of all blocks as (n, 2) arrays; a block is the records of one code."""
        blocks = _repeated(keys, len(self.columns))
        if not blocks.sizes.size:
            return
        blocks = blocks.each_once()
        new = np.add.reduceat(blocks.owners >= self.first_new, blocks.starts)
        direct = blocks.sizes <= (SMALL_BLOCK if self.first_new else MANY_IN_BLOCK)
        yield from _all_pairs(blocks.some(direct))
        for owners, flags in blocks.some(~direct & (new <= MANY_IN_BLOCK)).each():
            yield from _large_block(owners, flags, owners >= self.first_new)
        for chunk in blocks.some(~direct & (new > MANY_IN_BLOCK)).in_chunks():
            yield from self._apart(chunk, parts)

    def _apart(self, blocks: _Blocks, parts: Sequence[Part]) -> Iterator[Indexes]:
        """Each block by the first part in which its records differ."""
        only_guests = np.bitwise_and.reduceat(blocks.flags, blocks.starts) & _GUESTS > 0
        blocks = blocks.some(~only_guests)
        for place, part in enumerate(parts if blocks.sizes.size else ()):
            numbers = self.readings.numbers(part)[blocks.owners]
            least, most = (each.reduceat(numbers, blocks.starts) for each in (np.minimum, np.maximum))
            if (least < most).any():
                yield from self._by(part, blocks.some(least < most), parts[place + 1 :])
            blocks = blocks.some(least == most)
        for owners, flags in blocks.each():
            yield from self._alike(owners, flags)

    def _by(self, part: Part, blocks: _Blocks, rest: Sequence[Part]) -> Iterator[Indexes]:
        numbers = blocks.numbers()
        beside = np.flatnonzero(numbers[:-1] == numbers[1:])
        yield np.column_stack((blocks.owners[beside], blocks.owners[beside + 1]))
        coded = self.readings.of(part, blocks.owners)
        guests = coded.guests * np.int8(_GUEST_BEFORE[len(rest)])
        codes = coded.codes + numbers[coded.places] * _ODD
        yield from self.pairs(Keys(codes, blocks.owners[coded.places], blocks.flags[coded.places] | guests), rest)

    def _alike(self, owners: Indexes, flags: Marks) -> Iterator[Indexes]:
        """Pairs of a block whose records have readings in common; where they are tied already, not of one name."""
        names = self.columns.name_of[owners]
        known = np.unique(names)
        halves = any(self.columns.names[name].mononym for name in known.tolist()) if self.namesakes_are_tied else True
        if halves or known.size > owners.size // SMALL_BLOCK:
            yield from _large_block(owners, flags, owners >= self.first_new)
            return
        guests = flags & _GUESTS
        for name in known[:-1].tolist():
            here, later = names == name, names > name
            for kind in np.unique(guests[here]).tolist():
                yield from _between(owners[here & (guests == kind)], owners[later & (guests & kind == 0)])


def _repeated(keys: Keys, count: int) -> _Blocks:
    """The blocks of more than one key; an owner stands in a block once."""
    order = np.argsort(keys.codes)
    begins = np.diff(keys.codes[order], prepend=0, append=0) != 0
    begins[:1] = begins[-1:] = True
    several = ~(begins[:-1] & begins[1:])
    order, blocks = order[several], np.cumsum(begins[:-1])[several]
    packed = np.sort((blocks * count + keys.owners[order]) * _ALL_FLAGS + keys.flags[order])
    places, flags = np.divmod(packed, _ALL_FLAGS)
    once = np.diff(places, prepend=-1) > 0
    blocks, owners = np.divmod(places[once], count)
    starts = np.flatnonzero(np.diff(blocks, prepend=-1))
    return _Blocks(starts, np.diff(np.r_[starts, blocks.size]), owners, flags[once].astype(np.int8))


def _all_pairs(blocks: _Blocks) -> Iterator[Indexes]:
    """Pairs of blocks of at most `MANY_IN_BLOCK`, those with the same left record in one piece.

    In a small block all but two guests; in a larger one two that are no match only where they lie side by side.
    """
    small = np.repeat(blocks.sizes <= SMALL_BLOCK, blocks.sizes)
    yield _beside(blocks, ~small)
    barred = np.where(small, np.int8(_GUESTS), np.int8(_APART | _GUESTS))
    ends = np.repeat(blocks.starts + blocks.sizes, blocks.sizes)
    order = np.argsort(blocks.owners, kind="stable")
    pieces = np.cumsum((ends - np.arange(ends.size) - 1)[order]) // CHUNK_PAIRS
    for here in np.split(order, np.flatnonzero(np.diff(pieces)) + 1):
        yield np.concatenate([*_at_all_distances(blocks, here, ends[here], barred)])


def _at_all_distances(blocks: _Blocks, here: Indexes, ends: Indexes, barred: Marks) -> Iterator[Indexes]:
    owners, flags = blocks.owners, blocks.flags
    yield np.empty((0, 2), dtype=np.int64)
    for distance in range(1, MANY_IN_BLOCK):
        inside = here + distance < ends
        here, ends = here[inside], ends[inside]
        if not here.size:
            return
        some = here[flags[here] & flags[here + distance] & barred[here] == 0]
        yield np.column_stack((owners[some], owners[some + distance]))


def _beside(blocks: _Blocks, there: Flags) -> Indexes:
    """Of the rows given those side by side that are no match."""
    rows = np.flatnonzero(there & (blocks.flags & _APART > 0) & (blocks.flags & _GUESTS == 0))
    numbers = blocks.numbers()[rows]
    beside = np.flatnonzero(numbers[:-1] == numbers[1:])
    return np.column_stack((blocks.owners[rows[beside]], blocks.owners[rows[beside + 1]]))


def _large_block(owners: Indexes, flags: Marks, new: Flags) -> Iterator[Indexes]:
    """Pairs of one block: two LinkedIn profiles, two birth dates, and two closed records only side by side.

    Two guests of one thing are not compared at all.
    """
    kinds = flags & (_APART | _GUESTS)
    free = kinds == 0
    yield from _among(owners[free], new[free])
    for one, other in combinations(np.unique(kinds).tolist(), 2):
        if one & other:
            continue
        some, others = kinds == one, kinds == other
        yield from _between(owners[some], owners[others & new])
        yield from _between(owners[some & new], owners[others & ~new])
    rest = owners[~free & ((flags & _GUESTS) == 0)]
    yield np.column_stack((rest[:-1], rest[1:]))


def _among(owners: Indexes, new: Flags) -> Iterator[Indexes]:
    """Every pair of the records given in which one is new."""
    if not new.all():
        yield from _between(owners[new], owners)
        return
    step = int(CHUNK_PAIRS**0.5)
    for start in range(0, owners.size, step):
        piece = owners[start : start + step]
        left, right = np.triu_indices(piece.size, 1)
        yield np.column_stack((piece[left], piece[right]))
        yield from _between(piece, owners[start + step :])


def _between(left: Indexes, right: Indexes) -> Iterator[Indexes]:
    """Every pair of one from the left and one from the right."""
    if not right.size:
        return
    step = max(1, CHUNK_PAIRS // right.size)
    for start in range(0, left.size, step):
        piece = left[start : start + step]
        yield np.column_stack((np.repeat(piece, right.size), np.tile(right, piece.size)))
