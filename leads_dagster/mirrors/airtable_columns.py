"""Which field of an Airtable table stands for which lead field, judged from the schema. Pure.

What belongs here: pairing, and why a field cannot be written. Not: asking for the schema, or making fields
(`airtable_schema`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from leads_dagster.mirrors.airtable_values import COMPUTED_TYPES, WRITABLE_TYPES, AirtableColumn

Given = Mapping[str, Any]  # a field as the meta API gives it

_SPOKEN = {
    "singleLineText": "Single line text",
    "multilineText": "Long text",
    "phoneNumber": "Phone number",
    "email": "Email",
    "url": "URL",
    "number": "Number (4 decimals)",
    "checkbox": "Checkbox",
}


def spoken(kind: str) -> str:
    """A type as Airtable's own menus name it."""
    return _SPOKEN.get(kind, kind)


def pair_columns(
    names: Mapping[str, str], field_ids: Mapping[str, str], fields: Sequence[Given]
) -> dict[str, AirtableColumn]:
    """Lead field -> the column that stands for it; those that have none are left out.

    A known id wins; a column that one lead field has by its id or its exact name is not given to another one, whatever
    it is called now.

    Args:
        names: lead field -> name or id of the column. field_ids: lead field -> id as known from before.
    """
    found = {name: given for name in names if (given := _first(fields, _by_id(field_ids.get(name)))) is not None}
    for is_it in (_exactly, _in_any_case):
        taken = {given["id"] for given in found.values()}
        free = [given for given in fields if given["id"] not in taken]
        matches = {name: _first(free, is_it(names[name])) for name in names if name not in found}
        found |= {name: given for name, given in matches.items() if given is not None}
    return {name: column_of(found[name]) for name in names if name in found}


def _first(fields: Iterable[Given], is_it: Callable[[Given], bool]) -> Given | None:
    return next(filter(is_it, fields), None)


def _by_id(wanted: str | None) -> Callable[[Given], bool]:
    return lambda given: given["id"] == wanted


def _exactly(wanted: str) -> Callable[[Given], bool]:
    return lambda given: wanted in (given["id"], given["name"])


def _in_any_case(wanted: str) -> Callable[[Given], bool]:
    return lambda given: given["name"].strip().casefold() == wanted.strip().casefold()


def column_of(given: Given) -> AirtableColumn:
    """A field of the schema."""
    choices = (given.get("options") or {}).get("choices")
    names = None if choices is None else frozenset(choice["name"] for choice in choices)
    return AirtableColumn(given["id"], given["name"], given["type"], names)


def why_unwritable(column: AirtableColumn) -> str | None:
    """Why nothing may be written there, in words; None where something may."""
    if column.type in COMPUTED_TYPES:
        return (
            f'"{column.name}" is computed by Airtable ({column.type}); rename it, or name another field in '
            "[customers.airtable.fields]"
        )
    if column.type not in WRITABLE_TYPES:
        return (
            f'"{column.name}" is of a type that holds no such value ({column.type}); change its type, or name another '
            "field in [customers.airtable.fields]"
        )
    return None


def why_missing(name: str, column: str, kind: str, *, removed: bool) -> str:
    """Why a lead field has no column, in words, and what to do.

    Args:
        name: the lead field. column: what its column should be called. kind: the type it should have.
        removed: it had one.
    """
    leave_out = f'set {name} = "" in [customers.airtable.fields]'
    if removed:
        return (
            f'the table has no field "{column}" any more; restore it from the trash of the base, add it again as '
            f"{spoken(kind)}, or {leave_out}"
        )
    return f'the table has no field "{column}"; add it as {spoken(kind)}, or {leave_out}'
