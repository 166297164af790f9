"""Which names are two persons', remembered while clusters are made.

What belongs here: what is known of pairs of names. How two are compared is `comparison`'s, which trees of records they
keep apart is `forest`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from leads_dagster.leads.comparison import NameColumns, NameScores, name_pair_scores, name_scores
from leads_dagster.leads.evidence import TWO_PERSONS_BITS
from leads_dagster.leads.match_edges import Thresholds
from leads_dagster.leads.match_features import PersonName
from leads_dagster.leads.slips import Slips


class NameDifferences:
    """What is known of pairs of names; what is not, is compared when asked for.

    Args:
        thresholds: what makes two names alike.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._persons_differ: dict[tuple[str, str], bool] = {}
        self._no_word_fits: dict[tuple[str, str], bool] = {}
        self._slips = Slips()
        self._expected: dict[str, PersonName] = {}
        self._columns: tuple[dict[str, int], NameColumns] | None = None

    def note_alike(self, one: PersonName, other: PersonName) -> None:
        """Take for known that two names are not two persons'."""
        self._persons_differ[_key(one, other)] = False

    def note_one_profile(self, one: PersonName, other: PersonName) -> None:
        """Take for known that two names may be of one profile."""
        self._no_word_fits[_key(one, other)] = False

    def expect(self, names: Iterable[PersonName]) -> None:
        """Names that are going to be compared, all of them: they are made columns of once."""
        self._expected = {name.key: name for name in names}

    def compare(self, pairs: Iterable[tuple[PersonName, PersonName]]) -> None:
        """Take down which of these names are two persons'; many at once take little longer than two."""
        known = self._persons_differ
        unknown = {
            key: pair for pair in pairs if (key := _key(*pair)) not in known and not _one_given_name(*pair)
        }  # fmt: skip
        if unknown:
            found = self._scores(list(unknown.values()))
            alike = (found.scores > self._thresholds.match) | (found.scores == 1)
            known.update(zip(unknown, (~alike & ~found.agree).tolist(), strict=True))

    def _scores(self, pairs: Sequence[tuple[PersonName, PersonName]]) -> NameScores:
        if self._columns is None:
            if not self._expected:
                return name_pair_scores(pairs)
            places = {key: place for place, key in enumerate(self._expected)}
            self._columns = places, NameColumns(list(self._expected.values()))
        places, columns = self._columns
        try:
            left, right = ([places[name.key] for name in side] for side in zip(*pairs, strict=True))
        except KeyError:  # decisions join what no edge does
            return name_pair_scores(pairs)
        return columns.compare(np.array(left), np.array(right), thorough=True)

    def differ(self, one: PersonName, other: PersonName) -> bool:
        """Whether two names are two persons': neither alike as a whole nor in the given name."""
        if _one_given_name(one, other):
            return False
        key = _key(one, other)
        if key not in self._persons_differ:
            self.compare([(one, other)])
        return self._persons_differ[key]

    def wholly_differ(self, one: PersonName, other: PersonName) -> bool:
        """Whether no word of two names fits, as far as both are read, or neither."""
        if one.digits == other.digits and not {one.given, one.family}.isdisjoint((other.given, other.family)):
            return False
        key = _key(one, other)
        if key not in self._no_word_fits:
            self._no_word_fits[key] = (
                one.unread == other.unread and float(name_scores(one, other).bits[0]) <= TWO_PERSONS_BITS
            )
        return self._no_word_fits[key]

    def by_a_slip(self, one: PersonName, other: PersonName, *trees: Mapping[str, PersonName]) -> bool:
        """Whether two names differ only because one is mistyped, and another row has it right: Elizaebth is not Liz,
        but beside Elizabeth, whom both may be, she says nothing against her.

        Args:
            one, other: names that differ.
            trees: the names among which they are, by their keys.
        """
        return any(
            not self.differ(meant, mistyped) and not self.differ(meant, beside)
            for meant, mistyped, beside in self._meant(one, other, trees)
        )

    def _meant(
        self, one: PersonName, other: PersonName, trees: Sequence[Mapping[str, PersonName]]
    ) -> Iterator[tuple[PersonName, PersonName, PersonName]]:
        """Names that may be meant by one of two, which is mistyped then, and that one, and the other of the two."""
        for names in trees:
            self._slips.add(names)
        for mistyped, beside in ((one, other), (other, one)):
            near = self._slips.near(mistyped)
            for names in trees:
                yield from ((names[key], mistyped, beside) for key in names.keys() & near)


def _one_given_name(one: PersonName, other: PersonName) -> bool:
    return one.given == other.given and one.digits == other.digits


def _key(one: PersonName, other: PersonName) -> tuple[str, str]:
    return (one.key, other.key) if one.key < other.key else (other.key, one.key)
