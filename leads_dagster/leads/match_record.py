"""A source record as matching sees it: what it says, taken apart once.

What belongs here: `MatchRecord` and how it is made from a normalised row. A record never knows another record: nothing
here depends on the population.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from leads_dagster.leads.digests import content_digest
from leads_dagster.leads.fields import BIRTH_DATE, NormalizedRow
from leads_dagster.leads.folding import fold_company, fold_email, fold_text, linkedin_slug
from leads_dagster.leads.knowledge import NO_KNOWLEDGE, Knowledge
from leads_dagster.leads.mail_hosts import company_host
from leads_dagster.leads.match_features import (
    NO_COMPANY,
    NO_NAME,
    CompanyName,
    PersonName,
    PostalAddress,
    company_name,
    is_role_mailbox,
    person_name,
    place_words,
    postal_address,
    spelled_out,
)
from leads_dagster.leads.titles import fold_title

# Six equal digits at the end, or nine that count up; of the real numbers that look so, most are switchboards.
_FILLED = re.compile(r"(\d)\1{5}$|12345678[90]|234567890")

RecordKind = Literal["person", "company"]


@dataclass(frozen=True, slots=True, eq=False)
class MatchRecord:
    """One source record, ready to be compared.

    Attributes:
        id: the record's key; only tells records apart, never decides anything but a tie between twins.
        fields, emails, phones: as in `NormalizedRow`; without numbers that were typed to fill a field.
        content_hash: 16 bytes over all that the row says; the order in which records are taken.
        kind: "company" where the record tells of a company and of nobody in it.
        slug: what identifies a person on LinkedIn, or "".
        name: the person's name, its given name spelled out where an own address does; `NO_NAME` for companies and where
            the name only repeats the company.
        company: the company's name.
        mailboxes: folded personal addresses, sorted.
        role_mailboxes: folded addresses of tasks (info@ ...), sorted.
        site: the website's host without "www.", or "".
        place: the words of the location.
        title: the job title, folded.
        inferred: where no company is named and it was taken from a website or mail host: the addresses that say so. Two
            rows of one host with other mailboxes are colleagues, so that the host says nothing of them.
        addresses: postal addresses of a company, or of a person beside no company.
        facts: as in `NormalizedRow`.
    """

    id: int
    fields: Mapping[str, str]
    emails: tuple[str, ...]
    phones: tuple[str, ...]
    content_hash: bytes
    kind: RecordKind
    slug: str
    name: PersonName
    company: CompanyName
    mailboxes: tuple[str, ...]
    role_mailboxes: tuple[str, ...]
    site: str
    place: tuple[str, ...]
    title: str = ""
    inferred: str = ""
    addresses: tuple[PostalAddress, ...] = ()
    facts: tuple[str, ...] = ()

    @property
    def born(self) -> str:
        """The birth date as eight digits, or ""."""
        if not self.facts:  # of most records, and it is asked of each many times
            return ""
        return next((fact.partition(":")[2] for fact in self.facts if fact.startswith(f"{BIRTH_DATE}:")), "")


def match_record(record_id: int, row: NormalizedRow, knowledge: Knowledge = NO_KNOWLEDGE) -> MatchRecord:
    """Take a normalised row apart for matching.

    Args:
        record_id: the source record's key, unique among the records that are matched together.
        row: what the row says; rows with a `rejection` do not belong here.
        knowledge: names that count as another one for this customer.
    """
    fields = row.fields
    folded = {fold_email(email) for email in row.emails or _single(fields.get("email"))}
    roles = {mailbox for mailbox in folded if is_role_mailbox(mailbox)}
    mailboxes = tuple(sorted(folded - roles))
    slug = linkedin_slug(fields["linkedin_url"]) or "" if "linkedin_url" in fields else ""
    name = _known_name(fields["full_name"], knowledge) if _named(fields) else NO_NAME
    site = _host(fields.get("website", ""))
    nobody = not name.key and not slug and folded == roles
    company = _company(fields, site, folded, knowledge)
    return MatchRecord(
        id=record_id,
        fields=fields,
        emails=row.emails,
        phones=tuple(sorted(filter(_is_told, {*row.phones, *_single(fields.get("phone"))}))),
        content_hash=content_hash(row),
        kind="company" if nobody and company.key and "company" in fields else "person",
        slug=slug,
        name=spelled_out(name, mailboxes),
        company=company,
        inferred=_inferred(fields, site, folded) if company.key else "",
        mailboxes=mailboxes,
        role_mailboxes=tuple(sorted(roles)),
        site=site,
        place=place_words(fields["location"]) if "location" in fields else (),
        title=fold_title(fields["title"]) if "title" in fields else "",
        addresses=tuple(map(postal_address, row.addresses)) if nobody or "company" not in fields else (),
        facts=row.facts,
    )


def _company(fields: Mapping[str, str], site: str, mailboxes: Iterable[str], knowledge: Knowledge) -> CompanyName:
    """The company that the row names, else the one whose website or mail server it names."""
    if "company" in fields and (named := _known_company(fields["company"], knowledge)).key:
        return named
    hosts = (host for host in (company_host(text) for text in (site, *sorted(mailboxes)) if text) if host)
    host = next(hosts, "")
    return _known_company(host.partition(".")[0], knowledge) if host else NO_COMPANY


def _inferred(fields: Mapping[str, str], site: str, mailboxes: Iterable[str]) -> str:
    return "" if "company" in fields else " ".join((*sorted(mailboxes), site))


def _known_company(text: str, knowledge: Knowledge) -> CompanyName:
    company = company_name(text)
    counts_as = knowledge.companies.get(company.key)
    return company if counts_as is None else company_name(counts_as)


def _known_name(text: str, knowledge: Knowledge) -> PersonName:
    name = person_name(text)
    counts_as = knowledge.given_names.get(name.given)
    if counts_as is None:
        return name
    family_first = f"{name.family}{counts_as}{name.joined_back.removeprefix(name.family + name.given)}"
    return replace(
        name,
        given=counts_as,
        key=f"{counts_as}{name.key.removeprefix(name.given)}",
        joined=f"{counts_as}{name.joined.removeprefix(name.given)}",
        joined_back=family_first if name.family else "",
    )


def content_hash(row: NormalizedRow) -> bytes:
    """16 bytes over all that a row says (fields, e-mails, phones, addresses, further columns), whatever the order of
    its columns."""
    said: list[Any] = [sorted(row.fields.items()), row.emails, row.phones, *([row.addresses] if row.addresses else [])]
    more = {name: value for name, value in (("beside", row.beside), ("facts", row.facts)) if value}
    return content_digest([*said, more] if more else said)


def _is_told(phone: str) -> bool:
    """Whether a number is one, and not typed to fill a field: 555-555-5555, 123 456 7890."""
    return _FILLED.search(phone) is None


def _single(value: str | None) -> Iterable[str]:
    return (value,) if value else ()


def _named(fields: Mapping[str, str]) -> bool:
    """Whether the row names a person: a full name that is not the company over again."""
    name, company = fields.get("full_name", ""), fields.get("company", "")
    if not name or not company or name[0].casefold() != company[0].casefold():
        return bool(name)
    return name != company and fold_text(name) not in (fold_text(company), fold_company(company))


def _host(website: str) -> str:
    host = website.lower().partition("://")[2] or website.lower()
    return host.split("/", 1)[0].split("?", 1)[0].removeprefix("www.").rstrip(".")
