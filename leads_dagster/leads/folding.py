"""Folds: what two spellings of one thing have in common. For matching only, never shown.

What belongs here: functions text -> shorter text that throw away case, accents, punctuation, legal forms, mailbox
tags. Every fold is idempotent, gives "" for nothing, and never fails. What is shown is made in `names`, `emails`,
`companies`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from leads_dagster.leads.linkedin import linkedin_slug
from leads_dagster.leads.rule_tables import folded_set, load_table

__all__ = [
    "fold_company",
    "fold_email",
    "fold_name",
    "fold_text",
    "fold_umlauts",
    "linkedin_slug",
    "name_generation",
]

# Letters that carry no combining mark and so survive decomposition.
_LETTERS = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i", "ĸ": "k",
    "ŋ": "n", "ŧ": "t", "ə": "a", "ƒ": "f",
}  # fmt: skip

_APOSTROPHES = "'’‘`´ʻʼ′＇"
_GOOGLE_MAIL = frozenset({"gmail.com", "googlemail.com"})
_COMMAS = re.compile(r"[,،，、]")
_DOTTED = re.compile(r"\w+(?:\.\w+)+\.?")
_ABBREVIATION = re.compile(r"(?<!\w)\w(?:[./]\w)+(?!\w)")
_GENERATIONS = {
    "jr": "jr", "jnr": "jr", "junior": "jr", "filho": "jr", "sr": "sr", "snr": "sr", "senior": "sr", "ii": "2",
    "2nd": "2", "iii": "3", "3rd": "3", "iv": "4", "4th": "4", "v": "5", "vi": "6", "neto": "3",
}  # fmt: skip


class _Folding(dict[int, str]):
    """A table for `str.translate` that works out each character once: one table, so no state that changes meaning."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold_character(chr(code))
        return folded


def _fold_character(character: str) -> str:
    if character in _APOSTROPHES or "\u0300" <= character <= "\u036f":
        return ""
    if character in _LETTERS:
        return _LETTERS[character]
    if character == "&":
        return " and "
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    return " " if category[0] in "PSZC" else character


_FOLDING = _Folding()


def fold_text(text: str) -> str:
    """Lower-case words apart by one space; accents, apostrophes and punctuation gone.

    "Müller & Søn's" -> "muller and sons". Marks are stripped from Latin, Greek and Cyrillic letters; other scripts keep
    theirs, because there they are letters.
    """
    if text.isascii():
        return " ".join(text.lower().translate(_FOLDING).split())
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    folded = unicodedata.normalize("NFC", decomposed.translate(_FOLDING))
    return " ".join(folded.split())


def fold_umlauts(folded: str) -> str:
    """A folded text with "ae", "oe", "ue" as "a", "o", "u", so that Mueller meets Müller (both "muller").

    Coarser than `fold_text` ("Samuel" becomes "samul", on both sides): a key to find candidates by, not to judge them.
    """
    return folded.replace("ae", "a").replace("oe", "o").replace("ue", "u")


def fold_name(text: str) -> str:
    """The words of a person's name in the order first to last, without titles, generations and degrees.

    "Dr. MÜLLER-Lüdenscheidt, Jörg, PhD" -> "jorg muller ludenscheidt". A name never folds to nothing: where all its
    words are titles, they stay.
    """
    parts = [words for part in _COMMAS.split(text) if (words := _name_words(part))]
    while len(parts) > 1 and _are_suffixes(parts[-1]):
        parts.pop()
    ordered = [*parts[1:], *parts[:1]]
    every = [word for part in ordered for word in _without_titles(part)]
    return " ".join(_without_suffixes(_without_titles(every)))


def name_generation(text: str) -> str:
    """ "jr", "sr", "2" … "6" where a name says which of several alike it is; else ""."""
    words = _name_words(text)
    last = len(words) - 1
    said = (word for place, word in enumerate(words) if place and (len(word) > 1 or place == last))  # V. may be Victor
    found = [_GENERATIONS[word] for word in said if word in _GENERATIONS]
    return found[-1] if found and len(words) > 2 else ""


@lru_cache(maxsize=64)  # a name is asked for its words and for its generation
def _name_words(text: str) -> tuple[str, ...]:
    """Folded words, dotted degrees ("Ph.D.") as one."""
    if "." in text:
        text = _DOTTED.sub(
            lambda found: bare if (bare := found[0].replace(".", "")).lower() in _suffixes() else found[0], text
        )
    return tuple(fold_text(text).split())


def _are_suffixes(words: Sequence[str]) -> bool:
    known = _suffixes()
    return "".join(words) in known or all(word in known for word in words)


def _without_titles(words: Sequence[str]) -> Sequence[str]:
    titles = _titles()
    while len(words) > 1 and words[0] in titles and not (len(words) == 2 and words[0] in _titles_that_are_names()):
        words = words[1:]
    return words


def _without_suffixes(words: Sequence[str]) -> Sequence[str]:
    known = _suffixes()
    while len(words) > 2 and words[-1] in known:
        words = words[:-1]
    return words


@lru_cache(maxsize=1)
def _titles() -> frozenset[str]:
    return frozenset(fold_text(title) for title in folded_set("names", "honorifics"))


@lru_cache(maxsize=1)
def _titles_that_are_names() -> frozenset[str]:
    return folded_set("names", "also_given_names")


@lru_cache(maxsize=1)
def _suffixes() -> frozenset[str]:
    names = folded_set("names", "generations") | folded_set("names", "post_nominals")
    return frozenset(fold_text(name) for name in names)


def fold_email(text: str) -> str:
    """The mailbox behind an address: lower-case, plus tag gone; dots gone where Gmail ignores them.

    "Jane.Doe+news@GoogleMail.com" -> "janedoe@gmail.com". Text that is no address comes back lower-cased.
    """
    local, at, domain = text.strip().lower().rpartition("@")
    if not at:
        return domain
    mailbox = local.split("+", 1)[0] or local
    if domain in _GOOGLE_MAIL:
        return f"{mailbox.replace('.', '') or mailbox}@gmail.com"
    return f"{mailbox}@{domain}"


def fold_company(text: str) -> str:
    """The words of a company's name without legal form and leading article; never nothing.

    "The Müller & Söhne GmbH & Co. KG" -> "muller and sohne", "B.V. Holding S.A." -> "bv holding".
    """
    words = _company_words(_without_glued_form(text)) or _company_words(text)
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    kept = _without_form_before(_without_forms_after(words))
    return " ".join(kept or words)


def _company_words(text: str) -> tuple[str, ...]:
    """Words of a name, abbreviations such as "S.A." and "A/S" joined to one."""
    if "." in text or "/" in text:
        text = _ABBREVIATION.sub(lambda found: re.sub(r"[./]", "", found[0]), text)
    return tuple(fold_text(text).split())


def _without_forms_after(words: tuple[str, ...]) -> tuple[str, ...]:
    forms = _forms_by_last_word()
    while len(words) > 1:
        length = max((len(form) for form in forms.get(words[-1], ()) if words[-len(form) :] == form), default=0)
        if not 0 < length < len(words):
            break
        words = words[:-length]
    return words[:-1] if len(words) > 1 and words[-1] == "and" else words


def _without_form_before(words: tuple[str, ...]) -> tuple[str, ...]:
    forms = _forms_by_first_word().get(words[0]) if len(words) > 1 else None
    if forms is None:
        return words
    length = max((len(form) for form in forms if words[: len(form)] == form), default=0)
    return words[length:] if length < len(words) else words


def _without_glued_form(text: str) -> str:
    if text.isascii():
        return text
    bare = text.strip()
    for form in load_table("legal_forms")["glued"]:
        bare = bare.removesuffix(form).removeprefix(form).strip()
    return bare or text


@lru_cache(maxsize=1)
def _forms_by_first_word() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Forms that stand before the name as word tuples under their first word."""
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for form in sorted({_company_words(form) for form in load_table("legal_forms")["prefixes"]}):
        by_first.setdefault(form[0], []).append(form)
    return {first: tuple(forms) for first, forms in by_first.items()}


@lru_cache(maxsize=1)
def _forms_by_last_word() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Legal forms as word tuples under their last word: cleanco's and our own."""
    from cleanco.clean import get_unique_terms  # type: ignore[import-untyped]  # ships no types

    terms = {_company_words(term) for term in [*get_unique_terms(), *load_table("legal_forms")["forms"]]}
    by_last: dict[str, list[tuple[str, ...]]] = {}
    for term in sorted(term for term in terms if term):
        by_last.setdefault(term[-1], []).append(term)
    return {last: tuple(forms) for last, forms in by_last.items()}
