"""Airtable's formula functions for dates and times. Formats are those of Moment.js, which Airtable uses."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from leads_dagster.sandbox.formula_parser import Compiled, Function, Row
from leads_dagster.sandbox.formula_values import FormulaValueError, moment_of, number_of, text_of

_SECONDS = {"millisecond": 0.001, "second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0}
_SHORT_UNITS = {"ms": "millisecond", "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_SHORT_MONTHS = {"M": "month", "Q": "quarter", "y": "year"}
_TOKEN = re.compile(
    r"\[[^\]]*\]|YYYY|YY|MMMM|MMM|MM|Mo|M|DDDD|DDD|DD|Do|D|dddd|ddd|d|HH|H|hh|h|mm|m|ss|s|SSS|A|a|X|x|ZZ|Z|Q|W|.", re.S
)
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_SATURDAY = 5


def _unit(value: Any) -> str:
    text = text_of(value)
    if text in _SHORT_UNITS or text in _SHORT_MONTHS:
        return _SHORT_UNITS.get(text) or _SHORT_MONTHS[text]
    name = text.lower().removesuffix("s")
    if name not in _SECONDS and name not in _MONTHS:
        raise FormulaValueError(f"unknown unit {text}")
    return name


def _add_months(moment: datetime, count: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + count, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _date_add(value: Any, count: Any, units: Any) -> datetime:
    moment, unit, number = moment_of(value), _unit(units), number_of(count)
    if unit in _MONTHS:
        return _add_months(moment, int(number) * _MONTHS[unit])
    return moment + timedelta(seconds=number * _SECONDS[unit])


def _date_diff(left: Any, right: Any, units: Any = "seconds") -> float:
    first, second, unit = moment_of(left), moment_of(right), _unit(units)
    if unit in _MONTHS:
        return int(_months_between(second, first) / _MONTHS[unit])
    return int((first - second).total_seconds() / _SECONDS[unit])


def _months_between(start: datetime, end: datetime) -> int:
    if end < start:
        return -_months_between(end, start)
    whole = (end.year - start.year) * 12 + end.month - start.month
    return whole - (_add_months(start, whole) > end)


def _floor(moment: datetime, unit: str) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    floors: dict[str, Callable[[], datetime]] = {
        "year": lambda: midnight.replace(month=1, day=1),
        "quarter": lambda: midnight.replace(month=moment.month - (moment.month - 1) % 3, day=1),
        "month": lambda: midnight.replace(day=1),
        "week": lambda: midnight - timedelta(days=(moment.weekday() + 1) % 7),
        "day": lambda: midnight,
        "hour": lambda: moment.replace(minute=0, second=0, microsecond=0),
        "minute": lambda: moment.replace(second=0, microsecond=0),
        "second": lambda: moment.replace(microsecond=0),
    }
    return floors[unit]() if unit in floors else moment


def _is_same(left: Any, right: Any, unit: Any = None) -> bool:
    if unit is None:
        return moment_of(left) == moment_of(right)
    name = _unit(unit)
    return _floor(moment_of(left), name) == _floor(moment_of(right), name)


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


def _parse_moment(value: Any, pattern: Any = None, locale: Any = None) -> datetime:
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


def _set_timezone(value: Any, zone: Any) -> datetime:
    try:
        return moment_of(value).astimezone(ZoneInfo(text_of(zone)))
    except (KeyError, ValueError, OSError) as error:
        raise FormulaValueError(f"no time zone {zone}") from error


def _first_weekday(start: Any) -> int:
    name = text_of(start).lower() or "sunday"
    return _WEEKDAYS.index(name) if name in _WEEKDAYS else 0


def _weekday(value: Any, start: Any = None) -> int:
    return ((moment_of(value).weekday() + 1) % 7 - _first_weekday(start)) % 7


def _weeknum(value: Any, start: Any = None) -> int:
    moment = moment_of(value)
    first = moment.replace(month=1, day=1)
    return (moment.timetuple().tm_yday - 1 + _weekday(first, start)) // 7 + 1


def _holidays(text: Any) -> set[str]:
    return {part.strip() for part in text_of(text).split(",") if part.strip()}


def _is_workday(moment: datetime, holidays: set[str]) -> bool:
    return moment.weekday() < _SATURDAY and moment.strftime("%Y-%m-%d") not in holidays


def _workday(value: Any, count: Any, holidays: Any = None) -> datetime:
    moment, left, free = moment_of(value), int(number_of(count)), _holidays(holidays)
    step = timedelta(days=1 if left > 0 else -1)
    while left:
        moment += step
        if _is_workday(moment, free):
            left -= 1 if left > 0 else -1
    return moment


def _workday_diff(start: Any, end: Any, holidays: Any = None) -> int:
    first, last, free = moment_of(start), moment_of(end), _holidays(holidays)
    sign = 1 if first <= last else -1
    low, high = (first, last) if sign > 0 else (last, first)
    days = (high.date() - low.date()).days
    return sign * sum(_is_workday(low + timedelta(days=day), free) for day in range(days + 1))


def _span(seconds: float) -> str:
    for unit, size in (("year", 31557600), ("month", 2629800), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{round(seconds)} seconds"


def _from_now(arguments: list[Compiled], row: Row) -> str:
    return _span(abs((row.now() - moment_of(arguments[0](row))).total_seconds()))


def _today(arguments: list[Compiled], row: Row) -> datetime:
    return _floor(moment_of(row.now()), "day")


def _modified(arguments: list[Compiled], row: Row) -> Any:
    return row.modified_time([field for each in arguments if (field := getattr(each, "field", None)) is not None])


_EAGER: dict[str, Callable[..., Any]] = {
    "DATEADD": _date_add,
    "DATESTR": lambda value: moment_of(value).strftime("%Y-%m-%d"),
    "DATETIME_DIFF": _date_diff,
    "DATETIME_FORMAT": format_moment,
    "DATETIME_PARSE": _parse_moment,
    "DAY": lambda value: moment_of(value).day,
    "HOUR": lambda value: moment_of(value).hour,
    "IS_AFTER": lambda left, right: moment_of(left) > moment_of(right),
    "IS_BEFORE": lambda left, right: moment_of(left) < moment_of(right),
    "IS_SAME": _is_same,
    "MINUTE": lambda value: moment_of(value).minute,
    "MONTH": lambda value: moment_of(value).month,
    "SECOND": lambda value: moment_of(value).second,
    "SET_LOCALE": lambda value, locale: moment_of(value),
    "SET_TIMEZONE": _set_timezone,
    "TIMESTR": lambda value: moment_of(value).strftime("%H:%M:%S"),
    "WEEKDAY": _weekday,
    "WEEKNUM": _weeknum,
    "WORKDAY": _workday,
    "WORKDAY_DIFF": _workday_diff,
    "YEAR": lambda value: moment_of(value).year,
}


def _eager(function: Callable[..., Any]) -> Function:
    """Like its namesake for other functions, except that a blank date gives a blank instead of an error."""

    def call(arguments: list[Compiled], row: Row) -> Any:
        values = [argument(row) for argument in arguments]
        if values and values[0] in (None, ""):
            raise FormulaValueError("blank date")
        try:
            return function(*values)
        except (TypeError, ValueError, OverflowError) as error:
            raise FormulaValueError(str(error)) from error

    return call


DATE_FUNCTIONS: dict[str, Function] = {
    **{name: _eager(function) for name, function in _EAGER.items()},
    "CREATED_TIME": lambda arguments, row: row.created_time(),
    "FROMNOW": _from_now,
    "LAST_MODIFIED_TIME": _modified,
    "NOW": lambda arguments, row: row.now(),
    "TODAY": _today,
    "TONOW": _from_now,
}
