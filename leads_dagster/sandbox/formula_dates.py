"""Airtable's formula functions for dates and times; patterns are in `formula_date_formats`."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from leads_dagster.sandbox.formula_date_formats import format_moment, parse_moment
from leads_dagster.sandbox.formula_parser import Compiled, Function, Row
from leads_dagster.sandbox.formula_values import FormulaValueError, moment_of, number_of, text_of

_SECONDS = {"millisecond": 0.001, "second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0}
_SHORT_UNITS = {"ms": "millisecond", "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_SHORT_MONTHS = {"M": "month", "Q": "quarter", "y": "year"}
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
            count = int(seconds / size + 0.5)
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
    "DATETIME_PARSE": parse_moment,
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
