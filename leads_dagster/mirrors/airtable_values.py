"""How a lead's value looks in an Airtable cell of each type, and back. Pure.

What belongs here: types and values. Which field goes to which column is in `airtable_schema`.

Airtable leaves blank cells out of its answers, and an unticked checkbox is a blank cell: blank, "", false and [] are
one to it. Source: airtable.com/developers/web/api/field-model
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from typing import Any

from leads_dagster.leads.fields import LEAD_FIELDS

# Airtable works these out itself; nothing may be written there.
COMPUTED_TYPES = frozenset(
    {"aiText", "autoNumber", "button", "count", "createdBy", "createdTime", "externalSyncSource", "formula"}
    | {"lastModifiedBy", "lastModifiedTime", "lookup", "multipleLookupValues", "rollup"}
)


@dataclass(frozen=True, slots=True)
class AirtableColumn:
    """One field of the Airtable table that we write.

    Attributes:
        id: what requests name it by: the field id, or the name where the schema may not be read.
        name: as people see it now.
        type: Airtable's field type.
        choices: the options of a select field; None where it has none or they are not known.
    """

    id: str
    name: str
    type: str
    choices: frozenset[str] | None = None


def to_cell(column: AirtableColumn, value: Any, *, create_options: bool = False) -> Any:
    """What to send for a lead's value.

    Raises:
        ValueError: the column cannot hold it; the message says why, in words.
    """
    if value is None or value == "":
        return None
    if is_new_option(column, value) and not create_options:
        raise ValueError(f'"{column.name}" has no option "{_short(value)}"')
    return _WRITERS[column.type](column, value)


def is_new_option(column: AirtableColumn, value: Any) -> bool:
    """Whether writing it would make a new option of a select field."""
    blank = value is None or value == ""
    return column.type == "singleSelect" and column.choices is not None and not blank and value not in column.choices


def with_option(column: AirtableColumn, option: str) -> AirtableColumn:
    """The column with one more option."""
    return replace(column, choices=(column.choices or frozenset()) | {option})


def same_cell(column: AirtableColumn, left: Any, right: Any) -> bool:
    """Whether Airtable would show the two alike."""
    left, right = plain_cell(column, left), plain_cell(column, right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return bool(left == right)


def holds(column: AirtableColumn, cell: Any, value: Any) -> bool:
    """Whether a cell says what a lead's value would look like there."""
    try:
        return same_cell(column, cell, to_cell(column, value, create_options=True))
    except ValueError:
        return False


def to_lead_value(field: str, column: AirtableColumn, cell: Any) -> Any:
    """What a cell says of a lead's field: text, float or bool; None for blank."""
    cell = plain_cell(column, cell)
    if cell is None:
        return None
    kind = LEAD_FIELDS.get(field)
    if kind == "bool":
        return _word(cell)
    if kind == "number":
        return _figure(cell)
    return cell if isinstance(cell, str) else str(cell)


def plain_cell(column: AirtableColumn, cell: Any) -> Any:
    """A cell of a listing or of a payload in one form: None for blank, the name of an option."""
    if isinstance(cell, dict):  # selects in webhook payloads
        cell = cell.get("name")
    if column.type == "richText" and isinstance(cell, str):
        cell = cell.rstrip("\n")
    return None if cell is None or cell is False or cell in ("", []) else cell


def _word(cell: Any) -> bool | None:
    return cell if isinstance(cell, bool) else {"true": True, "false": False}.get(str(cell).casefold())


def _figure(cell: Any) -> Any:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return str(cell)


def _short(value: Any) -> str:
    """A value as messages quote it."""
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:40]}…"


def _text(_: AirtableColumn, value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(column: AirtableColumn, value: Any) -> float | int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError(f'"{column.name}" takes numbers, not "{_short(value)}"')
    return int(number) if number.is_integer() else number


def _checkbox(column: AirtableColumn, value: Any) -> bool:
    word = _word(value)
    if word is None:
        raise ValueError(f'"{column.name}" is a checkbox; "{_short(value)}" is neither true nor false')
    return word


def _moment(column: AirtableColumn, value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value).strip().replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(f'"{column.name}" takes dates such as 2026-11-01, not "{_short(value)}"') from None
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def _date(column: AirtableColumn, value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return _moment(column, value).date().isoformat()


def _date_time(column: AirtableColumn, value: Any) -> str:
    return _moment(column, value).strftime("%Y-%m-%dT%H:%M:%S.000Z")


_WRITERS: dict[str, Callable[[AirtableColumn, Any], Any]] = {
    **dict.fromkeys(("singleLineText", "multilineText", "richText", "email", "url", "phoneNumber"), _text),
    **dict.fromkeys(("number", "currency", "percent", "rating", "duration"), _number),
    "singleSelect": _text,
    "checkbox": _checkbox,
    "date": _date,
    "dateTime": _date_time,
}

# Types that a lead's field may go to; all others are left out and reported.
WRITABLE_TYPES = frozenset(_WRITERS)
