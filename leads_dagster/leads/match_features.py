"""What matching sees of one name, company, mailbox, place or address: parts that are compared, equal parts being equal.

What belongs here: taking one text apart, and the tables of nicknames and role mailboxes. How alike two of them are is
worked out in `comparison`; what that means for two records, in `evidence`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from sys import intern

import numpy as np
from numpy.typing import NDArray

from leads_dagster.leads.folding import fold_company, fold_name, fold_text, fold_umlauts, name_generation
from leads_dagster.leads.given_names import given_name_groups
from leads_dagster.leads.name_frequencies import UNKNOWN_FAMILY_BITS, UNKNOWN_GIVEN_BITS, family_bits, given_bits
from leads_dagster.leads.public_suffixes import registrable_domain
from leads_dagster.leads.rule_tables import load_table
from leads_dagster.leads.scripts import romanized, without_lookalikes

# A longer text is compared by its beginning: no name is that long, and comparing grows with the square of it.
MAX_CHARACTERS = 300

# Fewer letters are not two names.
LEAST_JOINED = 8
_FEW_WORDS = 2
_LONGEST_INITIALS = 2
_WEBSITE = re.compile(r"(?:https?://)?(?:www\.)?([\w-]{3,}(?:\.[a-z]{2,3})?\.[a-z]{2,})(?=[\s/]|$)[/]?")
_LETTERS = re.compile(r"[^\W\d_]+")
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
        mononym: one word of Latin letters that is no whole name without its blank, so probably half a name.
        joined: all words without blanks, for names whose blank was lost or slipped.
        joined_back: the same, the last word first.
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
    joined: str = ""
    joined_back: str = ""

    @property
    def unread(self) -> bool:
        """Whether it has no words to compare with others': in a script that is not read, or without its blanks."""
        return not self.key.isascii() or (bool(self.given) and not self.family and not self.mononym)

    @property
    def words(self) -> list[str]:
        """All words of the name as it was written, particles too."""
        return self.key.partition("|")[0].split()


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
    """The parts of a name; `NO_NAME` where nothing but initials and numbers is left, or it says that it is none."""
    folded = fold_umlauts(romanized(fold_name(without_lookalikes(text[:MAX_CHARACTERS])))).split()
    words = [intern(word) for word in folded if not _has_digit(word)]  # many names have the same words
    if not any(len(word) > 1 or not word.isascii() for word in words) or " ".join(words) in _nobody():
        return NO_NAME
    return _from_words(words, name_generation(text[:MAX_CHARACTERS]), " ".join(sorted(filter(_has_digit, folded))))


@lru_cache(maxsize=1)
def _nobody() -> frozenset[str]:
    """What stands in place of a name: "LinkedIn Member"."""
    return frozenset(map(fold_name, load_table("names")["matching"]["nobody"]))


def _has_digit(word: str) -> bool:
    return not word.isalpha() and any(map(str.isdigit, word))


def _without_particles(words: list[str]) -> list[str]:
    """Without "van", "de", "della" ..., where two words and more are left; else only without those in between."""
    if len(words) <= _FEW_WORDS:
        return words
    particles = _particles()
    if not _vietnamese_families().isdisjoint((words[0], words[-1])):
        particles -= {*vietnamese_middles(), words[0], words[-1]}
    kept = [word for word in words if word not in particles]
    if len(kept) >= _FEW_WORDS:
        return kept
    return [words[0], *(word for word in words[1:-1] if word not in particles), words[-1]]


@lru_cache(maxsize=1)
def _particles() -> frozenset[str]:
    """Words between given and family name that are often left out or written together with the next."""
    return frozenset(load_table("names")["matching"]["particles"])


@lru_cache(maxsize=1)
def vietnamese_middles() -> frozenset[str]:
    """Middle names that tell a man from a woman and little else: Nguyen Van Minh, Nguyen Thi Minh."""
    return frozenset(load_table("names")["matching"]["vietnamese_middles"])


@lru_cache(maxsize=1)
def _vietnamese_families() -> frozenset[str]:
    return frozenset(load_table("names")["matching"]["vietnamese_families"])


def _from_words(every: list[str], generation: str, digits: str) -> PersonName:
    words = _without_particles(every)
    key = f"{' '.join(every)}|{generation}|{digits}"
    if len(words) == 1:
        half = words[0].isascii() and not runs_together(words[0])
        return PersonName(key, words[0], generation=generation, digits=digits, mononym=half, joined=words[0])
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
        joined="".join(every),
        joined_back="".join((words[-1], *(word for word in every if word != words[-1]))),
    )


def spelled_out(name: PersonName, mailboxes: Iterable[str]) -> PersonName:
    """The name with its given name in full, where an address has it beside the family name.

    "J. Doe" with jane.doe@… or jane@… is Jane Doe, "Chris Doe" with christine.doe@… Christine Doe: so that
    Christopher is somebody else. Only a first letter or a known short form is spelled out; either word may be
    the family name.
    """
    for mailbox in mailboxes if name.family else ():
        local = mailbox.partition("@")[0]
        if given := _longer(local, name.family, name.given):
            return _with_words(name, given, name.family)
        if given := _longer(local, name.given, name.family):
            return _with_words(name, name.given, given)
        if _stands_for(local, name.given):
            return _with_words(name, local, name.family)
    return name


def _stands_for(local: str, short: str) -> bool:
    """Whether an address is no more than a given name, and the short one its beginning: christine@… of Chris Doe."""
    return (
        len(local) > max(len(short), _LONGEST_INITIALS)
        and local.startswith(short)
        and (_akin(short, local) or (len(short) == 1 and is_given_name(local)))
    )


def _longer(local: str, family: str, short: str) -> str:
    """The word that begins like the short one and stands beside the family name; "" where there is none."""
    if len(family) <= _LONGEST_INITIALS or short[0] not in local or _too_short(local, family, short):
        return ""
    words = _LETTERS.findall(fold_umlauts(fold_text(local)))
    text = "".join(words)
    rest = text.removesuffix(family) if text.endswith(family) else text.removeprefix(family)
    apart = len(words) == 1 or family in words
    longer = rest != text and rest.startswith(short) and len(rest) > max(len(short), _LONGEST_INITIALS)
    named = _akin(short, rest) or (len(short) == 1 and is_given_name(rest))
    return rest if longer and apart and named else ""


def _too_short(local: str, family: str, short: str) -> bool:
    """Whether an address surely has no room for more than both words, as most have not; letters written as several
    ("&") are not counted here."""
    if not local.isascii() or "&" in local:
        return False
    letters = len(local.translate(_NOT_IN_MAILBOX_WORD))
    return letters - len(family) <= max(len(short), _LONGEST_INITIALS)


def is_given_name(word: str) -> bool:
    """Whether a folded word is known as a given name."""
    return given_bits(word) < UNKNOWN_GIVEN_BITS or word in nickname_table().numbers


def _akin(one: str, other: str) -> bool:
    table = nickname_table()
    return bool(table.akin[table.numbers.get(one, 0), table.numbers.get(other, 0)])


def _with_words(name: PersonName, given: str, family: str) -> PersonName:
    key = f"{name.key}|{given}|{family}"
    return replace(name, key=key, given=given, family=family, joined=given + family, joined_back=family + given)


def runs_together(word: str) -> bool:
    """Whether a word may be a whole name without its blank ("janedoesmith"): long, and no name that is known."""
    if len(word) < LEAST_JOINED:
        return False
    return given_bits(word) >= UNKNOWN_GIVEN_BITS and family_bits(word) >= UNKNOWN_FAMILY_BITS


@lru_cache(maxsize=1 << 17)
def company_name(text: str) -> CompanyName:
    """The parts of a company's name; `NO_COMPANY` where it holds no letter and no digit, or says that there is none."""
    words = fold_umlauts(romanized(fold_company(without_lookalikes(_without_address(text[:MAX_CHARACTERS]))))).split()
    if not words or _run_together(text[:MAX_CHARACTERS]) in _no_employer():
        return NO_COMPANY
    return CompanyName(
        " ".join(words),
        "".join(words),
        " ".join(sorted(words)),
        frozenset(words),
        " ".join(sorted(digits for word in words if (digits := "".join(filter(str.isdigit, word))))),
        _acronym(words),
    )


@lru_cache(maxsize=1)
def _no_employer() -> frozenset[str]:
    """What stands in place of a company: "freelance", "retired"; not "The Independent", nor "Private Ltd"."""
    return frozenset(map(_run_together, load_table("no_employer")["words"]))


def _run_together(text: str) -> str:
    return "".join(fold_umlauts(fold_text(text)).split())


def _without_address(text: str) -> str:
    """A company that is given by its website, by the name in it: "www.acme.co.uk" -> "acme"."""
    found = _WEBSITE.match(text.strip().lower())
    domain = registrable_domain(found[1]) if found else ""
    return (
        domain.partition(".")[0] + text.strip()[found.end() :]
        if found and domain != found[1].rpartition(".")[2]
        else text
    )


def _acronym(words: list[str]) -> str:
    if len(words) > _FEW_WORDS:
        return "".join(word[0] for word in words if word != "and")
    return words[0] if len(words) == 1 and len(words[0]) in _ACRONYM_LENGTHS else ""


@lru_cache(maxsize=1 << 16)
def place_words(text: str) -> tuple[str, ...]:
    """The folded words of a location in their order, the city by its English name: "Greater Milano Area" -> milan."""
    table = place_table()
    words = [word for word in romanized(fold_text(text[:MAX_CHARACTERS])).split() if word not in table.around]
    for length in range(min(len(words), table.longest), 0, -1):
        if (city := table.cities.get(" ".join(words[:length]))) is not None:
            return (city, *words[length:])
    return tuple(words)


@dataclass(frozen=True)
class PlaceTable:
    """Cities of several names.

    Attributes:
        cities: folded name -> the one that all of them count as.
        longest: words in the longest of those names.
        around: words that say "and what lies around it".
    """

    cities: dict[str, str]
    longest: int
    around: frozenset[str]


@lru_cache(maxsize=1)
def place_table() -> PlaceTable:
    """The packaged names of cities."""
    table = load_table("places")
    groups = [[romanized(fold_text(name)) for name in names] for names in table["cities"]]
    cities = {name: "_".join(names[0].split()) for names in groups for name in names}
    return PlaceTable(cities, max(len(name.split()) for name in cities), frozenset(table["around"]))


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
    """Whether a folded address belongs to a task rather than to a person: info@, sales-team2@, acme@acme.com."""
    local, _, host = mailbox.partition("@")
    return local.translate(_NOT_IN_MAILBOX_WORD) in _role_words() or local == host.partition(".")[0]


@lru_cache(maxsize=1)
def _role_words() -> frozenset[str]:
    return frozenset(word for words in load_table("role_mailboxes").values() for word in words)


@dataclass(frozen=True)
class NicknameTable:
    """Which given names one person may go by.

    Attributes:
        numbers: known given name -> its number from 1; an unknown name has the number 0.
        akin: akin[a, b] says that the names numbered a and b share a group of the table.
        letters: known given name -> first letters of the names akin to it.
        groups: known given name -> the numbers of its groups.
    """

    numbers: dict[str, int]
    akin: NDArray[np.bool_]
    letters: dict[str, frozenset[str]]
    groups: dict[str, tuple[int, ...]]


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
    letters: dict[str, set[str]] = {}
    memberships: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        for name in group:
            letters.setdefault(name, set()).update(other[0] for other in group)
            memberships.setdefault(name, []).append(number)
    return NicknameTable(
        numbers,
        akin,
        {name: frozenset(found) for name, found in letters.items()},
        {name: tuple(found) for name, found in memberships.items()},
    )
