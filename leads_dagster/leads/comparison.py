"""How alike names and companies are, for many pairs at once.

What belongs here: scores from 0 to 1 over pairs of `PersonName` and `CompanyName`. No thresholds, no records, no loop
over pairs: rapidfuzz and numpy work on columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from leads_dagster.leads.match_features import CompanyName, PersonName, nickname_table

Scores = NDArray[np.float32]
Flags = NDArray[np.bool_]
Indexes = NDArray[np.int64]
Texts = NDArray[np.object_]

# The most that a pair scores where the rows alone cannot tell: under the match threshold, over the review threshold.
UNCERTAIN = 0.80
# Letters that a known short form counts as having wrong: Bob Smith is nearly, not wholly, Robert Smith.
_NICKNAME_DISTANCE = 0.5
# A given or family name less alike than this is another name, however long the rest.
_LEAST_PART = 0.6
# One letter makes another name where names are this short (Tim, Tom; Wu, Xu), another company as well (BMW, BMC).
_SHORT_NAME = 3
_SHORT_COMPANY = 4
_ACRONYM_SCORE = 0.9
# Endings that tell a woman's name from a man's: two names that differ by one of them are two people's.
_FEMININE = ("a", "e", "i", "ie", "ina", "ine", "na", "le", "elle", "ette", "etta", "ia")
_BEGINNING = 2

_BASE = ("given", "family", "given", "family")
# Other ways to read two names, (left given, left family, right given, right family), and the most that each may score:
# names in the other order are as good as alike, a word left out is not. The best one counts.
_ALL_WORDS, _WORD_MISSING = 1.0, 0.95
_READINGS = (
    (("given", "family", "family", "given"), _ALL_WORDS),
    (("family", "given", "given", "family"), _ALL_WORDS),
    (("given", "before_last", "given", "family"), _WORD_MISSING),
    (("second", "family", "given", "family"), _WORD_MISSING),
    (("given", "family", "given", "before_last"), _WORD_MISSING),
    (("given", "family", "second", "family"), _WORD_MISSING),
)
Reading = tuple[str, str, str, str]


@dataclass(frozen=True)
class NameScores:
    """How alike pairs of names are; one entry a pair.

    Attributes:
        scores: 0 to 1; 0 where digits differ.
        agree: each word may be a short or mistaken form of the other, or is missing: nothing speaks of two persons.
        generations_differ: both say which of several alike they are, and say different things.
    """

    scores: Scores
    agree: Flags
    generations_differ: Flags


def name_scores(names: Sequence[PersonName], left: Indexes, right: Indexes) -> NameScores:
    """Compare names[left[i]] with names[right[i]] for every i; see `NameColumns.compare`."""
    return NameColumns(names).compare(left, right)


@dataclass(frozen=True)
class _Part:
    """One part of every name: its text, length, number among the known given names, and beginning as a number."""

    texts: Texts
    lengths: Indexes
    known: Indexes
    beginnings: Indexes


class NameColumns:
    """Names as columns; those of a part are made when first asked for."""

    def __init__(self, names: Sequence[PersonName]) -> None:
        self._names = names
        self._parts: dict[str, _Part] = {}
        self._codes: dict[str, int] = {"": 0}
        self._mononym = np.array([name.mononym for name in names], dtype=np.bool_)
        self._generation = self._coded([name.generation for name in names])
        self._digits = self._coded([name.digits for name in names])
        self._has_middle = np.array([bool(name.middle_initials) for name in names], dtype=np.bool_)

    def compare(self, left: Indexes, right: Indexes) -> NameScores:
        """Scores of the names at the positions in `left` and `right`.

        The score is the share of letters of given and family name that are right (optimal string alignment: a swap of
        neighbours is one error); known short forms count as all but right; the order of the words does not matter, and
        of three words one may be missing. Where the rows alone cannot tell it is `UNCERTAIN` at most: an initial
        against a name, two different known given names, a man's and a woman's form of one, one word alone, different
        middle initials, "Jr." on one side only.
        """
        scores, agree = self._read(left, right, _BASE)
        middles = self._middles_differ(left, right)
        scores[middles] = np.minimum(scores[middles], UNCERTAIN)
        for reading, limit in _READINGS:
            todo = np.flatnonzero((scores <= UNCERTAIN) & ~middles & self._begin_alike(left, right, reading))
            if todo.size:
                other, _ = self._read(left[todo], right[todo], reading)
                scores[todo] = np.maximum(scores[todo], np.minimum(other, limit))
        return self._judged(left, right, scores, agree)

    def _judged(self, left: Indexes, right: Indexes, scores: Scores, agree: Flags) -> NameScores:
        generation, digits = self._generation, self._digits
        unlike = generation[left] != generation[right]
        one_says = unlike & ((generation[left] == 0) | (generation[right] == 0))
        uncertain = one_says | self._mononym[left] | self._mononym[right]
        scores[uncertain] = np.minimum(scores[uncertain], UNCERTAIN)
        possible = digits[left] == digits[right]
        scores = np.where(possible, scores, 0).astype(np.float32)
        return NameScores(scores, agree & possible & ~one_says, unlike & ~one_says)

    def _read(self, left: Indexes, right: Indexes, reading: Reading) -> tuple[Scores, Flags]:
        """Scores of one reading, and whether nothing in it speaks of two persons."""
        given = _Words(self._part(reading[0]), left, self._part(reading[2]), right)
        family = _Words(self._part(reading[1]), left, self._part(reading[3]), right)
        distance = np.where(given.akin, np.minimum(given.distance, _NICKNAME_DISTANCE), given.distance)
        distance = np.where(given.initial, 0, distance)
        scores = (1 - (distance + family.distance) / np.maximum(given.length + family.length, 1)).astype(np.float32)
        other_name = (given.doubtful | given.both_known) & ~given.akin
        doubtful = given.initial | other_name | family.short_and_different
        scores[doubtful] = np.minimum(scores[doubtful], UNCERTAIN)
        unlike = given.unlike & ~given.akin & ~given.initial
        scores[unlike | family.unlike] = np.minimum(scores[unlike | family.unlike], _LEAST_PART)
        return scores, (given.initial | ~(unlike | other_name)) & (family.initial | family.missing | ~family.unlike)

    def _middles_differ(self, left: Indexes, right: Indexes) -> Flags:
        differ: Flags = self._has_middle[left] & self._has_middle[right]
        names = self._names
        for row in np.flatnonzero(differ):
            differ[row] = set(names[left[row]].middle_initials).isdisjoint(names[right[row]].middle_initials)
        return differ

    def _begin_alike(self, left: Indexes, right: Indexes, reading: Reading) -> Flags:
        """Whether a reading is worth a try: all four words are there, and two that meet begin alike."""
        parts = [self._part(part).beginnings for part in reading]
        alike: Flags = (parts[0][left] == parts[2][right]) | (parts[1][left] == parts[3][right])
        for part, rows in zip(parts, (left, left, right, right), strict=True):
            alike &= part[rows] > 0
        return alike

    def _part(self, part: str) -> _Part:
        if part not in self._parts:
            texts = [getattr(name, part) for name in self._names]
            numbers = nickname_table().numbers
            self._parts[part] = _Part(
                _column(texts),
                np.array([len(text) for text in texts], dtype=np.int64),
                np.array([numbers.get(text, 0) for text in texts], dtype=np.int64),
                self._coded([text[:_BEGINNING] for text in texts]),
            )
        return self._parts[part]

    def _coded(self, texts: Sequence[str]) -> Indexes:
        codes = self._codes
        return np.array([codes.setdefault(text, len(codes)) for text in texts], dtype=np.int64)


class _Words:
    """Two columns of words side by side, and what can be said of each pair."""

    def __init__(self, left: _Part, left_rows: Indexes, right: _Part, right_rows: Indexes) -> None:
        texts = left.texts[left_rows], right.texts[right_rows]
        self.distance = cpdist(*texts, scorer=OSA.distance, dtype=np.int32)
        lengths = left.lengths[left_rows], right.lengths[right_rows]
        self.length, shorter = np.maximum(*lengths), np.minimum(*lengths)
        differs = self.distance > 0
        self.unlike = differs & (self.distance > (1 - _LEAST_PART) * self.length)
        self.short_and_different = differs & (self.length <= _SHORT_NAME) & (shorter > 0)
        self.missing = shorter == 0
        self.initial = _where(differs & (shorter == 1), *texts, _same_first_letter)
        self.doubtful = self.short_and_different | _where(differs & ~self.unlike, *texts, _differ_by_gender)
        known = left.known[left_rows], right.known[right_rows]
        self.both_known = differs & (known[0] > 0) & (known[1] > 0)
        self.akin = self.both_known & nickname_table().akin[known]


def _where(rows: Flags, left: Texts, right: Texts, holds: Callable[[str, str], bool]) -> Flags:
    """`holds` of the pairs in `rows`, False for the others."""
    found = np.zeros(rows.size, dtype=np.bool_)
    chosen = np.flatnonzero(rows)
    found[chosen] = [holds(a, b) for a, b in zip(left[chosen], right[chosen], strict=True)]
    return found


def _same_first_letter(left: str, right: str) -> bool:
    return left[:1] == right[:1]


def _differ_by_gender(left: str, right: str) -> bool:
    shorter, longer = sorted((left, right), key=len)
    if longer.startswith(shorter) and longer[len(shorter) :] in _FEMININE:
        return True
    return len(left) == len(right) and left[:-1] == right[:-1] and {left[-1], right[-1]} <= set("aeio")


@dataclass(frozen=True)
class _CompanyColumns:
    joined: Texts
    ordered: Texts


class CompanyColumns:
    """Companies as columns."""

    def __init__(self, companies: Sequence[CompanyName]) -> None:
        self._companies = companies
        self._joined = _column([company.joined for company in companies])
        self._ordered = _column([company.ordered for company in companies])

    def compare(self, left: Indexes, right: Indexes) -> Scores:
        """Scores of the companies at the positions in `left` and `right`; 0 where digits differ.

        The share of letters that are right, read with the words in their order and without blanks, or in alphabetical
        order, whichever is higher. An acronym of three words and more stands for them. One name within the other
        (Siemens, Siemens Energy) is `UNCERTAIN`, as is a difference in a very short name.
        """
        scores: Scores = np.maximum(*(_similarity(texts, left, right) for texts in (self._joined, self._ordered)))
        for row in np.flatnonzero(scores < 1):
            scores[row] = _doubted(self._companies[left[row]], self._companies[right[row]], float(scores[row]))
        return scores


def _similarity(texts: Texts, left: Indexes, right: Indexes) -> Scores:
    return cpdist(texts[left], texts[right], scorer=OSA.normalized_similarity, dtype=np.float32)


def _doubted(left: CompanyName, right: CompanyName, score: float) -> float:
    if left.digits != right.digits:
        return 0.0
    if left.acronym and left.acronym == right.acronym and len(left.words) != len(right.words):
        return max(score, _ACRONYM_SCORE)
    if max(len(left.joined), len(right.joined)) <= _SHORT_COMPANY:
        return min(score, UNCERTAIN)
    if left.words < right.words or right.words < left.words:
        return UNCERTAIN
    return score


def _column(texts: Sequence[str]) -> Texts:
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column
