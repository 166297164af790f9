"""People for the benchmark, and people who only look like one made before: hard negatives, each with its kind.

What belongs here: names, companies and first rows. How a row is written again is in `corruption`. Words come from
words.json, written for this benchmark; nothing is read from the tables that matching uses, so that a good figure is
not a table meeting itself.
"""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

WORDS: dict[str, Any] = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
FORMS = ("Inc", "Inc.", "LLC", "Ltd", "Ltd.", "GmbH", "AG", "S.A.", "S.r.l.", "B.V.", "AB", "Corp.", "Company", "")
FREE_MAIL = ("gmail.com", "outlook.com", "gmx.de", "yahoo.com", "web.de")
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
PLAIN_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "æ": "ae", "đ": "d"})
TITLES: list[str] = [*WORDS["titles"]]
PLACES: list[str] = [*WORDS["places"]]
_ROLES = ("info", "sales", "office", "kontakt", "contact", "hello")
# What people type where a form wants an address and they have none.
PLACEHOLDERS = (
    "noemail@example.com", "none@none.com", "test@test.com", "unknown@unknown.com", "na@na.com", "no@email.com",
    "nobody@nowhere.com", "xxx@xxx.com",
)  # fmt: skip
_FAMILY = [
    *WORDS["common_family"],
    *(head + tail for head in WORDS["family_heads"] for tail in WORDS["family_tails"]),
]

# Shares of people by the form of their name; the others have a given and a family name.
DOUBLE_FAMILY, PARTICLE, OTHER_SCRIPT, MIDDLE = 0.05, 0.04, 0.015, 0.10
WRITTEN_WITHOUT_UMLAUTS = 0.15
# Of all people one in eleven is of `_lookalike`; of `_pair`, one in twenty-three.
SHARE_OF_LOOKALIKES, SHARE_OF_PAIRS = 0.105, 0.05


@dataclass(frozen=True)
class Name:
    """A name in its parts, so that it can be written otherwise.

    Attributes:
        given, middle, particle: "" where there is none.
        family: one word, or the two of a double name.
        joint: between the two.
        generation: "Jr." or "".
        writings: for names of another script, all writings of given and family name, original script first.
    """

    given: str
    family: tuple[str, ...]
    middle: str = ""
    particle: str = ""
    joint: str = "-"
    generation: str = ""
    writings: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def __str__(self) -> str:
        return " ".join(filter(None, (self.given, self.middle, self.particle, self.last(), self.generation)))

    def last(self) -> str:
        """The family name without its particle."""
        return self.joint.join(self.family)

    def latin(self) -> str:
        """As it stands in addresses: no middle name, Latin letters."""
        given, family = self.writings
        return f"{given[1]} {family[1]}" if given else f"{self.given} {self.particle.replace(' ', '')}{self.last()}"


@dataclass(frozen=True)
class Company:
    """A company, and what all who work there share."""

    name: str
    host: str
    phone: str


@dataclass(frozen=True)
class Person:
    """Somebody, with a first row.

    Attributes:
        number: equal for rows about one person.
        hard_negative: kind of look-alike, "" for others.
        looks_like: number of the person this one looks like; 0 for others.
    """

    number: int
    name: Name
    company: Company
    fields: dict[str, str]
    hard_negative: str = ""
    looks_like: int = 0


class People:
    """Makes people, and people who only look like one made before."""

    def __init__(self, source: random.Random, count: int) -> None:
        self._random = source
        self.companies = [self._company() for _ in range(max(count // 6, 5))]
        self._made = 0

    def take(self, count: int) -> list[Person]:
        """That many people; some are followed by somebody who looks like the one before."""
        people: list[Person] = []
        while len(people) < count:
            person = self._person(self._name(), self._any_company())
            if self._random.random() < SHARE_OF_PAIRS:
                person, other = self._pair(person)
                people.append(other)
            people.append(person)
            if self._random.random() < SHARE_OF_LOOKALIKES:
                people.append(self._lookalike(person))
        return people[:count]

    def _any_company(self) -> Company:
        """Some have many more people than others."""
        return self.companies[int(len(self.companies) * self._random.random() ** 2)]

    def _company(self) -> Company:
        choice = self._random.choice
        name = f"{choice(WORDS['company_heads'])} {choice(WORDS['company_tails'])}"
        if self._random.random() < 0.5:
            name = f"{choice(_FAMILY)} {name}"
        host = "".join(filter(str.isalnum, name.lower())).encode("ascii", "ignore").decode() + ".com"
        return Company(f"{name} {choice(FORMS)}".strip(), host, self.phone())

    def phone(self) -> str:
        """A number of its own."""
        return f"+1{self._random.randrange(2_000_000_000, 9_999_999_999)}"

    def _name(self) -> Name:
        choice, kind = self._random.choice, self._random.random()
        if kind < OTHER_SCRIPT:
            return self._name_of_another_script()
        name = Name(choice(WORDS["given"]), (choice(_FAMILY),))
        if kind < OTHER_SCRIPT + DOUBLE_FAMILY:
            name = replace(name, family=(*name.family, choice(_FAMILY)), joint=choice("-- "))
        elif kind < OTHER_SCRIPT + DOUBLE_FAMILY + PARTICLE:
            name = replace(name, particle=choice(WORDS["particles"]))
        elif kind < OTHER_SCRIPT + DOUBLE_FAMILY + PARTICLE + MIDDLE:
            middle = choice(WORDS["middle"])
            name = replace(name, middle=choice((middle, f"{middle[0]}.")))
        return self._spelled(name)

    def _spelled(self, name: Name) -> Name:
        """Some write themselves without umlauts, also where others write them."""
        if self._random.random() >= WRITTEN_WITHOUT_UMLAUTS:
            return name
        return replace(
            name, given=name.given.translate(UMLAUTS), family=tuple(word.translate(UMLAUTS) for word in name.family)
        )

    def _name_of_another_script(self) -> Name:
        """Cyrillic or Greek, mostly in Latin letters."""
        words = self._random.choice([*WORDS["scripts"].values()])
        given, family = self._random.choice(words["given"]), self._random.choice(words["family"])
        written = 0 if self._random.random() < 0.3 else 1
        return Name(given[written], (family[written],), writings=(tuple(given), tuple(family)))

    def _person(self, name: Name, company: Company, **given: str) -> Person:
        chance = self._random.random
        fields = {"full_name": str(name), "company": company.name, "title": self.title()}
        fields["location"] = self.place()
        if chance() < 0.75:
            fields["email"] = self.email(name, company.host)
        elif chance() < 0.3:
            fields["email"] = f"{self._random.choice(_ROLES)}@{company.host}"
        if chance() < 0.5:
            fields["linkedin_url"] = self._linkedin(name)
        if chance() < 0.6:
            fields["phone"] = company.phone if chance() < 0.3 else self.phone()
        self._made += 1
        return Person(self._made, name, company, {**fields, **given})

    def title(self) -> str:
        """Any of the titles."""
        return self._random.choice(TITLES)

    def place(self) -> str:
        """Any of the cities."""
        return self._random.choice(PLACES)

    def email(self, name: Name, host: str) -> str:
        """An address of that person, at work or private."""
        first, *_, last = ascii_words(name.latin())
        if self._random.random() < 0.2:
            return f"{first}.{last}{self._random.randrange(100)}@{self._random.choice(FREE_MAIL)}"
        return f"{self._random.choice([f'{first}.{last}', f'{first[0]}{last}', f'{first}_{last}'])}@{host}"

    def _linkedin(self, name: Name) -> str:
        words = ascii_words(name.latin())
        return f"https://www.linkedin.com/in/{'-'.join(words)}-{self._random.randrange(16**6):06x}"

    def _lookalike(self, person: Person) -> Person:
        company, kind = person.company, self._random.random()
        if kind < 0.35:
            return self._like("namesake elsewhere", person, person.name, self._random.choice(self.companies))
        if kind < 0.60:
            mailbox = f"{self._random.choice(_ROLES)}@{company.host}"
            return self._like("shared mailbox", person, self._name(), company, email=mailbox)
        if kind < 0.75 and "email" in person.fields:
            email = person.fields["email"]
            return self._like("couple with one mailbox", person, self._relative(person), company, email=email)
        if kind < 0.90:
            son = replace(person.name, generation="Jr.")
            return self._like("father and son", person, son, company)
        return self._like("shared switchboard", person, self._name(), company, phone=company.phone)

    def _pair(self, person: Person) -> tuple[Person, Person]:
        """Two people who share what one would take for telling."""
        make: tuple[Callable[[Person], tuple[Person, Person]], ...]
        make = (self._family_firm, self._placeholder, self._namesake_in_town)
        return self._random.choice(make)(person)

    def _family_firm(self, person: Person) -> tuple[Person, Person]:
        """Brothers and sisters, man and wife: one family name, one company, one telephone."""
        phone = {"phone": person.company.phone}
        other = self._like("family firm", person, self._relative(person), person.company, **phone)
        return replace(person, fields={**person.fields, **phone}), other

    def _placeholder(self, person: Person) -> tuple[Person, Person]:
        """Strangers who gave the same address that is none."""
        email = {"email": self._random.choice(PLACEHOLDERS)}
        other = self._like("placeholder mailbox", person, self._name(), self._any_company(), **email)
        return replace(person, fields={**person.fields, **email}), other

    def _namesake_in_town(self, person: Person) -> tuple[Person, Person]:
        """One name, one city, two companies."""
        place = {"location": person.fields["location"]}
        return person, self._like("namesake in town", person, person.name, self._random.choice(self.companies), **place)

    def _relative(self, person: Person) -> Name:
        """Another given name with the same family name."""
        name = person.name
        if name.writings[0]:
            others = next(
                words["given"] for words in WORDS["scripts"].values() if [*name.writings[1]] in words["family"]
            )
            given = self._random.choice([given for given in others if given[1] != name.writings[0][1]])
            written = name.writings[0].index(name.given)
            return replace(name, given=given[written], writings=(tuple(given), name.writings[1]))
        given = self._random.choice([given for given in WORDS["given"] if given != name.given])
        return replace(name, given=given, middle="")

    def _like(self, kind: str, person: Person, name: Name, company: Company, **given: str) -> Person:
        other = self._person(name, company, **given)
        return replace(other, hard_negative=kind, looks_like=person.number)


def plain(text: str) -> str:
    """Without marks on letters: "Müller" -> "Muller"."""
    parts = unicodedata.normalize("NFD", text.translate(PLAIN_LETTERS))
    return unicodedata.normalize("NFC", "".join(letter for letter in parts if not unicodedata.combining(letter)))


def ascii_words(name: str) -> list[str]:
    """The words of a name as they stand in addresses."""
    text = name.translate(UMLAUTS).lower().encode("ascii", "ignore").decode()
    return "".join(letter for letter in text if letter.isalnum() or letter == " ").removesuffix(" jr").split() or ["x"]
