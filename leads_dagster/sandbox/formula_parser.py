"""Reads formula text into a function of a row. Grammar only: what a function does is in `formula_functions`.

From loosest to tightest: comparison, `&`, `+ -`, `* /`, unary minus. Field names stand in braces, or bare when they
are one word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from leads_dagster.sandbox.formula_values import (
    FormulaSyntaxError,
    FormulaValueError,
    compare,
    equal,
    number_of,
    text_of,
)

INVALID = "Invalid formula. Please check your formula text."
MAX_DEPTH = 100


class Row(Protocol):
    """What a formula may ask of the record it is worked out for."""

    record_id: str

    def value(self, field: Any) -> Any: ...

    def created_time(self) -> Any: ...

    def modified_time(self, fields: list[Any]) -> Any: ...

    def now(self) -> Any: ...


Compiled = Callable[[Row], Any]
Lookup = Callable[[str], Any]
Function = Callable[[list[Compiled], Row], Any]

_TOKENS = re.compile(
    r"""\s*(?:
      (?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)
    | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\u201c[^\u201d]*\u201d)
    | \{(?P<field>(?:\\.|[^}\\])*)\}
    | (?P<operator><=|>=|!=|<>|[-+*/&=<>(),])
    | (?P<word>[^\W\d][\w.]*)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": equal,
    "!=": lambda left, right: not equal(left, right),
    "<>": lambda left, right: not equal(left, right),
    "<": lambda left, right: compare(left, right) < 0,
    ">": lambda left, right: compare(left, right) > 0,
    "<=": lambda left, right: compare(left, right) <= 0,
    ">=": lambda left, right: compare(left, right) >= 0,
}


def _divide(left: Any, right: Any) -> float:
    below = number_of(right)
    if below == 0:
        raise FormulaValueError("division by zero")
    return number_of(left) / below


_BINARY: tuple[dict[str, Callable[[Any, Any], Any]], ...] = (
    dict(_COMPARISONS),
    {"&": lambda left, right: text_of(left) + text_of(right)},
    {
        "+": lambda left, right: number_of(left) + number_of(right),
        "-": lambda left, right: number_of(left) - number_of(right),
    },
    {"*": lambda left, right: number_of(left) * number_of(right), "/": _divide},
)


def tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKENS.match(text, at)
        if match is None or match.lastgroup is None:
            raise FormulaSyntaxError(INVALID)
        found.append((match.lastgroup, match.group(match.lastgroup)))
        at = match.end()
    return found


def unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text, flags=re.DOTALL)


def compile_formula(text: str, *, lookup: Lookup, functions: dict[str, Function]) -> Compiled:
    """A function of a row. `lookup` gives the field of a name or None. Raises FormulaSyntaxError."""
    parser = _Parser(tokens(text), lookup, functions)
    compiled = parser.expression(0)
    if parser.at < len(parser.tokens):
        raise FormulaSyntaxError(INVALID)
    if parser.unknown_functions:
        raise FormulaSyntaxError("Unknown function names: " + ", ".join(parser.unknown_functions).lower())
    if parser.unknown_fields:
        raise FormulaSyntaxError("Unknown field names: " + ", ".join(parser.unknown_fields).lower())
    return compiled


class _Parser:
    def __init__(self, found: list[tuple[str, str]], lookup: Lookup, functions: dict[str, Function]) -> None:
        self.tokens = found
        self.at = 0
        self.depth = 0
        self.lookup = lookup
        self.functions = functions
        self.unknown_fields: list[str] = []
        self.unknown_functions: list[str] = []

    def take(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise FormulaSyntaxError(INVALID)
        self.at += 1
        return self.tokens[self.at - 1]

    def next_operator(self) -> str | None:
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        return text if kind == "operator" else None

    def expect(self, operator: str) -> None:
        if self.take() != ("operator", operator):
            raise FormulaSyntaxError(INVALID)

    def expression(self, level: int) -> Compiled:
        if level == len(_BINARY):
            return self.unary()
        left = self.expression(level + 1)
        while (operator := self.next_operator()) in _BINARY[level]:
            self.at += 1
            left = _binary(_BINARY[level][str(operator)], left, self.expression(level + 1))
        return left

    def unary(self) -> Compiled:
        sign = self.next_operator()
        if sign not in ("-", "+"):
            return self.atom()
        self.at += 1
        inner = self.unary()
        return inner if sign == "+" else lambda row: -number_of(inner(row))

    def atom(self) -> Compiled:
        kind, text = self.take()
        if kind == "number":
            return _constant(float(text))
        if kind == "string":
            return _constant(unescape(text[1:-1]))
        if kind == "field":
            return self.reference(unescape(text))
        if kind == "word":
            return self.call(text) if self.next_operator() == "(" else self.reference(text)
        if text == "(":
            return self.group()
        raise FormulaSyntaxError(INVALID)

    def group(self) -> Compiled:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FormulaSyntaxError(INVALID)
        inner = self.expression(0)
        self.expect(")")
        self.depth -= 1
        return inner

    def reference(self, name: str) -> Compiled:
        field = self.lookup(name)
        if field is None:
            self.unknown_fields.append(name)
            return _constant(None)

        def read(row: Row) -> Any:
            return row.value(field)

        read.field = field  # type: ignore[attr-defined]  # LAST_MODIFIED_TIME({A}) wants the field, not its value
        return read

    def call(self, name: str) -> Compiled:
        self.expect("(")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FormulaSyntaxError(INVALID)
        arguments = self.arguments()
        self.depth -= 1
        function = self.functions.get(name.upper())
        if function is None:
            self.unknown_functions.append(name)
            return _constant(None)
        return lambda row: function(arguments, row)

    def arguments(self) -> list[Compiled]:
        found: list[Compiled] = []
        if self.next_operator() == ")":
            self.at += 1
            return found
        while True:
            found.append(self.expression(0))
            if self.next_operator() == ")":
                self.at += 1
                return found
            self.expect(",")


def _constant(value: Any) -> Compiled:
    return lambda row: value


def _binary(operation: Callable[[Any, Any], Any], left: Compiled, right: Compiled) -> Compiled:
    return lambda row: operation(left(row), right(row))
