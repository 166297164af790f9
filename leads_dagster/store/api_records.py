"""What callers of the public database hand over, as records of the source "api".

What belongs here: turning Python values into the texts that a record says, naming the record, and refusing what cannot
be a lead. Taking it in is `intake`'s business.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from leads_dagster.errors import InvalidLeadError
from leads_dagster.leads.fields import LEAD_FIELDS, RAW_DATA, Issue, NormalizationRules, NormalizedRow
from leads_dagster.leads.folding import fold_company, fold_email, fold_name, linkedin_slug
from leads_dagster.leads.normalization import normalize_fields
from leads_dagster.leads.reconciliation import row_hash, short_key
from leads_dagster.leads.row_steps import CELL_SHOWN
from leads_dagster.leads.text import storable
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
        InvalidLeadError: it is no mapping, or a value is of a type that no cell could have.
    """
    if not isinstance(data, Mapping):
        raise InvalidLeadError(
            f"A record names fields and their values; a {type(data).__name__} does not.",
            advice='Such as {"full_name": "Jane Doe", "email": "jane@acme.example"}.',
            field="",
        )
    raw = {name: text for name, text in _texts(data).items() if name not in _KEYS}
    row = normalize_fields(raw, rules)
    key = _key_of(data) or short_key(_identity(row, raw))
    covered = frozenset(_PARTS.get(name, name) for name in raw)
    beside = frozenset({RAW_DATA}) if row.extra else frozenset[str]()
    return Arrival(key, raw, row, (covered & LEAD_FIELDS.keys()) | beside)


def arrival_or_rejection(data: Mapping[str, Any], rules: NormalizationRules) -> Arrival:
    """As `arrival_of`; a value that no cell could have rejects the record, of which all the rest is kept."""
    try:
        return arrival_of(data, rules)
    except InvalidLeadError as error:
        if not isinstance(data, Mapping):
            return _no_record(data, error)
        name = str(error.context["field"])
        raw = {label: text for label, text in _texts(data, strict=False).items() if label not in _KEYS}
        issue = Issue("invalid_value", name, name, raw.get(name, ""), error.message)
        row = NormalizedRow({}, rejection=issue)
        return Arrival(_key_of(data) or _identity(row, raw), raw, row, frozenset())


def _no_record(data: object, error: InvalidLeadError) -> Arrival:
    raw = {} if data is None else {"record": _text("record", data, strict=False)}
    issue = Issue("not_a_record", "", "", raw.get("record", "")[:CELL_SHOWN], error.message, error.advice)
    row = NormalizedRow({}, rejection=issue)
    return Arrival(_identity(row, raw), raw, row, frozenset())


def _key_of(data: Mapping[str, Any]) -> str | None:
    """What the caller knows the record by."""
    given = (_text(name, data[name], strict=False) for name in _KEYS if name in data)
    return next((short_key(key) for key in given if key), None)


@lru_cache(maxsize=64)
def reader_of(rules: NormalizationRules) -> Reader:
    """What reads a base of this source by a customer's rules."""
    return lambda raw: normalize_fields(raw, rules)


def refuse_invalid(row: NormalizedRow, *, standing: NormalizedRow) -> None:
    """Refuse what cannot be a lead, or be in the field where it stands.

    Args:
        row: what a caller says. standing: with what its record said before.

    Raises:
        InvalidLeadError: names the field.
    """
    if standing.rejection is not None:
        raise _invalid(standing.rejection)
    for issue in row.issues:
        raise _invalid(issue)


def changes_of(
    data: Mapping[str, Any],
    rules: NormalizationRules,
    *,
    beside: Mapping[str, Any] | None = None,
    keep_unknown: bool = False,
) -> dict[str, str | None]:
    """What a caller wants fields of a known lead to be, normalised; None for blank.

    Args:
        data: field -> value, and `raw_data`.
        rules: of the customer.
        beside: what the lead has beside its fields; of `raw_data` what is not so is returned, as one JSON text.
        keep_unknown: take parts of fields ("city"), and what has a name that is no field to what is beside.

    Raises:
        InvalidLeadError: a name is no field of a lead, or a value is none that the field could have.
    """
    texts = _texts({name: value for name, value in data.items() if name != RAW_DATA})
    labels = [name for name in texts if _PARTS.get(name, name) not in LEAD_FIELDS]
    if not keep_unknown:
        _refuse_unknown(texts)
    row = normalize_fields({name: text for name, text in texts.items() if name not in labels}, rules)
    for issue in row.issues:
        raise _invalid(issue)
    named = dict.fromkeys(_PARTS.get(name, name) for name in texts if name not in labels)
    wanted = {name: row.fields.get(name) if _says(name, texts) else None for name in named}
    new = _beside(beside or {}, data.get(RAW_DATA), {label: texts[label] for label in labels})
    return {**wanted, RAW_DATA: orjson.dumps(new, option=orjson.OPT_SORT_KEYS).decode()} if new else wanted


def _refuse_unknown(names: Iterable[str]) -> None:
    for name in names:
        if name not in LEAD_FIELDS:
            near = get_close_matches(name, LEAD_FIELDS, n=1)
            advice = f"Did you mean {near[0]}?" if near else f"Fields are {', '.join(LEAD_FIELDS)}."
            raise InvalidLeadError(f"A lead has no field {name!r} that can be set.", advice=advice, field=name)


def _says(field: str, texts: Mapping[str, str]) -> bool:
    """Whether a field, or a part of it, is given and not blank."""
    return any(text.strip() for name, text in texts.items() if _PARTS.get(name, name) == field)


def _beside(has: Mapping[str, Any], given: object, labels: Mapping[str, str]) -> dict[str, str]:
    """What a caller says beside the fields and the lead has not."""
    if given is not None and not isinstance(given, Mapping):
        raise InvalidLeadError("raw_data: takes labels and their values.", field=RAW_DATA)
    new = {label: value for label, value in (given or {}).items() if label not in has or has[label] != value}
    return {label: text for label, text in {**_texts(new), **labels}.items() if has.get(label) != text}


def _invalid(issue: Issue) -> InvalidLeadError:
    field = issue.field or issue.column
    return InvalidLeadError(
        f"{field or 'The record'}: {issue.message}", advice=issue.suggestion, field=field, code=issue.code
    )


def _identity(row: NormalizedRow, raw: Mapping[str, str]) -> str:
    """What the same record would be known by the next time it is handed over."""
    if row.rejection is not None:
        return f"row:{row_hash(raw).hex()}"
    fields = row.fields
    slug = linkedin_slug(fields.get("linkedin_url", ""))
    if slug:
        return f"linkedin:{slug}"
    name = fold_name(fields.get("full_name", ""))
    if email := fields.get("email"):
        return f"email:{fold_email(email)}|{name}"
    return f"name:{name}|{fold_company(fields.get('company', ''))}|{fields.get('phone', '')}"


def _texts(data: Mapping[str, Any], *, strict: bool = True) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in data.items():
        beside = value.items() if name == RAW_DATA and isinstance(value, Mapping) else [(name, value)]
        for label, each in beside:
            if each is value or label not in data:
                texts[storable(str(label))] = _text(str(label), each, strict=strict)
    return texts


def _text(name: str, value: Any, *, strict: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    try:
        if isinstance(value, str | int | float | Decimal | UUID):
            return _kept(str(value))  # an integer of thousands of digits has no text
        return _kept(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain))
    except (TypeError, ValueError, RecursionError):
        if not strict:
            return f"<{type(value).__name__}>"
        raise InvalidLeadError(
            f"{name}: a {type(value).__name__} is nothing that a lead could hold.", field=name
        ) from None


def _plain(value: Any) -> str:
    """What stands for a value within a list or an object."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(type(value).__name__)


def _kept(text: str) -> str:
    """A NUL means nothing in a cell."""
    return storable(text.replace("\0", ""))
