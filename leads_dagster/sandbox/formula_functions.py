"""Airtable's formula functions for logic, text, numbers and lists. Those for dates are in `formula_dates`.

Reference: Airtable's "Formula field reference". A function gets its arguments not yet worked out, because IF, AND
and their like look only at what they need.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from leads_dagster.sandbox.formula_dates import DATE_FUNCTIONS
from leads_dagster.sandbox.formula_parser import Compiled, Function, Row
from leads_dagster.sandbox.formula_values import FormulaValueError, equal, flatten, number_of, text_of, truth_of


def _eager(function: Callable[..., Any]) -> Function:
    """A function of plain values; too few or too many of them is an error value, as in Airtable."""

    def call(arguments: list[Compiled], row: Row) -> Any:
        values = [argument(row) for argument in arguments]
        try:
            return function(*values)
        except (TypeError, ValueError, OverflowError, re.error, IndexError) as error:
            raise FormulaValueError(str(error)) from error

    return call


def _if(arguments: list[Compiled], row: Row) -> Any:
    if not 2 <= len(arguments) <= 3:
        raise FormulaValueError("IF takes two or three arguments")
    if truth_of(arguments[0](row)):
        return arguments[1](row)
    return arguments[2](row) if len(arguments) == 3 else None


def _switch(arguments: list[Compiled], row: Row) -> Any:
    value, rest = arguments[0](row), arguments[1:]
    for at in range(0, len(rest) - 1, 2):
        if equal(value, rest[at](row)):
            return rest[at + 1](row)
    return rest[-1](row) if len(rest) % 2 else None


def _truths(arguments: list[Compiled], row: Row) -> list[bool]:
    return [truth_of(value) for value in flatten([argument(row) for argument in arguments])]


def _is_error(arguments: list[Compiled], row: Row) -> bool:
    try:
        value = arguments[0](row)
    except FormulaValueError:
        return True
    return isinstance(value, float) and math.isnan(value)


def _if_error(arguments: list[Compiled], row: Row) -> Any:
    return arguments[1](row) if _is_error(arguments[:1], row) else arguments[0](row)


def _raise_error() -> Any:
    raise FormulaValueError("ERROR()")


def _find(needle: Any, where: Any, start: Any = None) -> int | None:
    begin = max(int(number_of(start)) - 1, 0) if start is not None else 0
    return text_of(where).find(text_of(needle), begin) + 1


def _search(needle: Any, where: Any, start: Any = None) -> int | None:
    """As FIND without regard to case, and blank where FIND gives 0."""
    return _find(text_of(needle).lower(), text_of(where).lower(), start) or None


def _mid(text: Any, start: Any, count: Any) -> str:
    begin = max(int(number_of(start)) - 1, 0)
    return text_of(text)[begin : begin + max(int(number_of(count)), 0)]


def _replace(text: Any, start: Any, count: Any, new: Any) -> str:
    old, begin = text_of(text), int(number_of(start)) - 1
    return old[:begin] + text_of(new) + old[begin + int(number_of(count)) :]


def _substitute(text: Any, old: Any, new: Any, index: Any = None) -> str:
    whole, before, after = text_of(text), text_of(old), text_of(new)
    if index is None or not before:
        return whole.replace(before, after) if before else whole
    parts, nth = whole.split(before), int(number_of(index))
    if not 1 <= nth < len(parts):
        return whole
    return before.join(parts[:nth]) + after + before.join(parts[nth:])


def _right(text: Any, count: Any = 1) -> str:
    wanted = int(number_of(count))
    return text_of(text)[-wanted:] if wanted > 0 else ""


def _value(text: Any) -> float:
    found = re.search(r"-?\d[\d,]*\.?\d*|-?\.\d+", text_of(text))
    if not found:
        raise FormulaValueError("no number in the text")
    return float(found.group().replace(",", ""))


def _regex_extract(text: Any, pattern: Any) -> str:
    found = re.search(text_of(pattern), text_of(text))
    if not found:
        raise FormulaValueError("the pattern is not in the text")
    return found.group(0)


def _regex_replace(text: Any, pattern: Any, new: Any) -> str:
    replacement = re.sub(r"\$(\d)", r"\\\1", text_of(new).replace("\\", "\\\\"))
    return re.sub(text_of(pattern), replacement, text_of(text))


def _numbers(values: tuple[Any, ...]) -> list[float]:
    return [float(each) for each in flatten(list(values)) if isinstance(each, (int, float)) and each is not None]


def _average(*values: Any) -> float:
    numbers = _numbers(values)
    return sum(numbers) / len(numbers) if numbers else math.nan


def _filled(values: tuple[Any, ...]) -> list[Any]:
    return [each for each in flatten(list(values)) if each not in (None, "")]


def _round(value: Any, precision: Any, rounding: Callable[[float], float]) -> float:
    scale = 10.0 ** int(number_of(precision))
    return rounding(round(number_of(value) * scale, 9)) / scale


def _half_up(value: float) -> float:
    return math.floor(abs(value) + 0.5) * math.copysign(1, value)


def _away(value: float) -> float:
    return math.ceil(abs(value)) * math.copysign(1, value)


def _towards(value: float) -> float:
    return math.floor(abs(value)) * math.copysign(1, value)


def _next_whole(value: Any, remainder: int) -> int:
    whole = math.ceil(abs(number_of(value)))
    whole += whole % 2 != remainder
    return -whole if number_of(value) < 0 else whole


def _step(value: Any, significance: Any, rounding: Callable[[float], int]) -> float:
    size = number_of(significance) or 1.0
    return rounding(round(number_of(value) / size, 9)) * size


def _unique(values: Any) -> list[Any]:
    seen: dict[str, Any] = {}
    for each in flatten([values]):
        seen.setdefault(text_of(each), each)
    return list(seen.values())


def _join(values: Any, separator: Any = ",") -> str:
    return text_of(separator).join(text_of(each) for each in flatten([values]))


_EAGER: dict[str, Callable[..., Any]] = {
    "ABS": lambda value: abs(number_of(value)),
    "ARRAYCOMPACT": lambda values: _filled((values,)),
    "ARRAYFLATTEN": lambda *values: flatten(list(values)),
    "ARRAYJOIN": _join,
    "ARRAYUNIQUE": _unique,
    "AVERAGE": _average,
    "BLANK": lambda: None,
    "CEILING": lambda value, size=1: _step(value, size, math.ceil),
    "CONCATENATE": lambda *texts: "".join(map(text_of, texts)),
    "COUNT": lambda *values: len(_numbers(values)),
    "COUNTA": lambda *values: len(_filled(values)),
    "COUNTALL": lambda *values: len(flatten(list(values))),
    "ENCODE_URL_COMPONENT": lambda text: quote(text_of(text), safe="-_.!~*'()"),
    "ERROR": _raise_error,
    "EVEN": lambda value: _next_whole(value, 0),
    "EXP": lambda power: math.exp(number_of(power)),
    "FALSE": lambda: False,
    "FIND": _find,
    "FLOOR": lambda value, size=1: _step(value, size, math.floor),
    "INT": lambda value: math.floor(number_of(value)),
    "LEFT": lambda text, count=1: text_of(text)[: max(int(number_of(count)), 0)],
    "LEN": lambda text: len(text_of(text)),
    "LOG": lambda value, base=10: math.log(number_of(value), number_of(base)),
    "LOWER": lambda text: text_of(text).lower(),
    "MAX": lambda *values: max(_numbers(values), default=0),
    "MID": _mid,
    "MIN": lambda *values: min(_numbers(values), default=0),
    "MOD": lambda value, divisor: number_of(value) % number_of(divisor) if number_of(divisor) else _raise_error(),
    "ODD": lambda value: _next_whole(value, 1),
    "POWER": lambda base, power: number_of(base) ** number_of(power),
    "REGEX_EXTRACT": _regex_extract,
    "REGEX_MATCH": lambda text, pattern: re.search(text_of(pattern), text_of(text)) is not None,
    "REGEX_REPLACE": _regex_replace,
    "REPLACE": _replace,
    "REPT": lambda text, count: text_of(text) * max(int(number_of(count)), 0),
    "RIGHT": _right,
    "ROUND": lambda value, precision=0: _round(value, precision, _half_up),
    "ROUNDDOWN": lambda value, precision=0: _round(value, precision, _towards),
    "ROUNDUP": lambda value, precision=0: _round(value, precision, _away),
    "SEARCH": _search,
    "SQRT": lambda value: math.sqrt(number_of(value)),
    "SUBSTITUTE": _substitute,
    "SUM": lambda *values: sum(_numbers(values)),
    "T": lambda value: value if isinstance(value, str) else None,
    "TRIM": lambda text: text_of(text).strip(),
    "TRUE": lambda: True,
    "UPPER": lambda text: text_of(text).upper(),
    "VALUE": _value,
}

FUNCTIONS: dict[str, Function] = {
    **{name: _eager(function) for name, function in _EAGER.items()},
    "AND": lambda arguments, row: all(_truths(arguments, row)),
    "OR": lambda arguments, row: any(_truths(arguments, row)),
    "XOR": lambda arguments, row: sum(_truths(arguments, row)) % 2 == 1,
    "NOT": lambda arguments, row: not truth_of(arguments[0](row)),
    "IF": _if,
    "IFERROR": _if_error,
    "ISERROR": _is_error,
    "SWITCH": _switch,
    "RECORD_ID": lambda arguments, row: row.record_id,
    **DATE_FUNCTIONS,
}
