"""What birth date, personal numbers and postal address of two persons are worth, in bits, for many pairs at once.

What belongs here: weights of facts and addresses over pairs of records. How they are read is in `facts` and
`match_features`; what a sum comes to, in `evidence`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

from leads_dagster.leads.comparison import Flags, Indexes, NameScores, Scores, Texts
from leads_dagster.leads.facts import day_for_month
from leads_dagster.leads.fields import BIRTH_DATE
from leads_dagster.leads.match_features import PersonName, PostalAddress
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.match_weights import FactWeights, match_weights
from leads_dagster.leads.name_frequencies import family_bits
from leads_dagster.leads.name_rarity import name_rarity

# A shorter number has too many neighbours at one letter's distance.
_LEAST_NEAR = 6
_LEAST_MISTYPED = 5
_STREETS_ALIKE = 0.88


class PersonalColumns:
    """Facts, addresses and lone names of records as columns."""

    def __init__(self, records: Sequence[MatchRecord]) -> None:
        own = [dict(fact.split(":", 1) for fact in record.facts) for record in records]
        kinds = sorted({kind for facts in own for kind in facts})
        self._facts = {kind: _column([facts.get(kind, "") for facts in own]) for kind in kinds}
        addresses = [record.addresses[0] if record.addresses else None for record in records]
        self._postal = _parts(addresses, lambda address: address.postal_code)
        self._city = _parts(addresses, lambda address: " ".join(address.city))
        self._numbers = _parts(addresses, lambda address: " ".join(address.numbers))
        self._street = _parts(addresses, lambda address: "".join(address.street))
        names = [record.name for record in records]
        self._alone = _column([name.given if _is_alone(name) else "" for name in names])
        self._alone_length = np.array([len(text) for text in self._alone], np.int64)
        self._family = _column([name.family for name in names])
        self._family_bits = np.array([family_bits(name.given if _is_alone(name) else "") for name in names], np.float32)
        self._rarity = np.array([name_rarity(name) for name in names], np.float32)

    def fact_bits(self, left: Indexes, right: Indexes) -> Scores:
        """What birth dates and numbers are worth that both of a pair give."""
        return sum(self.bits_by_kind(left, right).values(), np.zeros(left.size, dtype=np.float32))

    def bits_by_kind(self, left: Indexes, right: Indexes) -> dict[str, Scores]:
        """The same for each kind of fact."""
        return {kind: _fact_bits(kind, texts[left], texts[right]) for kind, texts in self._facts.items()}

    def address_bits(self, left: Indexes, right: Indexes, agree: Flags) -> Scores:
        """What addresses are worth: little beside given names that do not agree, since a household shares one."""
        weights = match_weights().address
        postal_code, city = self._postal, self._city
        codes, cities = _both(postal_code[left], postal_code[right]), _both(city[left], city[right])
        distance = cpdist(postal_code[left], postal_code[right], scorer=OSA.distance, dtype=np.int32)
        levels = [weights.postal_code, weights.postal_code_nearly]
        by_code = np.select([distance == 0, distance == 1], levels, weights.different_part)
        by_city = weights.city * (city[left] == city[right])
        bits = np.where(codes, by_code, np.where(cities, by_city, 0))
        bits += _part_bits(self._numbers[left] == self._numbers[right], self._numbers, (left, right), weights.number)
        bits += _part_bits(self._streets_alike(left, right), self._street, (left, right), weights.street)
        return np.where(agree, np.maximum(bits, weights.different), np.minimum(bits, weights.household)).astype(
            np.float32
        )

    def _streets_alike(self, left: Indexes, right: Indexes) -> Flags:
        one, other = self._street[left], self._street[right]
        forwards = cpdist(one, other, scorer=JaroWinkler.similarity, dtype=np.float32)
        alike: Flags = (
            np.maximum(forwards, cpdist(other, one, scorer=JaroWinkler.similarity, dtype=np.float32)) >= _STREETS_ALIKE
        )
        return alike

    def with_lone_names(self, left: Indexes, right: Indexes, names: NameScores) -> tuple[Scores, Flags]:
        """Bits and agreement of names, one word alone taken for the family name where the other has one like it."""
        bits, agree = names.bits, names.agree
        for one, other in ((left, right), (right, left)):
            read = self._read_alone(one, other)
            bits, agree = np.where(read > bits, read, bits), agree | (read > 0)
        return bits, agree

    def _read_alone(self, one: Indexes, other: Indexes) -> Scores:
        word, family = self._alone[one], self._family[other]
        distance = cpdist(word, family, scorer=OSA.distance, dtype=np.int32)
        mistyped = (distance == 1) & (self._alone_length[one] >= _LEAST_MISTYPED)
        alike = _both(word, family) & ((distance == 0) | mistyped)
        bits = np.maximum(self._family_bits[one] - match_weights().name.typing_error * distance, 0)
        bits = np.minimum(bits, np.minimum(self._rarity[one], self._rarity[other]))
        return np.where(alike, bits, 0).astype(np.float32)


def days_differ(one: str, other: str) -> bool:
    """Whether both give a birth date, and not nearly the same one: no digit wrong, nor day for month.

    Days that are nearly the same have the year in common, or month and day.
    """
    if not one or not other or one == other:
        return False
    if one[:4] != other[:4] and one[4:] != other[4:]:
        return True
    return OSA.distance(one, other, score_cutoff=1) > 1 and day_for_month(one) != other


def _is_alone(name: PersonName) -> bool:
    return bool(name.given) and not name.family


def _column(texts: Sequence[str]) -> Texts:
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column


def _parts(addresses: Sequence[PostalAddress | None], part: Callable[[PostalAddress], str]) -> Texts:
    return _column([part(address) if address else "" for address in addresses])


def _both(left: Texts, right: Texts) -> Flags:
    both: Flags = (left != "") & (right != "")
    return both


def _part_bits(alike: Flags, texts: Texts, pairs: tuple[Indexes, Indexes], worth: float) -> Scores:
    """What one part of two addresses is worth; nothing where one of them lacks it."""
    both = _both(texts[pairs[0]], texts[pairs[1]])
    return np.where(both, np.where(alike, worth, match_weights().address.different_part), 0).astype(np.float32)


def _fact_bits(kind: str, left: Texts, right: Texts) -> Scores:
    both = np.flatnonzero(_both(left, right))
    one, other = left[both], right[both]
    distance = cpdist(one, other, scorer=OSA.distance, dtype=np.int32)
    near = distance == 1
    if kind == BIRTH_DATE:
        near |= _column([day_for_month(text) for text in one]) == other
    else:
        near &= np.array([len(text) >= _LEAST_NEAR for text in one], dtype=np.bool_)
        near &= np.array([len(text) >= _LEAST_NEAR for text in other], dtype=np.bool_)
    weights = weights_of(kind)
    bits = np.zeros(left.size, dtype=np.float32)
    bits[both] = np.select([distance == 0, near], [weights.same, weights.nearly_same], weights.different)
    return bits


def weights_of(kind: str) -> FactWeights:
    """The weights of one kind of fact."""
    return match_weights().birth_date if kind == BIRTH_DATE else match_weights().personal_number
