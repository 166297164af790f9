"""What a cell of each field type accepts, and the form in which it is kept.

One parser a type, in the table `PARSERS`. A parser returns the value to keep, or None for an empty cell, and raises
a RefusedError as Airtable would. Linked records, collaborators and attachments need more than the value: they are
in `airtable_references`. What a computed field shows is in `airtable_computed`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_model import Field
from leads_dagster.sandbox.clock import iso_milliseconds, parse_iso
from leads_dagster.sandbox.ids import new_id

MAX_TEXT_LENGTH = 100_000
_CHOICE_COLORS = ("blueLight2", "cyanLight2", "tealLight2", "greenLight2", "yellowLight2", "orangeLight2", "redLight2")
_TRUE_WORDS = frozenset({"true", "1", "yes", "y", "checked", "x"})
_US_DATE = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{4})(?:\s+(\d{1,2}):(\d{2}))?$")

Parser = Callable[[Field, Any, bool], Any]


def parse_text(field: Field, value: Any, typecast: bool) -> str | None:
    if not isinstance(value, str):
        if not typecast or isinstance(value, (dict, bool)):
            raise errors.bad_value(field.name)
        value = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if len(value) > MAX_TEXT_LENGTH:
        raise errors.bad_value(field.name)
    return value or None


def parse_rich_text(field: Field, value: Any, typecast: bool) -> str:
    """Bullets become dashes and the text ends in a newline; an emptied cell keeps a lone newline (recorded so)."""
    text = parse_text(field, value, typecast) or ""
    lines = [re.sub(r"^(\s*)\* ", r"\1- ", line) for line in text.removesuffix("\n").split("\n")]
    return "\n".join(lines) + "\n"


def parse_number(field: Field, value: Any, typecast: bool) -> int | float | None:
    if isinstance(value, str) and typecast:
        return _number_in(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise errors.bad_value(field.name)
    return plain_number(value)


def _number_in(text: str) -> int | float | None:
    found = re.search(r"[-+]?\d[\d,]*(?:\.\d+)?|[-+]?\.\d+", text)
    return plain_number(float(found.group().replace(",", ""))) if found else None


def plain_number(value: int | float) -> int | float:
    """6.0 is 6, as JSON from Airtable has it."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def parse_rating(field: Field, value: Any, typecast: bool) -> int | float | None:
    number = parse_number(field, value, typecast)
    highest = field.option("max") or 10
    if number is not None and (number != int(number) or not 0 <= number <= highest):
        raise errors.bad_value(field.name)
    return number or None


def parse_duration(field: Field, value: Any, typecast: bool) -> int | float | None:
    if isinstance(value, str) and typecast and ":" in value:
        parts = [float(part or 0) for part in value.split(":") if part.replace(".", "", 1).isdigit() or not part]
        seconds = 0.0
        for part in (*parts, 0.0) if len(parts) == 2 else parts:
            seconds = seconds * 60 + part
        return plain_number(seconds)
    return parse_number(field, value, typecast)


def parse_checkbox(field: Field, value: Any, typecast: bool) -> bool | None:
    if typecast and not isinstance(value, bool):
        value = str(value).strip().lower() in _TRUE_WORDS
    if not isinstance(value, bool):
        raise errors.bad_value(field.name)
    return value or None


def parse_date(field: Field, value: Any, typecast: bool) -> str | None:
    """`YYYY-MM-DD`; the date of an ISO time is taken."""
    moment = _moment(field, value, typecast)
    return None if moment is None else moment.strftime("%Y-%m-%d")


def parse_date_time(field: Field, value: Any, typecast: bool) -> str | None:
    """ISO, or milliseconds since 1970 (recorded so)."""
    moment = _moment(field, value, typecast)
    return None if moment is None else iso_milliseconds(moment)


def _moment(field: Field, value: Any, typecast: bool) -> datetime | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.fromtimestamp(value / 1000, timezone.utc)
    if not isinstance(value, str):
        raise errors.bad_value(field.name)
    if not value:
        return None
    try:
        return parse_iso(value)
    except ValueError:
        return _loose_moment(field, value, typecast)


def _loose_moment(field: Field, value: str, typecast: bool) -> datetime | None:
    found = _US_DATE.match(value.strip())
    if not found:
        if typecast:
            return None
        raise errors.bad_value(field.name)
    month, day, year, hour, minute = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=timezone.utc)
    except ValueError:
        raise errors.bad_value(field.name) from None


def parse_barcode(field: Field, value: Any, typecast: bool) -> dict[str, str] | None:
    if isinstance(value, str) and typecast:
        return {"text": value} if value else None
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise errors.bad_value(field.name)
    return {key: value[key] for key in ("text", "type") if value.get(key)} or None


def parse_select(field: Field, value: Any, typecast: bool) -> str | None:
    if isinstance(value, (int, float)) and typecast and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise errors.bad_value(field.name)
    return choice_name(field, value, may_add=typecast) if value else None


def parse_selects(field: Field, value: Any, typecast: bool) -> list[str] | None:
    if isinstance(value, str) and typecast:
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise errors.bad_value(field.name)
    names = [choice_name(field, each, may_add=typecast) for each in value if each]
    return list(dict.fromkeys(names)) or None


def choice_name(field: Field, value: str, *, may_add: bool) -> str:
    """The name of the option with that name or id. A new one is only noted: `add_choices` makes it."""
    known = choices(field)
    if value in known:
        return value
    by_id = next((name for name, choice in known.items() if choice["id"] == value), None)
    if by_id is not None:
        return by_id
    if not may_add:
        raise errors.bad_option(value)
    return value.strip()


def choices(field: Field) -> dict[str, dict[str, Any]]:
    return {choice["name"]: choice for choice in field.option("choices") or []}


def add_choices(field: Field, names: list[str]) -> bool:
    """Make the options that the field does not have yet. Returns whether any was made."""
    known = choices(field)
    missing = [name for name in dict.fromkeys(names) if name not in known]
    made = [
        {"id": new_id("sel"), "name": name, "color": _CHOICE_COLORS[(len(known) + at) % len(_CHOICE_COLORS)]}
        for at, name in enumerate(missing)
    ]
    if made:
        field.options = {**(field.options or {}), "choices": [*known.values(), *made]}
    return bool(made)


PARSERS: dict[str, Parser] = {
    "singleLineText": parse_text,
    "email": parse_text,
    "url": parse_text,
    "phoneNumber": parse_text,
    "multilineText": parse_text,
    "richText": parse_rich_text,
    "number": parse_number,
    "currency": parse_number,
    "percent": parse_number,
    "rating": parse_rating,
    "duration": parse_duration,
    "checkbox": parse_checkbox,
    "date": parse_date,
    "dateTime": parse_date_time,
    "barcode": parse_barcode,
    "singleSelect": parse_select,
    "multipleSelects": parse_selects,
}


def seed_cell(field: Field, value: Any) -> Any:
    """A value of a bases file, taken as it is; unknown select options are added to the field."""
    if field.type in ("singleSelect", "multipleSelects"):
        add_choices(field, [value] if isinstance(value, str) else list(value))
    return value


def as_date(text: str) -> date:
    return date.fromisoformat(text[:10])
