"""Chinese and Korean names in Latin letters: which words are made of their syllables.

What belongs here: reading `data/syllables.toml`, which names its sources. What it means for two names is worked out
in `comparison`.

In these languages another syllable is another name: Xiaoming and Xiaoling are two people, and neither is mistyped. A
word that does not fall into syllables (Xiaomnig) may be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from leads_dagster.leads.folding import fold_umlauts
from leads_dagster.leads.rule_tables import load_table


@dataclass(frozen=True, slots=True)
class _Language:
    syllables: re.Pattern[str]
    families: frozenset[str]


@lru_cache(maxsize=1)
def _languages() -> tuple[_Language, ...]:
    return tuple(
        _Language(
            re.compile(f"(?:{'|'.join(table['syllables'])})+"),
            frozenset(map(fold_umlauts, table["families"])),
        )
        for table in load_table("syllables").values()
    )


@lru_cache(maxsize=1 << 14)
def family_languages(word: str) -> int:
    """The languages, one bit each, of which a folded word is a common family name."""
    return sum(1 << bit for bit, language in enumerate(_languages()) if word in language.families)


@lru_cache(maxsize=1 << 14)
def syllable_languages(word: str) -> int:
    """The languages, one bit each, of whose syllables a folded word is made; 0 for one letter."""
    if len(word) < 2:
        return 0
    return sum(1 << bit for bit, language in enumerate(_languages()) if language.syllables.fullmatch(word))
