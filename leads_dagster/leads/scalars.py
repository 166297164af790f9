"""Numbers and yes-or-no cells, as plain text.

What belongs here: confidence scores and flags. Ids, zip codes and phones are text and never come here.
"""

from __future__ import annotations

import re
from decimal import Decimal

from leads_dagster.leads.rule_tables import folded_set

_NUMBER = re.compile(r"([+-]?)(\d[\d.,'’ ]*|[.,]\d+)\s*(%?)")
_PLAIN_DIGITS = re.compile(r"\d*\.?\d*")
_THOUSANDS = re.compile(r"\d{1,3}(?:([.,'’ ])\d{3})(?:\1\d{3})*")
_LONGEST = 40


def parse_number(text: str) -> str | None:
    """A plain decimal ("85%" -> "0.85", "0,85" -> "0.85", "1.234,5" -> "1234.5"); None where it is no clear number.

    "1,234" is none: a thousand here, one and a bit there.
    """
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    digits = _digits(found[2].strip()) if found else None
    if found is None or digits is None:
        return None
    value = Decimal(found[1] + digits)
    return _plain(value / 100 if found[3] else value)


def parse_bool(text: str) -> str | None:
    """ "true" or "false"; None for a word that is neither in any of the languages."""
    folded = text.lower()
    if folded in _TRUE:
        return "true"
    return "false" if folded in _FALSE else None


def _digits(text: str) -> str | None:
    """Digits with at most one point, from any way to group them; None where comma or point could be either."""
    signs = [character for character in text if not character.isdecimal()]
    if not text.isascii() and "’" not in text:
        return None
    if not signs:
        return text
    mark = signs[-1]
    whole, _, fraction = text.rpartition(mark)
    if signs.count(mark) > 1 or mark in "'’ ":
        return re.sub(r"\D", "", text) if _THOUSANDS.fullmatch(text) else None
    if len(signs) == 1:
        # One mark before three digits may group thousands, unless what is before it could not be a group.
        doubtful = mark == "," and len(fraction) == 3 and 0 < len(whole) <= 3 and whole != "0"
        return None if doubtful else _joined(whole, fraction)
    return _joined(re.sub(r"\D", "", whole), fraction) if _THOUSANDS.fullmatch(whole) else None


def _joined(whole: str, fraction: str) -> str | None:
    text = f"{whole or '0'}.{fraction or '0'}"
    return text if _PLAIN_DIGITS.fullmatch(text) else None


def _plain(value: Decimal) -> str:
    text = f"{value.normalize():f}"
    return "0" if text == "-0" else text


_TRUE = folded_set("booleans", "true")
_FALSE = folded_set("booleans", "false")
