"""Whole postal addresses: which columns are one, and what matching makes of them."""

from __future__ import annotations

import pytest

from leads_dagster.leads.headers import map_headers
from leads_dagster.leads.matching import (
    MatchRecord,
    blocking_keys,
    cluster,
    compare_pairs,
    match_all,
    match_new,
    match_record,
)
from leads_dagster.leads.normalization import Normalizer, normalize_fields


def _addresses(header: str, row: str) -> tuple[str, ...]:
    return Normalizer(map_headers(header.split(","))).row(row.split(",")).addresses


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("Company,Street,City,Zip", "Acme,1 Main St,Springfield,97475", ["1 Main St\n97475\nSpringfield"]),
        ("Company,Street,City,Zip", "Acme,1  Main St ,,97475", ["1 Main St\n97475\n"]),
        ("Company,Street,City,Zip", "Acme,1 Main St,Springfield,n/a", ["1 Main St\n\nSpringfield"]),
        ("Firma,Strasse,PLZ,Ort", "Acme GmbH,Hauptstr. 5,80331,München", ["Hauptstr. 5\n80331\nMünchen"]),
        ("Company,Shipping Street,City", "Acme,1 Main St,Springfield", ["1 Main St\n\nSpringfield"]),
        (
            "Company,Billing Street,Billing City,Shipping Street,Shipping City",
            "Acme,1 Main St,Springfield,2 Oak Ave,Shelbyville",
            ["1 Main St\n\nSpringfield", "2 Oak Ave\n\nShelbyville"],
        ),
        (
            "Company,Billing Street,Billing City,Shipping Street,Shipping City",
            "Acme,,Springfield,2 Oak Ave,Shelbyville",
            ["2 Oak Ave\n\nShelbyville"],
        ),
    ],
)
def test_street_and_city_or_postal_code_of_one_address_are_an_address(
    header: str, row: str, expected: list[str]
) -> None:
    assert list(_addresses(header, row)) == expected


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Company,City,Zip,Country", "Acme,Springfield,97475,US"),
        ("Company,Street,Country", "Acme,1 Main St,US"),
        ("Company,Street,City", "Acme,1 Main St,"),
        ("Company,Street,City", "Acme,n/a,Springfield"),
        ("Company,Street,City", "Acme,????,Springfield"),
        ("Company,Street,City", ",1 Main St,Springfield"),
        ("Company,Billing Street,Billing City,Shipping Street,Shipping City", "Acme,1 Main St,,,Springfield"),
        ("Company,Shipping Street,Shipping City,City", "Acme,1 Main St,,Springfield"),
    ],
)
def test_anything_less_is_none(header: str, row: str) -> None:
    assert _addresses(header, row) == ()


def test_a_persons_row_has_no_address_of_a_company() -> None:
    assert _addresses("Name,Company,Street,City", "Jane Doe,Acme,1 Main St,Springfield") == ()


def test_the_cells_of_an_address_are_kept_as_they_were() -> None:
    row = normalize_fields({"company": "Acme", "street": " 1 Main St", "postal_code": "01234", "city": "Springfield"})
    assert row.extra == {"street": " 1 Main St", "postal_code": "01234"}
    assert row.fields["location"] == "Springfield"


def _by_key(record: MatchRecord) -> dict[str, list[MatchRecord]]:
    return {key: [record] for key in blocking_keys(record)}


def _outcome(one: dict[str, str], other: dict[str, str]) -> str:
    """What two rows of one company are to each other, whichever comes first; a row is named by its cells."""
    rows = [normalize_fields({"company": "Acme Widgets", "website": "acme.com"} | cells) for cells in (one, other)]
    for first, second in (rows, rows[::-1]):
        records = [match_record(1, first), match_record(2, second)]
        edges = match_all(records)
        pair = compare_pairs([(records[0], records[1])])
        assert [edge.outcome for edge in pair] == [edge.outcome for edge in edges]
        assert match_new(records[1:], _by_key(records[0])) == edges
        joined = [found.members for found in cluster(records, edges) if len(found.members) > 1]
        assert bool(joined) == bool(edges and edges[0].outcome == "match")
    return edges[0].outcome if edges else "nothing"


_MAIN = {"street": "1 Main Street", "postal_code": "97475", "city": "Springfield"}


@pytest.mark.parametrize(
    "other",
    [
        _MAIN,
        {"street": "1 MAIN ST.", "postal_code": "97475-1234", "city": "Springfield"},
        {"street": "1 Main St", "postal_code": "97475"},
        {"street": "1 Main St", "city": "Springfield"},
        {"city": "Springfield"},
    ],
)
def test_one_company_at_one_address_is_one_lead(other: dict[str, str]) -> None:
    assert _outcome(_MAIN, other) == "match"


@pytest.mark.parametrize(
    "other",
    [
        {"street": "2 Main Street", "postal_code": "97475", "city": "Springfield"},
        {"street": "1 Oak Avenue", "postal_code": "97475", "city": "Springfield"},
        {"street": "1 Main Street", "postal_code": "62701", "city": "Springfield"},
        {"street": "1 Main Street", "city": "Shelbyville"},
        {"street": "1 Main Street Suite 4", "postal_code": "97475", "city": "Springfield"},
    ],
)
def test_one_company_at_two_addresses_is_a_case_for_a_person(other: dict[str, str]) -> None:
    assert _outcome(_MAIN, other) == "review"


def test_under_one_telephone_a_street_may_be_written_in_two_ways() -> None:
    phone = {"phone": "504-621-8927"}
    assert _outcome(_MAIN | phone, {"street": "PO Box 7", "city": "Springfield"} | phone) == "match"


def test_an_address_alone_brings_two_rows_of_a_company_together_and_keeps_two_apart() -> None:
    code = {"website": "", "postal_code": "97475"}
    assert _outcome({"street": "1 Main St"} | code, {"street": "1 Main Street"} | code) == "match"
    assert _outcome({"street": "1 Main St"} | code, {"street": "7 Oak Ave"} | code) == "nothing"


def test_companies_whose_names_were_lost_in_an_export_are_one_only_if_their_addresses_are_too() -> None:
    lost = {"company": "????", "website": "", "country": "Japan", "postal_code": "102-0085"}
    assert _outcome(lost | {"street": "6 Rokubancho"}, lost | {"street": "6 Rokubancho"}) == "match"
    assert _outcome(lost | {"street": "6 Rokubancho"}, lost | {"street": "8 Rokubancho"}) == "nothing"
