"""Readings of many names as columns of numbers: what `readings.name_readings` writes as texts.

What belongs here: the readings of names in blocks of thousands. Two names share a number where they share a reading,
and a test holds that; only that a word is taken apart once, however many names have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from leads_dagster.leads.match_features import nickname_table
from leads_dagster.leads.readings import (
    FEW_LETTERS,
    HALF,
    WRITTEN_ALIKE,
    both_ends,
    without_blanks,
    word_readings,
)
from leads_dagster.leads.record_columns import Coded, Indexes, RecordColumns, Words, hashed, spread

# Odd numbers: the parts of a reading are multiplied with them, so that their sum tells one reading from another.
_ODD = np.array(
    [
        0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F,
        0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3, 0x1D8E4E27C47D124F, 0xEB44ACCAB455D165,
    ],
    np.uint64,
)  # fmt: skip
_WHOLE, _ENDS, _BEGIN, _END, _READING, _LETTER, _GROUP, _HALF_NAME, _JOINED, _SAME = (
    _ODD[place : place + 1].view(np.int64) for place in range(_ODD.size)
)
# The words that are kept and told, one beside the other, in names of two words, and of more.
_OF_TWO = (("given", "family"), ("family", "given"))
_OF_MORE = (
    ("given", "before_last"), ("before_last", "given"), ("second", "family"), ("family", "second"),
    ("family", "before_last"), ("before_last", "family"),
)  # fmt: skip
_Piece = tuple[Indexes, Indexes]


class NameReadings:
    """The readings of names, and what they are made of.

    Args:
        columns: the records; names are given by their places in `columns.names`.
    """

    def __init__(self, columns: RecordColumns) -> None:
        self._names = columns.names
        self._columns = columns

    def of(self, names: Indexes) -> Coded:
        """The readings of some names; one may have a reading twice."""
        opens, guests = [*self._opens(names)], [*self._guests(names)]
        places, codes = (np.concatenate(column) for column in zip(*opens, *guests, strict=True))
        count = sum(some.size for some, _ in opens)
        return Coded(places, codes, (np.arange(places.size) >= count).astype(np.int8))

    def telling(self, names: Indexes) -> Coded:
        """Those that one slip leaves whole; all of them are open."""
        places, codes = (np.concatenate(column) for column in zip(*self._whole(names), strict=True))
        return Coded(places, codes, np.zeros(places.size, dtype=np.int8))

    def _opens(self, names: Indexes) -> Iterator[_Piece]:
        yield np.arange(names.size), names * _SAME
        yield from self._whole(names)
        for place, kept, told in self._beside(names):
            for half in self._parts.halves(kept):
                yield from self._told(place, half, told)
        yield from self._alone(names)

    def _whole(self, names: Indexes) -> Iterator[_Piece]:
        """All of a word beside both ends of the other, and both words without their blank."""
        for place, kept, told in self._beside(names):
            for ends in self._parts.both_ends:
                yield place, self._parts.whole[kept] * _WHOLE + ends[told] * _ENDS
        rows, texts = spread(self._joined[0], names)
        yield rows, self._joined[1][texts] * _JOINED

    def _told(self, place: Indexes, half: Indexes, told: Indexes) -> Iterator[_Piece]:
        """Half of a word beside what another may be read as; beside a letter, if it is one."""
        letter = self._parts.lengths[told] == 1
        yield place[letter], half[letter] + self._parts.whole_letter[told[letter]] * _LETTER
        place, half, told = place[~letter], half[~letter], told[~letter]
        for reading in self._parts.readings:
            yield place, half + reading[told] * _READING
        rows, groups = self._parts.groups(told)
        yield place[rows], half[rows] + groups * _GROUP

    def _alone(self, names: Indexes) -> Iterator[_Piece]:
        """A name of one word by its beginning, and by its own readings."""
        given = self._words.numbers["given"][names]
        alone = np.flatnonzero((self._words.numbers["family"][names] == 0) & (given > 0))
        yield alone, self._parts.beginnings[given[alone]] * _HALF_NAME
        long = alone[self._parts.lengths[given[alone]] > FEW_LETTERS]
        known, which = np.unique(given[long], return_inverse=True)
        sizes, hashes = hashed(word_readings(self._words.texts[word]) for word in known.tolist())
        rows, texts = spread(sizes, which)
        yield long[rows], hashes[texts] * _READING

    def _guests(self, names: Indexes) -> Iterator[_Piece]:
        for place, kept, told in self._beside(names):
            long = self._parts.lengths[told] > 1
            rows, letters = self._parts.letters(told[long])
            for half in self._parts.halves(kept[long]):
                yield place[long][rows], half[rows] + letters * _LETTER
        whole = self._words.numbers["family"][names] > 0
        for column in ("given", "family", "before_last"):
            words = self._words.numbers[column][names]
            rows = np.flatnonzero(whole & (self._parts.lengths[words] > 1))
            yield rows, self._parts.beginnings[words[rows]] * _HALF_NAME

    def _beside(self, names: Indexes) -> Iterator[tuple[Indexes, Indexes, Indexes]]:
        """Places of names, the word of each that is kept, and the one that is told beside it."""
        for column, pairs in (("family", _OF_TWO), ("before_last", _OF_MORE)):
            places = np.flatnonzero(self._words.numbers[column][names])
            for kept, told in pairs:
                yield places, self._words.numbers[kept][names[places]], self._words.numbers[told][names[places]]

    @cached_property
    def _words(self) -> Words:
        return self._columns.words

    @cached_property
    def _parts(self) -> _WordParts:
        return _WordParts(self._words.texts)

    @cached_property
    def _joined(self) -> tuple[Indexes, Indexes]:
        return hashed(map(without_blanks, self._names))


class _WordParts:
    """Parts of distinct words as hashes, and what else a word is read as."""

    def __init__(self, words: list[str]) -> None:
        alike = [word.translate(WRITTEN_ALIKE) for word in words]
        self._words = words
        self.lengths = np.array([len(word) for word in words], dtype=np.int64)
        self.whole = _hashes(alike)
        self.whole_letter = _hashes(words)
        self.beginnings = _hashes(word[:HALF] for word in words)
        self._begin, self._end = _hashes(word[:HALF] for word in alike), _hashes(word[-HALF:] for word in alike)
        self.both_ends = _columns(words, both_ends)
        self.readings = _columns(alike, word_readings)

    def halves(self, words: Indexes) -> tuple[Indexes, Indexes]:
        """Beginning and end of each."""
        return self._begin[words] * _BEGIN, self._end[words] * _END

    def groups(self, words: Indexes) -> _Piece:
        """The groups of given names that words are of: places in `words`, and the groups."""
        sizes, groups = self._groups
        rows, found = spread(sizes, words)
        return rows, groups[found]

    def letters(self, words: Indexes) -> _Piece:
        """The first letters of words, and of the names that their bearers may go by."""
        sizes, letters = self._letters
        rows, found = spread(sizes, words)
        return rows, letters[found]

    @cached_property
    def _groups(self) -> tuple[Indexes, Indexes]:
        groups = nickname_table().groups
        found = [groups.get(word, ()) for word in self._words]
        sizes = np.array([len(some) for some in found], dtype=np.int64)
        return sizes, np.array([*chain.from_iterable(found), 0], dtype=np.int64)

    @cached_property
    def _letters(self) -> tuple[Indexes, Indexes]:
        letters = nickname_table().letters
        return hashed({word[:1], *letters.get(word, ())} for word in self._words)


def _columns(words: list[str], parts: Callable[[str], Iterable[str]]) -> NDArray[np.int64]:
    """One column of hashes for each of the parts that a word has; all have as many."""
    hashes: NDArray[np.int64] = np.array([[hash(part) for part in parts(word)] for word in words], dtype=np.int64).T
    return np.ascontiguousarray(hashes)


def _hashes(texts: Iterable[str]) -> Indexes:
    return np.fromiter(map(hash, texts), np.int64)
