"""What ambiguous headers mean in the sheet they stand in.

What belongs here: one rule for each undecided target of `data/headers.toml`, decided by the header as a whole and,
where that is not enough, by a sample of rows. A rule that finds no reason keeps to the commoner meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from leads_dagster.leads.header_aliases import fold_header, vocabulary

Sample = Sequence[Sequence[str]]

_PERSON = frozenset({
    "first_name", "middle_name", "last_name", "full_name", "name_prefix", "email", "title", "?title", "linkedin_url",
})  # fmt: skip
_PERSON_NAMES = frozenset({"first_name", "last_name", "full_name", "?name"})
_PLACE = frozenset({"city", "postal_code", "country", "region"})
_PROFILE = re.compile(r"\blinkedin\.com/(?:in|pub|sales)/", re.IGNORECASE)
_SAMPLE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class SheetContext:
    """All that decides about one header.

    Attributes:
        headers: the header cells, folded.
        targets: what each column is taken for so far; None where unknown.
        sample: the first rows, where they are at hand.
        language: what most headers are written in.
    """

    headers: Sequence[str]
    targets: Sequence[str | None]
    sample: Sample = ()
    language: str = "en"

    def has(self, *targets: str) -> bool:
        """Whether some column is one of `targets`."""
        return not set(targets).isdisjoint(self.targets)

    def values(self, index: int) -> list[str]:
        """What the sample holds in one column, blanks left out."""
        return [row[index].strip() for row in self.sample if index < len(row) and row[index].strip()]


def decide(context: SheetContext) -> list[str | None]:
    """The targets with every undecided one decided; None where the column is better kept as it is."""
    targets = list(context.targets)
    for undecided, rule in _RULES:
        for index, target in enumerate(targets):
            if target == undecided:
                targets[index] = rule(replace(context, targets=targets), index)
    return targets


def _title(context: SheetContext, index: int) -> str:
    """A form of address where the sheet has a job title besides (Outlook), or where the rows say so."""
    if context.has("title") or _are_honorifics(context.values(index)):
        return "name_prefix"
    return "title"


def _are_honorifics(values: Sequence[str]) -> bool:
    return bool(values) and vocabulary().honorifics.issuperset(map(fold_header, values))


def _customer(context: SheetContext, _index: int) -> str | None:
    """Customers are persons, unless persons have columns of their own: then they are companies."""
    if not context.has(*_PERSON_NAMES):
        return "full_name"
    return None if context.has("company") else "company"


def _name(context: SheetContext, _index: int) -> str:
    """The half of a name that has no column yet, the company in a list of companies, or a person's name."""
    if context.has("first_name") != context.has("last_name"):
        return "last_name" if context.has("first_name") else "first_name"
    return "company" if _lists_companies(context) else "full_name"


def _lists_companies(context: SheetContext) -> bool:
    """No column of a person, none for the company, and enough headers that only lists of companies have."""
    if context.has("company", *_PERSON):
        return False
    marks = sum(
        header in vocabulary().company_marks or target in ("industry", "company_size")
        for header, target in zip(context.headers, context.targets, strict=True)
    )
    return marks >= vocabulary().company_minimum


def _address(context: SheetContext, _index: int) -> str:
    """The street where city or postal code have columns of their own, else the whole address."""
    return "street" if context.has("city", "postal_code") else "location"


def _state(context: SheetContext, _index: int) -> str | None:
    """Spanish and Portuguese "Estado": part of an address that lacks it, else how far the lead has come."""
    if context.has(*_PLACE) and not context.has("region"):
        return "region"
    return None if context.has("status") else "status"


def _stato(context: SheetContext, index: int) -> str | None:
    """Italian "Stato" is in an address first of all the country."""
    if context.has(*_PLACE) and not context.has("country"):
        return "country"
    return _state(context, index)


def _site(context: SheetContext, _index: int) -> str | None:
    """French and Portuguese for a website; in English the place of an office (Salesforce)."""
    return "website" if context.language != "en" and not context.has("website") else None


def _url(context: SheetContext, index: int) -> str:
    return "linkedin_url" if _is_profile(context, index) else "website"


def _link(context: SheetContext, index: int) -> str | None:
    return "linkedin_url" if _is_profile(context, index) else None


def _is_profile(context: SheetContext, index: int) -> bool:
    """In LinkedIn's own export, or where most rows hold LinkedIn addresses."""
    if context.has("linkedin_url"):
        return False
    return not vocabulary().linkedin_marks.isdisjoint(context.headers) or are_profiles(context.values(index))


def are_profiles(values: Sequence[str]) -> bool:
    """Whether more than half of the values are addresses of LinkedIn profiles."""
    return sum(bool(_PROFILE.search(value)) for value in values) > _SAMPLE_SHARE * len(values)


# In the order in which they build on each other: names need to know whether a job title and a company are there.
_RULES: tuple[tuple[str, Callable[[SheetContext, int], str | None]], ...] = (
    ("?title", _title),
    ("?customer", _customer),
    ("?url", _url),
    ("?link", _link),
    ("?name", _name),
    ("?address", _address),
    ("?site", _site),
    ("?stato", _stato),
    ("?state", _state),
)
