"""What one header means by itself: the table of aliases, and the words around them.

What belongs here: reading `data/headers.toml` and recognising a single header. What several headers mean together
is `headers`.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl")

# Targets of which a sheet may have several, numbered: "Phone 2", "E-mail 3 Address", "Organization 1 - Name".
_NUMBERED = frozenset({
    "email", "phone", "website", "linkedin_url", "company", "title", "location", "street", "city", "region",
    "postal_code", "country", "?address", "?url", "?title", "?name",
})  # fmt: skip
_CONTINUED = frozenset({"street", "?address"})
_ONLY_FIRST = frozenset({"company", "title", "?title", "?name"})

_MAX_HEADER_CHARACTERS = 120
_MAX_MODIFIERS = 3
_MAX_SYNONYMS = 3
_NUMBER = re.compile(r"\d{1,2}")
_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_MOJIBAKE = re.compile("[ÃÂÅÄ][\x80-\xff€‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œžŸ]")


@dataclass(frozen=True, slots=True)
class Recognition:
    """What one header means.

    Attributes:
        target: as in `ColumnTarget`, or undecided ("?name", "?title", ...).
        rank: 0 is preferred; from the alias and the words around it.
        number: the number in the header; 1 where it has none.
        languages: those in which the alias is written.
        shift: the part of the rank that comes from the words around the alias: which of several addresses it is.
    """

    target: str
    rank: int = 0
    number: int = 1
    languages: frozenset[str] = frozenset()
    shift: int = 0


@dataclass(frozen=True, slots=True)
class _Modifier:
    """A word beside an alias, the targets it goes with, and what it does to them."""

    word: str
    targets: frozenset[str]
    shift: int
    becomes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that `data/headers.toml` says, folded.

    Attributes:
        aliases: folded header -> what it means.
        spellings: the aliases as written, for suggestions, with their targets.
        modifiers: longest first.
        ignored: folded headers that look like an alias and are none.
        company_marks: folded headers that only lists of companies have.
        company_minimum: how many of them make such a list.
        linkedin_marks: folded headers of LinkedIn's own exports.
        honorifics: folded forms of address.
    """

    aliases: Mapping[str, Recognition]
    spellings: Mapping[str, str]
    modifiers: tuple[_Modifier, ...]
    ignored: frozenset[str]
    company_marks: frozenset[str]
    company_minimum: int
    linkedin_marks: frozenset[str]
    honorifics: frozenset[str]


def fold_header(text: str) -> str:
    """The header without case, accents, punctuation and spaces: "E-Mail", "e_mail" and " Email" are one."""
    decomposed = unicodedata.normalize("NFKD", _repair(text).casefold().translate(_LETTERS))
    return "".join(character for character in decomposed if character.isalnum())


def _repair(text: str) -> str:
    """UTF-8 that was once read as cp1252 ("TelÃ©fono"), as some exports have it, is read again."""
    if not _MOJIBAKE.search(text):
        return text
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text


@lru_cache(maxsize=4096)
def recognize(header: str) -> Recognition | None:
    """What `header` means by itself, or None.

    The whole header is looked up first, then without its number, then without one to three words around it; what is
    left must be an alias to the last letter, so that "Lead Owner" or "Assistant's Phone" is nothing. At last the
    parts between slashes.
    """
    if len(header) > _MAX_HEADER_CHARACTERS:
        return None
    folded = fold_header(header.strip().removesuffix("__c"))
    if folded in vocabulary().ignored:
        return None
    return _look_up(folded, _MAX_MODIFIERS) or _numbered(folded) or _synonyms(header)


def _synonyms(header: str) -> Recognition | None:
    """Two words for one thing, "Telefon/Handy" or "Company / Organisation"; "E-mail/Phone" are two things."""
    parts = header.split("/")
    meanings = [recognize(part) for part in parts] if 1 < len(parts) <= _MAX_SYNONYMS else []
    first = meanings[0] if meanings else None
    return first if first and all(other and other.target == first.target for other in meanings) else None


def _numbered(folded: str) -> Recognition | None:
    """The meaning without the number; a second line of an address is no second address."""
    numbers = _NUMBER.findall(folded)
    if len(numbers) != 1:
        return None
    number = int(numbers[0])
    found = _look_up(_NUMBER.sub("", folded), _MAX_MODIFIERS)
    if found is None or found.target not in _NUMBERED:
        return None
    if number > 1 and (found.target in _ONLY_FIRST or (found.target in _CONTINUED and folded[-1].isdigit())):
        return None
    return replace(found, number=max(1, number))


def _look_up(folded: str, modifiers_left: int) -> Recognition | None:
    found = vocabulary().aliases.get(folded)
    if found or not modifiers_left:
        return found
    for modifier in vocabulary().modifiers:
        for rest in _without(folded, modifier.word):
            inner = _look_up(rest, modifiers_left - 1)
            if inner and inner.target in modifier.targets:
                return _modified(inner, modifier)
    return None


def _without(folded: str, word: str) -> Iterable[str]:
    if len(folded) <= len(word):
        return
    if folded.startswith(word):
        yield folded[len(word) :]
    if folded.endswith(word):
        yield folded[: -len(word)]


def _modified(inner: Recognition, modifier: _Modifier) -> Recognition:
    target = dict(modifier.becomes).get(inner.target, inner.target)
    return replace(inner, target=target, rank=inner.rank + modifier.shift, shift=inner.shift + modifier.shift)


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary of this release, read once."""
    content = files("leads_dagster.leads").joinpath("data/headers.toml").read_text(encoding="utf-8")
    return _vocabulary(tomllib.loads(content))


def _vocabulary(table: Mapping[str, Any]) -> Vocabulary:
    return Vocabulary(
        aliases=_aliases(table["aliases"]),
        spellings=_spellings(table["aliases"]),
        modifiers=_modifiers(table["modifiers"]),
        ignored=_folded(table["ignored"]["headers"]),
        company_marks=_folded(table["company_sheet"]["headers"]),
        company_minimum=table["company_sheet"]["minimum"],
        linkedin_marks=_folded(table["linkedin_sheet"]["headers"]),
        honorifics=_folded(table["honorifics"]["words"]),
    )


def _aliases(groups: Iterable[Mapping[str, Any]]) -> dict[str, Recognition]:
    """Folded alias -> meaning; one that several groups hold keeps the meaning of the first and every language."""
    found: dict[str, Recognition] = {}
    for group in groups:
        for language in LANGUAGES:
            for spelling in group.get(language, ()):
                for folded in _foldings(spelling):
                    known = found.setdefault(folded, Recognition(group["target"], group.get("rank", 0)))
                    found[folded] = replace(known, languages=known.languages | {language})
    return found


def _spellings(groups: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {
        spelling: group["target"] for group in groups for language in LANGUAGES for spelling in group.get(language, ())
    }


def _modifiers(groups: Iterable[Mapping[str, Any]]) -> tuple[_Modifier, ...]:
    found = {
        _Modifier(folded, frozenset(group["targets"]), group.get("shift", 0), tuple(group.get("becomes", {}).items()))
        for group in groups
        for word in group["words"]
        for folded in _foldings(word)
    }
    return tuple(sorted(found, key=lambda modifier: (-len(modifier.word), modifier.word, modifier.shift)))


def _foldings(text: str) -> set[str]:
    """Umlauts fold to "a" and to "ae": people write both."""
    return {fold_header(text), fold_header(text.casefold().translate(_UMLAUTS))}


def _folded(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(folded for text in texts for folded in _foldings(text))
