"""What comes out of real-shaped files, to the row."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from leads_dagster.leads.fields import ColumnMapping, ColumnTarget, NormalizationRules, NormalizedRow
from leads_dagster.leads.normalization import Normalizer

E164 = re.compile(r"\+[1-9]\d{6,14}")


def _read(path: Path, *, encoding: str = "utf-8", delimiter: str = ",", preamble: int = 0) -> list[list[str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))[preamble:]


def _normalized(
    rows: list[list[str]], targets: Mapping[str, str], rules: NormalizationRules | None = None
) -> list[NormalizedRow]:
    ranks: Counter[str] = Counter()
    columns = []
    for index, header in enumerate(rows[0]):
        target = targets.get(header)
        columns.append(ColumnTarget(index, header, target, ranks[target] if target else 0))
        ranks.update([target] if target else [])
    return list(Normalizer(ColumnMapping(tuple(columns)), rules or NormalizationRules()).rows(rows[1:]))


def _codes(rows: list[NormalizedRow]) -> Counter[str]:
    return Counter(issue.code for row in rows for issue in row.issues)


def test_us_500_keeps_every_name_e_mail_phone_and_domain(shared_data: Path) -> None:
    rows = _read(shared_data / "leads" / "us-500.csv")
    targets = {
        "first_name": "first_name", "last_name": "last_name", "company_name": "company", "address": "street",
        "city": "city", "state": "region", "zip": "postal_code", "phone1": "phone", "phone2": "phone",
        "email": "email", "web": "website",
    }  # fmt: skip
    leads = _normalized(rows, targets)
    cells = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert len(leads) == 500
    assert [lead for lead in leads if lead.rejection or lead.issues] == []
    for lead, cell in zip(leads, cells, strict=True):
        assert lead.fields["full_name"] == f"{cell['first_name']} {cell['last_name']}"
        assert lead.emails == (cell["email"],)
        assert lead.phones == tuple("+1" + cell[column].replace("-", "") for column in ("phone1", "phone2"))
        assert lead.fields["website"] == cell["web"].removeprefix("http://www.")
        assert lead.fields["company"] == cell["company_name"]
        assert lead.fields["location"] == f"{cell['city']}, {cell['state']}"
        assert lead.extra["zip"] == cell["zip"]
    assert leads[0].extra == {
        "phone2": "504-845-1427", "address": "6649 N Blue Gum St", "county": "Orleans", "zip": "70116"
    }  # fmt: skip


def test_salesforce_accounts_with_a_phone_website_or_postal_address_become_company_leads(shared_data: Path) -> None:
    rows = _read(shared_data / "leads" / "salesforce-accountData.csv", encoding="cp1252")
    targets = {
        "NAME": "company", "BILLINGSTREET": "street", "BILLINGPOSTALCODE": "postal_code",
        "BILLINGCITY": "city", "BILLINGSTATE": "region", "BILLINGCOUNTRY": "country",
        "PHONE": "phone", "FAX": "phone", "WEBSITE": "website", "INDUSTRY": "industry",
        "NUMBEROFEMPLOYEES": "company_size",
    }  # fmt: skip
    accounts = _normalized(rows, targets)
    leads = [row for row in accounts if row.rejection is None]
    assert (len(accounts), len(leads)) == (423, 420)
    assert all(lead.fields["full_name"] == lead.fields["company"] for lead in leads)
    assert [lead.fields["full_name"] for lead in leads if lead.phones or "website" in lead.fields] == [
        "salesforce.com", "Global Media", "Acme", "Alquatra Group, Inc.", "George Foundation Health",
        "McCall-Janeson Worldwide", "The Western Trust International Bank", "Universal Defense Corporation",
        "Universal Media",
    ]  # fmt: skip
    reached = {lead.fields["company"]: lead for lead in leads}
    assert reached["salesforce.com"].fields["website"] == "salesforce.com"
    assert reached["salesforce.com"].phones == ("+14159017000", "+14159017040")
    assert "Crédito Inmobiliario Terras" in reached
    refused = [row.rejection for row in accounts if row.rejection]
    assert {(refusal.code, refusal.field) for refusal in refused} == {("no_identity", "company")}
    assert [refusal.cell for refusal in refused] == ["My Company, Inc", "name1149203564219", "name1149205434309"]


def test_the_german_file_keeps_its_umlauts_and_dials_from_germany(shared_data: Path) -> None:
    path = shared_data / "leads" / "german-Kunden-utf16le-semicolon.csv"
    rows = _read(path, encoding="utf-16", delimiter=";")
    targets = {
        "Vorname": "first_name", "Nachname": "last_name", "Strasse": "street", "PLZ": "postal_code", "Ort": "city",
        "Telefonnummer": "phone", "E-Mail": "email", "Kommentar": "notes",
    }  # fmt: skip
    leads = _normalized(rows, targets, NormalizationRules(phone_region="DE"))
    assert len(leads) == 50
    assert [lead for lead in leads if lead.rejection] == []
    assert [lead.emails for lead in leads] == [(row[8],) if row[8] else () for row in rows[1:]]
    phones = [phone for lead in leads for phone in lead.phones]
    assert all(phone.startswith("+49") and E164.fullmatch(phone) for phone in phones)
    assert leads[0].fields["phone"] == "+4977786988741"
    assert any(lead.fields.get("location") == "Baden-Württemberg" for lead in leads)
    # Two made-up area codes begin like calls abroad: no number can be made of them, so they stay as they were.
    assert [lead.fields["phone"] for lead in leads if lead.issues] == ["(0038) 65427523", "(0040) 45532533"]
    assert _codes(leads) == {"invalid_phone": 2}


def test_linkedins_export_gives_every_connection_its_profile(shared_data: Path) -> None:
    rows = _read(shared_data / "leads" / "linkedin-sample_connections.csv", preamble=3)
    targets = {
        "First Name": "first_name", "Last Name": "last_name", "URL": "linkedin_url", "Email Address": "email",
        "Company": "company", "Position": "title",
    }  # fmt: skip
    leads = _normalized(rows, targets)
    assert [lead for lead in leads if lead.rejection or lead.issues] == []
    assert [lead.fields["full_name"] for lead in leads] == [f"{row[0]} {row[1]}" for row in rows[1:]]
    assert [lead.fields["linkedin_url"] for lead in leads] == [row[2] for row in rows[1:]]
    assert leads[0].extra == {"Connected On": "15 Feb 2026"}


def test_datablist_phones_are_all_possible_and_keep_their_extensions(shared_data: Path) -> None:
    rows = _read(shared_data / "leads" / "datablist-leads-100.csv")
    targets = {
        "First Name": "first_name", "Last Name": "last_name", "Company": "company", "Phone 1": "phone",
        "Phone 2": "phone", "Email 1": "email", "Email 2": "email", "Website": "website", "Notes": "notes",
    }  # fmt: skip
    leads = _normalized(rows, targets)
    assert len(leads) == 100
    assert [lead for lead in leads if lead.rejection or lead.issues] == []
    assert all(len(lead.phones) == 2 and all(map(E164.fullmatch, lead.phones)) for lead in leads)
    assert all(len(lead.emails) == 2 for lead in leads)
    assert leads[2].extra["Phone extension"] == "563"
    assert leads[0].extra["Lead Owner"] == "Alice Esparza"


def test_hubspots_rows_read_country_website_and_profile(shared_data: Path) -> None:
    rows = _read(shared_data / "leads" / "hubspot-style.csv")
    targets = {
        "First Name": "first_name", "Last Name": "last_name", "Email": "email", "Job Title": "title",
        "Company Name": "company", "Website URL": "website", "Country/Region": "country", "Phone Number": "phone",
        "LinkedIn URL": "linkedin_url", "Lifecycle Stage": "status",
    }  # fmt: skip
    jane, tom, ann, bob = _normalized(rows, targets)
    assert jane.fields == {
        "full_name": "Jane Doe", "linkedin_url": "https://www.linkedin.com/in/janedoe", "email": "jane@acme.de",
        "phone": "+49301234", "company": "Acme GmbH", "title": "CEO", "location": "Germany", "website": "acme.de",
        "status": "Lead",
    }  # fmt: skip
    assert tom.phones == ()
    assert ann.fields["location"] == "France"
    assert bob.fields == {"full_name": "Bob Stone", "email": "bob@gmail.com", "status": "Lead"}
