"""Names in other alphabets, in Latin letters, so that Юлия meets Yulia. For matching only, never shown.

What belongs here: which letters stand for which, by `data/romanization.toml` (which names its sources) and `anyascii`.
Chinese characters, Hangul and the scripts that write no vowels (Arabic, Hebrew) or mark them on consonants (Devanagari,
Thai) stay as they are: what they become letter by letter is not what their people write in Latin letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from leads_dagster.leads.rule_tables import load_table

_OTHER = re.compile(r"[\u0370-\u03ff\u0400-\u052f]")
_CYRILLIC = re.compile(r"[\u0400-\u052f]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_WORD = re.compile(r"\w+")
_NOT_LETTERS = re.compile(r"[^a-z]+")


@dataclass(frozen=True, slots=True)
class Alphabet:
    """How one alphabet is read.

    Attributes:
        letters: what all of a word must be.
        marks: what tells the language from others of the same letters; matches everywhere where none is asked for.
        written, then: replacements before and after the rest is read letter by letter, in their order.
    """

    letters: re.Pattern[str]
    marks: re.Pattern[str]
    written: tuple[tuple[re.Pattern[str], str], ...]
    then: tuple[tuple[re.Pattern[str], str], ...]


def romanized(folded: str) -> str:
    """A folded text with its words in Cyrillic, Greek, Armenian, Georgian and kana in Latin letters.

    "юлия щербакова" -> "yulia shcherbakova"; words in other scripts stay as they are.
    """
    if folded.isascii():
        return folded
    return " ".join(word if word.isascii() else _romanized_word(word, folded) for word in folded.split(" "))


def without_lookalikes(text: str) -> str:
    """A text whose words are each of one alphabet, as far as letters that look alike were mixed in them.

    A Cyrillic "а" in "Pаul" becomes a Latin one, a Latin "a" in "Ивaнов" a Cyrillic one.
    """
    if text.isascii() or not _OTHER.search(text) or not _LATIN.search(text):
        return text
    return _WORD.sub(lambda found: _of_one_alphabet(found[0]), text)


def _of_one_alphabet(word: str) -> str:
    """The word in the alphabet that has more of its letters, if it can be: "Dое" is Doe, no Cyrillic D looks like it.
    Latin where both have as many."""
    latin, others = len(_LATIN.findall(word)), len(_OTHER.findall(word))
    as_latin = word.translate(_lookalikes(to_latin=True))
    if latin >= others or not _CYRILLIC.search(word):
        return as_latin if latin >= others else word
    as_cyrillic = word.translate(_lookalikes(to_latin=False))
    return as_latin if _LATIN.search(as_cyrillic) and not _OTHER.search(as_latin) else as_cyrillic


def _romanized_word(word: str, text: str) -> str:
    from anyascii import anyascii

    alphabet = next((each for each in _alphabets() if each.letters.fullmatch(word) and each.marks.search(text)), None)
    if alphabet is None:
        return word
    latin = _NOT_LETTERS.sub("", anyascii(_replaced(word, alphabet.written)).lower())
    return _replaced(latin, alphabet.then) or word


def _replaced(word: str, replacements: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    for letters, latin in replacements:
        word = letters.sub(latin, word)
    return word


@lru_cache(maxsize=1)
def _alphabets() -> tuple[Alphabet, ...]:
    return tuple(
        Alphabet(
            re.compile(row["letters"]),
            re.compile(row.get("marks", "")),
            _replacements(row["written"]),
            _replacements(row.get("then", [])),
        )
        for row in load_table("romanization")["alphabets"]
    )


def _replacements(lines: list[str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(letters), latin.strip()) for letters, _, latin in (line.partition(" ") for line in lines))


@lru_cache(maxsize=2)
def _lookalikes(*, to_latin: bool) -> dict[int, int]:
    table = load_table("romanization")["lookalikes"]
    if to_latin:
        return str.maketrans(table["cyrillic"] + table["greek"], table["cyrillic_as"] + table["greek_as"])
    return str.maketrans(table["cyrillic_as"], table["cyrillic"])
