"""Phone cells."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.phone_plans import plan_of
from leads_dagster.leads.phones import Phone, PhoneCell, has_digits, library_phone, parse_phones
from leads_dagster_tests.leads import corpus

REGIONS = tuple(sorted(phonenumbers.SUPPORTED_REGIONS))
# Shared country codes, trunk prefixes, kept zeros, carrier codes: where reading by region differs most.
TRYING_REGIONS = (
    "US",
    "CA",
    "DO",
    "DE",
    "GB",
    "JE",
    "FR",
    "IT",
    "VA",
    "BR",
    "MX",
    "AR",
    "IN",
    "RU",
    "KZ",
    "AU",
    "NO",
    "FI",
)


@pytest.mark.parametrize(
    ("cell", "region", "e164"),
    [
        ("504-621-8927", "US", "+15046218927"),
        ("(504) 621-8927", "US", "+15046218927"),
        ("+1 504.621.8927", "DE", "+15046218927"),
        ("15046218927", "US", "+15046218927"),
        ("394-387-5749", "US", "+13943875749"),
        ("(0777) 86988741", "DE", "+4977786988741"),
        ("+49 30 1234", "US", "+49301234"),
        ("+49 (0)30 1234567", "US", "+49301234567"),
        ("030/1234567", "DE", "+49301234567"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("+39 06 1234567", "US", "+39061234567"),
        ("0033 1 42 68 53 00", "DE", "+33142685300"),
        ("(0049) 30 1234567", "FR", "+49301234567"),
        ("001-482-296-5724", "US", "+14822965724"),
        ("tel:+1-504-621-8927", "US", "+15046218927"),
        ("Mobile: 504-621-8927", "US", "+15046218927"),
        ("504-621-8927 (work)", "US", "+15046218927"),
        ("'+15046218927", "US", "+15046218927"),
        ("=+15046218927", "US", "+15046218927"),
        ("5046218927.0", "US", "+15046218927"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("４１５-９０１-７０００", "US", "+14159017000"),
    ],
)
def test_a_number_comes_in_e164(cell: str, region: str, e164: str) -> None:
    assert parse_phones(cell, region) == ((Phone(e164),), True)


@pytest.mark.parametrize(
    ("cell", "extension"),
    [
        ("468.342.6846x563", "563"),
        ("+1-851-316-3726x5167", "5167"),
        ("936-267-6402x067", "067"),
        ("504-621-8927 ext. 12", "12"),
        ("504-621-8927 extension 5", "5"),
        ("tel:+1-504-621-8927;ext=12", "12"),
    ],
)
def test_extensions_are_kept_apart(cell: str, extension: str) -> None:
    found = parse_phones(cell, "US")
    assert [number.extension for number in found.numbers] == [extension]


@pytest.mark.parametrize(
    "cell",
    [
        "504-621-8927; 504-845-1427",
        "504-621-8927, 504-845-1427",
        "504-621-8927 / 504-845-1427",
        "504-621-8927/504-845-1427",
        "504-621-8927 or 504-845-1427",
        "504-621-8927\n504-845-1427",
        "Home 504-621-8927 | Work 504-845-1427",
    ],
)
def test_every_number_of_a_cell_is_found(cell: str) -> None:
    assert parse_phones(cell, "US") == ((Phone("+15046218927"), Phone("+15048451427")), True)


@pytest.mark.parametrize(
    "cell", ["abc", "621-8927", "4.15E+09", "504 Sunrise", "123 Main Street", "", "(0038) 65427523", "9" * 300]
)
def test_what_is_no_number_is_none(cell: str) -> None:
    assert parse_phones(cell, "US") == ((), False)


def test_a_cell_that_says_more_than_its_numbers_is_not_complete() -> None:
    assert parse_phones("504-621-8927; ask Bob", "US") == ((Phone("+15046218927"),), False)


@pytest.mark.parametrize("cell", ["01 23 45 67 89", "0221 987654", "+1 030 123 4567"])
def test_another_countrys_number_is_not_taken_for_a_north_american_one(cell: str) -> None:
    assert parse_phones(cell, "US") == PhoneCell((), False)


def test_a_local_number_can_still_be_dialled_by_a_person() -> None:
    assert has_digits("621-8927")
    assert not has_digits("ext. 12")


def test_plain_numbers_come_out_as_phonenumbers_gives_them() -> None:
    values = set(corpus.phones(120_000, TRYING_REGIONS)) | set(corpus.phones(120_000, REGIONS))
    answers = [(cell, region, answer) for cell, region in values if (answer := plan_of(region).e164(cell))]  # type: ignore[union-attr]
    assert len(values) > 200_000
    assert len(answers) > 30_000
    for cell, region, answer in answers:
        assert library_phone(cell, region) == answer, (cell, region)


@given(st.from_regex(r"\+?[0-9 ().-]{5,20}( ?x ?[0-9]{1,7})?", fullmatch=True), st.sampled_from(REGIONS))
def test_the_fast_path_agrees_on_any_plain_number(cell: str, region: str) -> None:
    plan = plan_of(region)
    assert plan is not None
    answer = plan.e164(cell)
    assert answer is None or answer == library_phone(cell, region)


def test_a_region_that_does_not_exist_reads_only_international_numbers() -> None:
    assert parse_phones("+1 504 621 8927", "ZZ") == ((Phone("+15046218927"),), True)
    assert parse_phones("504 621 8927", "ZZ") == ((), False)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = parse_phones(text, "US")
    assert all(number.e164.startswith("+") for number in found.numbers)
