"""The words of many names as columns: what is known of a word is looked up once, however many bear it.

What belongs here: words side by side, and what can be said of each pair. What that makes of two names is worked out in
`comparison`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from leads_dagster.leads.match_features import nickname_table
from leads_dagster.leads.name_frequencies import UNKNOWN_GIVEN_BITS, family_bits, given_bits
from leads_dagster.leads.name_rarity import word_rarity
from leads_dagster.leads.record_columns import Flags, Indexes, Words, numbered
from leads_dagster.leads.syllables import family_languages, syllable_languages

Scores = NDArray[np.float32]
Texts = NDArray[np.object_]

# A given or family name less alike than this is another name, however long the rest.
LEAST_PART = 0.6
# One letter makes another name where names are this short (Tim, Tom; Wu, Xu).
SHORT_NAME = 3
# Of common given names, one letter makes another name where they are not longer than this (Lars, Mars).
_SHORT_COMMON = 4
# Endings that tell a woman's name from a man's: two names that differ by one of them are two people's.
_FEMININE = ("a", "e", "i", "ie", "ina", "ine", "na", "le", "elle", "ette", "etta", "ia")
_BEGINNING = 2


class WordTable:
    """What is known of distinct words, as columns that are made when first asked for.

    Args:
        words: those of many names.
        languages: of every name, the languages of which its given or family name is a common family name.
    """

    def __init__(self, words: Words, languages: Indexes) -> None:
        self._numbers, self._words, self._languages = words.numbers, words.texts, languages

    def column(self, name: str) -> WordColumn:
        """One word of every name."""
        return WordColumn(self, self._numbers[name], self._languages)

    @cached_property
    def texts(self) -> Texts:
        """The words themselves."""
        texts = np.empty(len(self._words), dtype=object)
        texts[:] = self._words
        return texts

    @cached_property
    def lengths(self) -> Indexes:
        """Letters of each."""
        return self._each(map(len, self._words))

    @cached_property
    def known(self) -> Indexes:
        """Its number among the known given names, or 0."""
        numbers = nickname_table().numbers
        return self._each(numbers.get(word, 0) for word in self._words)

    @cached_property
    def beginnings(self) -> Indexes:
        """Its beginning as a number; 0 for ""."""
        return numbered(word[:_BEGINNING] for word in self._words)

    @cached_property
    def as_given(self) -> Scores:
        """How rare it is as a given name."""
        return np.array([word_rarity(word, given_bits) for word in self._words], dtype=np.float32)

    @cached_property
    def as_family(self) -> Scores:
        """How rare it is as a family name."""
        return np.array([word_rarity(word, family_bits) for word in self._words], dtype=np.float32)

    @cached_property
    def families(self) -> Indexes:
        """The languages of which it is a common family name."""
        return self._each(map(family_languages, self._words))

    def syllables(self, needed: Indexes) -> Indexes:
        """The languages of whose syllables it is made, of some words; 0 of the others."""
        found = np.zeros(len(self._words), dtype=np.int64)
        for word in np.unique(needed).tolist():
            found[word] = syllable_languages(self._words[word])
        return found

    def _each(self, values: Iterable[int]) -> Indexes:
        return np.fromiter(values, np.int64, len(self._words))


class WordColumn:
    """One word of every name.

    Attributes:
        table: the words.
        numbers: of each name the place of its word among them; 0 where it has none.
    """

    def __init__(self, table: WordTable, numbers: Indexes, languages: Indexes) -> None:
        self.table, self.numbers, self._languages = table, numbers, languages

    @cached_property
    def lengths(self) -> Indexes:
        """Letters of each."""
        return self.table.lengths[self.numbers]

    @cached_property
    def beginnings(self) -> Indexes:
        """The beginning of each as a number."""
        return self.table.beginnings[self.numbers]

    @cached_property
    def syllables(self) -> Indexes:
        """Of whose syllables each is made, of the languages that its name is of."""
        some = self.table.syllables(self.numbers[self._languages > 0])
        return some[self.numbers] & self._languages


class WordPairs:
    """Two columns of words of one table side by side, and what can be said of each pair.

    Attributes:
        distance: letters that differ (optimal string alignment).
        length: letters of the longer.
        differs, missing: whether they differ; whether one of them is not there.
        unlike: too little is the same.
        short_and_different: so short that one letter makes another name.

    Args:
        left, left_rows, right, right_rows: the columns, and which names of theirs.
        crossed: whether one is read as a given and the other as a family name: John Smith, Smith John.
    """

    def __init__(
        self, left: WordColumn, left_rows: Indexes, right: WordColumn, right_rows: Indexes, *, crossed: bool = False
    ) -> None:
        self._table = table = left.table
        self._crossed = crossed
        self._one, self._other = left.numbers[left_rows], right.numbers[right_rows]
        self._syllables = left, left_rows, right, right_rows
        self.differs: Flags = self._one != self._other
        self.distance = self._distance()
        lengths = table.lengths[self._one], table.lengths[self._other]
        self.length, self._shorter = np.maximum(*lengths), np.minimum(*lengths)
        self.missing: Flags = self._shorter == 0
        self.unlike: Flags = self.differs & (self.distance > (1 - LEAST_PART) * self.length)
        self.short_and_different: Flags = self.differs & (self.length <= SHORT_NAME) & ~self.missing

    def _distance(self) -> NDArray[np.int32]:
        distance = np.zeros(self._one.size, dtype=np.int32)
        rows = np.flatnonzero(self.differs)
        texts = self._table.texts
        distance[rows] = cpdist(texts[self._one[rows]], texts[self._other[rows]], scorer=OSA.distance, dtype=np.int32)
        return distance

    @cached_property
    def initial(self) -> Flags:
        """One is the first letter of the other, or of a name that its bearer may go by."""
        return self._where(self.differs & (self._shorter == 1), _same_first_letter)

    @cached_property
    def initial_of_short_form(self) -> Flags:
        """One is the first letter only of a name that the other's bearer may go by: P. for José, who is Pepe."""
        return self._where(self.initial, _other_first_letter)

    @cached_property
    def both_known(self) -> Flags:
        """Both are known given names, and not the same."""
        known = self._table.known
        both: Flags = self.differs & (known[self._one] > 0) & (known[self._other] > 0)
        return both

    @cached_property
    def _common(self) -> Flags:
        rarity = self._table.as_given
        common: Flags = self.differs & (np.maximum(rarity[self._one], rarity[self._other]) < UNKNOWN_GIVEN_BITS)
        return common

    @cached_property
    def by_gender(self) -> Flags:
        """A man's and a woman's form of one given name."""
        return self._where((self.both_known | self._common) & ~self.unlike, _differ_by_gender)

    @cached_property
    def both_common(self) -> Flags:
        """Both are common given names, and no slip makes one of the other."""
        changed = self._where(self._common & (self.distance == 1), _same_letters)
        common: Flags = self._common & ((self.distance > 1) | ((self.length <= _SHORT_COMMON) & ~changed))
        return common

    @cached_property
    def akin(self) -> Flags:
        """One person may go by both given names."""
        table, known = nickname_table(), self._table.known
        akin: Flags = self.both_known & table.akin[known[self._one], known[self._other]]
        return akin

    @cached_property
    def as_given(self) -> Scores:
        """How rare the less rare one is as a given name."""
        return self._rarity(self._table.as_given)

    @cached_property
    def as_family(self) -> Scores:
        """How rare the less rare one is as a family name."""
        return self._rarity(self._table.as_family)

    def _rarity(self, rarity: Scores) -> Scores:
        """Of the less rare one; of a word that is one's given and the other's family name by the commoner use."""
        if self._crossed:
            rarity = np.minimum(self._table.as_given, self._table.as_family)
        return np.minimum(rarity[self._one], rarity[self._other])

    @cached_property
    def families(self) -> Indexes:
        """The languages of which both are common family names."""
        families = self._table.families
        return families[self._one] & families[self._other]

    @cached_property
    def syllables(self) -> Indexes:
        """The languages of whose syllables both are made, where they differ."""
        left, left_rows, right, right_rows = self._syllables
        return np.where(self.differs, left.syllables[left_rows] & right.syllables[right_rows], 0)

    def other_name_beside(self, family: WordPairs) -> Flags:
        """Whether both are made of syllables, other ones, beside family names of that language: Xiaoming, Xiaoling."""
        other: Flags = (self.syllables & family.families) > 0
        return other

    def _where(self, rows: Flags, holds: Callable[[str, str], bool]) -> Flags:
        """`holds` of the pairs in `rows`, False for the others; two words are looked at once."""
        found = np.zeros(rows.size, dtype=np.bool_)
        chosen = np.flatnonzero(rows)
        texts, count = self._table.texts, self._table.texts.size
        pairs, same = np.unique(self._one[chosen] * count + self._other[chosen], return_inverse=True)
        one, other = np.divmod(pairs, count)
        held = [holds(a, b) for a, b in zip(texts[one], texts[other], strict=True)]
        found[chosen] = np.array(held, dtype=np.bool_)[same]
        return found


def _same_letters(left: str, right: str) -> bool:
    """Two letters changed places: a slip, and no other name."""
    return sorted(left) == sorted(right)


def _same_first_letter(left: str, right: str) -> bool:
    """Of the names, or of a name that the longer one's bearer may go by: "P." for José, who is Pepe."""
    shorter, longer = sorted((left, right), key=len)
    return longer.startswith(shorter) or shorter in nickname_table().letters.get(longer, ())


def _other_first_letter(left: str, right: str) -> bool:
    return left[0] != right[0]


def _differ_by_gender(left: str, right: str) -> bool:
    shorter, longer = sorted((left, right), key=len)
    if longer.startswith(shorter) and longer[len(shorter) :] in _FEMININE:
        return True
    return len(left) == len(right) and left[:-1] == right[:-1] and {left[-1], right[-1]} <= set("aeio")
