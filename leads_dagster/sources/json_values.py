"""JSON texts as values, with nothing lost on the way.

What belongs here: the decoder and what it makes of numbers, doubled names and odd characters. Which of the values are
records is `json_shapes`; files are `json_files`.

Numbers become the text they were written as: a phone, a postal code or an id is never a float, and one of 25 digits
keeps all of them. Of a number such as 4915112345678.0, which is how tables with gaps write whole numbers, the whole
number is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

_SURROGATES = re.compile("[\ud800-\udfff]")
_SPACE = re.compile(r"[\s\ufeff\x1e]*")  # \x1e: RFC 7464 puts one before every value
_MOST_DIGITS = 40
_TOO_DEEP = "it is nested too deeply to be read"


class JsonError(ValueError):
    """A text that is no JSON: what is wrong, and at which character (0-based) of the text."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.message, self.at = message, at


def next_value(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at `at`, and where it ends. Values: dict, list, str, bool, None.

    Raises:
        JsonError: there is no whole value.
    """
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise JsonError(error.msg, error.pos) from None
    except RecursionError:
        raise JsonError(_TOO_DEEP, at) from None


def skip_space(text: str, at: int) -> int:
    """The first place from `at` on that is no white space; the end of the text where there is none."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def plain(text: str) -> str:
    """A text that every database takes: without NUL, halves of characters replaced."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a name that comes twice with another value gets a number, so that neither value is lost."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        key, number = plain(name), 2
        while key in found and found[key] != value:
            key, number = f"{plain(name)} {number}", number + 1
        found[key] = value
    return found


def _number(text: str) -> str:
    """A number with a point or an exponent: as a whole number where it is one, else as written."""
    if len(text) > _MOST_DIGITS:
        return text
    value = Decimal(text)
    if not -_MOST_DIGITS <= value.adjusted() <= _MOST_DIGITS or value != value.to_integral_value():
        return text
    return format(value.to_integral_value(), "f")


def _constant(name: str) -> str | None:
    """NaN is how tables write a gap; the infinities are kept as words."""
    return None if name == "NaN" else name


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=str, parse_float=_number, parse_constant=_constant, strict=False
)
