"""Places, countries and company names as they are shown."""

from __future__ import annotations

import phonenumbers
import pytest

from leads_dagster.leads.companies import tidy_company
from leads_dagster.leads.locations import country_code, country_name, join_location, tidy_location


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DE", "DE"), ("de", "DE"), ("Germany", "DE"), ("Deutschland", "DE"), ("Allemagne", "DE"), ("Niemcy", "DE"),
        ("USA", "US"), ("U.S.A.", "US"), ("United States of America", "US"), ("UK", "GB"), ("England", "GB"),
        ("Côte d’Ivoire", "CI"), ("日本", "JP"), ("Narnia", None), ("", None), ("Bavaria", None),
    ],
)  # fmt: skip
def test_countries_are_known_by_code_and_by_name(text: str, code: str | None) -> None:
    assert country_code(text) == code


def test_every_region_that_can_be_dialled_is_known() -> None:
    unknown = {region for region in phonenumbers.SUPPORTED_REGIONS if country_code(region) != region}
    assert unknown <= {"AC", "TA"}  # Ascension and Tristan da Cunha, which no sheet has as a country


def test_a_country_is_shown_in_english_and_anything_else_as_it_was() -> None:
    assert country_name("Deutschland") == "Germany"
    assert country_name("US") == "United States"
    assert country_name("Scotland") == "Scotland"
    assert country_name("Narnia") == "Narnia"


@pytest.mark.parametrize(
    ("parts", "location"),
    [
        (("New Orleans", "LA", ""), "New Orleans, LA"),
        (("Berlin", "Berlin", "DE"), "Berlin, Germany"),
        (("", "", "Deutschland"), "Germany"),
        (("Paris", "", "France"), "Paris, France"),
        (("", "", ""), ""),
    ],
)
def test_a_place_is_joined_from_what_is_there(parts: tuple[str, str, str], location: str) -> None:
    assert join_location(*parts) == location


def test_a_place_in_one_cell_has_single_commas() -> None:
    assert tidy_location("Berlin ,, Germany,") == "Berlin, Germany"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ('"Acme"', "Acme"),
        ("Acme,", "Acme"),
        ("Benton, John B Jr", "Benton, John B Jr"),
        ("Acme Inc.", "Acme Inc."),
        ("Yahoo!", "Yahoo!"),
        ('"A" and "B"', '"A" and "B"'),
        (",", ","),
    ],
)
def test_a_company_keeps_its_legal_form_and_loses_what_is_around_it(cell: str, shown: str) -> None:
    assert tidy_company(cell) == shown
