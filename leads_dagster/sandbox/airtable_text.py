"""Cells as the screen shows them, for `cellFormat=string`: numbers with their precision, dates in a zone and a form.

Amounts are written without separators of thousands. What JSON holds is in `airtable_render`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_model import Field
from leads_dagster.sandbox.clock import parse_iso
from leads_dagster.sandbox.formula_date_formats import format_moment
from leads_dagster.sandbox.formula_values import text_of

_DATE_FORMS = {"friendly": "MMMM D, YYYY", "us": "M/D/YYYY", "european": "D/M/YYYY", "iso": "YYYY-MM-DD"}
_TIME_FORMS = {"12hour": "h:mma", "24hour": "HH:mm"}
_LOCAL_FORMS = {"en-us": "M/D/YYYY", "en": "M/D/YYYY", "de": "D.M.YYYY"}
_OTHER_LOCAL_FORM = "D/M/YYYY"


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom text is made: a zone and a language."""

    zone: tzinfo
    locale: str


def reader_of(time_zone: str, locale: str) -> Reader:
    """Raises the refusal of a zone that there is not."""
    try:
        return Reader(ZoneInfo(time_zone), locale.lower())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise errors.bad_request() from None


def cell_text(field: Field, value: Any, reader: Reader) -> str:
    write = _WRITERS.get(field.type)
    try:
        return text_of(value) if write is None else write(field, value, reader)
    except (ValueError, TypeError):  # a seeded value that is not what its field holds
        return text_of(value)


def _number(field: Field, value: Any, reader: Reader) -> str:
    precision = field.option("precision")
    return text_of(value) if precision is None else f"{value:.{precision}f}"


def _duration(field: Field, value: Any, reader: Reader) -> str:
    minutes, seconds = divmod(float(value), 60)
    hours, minutes = divmod(int(minutes), 60)
    form = str(field.option("durationFormat") or "h:mm")
    shown = f"{hours}:{minutes:02d}"
    if "ss" not in form:
        return shown
    digits = form.count("S")
    return f"{shown}:{seconds:0{3 + digits if digits else 2}.{digits}f}"


def _date_form(field: Field, reader: Reader) -> str:
    name = (field.option("dateFormat") or {}).get("name", "iso")
    return _DATE_FORMS.get(name) or _LOCAL_FORMS.get(reader.locale, _OTHER_LOCAL_FORM)


def _date(field: Field, value: Any, reader: Reader) -> str:
    return format_moment(parse_iso(value), _date_form(field, reader))


def _date_time(field: Field, value: Any, reader: Reader) -> str:
    """In the field's own zone; `client` is the reader's."""
    zone = str(field.option("timeZone") or "client")
    where = reader.zone if zone == "client" else timezone.utc if zone == "utc" else ZoneInfo(zone)
    time_form = _TIME_FORMS.get((field.option("timeFormat") or {}).get("name", ""), "HH:mm")
    return format_moment(parse_iso(value).astimezone(where), f"{_date_form(field, reader)} {time_form}")


_WRITERS: dict[str, Callable[[Field, Any, Reader], str]] = {
    "checkbox": lambda field, value, reader: "checked",
    "currency": lambda field, value, reader: f"{field.option('symbol') or '$'}{_number(field, value, reader)}",
    "date": _date,
    "dateTime": _date_time,
    "createdTime": _date_time,
    "lastModifiedTime": _date_time,
    "duration": _duration,
    "number": _number,
    "percent": lambda field, value, reader: f"{value * 100:.{field.option('precision') or 0}f}%",
    "multipleAttachments": lambda field, value, reader: ", ".join(
        f"{each['filename']} ({each['url']})" for each in value
    ),
}
