"""From the cells of a row to what it says of a lead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.fields import LEAD_FIELDS, ColumnMapping, ColumnTarget, NormalizationRules, NormalizedRow
from leads_dagster.leads.normalization import Normalizer, normalize_fields

TARGETS = {
    "First Name": "first_name", "Last Name": "last_name", "Email": "email", "Email 2": "email", "Phone": "phone",
    "Mobile": "phone", "LinkedIn": "linkedin_url", "Company": "company", "Website": "website", "City": "city",
    "State": "region", "Country": "country", "Verified": "verified", "Score": "confidence", "Seen": "scraped_at",
    "Notes": "notes", "Zip": "postal_code", "Street": "street", "Pet": None,
}  # fmt: skip


def _mapping(*headers: str) -> ColumnMapping:
    ranks: dict[str | None, int] = {}
    columns = []
    for index, header in enumerate(headers):
        target = TARGETS[header]
        ranks[target] = ranks.get(target, -1) + 1
        columns.append(ColumnTarget(index, header, target, ranks[target]))
    return ColumnMapping(tuple(columns))


def _row(rules: NormalizationRules | None = None, /, **cells: str) -> NormalizedRow:
    """The row that these cells make; underscores in a keyword stand for blanks in the header."""
    named = {header.replace("_", " "): cell for header, cell in cells.items()}
    return Normalizer(_mapping(*named), rules or NormalizationRules()).row(list(named.values()))


def _codes(row: NormalizedRow) -> list[str]:
    return [issue.code for issue in row.issues]


def test_a_row_becomes_fields() -> None:
    row = _row(
        First_Name="JANE", Last_Name="VAN DER BERG", Email="Jane@Acme.COM", Phone="(504) 621-8927 x12",
        LinkedIn="http://de.linkedin.com/in/Jane?trk=x", Company="Acme GmbH", Website="https://www.acme.de/about",
        City="Berlin", Country="DE", Verified="ja", Score="85%", Seen="15 Feb 2026", Notes="a\nb", Zip="01234",
        Pet="cat",
    )  # fmt: skip
    assert row.fields == {
        "full_name": "Jane van der Berg", "linkedin_url": "https://www.linkedin.com/in/jane", "email": "jane@acme.com",
        "phone": "+495046218927", "company": "Acme GmbH", "location": "Berlin, Germany", "website": "acme.de",
        "confidence": "0.85", "verified": "true", "scraped_at": "2026-02-15", "notes": "a\nb",
    }  # fmt: skip
    assert row.extra == {"Phone extension": "12", "Zip": "01234", "Pet": "cat"}
    assert (row.issues, row.rejection) == ((), None)


def test_the_rows_country_wins_over_the_customers_region() -> None:
    german = NormalizationRules(phone_region="DE")
    assert _row(german, First_Name="Jane", Phone="030 1234567").phones == ("+49301234567",)
    assert _row(german, First_Name="Jane", Phone="504-621-8927", Country="USA").phones == ("+15046218927",)
    assert _row(german, First_Name="Jane", Phone="030 1234567", Country="Narnia").phones == ("+49301234567",)


def test_the_first_good_address_is_the_leads_and_the_others_stay_under_their_labels() -> None:
    row = _row(Email="jane@", Email_2="a@x.com; b@y.com")
    assert row.fields["email"] == "a@x.com"
    assert row.emails == ("a@x.com", "b@y.com")
    assert row.extra == {"Email": "jane@", "Email 2": "a@x.com; b@y.com"}
    assert _codes(row) == ["invalid_email"]
    assert row.rejection is None


def test_several_phones_are_all_kept_the_preferred_first() -> None:
    row = _row(First_Name="Jane", Phone="504-621-8927", Mobile="504-845-1427 x5")
    assert row.fields["phone"] == "+15046218927"
    assert row.phones == ("+15046218927", "+15048451427")
    assert row.extra == {"Mobile": "504-845-1427 x5"}


@pytest.mark.parametrize(
    ("header", "field", "cell", "code"),
    [
        ("Email", "email", "jane@@acme", "invalid_email"),
        ("Phone", "phone", "621-8927", "invalid_phone"),
        ("LinkedIn", "linkedin_url", "janedoe", "invalid_linkedin_url"),
        ("Website", "website", "see notes", "invalid_website"),
        ("Seen", "scraped_at", "03/04/2026", "ambiguous_date"),
        ("Seen", "scraped_at", "soon", "invalid_date"),
        ("Score", "confidence", "high", "invalid_number"),
        ("Verified", "verified", "perhaps", "invalid_bool"),
    ],
)
def test_a_cell_that_cannot_be_read_is_kept_as_it_was_and_flagged(
    header: str, field: str, cell: str, code: str
) -> None:
    row = Normalizer(_mapping("First Name", header)).row(["Jane", cell])
    assert row.fields[field] == cell
    assert [(issue.code, issue.field, issue.column, issue.cell) for issue in row.issues] == [
        (code, field, header, cell)
    ]
    assert row.rejection is None


def test_a_broken_cell_is_no_evidence_for_matching() -> None:
    row = _row(First_Name="Jane", Email="jane@@acme", Phone="621-8927")
    assert (row.emails, row.phones) == ((), ())


def test_the_customers_date_order_reads_what_is_otherwise_ambiguous() -> None:
    row = _row(NormalizationRules(date_order="dmy"), First_Name="Jane", Seen="03/04/2026")
    assert (row.fields["scraped_at"], row.issues) == ("2026-04-03", ())


@pytest.mark.parametrize(
    "cells",
    [
        {"First_Name": "Jane"},
        {"Last_Name": "Doe"},
        {"Email": "jane@acme.com"},
        {"LinkedIn": "linkedin.com/in/jane"},
        {"Company": "Acme", "Phone": "504-621-8927"},
        {"Company": "Acme", "Phone": "621-8927"},
        {"Company": "Acme", "Website": "acme.com"},
        {"Company": "Acme", "Street": "1 Main St", "City": "Springfield"},
        {"Company": "Acme", "Street": "1 Main St", "Zip": "97475"},
    ],
)
def test_one_identity_is_enough(cells: dict[str, str]) -> None:
    assert _row(**cells).rejection is None


@pytest.mark.parametrize(
    "cells",
    [
        {"Company": "Acme"},
        {"Company": "Acme", "City": "Berlin", "Website": "see notes"},
        {"Company": "Acme", "City": "Berlin", "Zip": "10115", "Country": "DE"},
        {"Company": "Acme", "Street": "1 Main St", "Country": "US"},
        {"Street": "1 Main St", "City": "Springfield", "Zip": "97475"},
        {"Phone": "504-621-8927"},
        {"Website": "acme.com"},
        {"Pet": "cat"},
        {"Company": "Acme", "LinkedIn": "linkedin.com/sales/lead/ACw,NAME"},
    ],
)
def test_anything_less_is_no_lead(cells: dict[str, str]) -> None:
    rejection = _row(**cells).rejection
    assert rejection is not None
    assert rejection.code == "no_identity"
    assert rejection.message
    assert rejection.suggestion


def test_a_company_that_nobody_can_reach_is_refused_with_its_column() -> None:
    rejection = _row(City="Berlin", Company='"Acme, Inc",').rejection
    assert rejection is not None
    assert (rejection.column, rejection.cell) == ("Company", "Acme, Inc")
    assert all(way in rejection.suggestion for way in ("phone", "website", "postal address", "contact"))


@pytest.mark.parametrize(
    ("cells", "code", "cell", "suggestion"),
    [
        ({"Email": "jane@gmial,com"}, "invalid_email", "jane@gmial,com", "Did you mean jane@gmail.com?"),
        ({"Email": "jane at x.com", "Pet": "cat"}, "invalid_email", "jane at x.com", "Did you mean jane@x.com?"),
        (
            {"LinkedIn": "jane-doe", "Company": "Acme"}, "invalid_linkedin_url", "jane-doe",
            "Did you mean https://www.linkedin.com/in/jane-doe?",
        ),
        ({"First_Name": "007"}, "invalid_name", "007", "Write the name in letters."),
        ({"First_Name": "jane@acme.com"}, "invalid_name", "jane@acme.com", "Put the address in its own column."),
    ],
)  # fmt: skip
def test_a_row_whose_only_identity_is_broken_says_which_and_what_would_mend_it(
    cells: dict[str, str], code: str, cell: str, suggestion: str
) -> None:
    rejection = _row(**cells).rejection
    assert rejection is not None
    assert (rejection.code, rejection.cell, rejection.suggestion) == (code, cell, suggestion)


@pytest.mark.parametrize("blank", ["", "  ", "n/a", "-", "#N/A", "\u200b"])
def test_a_row_of_placeholders_is_empty(blank: str) -> None:
    rejection = _row(First_Name=blank, Email=blank, Pet=blank).rejection
    assert rejection is not None
    assert rejection.code == "empty_row"


def test_a_company_alone_gives_the_lead_its_name() -> None:
    row = _row(Company="Acme GmbH", Website="acme.de")
    assert row.fields["full_name"] == "Acme GmbH"
    assert _row(Company="Acme GmbH", Street="Weg 1", City="Berlin").fields["full_name"] == "Acme GmbH"


def test_a_company_does_not_name_a_person_who_is_known_by_e_mail() -> None:
    assert "full_name" not in _row(Company="Acme GmbH", Website="acme.de", Email="jane@acme.de").fields


def test_a_companys_linkedin_page_is_kept_beside_and_flagged() -> None:
    row = _row(First_Name="Jane", LinkedIn="https://www.linkedin.com/company/acme")
    assert "linkedin_url" not in row.fields
    assert row.extra == {"LinkedIn": "https://www.linkedin.com/company/acme"}
    assert _codes(row) == ["invalid_linkedin_url"]


def test_a_profile_in_the_website_column_goes_where_it_belongs() -> None:
    row = _row(Website="https://www.linkedin.com/in/jane/")
    assert row.fields == {"linkedin_url": "https://www.linkedin.com/in/jane"}


def test_missing_cells_are_blank_and_cells_beyond_the_header_are_kept_and_flagged() -> None:
    normalizer = Normalizer(_mapping("First Name", "Email", "Pet"))
    assert normalizer.row(["Jane"]).fields == {"full_name": "Jane"}
    long = normalizer.row(["Jane", "", "cat", "", "dog"])
    assert long.extra == {"extra_2": "dog", "Pet": "cat"}
    assert _codes(long) == ["extra_cells"]
    assert normalizer.row(["Jane", "", "cat", "", " "]).issues == ()


def test_a_cell_beyond_the_limit_sends_the_row_to_quarantine() -> None:
    normalizer = Normalizer(_mapping("First Name", "Notes"), NormalizationRules(max_cell_characters=100))
    rejection = normalizer.row(["Jane", "x" * 101]).rejection
    assert rejection is not None
    assert (rejection.code, rejection.column, len(rejection.cell)) == ("cell_too_large", "Notes", 101)
    assert normalizer.row(["Jane", "x" * 100]).rejection is None


@pytest.mark.parametrize("cell", ["=HYPERLINK(1)", "+1", "-5", "@jane", "'quoted"])
def test_cells_that_look_like_formulas_are_data(cell: str) -> None:
    row = _row(First_Name="Jane", Notes=cell, Pet=cell)
    assert (row.fields["notes"], row.extra["Pet"]) == (cell, cell)


def test_mojibake_and_emoji_are_mended_on_the_way() -> None:
    row = _row(First_Name="JÃ¼rgen 🚀", Last_Name="MÃ¼ller\u200b", Company="Smith &amp; SÃ¶hne", City="MÃ¼nchen")
    assert row.fields == {"full_name": "Jürgen Müller", "company": "Smith & Söhne", "location": "München"}


def test_records_named_by_field_follow_the_same_rules() -> None:
    row = normalize_fields(
        {
            "full_name": "DOE, JANE",
            "email": "Jane@Acme.com",
            "phone": "030 1234567",
            "country": "Germany",
            "origin": "fair",
        }
    )
    assert row.fields == {
        "full_name": "Jane Doe",
        "email": "jane@acme.com",
        "phone": "+49301234567",
        "location": "Germany",
    }
    assert row.extra == {"origin": "fair"}
    assert normalize_fields({}).rejection is not None


HEADERS = tuple(TARGETS)


@given(st.lists(st.text(max_size=30), max_size=len(HEADERS) + 3))
def test_no_row_breaks_the_normalizer_and_each_is_a_lead_or_says_why_not(cells: list[str]) -> None:
    row = Normalizer(_mapping(*HEADERS)).row(cells)
    identity = bool(row.emails) or "full_name" in row.fields or "linkedin_url" in row.fields
    assert row.rejection is not None or identity
    assert set(row.fields) <= set(LEAD_FIELDS)
    assert all(row.fields.values())
    assert row.emails[:1] in ((), (row.fields.get("email"),))
    assert row.phones[:1] in ((), (row.fields.get("phone"),))


@given(st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=20)))
def test_normalising_what_came_out_changes_nothing_for_good_values(cells: dict[str, str]) -> None:
    first = Normalizer(_mapping(*HEADERS)).row([cells.get(header, "") for header in HEADERS])
    again = normalize_fields(
        {field: first.fields[field] for field in ("email", "phone") if first.issues == () and field in first.fields}
    )
    assert again.emails == (first.emails[:1] if first.issues == () else ())


def _targeted(*columns: tuple[str, str | None, int]) -> Normalizer:
    targets = [ColumnTarget(index, label, target, rank) for index, (label, target, rank) in enumerate(columns)]
    return Normalizer(ColumnMapping(tuple(targets)))


def test_billing_and_shipping_addresses_are_not_mixed() -> None:
    columns = [
        ("Name", "full_name", 0), ("Billing City", "city", 0), ("Billing Country", "country", 0),
        ("Shipping City", "city", 10), ("Shipping Country", "country", 10),
    ]  # fmt: skip
    normalizer = _targeted(*columns)
    both = normalizer.row(["Jane", "Berlin", "DE", "Paris", "FR"])
    assert both.fields["location"] == "Berlin, Germany"
    assert both.extra == {"Shipping City": "Paris", "Shipping Country": "FR"}
    assert normalizer.row(["Jane", "", "", "Paris", "FR"]).fields["location"] == "Paris, France"


def test_a_lone_country_belongs_to_the_first_address() -> None:
    columns = [("Name", "full_name", 0), ("City", "city", 0), ("City 2", "city", 10), ("Land", "country", 3)]
    assert _targeted(*columns).row(["Jane", "Berlin", "", "DE"]).fields["location"] == "Berlin, Germany"


def test_a_target_that_no_rule_reads_is_kept_under_its_label() -> None:
    row = _targeted(("Name", "full_name", 0), ("Sign", "zodiac", 0)).row(["Jane", "Leo"])
    assert row.extra == {"Sign": "Leo"}


def test_a_suffix_in_its_own_column_joins_the_name_however_that_is_given() -> None:
    whole = _targeted(("Name", "full_name", 0), ("Suffix", "name_suffix", 0))
    parts = _targeted(("First", "first_name", 0), ("Last", "last_name", 0), ("Suffix", "name_suffix", 0))
    assert whole.row(["John Smith", "jr"]).fields["full_name"] == "John Smith Jr."
    assert parts.row(["John", "Smith", "III"]).fields["full_name"] == "John Smith III"
    assert parts.row(["John", "Smith", "PhD"]).extra == {"Name suffix": "PhD"}


def test_a_whole_name_beside_its_parts_is_kept_only_if_it_says_something_else() -> None:
    normalizer = _targeted(("First", "first_name", 0), ("Last", "last_name", 0), ("Name", "full_name", 0))
    assert normalizer.row(["Jane", "Doe", "Doe, Jane"]).extra == {}
    assert normalizer.row(["Jane", "Doe", "J. Smith"]).extra == {"Name": "J. Smith"}
