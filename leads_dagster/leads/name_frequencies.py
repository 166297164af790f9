"""How much a name tells: two people called Smith are nothing unusual, two called Zuckerberg are.

What belongs here: reading the packaged table `data/name_frequencies.txt`, which names its sources. What the bits mean
for two records is worked out in `evidence`.

A bit is worth one halving: a name of 7 bits is borne by one person in 128. Where a name is common in one country, it
has the share of that country, because the leads of one list often come from one country.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

# What the table does not list is rarer than its last line. How rare, the complete tables behind it tell: of two people
# with unlisted family names, how often do both bear the same one? In Finland, where unlisted names are the least rare,
# once in 2^12.9 (Spain 2^13.6, United States 2^13.7); for given names once in 2^11.4 (France 2^11.8, Spain 2^12.1).
UNKNOWN_FAMILY_BITS = 12.0
UNKNOWN_GIVEN_BITS = 11.0
# The table lists names in Latin letters. One Chinese character can be the family name of a hundred million people.
OTHER_SCRIPT_BITS = 4.0


def given_bits(given: str) -> float:
    """How rare a given name is: -log2 of the share of people who bear it; 0 for "".

    Args:
        given: folded, as `PersonName.given`.
    """
    return _bits("given", given, UNKNOWN_GIVEN_BITS)


def family_bits(family: str) -> float:
    """How rare a family name is: -log2 of the share of people who bear it; 0 for "".

    Args:
        family: folded, as `PersonName.family`.
    """
    return _bits("family", family, UNKNOWN_FAMILY_BITS)


def initial_bits(letter: str) -> float:
    """How rare a first letter is among given names: "j" 2.25, "q" 9.25; 0 for ""."""
    return _bits("initials", letter, OTHER_SCRIPT_BITS)


def _bits(kind: str, name: str, unknown: float) -> float:
    if not name:
        return 0.0
    known = _table()[kind].get(name)
    if known is not None:
        return known
    return unknown if name.isascii() else OTHER_SCRIPT_BITS


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, float]]:
    """Kind of name -> name -> bits. A plain text, because this is read when the first name is compared."""
    text = files("leads_dagster.leads").joinpath("data").joinpath("name_frequencies.txt").read_text(encoding="utf-8")
    table: dict[str, dict[str, float]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            names = table[line.strip("[]")] = {}
        elif not line.startswith("#"):
            bits, *listed = line.split()
            names.update(dict.fromkeys(listed, float(bits)))
    return table
