"""Dates written and read by pattern, in the tokens of Moment.js, which Airtable uses."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from leads_dagster.sandbox.formula_values import FormulaValueError, moment_of, text_of

_TOKEN = re.compile(
    r"\[[^\]]*\]|YYYY|YY|MMMM|MMM|MM|Mo|M|DDDD|DDD|DD|Do|D|dddd|ddd|d|HH|H|hh|h|mm|m|ss|s|SSS|A|a|X|x|ZZ|Z|Q|W|.", re.S
)


def _ordinal(number: int) -> str:
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def _offset(moment: datetime, colon: str) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{colon}{abs(minutes) % 60:02d}"


_FORMATS: dict[str, Callable[[datetime], str]] = {
    "YYYY": lambda at: f"{at.year:04d}",
    "YY": lambda at: f"{at.year % 100:02d}",
    "MMMM": lambda at: calendar.month_name[at.month],
    "MMM": lambda at: calendar.month_abbr[at.month],
    "MM": lambda at: f"{at.month:02d}",
    "Mo": lambda at: _ordinal(at.month),
    "M": lambda at: str(at.month),
    "DDDD": lambda at: f"{at.timetuple().tm_yday:03d}",
    "DDD": lambda at: str(at.timetuple().tm_yday),
    "DD": lambda at: f"{at.day:02d}",
    "Do": lambda at: _ordinal(at.day),
    "D": lambda at: str(at.day),
    "dddd": lambda at: calendar.day_name[at.weekday()],
    "ddd": lambda at: calendar.day_abbr[at.weekday()],
    "d": lambda at: str((at.weekday() + 1) % 7),
    "HH": lambda at: f"{at.hour:02d}",
    "H": lambda at: str(at.hour),
    "hh": lambda at: f"{(at.hour + 11) % 12 + 1:02d}",
    "h": lambda at: str((at.hour + 11) % 12 + 1),
    "mm": lambda at: f"{at.minute:02d}",
    "m": lambda at: str(at.minute),
    "ss": lambda at: f"{at.second:02d}",
    "s": lambda at: str(at.second),
    "SSS": lambda at: f"{at.microsecond // 1000:03d}",
    "A": lambda at: "AM" if at.hour < 12 else "PM",
    "a": lambda at: "am" if at.hour < 12 else "pm",
    "X": lambda at: str(int(at.timestamp())),
    "x": lambda at: str(int(at.timestamp() * 1000)),
    "Q": lambda at: str((at.month + 2) // 3),
    "W": lambda at: str(at.isocalendar()[1]),
    "ZZ": lambda at: _offset(at, ""),
    "Z": lambda at: _offset(at, ":"),
}
_SHORTHANDS = {"L": "MM/DD/YYYY", "LL": "MMMM D, YYYY", "LT": "h:mm A", "LLL": "MMMM D, YYYY h:mm A", "l": "M/D/YYYY"}
_PARSED = {
    "YYYY": r"(?P<Y>\d{4})",
    "YY": r"(?P<y>\d{2})",
    "MMMM": r"(?P<B>[A-Za-z]+)",
    "MMM": r"(?P<B>[A-Za-z]+)",
    "MM": r"(?P<m>\d{1,2})",
    "M": r"(?P<m>\d{1,2})",
    "DD": r"(?P<d>\d{1,2})",
    "D": r"(?P<d>\d{1,2})",
    "HH": r"(?P<H>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "hh": r"(?P<I>\d{1,2})",
    "h": r"(?P<I>\d{1,2})",
    "mm": r"(?P<M>\d{1,2})",
    "m": r"(?P<M>\d{1,2})",
    "ss": r"(?P<S>\d{1,2})",
    "s": r"(?P<S>\d{1,2})",
    "A": r"(?P<p>[AaPp][Mm])",
    "a": r"(?P<p>[AaPp][Mm])",
}


def format_moment(value: Any, pattern: Any = None) -> str:
    moment = moment_of(value)
    if pattern is None:
        return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    text = _SHORTHANDS.get(text_of(pattern), text_of(pattern))
    return "".join(_format_token(moment, token) for token in _TOKEN.findall(text))


def _format_token(moment: datetime, token: str) -> str:
    if token.startswith("["):
        return token[1:-1]
    written = _FORMATS.get(token)
    return written(moment) if written else token


def parse_moment(value: Any, pattern: Any = None, locale: Any = None) -> datetime:
    if pattern is None or isinstance(value, datetime):
        return moment_of(value)
    expression = "".join(_PARSED.get(token, re.escape(token)) for token in _TOKEN.findall(text_of(pattern)))
    found = re.fullmatch(expression, text_of(value).strip())
    if not found:
        raise FormulaValueError(f"{value!r} is not in the form {pattern!r}")
    return _assemble({key: part for key, part in found.groupdict().items() if part})


def _assemble(parts: dict[str, str]) -> datetime:
    month = int(parts["m"]) if "m" in parts else _month_named(parts.get("B", "jan"))
    year = int(parts["Y"]) if "Y" in parts else 2000 + int(parts.get("y", "0"))
    hour = int(parts.get("H", parts.get("I", "0")))
    if "p" in parts:
        hour = hour % 12 + (12 if parts["p"].lower() == "pm" else 0)
    try:
        return datetime(
            year, month, int(parts.get("d", "1")), hour, int(parts.get("M", "0")), int(parts.get("S", "0")),
            tzinfo=timezone.utc,
        )  # fmt: skip
    except ValueError as error:
        raise FormulaValueError(str(error)) from error


def _month_named(name: str) -> int:
    for number in range(1, 13):
        if calendar.month_abbr[number].lower() == name[:3].lower():
            return number
    raise FormulaValueError(f"no month is called {name}")
