"""What callers of the public database hand over, as records of the source "api".

What belongs here: turning Python values into the texts that a record says, naming the record, and refusing what cannot
be a lead. Taking it in is `intake`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import orjson

from leads_dagster.errors import InvalidLeadError
from leads_dagster.leads.fields import LEAD_FIELDS, RAW_DATA, Issue, NormalizationRules, NormalizedRow
from leads_dagster.leads.folding import fold_company, fold_email, fold_name, linkedin_slug
from leads_dagster.leads.normalization import normalize_fields
from leads_dagster.store.intake import Arrival, Reader

SOURCE = "api"
# Parts of a field that callers may give in its place, and the field.
_PARTS = {
    "first_name": "full_name", "middle_name": "full_name", "last_name": "full_name", "name_suffix": "full_name",
    "city": "location", "region": "location", "country": "location", "name": "full_name",
}  # fmt: skip
_KEYS = ("key", "id")


def arrival_of(data: Mapping[str, Any], rules: NormalizationRules) -> Arrival:
    """A record as a caller describes it.

    Args:
        data: field of a lead, or part of one ("first_name", "city") -> value; `key` (or `id`) is what the caller knows
            the record by, else it goes by its LinkedIn page, by e-mail and name, or by name, company and phone.
            `raw_data` and names that are no fields are kept beside the fields.
        rules: of the customer.

    Raises:
        InvalidLeadError: a value is of a type that no cell could have.
    """
    raw = {name: text for name, text in _texts(data).items() if name not in _KEYS}
    row = normalize_fields(raw, rules)
    key = next((str(data[name]) for name in _KEYS if data.get(name)), None) or _identity(row)
    covered = frozenset(_PARTS.get(name, name) for name in raw)
    beside = frozenset({RAW_DATA}) if row.extra else frozenset[str]()
    return Arrival(key, raw, row, (covered & LEAD_FIELDS.keys()) | beside)


@lru_cache(maxsize=64)
def reader_of(rules: NormalizationRules) -> Reader:
    """What reads a base of this source by a customer's rules."""
    return lambda raw: normalize_fields(raw, rules)


def refuse_invalid(arrival: Arrival) -> None:
    """Refuse what cannot be a lead.

    Raises:
        InvalidLeadError: it names nobody; names the field.
    """
    rejection = arrival.row.rejection
    if rejection is not None:
        raise _invalid(rejection)


def changes_of(data: Mapping[str, Any], rules: NormalizationRules) -> dict[str, str | None]:
    """What a caller wants fields of a known lead to be, normalised; None for blank.

    Raises:
        InvalidLeadError: a name is no field of a lead, or a value is none that the field could have.
    """
    texts = _texts(data)
    for name in texts:
        if name not in LEAD_FIELDS:
            near = get_close_matches(name, LEAD_FIELDS, n=1)
            advice = f"Did you mean {near[0]}?" if near else f"Fields are {', '.join(LEAD_FIELDS)}."
            raise InvalidLeadError(f"A lead has no field {name!r} that can be set.", advice=advice, field=name)
    row = normalize_fields(texts, rules)
    for issue in row.issues:
        raise _invalid(issue)
    return {name: row.fields.get(name) if text.strip() else None for name, text in texts.items()}


def _invalid(issue: Issue) -> InvalidLeadError:
    field = issue.field or issue.column
    return InvalidLeadError(
        f"{field or 'The record'}: {issue.message}", advice=issue.suggestion, field=field, code=issue.code
    )


def _identity(row: NormalizedRow) -> str:
    """What the same record would be known by the next time it is handed over."""
    fields = row.fields
    slug = linkedin_slug(fields.get("linkedin_url", ""))
    if slug:
        return f"linkedin:{slug}"
    name = fold_name(fields.get("full_name", ""))
    if email := fields.get("email"):
        return f"email:{fold_email(email)}|{name}"
    return f"name:{name}|{fold_company(fields.get('company', ''))}|{fields.get('phone', '')}"


def _texts(data: Mapping[str, Any]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in data.items():
        if name == RAW_DATA and isinstance(value, Mapping):
            texts.update((label, _text(label, each)) for label, each in value.items() if label not in data)
        else:
            texts[str(name)] = _text(str(name), value)
    return texts


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str | int | float):
        return str(value)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        raise InvalidLeadError(
            f"{name}: a {type(value).__name__} is nothing that a lead could hold.", field=name
        ) from None
