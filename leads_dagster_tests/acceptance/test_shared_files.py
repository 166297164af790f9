"""Every file of the shared samples through the whole road: what must come out, to the row.

What each row must come to is worked out here from the file itself with the csv module, by rules written down in the
tests, and not taken from what the road gave.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.errors import UnknownHeadersError
from leads_dagster.store.ledger import RowCounts
from leads_dagster_tests.acceptance.conftest import Road, assert_crm_equals_store, fields

Lead = dict[str, Any]
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def rows_of(data: bytes, encoding: str, *, delimiter: str = ",", header: str) -> list[dict[str, str]]:
    text = data.decode(encoding)
    return list(csv.DictReader(io.StringIO(text[text.index(header) :], newline=""), delimiter=delimiter))


def digits(cell: str) -> str:
    return re.sub(r"\D", "", cell)


def american(cell: str) -> str:
    """A North American number in E.164, without its extension, by hand."""
    return f"+1{digits(cell.partition('x')[0])[-10:]}"


def host(url: str) -> str:
    return re.sub(r"^https?://(?:www\.)?", "", url).strip("/")


def by_email(road: Road) -> dict[str, Lead]:
    return {lead["email"]: lead for lead in road.leads()}


def assert_every_email_is_stored(road: Road, text: str) -> None:
    """Each address of the file is the e-mail of a lead, or stands beside one."""
    stored = {lead["email"] for lead in road.leads()}
    beside = json.dumps([lead["raw_data"] for lead in road.leads()], ensure_ascii=False)
    found = set(_EMAIL.findall(text))
    assert {address for address in found if address.lower() not in stored and address not in beside} == set()


@pytest.fixture
def synced(road: Road, shared_data: Path) -> Iterator[Any]:
    def run(name: str, **counts: int) -> tuple[Road, bytes]:
        data = (shared_data / "leads" / name).read_bytes()
        road.sheet.write_bytes(data)
        assert road.sync().rows == RowCounts(**counts)
        assert_crm_equals_store(road)
        again = road.sync()
        assert (again.status, again.rows.read) == ("unchanged", counts["read"])
        return road, data

    return run


def test_us_500(synced: Any) -> None:
    road, data = synced("us-500.csv", read=500, created=500)
    leads = by_email(road)
    expected = {
        row["email"]: (
            f"{row['first_name']} {row['last_name']}",
            row["company_name"],
            american(row["phone1"]),
            f"{row['city']}, {row['state']}",
            host(row["web"]),
            {name: row[name] for name in ("address", "county", "zip", "phone2")},
        )
        for row in rows_of(data, "ascii", header="first_name")
    }
    chosen = ("full_name", "company", "phone", "location", "website", "raw_data")
    assert {email: fields(lead, *chosen) for email, lead in leads.items()} == expected
    assert_every_email_is_stored(road, data.decode())


def test_us_500_in_its_first_last_and_hard_rows(synced: Any) -> None:
    leads = by_email(synced("us-500.csv", read=500, created=500)[0])
    assert fields(leads["jbutt@gmail.com"], "full_name", "company", "phone", "location") == (
        "James Butt",
        "Benton, John B Jr",
        "+15046218927",
        "New Orleans, LA",
    )
    assert fields(leads["chauncey_motley@aol.com"], "full_name", "company", "phone", "website") == (
        "Chauncey Motley",
        "Affiliated With Travelodge",
        "+14074134842",
        "affiliatedwithtravelodge.com",
    )
    assert leads["art@venere.org"]["raw_data"]["zip"] == "8014"
    assert leads["jbutt@gmail.com"]["raw_data"]["phone2"] == "504-845-1427"


ACCOUNTS = "salesforce-accountData.csv"
_ACCOUNT_COUNTS = {"read": 423, "created": 420, "quarantined": 3}


def can_be_reached(account: dict[str, str]) -> bool:
    """By phone, by website, or at an address: a street with a city or a postal code, billing or shipping."""
    return bool(account["PHONE"] or account["WEBSITE"]) or any(
        account[f"{kind}STREET"] and (account[f"{kind}CITY"] or account[f"{kind}POSTALCODE"])
        for kind in ("BILLING", "SHIPPING")
    )


def by_id(road: Road) -> dict[str, Lead]:
    return {lead["raw_data"]["ID"]: lead for lead in road.leads()}


def test_salesforce_accounts_that_can_be_reached_are_company_leads(synced: Any) -> None:
    """Nine have a phone or a website, 411 only an address. None is another's double: of all names but one there is
    one, and the two whose letters were lost in the export live at two addresses."""
    road, data = synced(ACCOUNTS, **_ACCOUNT_COUNTS)
    reachable = [row for row in rows_of(data, "cp1252", header='"ID"') if can_be_reached(row)]
    twice = [name for name, count in Counter(row["NAME"].casefold() for row in reachable).items() if count > 1]
    assert twice == ["?" * 16]
    assert len({row["BILLINGSTREET"] for row in reachable if row["NAME"] in twice}) == 2
    assert {account: fields(lead, "full_name", "company", "phone", "website", "industry", "company_size", "email")
            for account, lead in by_id(road).items()} == {
        row["ID"]: (
            " ".join(row["NAME"].split()), " ".join(row["NAME"].split()),
            american(row["PHONE"]) if row["PHONE"] else None, host(row["WEBSITE"]) or None,
            row["INDUSTRY"] or None, row["NUMBEROFEMPLOYEES"] or None, None,
        )
        for row in reachable
    }  # fmt: skip


def test_salesforce_accounts_keep_every_cell_of_their_addresses(synced: Any) -> None:
    road, data = synced(ACCOUNTS, **_ACCOUNT_COUNTS)
    leads = by_id(road)
    for row in filter(can_be_reached, rows_of(data, "cp1252", header='"ID"')):
        lead = leads[row["ID"]]
        address = {name: row[name] for name in row if name.endswith(("STREET", "POSTALCODE")) and row[name]}
        assert address.items() <= lead["raw_data"].items()
        assert lead["location"].startswith(" ".join(row["BILLINGCITY"].split())) or not row["BILLINGCITY"].strip("?")


def test_salesforce_accounts_in_their_first_last_and_hard_rows(synced: Any) -> None:
    road, _ = synced(ACCOUNTS, **_ACCOUNT_COUNTS)
    leads = {lead["full_name"]: lead for lead in road.leads()}
    first, last = leads["salesforce.com"], leads["Universal Media"]
    assert fields(first, "phone", "website", "location") == (
        "+14159017000", "salesforce.com", "San Francisco, CA, United States",
    )  # fmt: skip
    assert first["notes"].startswith("Founded in March 1999, salesforce.com")
    assert first["raw_data"]["FAX"] == "(415) 901-7040"
    assert fields(last, "phone", "location") == ("+15555551212", "Toronto, Ontario, Canada")
    assert leads["Alquatra Group, Inc."]["company_size"] == "166000"
    assert leads["Crédito Inmobiliario Terras"]["location"] == "MEXICO, DISTRITO FEDERAL, Mexico"
    assert leads["Pébéo of America"]["phone"] is None


def test_salesforce_accounts_of_one_building_wait_for_a_person_and_are_not_joined(synced: Any) -> None:
    """The vendor's own test accounts, "tv" and the like, share 1 Market St, each under a number of its own."""
    road, _ = synced(ACCOUNTS, **_ACCOUNT_COUNTS)
    names = {
        record["id"]: record["said"]["fields"]["company"] for record in road.all("source_records") if record["said"]
    }
    found = [(edge["outcome"], names[edge["record_a"]], names[edge["record_b"]]) for edge in road.all("matches")]
    assert sorted(found) == [
        ("review", "tv", "tv licenses"),
        ("review", "tv ee ss", "tv"),
        ("review", "tv ee ss", "tv licenses"),
    ]


def test_salesforce_accounts_with_nothing_but_a_name_wait_in_quarantine(synced: Any) -> None:
    road, data = synced(ACCOUNTS, **_ACCOUNT_COUNTS)
    rows = rows_of(data, "cp1252", header='"ID"')
    expected = {
        number: ("no_identity", "NAME", row["NAME"])
        for number, row in enumerate(rows, start=2)
        if not can_be_reached(row)
    }
    waiting = road.all("quarantine")
    assert {row["row_number"]: fields(row, "code", "column", "cell") for row in waiting} == expected
    assert [cell for _, _, cell in expected.values()] == ["My Company, Inc", "name1149203564219", "name1149205434309"]
    assert {row["raw"]["ID"]: row["raw"] for row in waiting} == {
        row["ID"]: row for number, row in enumerate(rows, start=2) if number in expected
    }
    for row in waiting:
        assert all(way in row["suggestion"] for way in ("phone", "website", "postal address"))


@pytest.mark.parametrize(
    "cells",
    [{"WEBSITE": "www.mycompany.com"}, {"SHIPPINGSTREET": "1 Main St", "SHIPPINGPOSTALCODE": "97475"}],
)
def test_a_salesforce_account_leaves_quarantine_when_it_can_be_reached(
    road: Road, shared_data: Path, cells: dict[str, str]
) -> None:
    rows = rows_of((shared_data / "leads" / ACCOUNTS).read_bytes(), "cp1252", header='"ID"')
    write_accounts(road, rows)
    road.sync()
    assert rows[420]["NAME"] == "My Company, Inc"
    rows[420].update({"BILLINGCITY": "Springfield", "BILLINGCOUNTRY": "US"})
    write_accounts(road, rows)
    assert road.sync().rows.quarantined == 3
    rows[420].update(cells)
    write_accounts(road, rows)
    result = road.sync().rows
    assert (result.created, result.quarantined, result.unchanged) == (1, 2, 420)
    assert fields(by_id(road)[rows[420]["ID"]], "full_name", "location") == (
        "My Company, Inc", "Springfield, United States",
    )  # fmt: skip


def test_a_salesforce_account_entered_twice_is_one_lead_if_its_address_is_the_same(
    road: Road, shared_data: Path
) -> None:
    rows = rows_of((shared_data / "leads" / ACCOUNTS).read_bytes(), "cp1252", header='"ID"')
    write_accounts(road, rows)
    road.sync()
    original = rows[0]
    again = original | {"ID": "again", "BILLINGSTREET": original["BILLINGSTREET"].upper()}
    moved = original | {"ID": "moved", "BILLINGSTREET": "99 Oak Avenue"}
    write_accounts(road, [*rows, again, moved])
    result = road.sync().rows
    assert (result.merged, result.created, result.unchanged) == (1, 1, 420)
    assert_crm_equals_store(road)
    home = {record["source_key"]: record["lead_id"] for record in road.all("source_records")}
    assert home["again"] == home[original["ID"]] != home["moved"]


def write_accounts(road: Road, rows: list[dict[str, str]]) -> None:
    road.write([list(row.values()) for row in rows], header=list(rows[0]))


def german(cell: str) -> str:
    return f"+49{digits(cell).removeprefix('0')}" if cell else ""


# The two numbers that begin with the international 00: one is another country's, one is nobody's.
_NOT_GERMAN = {"(0038) 65427523", "(0040) 45532533"}


def german_leads(data: bytes) -> dict[str, tuple[Any, ...]]:
    return {
        row["E-Mail"]: (
            f"{row['Vorname']} {row['Nachname']}",
            row["Ort"] or None,
            {
                name: row[name]
                for name in ("KundenID", "Strasse", "Hausnummer", "PLZ", "StatusID", "Kommentar")
                if row[name].strip()
            },
        )
        for row in rows_of(data, "utf-16", delimiter=";", header="KundenID")
    }


@pytest.mark.parametrize("toml", ['phone_region = "DE"\n', ""])
def test_german_customers(make_road: Any, shared_data: Path, toml: str) -> None:
    road = make_road(toml)
    data = (shared_data / "leads" / "german-Kunden-utf16le-semicolon.csv").read_bytes()
    road.sheet.write_bytes(data)
    assert road.sync().rows == RowCounts(read=50, created=50)
    assert_crm_equals_store(road)
    leads = by_email(road)
    assert {mail: fields(lead, "full_name", "location", "raw_data") for mail, lead in leads.items()} == german_leads(
        data
    )
    assert leads["iola3203@google.edu"]["location"] == "Baden-Württemberg"
    assert_every_email_is_stored(road, data.decode("utf-16"))


def test_german_telephones_with_the_customers_region(make_road: Any, shared_data: Path) -> None:
    road = make_road('phone_region = "DE"\n')
    data = (shared_data / "leads" / "german-Kunden-utf16le-semicolon.csv").read_bytes()
    road.sheet.write_bytes(data)
    road.sync()
    rows = rows_of(data, "utf-16", delimiter=";", header="KundenID")
    expected = {
        row["E-Mail"]: german(row["Telefonnummer"]) or None for row in rows if row["Telefonnummer"] not in _NOT_GERMAN
    }
    leads = by_email(road)
    assert {email: leads[email]["phone"] for email in expected} == expected
    assert leads["guinevere@outlook.net"]["phone"] == "+4977786988741"
    assert leads["cynthia9762@icloud.org"]["phone"] == "+4958144817211"
    assert leads["irma@protonmail.edu"]["phone"] == "(0040) 45532533"


def test_german_telephones_without_the_region_stay_as_they_are_and_become_nobody_elses(
    road: Road, shared_data: Path
) -> None:
    data = (shared_data / "leads" / "german-Kunden-utf16le-semicolon.csv").read_bytes()
    road.sheet.write_bytes(data)
    road.sync()
    rows = rows_of(data, "utf-16", delimiter=";", header="KundenID")
    leads = by_email(road)
    assert {row["E-Mail"]: leads[row["E-Mail"]]["phone"] for row in rows} == {
        row["E-Mail"]: row["Telefonnummer"] or None for row in rows
    }


def test_linkedin_connections_below_their_preamble(synced: Any) -> None:
    road, data = synced("linkedin-sample_connections.csv", read=140, created=140)
    expected = {
        row["URL"]: (
            f"{row['First Name']} {row['Last Name']}",
            row["Email Address"] or None,
            row["Company"],
            row["Position"],
            {"Connected On": row["Connected On"]},
        )
        for row in rows_of(data, "ascii", header="First Name,")
    }
    chosen = ("full_name", "email", "company", "title", "raw_data")
    assert {lead["linkedin_url"]: fields(lead, *chosen) for lead in road.leads()} == expected
    assert_every_email_is_stored(road, data.decode())
    leads = {lead["full_name"]: lead for lead in road.leads()}
    assert fields(leads["Tony Stark"], "email", "linkedin_url", "title") == (
        "tony@starkindustries.com",
        "https://www.linkedin.com/in/tonystark01",
        "Founder & CEO - I Am Iron Man",
    )


def test_datablist_leads_keep_both_numbers_and_both_addresses(synced: Any) -> None:
    road, data = synced("datablist-leads-100.csv", read=100, created=100)
    rows = rows_of(data, "ascii", header="Index,")
    expected = {}
    for row in rows:
        extension = row["Phone 1"].partition("x")[2]
        kept = {name: row[name] for name in ("Index", "Account Id", "Lead Owner", "Phone 2", "Email 2")}
        expected[row["Email 1"]] = (
            f"{row['First Name']} {row['Last Name']}",
            row["Company"],
            american(row["Phone 1"]),
            host(row["Website"]),
            row["Source"],
            row["Deal Stage"],
            row["Notes"],
            kept | ({"Phone extension": extension} if extension else {}),
        )
    chosen = ("full_name", "company", "phone", "website", "source", "status", "notes", "raw_data")
    assert {email: fields(lead, *chosen) for email, lead in by_email(road).items()} == expected
    assert_every_email_is_stored(road, data.decode())


def test_datablist_lead_owners_are_never_leads(synced: Any) -> None:
    road, data = synced("datablist-leads-100.csv", read=100, created=100)
    rows = rows_of(data, "ascii", header="Index,")
    leads = Counter(f"{row['First Name']} {row['Last Name']}" for row in rows)
    assert Counter(lead["full_name"] for lead in road.leads()) == leads
    jamie = by_email(road)["cookemax@franco.com"]
    assert fields(jamie, "full_name", "phone", "company") == ("Jamie Reese", "+18158908301", "Torres, Wood and Herring")
    assert jamie["raw_data"]["Lead Owner"] == "Alice Esparza"


def test_hubspot_contacts(synced: Any) -> None:
    road, data = synced("hubspot-style.csv", read=4, created=4)
    chosen = ("full_name", "title", "company", "website", "location", "phone", "linkedin_url", "status")
    assert {email: fields(lead, *chosen) for email, lead in by_email(road).items()} == {
        "jane@acme.de": (
            "Jane Doe", "CEO", "Acme GmbH", "acme.de", "Germany", "+49301234", "https://www.linkedin.com/in/janedoe",
            "Lead",
        ),
        "tom@acme.de": ("Tom Berg", "Head of Sales", "Acme GmbH", "acme.de", "Germany", None, None, "Lead"),
        "ann.lee@gmail.com": ("Ann Lee", "Founder", None, None, "France", None, None, "Subscriber"),
        "bob@gmail.com": ("Bob Stone", None, None, None, None, None, None, "Lead"),
    }  # fmt: skip
    assert_every_email_is_stored(road, data.decode())


def test_salesforce_csvtext_holds_no_lead_column_and_is_refused(road: Road, shared_data: Path) -> None:
    road.sheet.write_bytes((shared_data / "leads" / "salesforce-csvtext_BOM_UTF8.csv").read_bytes())
    with pytest.raises(UnknownHeadersError) as refused:
        road.sync()
    assert refused.value.exit_code == 1
    for header in ("column1", "column2", "column3"):
        assert header in refused.value.message
    assert "\ufeff" not in str(refused.value)
    assert "[customers.columns]" in refused.value.advice
    assert road.all("leads") == road.all("source_records") == road.all("quarantine") == []
