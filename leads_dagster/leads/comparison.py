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
# (left given, left family, right given, right family): other ways to read the two names; the best one counts.
_READINGS = (
    ("given", "family", "family", "given"),
    ("family", "given", "given", "family"),
    ("given", "before_last", "given", "family"),
    ("second", "family", "given", "family"),
    ("given", "family", "given", "before_last"),
    ("given", "family", "second", "family"),
)
Reading = tuple[str, str, str, str]


@dataclass(frozen=True)
class NameScores:
    """How alike pairs of names are; one entry a pair.

    Attributes:
        scores: 0 to 1; 0 where digits differ or no word begins alike.
        agree: the given names may be one person's, whatever the family names are.
        generations_differ: both say which of several alike they are, and say different things.
    """

    scores: Scores
    agree: Flags
    generations_differ: Flags


def name_scores(names: Sequence[PersonName], left: Indexes, right: Indexes) -> NameScores:
    """Compare names[left[i]] with names[right[i]] for every i.

    The score is the share of letters of given and family name that are right (optimal string alignment: a swap of
    neighbours is one error); known short forms count as all but right; the order of the words does not matter. Where
    the rows alone cannot tell it is `UNCERTAIN` at most: an initial against a name, two different known given names, a
    man's and a woman's form of one, one word alone, different middle initials, "Jr." on one side only.
    """
    return _NameColumns(names).compare(left, right)


class _NameColumns:
    """Names as columns; texts and codes of a part are made when first asked for."""

    def __init__(self, names: Sequence[PersonName]) -> None:
        self._names = names
        self._texts: dict[str, Texts] = {}
        self._beginnings: dict[str, Indexes] = {}
        self._codes: dict[str, int] = {"": 0}
        self._mononym = np.array([name.mononym for name in names], dtype=np.bool_)

    def compare(self, left: Indexes, right: Indexes) -> NameScores:
        scores, agree = self._read(left, right, _BASE)
        middles = self._middles_differ(left, right)
        scores[middles] = np.minimum(scores[middles], UNCERTAIN)
        for reading in _READINGS:
            todo = np.flatnonzero((scores <= UNCERTAIN) & ~middles & self._begin_alike(left, right, reading))
            if todo.size:
                other, _ = self._read(left[todo], right[todo], reading)
                scores[todo] = np.maximum(scores[todo], other)
        return self._judged(left, right, scores, agree)

    def _judged(self, left: Indexes, right: Indexes, scores: Scores, agree: Flags) -> NameScores:
        generation, digits = self._coded("generation"), self._coded("digits")
        one_says = generation[left] != generation[right]
        uncertain = one_says & ((generation[left] == 0) | (generation[right] == 0))
        uncertain |= self._mononym[left] | self._mononym[right]
        scores[uncertain] = np.minimum(scores[uncertain], UNCERTAIN)
        possible = (digits[left] == digits[right]) & self._share_beginning(left, right)
        return NameScores(np.where(possible, scores, 0).astype(np.float32), agree & possible, one_says & ~uncertain)

    def _read(self, left: Indexes, right: Indexes, reading: Reading) -> tuple[Scores, Flags]:
        """Scores of one reading, and whether the words read as given names may be one person's."""
        given = _Words(self._text(reading[0])[left], self._text(reading[2])[right])
        family = _Words(self._text(reading[1])[left], self._text(reading[3])[right])
        given_distance = np.where(given.akin, np.minimum(given.distance, _NICKNAME_DISTANCE), given.distance)
        initial = given.initial
        given_distance = np.where(initial, 0, given_distance)
        length = np.maximum(given.length + family.length, 1)
        scores = (1 - (given_distance + family.distance) / length).astype(np.float32)
        unlike = given.unlike & ~given.akin & ~initial
        doubtful = initial | ((given.doubtful | given.both_known) & ~given.akin) | family.short_and_different
        scores[doubtful] = np.minimum(scores[doubtful], UNCERTAIN)
        scores[unlike | family.unlike] = np.minimum(scores[unlike | family.unlike], _LEAST_PART)
        return scores, initial | given.akin | ~(unlike | given.doubtful | given.both_known)

    def _middles_differ(self, left: Indexes, right: Indexes) -> Flags:
        middle = self._text("middle_initials")
        rows = np.flatnonzero((self._coded("middle_initials")[left] > 0) & (self._coded("middle_initials")[right] > 0))
        differ = np.zeros(left.size, dtype=np.bool_)
        differ[rows] = [set(a).isdisjoint(b) for a, b in zip(middle[left[rows]], middle[right[rows]], strict=True)]
        return differ

    def _share_beginning(self, left: Indexes, right: Indexes) -> Flags:
        given, family = self._beginning("given"), self._beginning("family")
        alike = (given[left] == given[right]) | (family[left] == family[right]) & (family[left] > 0)
        crossed = (given[left] == family[right]) | (family[left] == given[right])
        shared: Flags = alike | crossed
        return shared

    def _begin_alike(self, left: Indexes, right: Indexes, reading: Reading) -> Flags:
        parts = [self._beginning(part) for part in reading]
        alike = (parts[0][left] == parts[2][right]) | (parts[1][left] == parts[3][right])
        present = (parts[0][left] > 0) & (parts[1][left] > 0) & (parts[2][right] > 0) & (parts[3][right] > 0)
        both: Flags = alike & present
        return both

    def _text(self, part: str) -> Texts:
        if part not in self._texts:
            self._texts[part] = _column([getattr(name, part) for name in self._names])
        return self._texts[part]

    def _coded(self, part: str) -> Indexes:
        return self._numbered(part, self._text(part))

    def _beginning(self, part: str) -> Indexes:
        return self._numbered(f"{part} beginning", [text[:_BEGINNING] for text in self._text(part)])

    def _numbered(self, key: str, texts: Sequence[str] | Texts) -> Indexes:
        if key not in self._beginnings:
            codes = self._codes
            self._beginnings[key] = np.array([codes.setdefault(text, len(codes)) for text in texts], dtype=np.int64)
        return self._beginnings[key]


class _Words:
    """Two columns of words side by side, and what can be said of each pair."""

    def __init__(self, left: Texts, right: Texts) -> None:
        self.distance = cpdist(left, right, scorer=OSA.distance, dtype=np.int32)
        lengths = _lengths(left), _lengths(right)
        self.length = np.maximum(*lengths)
        shorter = np.minimum(*lengths)
        differs = self.distance > 0
        self.unlike = differs & (self.distance > (1 - _LEAST_PART) * self.length)
        self.short_and_different = differs & (self.length <= _SHORT_NAME) & (shorter > 0)
        self.initial = differs & (shorter == 1) & self._where(differs & (shorter == 1), left, right, _same_first_letter)
        self._known(left, right, differs)
        near = differs & ~self.unlike
        self.doubtful = self.short_and_different | self._where(near, left, right, _differ_by_gender)

    def _known(self, left: Texts, right: Texts, differs: Flags) -> None:
        table = nickname_table()
        numbers = [
            np.fromiter((table.numbers.get(word, 0) for word in side), dtype=np.int64, count=side.size)
            for side in (left, right)
        ]
        self.both_known = differs & (numbers[0] > 0) & (numbers[1] > 0)
        self.akin = table.akin[numbers[0], numbers[1]] & differs

    @staticmethod
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


def company_scores(companies: Sequence[CompanyName], left: Indexes, right: Indexes) -> Scores:
    """Compare companies[left[i]] with companies[right[i]] for every i; 0 where digits differ.

    The share of letters that are right, read with the words in their order and without blanks, or in alphabetical
    order, whichever is higher. An acronym of three words and more stands for them. One name within the other (Siemens,
    Siemens Energy) is `UNCERTAIN`, as is a difference in a very short name.
    """
    joined = _column([company.joined for company in companies])
    ordered = _column([company.ordered for company in companies])
    scores: Scores = np.maximum(
        cpdist(joined[left], joined[right], scorer=OSA.normalized_similarity, dtype=np.float32),
        cpdist(ordered[left], ordered[right], scorer=OSA.normalized_similarity, dtype=np.float32),
    )
    for row in np.flatnonzero(scores < 1):
        scores[row] = _doubted(companies[left[row]], companies[right[row]], float(scores[row]))
    return scores


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


def _lengths(texts: Texts) -> Indexes:
    return np.fromiter(map(len, texts), dtype=np.int64, count=texts.size)
