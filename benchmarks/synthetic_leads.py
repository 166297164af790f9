"""Leads with known truth: seeded, a quarter of them repeated and corrupted, with people who only look alike.

What belongs here: making rows for benchmarks. The nicknames and corruptions are this module's own and are not read from
the tables that matching uses, so that a good figure is not a table meeting itself.

Hard negatives: the same name in another company; colleagues who share info@; a couple who share a private mailbox;
father and son in one firm; colleagues with one switchboard number.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leads_dagster.leads.fields import NormalizedRow

Corruption = Callable[[dict[str, str]], None]

_WORDS: dict[str, Any] = json.loads(Path(__file__).with_name("synthetic_words.json").read_text(encoding="utf-8"))
_GIVEN: list[str] = _WORDS["given"]
_FAMILY_HEADS: list[str] = _WORDS["family_heads"]
_FAMILY_TAILS: list[str] = _WORDS["family_tails"]
_COMMON_FAMILY: list[str] = _WORDS["common_family"]
_FAMILY = [*_COMMON_FAMILY, *(head + tail for head in _FAMILY_HEADS for tail in _FAMILY_TAILS)]
_SHORT: dict[str, str] = _WORDS["short"]
_COMPANY_HEADS: list[str] = _WORDS["company_heads"]
_COMPANY_TAILS: list[str] = _WORDS["company_tails"]
_FORMS = ("Inc", "Inc.", "LLC", "Ltd", "Ltd.", "GmbH", "AG", "S.A.", "S.r.l.", "B.V.", "AB", "Corp.", "Company", "")
_TITLES = ("CEO", "CTO", "Head of Sales", "Engineer", "Account Executive", "Buyer", "Recruiter", "Analyst", "Founder")
_CITIES: list[str] = _WORDS["cities"]
_ROLES = ("info", "sales", "office", "kontakt", "contact", "hello")
_FREE_MAIL = ("gmail.com", "outlook.com", "gmx.de", "yahoo.com", "web.de")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ö": "Oe", "ß": "ss"})
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Labelled:
    """One row, and the person it is about.

    Attributes:
        row: the row after normalising.
        person: equal for rows about one person.
    """

    row: NormalizedRow
    person: int


@dataclass(frozen=True)
class _Company:
    name: str
    host: str
    phone: str


def synthetic_leads(count: int, seed: int, duplicates: float = 0.25) -> list[Labelled]:
    """`count` rows in random order, a share of them repeating another row's person.

    Args:
        count: rows in all.
        seed: the same seed gives the same rows.
        duplicates: share of rows that are corrupted repetitions.
    """
    source = random.Random(seed)
    people = _People(source, count)
    originals = people.take(round(count * (1 - duplicates)))
    corruption = _Corruption(source)
    repeated = [corruption.repeated(source.choice(originals)) for _ in range(count - len(originals))]
    leads = [*originals, *repeated]
    source.shuffle(leads)
    return leads


class _People:
    """Makes people, and people who only look like one made before."""

    def __init__(self, source: random.Random, count: int) -> None:
        self._random = source
        self._companies = [self._company() for _ in range(max(count // 6, 5))]
        self._next_person = 0

    def take(self, count: int) -> list[Labelled]:
        """That many people; one in ten is followed by somebody who looks like the one before."""
        people: list[Labelled] = []
        while len(people) < count:
            company = self._companies[int(len(self._companies) * self._random.random() ** 2)]
            person = self._person(self._name(), company)
            people.append(person)
            if self._random.random() < 0.10:
                people.append(self._lookalike(person, company))
        return people[:count]

    def _company(self) -> _Company:
        choice = self._random.choice
        name = f"{choice(_COMPANY_HEADS)} {choice(_COMPANY_TAILS)}"
        if self._random.random() < 0.5:
            name = f"{choice(_FAMILY)} {name}"
        host = "".join(filter(str.isalnum, name.lower())).encode("ascii", "ignore").decode() + ".com"
        return _Company(f"{name} {choice(_FORMS)}".strip(), host, self._phone())

    def _name(self) -> str:
        return f"{self._random.choice(_GIVEN)} {self._random.choice(_FAMILY)}"

    def _phone(self) -> str:
        return f"+1{self._random.randrange(2_000_000_000, 9_999_999_999)}"

    def _person(self, name: str, company: _Company, **given: str) -> Labelled:
        chance = self._random.random
        fields = {"full_name": name, "company": company.name, "title": self._random.choice(_TITLES)}
        fields["location"] = self._random.choice(_CITIES)
        if chance() < 0.75:
            fields["email"] = self._email(name, company.host)
        elif chance() < 0.3:
            fields["email"] = f"{self._random.choice(_ROLES)}@{company.host}"
        if chance() < 0.5:
            fields["linkedin_url"] = self._linkedin(name)
        if chance() < 0.6:
            fields["phone"] = company.phone if chance() < 0.3 else self._phone()
        self._next_person += 1
        return Labelled(_row({**fields, **given}), self._next_person)

    def _email(self, name: str, host: str) -> str:
        first, *_, last = ascii_words(name)
        if self._random.random() < 0.2:
            return f"{first}.{last}{self._random.randrange(100)}@{self._random.choice(_FREE_MAIL)}"
        return f"{self._random.choice([f'{first}.{last}', f'{first[0]}{last}', f'{first}_{last}'])}@{host}"

    def _linkedin(self, name: str) -> str:
        return f"https://www.linkedin.com/in/{'-'.join(ascii_words(name))}-{self._random.randrange(16**6):06x}"

    def _lookalike(self, person: Labelled, company: _Company) -> Labelled:
        fields, kind = person.row.fields, self._random.random()
        name = fields["full_name"]
        if kind < 0.35:
            return self._person(name, self._random.choice(self._companies))
        if kind < 0.60:
            return self._person(self._name(), company, email=f"{self._random.choice(_ROLES)}@{company.host}")
        if kind < 0.75 and "email" in fields:
            partner = f"{self._random.choice(_GIVEN)} {name.split()[-1]}"
            return self._person(partner, company, email=fields["email"])
        if kind < 0.90:
            return self._person(f"{name} Jr.", company)
        return self._person(self._name(), company, phone=company.phone)


class _Corruption:
    """Writes a row about somebody again, as another export or another hand would."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._chances: tuple[tuple[float, Corruption], ...] = (
            (0.25, self._typo_in_name),
            (0.20, self._nickname),
            (0.12, self._swap),
            (0.15, self._transliterate),
            (0.30, self._other_form),
            (0.12, self._typo_in_company),
            (0.15, self._typo_in_email),
            (0.30, _drop("email")),
            (0.35, _drop("linkedin_url")),
            (0.20, self._other_email),
            (0.25, _drop("phone")),
            (0.08, self._initial),
            (0.05, _drop("company")),
            (0.15, self._shout),
        )

    def repeated(self, lead: Labelled) -> Labelled:
        """Another row about the same person."""
        fields = dict(lead.row.fields)
        for chance, corrupt in self._chances:
            if self._random.random() < chance:
                corrupt(fields)
        return Labelled(_row(fields), lead.person)

    def _typo_in_name(self, fields: dict[str, str]) -> None:
        fields["full_name"] = self._typo(fields["full_name"])

    def _typo_in_company(self, fields: dict[str, str]) -> None:
        if "company" in fields:
            fields["company"] = self._typo(fields["company"])

    def _typo_in_email(self, fields: dict[str, str]) -> None:
        if "email" in fields:
            mailbox, _, host = fields["email"].partition("@")
            fields["email"] = f"{self._typo(mailbox)}@{host}"

    def _typo(self, text: str) -> str:
        place, letter = self._random.randrange(len(text)), self._random.choice(_LETTERS)
        before, here, after = text[:place], text[place], text[place + 1 :]
        edited = (
            before + letter + here + after,
            before + after,
            before + after[:1] + here + after[1:],
            before + letter + after,
        )
        return self._random.choice(edited).strip() or text

    def _nickname(self, fields: dict[str, str]) -> None:
        first, _, rest = fields["full_name"].partition(" ")
        fields["full_name"] = f"{_SHORT.get(first, first)} {rest}"

    def _swap(self, fields: dict[str, str]) -> None:
        first, _, rest = fields["full_name"].partition(" ")
        if rest and "Jr." not in rest:
            fields["full_name"] = f"{rest} {first}"

    def _initial(self, fields: dict[str, str]) -> None:
        first, _, rest = fields["full_name"].partition(" ")
        fields["full_name"] = f"{first[:1]}. {rest}"

    def _transliterate(self, fields: dict[str, str]) -> None:
        fields["full_name"] = fields["full_name"].translate(_UMLAUTS)

    def _shout(self, fields: dict[str, str]) -> None:
        fields["full_name"] = fields["full_name"].upper()

    def _other_form(self, fields: dict[str, str]) -> None:
        if "company" in fields:
            name, _, form = fields["company"].rpartition(" ")
            bare = name if form in _FORMS else fields["company"]
            fields["company"] = f"{bare} {self._random.choice(_FORMS)}".strip()

    def _other_email(self, fields: dict[str, str]) -> None:
        words = ascii_words(fields["full_name"])
        fields["email"] = f"{words[0]}{words[-1]}{self._random.randrange(1000)}@{self._random.choice(_FREE_MAIL)}"


def _drop(field: str) -> Corruption:
    def corrupt(fields: dict[str, str]) -> None:
        fields.pop(field, None)

    return corrupt


def _row(fields: dict[str, str]) -> NormalizedRow:
    emails = (fields["email"],) if "email" in fields else ()
    phones = (fields["phone"],) if "phone" in fields else ()
    return NormalizedRow(fields, emails=emails, phones=phones)


def ascii_words(name: str) -> list[str]:
    """The words of a name as they stand in addresses."""
    text = name.translate(_UMLAUTS).lower().encode("ascii", "ignore").decode()
    return "".join(letter for letter in text if letter.isalnum() or letter == " ").removesuffix(" jr").split() or ["x"]
