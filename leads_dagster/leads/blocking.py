"""Which records are worth comparing: pairs that share a key.

What belongs here: from the aspects of many records to pairs, in pieces that fit in memory. Keys are made in `aspects`;
whether a pair is one lead is decided in `evidence`.

Of records that say the same of an aspect, one stands for all; the others are only tied to it. That keeps rows that
repeat one person from being compared with each other, and `clustering` lifts what was found back to all who share the
aspect. In a block above `SMALL_BLOCK` records, pairs that cannot end in one lead (two LinkedIn profiles; two different
names at one mailbox) are only looked at side by side, for the record; that choice never changes a cluster. A block with
more than `MANY_IN_BLOCK` new records is taken apart by what two records must have in common to be one lead (`meeting`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from leads_dagster.leads.aspects import (
    ASPECTS,
    LINKEDIN,
    LINKEDIN_ALONE,
    MAILBOX,
    MAILBOX_ALONE,
    NAME_COMPANY,
    PHONE,
    PHONE_PROFILE,
    PROFILE,
    ROLE_MAILBOX,
    TWIN,
    Aspect,
    aspect_keys,
    aspect_values,
    blocking_keys,
)
from leads_dagster.leads.facts import day_for_month
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.meeting import PARTS, Part, ReadingColumns

__all__ = ["Pairs", "blocking_keys", "candidate_pairs"]

Indexes = NDArray[np.int64]
Flags = NDArray[np.bool_]

# A larger block looks at two records that cannot be one lead only where they lie side by side.
SMALL_BLOCK = 16
# With more new records than these a block is taken apart by readings; it makes no difference to what comes out.
MANY_IN_BLOCK = 64
# Pairs handed on at a time; bounds the memory of the largest block.
CHUNK_PAIRS = 1_000_000


@dataclass
class Pairs:
    """Pairs of indexes to compare under one aspect.

    Attributes:
        aspect: under which rule.
        left, right: positions in the list of records; left[i] < right[i], no pair twice within one `Pairs`.
    """

    aspect: Aspect
    left: Indexes
    right: Indexes


@dataclass
class _Blocks:
    """The representatives of one aspect and the blocks they fall into, as columns.

    `by_half` has those with a birth date once more, in blocks of one year and of one day of the year.
    """

    codes: array[int] = field(default_factory=lambda: array("q"))
    owners: array[int] = field(default_factory=lambda: array("q"))
    flags: array[int] = field(default_factory=lambda: array("b"))
    ties: list[tuple[int, int]] = field(default_factory=list)
    by_half: _Blocks | None = None


# In `_Blocks.flags`: two of which both have one of the first three are no match, but may be looked at.
_CLOSED, _SLUGGED, _DATED, _GUEST = 1, 2, 4, 8
_APART = _CLOSED | _SLUGGED | _DATED
# Aspects of which a record says nothing to one with another birth date.
BY_BIRTH_DATE = frozenset({MAILBOX, MAILBOX_ALONE, ROLE_MAILBOX, PHONE, PHONE_PROFILE, NAME_COMPANY, PROFILE})


def candidate_pairs(records: Sequence[MatchRecord], first_new: int = 0) -> Iterator[Pairs]:
    """Every pair that shares a key and has a new record in it, equal aspects tied to one representative.

    Args:
        records: known ones first, each part in content-hash order, so that the representative of an aspect is a known
            record where there is one, and never depends on the order of arrival.
        first_new: position of the first new record; those before it are known, and compared among themselves already.
    """
    wanted = {hash(key) for record in records[first_new:] for key in blocking_keys(record)} if first_new else None
    readings = ReadingColumns(records)
    for aspect in ASPECTS:
        block = _gathered(records, aspect, wanted)
        pieces = _block_pairs(block, aspect, records, readings, first_new)
        if block.by_half is not None:
            halves = _block_pairs(block.by_half, aspect, records, readings, first_new)
            pieces = chain(pieces, _of_one_day(records, halves))
        yield from _distinct(aspect, len(records), first_new, pieces)


def _of_one_day(records: Sequence[MatchRecord], pieces: Iterable[Indexes]) -> Iterator[Indexes]:
    """Of these pairs those whose birth dates are nearly the same."""
    born = np.array([record.born for record in records], dtype=object)
    swapped = np.array([day_for_month(record.born) for record in records], dtype=object)
    for piece in pieces:
        left, right = born[piece[:, 0]], born[piece[:, 1]]
        near = cpdist(left, right, scorer=OSA.distance, score_cutoff=1, dtype=np.int32) <= 1
        yield piece[near | (swapped[piece[:, 0]] == right)]


def _gathered(records: Sequence[MatchRecord], aspect: Aspect, wanted: set[int] | None) -> _Blocks:
    """Ties and blocks of one aspect; what only one record says (its own mailbox, its telephone) needs no block."""
    block = _Blocks()
    first: dict[tuple[str, str, str], int] = {}
    alone: dict[str, tuple[int, str, str] | None] = {}
    for index, record in enumerate(records):
        born = record.born if aspect in BY_BIRTH_DATE else ""
        for shared, value in aspect_values(record, aspect).items():
            representative = first.setdefault((value, record.slug, born), index)
            if representative != index:
                block.ties.append((representative, index))
                continue
            entry = (index, shared, value)
            before = alone.setdefault(shared, entry)
            if before is not entry:
                _enter(block, records, aspect, before, wanted)
                _enter(block, records, aspect, entry, wanted)
                alone[shared] = None
    return block


# Aspects whose records meet by equal values alone: being tied to one of them is all.
_EXACT = frozenset({TWIN})
# Aspects whose records have one profile.
_BY_PROFILE = frozenset({LINKEDIN, LINKEDIN_ALONE})


def _enter(
    block: _Blocks,
    records: Sequence[MatchRecord],
    aspect: Aspect,
    entry: tuple[int, str, str] | None,
    wanted: set[int] | None,
) -> None:
    if entry is None or aspect in _EXACT:
        return
    index, shared, value = entry
    slugged = _SLUGGED if records[index].slug and aspect not in _BY_PROFILE else 0
    flags = {True: slugged, False: slugged | _CLOSED, None: slugged | _CLOSED | _GUEST}
    record = records[index]
    keys = [(hash(key), flags[is_open]) for key, is_open in aspect_keys(record, aspect, shared, value)]
    if wanted is not None:
        keys = [key for key in keys if key[0] in wanted]
    if aspect in BY_BIRTH_DATE and record.born:
        block.by_half = block.by_half or _Blocks()
        _append(block.by_half, index, list(_halved(keys, record.born)))
        keys = [(code, flag | _DATED) for code, flag in keys]
    _append(block, index, keys)


def _append(block: _Blocks, index: int, keys: Sequence[tuple[int, int]]) -> None:
    block.codes.extend([code for code, _ in keys])
    block.flags.extend([flag for _, flag in keys])
    block.owners.extend([index] * len(keys))


def _halved(keys: Iterable[tuple[int, int]], born: str) -> Iterator[tuple[int, int]]:
    """Codes of a record with a birth date by which it meets those whose date is nearly the same."""
    for code, flag in keys:
        yield hash((code, born[:4])), flag
        yield hash((code, born[4:], "")), flag


def _block_pairs(
    block: _Blocks, aspect: Aspect, records: Sequence[MatchRecord], readings: ReadingColumns, first_new: int
) -> Iterator[Indexes]:
    """Pairs as (n, 2) arrays, in pieces of about `CHUNK_PAIRS`."""
    if block.ties:
        yield np.array(block.ties, dtype=np.int64)
    if not block.codes:
        return
    codes, owners = (np.frombuffer(column, dtype=np.int64) for column in (block.codes, block.owners))
    flags = np.frombuffer(block.flags, dtype=np.int8)
    taking = _Taking(records, readings, first_new, aspect == PHONE_PROFILE)
    yield from taking.apart(codes, owners, flags, PARTS.get(aspect, ()))


@dataclass(frozen=True, slots=True)
class _Taking:
    """Takes large blocks apart by the readings of their records, as far as there are any."""

    records: Sequence[MatchRecord]
    readings: ReadingColumns
    first_new: int
    namesakes_are_tied: bool

    def apart(
        self, codes: Indexes, owners: Indexes, flags: NDArray[np.int8], parts: Sequence[Part]
    ) -> Iterator[Indexes]:
        """Pairs of all blocks; a block is the records of one code."""
        codes, order = _repeated(codes)
        owners, flags = owners[order], flags[order]
        starts = np.flatnonzero(np.diff(codes, prepend=codes[:1] - 1))
        sizes = np.diff(np.r_[starts, codes.size])
        yield from _small_blocks(starts, sizes, owners, (flags & _GUEST) > 0)
        large = sizes > SMALL_BLOCK
        for start, size in zip(starts[large], sizes[large], strict=True):
            here = slice(start, start + size)
            yield from self._large(owners[here], flags[here], parts)

    def _large(self, owners: Indexes, flags: NDArray[np.int8], parts: Sequence[Part]) -> Iterator[Indexes]:
        new = owners >= self.first_new
        if (flags & _GUEST).all():
            return
        if new.sum() <= MANY_IN_BLOCK:
            yield from _large_block(owners, flags, new)
            return
        telling = [part for part in parts if self._differ(part, owners)]
        if not telling:
            yield from self._alike(owners, flags, new)
            return
        yield np.column_stack((owners[:-1], owners[1:]))
        coded = self.readings.of(telling[0], owners.tolist())
        guests = (coded.guests > 0) * np.int8(_CLOSED | _GUEST)
        yield from self.apart(coded.codes, owners[coded.places], flags[coded.places] | guests, telling[1:])

    def _alike(self, owners: Indexes, flags: NDArray[np.int8], new: Flags) -> Iterator[Indexes]:
        """Pairs of a block whose records have readings in common; where they are tied already, not of one name."""
        keys = [name.key for name in (self.records[owner].name for owner in owners.tolist()) if not name.mononym]
        if not self.namesakes_are_tied or len(keys) < owners.size or len(set(keys)) > owners.size // SMALL_BLOCK:
            yield from _large_block(owners, flags, new)
            return
        names = np.unique(np.array(keys, dtype=object), return_inverse=True)[1]
        guests = (flags & _GUEST) > 0
        for name in range(len(set(keys)) - 1):
            here, later = names == name, names > name
            yield from _between(owners[here & ~guests], owners[later])
            yield from _between(owners[here & guests], owners[later & ~guests])

    def _differ(self, part: Part, owners: Indexes) -> bool:
        first, *others = (part.key(self.records[owner]) for owner in owners.tolist())
        return any(other != first for other in others)


def _repeated(codes: Indexes) -> tuple[Indexes, Indexes]:
    """The codes that occur more than once, sorted, and where they stand; most keys are one record's alone."""
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    alike = codes[1:] == codes[:-1]
    several = np.r_[alike, False] | np.r_[False, alike]
    return codes[several], order[several]


def _small_blocks(starts: Indexes, sizes: Indexes, owners: Indexes, guests: Flags) -> Iterator[Indexes]:
    """All pairs of every block of at most `SMALL_BLOCK` but of two guests, one distance between the two at a time."""
    small = (sizes > 1) & (sizes <= SMALL_BLOCK)
    ends = np.repeat((starts + sizes)[small], sizes[small])
    here = np.repeat(starts[small] - np.r_[0, np.cumsum(sizes[small])[:-1]], sizes[small]) + np.arange(ends.size)
    for distance in range(1, SMALL_BLOCK):
        inside = here + distance < ends
        here, ends = here[inside], ends[inside]
        some = here[~(guests[here] & guests[here + distance])]
        yield np.column_stack((owners[some], owners[some + distance]))


def _large_block(owners: Indexes, flags: NDArray[np.int8], new: Flags) -> Iterator[Indexes]:
    """Pairs of one block: two LinkedIn profiles, two birth dates, and two closed records only side by side.

    Two guests are not compared at all.
    """
    kinds = flags & _APART
    free = kinds == 0
    yield from _among(owners[free], new[free])
    for one, other in combinations(np.unique(kinds).tolist(), 2):
        if one & other:
            continue
        some, others = kinds == one, kinds == other
        yield from _between(owners[some], owners[others & new])
        yield from _between(owners[some & new], owners[others & ~new])
    rest = owners[~free & ((flags & _GUEST) == 0)]
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


def _distinct(aspect: Aspect, count: int, first_new: int, pieces: Iterable[Indexes]) -> Iterator[Pairs]:
    """Pieces gathered to chunks, each pair once in a chunk, the lower index left, at least one of them new."""
    waiting: list[Indexes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece[piece.max(axis=1) >= first_new] if first_new else piece)
        size += len(waiting[-1])
        if size >= CHUNK_PAIRS:
            yield _unique(aspect, count, waiting)
            waiting, size = [], 0
    if waiting:
        yield _unique(aspect, count, waiting)


def _unique(aspect: Aspect, count: int, pieces: list[Indexes]) -> Pairs:
    pairs = np.concatenate(pieces)
    low, high = np.minimum(pairs[:, 0], pairs[:, 1]), np.maximum(pairs[:, 0], pairs[:, 1])
    codes = np.sort((low * count + high)[low != high])
    left, right = np.divmod(codes[np.diff(codes, prepend=-1) > 0], count)
    return Pairs(aspect, left, right)
