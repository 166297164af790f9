"""Birth dates, personal numbers and a household's address: what is read of them, and what they say of two rows."""

from __future__ import annotations

import pytest

from leads_dagster.leads.facts import day, number
from leads_dagster.leads.fields import NormalizedRow
from leads_dagster.leads.headers import map_headers
from leads_dagster.leads.matching import blocking_keys, content_hash
from leads_dagster.leads.normalization import Normalizer
from leads_dagster_tests.leads.matching_cases import judged, outcome, record

JOHN = {"name": "John Smith"}
BORN = {"birth_date": "19831024"}
SSN = {"national_number": "8099933"}
HOME = {"address": "6 Tullaroop Street\n4011\nSt James"}


def _read(header: str, row: str) -> NormalizedRow:
    return Normalizer(map_headers(header.split(","))).row(row.split(","))


@pytest.mark.parametrize("text", ["19831024", "1983-10-24", "24.10.1983", "24 October 1983", "10/24/1983"])
def test_a_birth_date_is_one_day_however_it_is_written(text: str) -> None:
    assert day(text) == "19831024"


@pytest.mark.parametrize("text", ["", "1900-01-01", "1970-01-01", "unknown", "1983", "46068"])
def test_what_tells_no_day_is_no_birth_date(text: str) -> None:
    assert day(text) == ""


@pytest.mark.parametrize(("text", "read"), [("078-05-1120", "78051120"), ("C01X 00T47", "c01x00t47"), ("1111111", "")])
def test_a_number_is_its_letters_and_digits(text: str, read: str) -> None:
    assert number(text) == read


@pytest.mark.parametrize("text", ["", "12", "n/a", "unknown", "12345", "000000", "9" * 41])
def test_what_tells_nobody_apart_is_no_number(text: str) -> None:
    assert number(text) == ""


def test_facts_are_read_by_their_headers_and_their_cells_are_kept_as_they_were() -> None:
    row = _read("Given Name,Surname,Date of Birth,soc_sec_id", "Jane,Doe,24.10.1983,8099-933")

    assert row.facts == ("birth_date:19831024", "national_number:8099933")
    assert row.extra == {"Date of Birth": "24.10.1983", "soc_sec_id": "8099-933"}


def test_a_tax_number_beside_a_company_is_the_companys() -> None:
    assert _read("Name,Company,Tax ID", "Jane Doe,Acme,8099933").facts == ()
    assert _read("Name,Tax ID", "Jane Doe,8099933").facts == ("tax_number:8099933",)


def test_the_number_of_the_house_belongs_to_the_street() -> None:
    row = _read("Name,street_number,address_1,Suburb,Postcode", "Jane Doe,6,Tullaroop Street,St James,4011")

    assert row.addresses == ("6 Tullaroop Street\n4011\nSt James",)
    assert row.fields["location"] == "St James"


def test_an_address_beside_a_person_and_a_company_is_not_taken_for_the_persons() -> None:
    assert _read("Name,Company,Street,City", "Jane Doe,Acme,1 Main St,Springfield").addresses == ()


def test_other_facts_are_another_content() -> None:
    assert content_hash(NormalizedRow({}, facts=("birth_date:19831024",))) != content_hash(NormalizedRow({}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({**JOHN, **BORN}, {"name": "Jon Smith", **BORN}),
        ({"name": "Smith John", **BORN, **HOME}, {**JOHN, **BORN}),
        ({"name": "Waller", **BORN, **HOME}, {"name": "Jamilla Waller", **BORN, **HOME}),
        ({**JOHN, **HOME}, {**JOHN, "address": "6 Tullarop St\n4011\n"}),
        ({**JOHN, **HOME, **BORN}, {**JOHN, **HOME, "birth_date": "19832410"}),
        ({"name": "Jane Doe", **SSN, **BORN}, {"name": "Jane Stone", **SSN, **BORN}),
    ],
)
def test_a_name_with_a_birth_date_a_number_or_an_address_is_one_person(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert outcome(one, other) == "match name_company"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({**JOHN, **BORN}, {**JOHN, "birth_date": "19500102"}),
        ({"name": "Jane Doe", **HOME}, {"name": "Peter Doe", **HOME}),
        ({"name": "Jane Doe", **HOME, **BORN}, {"name": "Peter Doe", **HOME, **BORN}),
        ({**JOHN, **HOME, **BORN}, {**JOHN, **HOME, "birth_date": "19500102"}),
    ],
)
def test_households_twins_and_namesakes_are_not_one_person(one: dict[str, str], other: dict[str, str]) -> None:
    assert not outcome(one, other).startswith("match")


def test_who_says_no_facts_gets_no_key_for_them() -> None:
    plain = record(1, name="John Smith", company="Acme", email="john@acme.com", phone="+13125550100")

    assert not [key for key in blocking_keys(plain) if key.startswith("f|")]


def test_an_explanation_says_what_facts_are_worth_and_shows_only_the_end_of_a_number() -> None:
    edge = judged({**JOHN, **BORN, **SSN}, {**JOHN, **BORN, **SSN})

    assert edge is not None
    features = edge.explanation["features"]
    assert features["birth_date"] == {"a": "19831024", "b": "19831024", "score": 1.0, "contribution": 14.0}
    assert features["national_number"]["a"] == "…933"
