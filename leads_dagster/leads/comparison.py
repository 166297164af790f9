"""How alike names and companies are, for many pairs at once.

What belongs here: scores from 0 to 1 over pairs of `PersonName` and `CompanyName`. No thresholds, no records, no loop
over pairs: rapidfuzz and numpy work on columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from leads_dagster.leads.match_features import LEAST_JOINED, CompanyName, PersonName
from leads_dagster.leads.match_weights import match_weights
from leads_dagster.leads.name_rarity import name_rarity
from leads_dagster.leads.record_columns import WORDS_OF_NAME, Flags, Indexes, Words, numbered
from leads_dagster.leads.syllables import family_languages
from leads_dagster.leads.word_columns import LEAST_PART, Scores, Texts, WordColumn, WordPairs, WordTable

__all__ = ["UNCERTAIN", "CompanyColumns", "Flags", "Indexes", "NameColumns", "NameScores", "Scores", "Texts"]

# The most that a pair scores where the rows alone cannot tell: under the match threshold, over the review threshold.
UNCERTAIN = 0.80
# Letters that a known short form counts as having wrong: Bob Smith is nearly, not wholly, Robert Smith.
_NICKNAME_DISTANCE = 0.5
# One letter makes another company where names are this short (BMW, BMC), or the words in which they differ.
_SHORT_COMPANY = 4
_SHORT_WORD = 3
_ACRONYM_SCORE = 0.9
# One word in other languages; what differs in them alone is no other company.
_JOINING = frozenset({"and", "und", "et", "en", "och", "og"})

_BASE = ("given", "family", "given", "family")
# Other ways to read two names, (left given, left family, right given, right family), and the most that each may score:
# names in the other order are as good as alike, a word left out is not. The best one counts. Two and two mirror each
# other and are tried together, so that it does not matter which of two names is the left one.
_ALL_WORDS, _WORD_MISSING = 1.0, 0.95
_READINGS = (
    ((("given", "family", "family", "given"), ("family", "given", "given", "family")), _ALL_WORDS),
    ((("given", "before_last", "given", "family"), ("given", "family", "given", "before_last")), _WORD_MISSING),
    ((("second", "family", "given", "family"), ("given", "family", "second", "family")), _WORD_MISSING),
    ((("family", "before_last", "given", "family"), ("given", "family", "family", "before_last")), _WORD_MISSING),
    ((("given", "before_last", "family", "given"), ("family", "given", "given", "before_last")), _WORD_MISSING),
)
_WITHOUT_BLANKS = ("joined", "joined_back")
_BETWEEN = frozenset({"second", "before_last"})
# A name whose blank was lost or slipped is read without blanks, where it is long enough to be a whole one.
_BLANK_SLIPPED = 0.90
_JOINED = (("joined", "joined"), ("joined", "joined_back"), ("joined_back", "joined"))
Reading = tuple[str, str, str, str]


@dataclass(frozen=True)
class NameScores:
    """How alike pairs of names are; one entry a pair.

    Attributes:
        scores: 0 to 1; 0 where digits differ.
        agree: each word may be a short or mistaken form of the other, or is missing: nothing speaks of two persons.
        generations_differ: both say which of several alike they are, and say different things.
        bits: what the agreement of the names is worth; rare names are worth more, contradictions less than nothing.
        wrong: letters that differ in the best reading, a short form counting as half of one.
    """

    scores: Scores
    agree: Flags
    generations_differ: Flags
    bits: Scores
    wrong: Scores


def name_scores(one: PersonName, other: PersonName) -> NameScores:
    """Compare two names in every reading; see `NameColumns.compare`."""
    return name_pair_scores([(one, other)])


def name_pair_scores(pairs: Sequence[tuple[PersonName, PersonName]]) -> NameScores:
    """Compare pairs of names in every reading."""
    names = {name.key: name for pair in pairs for name in pair}
    place = {key: number for number, key in enumerate(names)}
    left, right = (np.array([place[name.key] for name in side], dtype=np.int64) for side in zip(*pairs, strict=True))
    return NameColumns(list(names.values())).compare(left, right, thorough=True)


def one_letter_apart(one: PersonName, other: PersonName) -> bool:
    """Whether one slip of the pen, a lost blank too, makes one name of the other; in whatever order its words are."""
    if (one.generation, one.digits) != (other.generation, other.digits):
        return False
    if OSA.distance(one.joined, other.joined, score_cutoff=1) <= 1:
        return True
    words, others = one.words, other.words
    left, right = [word for word in words if word not in others], [word for word in others if word not in words]
    if len(left) != 1 or len(right) != 1 or len(words) != len(others):
        return False
    return min(len(left[0]), len(right[0])) > 1 and OSA.distance(left[0], right[0], score_cutoff=1) <= 1


@dataclass(frozen=True)
class _Read:
    """What one reading of pairs of names comes to; `wrong` counts letters."""

    scores: Scores
    agree: Flags
    bits: Scores
    wrong: Scores

    def improve(self, rows: Indexes, other: _Read, limit: float) -> None:
        """Take over what another reading of some of the pairs says better."""
        self.scores[rows] = np.maximum(self.scores[rows], np.minimum(other.scores, limit))
        self.agree[rows] |= other.agree
        self.bits[rows] = np.maximum(self.bits[rows], other.bits)
        self.wrong[rows] = np.minimum(self.wrong[rows], other.wrong)


class NameColumns:
    """Names as columns; those of a part are made when first asked for.

    Args:
        names: those to compare.
        words: theirs, where they are numbered already.
    """

    def __init__(self, names: Sequence[PersonName], words: Words | None = None) -> None:
        self._names, self._words = names, words or Words(names, WORDS_OF_NAME)
        languages = [family_languages(name.given) | family_languages(name.family) for name in names]
        self._languages = np.array(languages, dtype=np.int64)
        self._parts: dict[str, WordColumn] = {}
        self._mononym = np.array([name.mononym for name in names], dtype=np.bool_)
        self._generation = numbered(name.generation for name in names)
        self._digits = numbered(name.digits for name in names)
        self._rarity = np.array([name_rarity(name) for name in names], dtype=np.float32)
        self._letters = np.array([len(name.joined) for name in names], dtype=np.int64)
        self._has_middle = np.array([bool(name.middle_initials) for name in names], dtype=np.bool_)

    def compare(self, left: Indexes, right: Indexes, *, thorough: bool = False) -> NameScores:
        """Scores of the names at the positions in `left` and `right`.

        The score is the share of letters of given and family name that are right (optimal string alignment: a swap of
        neighbours is one error); known short forms count as all but right; the order of the words does not matter, of
        three words one may be missing, and a blank may be lost. Where the rows alone cannot tell it is `UNCERTAIN` at
        most: an initial against a name, two different known given names, a man's and a woman's form of one, one word
        alone, different middle initials, "Jr." on one side only.

        Args:
            left, right: positions of names.
            thorough: try all readings also where no two words begin alike; four times the work.
        """
        read = self._read(left, right, _BASE)
        middles = self._without_other_middles(left, right, read)
        longer = np.flatnonzero(self._has_middle[left] | self._has_middle[right])
        for readings, limit in _READINGS:
            rows = longer if not _BETWEEN.isdisjoint(chain(*readings)) else np.arange(left.size)
            rows = rows[(read.scores[rows] <= UNCERTAIN) & ~middles[rows]]
            for reading in readings:
                worth_a_try = self._complete if thorough else self._begin_alike
                todo = rows[worth_a_try(left[rows], right[rows], reading)]
                if todo.size:
                    read.improve(todo, self._read(left[todo], right[todo], reading), limit)
        self._read_without_blanks(left, right, read)
        return self._judged(left, right, read)

    def _without_other_middles(self, left: Indexes, right: Indexes, read: _Read) -> Flags:
        """Take off what other middle names take off pairs that are alike; which pairs these are."""
        rows = np.flatnonzero(read.scores >= UNCERTAIN)
        rows = rows[self._middles_differ(left[rows], right[rows])]
        read.scores[rows] = np.minimum(read.scores[rows], UNCERTAIN)
        read.bits[rows] += match_weights().name.middle_names_differ
        other = rows[self._other_syllables_between(left[rows], right[rows])]
        read.bits[other] += match_weights().name.other_given_name
        middles = np.zeros(left.size, dtype=np.bool_)
        middles[rows] = True
        return middles

    def _read_without_blanks(self, left: Indexes, right: Indexes, read: _Read) -> None:
        """Improve pairs that are alike once their blanks are gone."""
        long_enough = np.minimum(self._letters[left], self._letters[right]) >= LEAST_JOINED
        doubtful = np.flatnonzero(long_enough & (read.scores < _BLANK_SLIPPED))
        for one, other in _JOINED:
            todo = doubtful[self._nearly_as_long(one, left[doubtful], other, right[doubtful])]
            words = WordPairs(self._part(one), left[todo], self._part(other), right[todo])
            close = words.distance <= (1 - _BLANK_SLIPPED) * words.length
            close &= ~self._other_syllables(words, left[todo], right[todo])
            better = words.distance + 1 < read.wrong[todo]
            better |= words.distance == 0  # a blank in the wrong place is one
            alike = np.flatnonzero(close & better)
            todo, wrong = todo[alike], (words.distance[alike] + 1).astype(np.float32)
            rarity = np.minimum(self._rarity[left[todo]], self._rarity[right[todo]])
            bits = rarity - match_weights().name.typing_error * wrong
            scores = np.full(todo.size, _BLANK_SLIPPED, dtype=np.float32)
            read.improve(todo, _Read(scores, scores > 0, bits.astype(np.float32), wrong), _BLANK_SLIPPED)

    def _nearly_as_long(self, one: str, left: Indexes, other: str, right: Indexes) -> Flags:
        """Whether words begin alike and have nearly as many letters, so that they may be close."""
        first, second = self._part(one), self._part(other)
        begin = first.beginnings[left]
        lengths = first.lengths[left], second.lengths[right]
        close = abs(lengths[0] - lengths[1]) <= (1 - _BLANK_SLIPPED) * np.maximum(*lengths)
        alike: Flags = close & (begin > 0) & (begin == second.beginnings[right])
        return alike

    def _judged(self, left: Indexes, right: Indexes, read: _Read) -> NameScores:
        """What the name as a whole allows; no two names are worth more than each of them is beside itself."""
        scores, weights = read.scores, match_weights().name
        generation, digits = self._generation, self._digits
        unlike = generation[left] != generation[right]
        one_says = unlike & ((generation[left] == 0) | (generation[right] == 0))
        uncertain = one_says | self._mononym[left] | self._mononym[right]
        scores[uncertain] = np.minimum(scores[uncertain], UNCERTAIN)
        possible = digits[left] == digits[right]
        scores = np.where(possible, scores, 0).astype(np.float32)
        least = np.minimum(self._rarity[left], self._rarity[right])
        bits = np.where(left == right, least, np.minimum(read.bits, least))
        bits = bits + weights.generation_in_one * one_says + weights.digits_differ * ~possible
        agree, generations_differ = read.agree & possible & ~one_says, unlike & ~one_says
        return NameScores(scores, agree, generations_differ, bits.astype(np.float32), read.wrong)

    def _read(self, left: Indexes, right: Indexes, reading: Reading) -> _Read:
        """Scores of one reading, whether nothing in it speaks of two persons, and what it is worth."""
        given, family = (self._words_of(reading[place], left, reading[place + 2], right) for place in (0, 1))
        distance = np.where(given.akin, np.minimum(given.distance, _NICKNAME_DISTANCE), given.distance)
        distance = np.where(given.initial, 0, distance) + np.where(family.initial, 0, family.distance)
        scores = (1 - distance / np.maximum(given.length + family.length, 1)).astype(np.float32)
        contradicts = given.by_gender | given.both_known | given.both_common | given.other_name_beside(family)
        contradicts &= ~given.akin
        other_name = (given.short_and_different & ~given.akin) | contradicts
        other_family = family.other_name_beside(given)
        doubtful = given.initial | family.initial | other_name | family.short_and_different | other_family
        scores[doubtful] = np.minimum(scores[doubtful], UNCERTAIN)
        unlike = given.unlike & ~given.akin & ~given.initial
        family_unlike = family.unlike & ~family.initial
        scores[unlike | family_unlike] = np.minimum(scores[unlike | family_unlike], LEAST_PART)
        agree = (given.initial | ~(unlike | other_name)) & (family.missing | ~(family_unlike | other_family))
        bits = _given_bits(given, unlike, contradicts) + _family_bits(family, family_unlike, other_family)
        return _Read(scores, agree, bits, distance.astype(np.float32))

    def _words_of(self, one: str, left: Indexes, other: str, right: Indexes) -> WordPairs:
        """A part of each name beside a part of another."""
        return WordPairs(self._part(one), left, self._part(other), right, crossed={one, other} == {"given", "family"})

    def _middles_differ(self, left: Indexes, right: Indexes) -> Flags:
        differ: Flags = self._has_middle[left] & self._has_middle[right]
        both = np.flatnonzero(differ & (left != right))
        one, other = left[both], right[both]
        differ[:] = False
        differ[both] = self._other_middle_words(one, other)
        differ[both] |= ~(self._middle_letters[one] & self._middle_letters[other]).any(axis=1)
        return differ

    @cached_property
    def _middle_letters(self) -> NDArray[np.uint64]:
        """The first letters of each name's middle names, a bit for each letter that any has."""
        places = {letter: place for place, letter in enumerate(sorted({*chain(*self._middles())}))}
        letters = np.zeros((len(self._names), len(places) // 64 + 1), dtype=np.uint64)
        for row, initials in enumerate(self._middles()):
            for letter in initials:
                letters[row, places[letter] // 64] |= np.uint64(1 << places[letter] % 64)
        return letters

    def _middles(self) -> Iterator[Iterable[str]]:
        return (name.middle_initials for name in self._names)

    def _other_middle_words(self, left: Indexes, right: Indexes) -> Flags:
        """Whether both write out one word between given and family name, and not the same: Ji Hoon, Ji Hyun Kim."""
        middle, before = self._part("second"), self._part("before_last")
        words = WordPairs(middle, left, middle, right)
        single = (middle.numbers[left] == before.numbers[left]) & (middle.numbers[right] == before.numbers[right])
        other = words.unlike | words.short_and_different | words.both_known | words.both_common
        other |= self._other_syllables(words, left, right)
        differ: Flags = single & other & ~words.akin & ~words.initial & ~words.missing
        return differ

    def _other_syllables_between(self, left: Indexes, right: Indexes) -> Flags:
        """Whether the second syllable of two given names is another: Seo-yeon, Seo-yoon."""
        middle = self._part("second")
        return self._other_syllables(WordPairs(middle, left, middle, right), left, right)

    def _other_syllables(self, words: WordPairs, left: Indexes, right: Indexes) -> Flags:
        """Whether words are made of other syllables, in names whose family name is of their language."""
        other: Flags = (words.syllables & self._languages[left] & self._languages[right]) > 0
        return other

    def _begin_alike(self, left: Indexes, right: Indexes, reading: Reading) -> Flags:
        """Whether a reading is worth a try: all four words are there, and two that meet begin alike."""
        parts = [self._part(part).beginnings for part in reading]
        alike: Flags = (parts[0][left] == parts[2][right]) | (parts[1][left] == parts[3][right])
        return alike & self._complete(left, right, reading)

    def _complete(self, left: Indexes, right: Indexes, reading: Reading) -> Flags:
        """Whether all four words of a reading are there, those in between written out."""
        there = [self._part(part).lengths > (part in _BETWEEN) for part in reading]
        rows = (left, left, right, right)
        complete: Flags = np.logical_and.reduce([words[at] for words, at in zip(there, rows, strict=True)])
        return complete

    def _part(self, part: str) -> WordColumn:
        if part not in self._parts:
            words = Words(self._names, _WITHOUT_BLANKS) if part in _WITHOUT_BLANKS else self._words
            table = WordTable(words, self._languages)
            self._parts.update((each, table.column(each)) for each in words.numbers)
        return self._parts[part]


def _given_bits(given: WordPairs, unlike: Flags, other_name: Flags) -> Scores:
    weights, rarity = match_weights().name, given.as_given
    bits = np.where(given.akin, rarity - weights.nickname, rarity - weights.typing_error * given.distance)
    initial = weights.initial - weights.nickname * given.initial_of_short_form
    bits = np.where(given.initial, np.minimum(rarity, initial), np.maximum(bits, 0))
    typed = (given.distance == 1) & ~given.by_gender & ~given.short_and_different
    other = np.where(typed, weights.neighbouring_given_name, weights.other_given_name)
    bits = np.where(other_name & ~given.initial, other, bits)
    return np.where(given.missing, 0, np.where(unlike, weights.unlike, bits)).astype(np.float32)


def _family_bits(family: WordPairs, unlike: Flags, other_name: Flags) -> Scores:
    weights, rarity = match_weights().name, family.as_family
    bits = np.maximum(rarity - weights.typing_error * family.distance, 0)
    bits = np.where(family.initial, np.minimum(rarity, weights.initial), bits)
    bits = np.where(other_name, weights.other_given_name, bits)  # a given name that stands last
    return np.where(family.missing, 0, np.where(unlike, weights.unlike_family, bits)).astype(np.float32)


class CompanyColumns:
    """Companies as columns."""

    def __init__(self, companies: Sequence[CompanyName]) -> None:
        self._companies = companies
        self._joined = _column([company.joined for company in companies])
        self._ordered = _column([company.ordered for company in companies])
        self._words = np.array([len(company.words) for company in companies], dtype=np.int64)
        self._letters = np.array([len(company.joined) for company in companies], dtype=np.int64)
        shortest = [min(map(len, company.words), default=0) for company in companies]
        self._short_word = np.array([length <= _SHORT_WORD for length in shortest], dtype=np.bool_)
        digits: dict[str, int] = {}
        numbers = [digits.setdefault(company.digits, len(digits)) for company in companies]
        self._digits = np.array(numbers, dtype=np.int64)

    def compare(self, left: Indexes, right: Indexes) -> Scores:
        """Scores of the companies at the positions in `left` and `right`; 0 where digits differ.

        The share of letters that are right, read with the words in their order and without blanks, or in alphabetical
        order, whichever is higher. An acronym of three words and more stands for them. One name within the other
        (Siemens, Siemens Energy) is `UNCERTAIN`, as is a difference in a very short name.
        """
        scores: Scores = np.maximum(*(_similarity(texts, left, right) for texts in (self._joined, self._ordered)))
        for row in np.flatnonzero((scores < 1) & self._to_doubt(left, right)):
            scores[row] = _doubted(self._companies[left[row]], self._companies[right[row]], float(scores[row]))
        scores[(scores < 1) & (self._digits[left] != self._digits[right])] = 0
        return scores

    def _to_doubt(self, left: Indexes, right: Indexes) -> Flags:
        """Pairs of the same digits that may be an acronym, one name within the other, or differ in too few letters."""
        short = np.maximum(self._letters[left], self._letters[right]) <= _SHORT_COMPANY
        other_words: Flags = self._words[left] != self._words[right]
        other_words |= self._short_word[left] & self._short_word[right]
        to_doubt: Flags = (short | other_words) & (self._digits[left] == self._digits[right])
        return to_doubt


def _similarity(texts: Texts, left: Indexes, right: Indexes) -> Scores:
    return cpdist(texts[left], texts[right], scorer=OSA.normalized_similarity, dtype=np.float32)


def _doubted(left: CompanyName, right: CompanyName, score: float) -> float:
    if left.acronym and left.acronym == right.acronym and len(left.words) != len(right.words):
        return max(score, _ACRONYM_SCORE)
    if max(len(left.joined), len(right.joined)) <= _SHORT_COMPANY:
        return min(score, UNCERTAIN)
    if left.words < right.words or right.words < left.words:
        return UNCERTAIN
    if left.joined != right.joined and _differ_shortly(left.words ^ right.words):
        return min(score, UNCERTAIN)
    return score


def _differ_shortly(words: Set[str]) -> bool:
    """Whether two names differ in short words only: Acme I, Acme II; ABC Consulting, ABD Consulting."""
    telling = words - _JOINING
    return bool(telling) and all(len(word) <= _SHORT_WORD for word in telling)


def _column(texts: Sequence[str]) -> Texts:
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column


def company_bits(scores: Scores, known: Flags) -> Scores:
    """What companies of these scores are worth; nothing where one of the two is not `known`."""
    weights = match_weights().company
    steps = [scores == 1, scores > _ALIKE, scores >= _NEARLY, scores >= _SOMEWHAT]
    worth = [weights.same, weights.alike, weights.nearly_alike, weights.somewhat_alike]
    return np.where(known, np.select(steps, worth, weights.different), 0).astype(np.float32)


_ALIKE, _NEARLY, _SOMEWHAT = 0.85, 0.75, 0.6
