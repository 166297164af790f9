"""Writing a row about somebody again, as another export or another hand would; every kind has a name and a chance.

What belongs here: the kinds of corruption. Nicknames and other writings come from words.json, never from the tables
that matching uses.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from benchmarks.matching.people import (
    FORMS,
    FREE_MAIL,
    UMLAUTS,
    WORDS,
    Name,
    People,
    Person,
    ascii_words,
    plain,
)

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WITH_UMLAUTS = {
    word.translate(UMLAUTS): word
    for word in (
        *WORDS["given"],
        *WORDS["common_family"],
        *(head + tail for head in WORDS["family_heads"] for tail in WORDS["family_tails"]),
    )
    if word.translate(UMLAUTS) != word
}


@dataclass
class Draft:
    """A row being written again.

    Attributes:
        person: whose.
        name: their name, while it is still in parts.
        fields: the row.
    """

    person: Person
    name: Name
    fields: dict[str, str] = field(default_factory=dict)


Step = Callable[[Draft], None]


@dataclass(frozen=True)
class Kind:
    """One kind of corruption.

    Attributes:
        name: as it stands in tables.
        chance: that it befalls a repeated row; where it finds nothing to change it does not count.
        field: the one it writes.
        step: does it.
        anew: fields dropped or written anew, so that what befell them before no longer shows.
    """

    name: str
    chance: float
    field: str
    step: Step
    anew: tuple[str, ...] = ()


class Corruption:
    """Writes rows again."""

    def __init__(self, source: random.Random, people: People) -> None:
        self._random, self._people = source, people
        self.kinds = (*self._kinds_of_names_in_parts(), *self._kinds_of_texts(), *self._kinds_at_the_end())

    def _kinds_of_names_in_parts(self) -> tuple[Kind, ...]:
        """Befall the name before it is one text; chances are of those whose name has such a part."""
        return (
            Kind("half of a double family name", 0.30, "full_name", self._half),
            Kind("hyphen left out", 0.25, "full_name", self._hyphen),
            Kind("particle left out or joined", 0.40, "full_name", self._particle),
            Kind("middle name", 0.10, "full_name", self._middle),
            Kind("other script or romanisation", 0.50, "full_name", self._script),
            Kind("marks on letters left out", 0.12, "full_name", self._plain),
            Kind("umlauts for ae, oe, ue", 0.30, "full_name", self._umlauts),
        )

    def _kinds_of_texts(self) -> tuple[Kind, ...]:
        return (
            Kind("acronym for the company", 0.05, "company", self._acronym),
            Kind("domain for the company", 0.03, "company", self._domain),
            Kind("typo in name", 0.25, "full_name", self._typo_in_name),
            Kind("nickname", 0.20, "full_name", self._nickname),
            Kind("name turned round", 0.12, "full_name", self._turned),
            Kind("ae, oe, ue for umlauts", 0.15, "full_name", self._transliterated),
            Kind("other legal form", 0.30, "company", self._other_form),
            Kind("typo in company", 0.12, "company", self._typo_in_company),
            Kind("typo in e-mail", 0.15, "email", self._typo_in_email),
            Kind("e-mail left out", 0.30, "email", _drop("email"), anew=("email",)),
            Kind("LinkedIn left out", 0.35, "linkedin_url", _drop("linkedin_url"), anew=("linkedin_url",)),
            Kind("other e-mail", 0.20, "email", self._other_email, anew=("email",)),
            Kind("phone left out", 0.25, "phone", _drop("phone"), anew=("phone",)),
            Kind("initial", 0.08, "full_name", self._initial),
            Kind("company left out", 0.05, "company", _drop("company"), anew=("company",)),
            Kind("capitals", 0.15, "full_name", self._shout),
        )

    def _kinds_at_the_end(self) -> tuple[Kind, ...]:
        return (
            Kind("title in other words", 0.25, "title", self._other_title),
            Kind("place written longer", 0.20, "location", self._longer_place),
            Kind("job change", 0.05, "company", self._job_change, anew=("company", "title", "email", "phone")),
        )

    def repeated(self, person: Person) -> tuple[dict[str, str], frozenset[str]]:
        """Another row about the same person, and the kinds of corruption that show in it."""
        draft = Draft(person, person.name, dict(person.fields))
        befell: dict[str, Kind] = {}
        for kind in self.kinds:
            if self._random.random() < kind.chance:
                before = dict(draft.fields)
                kind.step(draft)
                if draft.fields != before:
                    befell = {name: one for name, one in befell.items() if one.field not in kind.anew}
                    befell[kind.name] = kind
        return draft.fields, frozenset(befell)

    def _renamed(self, draft: Draft, name: Name) -> None:
        draft.name = name
        draft.fields["full_name"] = str(name)

    def _half(self, draft: Draft) -> None:
        if len(draft.name.family) > 1:
            self._renamed(draft, replace(draft.name, family=(self._random.choice(draft.name.family),)))

    def _hyphen(self, draft: Draft) -> None:
        if draft.name.joint == "-":
            self._renamed(draft, replace(draft.name, joint=self._random.choice(("", " ", " - "))))

    def _particle(self, draft: Draft) -> None:
        """Left out, written together, or written together with the family name."""
        name = draft.name
        if name.particle:
            together = name.particle.title().replace(" ", "").capitalize()
            family = self._random.choice((name.last(), f"{together} {name.last()}", f"{together}{name.last().lower()}"))
            self._renamed(draft, replace(name, particle="", family=(family,)))

    def _middle(self, draft: Draft) -> None:
        """Left out, cut to an initial, or one that the other row does not give."""
        name, other = draft.name, self._random.choice(WORDS["middle"])
        others = [other, f"{other[0]}.", other[0]]
        if name.middle:
            others = ["", f"{name.middle[0]}."] if len(name.middle) > 2 else [""]
        if not name.writings[0]:
            self._renamed(draft, replace(name, middle=self._random.choice(others)))

    def _script(self, draft: Draft) -> None:
        given, family = draft.name.writings
        if given:
            written = self._random.randrange(max(len(given), len(family)))
            one, two = given[min(written, len(given) - 1)], family[min(written, len(family) - 1)]
            self._renamed(draft, replace(draft.name, given=one, family=(two,)))

    def _plain(self, draft: Draft) -> None:
        name = draft.name
        if not name.writings[0]:
            self._renamed(draft, replace(name, given=plain(name.given), family=tuple(map(plain, name.family))))

    def _umlauts(self, draft: Draft) -> None:
        name = draft.name
        family = tuple(_WITH_UMLAUTS.get(word, word) for word in name.family)
        self._renamed(draft, replace(name, given=_WITH_UMLAUTS.get(name.given, name.given), family=family))

    def _acronym(self, draft: Draft) -> None:
        """First letters of a company of three words and more; two letters would say too little."""
        words = bare_company(draft.fields["company"]).split()
        if len(words) > 2:
            draft.fields["company"] = "".join(word[0] for word in words)

    def _domain(self, draft: Draft) -> None:
        host = draft.person.company.host
        draft.fields["company"] = self._random.choice((host, f"www.{host}", host.removesuffix(".com")))

    def _typo_in_name(self, draft: Draft) -> None:
        draft.fields["full_name"] = self._typo(draft.fields["full_name"])

    def _typo_in_company(self, draft: Draft) -> None:
        draft.fields["company"] = self._typo(draft.fields["company"])

    def _typo_in_email(self, draft: Draft) -> None:
        if "email" in draft.fields:
            mailbox, _, host = draft.fields["email"].partition("@")
            draft.fields["email"] = f"{self._typo(mailbox)}@{host}"

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

    def _nickname(self, draft: Draft) -> None:
        first, _, rest = draft.fields["full_name"].partition(" ")
        draft.fields["full_name"] = f"{WORDS['short'].get(first, first)} {rest}".strip()

    def _turned(self, draft: Draft) -> None:
        first, _, rest = draft.fields["full_name"].partition(" ")
        if rest and "Jr." not in rest:
            draft.fields["full_name"] = f"{rest} {first}"

    def _initial(self, draft: Draft) -> None:
        first, _, rest = draft.fields["full_name"].partition(" ")
        draft.fields["full_name"] = f"{first[:1]}. {rest}".strip()

    def _transliterated(self, draft: Draft) -> None:
        draft.fields["full_name"] = draft.fields["full_name"].translate(UMLAUTS)

    def _shout(self, draft: Draft) -> None:
        draft.fields["full_name"] = draft.fields["full_name"].upper()

    def _other_form(self, draft: Draft) -> None:
        draft.fields["company"] = f"{bare_company(draft.fields['company'])} {self._random.choice(FORMS)}".strip()

    def _other_email(self, draft: Draft) -> None:
        words = ascii_words(draft.fields["full_name"])
        if draft.name.writings[0]:
            words = ascii_words(draft.name.latin())
        host = self._random.choice(FREE_MAIL)
        draft.fields["email"] = f"{words[0]}{words[-1]}{self._random.randrange(1000)}@{host}"

    def _other_title(self, draft: Draft) -> None:
        draft.fields["title"] = self._random.choice(WORDS["titles"][draft.fields["title"]])

    def _longer_place(self, draft: Draft) -> None:
        draft.fields["location"] = self._random.choice(WORDS["places"][draft.fields["location"]])

    def _job_change(self, draft: Draft) -> None:
        """Another company, title and address at work; the LinkedIn page stays, else nobody could know."""
        if "linkedin_url" in draft.fields:
            company = self._random.choice(self._people.companies)
            draft.fields.update(company=company.name, title=self._people.title())
            draft.fields.pop("phone", None)
            if "email" in draft.fields:
                draft.fields["email"] = self._people.email(draft.name, company.host)


def bare_company(company: str) -> str:
    """Without its legal form."""
    name, _, form = company.rpartition(" ")
    return name if name and form in FORMS else company


def _drop(name: str) -> Step:
    def corrupt(draft: Draft) -> None:
        draft.fields.pop(name, None)

    return corrupt
