"""Which given names one person may go by: Robert and Bob, Elisabeth and Lisa, Yuliya and Julia.

What belongs here: groups of names from the package `nicknames` and from `data/nicknames.toml`, which names its sources.
How two names of a group are compared is `match_features.NicknameTable`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from leads_dagster.leads.folding import fold_umlauts
from leads_dagster.leads.name_frequencies import given_bits
from leads_dagster.leads.rule_tables import load_table

# A nickname that is at most this much rarer than the name is an everyday name of its own: most people called Erin were
# never called Aaron, and most called Lena never Helen.
_OWN_NAME_BITS = 2.0
# Two nicknames of one name belong to one person only where both are seldom names of their own: Bob and Rob.
_PET_NAME_BITS = 3.0

# Letters that sound alike, for "does the nickname lie in the name": Katherine and Cathy, Anthony and Tony.
_SOUNDS = (("ch", "k"), ("th", "t"), ("ph", "f"), ("c", "k"), ("z", "s"), ("y", "i"), ("h", ""))
_ENDING = re.compile(r"[ie]+$")
_STEM_LENGTH = 3


def given_name_groups() -> list[frozenset[str]]:
    """Groups of folded names; two names are akin when they share a group."""
    own = [line.split() for lines in load_table("nicknames").values() for line in lines]
    groups = (frozenset(map(fold_umlauts, group)) for group in [*own, *_english_groups()])
    return sorted({group for group in groups if len(group) > 1}, key=sorted)


def _english_groups() -> Iterator[list[str]]:
    """Each name of the package with each nickname, and with all those together that are no names of their own."""
    from nicknames import NickNamer

    for name, nicknames in NickNamer().nickname_lookup.items():
        kept = [nickname for nickname in nicknames if _may_be(name, nickname)]
        yield [name, *(nickname for nickname in kept if _rarer_by(name, nickname) >= _PET_NAME_BITS)]
        yield from ([name, nickname] for nickname in kept)


def _may_be(name: str, nickname: str) -> bool:
    words = name.isalpha() and nickname.isalpha()
    return words and (_rarer_by(name, nickname) >= _OWN_NAME_BITS or _lies_in(name, nickname))


def _rarer_by(name: str, nickname: str) -> float:
    return given_bits(fold_umlauts(nickname)) - given_bits(fold_umlauts(name))


def _lies_in(name: str, nickname: str) -> bool:
    """Whether the nickname begins as the name does, or is a part of it."""
    whole, short = _sound(name), _sound(nickname)
    stem = _ENDING.sub("", short)
    return whole[:2] == short[:2] or whole in short or (stem if len(stem) >= _STEM_LENGTH else short) in whole


def _sound(name: str) -> str:
    for letters, sound in _SOUNDS:
        name = name.replace(letters, sound)
    return name
