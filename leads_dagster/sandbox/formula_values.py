"""The values of Airtable's formula language: text, numbers, truth, times, lists and blank, and how one becomes another.

Blank is None. Times are aware UTC datetimes. An error is raised, as a FormulaValueError, and caught by who shows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

from leads_dagster.sandbox.clock import iso_milliseconds, parse_iso


class FormulaSyntaxError(Exception):
    """The text is no formula, or names a field or function that does not exist; the message is Airtable's detail."""


class FormulaValueError(Exception):
    """The formula has no value for this record: Airtable shows `#ERROR!`."""


def flatten(values: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for value in values:
        flat.extend(flatten(value)) if isinstance(value, list) else flat.append(value)
    return flat


def text_of(value: Any) -> str:
    written = _TEXTS.get(type(value))
    return str(value) if written is None else written(value)


def _text_of_number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)


def _text_of_object(value: dict[str, Any]) -> str:
    return str(value.get("name") or value.get("text") or value.get("filename") or value.get("label") or "")


_TEXTS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "1" if value else "0",
    datetime: iso_milliseconds,
    dict: _text_of_object,
    float: _text_of_number,
    list: lambda value: ", ".join(text_of(each) for each in value),
    str: lambda value: value,
    type(None): lambda value: "",
}


def number_of(value: Any) -> float:
    """A number, or a FormulaValueError. Blank counts as 0, truth as 1."""
    if value is None or value == "":
        return 0.0
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, list) and len(value) == 1:
        return number_of(value[0])
    try:
        return float(value)
    except (TypeError, ValueError):
        raise FormulaValueError(f"not a number: {value!r}") from None


def truth_of(value: Any) -> bool:
    if isinstance(value, float) and math.isnan(value):
        return False
    return bool(value)


def moment_of(value: Any) -> datetime:
    """An aware UTC time, or a FormulaValueError. Text must be ISO or begin with an ISO date."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    try:
        return parse_iso(str(value))
    except ValueError:
        raise FormulaValueError(f"not a date: {value!r}") from None


def _is_blank(value: Any) -> bool:
    return value is None or value in ("", [])


def equal(left: Any, right: Any) -> bool:
    """Blank equals the empty text, zero and false; text compares by case."""
    if _is_blank(left) or _is_blank(right):
        other = right if _is_blank(left) else left
        return _is_blank(other) or other is False or (isinstance(other, (int, float)) and other == 0)
    if isinstance(left, datetime) or isinstance(right, datetime):
        return _same_moment(left, right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return float(left) == float(right)
    return text_of(left) == text_of(right)


def _same_moment(left: Any, right: Any) -> bool:
    try:
        return moment_of(left) == moment_of(right)
    except FormulaValueError:
        return False


def compare(left: Any, right: Any) -> int:
    """-1, 0 or 1; times with times, numbers with numbers, else text."""
    if isinstance(left, datetime) or isinstance(right, datetime):
        if _is_blank(left) or _is_blank(right):
            raise FormulaValueError("blank date")
        return _order(moment_of(left), moment_of(right))
    if isinstance(left, str) and isinstance(right, str):
        return _order(left, right)
    return _order(number_of(left), number_of(right))


def _order(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def shown(value: Any) -> Any:
    """The value as JSON from the API has it."""
    written = _SHOWN.get(type(value))
    return value if written is None else written(value)


def _shown_number(value: float) -> Any:
    if math.isnan(value):
        return {"specialValue": "NaN"}
    if math.isinf(value):
        return {"specialValue": "Infinity" if value > 0 else "-Infinity"}
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


_SHOWN: dict[type, Callable[[Any], Any]] = {
    bool: int,
    datetime: iso_milliseconds,
    float: _shown_number,
    list: lambda value: [shown(each) for each in value],
}
