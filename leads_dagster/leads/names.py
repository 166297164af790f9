"""People's names: one text, first name first, without titles and degrees.

What belongs here: putting a name together from one cell or from several. Letter case is in `name_case`, what two
spellings have in common in `folding`.

nameparser finds the parts of a name in one cell ("Dr. van der Berg, Jane, PhD"); names of two or three plain words, in
which it could find nothing, do not go through it, and a test holds that both agree. What is shown is first, middle and
last name and the generation (Jr., III). Honorifics, degrees and nicknames are handed back apart. A title stays where
only one word would be left ("MS Dhoni", "Mr. Johnson"), and so do titles that people are known by ("King Charles").
Names in Chinese, Japanese and Korean are left as they are; from two cells they are joined family name first.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from leads_dagster.leads.name_case import recase
from leads_dagster.leads.rule_tables import folded_set, load_table

_WORD = r"[A-Z][a-z]+(?:[A-Z][a-z]+)?(?:['-][A-Z][a-z]+)?"
_PLAIN = re.compile(rf"{_WORD}(?: [A-Z]\.)?(?: {_WORD}){{1,2}}")
_LETTER = re.compile(r"[^\W\d_]")
_CJK = re.compile(
    "[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f]"
)
_PICTOGRAPH = re.compile(
    "[\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2b00-\u2bff\ufe0e\ufe0f\U0001f000-\U0001faff\U000e0000-\U000e007f®©™]\u200d?"
)
_ASIDE = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|[\"“”„]([^\"“”„]+)[\"“”]|(?<!\S)['‘]([^'‘’\s]+)['’](?!\S)")
_TAIL = re.compile(r"\s*(?:\||•|·|~)\s*.*|\s+[–—]\s+.*")
_COMMAS = re.compile(r"\s*[,،，]\s*")
_ADDRESS = re.compile(r"@|https?:|www\.")
_WRAPPING = ' ,;"“”'
_BARS = " |•·~–—"
_LONGEST = 300


class PersonName(NamedTuple):
    """A name taken apart for showing.

    Attributes:
        full: first, middle, last name and generation.
        title: honorifics that were before it ("Dr.").
        degrees: what followed it ("PhD, MBA", "Growth Coach").
        nickname: what stood in brackets or quotes.
    """

    full: str
    title: str = ""
    degrees: str = ""
    nickname: str = ""


class _Stripped(NamedTuple):
    """A cell without what stands beside the name in it: in brackets or quotes, and after a bar."""

    bare: str
    aside: str = ""
    tail: str = ""


def plain_name(text: str) -> str | None:
    """The name, where it is two or three plain words that no table knows; else None, which says nothing."""
    if not _PLAIN.fullmatch(text):
        return None
    special = _special_words()
    for word in text.split(" "):
        if word.rstrip(".").lower() in special:
            return None
    return text


def parse_name(text: str) -> PersonName | None:
    """A name from one cell; None where it is none (no letter in it, an address).

    Args:
        text: a cleaned cell.
    """
    plain = plain_name(text)
    return PersonName(plain) if plain else parse_name_by_library(text)


def join_name(first: str, middle: str, last: str, suffix: str = "") -> PersonName | None:
    """A name from several cells, each of which may be blank; None where together they are none."""
    if first and last and not middle and not suffix and " " not in first:
        plain = plain_name(f"{first} {last}")
        if plain:
            return PersonName(plain)
    return join_name_parts(first, middle, last, suffix)


@lru_cache(maxsize=1 << 14)
def parse_name_by_library(text: str) -> PersonName | None:
    """As `parse_name`, by nameparser whatever the shape."""
    name = _stripped(text)
    if not _is_name(name.bare):
        return None
    if _CJK.search(name.bare) or len(name.bare) > _LONGEST:
        return PersonName(name.bare, degrees=name.tail, nickname=name.aside)
    return _parsed(name)


@lru_cache(maxsize=1 << 14)
def join_name_parts(first: str, middle: str, last: str, suffix: str) -> PersonName | None:
    """As `join_name`, whatever the shape of the parts."""
    parts = [part for part in (first, middle, last) if part]
    if not _is_name(" ".join(parts)):
        return None
    if len(parts) == 1:
        return parse_name_by_library(f"{parts[0]}, {suffix}" if suffix else parts[0])
    if all(_CJK.search(part) for part in parts):
        return PersonName(f"{last}{first}{middle}")
    return _joined(first, middle, last, suffix)


def _joined(first: str, middle: str, last: str, suffix: str) -> PersonName:
    """The cell says which part is which, so nothing but tables is asked, and no part is ever emptied by them."""
    before, after = _stripped(first), _stripped(last)
    titles, given = _split_titles(before.bare.split())
    family, generations, degrees = _family(after.bare, suffix, text=f"{before.bare} {after.bare}")
    words = [*given, *middle.split(), *([] if _ends_with(given, family) else family)]
    return PersonName(
        " ".join([recase(" ".join(words)), *generations]).strip(),
        title=" ".join(titles),
        degrees=", ".join(filter(None, [*degrees, before.tail, after.tail])),
        nickname=" ".join(filter(None, (before.aside, after.aside))),
    )


def _family(last: str, suffix: str, *, text: str) -> tuple[list[str], list[str], list[str]]:
    """(family name, generations, degrees) of the last name's cell, "Smith Jr., MBA", and the suffix's."""
    surname, *tail = [part for part in _COMMAS.split(last) if part] or [""]
    family, generations, degrees = _split_suffixes(surname.split(), text=text, after_comma=False)
    for part in [*tail, suffix]:
        more, ages, honours = _split_suffixes(part.split(), text=part, after_comma=True)
        family, generations, degrees = family + more, generations + ages, degrees + honours
    return family, generations, degrees


def _ends_with(given: list[str], family: list[str]) -> bool:
    """Whether the first name's cell holds the whole name already ("Jane Doe", "Doe")."""
    tail = given[-len(family) :] if 0 < len(family) < len(given) else []
    return bool(tail) and [word.casefold() for word in tail] == [word.casefold() for word in family]


def _parsed(stripped: _Stripped) -> PersonName:
    from nameparser import HumanName

    text = stripped.bare
    human = HumanName(text)
    titles, known_by = _honorifics(" ".join(human.title_list).split())
    words = [*known_by, *_words(human.first_list), *_words(human.middle_list), *_words(human.last_list)]
    comma_words = {word for part in _COMMAS.split(text)[1:] for word in part.split() if _is_suffix_part(part)}
    generations: list[str] = []
    degrees: list[str] = []
    for word in _words(human.suffix_list):
        rest, ages, honours = _split_suffixes(["", word], text=text, after_comma=word in comma_words)
        words, generations, degrees = [*words, *filter(None, rest)], generations + ages, degrees + honours
    if len(words) < 2:
        words, titles = [*titles, *words], []
    return PersonName(
        " ".join([recase(" ".join(words)), *generations]) if words else text,
        title=" ".join(titles),
        degrees=", ".join(filter(None, [*degrees, stripped.tail])),
        nickname=" ".join(filter(None, (stripped.aside, human.nickname))),
    )


def _words(pieces: list[str]) -> list[str]:
    return [word.strip(",") for piece in pieces for word in piece.split() if word.strip(",")]


def _stripped(text: str) -> _Stripped:
    """The text without emoji and without what stands beside the name; whole where nothing else would be left."""
    if text.isascii() and text.isalpha():
        return _Stripped(text)
    plain = _PICTOGRAPH.sub(" ", text)
    tail = _TAIL.search(plain)
    asides: list[str] = []

    def take(found: re.Match[str]) -> str:
        inside = next((group for group in found.groups() if group), "").strip()
        if _is_suffix_part(inside):
            return f" {inside} "
        asides.append(inside)
        return " "

    bare = " ".join(_ASIDE.sub(take, plain[: tail.start()] if tail else plain).split()).strip(_WRAPPING)
    if not _LETTER.search(bare):
        return _Stripped(text)
    return _Stripped(bare, " ".join(filter(None, asides)), tail[0].strip(_BARS) if tail else "")


def _is_name(text: str) -> bool:
    """Whether it could be one: letters, no address, and no formula that the spreadsheet has not worked out."""
    return bool(_LETTER.search(text)) and not _ADDRESS.search(text) and not text.startswith("=")


def _split_titles(words: list[str]) -> tuple[list[str], list[str]]:
    count = 0
    while count < len(words) - 1 and _bare(words[count]) in _HONORIFICS:
        count += 1
    return words[:count], words[count:]


def _honorifics(words: list[str]) -> tuple[list[str], list[str]]:
    """Titles that are dropped, and those that stay: unknown ones ("King") unless they are abbreviated."""
    dropped = [word for word in words if _is_honorific(word)]
    return dropped, [word for word in words if not _is_honorific(word)]


def _is_honorific(word: str) -> bool:
    return _bare(word) in _HONORIFICS or word.endswith(".") or word.lower() in ("and", "&", "und", "et")


def _split_suffixes(words: list[str], *, text: str, after_comma: bool) -> tuple[list[str], list[str], list[str]]:
    """(name, generations, degrees) of words; the first word is always name unless it follows a comma."""
    least = 0 if after_comma else 1
    tail: list[str] = []
    while len(words) > least and (_bare(words[-1]) in _GENERATIONS or _is_degree(words[-1], text, after_comma)):
        tail.insert(0, words[-1])
        words = words[:-1]
    generations = [_FORMS[_bare(word)] for word in tail if _bare(word) in _GENERATIONS]
    return words, generations, [word.strip(",") for word in tail if _bare(word) not in _GENERATIONS]


def _is_degree(word: str, text: str, after_comma: bool) -> bool:
    bare = _bare(word)
    known = bare in _POST_NOMINALS or bare in _suffix_acronyms()
    if after_comma or "." in word or (word.isupper() and not text.isupper()):
        return known and (after_comma or len(bare) > 1)
    return bare in _POST_NOMINALS and bare not in _ALSO_SURNAMES


def _is_suffix_part(part: str) -> bool:
    words = part.split()
    return bool(words) and all(_bare(word) in _GENERATIONS or _is_degree(word, part, True) for word in words)


def _bare(word: str) -> str:
    return word.replace(".", "").strip(",").casefold()


@lru_cache(maxsize=1)
def _suffix_acronyms() -> frozenset[str]:
    from nameparser.config import CONSTANTS

    return frozenset(CONSTANTS.suffix_acronyms)


@lru_cache(maxsize=1)
def _special_words() -> frozenset[str]:
    """Every word that nameparser or our tables treat as anything but a name."""
    from nameparser.config import CONSTANTS

    known = {*CONSTANTS.suffixes_prefixes_titles, *CONSTANTS.conjunctions, *CONSTANTS.bound_first_names}
    numerals = {"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"}
    return frozenset(known) | numerals | _HONORIFICS | _GENERATIONS | _POST_NOMINALS


_HONORIFICS = folded_set("names", "honorifics")
_GENERATIONS = folded_set("names", "generations")
_POST_NOMINALS = folded_set("names", "post_nominals")
_ALSO_SURNAMES = folded_set("names", "also_surnames")
_FORMS: dict[str, str] = load_table("names")["generation_forms"]
