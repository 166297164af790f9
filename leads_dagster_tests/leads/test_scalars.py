"""Numbers and yes-or-no cells."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.scalars import parse_bool, parse_number


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("0.85", "0.85"), ("0,85", "0.85"), ("85%", "0.85"), ("12,5 %", "0.125"), (".5", "0.5"), ("85", "85"),
        ("0.850", "0.85"), ("-5", "-5"), ("+3", "3"), ("0", "0"), ("1.234", "1.234"), ("1.234,5", "1234.5"),
        ("1,234.5", "1234.5"), ("1 234,5", "1234.5"), ("1'234", "1234"), ("1.234.567", "1234567"), ("0,850", "0.85"),
    ],
)  # fmt: skip
def test_a_number_comes_as_a_plain_decimal(cell: str, number: str) -> None:
    assert parse_number(cell) == number


@pytest.mark.parametrize(
    "cell", ["1,234", "high", "", "%", "1e3", "nan", "inf", "8/10", "1.2.3", "12,34,56", "٣", "9" * 50]
)
def test_what_is_no_clear_number_is_none(cell: str) -> None:
    assert parse_number(cell) is None


@given(st.decimals(min_value=0, max_value=1000, places=2))
def test_a_plain_decimal_keeps_its_value(value: Decimal) -> None:
    assert Decimal(parse_number(str(value)) or "NaN") == value


@given(st.text(max_size=50))
def test_no_text_breaks_a_number(text: str) -> None:
    number = parse_number(text)
    assert number is None or Decimal(number).is_finite()


@pytest.mark.parametrize("cell", ["Yes", "TRUE", "y", "1", "x", "✓", "Ja", "oui", "sí", "sì", "sim", "tak", "waar"])
def test_yes_in_several_languages_is_true(cell: str) -> None:
    assert parse_bool(cell) == "true"


@pytest.mark.parametrize("cell", ["No", "FALSE", "0", "Nein", "non", "não", "nee", "nie", "falso"])
def test_no_in_several_languages_is_false(cell: str) -> None:
    assert parse_bool(cell) == "false"


def test_anything_else_is_neither() -> None:
    assert parse_bool("maybe") is None
