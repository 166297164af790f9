"""A lead's value goes into a cell of each type and comes back as it was, or is refused with the reason."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pytest

from leads_dagster.mirrors.airtable_values import (
    COMPUTED_TYPES,
    WRITABLE_TYPES,
    AirtableColumn,
    is_new_option,
    same_cell,
    to_cell,
    to_lead_value,
)


def column(kind: str, *choices: str) -> AirtableColumn:
    return AirtableColumn("fldA", "Field", kind, frozenset(choices) if choices else None)


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("singleLineText", "=SUM(A1)", "=SUM(A1)"),
        ("singleLineText", True, "true"),
        ("singleLineText", 0.85, "0.85"),
        ("multilineText", "a\nb", "a\nb"),
        ("phoneNumber", "+14155550100", "+14155550100"),
        ("number", 0.85, 0.85),
        ("number", "3.0", 3),
        ("percent", "0.85", 0.85),
        ("checkbox", True, True),
        ("checkbox", "true", True),
        ("checkbox", False, False),
        ("date", "2026-11-01T23:30:00-05:00", "2026-11-02"),
        ("date", date(2026, 11, 1), "2026-11-01"),
        ("dateTime", "2026-11-01T12:00:00Z", "2026-11-01T12:00:00.000Z"),
        ("dateTime", datetime(2026, 11, 1, 12, tzinfo=timezone.utc), "2026-11-01T12:00:00.000Z"),
    ],
)
def test_a_value_goes_into_a_cell_of_the_type(kind: str, value: Any, cell: Any) -> None:
    assert to_cell(column(kind), value) == cell


@pytest.mark.parametrize("kind", sorted(WRITABLE_TYPES))
@pytest.mark.parametrize("blank", [None, ""])
def test_blank_empties_a_cell_of_any_type(kind: str, blank: Any) -> None:
    assert to_cell(column(kind, "open"), blank) is None


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("number", "abc", "takes numbers"),
        ("number", "nan", "takes numbers"),
        ("number", True, "takes numbers"),
        ("checkbox", "maybe", "neither true nor false"),
        ("date", "03/04/2026", "takes dates"),
        ("dateTime", "yesterday", "takes dates"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_reason(kind: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        to_cell(column(kind), value)


def test_an_option_that_is_missing_is_refused_unless_it_may_be_made() -> None:
    select = column("singleSelect", "open")

    assert to_cell(select, "open") == "open"
    assert is_new_option(select, "called")
    assert to_cell(select, "called", create_options=True) == "called"
    with pytest.raises(ValueError, match='no option "called"'):
        to_cell(select, "called")


@pytest.mark.parametrize(
    ("kind", "left", "right", "same"),
    [
        ("checkbox", False, None, True),
        ("singleLineText", "", None, True),
        ("singleLineText", "a", "A", False),
        ("richText", "a", "a\n", True),
        ("richText", None, "\n", True),
        ("number", 0.85, 0.85000000000001, True),
        ("number", 0, None, False),
        ("singleSelect", "open", {"id": "selA", "name": "open", "color": "blueLight2"}, True),
    ],
)
def test_what_airtable_shows_alike_is_the_same(kind: str, left: Any, right: Any, same: bool) -> None:
    assert same_cell(column(kind), left, right) is same
    assert same_cell(column(kind), right, left) is same


@pytest.mark.parametrize(
    ("field", "kind", "cell", "value"),
    [
        ("full_name", "singleLineText", "Ada", "Ada"),
        ("full_name", "singleLineText", None, None),
        ("confidence", "number", 1, 1.0),
        ("confidence", "singleLineText", "0.85", 0.85),
        ("confidence", "singleLineText", "high", "high"),
        ("verified", "checkbox", True, True),
        ("verified", "checkbox", None, None),
        ("verified", "singleLineText", "False", False),
        ("status", "singleSelect", {"id": "selA", "name": "open"}, "open"),
        ("company_size", "number", 50, "50"),
    ],
)
def test_a_cell_comes_back_as_the_leads_field_says(field: str, kind: str, cell: Any, value: Any) -> None:
    assert to_lead_value(field, column(kind), cell) == value


def test_no_type_is_both_computed_and_written() -> None:
    assert not COMPUTED_TYPES & WRITABLE_TYPES
