"""Phone cells: the numbers in them, in E.164, with their extensions.

What belongs here: finding numbers in a cell and writing them in one form. `phone_plans` answers the plain shapes;
phonenumbers, the rest. A number is taken when its length is possible in its country (`is_possible_number`), not only
when its range is assigned: directories lag behind, and sample data uses unassigned ranges on purpose. A number without
its area code is possible only locally, has no E.164, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import phonenumbers

from leads_dagster.leads.folding import fold_text
from leads_dagster.leads.phone_plans import plan_of
from leads_dagster.leads.rule_tables import load_table

_SPLITS = re.compile(r"\s*(?:[;|\n]|,(?!,)|\s/\s|\s(?:or|oder|ou|o|and|und|et|y|e|&)\s)\s*", re.I)
_BARE_SLASH = re.compile(r"\s*/\s*")
_FLOAT = re.compile(r"(\d+)\.0")
_LABEL_BEFORE = re.compile(r"^[^\W\d_][^\d+(]{0,30}?[:.)]?\s*(?=[\d+(])")
_LABEL_AFTER = re.compile(r"\s*[(\[]?\s*([^\W\d_][^\d]{0,30}?)\s*[)\]]?$")
# phonenumbers dials letters as on a keypad. Words are dialled only where that is meant: 1-800-FLOWERS.
_WORDS = re.compile(r"(?:.*?[A-Za-z]){3}")
_EXTENSION = re.compile(r"\s*(?:;?\s*ext(?:ensi[oó]n)?|anexo|int)\s*[.:=]?\s*\d{1,15}$", re.I)
_VANITY = re.compile(r"(?:\+?1[ .-]?)?\(?8(?:00|33|44|55|66|77|88)\)?[ .-]?[A-Z0-9 .-]{7,14}")
# "(0038) 65…" is no call to Slovenia (+386): what stands in brackets is a country code whole or not at all.
_BRACKETED_CODE = re.compile(r"\(00([1-9]\d*)\)")
_LONGEST_CELL = 250  # phonenumbers' own limit
# No area code there begins with 0: "01 23 45 67 89" has the right length, and is another country's number.
_NORTH_AMERICA = 1
_FEWEST_DIGITS = 5


class Phone(NamedTuple):
    """A number in E.164 and its extension ("" for none)."""

    e164: str
    extension: str = ""


class PhoneCell(NamedTuple):
    """What a cell holds: its numbers in order, and whether they are all that it says."""

    numbers: tuple[Phone, ...]
    complete: bool


def parse_phones(cell: str, region: str) -> PhoneCell:
    """Every number of a cell.

    Args:
        cell: a cleaned cell.
        region: ISO 3166 code of the country whose way of dialling is assumed.
    """
    plan = plan_of(region)
    plain = plan.e164(cell) if plan else None
    if plain is not None:
        return PhoneCell((Phone(*plain),), True)
    return _parse_cached(cell, region) if len(cell) <= _LONGEST_CELL else PhoneCell((), False)


def has_digits(cell: str) -> bool:
    """Whether a cell that is no number could still be dialled by a person: it holds a local number at least."""
    return sum(character.isdigit() for character in cell) >= _FEWEST_DIGITS


@lru_cache(maxsize=1 << 14)
def _parse_cached(cell: str, region: str) -> PhoneCell:
    """The parts if each is a number, else the whole cell if it is one, else whatever numbers are among the parts."""
    parts = [part for part in _SPLITS.split(cell) if part]
    numbers = _numbers(parts, region)
    if numbers and len(numbers) == len(parts):
        return _cell(numbers, complete=True)
    whole = _numbers([cell], region)
    if whole:
        return _cell(whole, complete=True)
    slashed = [part for part in _BARE_SLASH.split(cell) if part]
    if 1 < len(slashed) == len(both := _numbers(slashed, region)):
        return _cell(both, complete=True)
    return _cell(numbers, complete=False)


def _numbers(parts: Iterable[str], region: str) -> list[Phone]:
    return [number for part in parts if (number := _number(part, region))]


def _number(text: str, region: str) -> Phone | None:
    plan = plan_of(region)
    plain = plan.e164(_bare(text)) if plan else None
    return Phone(*plain) if plain else library_phone(text, region)


def _cell(numbers: list[Phone], *, complete: bool) -> PhoneCell:
    return PhoneCell(tuple(dict.fromkeys(numbers)), complete)


def library_phone(text: str, region: str) -> Phone | None:
    """One number by phonenumbers' rules; None where it is not possible."""
    bare = _bare(text)
    if _WORDS.search(_EXTENSION.sub("", bare)) and not _VANITY.fullmatch(bare):
        return None
    bracketed = _BRACKETED_CODE.match(bare)
    if bracketed and int(bracketed[1]) not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        return None
    number = _possible(bare, region)
    if number is None and bare.startswith("00"):
        number = _possible(f"+{bare[2:].lstrip(' -.')}", region)
    return number


def _possible(text: str, region: str) -> Phone | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    if number.country_code == _NORTH_AMERICA and number.italian_leading_zero:
        return None
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), number.extension or "")


def _bare(text: str) -> str:
    """The number without labels ("Mobile: …", "… (work)"), a text mark, or the ".0" of a spreadsheet's float."""
    text = text.strip().strip("'\"`")
    float_ = _FLOAT.fullmatch(text)
    if float_:
        return float_[1]
    before = _LABEL_BEFORE.match(text)
    if before and _is_label(before[0]):
        text = text[before.end() :]
    after = _LABEL_AFTER.search(text)
    return text[: after.start()] if after and _is_label(after[1]) else text


def _is_label(text: str) -> bool:
    return fold_text(text) in _labels()


@lru_cache(maxsize=1)
def _labels() -> frozenset[str]:
    return frozenset(fold_text(label) for label in load_table("phones")["labels"])
