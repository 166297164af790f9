"""Which records are worth comparing: pairs that share a key.

What belongs here: from the aspects of many records to pairs, in pieces that fit in memory. Keys are made in `aspects`;
whether a pair is one lead is decided in `evidence`.

Of records that say the same of an aspect, one stands for all; the others are only tied to it. That keeps rows that
repeat one person from being compared with each other, and `clustering` lifts what was found back to all who share the
aspect. What becomes of large blocks is told in `block_pairs`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
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
from leads_dagster.leads.block_pairs import CLOSED, DATED, GUEST, SLUGGED, Keys, TakingApart
from leads_dagster.leads.facts import day_for_month
from leads_dagster.leads.key_codes import READ_AS_COLUMNS, Entries, KeyCodes
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.meeting import PARTS, ReadingColumns
from leads_dagster.leads.record_columns import Indexes, RecordColumns, combined, numbered

__all__ = ["Pairs", "blocking_keys", "candidate_pairs"]

# Pairs among which each is kept once, and pairs handed on at a time: both bound memory.
_GATHERED_PAIRS = 4_000_000
_JUDGED_PAIRS = 50_000


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
class _Blocks:
    """What one aspect brings together: pairs of equal records, and the keys of those that stand for them."""

    ties: Indexes
    keys: Keys


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
    key_codes, readings = KeyCodes(columns), ReadingColumns(columns)
    for aspect in ASPECTS:
        blocks = _read(columns, key_codes, aspect) if aspect in READ_AS_COLUMNS else _gathered(columns, aspect)
        taking = TakingApart(columns, readings, first_new, aspect == PHONE_PROFILE)
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
    flags = keys.closed * np.int8(CLOSED) | keys.guests * np.int8(GUEST)
    ties = np.column_stack((every.owners[first[tied]], every.owners[tied]))
    return _Blocks(ties, Keys(keys.codes, entries.owners[keys.places], flags))


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
        Keys(np.array(codes, dtype=np.int64), np.array(owners, dtype=np.int64), np.array(flags, dtype=np.int8)),
    )


_OPENNESS = {True: 0, False: CLOSED, None: CLOSED | GUEST}


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


def _block_pairs(blocks: _Blocks, aspect: Aspect, columns: RecordColumns, taking: TakingApart) -> Iterator[Indexes]:
    """Pairs as (n, 2) arrays, in pieces of about `CHUNK_PAIRS`."""
    if blocks.ties.size:
        yield blocks.ties
    keys, parts = blocks.keys, PARTS.get(aspect, ())
    if taking.first_new:
        keys = keys.some(np.isin(keys.codes, keys.codes[keys.owners >= taking.first_new]))
    if aspect not in _BY_PROFILE:
        keys = _marked(keys, columns.slug, SLUGGED)
    if aspect not in BY_BIRTH_DATE or not columns.born.any():
        yield from taking.pairs(keys, parts)
        return
    yield from taking.pairs(_marked(keys, columns.born, DATED), parts)
    halves = taking.pairs(_halved(keys, columns), parts)
    yield from _of_one_day(columns.records, halves)


def _marked(keys: Keys, said: Indexes, mark: int) -> Keys:
    """Keys with a flag on those of records that say something."""
    return Keys(keys.codes, keys.owners, keys.flags | (said[keys.owners] > 0) * np.int8(mark))


def _halved(keys: Keys, columns: RecordColumns) -> Keys:
    """Those of records with a birth date, in blocks of one year and of one day of the year: nearly the same date has
    one of them in common."""
    keys = keys.some(columns.born[keys.owners] > 0)
    years = numbered(record.born[:4] for record in columns.records)
    days = -numbered(record.born[4:] for record in columns.records)
    codes = [keys.codes * _ODD + half[keys.owners] for half in (years, days)]
    return Keys(np.concatenate(codes), np.tile(keys.owners, 2), np.tile(keys.flags, 2))


_ODD = np.array([0x9E3779B97F4A7C15], np.uint64).view(np.int64)


def _of_one_day(records: Sequence[MatchRecord], pieces: Iterable[Indexes]) -> Iterator[Indexes]:
    """Of these pairs those whose birth dates are nearly the same."""
    born = np.array([record.born for record in records], dtype=object)
    swapped = np.array([day_for_month(record.born) for record in records], dtype=object)
    for piece in pieces:
        left, right = born[piece[:, 0]], born[piece[:, 1]]
        near = cpdist(left, right, scorer=OSA.distance, score_cutoff=1, dtype=np.int32) <= 1
        yield piece[near | (swapped[piece[:, 0]] == right)]


def _distinct(aspect: Aspect, count: int, first_new: int, pieces: Iterable[Indexes]) -> Iterator[Pairs]:
    """Each pair once among some `_GATHERED_PAIRS`, the lower index left, at least one of them new."""
    waiting: list[Indexes] = []
    size = 0
    for piece in pieces:
        waiting.append(_packed(piece, count, first_new))
        size += waiting[-1].size
        if size >= _GATHERED_PAIRS:
            waiting = [_each_once(waiting)]
            size = waiting[0].size
            if size >= _GATHERED_PAIRS // 2:
                yield from _unpacked(aspect, waiting.pop(), count)
                size = 0
    if waiting:
        yield from _unpacked(aspect, _each_once(waiting), count)


def _packed(pairs: Indexes, count: int, first_new: int) -> Indexes:
    low, high = np.minimum(pairs[:, 0], pairs[:, 1]), np.maximum(pairs[:, 0], pairs[:, 1])
    codes: Indexes = (low * count + high)[(low != high) & (high >= first_new)]
    return codes


def _each_once(codes: list[Indexes]) -> Indexes:
    ordered = np.sort(np.concatenate(codes))
    return ordered[np.diff(ordered, prepend=-1) > 0]


def _unpacked(aspect: Aspect, codes: Indexes, count: int) -> Iterator[Pairs]:
    for start in range(0, codes.size, _JUDGED_PAIRS):
        yield Pairs(aspect, *np.divmod(codes[start : start + _JUDGED_PAIRS], count))
