"""Dates and times: ISO 8601 where a cell leaves no doubt, otherwise what is doubtful about it.

What belongs here: reading one cell. A day alone stays a day ("2026-02-15"); a time without a zone is taken as UTC.
`03/04/2026` is two dates, so it is read only by the customer's `date_order`; a spreadsheet's day number (46068) is none
until somebody says which of the two calendars it counts in, so it is refused with a suggestion.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Literal, NamedTuple

from leads_dagster.leads.folding import fold_text
from leads_dagster.leads.rule_tables import load_table

DateOrder = Literal["dmy", "mdy"]

_ISO_DAY = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})\.?")
_COMPACT_DAY = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})")
_NUMERIC_DAY = re.compile(r"(\d{1,2})\s?([-/.])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})\.?")
_CLOCK = re.compile(
    r"[T\s,]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(a\.?m\.?|p\.?m\.?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?$",
    re.I,
)
_EPOCH = re.compile(r"(\d{10})(\d{3})?(?:\.\d+)?")
_SERIAL = re.compile(r"(\d{5})(?:\.\d+)?")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|º|ª|\.)(?=\W|$)", re.I)
_SERIAL_START = date(1899, 12, 30)
_LONGEST = 80
_CENTURY_TURN = 69  # POSIX: 00 to 68 are of this century


class DateCell(NamedTuple):
    """What a cell says of a time.

    Attributes:
        value: ISO 8601, "2026-02-15" or "2026-02-15T10:30:00+00:00"; "" where that is not clear.
        ambiguous: it is a date, but of two days.
        suggestion: how it should be written to be clear; "" where that is not known.
    """

    value: str
    ambiguous: bool = False
    suggestion: str = ""


_UNREADABLE = DateCell("")


def parse_date(text: str, order: DateOrder | None = None) -> DateCell:
    """Reads one cleaned cell.

    Args:
        text: "2026-02-15", "15 Feb 2026", "Feb 15th, 2026 10:30 PM", "15. Februar 2026", "1771142400".
        order: what `03/04/2026` means; None: it stays ambiguous.
    """
    return _parse_cached(text, order) if len(text) <= _LONGEST else _UNREADABLE


@lru_cache(maxsize=1 << 13)
def _parse_cached(text: str, order: DateOrder | None) -> DateCell:
    epoch = _EPOCH.fullmatch(text)
    if epoch:
        return _from_epoch(int(epoch[1]))
    serial = _SERIAL.fullmatch(text)
    if serial:
        day = _SERIAL_START + timedelta(days=int(serial[1]))
        return DateCell("", suggestion=f"Write the date, not the spreadsheet's day number; {serial[1]} may mean {day}.")
    clock = _CLOCK.search(text)
    day_part = text[: clock.start()] if clock else text
    found = _day(day_part.strip(" ,"), order)
    if not clock or not found.value:
        return found
    return _at(found.value, clock)


def _from_epoch(seconds: int) -> DateCell:
    return DateCell(datetime.fromtimestamp(seconds, timezone.utc).isoformat())


def _day(text: str, order: DateOrder | None) -> DateCell:
    iso = _ISO_DAY.fullmatch(text)
    if iso:
        return _made(int(iso[1]), int(iso[3]), int(iso[4]))
    compact = _COMPACT_DAY.fullmatch(text)
    if compact:
        return _made(int(compact[1]), int(compact[2]), int(compact[3]))
    numeric = _NUMERIC_DAY.fullmatch(text)
    return _numeric(numeric, order) if numeric else _textual(text)


def _made(year: int, month: int, day: int) -> DateCell:
    try:
        return DateCell(date(year, month, day).isoformat())
    except ValueError:
        return _UNREADABLE


def _numeric(found: re.Match[str], order: DateOrder | None) -> DateCell:
    first, second = int(found[1]), int(found[3])
    year = _year(found[4])
    # With two digits even the year's place is a guess, unless the customer has said what the order is.
    if len(found[4]) > 2 or order:
        if first == second or first > 12:
            return _made(year, second, first)
        if second > 12:
            return _made(year, first, second)
    if order:
        return _made(year, second, first) if order == "dmy" else _made(year, first, second)
    readings = [reading.value for reading in (_made(year, second, first), _made(year, first, second)) if reading.value]
    if not readings:
        return _UNREADABLE
    return DateCell(
        "", ambiguous=True, suggestion=f"Write {' or '.join(readings)}, or set date_order for the customer."
    )


def _year(digits: str) -> int:
    if len(digits) > 2:
        return int(digits)
    return int(digits) + (2000 if int(digits) < _CENTURY_TURN else 1900)


def _textual(text: str) -> DateCell:
    """Day, month by name, year of four digits, in any order that leaves no doubt."""
    words = [word for word in _WORD.findall(_ORDINAL.sub("", text)) if fold_text(word) not in _fillers()]
    months = [month for word in words if (month := _months().get(fold_text(word)))]
    years = [int(word) for word in words if len(word) == 4 and word.isdecimal()]
    days = [int(word) for word in words if len(word) <= 2 and word.isdecimal()]
    if len(words) != 3 or not (len(months) == len(years) == len(days) == 1):
        return _UNREADABLE
    return _made(years[0], months[0], days[0])


def _at(day: str, clock: re.Match[str]) -> DateCell:
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    half = (clock[5] or "").lower()[:1]
    if half and not 1 <= hour <= 12:
        return _UNREADABLE
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    microsecond = int((clock[4] or "0")[:6].ljust(6, "0"))
    try:
        local = datetime.fromisoformat(day).replace(hour=hour, minute=minute, second=second, microsecond=microsecond)
        return DateCell(local.replace(tzinfo=_zone(clock[6])).astimezone(timezone.utc).isoformat())
    except (ValueError, OverflowError):
        return _UNREADABLE


def _zone(text: str | None) -> timezone:
    if not text or text[0] not in "+-":
        return timezone.utc
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    months: list[list[str]] = load_table("dates")["months"]
    return {fold_text(name): number for number, names in enumerate(months, start=1) for name in names}


@lru_cache(maxsize=1)
def _fillers() -> frozenset[str]:
    return frozenset(fold_text(word) for word in load_table("dates")["fillers"])
