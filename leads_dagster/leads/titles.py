"""What people do, so that "VP Sales" meets "Vice President, Sales".

What belongs here: the fold of a job title, by `data/titles.toml`, which names its sources. For matching only, never
shown. Titles are not translated: only an abbreviation and its words count as one.
"""

from __future__ import annotations

import re
from functools import lru_cache

from leads_dagster.leads.folding import fold_text
from leads_dagster.leads.rule_tables import load_table

# A longer title is a biography; its beginning is compared.
MAX_CHARACTERS = 300

_DOTTED = re.compile(r"(?<!\w)\w(?:\.\w)+(?!\w)")
# German writes in one word what it also writes in two: "Vertriebsleiter" is "Leiter Vertrieb".
_GERMAN_COMPOUND = re.compile(r"(?P<what>\w{4,}?)s?(?P<who>leiter|leiterin|leitung)")


@lru_cache(maxsize=1 << 16)
def fold_title(text: str) -> str:
    """The words of a title in alphabetical order, abbreviations and their words as one; "" where there are none.

    "Vice President of Sales" -> "sales vp", "Chief Executive Officer & Co-Founder" -> "ceo cofounder".
    """
    words = fold_text(_DOTTED.sub(lambda found: found[0].replace(".", ""), text[:MAX_CHARACTERS])).split()
    # The words of a phrase may meet only once they are in order.
    while (folded := _folded(words)) != words:
        words = folded
    return " ".join(words)


def _folded(words: list[str]) -> list[str]:
    short = _with_phrases([_short_words().get(part, part) for word in words for part in _apart(word)])
    return sorted(set(short) - _stop_words())


def _apart(word: str) -> tuple[str, ...]:
    found = _GERMAN_COMPOUND.fullmatch(word)
    return (word,) if found is None else (found["who"], found["what"])


def _with_phrases(words: list[str]) -> list[str]:
    phrases = _phrases()
    found: list[str] = []
    at = 0
    while at < len(words):
        longest = next((end for end in _ends(words, at) if tuple(words[at:end]) in phrases), None)
        found.append(words[at] if longest is None else phrases[tuple(words[at:longest])])
        at = longest or at + 1
    return found


def _ends(words: list[str], at: int) -> range:
    """Where a phrase that starts here may end, longest first."""
    return range(min(len(words), at + _longest_phrase()), at + 1, -1)


@lru_cache(maxsize=1)
def _longest_phrase() -> int:
    return max(map(len, _phrases()))


@lru_cache(maxsize=1)
def _short_words() -> dict[str, str]:
    groups = [line.split() for line in load_table("titles")["words"]]
    return {word: group[0] for group in groups for word in group[1:]}


@lru_cache(maxsize=1)
def _phrases() -> dict[tuple[str, ...], str]:
    """Phrases, with their words as short as those of a title are by then, and what they become."""
    short = _short_words()
    return {
        tuple(short.get(word, word) for word in phrase.split()): abbreviation
        for abbreviation, phrases in load_table("titles")["phrases"].items()
        for phrase in phrases
    }


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    return frozenset(load_table("titles")["stop_words"])
