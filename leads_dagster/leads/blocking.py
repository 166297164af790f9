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
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from leads_dagster.leads.aspects import (
    ASPECTS,
    COMPANY,
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
from leads_dagster.leads.key_codes import READ_AS_COLUMNS, Entries, KeyCodes
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.meeting import PARTS, Part, ReadingColumns
from leads_dagster.leads.record_columns import Flags, Indexes, RecordColumns, combined, numbered

__all__ = ["Pairs", "blocking_keys", "candidate_pairs"]

Marks = NDArray[np.int8]

# A larger block looks at two records that cannot be one lead only where they lie side by side.
SMALL_BLOCK = 16
# With more new records than these a block is taken apart by readings; it makes no difference to what comes out.
MANY_IN_BLOCK = 64
# Pairs gathered before each is kept once, and pairs handed on at a time: both bound the memory of the largest block.
CHUNK_PAIRS = 1_000_000
JUDGED_PAIRS = 50000


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


@dataclass(frozen=True, slots=True)
class _Keys:
    """Keys as columns: which, whose, and what the flags say of the record."""

    codes: Indexes
    owners: Indexes
    flags: Marks

    def some(self, keep: Flags) -> _Keys:
        return _Keys(self.codes[keep], self.owners[keep], self.flags[keep])


@dataclass(frozen=True, slots=True)
class _Blocks:
    """What one aspect brings together: pairs of equal records, and the keys of those that stand for them."""

    ties: Indexes
    keys: _Keys


# In `_Keys.flags`: two of which both have one of the first three are no match, but may be looked at.
_CLOSED, _SLUGGED, _DATED, _GUEST = 1, 2, 4, 8
_APART = _CLOSED | _SLUGGED | _DATED
_ALL_FLAGS = 16
# Aspects of which a record says nothing to one with another birth date.
BY_BIRTH_DATE = frozenset({MAILBOX, MAILBOX_ALONE, ROLE_MAILBOX, PHONE, PHONE_PROFILE, NAME_COMPANY, PROFILE})
# Aspects whose records have one profile.
_BY_PROFILE = frozenset({LINKEDIN, LINKEDIN_ALONE})


def candidate_pairs(columns: RecordColumns, first_new: int = 0) -> Iterator[Pairs]:
    """Every pair that shares a key and has a new record in it, equal aspects tied to one representative.

    Args:
        columns: known records first, each part in content-hash order, so that the representative of an aspect is a
            known record where there is one, and never depends on the order of arrival.
        first_new: position of the first new record; those before it are known, and compared among themselves already.
    """
    key_codes, readings = KeyCodes(columns), ReadingColumns(columns.records)
    for aspect in ASPECTS:
        blocks = _read(columns, key_codes, aspect) if aspect in READ_AS_COLUMNS else _gathered(columns, aspect)
        taking = _Taking(columns.records, readings, first_new, aspect == PHONE_PROFILE)
        pieces = _block_pairs(blocks, aspect, columns, taking)
        yield from _distinct(aspect, len(columns), first_new, pieces)


def _read(columns: RecordColumns, key_codes: KeyCodes, aspect: Aspect) -> _Blocks:
    """Ties and keys of one aspect; what only one record says (its own mailbox, its telephone) needs no key."""
    every = key_codes.entries(aspect)
    first = _representatives(columns, aspect, every)
    tied = first != np.arange(first.size)
    entries = every.at(~tied)
    entries = entries.at(np.bincount(entries.shared)[entries.shared] > 1)
    keys = key_codes.keys(aspect, entries)
    flags = keys.closed * np.int8(_CLOSED) | keys.guests * np.int8(_GUEST)
    ties = np.column_stack((every.owners[first[tied]], every.owners[tied]))
    return _Blocks(ties, _Keys(keys.codes, entries.owners[keys.places], flags))


def _representatives(columns: RecordColumns, aspect: Aspect, entries: Entries) -> Indexes:
    """The first entry that says the same as each, of records with the same profile and birth date."""
    told = [columns.slug[entries.owners]]
    if aspect in BY_BIRTH_DATE:
        told.append(columns.born[entries.owners])
    _, first, same = np.unique(combined(entries.values, *told), return_index=True, return_inverse=True)
    found: Indexes = first[same]
    return found


def _gathered(columns: RecordColumns, aspect: Aspect) -> _Blocks:
    """The same of an aspect that few records have, from its keys as texts."""
    first: dict[tuple[str, str], int] = {}
    ties: list[tuple[int, int]] = []
    codes, owners, flags = array("q"), array("q"), array("b")
    for index, record in _having(columns, aspect):
        for shared, value in aspect_values(record, aspect).items():
            representative = first.setdefault((value, record.slug), index)
            if representative != index:
                ties.append((representative, index))
            elif aspect != TWIN:  # equal values alone bring these together
                keys = dict(aspect_keys(record, aspect, shared, value))
                codes.extend(map(hash, keys))
                owners.extend([index] * len(keys))
                flags.extend(map(_OPENNESS.__getitem__, keys.values()))
    return _Blocks(
        np.array(ties, dtype=np.int64).reshape(-1, 2),
        _Keys(np.array(codes, dtype=np.int64), np.array(owners, dtype=np.int64), np.array(flags, dtype=np.int8)),
    )


_OPENNESS = {True: 0, False: _CLOSED, None: _CLOSED | _GUEST}


def _having(columns: RecordColumns, aspect: Aspect) -> Iterator[tuple[int, MatchRecord]]:
    """The records that may say something of an aspect."""
    records = columns.records
    if aspect == TWIN:
        same = np.array([record.content_hash for record in records])
        _, which, count = np.unique(same, return_inverse=True, return_counts=True)
        return ((index, records[index]) for index in np.flatnonzero(count[which] > 1).tolist())
    if aspect == COMPANY:
        return ((index, record) for index, record in enumerate(records) if record.kind == "company")
    return ((index, record) for index, record in enumerate(records) if record.facts or record.addresses)


def _block_pairs(blocks: _Blocks, aspect: Aspect, columns: RecordColumns, taking: _Taking) -> Iterator[Indexes]:
    """Pairs as (n, 2) arrays, in pieces of about `CHUNK_PAIRS`."""
    if blocks.ties.size:
        yield blocks.ties
    keys, parts = blocks.keys, PARTS.get(aspect, ())
    if taking.first_new:
        keys = keys.some(np.isin(keys.codes, keys.codes[keys.owners >= taking.first_new]))
    if aspect not in _BY_PROFILE:
        keys = _marked(keys, columns.slug, _SLUGGED)
    if aspect not in BY_BIRTH_DATE or not columns.born.any():
        yield from taking.apart(keys, parts)
        return
    yield from taking.apart(_marked(keys, columns.born, _DATED), parts)
    halves = taking.apart(_halved(keys, columns), parts)
    yield from _of_one_day(columns.records, halves)


def _marked(keys: _Keys, said: Indexes, mark: int) -> _Keys:
    """Keys with a flag on those of records that say something."""
    return _Keys(keys.codes, keys.owners, keys.flags | (said[keys.owners] > 0) * np.int8(mark))


def _halved(keys: _Keys, columns: RecordColumns) -> _Keys:
    """Those of records with a birth date, in blocks of one year and of one day of the year: nearly the same date has
    one of them in common."""
    keys = keys.some(columns.born[keys.owners] > 0)
    years = numbered(record.born[:4] for record in columns.records)
    days = -numbered(record.born[4:] for record in columns.records)
    codes = [keys.codes * _ODD + half[keys.owners] for half in (years, days)]
    return _Keys(np.concatenate(codes), np.tile(keys.owners, 2), np.tile(keys.flags, 2))


_ODD = np.array([0x9E3779B97F4A7C15], np.uint64).view(np.int64)


def _of_one_day(records: Sequence[MatchRecord], pieces: Iterable[Indexes]) -> Iterator[Indexes]:
    """Of these pairs those whose birth dates are nearly the same."""
    born = np.array([record.born for record in records], dtype=object)
    swapped = np.array([day_for_month(record.born) for record in records], dtype=object)
    for piece in pieces:
        left, right = born[piece[:, 0]], born[piece[:, 1]]
        near = cpdist(left, right, scorer=OSA.distance, score_cutoff=1, dtype=np.int32) <= 1
        yield piece[near | (swapped[piece[:, 0]] == right)]


@dataclass(frozen=True, slots=True)
class _Taking:
    """Takes large blocks apart by the readings of their records, as far as there are any."""

    records: Sequence[MatchRecord]
    readings: ReadingColumns
    first_new: int
    namesakes_are_tied: bool

    def apart(self, keys: _Keys, parts: Sequence[Part]) -> Iterator[Indexes]:
        """Pairs of all blocks; a block is the records of one code."""
        blocks, owners, flags = _repeated(keys, len(self.records))
        if not blocks.size:
            return
        starts = np.flatnonzero(np.diff(blocks, prepend=-1))
        sizes = np.diff(np.r_[starts, blocks.size])
        yield from _small_blocks(starts, sizes, owners, (flags & _GUEST) > 0)
        large = sizes > SMALL_BLOCK
        for start, size in zip(starts[large], sizes[large], strict=True):
            here = slice(start, start + size)
            yield from self._large(owners[here], flags[here], parts)

    def _large(self, owners: Indexes, flags: Marks, parts: Sequence[Part]) -> Iterator[Indexes]:
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
        yield from self.apart(_Keys(coded.codes, owners[coded.places], flags[coded.places] | guests), telling[1:])

    def _alike(self, owners: Indexes, flags: Marks, new: Flags) -> Iterator[Indexes]:
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


def _repeated(keys: _Keys, count: int) -> tuple[Indexes, Indexes, Marks]:
    """The blocks of more than one key as numbers, owners and flags, in order; an owner stands in a block once."""
    order = np.argsort(keys.codes)
    new_block = np.diff(keys.codes[order], prepend=0, append=0) != 0
    new_block[:1] = new_block[-1:] = True
    several = ~(new_block[:-1] & new_block[1:])
    order, blocks = order[several], np.cumsum(new_block[:-1])[several]
    packed = np.sort((blocks * count + keys.owners[order]) * _ALL_FLAGS + keys.flags[order])
    places, flags = np.divmod(packed, _ALL_FLAGS)
    once = np.diff(places, prepend=-1) > 0
    blocks, owners = np.divmod(places[once], count)
    return blocks, owners, flags[once].astype(np.int8)


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


def _large_block(owners: Indexes, flags: Marks, new: Flags) -> Iterator[Indexes]:
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
    """Each pair once among some `CHUNK_PAIRS`, the lower index left, at least one of them new."""
    waiting: list[Indexes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece[piece.max(axis=1) >= first_new] if first_new else piece)
        size += len(waiting[-1])
        if size >= CHUNK_PAIRS:
            yield from _unique(aspect, count, waiting)
            waiting, size = [], 0
    if waiting:
        yield from _unique(aspect, count, waiting)


def _unique(aspect: Aspect, count: int, pieces: list[Indexes]) -> Iterator[Pairs]:
    pairs = np.concatenate(pieces)
    low, high = np.minimum(pairs[:, 0], pairs[:, 1]), np.maximum(pairs[:, 0], pairs[:, 1])
    codes = np.sort((low * count + high)[low != high])
    codes = codes[np.diff(codes, prepend=-1) > 0]
    for start in range(0, codes.size, JUDGED_PAIRS):
        yield Pairs(aspect, *np.divmod(codes[start : start + JUDGED_PAIRS], count))
