"""Dates and times of one cell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.dates import DateOrder, parse_date


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2026-02-15", "2026-02-15"),
        ("2026/2/5", "2026-02-05"),
        ("2026.02.15", "2026-02-15"),
        ("20260215", "2026-02-15"),
        ("15 Feb 2026", "2026-02-15"),
        ("15-Feb-2026", "2026-02-15"),
        ("February 15th, 2026", "2026-02-15"),
        ("Sunday, 15 February 2026", "2026-02-15"),
        ("15. Februar 2026", "2026-02-15"),
        ("1er mars 2026", "2026-03-01"),
        ("15 de febrero de 2026", "2026-02-15"),
        ("15 febbraio 2026", "2026-02-15"),
        ("15 de março de 2026", "2026-03-15"),
        ("15 maart 2026", "2026-03-15"),
        ("15 lutego 2026 r.", "2026-02-15"),
        ("15/02/2026", "2026-02-15"),
        ("02/15/2026", "2026-02-15"),
        ("15.02.2026", "2026-02-15"),
        ("05/05/2026", "2026-05-05"),
        ("2026-02-15T10:30:00Z", "2026-02-15T10:30:00+00:00"),
        ("2026-02-15 10:30", "2026-02-15T10:30:00+00:00"),
        ("2026-02-15T10:30:00.123+02:00", "2026-02-15T08:30:00.123000+00:00"),
        ("Feb 15, 2026 10:30 PM", "2026-02-15T22:30:00+00:00"),
        ("15.02.2026, 12:05 am", "2026-02-15T00:05:00+00:00"),
        ("1771142400", "2026-02-15T08:00:00+00:00"),
        ("1771142400000", "2026-02-15T08:00:00+00:00"),
    ],
)
def test_a_clear_date_comes_in_iso_8601(cell: str, value: str) -> None:
    assert parse_date(cell).value == value


@pytest.mark.parametrize("cell", ["03/04/2026", "3-4-2026", "03.04.2026", "03/04/26", "15/02/26"])
def test_a_date_of_two_days_is_ambiguous_and_never_guessed(cell: str) -> None:
    found = parse_date(cell)
    assert (found.value, found.ambiguous) == ("", True)
    assert "date_order" in found.suggestion


@pytest.mark.parametrize(("order", "value"), [("dmy", "2026-04-03"), ("mdy", "2026-03-04")])
@pytest.mark.parametrize("cell", ["03/04/2026", "3.4.2026", "03-04-26"])
def test_the_customers_date_order_decides(cell: str, order: DateOrder, value: str) -> None:
    assert parse_date(cell, order).value == value


@pytest.mark.parametrize(
    "cell",
    ["foo", "", "31/02/2026", "2026-02-30", "13/13/2026", "Feb 2026", "2026", "15 Feb", "2026-02-15T25:00", "x" * 500],
)
def test_what_is_no_date_is_neither_clear_nor_ambiguous(cell: str) -> None:
    found = parse_date(cell)
    assert (found.value, found.ambiguous) == ("", False)


def test_a_spreadsheets_day_number_is_refused_with_the_day_it_may_mean() -> None:
    found = parse_date("46068")
    assert found.value == ""
    assert "2026-02-15" in found.suggestion


@given(st.dates())
def test_an_iso_day_is_a_fixed_point(day: object) -> None:
    assert parse_date(str(day)).value == str(day)


@given(st.text(max_size=60), st.sampled_from([None, "dmy", "mdy"]))
def test_no_text_breaks_the_reader(text: str, order: DateOrder | None) -> None:
    found = parse_date(text, order)
    assert not (found.value and found.ambiguous)
