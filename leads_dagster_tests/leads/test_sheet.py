"""Every sample file is read to the row and mapped to the column."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leads_dagster.errors import ContentError, UnknownHeadersError
from leads_dagster.leads.fields import ColumnMapping
from leads_dagster.leads.sheet import read_sheet
from leads_dagster.leads.tabular import Table


@dataclass(frozen=True)
class Expected:
    """What must come out of one file; `columns` are "label > target" or "label > target rank"."""

    encoding: str
    delimiter: str
    rows: int
    first_row: int
    language: str
    columns: tuple[str, ...]
    extra: tuple[str, ...] = ()


EXPECTED = {
    "us-500.csv": Expected(
        "utf-8",
        ",",
        500,
        2,
        "en",
        (
            "first_name > first_name",
            "last_name > last_name",
            "company_name > company",
            "address > street",
            "city > city",
            "state > region",
            "zip > postal_code",
            "phone1 > phone",
            "phone2 > phone 1",
            "email > email",
            "web > website",
        ),
        ("county",),
    ),
    "datablist-leads-100.csv": Expected(
        "utf-8",
        ",",
        100,
        2,
        "en",
        (
            "Account Id > row_id",
            "First Name > first_name",
            "Last Name > last_name",
            "Company > company",
            "Phone 1 > phone",
            "Phone 2 > phone 1",
            "Email 1 > email",
            "Email 2 > email 1",
            "Website > website",
            "Source > source",
            "Deal Stage > status",
            "Notes > notes",
        ),
        ("Index", "Lead Owner"),
    ),
    "german-Kunden-utf16le-semicolon.csv": Expected(
        "utf-16-le",
        ";",
        50,
        2,
        "de",
        (
            "KundenID > row_id",
            "Vorname > first_name",
            "Nachname > last_name",
            "Strasse > street",
            "Hausnummer > street_number",
            "PLZ > postal_code",
            "Ort > city",
            "Telefonnummer > phone",
            "E-Mail > email",
            "Kommentar > notes",
        ),
        ("StatusID",),
    ),
    "hubspot-style.csv": Expected(
        "utf-8",
        ",",
        4,
        2,
        "en",
        (
            "First Name > first_name",
            "Last Name > last_name",
            "Email > email",
            "Job Title > title",
            "Company Name > company",
            "Website URL > website",
            "Country/Region > country",
            "Phone Number > phone",
            "LinkedIn URL > linkedin_url",
            "Lifecycle Stage > status",
        ),
    ),
    "linkedin-sample_connections.csv": Expected(
        "utf-8",
        ",",
        140,
        5,
        "en",
        (
            "First Name > first_name",
            "Last Name > last_name",
            "URL > linkedin_url",
            "Email Address > email",
            "Company > company",
            "Position > title",
        ),
        ("Connected On",),
    ),
    "salesforce-accountData.csv": Expected(
        "cp1252",
        ",",
        423,
        2,
        "en",
        (
            "ID > row_id",
            "NAME > company",
            "BILLINGSTREET > street",
            "BILLINGCITY > city",
            "BILLINGSTATE > region",
            "BILLINGPOSTALCODE > postal_code",
            "BILLINGCOUNTRY > country",
            "SHIPPINGSTREET > street 10",
            "SHIPPINGCITY > city 10",
            "SHIPPINGSTATE > region 10",
            "SHIPPINGPOSTALCODE > postal_code 10",
            "SHIPPINGCOUNTRY > country 10",
            "PHONE > phone",
            "WEBSITE > website",
            "INDUSTRY > industry",
            "NUMBEROFEMPLOYEES > company_size",
            "DESCRIPTION > notes",
        ),
        (
            "ISDELETED",
            "MASTERRECORDID",
            "TYPE",
            "PARENTID",
            "FAX",
            "ACCOUNTNUMBER",
            "SIC",
            "ANNUALREVENUE",
            "OWNERSHIP",
            "TICKERSYMBOL",
            "RATING",
            "SITE",
            "OWNERID",
            "CREATEDDATE",
            "CREATEDBYID",
            "LASTMODIFIEDDATE",
            "LASTMODIFIEDBYID",
            "SYSTEMMODSTAMP",
            "LASTACTIVITYDATE",
            "ORACLE_ID__C",
            "SESSION_ID__C",
        ),
    ),
}


def mapped(mapping: ColumnMapping) -> tuple[str, ...]:
    known = [column for column in mapping.columns if column.target]
    return tuple(f"{c.label} > {c.target}" + (f" {c.rank}" if c.rank else "") for c in known)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_file_is_read_and_mapped_exactly(name: str, shared_data: Path) -> None:
    expected = EXPECTED[name]
    table, mapping = read_sheet((shared_data / "leads" / name).read_bytes())
    assert (table.encoding, table.delimiter) == (expected.encoding, expected.delimiter)
    assert (len(table), table.first_row) == (expected.rows, expected.first_row)
    assert table.row_numbers == range(expected.first_row, expected.first_row + expected.rows)
    assert mapped(mapping) == expected.columns
    assert tuple(column.label for column in mapping.columns if column.target is None) == expected.extra
    assert mapping.language == expected.language
    assert {len(row) for row in table.rows()} == {len(table.header)}


def test_the_file_without_a_lead_column_is_refused_with_what_was_seen(shared_data: Path) -> None:
    data = (shared_data / "leads" / "salesforce-csvtext_BOM_UTF8.csv").read_bytes()
    with pytest.raises(UnknownHeadersError) as caught:
        read_sheet(data)
    assert '"column1", "column2", "column3"' in caught.value.message
    assert "[customers.columns]" in caught.value.advice


def test_the_refused_file_is_read_when_the_customer_says_what_its_columns_are(shared_data: Path) -> None:
    data = (shared_data / "leads" / "salesforce-csvtext_BOM_UTF8.csv").read_bytes()
    table, mapping = read_sheet(data, overrides={"full_name": "column1"})
    assert mapped(mapping) == ("column1 > full_name",)
    assert table.cells(0) == ["row1-1", "row1-2", "row1-3"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_one_sheet_is_the_same_in_every_encoding_delimiter_and_line_end(
    encoding: str, delimiter: str, line_end: str
) -> None:
    rows = ["Vorname,Nachname,Straße,E-Mail", "Jürgen,Müller,Hauptstraße 5,j@müller.example", "Zoë,Weiß,,"]
    text = line_end.join(row.replace(",", delimiter) for row in rows) + line_end
    table, mapping = read_sheet(text.encode(encoding))
    assert table.delimiter == delimiter
    assert list(table.rows()) == [row.split(",") for row in rows[1:]]
    assert [column.target for column in mapping.columns] == ["first_name", "last_name", "street", "email"]


def test_the_preamble_is_told_by_the_customers_own_headers_too() -> None:
    data = b"Export of 2026,for Acme\nfoo,bar,baz\n1,2,3\n"
    table, mapping = read_sheet(data, overrides={"email": "bar", "full_name": "foo", "company": "baz"})
    assert table.header == ("foo", "bar", "baz")
    assert mapped(mapping) == ("foo > full_name", "bar > email", "baz > company")


@settings(max_examples=500, deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
        st.text(alphabet='",;\t|\n\r\x00 =a@.ü', max_size=200).map(lambda text: b"Name,Email\n" + text.encode()),
        st.text(max_size=100).map(lambda text: text.encode("utf-16", "replace")),
    )
)
def test_whatever_the_bytes_are_they_are_read_or_refused_with_a_reason(data: bytes) -> None:
    sheet = sheet_or_refusal(data)
    if isinstance(sheet, ContentError):
        assert sheet.message
        return
    table, mapping = sheet
    assert len(table) == len(table.row_numbers) == len(list(table.rows()))
    assert len(table.digests()) == 16 * len(table)
    assert len(mapping.columns) == len(set(mapping.labels())) == len(table.header)


def sheet_or_refusal(data: bytes) -> tuple[Table, ColumnMapping] | ContentError:
    try:
        return read_sheet(data)
    except ContentError as error:
        return error
