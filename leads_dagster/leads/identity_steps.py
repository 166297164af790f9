"""Steps of normalising a row that read what a person or company is known by: names, e-mails, phones, pages.

What belongs here: choosing among columns, and what happens to a cell that cannot be read. How one cell is read is in
`names`, `emails`, `phones`, `linkedin` and `urls`.
"""

from __future__ import annotations

from collections.abc import Sequence

from leads_dagster.leads.emails import parse_emails, suggest_email
from leads_dagster.leads.folding import fold_name
from leads_dagster.leads.linkedin import LinkedInPage, parse_linkedin
from leads_dagster.leads.locations import country_code
from leads_dagster.leads.names import PersonName, join_name, parse_name
from leads_dagster.leads.phones import Phone, has_digits, parse_phones
from leads_dagster.leads.row_steps import Columns, Draft
from leads_dagster.leads.text import clean_line, clean_name
from leads_dagster.leads.urls import parse_websites

PHONE_EXTENSION = "Phone extension"
NAME_TITLE = "Name title"
NAME_SUFFIX = "Name suffix"
NICKNAME = "Nickname"
_LONGEST_SLUG = 100


class NameStep:
    """The person's name, from its parts where first or last name is given, else from a cell that holds it whole."""

    __slots__ = ("_first", "_last", "_middle", "_suffix", "_whole")

    def __init__(self, whole: Columns, *, first: Columns, middle: Columns, last: Columns, suffix: Columns) -> None:
        self._whole = whole
        self._first = first
        self._middle = middle
        self._last = last
        self._suffix = suffix

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        first = self._read(self._first, cells, draft)
        last = self._read(self._last, cells, draft)
        middle = self._read(self._middle, cells, draft) if self._middle else ""
        suffix = self._read(self._suffix, cells, draft) if self._suffix else ""
        if first or last or middle:
            text = f"{first} {middle} {last}".strip()
            self._take(join_name(first, middle, last, suffix), text, self._first or self._last or self._middle, draft)
            suffix = ""
        for column in self._whole:
            self._read_whole(column, suffix, cells, draft)

    @staticmethod
    def _read(columns: Columns, cells: Sequence[str], draft: Draft) -> str:
        """The first of several columns that says something; the others are kept under their labels."""
        chosen = ""
        for index, label in columns:
            text = clean_name(cells[index])
            if text and chosen:
                draft.keep(label, cells[index])
            chosen = chosen or text
        return chosen

    def _read_whole(self, column: tuple[int, str], suffix: str, cells: Sequence[str], draft: Draft) -> None:
        index, label = column
        text = clean_name(cells[index])
        if not text:
            return
        if "full_name" not in draft.fields:
            self._take(parse_name(f"{text}, {suffix}" if suffix else text), text, (column,), draft)
        elif fold_name(text) != fold_name(draft.fields["full_name"]):
            draft.keep(label, cells[index])

    @staticmethod
    def _take(name: PersonName | None, text: str, columns: Columns, draft: Draft) -> None:
        if name is None:
            draft.fields["full_name"] = text
            hint = "Put the address in its own column." if "@" in text else "Write the name in letters."
            draft.flag("invalid_name", ("full_name", columns[0][1]), text, "Not a person's name.", hint)
            return
        draft.fields["full_name"] = name.full
        draft.named = True
        for label, rest in ((NAME_TITLE, name.title), (NAME_SUFFIX, name.degrees), (NICKNAME, name.nickname)):
            if rest:
                draft.keep(label, rest)


class EmailStep:
    """Every e-mail address of the row; the first good one, in the columns' order, is the lead's."""

    __slots__ = ("_columns",)

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        beside: list[tuple[str, str]] = []
        for index, label in self._columns:
            cell = cells[index]
            text = clean_line(cell) if cell else ""
            if not text:
                continue
            found = parse_emails(text)
            if not found.complete:
                _flag_email(text, label, cell, draft, some=bool(found.addresses))
            if draft.emails or len(found.addresses) != 1 or not found.complete:
                beside.append((label, cell))
            draft.emails.extend(address for address in found.addresses if address not in draft.emails)
        _settle("email", draft.emails, beside, draft)


def _flag_email(text: str, label: str, cell: str, draft: Draft, *, some: bool) -> None:
    suggestion = suggest_email(text)
    message = "Not all of it is e-mail addresses." if some else "Not an e-mail address."
    draft.flag("invalid_email", ("email", label), cell, message, f"Did you mean {suggestion}?" if suggestion else "")


class PhoneStep:
    """Every phone of the row, dialled from the row's own country where it names one.

    Args:
        columns: columns of phones, the preferred first.
        countries: columns of countries, the preferred first.
        region: the customer's own, for rows without a country.
    """

    __slots__ = ("_columns", "_countries", "_region")

    def __init__(self, columns: Columns, *, countries: Columns, region: str) -> None:
        self._columns = columns
        self._countries = countries
        self._region = region

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        region = self._region_of(cells) if self._countries else self._region
        beside: list[tuple[str, str]] = []
        numbers: list[Phone] = []
        for index, label in self._columns:
            cell = cells[index]
            text = clean_line(cell) if cell else ""
            if not text:
                continue
            found = parse_phones(text, region)
            if not found.complete:
                _flag_phone(text, label, cell, region, draft)
            if numbers or len(found.numbers) != 1 or not found.complete:
                beside.append((label, cell))
            numbers.extend(found.numbers)
        if numbers:
            draft.phones.extend(dict.fromkeys(number.e164 for number in numbers))
            if numbers[0].extension:
                draft.keep(PHONE_EXTENSION, numbers[0].extension)
        _settle("phone", draft.phones, beside, draft)

    def _region_of(self, cells: Sequence[str]) -> str:
        for index, _ in self._countries:
            code = country_code(clean_line(cells[index])) if cells[index] else None
            if code:
                return code
        return self._region


def _flag_phone(text: str, label: str, cell: str, region: str, draft: Draft) -> None:
    draft.reachable = draft.reachable or has_digits(text)
    hint = f"Write it with its country code, such as +49 30 123456; numbers without one are taken to be in {region}."
    draft.flag("invalid_phone", ("phone", label), cell, "Not a phone number that can be dialled from abroad.", hint)


def _settle(field: str, values: list[str], beside: list[tuple[str, str]], draft: Draft) -> None:
    """The lead's value is the first good one, else the first cell as it was; every other cell is kept beside it."""
    if values:
        draft.fields[field] = values[0]
    elif beside:
        draft.fields[field] = clean_line(beside.pop(0)[1])
    for label, cell in beside:
        draft.keep(label, cell)


class LinkedInStep:
    """The person's LinkedIn page; a company's page is kept beside the fields, because it names nobody."""

    __slots__ = ("_columns",)

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        broken: list[tuple[str, str]] = []
        for index, label in self._columns:
            cell = cells[index]
            text = clean_line(cell) if cell else ""
            if not text:
                continue
            page = parse_linkedin(text)
            if page is None or page.kind == "other":
                broken.append((label, cell))
                draft.flag(
                    "invalid_linkedin_url", ("linkedin_url", label), cell, "Not a LinkedIn profile.", _profile(text)
                )
            else:
                take_page(page, label, cell, draft)
        if broken and "linkedin_url" not in draft.fields:
            draft.fields["linkedin_url"] = clean_line(broken.pop(0)[1])
        for label, cell in broken:
            draft.keep(label, cell)


def take_page(page: LinkedInPage, label: str, cell: str, draft: Draft) -> None:
    """Takes a LinkedIn page for the lead's if it names a person and no better one is there; keeps it otherwise."""
    if page.kind == "company":
        message = "A company's LinkedIn page, not a person's."
        draft.flag(
            "invalid_linkedin_url", ("linkedin_url", label), cell, message, "Give the person's page: linkedin.com/in/…"
        )
        draft.keep(label, cell)
    elif "linkedin_url" not in draft.fields or (page.kind == "person" and not draft.linked):
        if "linkedin_url" in draft.fields:
            draft.keep(label, draft.fields["linkedin_url"])
        draft.fields["linkedin_url"] = page.url
        draft.linked = page.kind == "person"
    elif page.url != draft.fields["linkedin_url"]:
        draft.keep(label, cell)


def _profile(text: str) -> str:
    """What a LinkedIn cell without an address may mean: a bare profile name."""
    bare = text.strip("@/ ")
    if not bare or len(bare) > _LONGEST_SLUG or not all(part.isalnum() for part in bare.split("-")):
        return "Give the page as https://www.linkedin.com/in/name."
    return f"Did you mean https://www.linkedin.com/in/{bare.lower()}?"


class WebsiteStep:
    """The company's domain; a LinkedIn page in its place goes where it belongs."""

    __slots__ = ("_columns",)

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        for index, label in self._columns:
            cell = cells[index]
            text = clean_line(cell) if cell else ""
            if text:
                self._read(text, label, cell, draft)

    @staticmethod
    def _read(text: str, label: str, cell: str, draft: Draft) -> None:
        page = parse_linkedin(text) if "linkedin" in text.lower() else None
        if page is not None and page.kind in ("person", "sales"):
            take_page(page, label, cell, draft)
            return
        domains = parse_websites(text)
        if not domains:
            draft.flag(
                "invalid_website", ("website", label), cell, "Not a web address.", "Write it as www.example.com."
            )
        taken = "website" in draft.fields and draft.reachable
        if taken or len(domains) > 1:
            draft.keep(label, cell)
        if domains and not taken:
            draft.fields["website"] = domains[0]
            draft.reachable = True
        elif not taken:
            draft.fields.setdefault("website", text)
