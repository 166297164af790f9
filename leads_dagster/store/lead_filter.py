"""Which leads somebody asks for: a typed filter, and the errors of one that cannot be meant.

What belongs here: names, types and folding of filter values. How they become SQL is `lead_search`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from leads_dagster.errors import SettingsError
from leads_dagster.leads.linkedin import parse_linkedin
from leads_dagster.leads.text import storable
from leads_dagster.store.search_words import name_key

Texts = tuple[str, ...]
_MOST_VALUES = 10_000  # SQLite takes 32,766 parameters in all


@dataclass(frozen=True)
class LeadFilter:
    """Leads that meet everything that is given; what is None does not count.

    Attributes:
        text: words of name, company, e-mail or notes, all of them, the last as far as it is typed. Case, accents and
            punctuation do not count, and nothing in it is an operator. Text without any letter or digit finds nothing.
        full_name: one of these as a whole, as `company`; `name` is another word for it.
        email, linkedin_url: one of these; case does not count, and a LinkedIn page may be written any way.
        phone, company, title, location, industry, company_size, website, status, source: one of these as a whole;
            case, accents and punctuation do not count.
        verified, enriched, needs_enrichment: flags; a lead of which it is not known counts as false.
        sync_pending: whether it waits for Airtable.
        confidence_at_least: from 0 to 1; leads without a confidence are left out.
        created_since, created_before, updated_since, updated_before: aware times, from and up to but without.
        ids: one of these.
        include_archived: archived and merged leads too.

    A single text may stand for a tuple of one.

    Raises:
        SettingsError: a value is of the wrong type, or a time has no time zone.
    """

    text: str | None = None
    full_name: str | Texts | None = None
    email: str | Texts | None = None
    linkedin_url: str | Texts | None = None
    phone: str | Texts | None = None
    company: str | Texts | None = None
    title: str | Texts | None = None
    location: str | Texts | None = None
    industry: str | Texts | None = None
    company_size: str | Texts | None = None
    website: str | Texts | None = None
    status: str | Texts | None = None
    source: str | Texts | None = None
    ids: str | Texts | None = None
    verified: bool | None = None
    enriched: bool | None = None
    needs_enrichment: bool | None = None
    sync_pending: bool | None = None
    confidence_at_least: float | None = None
    created_since: datetime | None = None
    created_before: datetime | None = None
    updated_since: datetime | None = None
    updated_before: datetime | None = None
    include_archived: bool = False

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None:
                object.__setattr__(self, one.name, _CHECKS.get(one.name, _texts)(one.name, value))

    @classmethod
    def of(cls, query: LeadFilter | Mapping[str, Any] | str | None = None, **given: Any) -> LeadFilter:
        """A filter from what callers have: a filter, its fields by name, or a search box's text.

        Args:
            query: None for all leads.
            given: fields, over those of the query.

        Raises:
            SettingsError: a name is no filter, or a value is of the wrong type.
        """
        if isinstance(query, LeadFilter):
            return replace(query, **_known(given)) if given else query
        if query is None or isinstance(query, str):
            return cls(**_known({"text": query, **given}))
        if isinstance(query, Mapping):
            return cls(**_known({**query, **given}))
        raise SettingsError(
            f"Leads cannot be searched by a {type(query).__name__}.", advice="Give a text, a LeadFilter or its fields."
        )

    def anyof(self, name: str) -> Texts | None:
        """A field of several values, as they were checked."""
        value: Texts | None = getattr(self, name)
        return value

    @property
    def fingerprint(self) -> str:
        """What tells this filter from another; holds the values, so it is not for logs."""
        return repr(asdict(self))


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    names = [one.name for one in fields(LeadFilter)]
    given = {("full_name" if name == "name" else name): value for name, value in given.items()}
    for name in given:
        if name not in names:
            near = get_close_matches(str(name), names, n=1, cutoff=0.5)
            advice = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names)}."
            raise SettingsError(f"There is no lead filter named {str(name)!r}.", advice=advice)
    return dict(given)


def _wrong(name: str, value: object, wanted: str) -> SettingsError:
    return SettingsError(f"The lead filter {name!r} takes {wanted}, not a {type(value).__name__}.")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(name, value, "a text")
    return value


def _texts(name: str, value: object) -> Texts:
    values = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (value,)
    if isinstance(value, (Mapping, bytes)) or not all(isinstance(one, str) for one in values):
        raise _wrong(name, value, "a text or several")
    if len(values) > _MOST_VALUES:
        raise SettingsError(f"The lead filter {name!r} takes {_MOST_VALUES:,} values at most.")
    return tuple(dict.fromkeys(storable(one) for one in values))


def _emails(name: str, value: object) -> Texts:
    return tuple(dict.fromkeys(one.strip().lower() for one in _texts(name, value)))


def _names(name: str, value: object) -> Texts:
    return tuple(dict.fromkeys(name_key(one) for one in _texts(name, value)))


def _linkedin(name: str, value: object) -> Texts:
    pages = [(one, parse_linkedin(one)) for one in _texts(name, value)]
    return tuple(dict.fromkeys(storable(page.url) if page else text for text, page in pages))


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false")
    return value


def _share(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise SettingsError(f"The lead filter {name!r} takes a number from 0 to 1.")
    return float(value)


def _time(name: str, value: object) -> datetime:
    if not isinstance(value, datetime):
        raise _wrong(name, value, "a time (datetime)")
    if value.utcoffset() is None:
        raise SettingsError(f"The lead filter {name!r} takes a time with its time zone.")
    return value


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "text": _text,
    "full_name": _names,
    "email": _emails,
    "linkedin_url": _linkedin,
    "confidence_at_least": _share,
    **dict.fromkeys(("verified", "enriched", "needs_enrichment", "sync_pending", "include_archived"), _flag),
    **dict.fromkeys(("created_since", "created_before", "updated_since", "updated_before"), _time),
}
