"""How rare a name as a whole is.

What belongs here: the bits of one name, put together from its words' (`name_frequencies`). What two names are worth
beside each other is worked out in `comparison`.
"""

from __future__ import annotations

from collections.abc import Callable

from leads_dagster.leads.match_features import PersonName, runs_together, vietnamese_middles
from leads_dagster.leads.match_weights import match_weights
from leads_dagster.leads.name_frequencies import UNKNOWN_FAMILY_BITS, UNKNOWN_GIVEN_BITS, family_bits, given_bits

# "Nguyen Minh" is no rarer than "Minh Nguyen": the order that is this much likelier, sixteen times, is the one meant.
_FAMILY_FIRST_BITS = 4.0


def word_rarity(text: str, bits: Callable[[str], float]) -> float:
    """How rare one word is; a letter in place of a word says as much as a letter does."""
    return bits(text) if len(text) > 1 else match_weights().name.initial * len(text)


def name_rarity(name: PersonName) -> float:
    """How rare the name as a whole is: what it is worth beside itself, in bits."""
    if name.joined == name.given and runs_together(name.given):
        return UNKNOWN_GIVEN_BITS + UNKNOWN_FAMILY_BITS
    between = {name.second, name.before_last} - {name.given, name.family} - vietnamese_middles()
    forwards = word_rarity(name.given, given_bits) + word_rarity(name.family, family_bits)
    backwards = word_rarity(name.family, given_bits) + word_rarity(name.given, family_bits)
    family_first = bool(name.family) and forwards - backwards >= _FAMILY_FIRST_BITS
    rarity = backwards if family_first else forwards
    return rarity + sum(max(word_rarity(word, given_bits), word_rarity(word, family_bits)) for word in between)
