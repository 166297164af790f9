"""Blocking keys of many records as numbers: what `aspects` writes as texts, for those that are matched together.

What belongs here: aspect values and keys as columns. Two records share a number where they share a key, and a test
holds that; only that a text is hashed once for a name or a company, not once for a record. Aspects that few records
have are not read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leads_dagster.leads.aspects import (
    LINKEDIN,
    LINKEDIN_ALONE,
    MAILBOX,
    MAILBOX_ALONE,
    NAME_COMPANY,
    PHONE,
    PHONE_PROFILE,
    PROFILE,
    ROLE_MAILBOX,
    Aspect,
    company_readings,
    crossed_words,
    first_word,
    name_parts,
    profile_parts,
)
from leads_dagster.leads.match_features import CompanyName, PersonName
from leads_dagster.leads.record_columns import Flags, Indexes, RecordColumns, Said, combined, hashed, spread

# Odd numbers that the parts of a key are multiplied with, so that their sum tells one key from another.
_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
_SHARED, _NAME, _NAME_DIGITS, _COMPANY_DIGITS = (_ODD[place : place + 1].view(np.int64) for place in range(_ODD.size))


@dataclass(frozen=True, slots=True)
class Entries:
    """What records say of an aspect.

    Attributes:
        owners: positions of records, ascending.
        shared: numbers of what two must share to meet; all 0 where nothing.
        values: numbers of all that the rule reads.
    """

    owners: Indexes
    shared: Indexes
    values: Indexes

    def at(self, places: Indexes | Flags) -> Entries:
        """Some of them."""
        return Entries(self.owners[places], self.shared[places], self.values[places])


class Keys(NamedTuple):
    """Keys as columns.

    Attributes:
        places: whose: places among the entries.
        codes: equal where two share a key.
        closed: whether the record cannot be one lead with every other of the block.
        guests: whether it is compared with those alone that are not closed; all of these are closed.
    """

    places: Indexes
    codes: Indexes
    closed: Flags
    guests: Flags


class KeyCodes:
    """Entries and keys of all records under each aspect that is read as columns.

    Args:
        columns: the records.
    """

    def __init__(self, columns: RecordColumns) -> None:
        self._columns = columns
        names = _hashes(name.digits for name in columns.names)
        companies = _hashes(company.digits for company in columns.companies)
        self._name_digits = (names * _NAME_DIGITS)[columns.name_of]
        self._digits = self._name_digits + (companies * _COMPANY_DIGITS)[columns.company_of]

    def entries(self, aspect: Aspect) -> Entries:
        """What the records say of an aspect."""
        said, rest = _ENTRIES[aspect](self._columns)
        return Entries(said.owners, said.numbers, combined(said.numbers, *(column[said.owners] for column in rest)))

    def keys(self, aspect: Aspect, entries: Entries) -> Keys:
        """The keys of some entries; one may have a key twice."""
        return Keys(*map(np.concatenate, zip(*_KEYS[aspect](self, entries), strict=True)))

    def by_profile_and_name(self, entries: Entries) -> Iterator[Keys]:
        places, texts = self._names(entries, profile_parts).all()
        yield _open(places, entries.shared[places] * _SHARED + texts * _NAME)

    def by_profile(self, entries: Entries) -> Iterator[Keys]:
        unread = np.array([name.unread or not name.key for name in self._columns.names], dtype=np.bool_)
        yield _alone(entries, unread[self._columns.name_of[entries.owners]])

    def by_mailbox(self, entries: Entries) -> Iterator[Keys]:
        yield _alone(entries, ~self._columns.has_name[entries.owners])

    def by_mailbox_and_name(self, entries: Entries) -> Iterator[Keys]:
        yield from self._by_words(entries, _words_at_mailbox)
        yield self._by_half_name(entries, np.ones(entries.owners.size, dtype=np.bool_))

    def by_number_and_name(self, entries: Entries) -> Iterator[Keys]:
        yield from self._by_words(entries, crossed_words)
        yield self._by_half_name(entries, self._are_halves(entries))

    def _by_words(self, entries: Entries, parts: Callable[[PersonName], Iterable[str]]) -> Iterator[Keys]:
        """What is shared with parts of the name; without a name, all that is said must be the same."""
        places, texts = self._names(entries, parts).all()
        named = self._columns.has_name[entries.owners]
        places, texts = places[named[places]], texts[named[places]]
        codes = entries.shared[places] * _SHARED + texts * _NAME + self._name_digits[entries.owners[places]]
        yield _open(places, codes)
        nameless = np.flatnonzero(~named)
        yield _open(nameless, entries.values[nameless] * _NAME_DIGITS)

    def _by_half_name(self, entries: Entries, some: Flags) -> Keys:
        """What half a name meets all others by that begin so."""
        texts, _ = self._names(entries, _half_name).column(0)
        codes = entries.shared * _SHARED + texts * _NAME + self._name_digits[entries.owners]
        places = np.flatnonzero(some & self._columns.has_name[entries.owners])
        closed = ~self._are_halves(entries)[places]
        return Keys(places, codes[places], closed, np.zeros_like(closed))

    def _are_halves(self, entries: Entries) -> Flags:
        halves = np.array([name.mononym for name in self._columns.names], dtype=np.bool_)
        return halves[self._columns.name_of[entries.owners]]

    def by_name_and_company(self, entries: Entries) -> Iterator[Keys]:
        names, companies = self._name_parts(entries), self._companies(entries, company_readings)
        digits = self._digits[entries.owners]
        plain, _ = companies.column(0)
        places, texts = names.all()
        yield _open(places, plain[places] * _SHARED + texts * _NAME + digits[places])
        for reading in (1, 2):
            other, there = companies.column(reading)
            for order in _ORDERS:
                yield _open(there, (other * _SHARED + names.column(order)[0] * _NAME + digits)[there])
        yield from self._by_first_word(entries, names)
        acronym, there = self._companies(entries, _acronym).column(0)
        yield _open(there, (acronym * _SHARED + names.column(_ORDERS[1])[0] * _NAME + digits)[there])

    def _by_first_word(self, entries: Entries, names: _Texts) -> Iterator[Keys]:
        first, there = self._companies(entries, lambda company: (first_word(company),)).column(0)
        several = np.array([" " in company.key for company in self._columns.companies], dtype=np.bool_)
        guests = several[self._columns.company_of[entries.owners]]
        for order in _ORDERS:
            codes = first * _SHARED + names.column(order)[0] * _NAME + self._digits[entries.owners]
            yield Keys(there, codes, guests, guests)

    def by_name_and_profile(self, entries: Entries) -> Iterator[Keys]:
        columns, digits = self._columns, self._digits[entries.owners]
        company, employed = self._companies(entries, _beginning).column(0)
        title = columns.title[entries.owners]
        place = columns.place[entries.owners] * _COMPANY_DIGITS
        titled = np.flatnonzero(title)
        for names in (self._name_parts(entries), self._names(entries, _begun_given)):
            for told, there in ((title, titled), (company, employed)):
                here, texts = names.of(there)
                rest = told * _SHARED + place + digits
                yield _open(there[here], rest[there[here]] + texts * _NAME)

    def _names(self, entries: Entries, parts: Callable[[PersonName], Iterable[str]]) -> _Texts:
        needed, of_entry = np.unique(self._columns.name_of[entries.owners], return_inverse=True)
        return _Texts(_Hashes(parts(self._columns.names[place]) for place in needed.tolist()), of_entry)

    def _companies(self, entries: Entries, parts: Callable[[CompanyName], Iterable[str]]) -> _Texts:
        needed, of_entry = np.unique(self._columns.company_of[entries.owners], return_inverse=True)
        return _Texts(_Hashes(parts(self._columns.companies[place]) for place in needed.tolist()), of_entry)

    @cached_property
    def _parts(self) -> _Hashes:
        return _Hashes(map(name_parts, self._columns.names))

    def _name_parts(self, entries: Entries) -> _Texts:
        return _Texts(self._parts, self._columns.name_of[entries.owners])


class _Hashes:
    """Several texts of each name, or of each company, as hashes."""

    def __init__(self, texts: Iterable[Iterable[str]]) -> None:
        self.sizes, self.hashes = hashed(texts)


class _Texts:
    """Several texts of each entry.

    Args:
        known: those of each name or company.
        of_entry: which of these each entry has.
    """

    def __init__(self, known: _Hashes, of_entry: Indexes) -> None:
        self._known, self._of_entry = known, of_entry

    def all(self) -> tuple[Indexes, Indexes]:
        """Places of entries, each as often as it has texts, and these."""
        places, rows = spread(self._known.sizes, self._of_entry)
        return places, self._known.hashes[rows]

    def of(self, entries: Indexes) -> tuple[Indexes, Indexes]:
        """The same of some entries: places among them."""
        return _Texts(self._known, self._of_entry[entries]).all()

    def column(self, number: int) -> tuple[Indexes, Indexes]:
        """The text of that number of each entry, and the places of those that have one."""
        sizes = self._known.sizes
        there = np.flatnonzero((sizes > number)[self._of_entry])
        texts = np.zeros(self._of_entry.size, dtype=np.int64)
        texts[there] = self._known.hashes[(np.cumsum(sizes) - sizes + number)[self._of_entry[there]]]
        return texts, there


# Where in `name_parts` the two orders of given and family name stand.
_ORDERS = (1, 2)


def _words_at_mailbox(name: PersonName) -> Iterator[str]:
    yield from crossed_words(name)
    yield name.given[:3]


def _half_name(name: PersonName) -> tuple[str]:
    return (f"{name.given[:3]}~",)


def _begun_given(name: PersonName) -> tuple[str]:
    return (name.given[:4],)


def _beginning(company: CompanyName) -> tuple[str, ...]:
    return (company.key[:4],) if company.key else ()


def _acronym(company: CompanyName) -> tuple[str, ...]:
    return (f"@{company.acronym}",) if company.acronym else ()


def _hashes(texts: Iterable[str]) -> Indexes:
    return np.fromiter(map(hash, texts), np.int64)


def _open(places: Indexes, codes: Indexes) -> Keys:
    none: Flags = np.zeros(places.size, dtype=np.bool_)
    return Keys(places, codes, none, none)


def _alone(entries: Entries, is_open: Flags) -> Keys:
    """What is shared is the key."""
    none: Flags = np.zeros(is_open.size, dtype=np.bool_)
    return Keys(np.arange(is_open.size), entries.shared, ~is_open, none)


_Read = tuple[Said, tuple[NDArray[np.int64], ...]]


def _profile_of_named(columns: RecordColumns) -> _Read:
    return _one(columns.slug, (columns.slug > 0) & columns.has_name), (columns.name_of,)


def _profile(columns: RecordColumns) -> _Read:
    return _one(columns.slug, columns.slug > 0), (columns.name_of,)


def _mailbox_of_named(columns: RecordColumns) -> _Read:
    return columns.mailboxes().of(columns.has_name), (columns.name_of,)


def _mailbox(columns: RecordColumns) -> _Read:
    return columns.mailboxes(), (columns.name_of,)


def _role_mailbox(columns: RecordColumns) -> _Read:
    return columns.role_mailboxes(), (columns.name_of, columns.employer)


def _phone(columns: RecordColumns) -> _Read:
    return columns.phones().of(columns.has_name), (columns.name_of,)


def _phone_profile(columns: RecordColumns) -> _Read:
    rest = (columns.name_of, columns.employer, columns.title, columns.place)
    return columns.phones().of(columns.has_name), rest


def _name_and_company(columns: RecordColumns) -> _Read:
    return _one(np.zeros_like(columns.slug), columns.has_name & columns.has_company), (
        columns.name_of,
        columns.employer,
    )


def _name_and_profile(columns: RecordColumns) -> _Read:
    there = columns.has_name & (columns.place > 0) & ((columns.title > 0) | columns.has_company)
    rest = (columns.name_of, columns.employer, columns.title, columns.place)
    return _one(np.zeros_like(columns.slug), there), rest


def _one(numbers: Indexes, there: Flags) -> Said:
    owners = np.flatnonzero(there)
    return Said(owners, numbers[owners])


_ENTRIES: dict[Aspect, Callable[[RecordColumns], _Read]] = {
    LINKEDIN: _profile_of_named,
    LINKEDIN_ALONE: _profile,
    MAILBOX: _mailbox_of_named,
    MAILBOX_ALONE: _mailbox,
    ROLE_MAILBOX: _role_mailbox,
    PHONE: _phone,
    PHONE_PROFILE: _phone_profile,
    NAME_COMPANY: _name_and_company,
    PROFILE: _name_and_profile,
}
_KEYS: dict[Aspect, Callable[[KeyCodes, Entries], Iterator[Keys]]] = {
    LINKEDIN: KeyCodes.by_profile_and_name,
    LINKEDIN_ALONE: KeyCodes.by_profile,
    MAILBOX: KeyCodes.by_mailbox_and_name,
    MAILBOX_ALONE: KeyCodes.by_mailbox,
    ROLE_MAILBOX: KeyCodes.by_number_and_name,
    PHONE: KeyCodes.by_number_and_name,
    PHONE_PROFILE: KeyCodes.by_number_and_name,
    NAME_COMPANY: KeyCodes.by_name_and_company,
    PROFILE: KeyCodes.by_name_and_profile,
}
READ_AS_COLUMNS = frozenset(_KEYS)
