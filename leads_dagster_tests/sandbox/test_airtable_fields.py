"""What each type of field accepts, refuses and shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pyairtable import Api, Table

from leads_dagster.sandbox import Sandbox

BASE = "appAllFieldTypes1"
LINK = {"linkedTableId": "tblCompanies00001", "inverseLinkFieldId": "fldPeople00000001"}
BACK = {"linkedTableId": "tblPeople00000001", "inverseLinkFieldId": "fldCompany0000001"}
CHOICES = {"choices": [{"id": "selNew00000000001", "name": "new", "color": "blueLight2"}]}


def field(number: int, name: str, kind: str, options: dict[str, Any] | None = None) -> dict[str, Any]:
    made = {"id": f"fldPerson{number:08d}", "name": name, "type": kind}
    return {**made, "options": options} if options else made


PEOPLE = [
    field(1, "Name", "singleLineText"),
    field(2, "Number", "number", {"precision": 1}),
    field(3, "Rating", "rating", {"max": 5, "icon": "star", "color": "redBright"}),
    field(4, "Check", "checkbox"),
    field(5, "Date", "date"),
    field(6, "Time", "dateTime"),
    field(7, "Choice", "singleSelect", CHOICES),
    field(8, "Choices", "multipleSelects", {"choices": []}),
    field(9, "Files", "multipleAttachments"),
    field(10, "Owner", "singleCollaborator"),
    field(11, "Owners", "multipleCollaborators"),
    field(12, "Barcode", "barcode"),
    field(13, "Duration", "duration"),
    {"id": "fldCompany0000001", "name": "Company", "type": "multipleRecordLinks", "options": LINK},
    field(14, "Twice", "formula", {"formula": "{Number}*2"}),
    field(15, "Serial", "autoNumber"),
    field(16, "Made", "createdTime"),
    field(17, "Changed", "lastModifiedTime", {"isValid": True, "referencedFieldIds": ["fldPerson00000002"]}),
    field(
        18,
        "City",
        "multipleLookupValues",
        {"recordLinkFieldId": "fldCompany0000001", "fieldIdInLinkedTable": "fldCity0000000001"},
    ),
    field(19, "Companies", "count", {"recordLinkFieldId": "fldCompany0000001"}),
    field(
        20,
        "Size",
        "rollup",
        {
            "recordLinkFieldId": "fldCompany0000001",
            "fieldIdInLinkedTable": "fldSize0000000001",
            "formula": "SUM(values)",
        },
    ),
    field(21, "Rich", "richText"),
    field(22, "Wrong", "formula", {"formula": "1/0"}),
]
COMPANIES = [
    {"id": "fldCompName000001", "name": "Name", "type": "singleLineText"},
    {"id": "fldCity0000000001", "name": "City", "type": "singleLineText"},
    {"id": "fldSize0000000001", "name": "Size", "type": "number"},
    {"id": "fldPeople00000001", "name": "People", "type": "multipleRecordLinks", "options": BACK},
]
SEED = {
    "bases": [
        {
            "id": BASE,
            "name": "All types",
            "permissionLevel": "create",
            "tables": [
                {"id": "tblPeople00000001", "name": "People", "primaryFieldId": "fldPerson00000001", "fields": PEOPLE},
                {
                    "id": "tblCompanies00001",
                    "name": "Companies",
                    "primaryFieldId": "fldCompName000001",
                    "fields": COMPANIES,
                    "records": [{"id": "recAcme0000000001", "fields": {"Name": "Acme", "City": "Bonn", "Size": 12}}],
                },
            ],
        }
    ],
    "users": [{"id": "usrAnn00000000001", "email": "ann@example.com", "name": "Ann"}],
}


@pytest.fixture
def typed() -> Iterator[Sandbox]:
    with Sandbox(SEED) as running:
        yield running


@pytest.fixture
def people(typed: Sandbox) -> Iterator[Table]:
    api = Api("pat", endpoint_url=typed.url, retry_strategy=None)
    yield api.table(BASE, "People")
    api.session.close()


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Number", 6.0, 6),
        ("Number", 0, 0),
        ("Rating", 3, 3),
        ("Check", True, True),
        ("Date", "2024-02-29", "2024-02-29"),
        ("Date", "2024-02-29T10:00:00Z", "2024-02-29"),
        ("Time", "2024-02-29T10:00:00Z", "2024-02-29T10:00:00.000Z"),
        ("Time", "2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00.000Z"),
        ("Time", 1640520000000, "2021-12-26T12:00:00.000Z"),
        ("Choice", "new", "new"),
        ("Barcode", {"text": "123", "type": "upce"}, {"text": "123", "type": "upce"}),
        ("Duration", 90, 90),
        ("Company", ["recAcme0000000001"], ["recAcme0000000001"]),
        ("Owner", {"email": "ann@example.com"}, {"id": "usrAnn00000000001", "email": "ann@example.com", "name": "Ann"}),
        ("Rich", "#h\n* bullet", "#h\n- bullet\n"),
    ],
)
def test_a_fitting_value_is_kept(people: Table, name: str, value: Any, kept: Any) -> None:
    assert people.create({name: value})["fields"][name] == kept


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("Number", "abc", "INVALID_VALUE_FOR_COLUMN"),
        ("Number", True, "INVALID_VALUE_FOR_COLUMN"),
        ("Rating", 9, "INVALID_VALUE_FOR_COLUMN"),
        ("Check", "true", "INVALID_VALUE_FOR_COLUMN"),
        ("Date", "last week", "INVALID_VALUE_FOR_COLUMN"),
        ("Date", "02/30/2024", "INVALID_VALUE_FOR_COLUMN"),
        ("Choice", "old", "INVALID_MULTIPLE_CHOICE_OPTIONS"),
        ("Choices", "a,b", "INVALID_VALUE_FOR_COLUMN"),
        ("Files", [{"name": "x"}], "INVALID_ATTACHMENT_OBJECT"),
        ("Owner", {"id": "usrNobody00000001"}, "INVALID_VALUE_FOR_COLUMN"),
        ("Company", ["recNobody00000001"], "ROW_DOES_NOT_EXIST"),
        ("Company", ["Acme"], "INVALID_RECORD_ID"),
        ("Twice", 4, "INVALID_VALUE_FOR_COLUMN"),
        ("Serial", 4, "INVALID_VALUE_FOR_COLUMN"),
        ("City", ["x"], "INVALID_VALUE_FOR_COLUMN"),
        ("Name", "x" * 100_001, "INVALID_VALUE_FOR_COLUMN"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(people: Table, name: str, value: Any, kind: str) -> None:
    with pytest.raises(requests.HTTPError) as caught:
        people.create({name: value})
    assert (caught.value.response.status_code, caught.value.response.json()["error"]["type"]) == (422, kind)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Name", 5, "5"),
        ("Number", "$1,234.50", 1234.5),
        ("Check", "yes", True),
        ("Date", "2/3/2024", "2024-02-03"),
        ("Choice", "brand new", "brand new"),
        ("Choices", "a, b", ["a", "b"]),
        ("Owner", "ann@example.com", {"id": "usrAnn00000000001", "email": "ann@example.com", "name": "Ann"}),
        ("Company", "Acme", ["recAcme0000000001"]),
        ("Duration", "1:21", 4860),
        ("Barcode", "123", {"text": "123"}),
    ],
)
def test_typecast_makes_a_value_fit(people: Table, name: str, value: Any, kept: Any) -> None:
    assert people.create({name: value}, typecast=True)["fields"][name] == kept


def test_typecast_adds_an_option_to_the_schema(people: Table) -> None:
    people.create({"Choice": "brand new"}, typecast=True)
    options = people.schema().field("Choice").options.choices
    assert [choice.name for choice in options] == ["new", "brand new"]


def test_one_who_may_only_edit_adds_no_option(typed: Sandbox, people: Table) -> None:
    typed.world.bases[BASE].permission_level = "edit"
    with pytest.raises(requests.HTTPError) as caught:
        people.create({"Choice": "brand new"}, typecast=True)
    message = 'Insufficient permissions to create new select option ""brand new""'
    assert caught.value.response.json()["error"]["message"] == message


def test_computed_fields_follow_what_they_are_computed_from(people: Table) -> None:
    made = people.create({"Number": 4, "Company": ["recAcme0000000001"]})["fields"]
    assert (made["Twice"], made["Serial"], made["City"], made["Companies"], made["Size"]) == (8, 1, ["Bonn"], 1, 12)
    assert made["Made"].endswith(".000Z")
    assert made["Wrong"] == {"error": "#ERROR!"}


def test_a_last_modified_time_watches_only_its_fields(typed: Sandbox, people: Table) -> None:
    made = people.create({"Number": 4, "Name": "x"})
    typed.clock.advance(60)
    assert people.update(made["id"], {"Name": "y"})["fields"]["Changed"] == made["fields"]["Changed"]
    assert people.update(made["id"], {"Number": 5})["fields"]["Changed"] > made["fields"]["Changed"]


def test_a_link_shows_at_its_other_end_and_goes_with_the_record(typed: Sandbox, people: Table) -> None:
    made = people.create({"Company": ["recAcme0000000001"]})
    assert typed.airtable.records(BASE, "Companies")[0]["fields"]["People"] == [made["id"]]
    people.delete(made["id"])
    assert "People" not in typed.airtable.records(BASE, "Companies")[0]["fields"]


def test_an_attachment_gets_an_id_and_keeps_it(people: Table) -> None:
    made = people.create({"Files": [{"url": "https://example.com/a/card.png"}]})
    file = made["fields"]["Files"][0]
    assert (file["filename"], file["type"]) == ("card.png", "image/png")
    more = people.update(made["id"], {"Files": [{"id": file["id"]}, {"url": "https://example.com/b.pdf"}]})
    assert [each["filename"] for each in more["fields"]["Files"]] == ["card.png", "b.pdf"]


def test_an_email_field_cannot_be_merged_on(people: Table) -> None:
    with pytest.raises(requests.HTTPError) as caught:
        people.batch_upsert([{"fields": {"Check": True}}], key_fields=["Check"])
    assert caught.value.response.status_code == 422
