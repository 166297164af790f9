"""Aspects: what each rule reads of a record, and the keys under which records meet. Of one record alone.

What belongs here: aspect values and blocking keys, pure functions of a record, so that no limit depends on who else is
there. Which pairs come of them is `blocking`'s; whether a pair is one lead, `evidence`'s.

A rule reads an *aspect* of a record: the LinkedIn slug; one mailbox and the name; one telephone and the name; name and
company. Records whose aspects are equal compare alike under that rule with any third record.

Keys join a company's beginning with a name's, a mailbox with a name's: one large company, or one mailbox that thousands
share, falls apart into small blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import combinations, product
from typing import Literal, cast

from leads_dagster.leads.match_features import CompanyName, PersonName
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.match_weights import match_weights
from leads_dagster.leads.name_rarity import name_rarity

# The aspects, as they are written in front of keys.
Aspect = Literal["l", "a", "e", "m", "r", "p", "q", "n", "t", "f", "c", "x"]
LINKEDIN: Aspect = "l"
LINKEDIN_ALONE: Aspect = "a"
MAILBOX: Aspect = "e"
MAILBOX_ALONE: Aspect = "m"
ROLE_MAILBOX: Aspect = "r"
PHONE: Aspect = "p"
PHONE_PROFILE: Aspect = "q"
NAME_COMPANY: Aspect = "n"
PROFILE: Aspect = "t"
FACTS: Aspect = "f"
COMPANY: Aspect = "c"
TWIN: Aspect = "x"
ASPECTS: tuple[Aspect, ...] = (
    LINKEDIN,
    LINKEDIN_ALONE,
    MAILBOX,
    MAILBOX_ALONE,
    ROLE_MAILBOX,
    PHONE,
    PHONE_PROFILE,
    NAME_COMPANY,
    PROFILE,
    FACTS,
    COMPANY,
    TWIN,
)


# A blocking key, and whether under it the record may be one lead with any other of the block, and so is compared with
# all of them; else it is compared with its neighbours and with those for which that is so. A guest (None) is compared
# with those alone: guests that are alike meet under another key.
Key = tuple[str, bool | None]


def aspect_values(record: MatchRecord, aspect: Aspect) -> dict[str, str]:
    """All that one rule reads of a record: what two records must share to meet -> value; {} where it reads nothing.

    Profiles, mailboxes and telephones need something shared; else the key is "".
    """
    return _VALUES[aspect](record)


def _linkedin_value(record: MatchRecord) -> dict[str, str]:
    return _linkedin_alone_value(record) if record.name.key else {}


def _linkedin_alone_value(record: MatchRecord) -> dict[str, str]:
    return {record.slug: f"{record.slug}|{record.name.key}"} if record.slug else {}


def _mailbox_values(record: MatchRecord) -> dict[str, str]:
    return _mailbox_alone_values(record) if record.name.key else {}


def _mailbox_alone_values(record: MatchRecord) -> dict[str, str]:
    return {mailbox: f"{mailbox}|{record.name.key}" for mailbox in record.mailboxes}


def _employer(record: MatchRecord) -> str:
    """All that is compared of a record's company."""
    return f"{record.company.key}|{record.inferred}"


def _role_values(record: MatchRecord) -> dict[str, str]:
    if record.kind == "company":
        return {}
    rest = f"{record.name.key}|{_employer(record)}"
    return {mailbox: f"{mailbox}|{rest}" for mailbox in record.role_mailboxes}


def _phone_values(record: MatchRecord) -> dict[str, str]:
    return {phone: f"{phone}|{record.name.key}" for phone in record.phones} if record.name.key else {}


def _phone_profile_values(record: MatchRecord) -> dict[str, str]:
    rest = "|".join((record.name.key, _employer(record), record.title, *record.place[:1]))
    return {phone: f"{phone}|{rest}" for phone in record.phones} if record.name.key else {}


def _name_company_value(record: MatchRecord) -> dict[str, str]:
    both = record.name.key and record.company.key
    return {"": f"{record.name.key}|{_employer(record)}"} if both else {}


def _profile_value(record: MatchRecord) -> dict[str, str]:
    if not record.name.key or not record.place or not (record.title or record.company.key):
        return {}
    return {"": "|".join((record.name.key, _employer(record), record.title, *record.place[:1]))}


def _facts_value(record: MatchRecord) -> dict[str, str]:
    """The name, and what tells which bearer of it: birth date, numbers, address."""
    if not record.name.key or record.kind == "company" or not (record.facts or record.addresses):
        return {}
    address = record.addresses[0].key if record.addresses else ""
    return {"": "|".join((record.name.key, *record.facts, address))}


def _company_value(record: MatchRecord) -> dict[str, str]:
    if record.kind != "company":
        return {}
    parts = (record.company.key, *record.phones, "", *record.role_mailboxes, "", record.site, *record.place, "")
    return {"": "|".join((*parts, *(address.key for address in record.addresses)))}


def _twin_value(record: MatchRecord) -> dict[str, str]:
    if record.slug or record.mailboxes or not _tells_apart(record):
        return {}
    return {"": record.content_hash.hex()}


# A row that says one of these beside a name is taken for the same lead as a row that says exactly the same.
_TELLING_FIELDS = frozenset({"notes", "website"})


def _tells_apart(record: MatchRecord) -> bool:
    """Whether two rows that say exactly this are one lead: two people called Smith in one town are two."""
    if record.company.key or record.phones or record.addresses or not _TELLING_FIELDS.isdisjoint(record.fields):
        return True
    weights = match_weights()
    place, title = (1 if said else 0 for said in (record.place, record.title))
    bits = weights.place.same * place + weights.title.same * title
    return place + title > 0 and name_rarity(record.name) + bits >= weights.threshold.match


_VALUES: dict[Aspect, Callable[[MatchRecord], dict[str, str]]] = {
    LINKEDIN: _linkedin_value,
    LINKEDIN_ALONE: _linkedin_alone_value,
    MAILBOX: _mailbox_values,
    MAILBOX_ALONE: _mailbox_alone_values,
    ROLE_MAILBOX: _role_values,
    PHONE: _phone_values,
    PHONE_PROFILE: _phone_profile_values,
    NAME_COMPANY: _name_company_value,
    PROFILE: _profile_value,
    FACTS: _facts_value,
    COMPANY: _company_value,
    TWIN: _twin_value,
}


@lru_cache(maxsize=4096)  # of a batch: they are asked for when records are found, compared and written
def blocking_keys(record: MatchRecord) -> tuple[str, ...]:
    """The keys of a record, without repetition, in a fixed order; a pure function of it.

    Two records that share no key are never one lead by rule.
    """
    found: dict[str, None] = {}
    for aspect in ASPECTS:
        for shared, value in aspect_values(record, aspect).items():
            found.update((key, None) for key, _ in _KEYS[aspect](aspect, shared, value, record))
    return tuple(found)


def shared_aspects(left: MatchRecord, right: MatchRecord) -> set[Aspect]:
    """The aspects under which two records share a key, and so are compared."""
    shared = {cast(Aspect, key[0]) for key in set(blocking_keys(left)).intersection(blocking_keys(right))}
    return {*shared, PHONE_PROFILE} if PHONE in shared else shared


def _exact_key(aspect: Aspect, shared: str, value: str, record: MatchRecord) -> Iterator[Key]:
    yield f"{aspect}|{value}", True


def _profile_name_keys(aspect: Aspect, slug: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """One profile and the beginning or end of a word of the name: whoever shares none is somebody else."""
    for part in profile_parts(record.name):
        yield f"{aspect}|{slug}|{part}", True


def profile_parts(name: PersonName) -> Iterator[str]:
    """Beginning and end of each word."""
    for word in filter(None, (name.given, name.family, name.before_last)):
        yield word[:3]
        yield f"{word[-3:]}."


def _profile_key(aspect: Aspect, slug: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """Whoever shares a profile and gives no name, or one that is not read, is compared with everybody there."""
    yield f"{aspect}|{slug}", not record.name.key or record.name.unread


def _mailbox_key(aspect: Aspect, mailbox: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """Who shares a mailbox and gives no name is compared with everybody there, whatever their names."""
    yield f"{aspect}|{mailbox}", not record.name.key


def _keys_with_name(aspect: Aspect, shared: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """One mailbox or telephone and a name, in readings that leave one key whole where one word has an error."""
    name = record.name
    if not name.key:
        yield from _exact_key(aspect, shared, value, record)
        return
    for part in dict.fromkeys(crossed_words(name)):
        yield f"{aspect}|{shared}|{part}|{name.digits}", True
    if aspect == MAILBOX:
        yield f"{aspect}|{shared}|{name.given[:3]}|{name.digits}", True
    if name.mononym or aspect == MAILBOX:
        yield f"{aspect}|{shared}|{name.given[:3]}~|{name.digits}", name.mononym


def _phone_profile_keys(aspect: Aspect, phone: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """Those by which the telephone and the name alone are looked for, so that nothing more is stored."""
    yield from _keys_with_name(PHONE, phone, value, record)


def crossed_words(name: PersonName) -> Iterator[str]:
    """Of a name of three words and more also without the first, and without the last."""
    if not name.family:
        yield name.given[:3]
        return
    yield from _crossed(name.given, name.family)
    if name.before_last:
        yield from _crossed(name.given, name.before_last)
        yield from _crossed(name.before_last, name.family)


def _crossed(given: str, family: str) -> Iterator[str]:
    """Beginning or end of each word with one letter of the other: the same for both orders, one of them for a slip."""
    yield family[:3]
    for word, other in ((given, family), (family, given)):
        yield f"{word[:3]}~{other[-1:]}."
        yield f"{word[-3:]}.~{other[:1]}"


def _name_company_keys(aspect: Aspect, shared: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """Name times company, each in several readings, so that one error in either leaves one key whole."""
    names = dict.fromkeys(name_parts(record.name))
    _, forwards, backwards, *_ = name_parts(record.name)
    digits = f"{record.name.digits}|{record.company.digits}"
    plain, *others = company_readings(record.company)
    for name in names:
        yield f"{aspect}|{plain}|{name}|{digits}", True
    for reading in others:
        yield f"{aspect}|{reading}|{forwards}|{digits}", True
        yield f"{aspect}|{reading}|{backwards}|{digits}", True
    several = " " in record.company.key
    for name in (forwards, backwards):
        yield f"{aspect}|{first_word(record.company)}|{name}|{digits}", None if several else True
    if record.company.acronym:
        yield f"{aspect}|@{record.company.acronym}|{backwards}|{digits}", True


def first_word(company: CompanyName) -> str:
    """By which a company of one word meets all that begin with it."""
    return f"{company.key[:4].split(' ')[0]}~"


def company_readings(company: CompanyName) -> list[str]:
    """Beginnings and ends of the first two words, so that one error in either leaves one whole; the plainest first.

    One word that many names begin with ("Company", "Banco") does not make them meet.
    """
    words = company.key.split(" ")
    if len(words) == 1:
        return [words[0][:4], f"{words[0][-4:]}."]
    return [f"{words[0][:2]}+{words[1][:3]}", f"{words[0][:3]}+{words[1][-2:]}.", f"{words[1][:3]}+{words[0][-2:]}."]


def _profile_keys(aspect: Aspect, shared: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """A name, a place, and the title or the company."""
    company, title = record.company.key[:4], record.title
    place = record.place[0] if record.place else ""
    digits = f"{record.name.digits}|{record.company.digits}"
    pairs = ((f"t{title}", f"l{place}"), (f"c{company}", f"l{place}"))
    told = [f"{one}|{other}" for one, other in pairs if len(one) > 1 and len(other) > 1]
    for name in dict.fromkeys((*name_parts(record.name), record.name.given[:4])):
        for two in told:
            yield f"{aspect}|{two}|{name}|{digits}", True


def _facts_keys(aspect: Aspect, shared: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """A fact with the beginning of a word of the name, or two of them; the number of a house with its postal code."""
    words = dict.fromkeys(word[:3] for word in (record.name.given, record.name.family) if word)
    told = list(record.facts)
    if record.addresses and (address := record.addresses[0]).postal_code and address.numbers:
        told.append(f"{address.postal_code} {' '.join(address.numbers)}")
    for one, other in (*product(told, words), *combinations(told, 2)):
        yield f"{aspect}|{one}|{other}|{record.name.digits}", True


def name_parts(name: PersonName) -> list[str]:
    """Beginnings and ends of given and family name; the second is the third with the words in the other order."""
    given, family, between = name.given, name.family or name.given, name.before_last
    parts = [family[:4], f"{given[:4]}~{family[:1]}", f"{family[:4]}~{given[:1]}", f"{given[:3]}~{family[-2:]}."]
    if between:
        parts += [between[:4], f"{between[:4]}~{given[:1]}", f"{given[:4]}~{between[:1]}"]
        parts += [f"{between[:4]}~{family[:1]}", f"{family[:4]}~{between[:1]}"]
    return parts


def _company_keys(aspect: Aspect, shared: str, value: str, record: MatchRecord) -> Iterator[Key]:
    """A company alone is looked for by its name together with a telephone, place, address, website or mailbox."""
    name = record.company
    words = name.key.split(" ")
    readings = dict.fromkeys((name.joined[:7], f".{name.joined[-6:]}", *_crossed_beginnings(words)))
    for rest, is_open in _office_keys(record):
        for reading in readings:
            yield f"{aspect}|{reading}|{rest}", is_open
        for word in words[:2]:
            yield f"{aspect}|{word[:3]}~|{rest}", is_open if len(words) == 1 else None


def _crossed_beginnings(words: list[str]) -> Iterator[str]:
    """The beginning of each of the first two words with beginning and end of the other."""
    for word, other in ((words[0], words[1]), (words[1], words[0])) if len(words) > 1 else ():
        yield f"{word[:3]}+{other[:2]}"
        yield f"{word[:3]}+{other[-2:]}."


def _office_keys(record: MatchRecord) -> Iterator[Key]:
    """What tells one office, and whether the record says too little to contradict another that shares it."""
    place = record.place[0] if record.place else ""
    for phone in record.phones:
        yield f"p{phone}", not place
        if place:
            yield f"p{phone}|{place}", True
    if place:
        yield f"l{place}", not record.phones
    for address in record.addresses:
        yield f"a{' '.join(address.numbers)}|{''.join(address.street)[:1]}", True
    bare = not (place or record.phones or record.addresses)
    for mailbox in record.role_mailboxes:
        yield f"e{mailbox}", bare
    if record.site:
        yield f"s{record.site}", bare


_KEYS: dict[Aspect, Callable[[Aspect, str, str, MatchRecord], Iterator[Key]]] = {
    LINKEDIN: _profile_name_keys,
    LINKEDIN_ALONE: _profile_key,
    MAILBOX: _keys_with_name,
    MAILBOX_ALONE: _mailbox_key,
    ROLE_MAILBOX: _keys_with_name,
    PHONE: _keys_with_name,
    PHONE_PROFILE: _phone_profile_keys,
    NAME_COMPANY: _name_company_keys,
    PROFILE: _profile_keys,
    FACTS: _facts_keys,
    COMPANY: _company_keys,
    TWIN: _exact_key,
}


def aspect_keys(record: MatchRecord, aspect: Aspect, shared: str, value: str) -> Iterator[Key]:
    """The keys of one value of an aspect of a record; equal for records whose values are equal."""
    return _KEYS[aspect](aspect, shared, value, record)
