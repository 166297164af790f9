"""What matching sees of one name, company, mailbox, place or address: parts that are compared, equal parts being equal.

What belongs here: taking one text apart, and the tables of nicknames and role mailboxes. How alike two of them are is
worked out in `comparison`; what that means for two records, in `evidence`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leads_dagster.leads.folding import fold_company, fold_name, fold_text, fold_umlauts, name_generation
from leads_dagster.leads.given_names import given_name_groups
from leads_dagster.leads.rule_tables import load_table
from leads_dagster.leads.scripts import romanized, without_lookalikes

# A longer text is compared by its beginning: no name is that long, and comparing grows with the square of it.
MAX_CHARACTERS = 300

_FEW_WORDS = 2
_ACRONYM_LENGTHS = range(2, 7)
_NOT_IN_MAILBOX_WORD = str.maketrans("", "", ".-_0123456789")


@dataclass(frozen=True, slots=True)
class PersonName:
    """The parts of a name that are compared.

    Attributes:
        key: all parts as one text; names with one key compare alike with any third.
        given: first word, folded; "" only where there is no usable name.
        family: last word, folded; "" for a name of one word.
        second, before_last: the words next to them in names of three words and more, else "".
        middle_initials: first letters of the words between given and family name.
        generation: "jr", "sr", "2" ... or "".
        digits: words with a digit; must be the same in both names ("John Smith 3").
        mononym: one word of Latin letters, so probably half a name.
    """

    key: str
    given: str = ""
    family: str = ""
    second: str = ""
    before_last: str = ""
    middle_initials: str = ""
    generation: str = ""
    digits: str = ""
    mononym: bool = False


@dataclass(frozen=True, slots=True)
class CompanyName:
    """The parts of a company's name that are compared; legal forms are gone.

    Attributes:
        key: the words in their order; "" only where there is no usable name.
        joined: the words without blanks ("dataworks" for "Data Works").
        ordered: the words in alphabetical order.
        words: the words as a set.
        digits: numbers in the name; must be the same in both ("Acme 1").
        acronym: first letters of three words and more, or the name itself where it is a short word.
    """

    key: str
    joined: str = ""
    ordered: str = ""
    words: frozenset[str] = frozenset()
    digits: str = ""
    acronym: str = ""


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """The parts of an address that are compared.

    Attributes:
        key: all parts as one text.
        street: its words without a digit, in their order.
        numbers: its words with a digit, sorted; leading zeros gone, as everywhere where spreadsheets lose them.
        postal_code: without blanks and leading zeros, or "".
        city: its words.
    """

    key: str
    street: tuple[str, ...]
    numbers: tuple[str, ...]
    postal_code: str
    city: tuple[str, ...]


NO_NAME = PersonName("")
NO_COMPANY = CompanyName("")


@lru_cache(maxsize=1 << 17)
def person_name(text: str) -> PersonName:
    """The parts of a name; `NO_NAME` where nothing but initials and numbers is left."""
    folded = fold_umlauts(romanized(fold_name(without_lookalikes(text[:MAX_CHARACTERS])))).split()
    words = [word for word in folded if not _has_digit(word)]
    if not any(len(word) > 1 or not word.isascii() for word in words):
        return NO_NAME
    return _from_words(
        _without_particles(words), name_generation(text[:MAX_CHARACTERS]), " ".join(sorted(filter(_has_digit, folded)))
    )


def _has_digit(word: str) -> bool:
    return not word.isalpha() and any(map(str.isdigit, word))


def _without_particles(words: list[str]) -> list[str]:
    if len(words) <= _FEW_WORDS:
        return words
    particles = _particles()
    return [words[0], *(word for word in words[1:-1] if word not in particles), words[-1]]


@lru_cache(maxsize=1)
def _particles() -> frozenset[str]:
    """Words between given and family name that are often left out or written together with the next."""
    return frozenset(load_table("names")["matching"]["particles"])


def _from_words(words: list[str], generation: str, digits: str) -> PersonName:
    key = f"{' '.join(words)}|{generation}|{digits}"
    if len(words) == 1:
        return PersonName(key, words[0], generation=generation, digits=digits, mononym=words[0].isascii())
    longer = len(words) > _FEW_WORDS
    return PersonName(
        key,
        words[0],
        words[-1],
        second=words[1] if longer else "",
        before_last=words[-2] if longer else "",
        middle_initials="".join(word[0] for word in words[1:-1]),
        generation=generation,
        digits=digits,
    )


@lru_cache(maxsize=1 << 17)
def company_name(text: str) -> CompanyName:
    """The parts of a company's name; `NO_COMPANY` where it holds no letter and no digit."""
    words = fold_umlauts(romanized(fold_company(without_lookalikes(text[:MAX_CHARACTERS])))).split()
    if not words:
        return NO_COMPANY
    return CompanyName(
        " ".join(words),
        "".join(words),
        " ".join(sorted(words)),
        frozenset(words),
        " ".join(sorted(digits for word in words if (digits := "".join(filter(str.isdigit, word))))),
        _acronym(words),
    )


def _acronym(words: list[str]) -> str:
    if len(words) > _FEW_WORDS:
        return "".join(word[0] for word in words if word != "and")
    return words[0] if len(words) == 1 and len(words[0]) in _ACRONYM_LENGTHS else ""


@lru_cache(maxsize=1 << 16)
def place_words(text: str) -> tuple[str, ...]:
    """The words of a location, folded, in their order."""
    return tuple(romanized(fold_text(text[:MAX_CHARACTERS])).split())


@lru_cache(maxsize=1 << 16)
def postal_address(text: str) -> PostalAddress:
    """The parts of an address of three lines: street, postal code, city."""
    street, postal_code, city = (fold_text(line[:MAX_CHARACTERS]) for line in text.split("\n"))
    words = street.split()
    return PostalAddress(
        "|".join((street, postal_code, city)),
        tuple(word for word in words if not _has_digit(word)),
        tuple(sorted(word.lstrip("0") for word in words if _has_digit(word))),
        postal_code.replace(" ", "").lstrip("0"),
        tuple(city.split()),
    )


def is_role_mailbox(mailbox: str) -> bool:
    """Whether a folded address belongs to a task rather than to a person: info@, kontakt@, sales-team2@."""
    return mailbox.partition("@")[0].translate(_NOT_IN_MAILBOX_WORD) in _role_words()


@lru_cache(maxsize=1)
def _role_words() -> frozenset[str]:
    return frozenset(word for words in load_table("role_mailboxes").values() for word in words)


@dataclass(frozen=True)
class NicknameTable:
    """Which given names one person may go by.

    Attributes:
        numbers: known given name -> its number from 1; an unknown name has the number 0.
        akin: akin[a, b] says that the names numbered a and b share a group of the table.
    """

    numbers: dict[str, int]
    akin: NDArray[np.bool_]


@lru_cache(maxsize=1)
def nickname_table() -> NicknameTable:
    """The packaged nicknames, folded like the names they are compared with."""
    groups = given_name_groups()
    known = sorted({name for group in groups for name in group})
    numbers = {name: number for number, name in enumerate(known, start=1)}
    akin = np.zeros((len(numbers) + 1, len(numbers) + 1), dtype=np.bool_)
    for group in groups:
        members = [numbers[name] for name in group]
        akin[np.ix_(members, members)] = True
    return NicknameTable(numbers, akin)
