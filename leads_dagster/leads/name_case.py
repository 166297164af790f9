"""Letter case of people's names.

What belongs here: how a name that somebody typed in one case is written. Which words are the name is decided in
`names`. nameparser's own `capitalize` makes "MacHado" and "st. John", so the rules here are a table
(`data/names.toml`).
"""

from __future__ import annotations

import re

from leads_dagster.leads.rule_tables import load_table

_WORD_PARTS = re.compile(r"([-‐‑–/.(\"“])")
_APOSTROPHE = re.compile(r"(['’ʼ‘`])")
_MC = re.compile(r"(mc)(\w{2,})", re.I)
_ROMAN = re.compile(r"(?:ix|iv|vi{0,3}|i{1,3})", re.I)
# Shorter words in capitals are initials or acronyms that people go by: "JD", "MS Dhoni".
_LONGEST_INITIALS = 3

_CASE = load_table("names")["case"]
_PARTICLES = frozenset(_CASE["particles"])
_FOLLOWING = frozenset(_CASE["following"])
_MAC = frozenset(_CASE["mac"])


def recase(text: str) -> str:
    """The name with sensible letter case; mixed case is a decision somebody took, so only odd words of it change.

    "JOHN MCDONALD" -> "John McDonald", "jan van der berg" -> "Jan van der Berg", "John SMITH" -> "John Smith",
    "MS Dhoni" and "Jane van der Berg" stay.
    """
    uniform = text.isupper() or text.islower()
    words = text.split(" ")
    last = len(words) - 1
    cased: list[str] = []
    for index, word in enumerate(words):
        if not uniform and not _is_odd(word, final=index == last > 0):
            cased.append(word)
        elif 0 < index < last:
            cased.append(_inner(word, before=cased[-1]))
        else:
            numeral = index == last > 1 and _ROMAN.fullmatch(word)
            cased.append(word.upper() if numeral else _capitalized(word))
    return " ".join(cased)


def _inner(word: str, *, before: str) -> str:
    lower = word.lower()
    if lower in _PARTICLES or (lower in _FOLLOWING and before in _PARTICLES):
        return lower
    return _capitalized(word)


def _is_odd(word: str, *, final: bool) -> bool:
    """A word of a mixed-case name that was typed in one case all the same; the last one is no initials."""
    if word.islower():
        return word not in _PARTICLES and word not in _FOLLOWING
    if not word.isupper() or "." in word or _ROMAN.fullmatch(word):
        return False
    return (
        len(word) > _LONGEST_INITIALS
        or (final and len(word) == _LONGEST_INITIALS)
        or (len(word) > 1 and word.lower() in _PARTICLES)
    )


def _capitalized(word: str) -> str:
    return "".join(_hyphen_part(part) for part in _WORD_PARTS.split(word))


def _hyphen_part(part: str) -> str:
    pieces = _APOSTROPHE.split(part)
    # After one letter the apostrophe begins a name (O'Neil, D'Angelo, T'Challa), after more it is a sound (Kawai'ae'a).
    fresh = [index == 0 or (index == 2 and len(pieces[0]) == 1) for index in range(len(pieces))]
    return "".join(_piece(piece) if new else piece.lower() for piece, new in zip(pieces, fresh, strict=True))


def _piece(piece: str) -> str:
    lower = piece.lower().replace("i\u0307", "i")  # what "İ" becomes outside Turkish
    mc = _MC.fullmatch(lower)
    if mc:
        return f"Mc{mc[2].capitalize()}"
    return f"Mac{lower[3:].capitalize()}" if lower in _MAC else _first_upper(lower)


def _first_upper(lower: str) -> str:
    """As str.capitalize, which would turn "ß…" or "ǆ…" at the start into two letters in one case only."""
    return lower[:1].title() + lower[1:]
