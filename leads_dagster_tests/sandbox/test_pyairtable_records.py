"""pyairtable's Api and Table: records by every way that it has, as Airtable answers them."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from pyairtable import Api, Table
from pyairtable.formulas import Field, match

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.conftest import BASE
from leads_dagster_tests.sandbox.pyairtable_world import TYPED_BASE, api_of, typed_bases

NAME, EMAIL, KEY = "fldLeads000000001", "fldLeads000000002", "fldLeads000000016"
LOCAL = {"dateFormat": {"name": "local"}, "timeFormat": {"name": "12hour"}, "timeZone": "client"}


def test_a_client_knows_who_it_is_and_which_bases_there_are(api: Api) -> None:
    assert api.whoami() == {"id": "usrLeadsSandbox01"}
    assert [(each.id, each.name, each.permission_level) for each in api.bases()] == [(BASE, "Leads sandbox", "create")]
    assert api.base(BASE, validate=True).name == "Leads sandbox"
    assert api.table(BASE, "Leads", validate=True).id == "tblLeadsSandbox01"
    with pytest.raises(KeyError):
        api.base("appUnknown0000000", validate=True)


def test_bare_requests_go_to_the_addresses_that_the_client_builds(api: Api) -> None:
    url = api.build_url(BASE, "Leads")
    made = api.post(url, json={"fields": {"Name": "Ann"}})
    assert api.get(url)["records"] == [made]
    assert api.patch(f"{url}/{made['id']}", json={"fields": {"Title": "CEO"}})["fields"] == {
        "Name": "Ann",
        "Title": "CEO",
    }
    assert api.request("PUT", f"{url}/{made['id']}", json={"fields": {"Name": "Bob"}})["fields"] == {"Name": "Bob"}
    assert api.delete(f"{url}/{made['id']}") == {"id": made["id"], "deleted": True}
    assert [page["records"] for page in api.iterate_requests("GET", url)] == [[]]
    assert list(map(len, api.chunked(range(25)))) == [10, 10, 5]
    assert api.api_key == "patAnyKey"


def test_a_record_is_created_read_changed_replaced_and_deleted(table: Table) -> None:
    made = table.create({"Name": "Ann", "Email": "a@example.com"})
    assert table.get(made["id"]) == made
    assert table.update(made["id"], {"Email": None})["fields"] == {"Name": "Ann"}
    assert table.update(made["id"], {"Title": "CEO"}, replace=True)["fields"] == {"Title": "CEO"}
    assert table.delete(made["id"]) == {"id": made["id"], "deleted": True}
    with pytest.raises(requests.HTTPError) as caught:
        table.get(made["id"])
    assert caught.value.response.status_code == 404


def test_batches_are_cut_into_tens(table: Table, sandbox: Sandbox) -> None:
    made = table.batch_create([{"Name": f"n{number}"} for number in range(23)])
    assert sandbox.requests.tally().writes == 3
    edits = [{"id": each["id"], "fields": {"Title": "CEO"}} for each in made]
    assert {each["fields"]["Title"] for each in table.batch_update(edits)} == {"CEO"}
    cleared = table.batch_update([{"id": made[0]["id"], "fields": {"Name": "x"}}], replace=True)
    assert cleared[0]["fields"] == {"Name": "x"}
    assert len(table.batch_delete([each["id"] for each in made])) == 23
    assert sandbox.requests.tally().writes == 10
    assert table.all() == []


def test_an_upsert_tells_what_it_made_and_what_it_changed(table: Table) -> None:
    known = table.create({"lead_key": "k1", "Name": "old", "Title": "CEO"})
    other = table.create({"Name": "no key"})
    rows = [
        {"fields": {"lead_key": "k1", "Name": "new"}},
        {"fields": {"lead_key": "k2", "Name": "two"}},
        {"id": other["id"], "fields": {"Company": "Acme"}},
    ]
    answer = table.batch_upsert(rows, key_fields=["lead_key"])
    assert answer["updatedRecords"] == [known["id"], other["id"]]
    assert [each["id"] for each in answer["records"]] == [known["id"], answer["createdRecords"][0], other["id"]]
    replaced = table.batch_upsert([{"fields": {"lead_key": "k1"}}], key_fields=["lead_key"], replace=True)
    assert replaced["records"][0]["fields"] == {"lead_key": "k1"}
    by_id = table.batch_upsert([{"fields": {KEY: "k2"}}], key_fields=[KEY], use_field_ids=True)
    assert by_id["records"][0]["fields"] == {KEY: "k2", NAME: "two"}
    with pytest.raises(requests.HTTPError, match="ROW_DOES_NOT_EXIST"):
        table.batch_upsert([{"id": "recUnknown0000000", "fields": {"lead_key": "k9"}}], key_fields=["lead_key"])


def test_pages_first_and_views(table: Table) -> None:
    table.batch_create([{"Name": f"n{number:03d}"} for number in range(205)])
    assert [len(page) for page in table.iterate()] == [100, 100, 5]
    assert [len(page) for page in table.iterate(page_size=50, max_records=120)] == [50, 50, 20]
    assert table.first(sort=["-Name"])["fields"] == {"Name": "n204"}
    assert table.first(view="Grid view", fields=["Name"])["fields"] == {"Name": "n000"}
    assert table.first(view="viwLeadsSandbox01")["fields"] == {"Name": "n000"}
    assert table.first(formula=match({"Name": "none such"})) is None
    assert len(table.all(formula=Field("Name").gte("n200"), sort=["Name"])) == 5


def test_fields_by_id_on_every_way_in_and_out(sandbox: Sandbox, table: Table) -> None:
    made = table.create({NAME: "Ann"}, use_field_ids=True)
    assert made["fields"] == {NAME: "Ann"}
    assert table.get(made["id"], use_field_ids=True)["fields"] == {NAME: "Ann"}
    assert table.all(use_field_ids=True, fields=[NAME])[0]["fields"] == {NAME: "Ann"}
    assert table.update(made["id"], {EMAIL: "a@b.example"}, use_field_ids=True)["fields"][EMAIL] == "a@b.example"
    api = api_of(sandbox, use_field_ids=True)
    assert api.table(BASE, "Leads").batch_create([{"Name": "Bob"}])[0]["fields"] == {NAME: "Bob"}
    edits = [{"id": made["id"], "fields": {"Name": "Ann"}}]
    assert set(api.table(BASE, "Leads").batch_update(edits)[0]["fields"]) == {NAME, EMAIL}
    api.session.close()


def test_cells_as_text_in_a_zone_and_a_language(table: Table) -> None:
    made = table.create({"Name": "Ann", "Confidence": 0.5, "Verified": True})
    options = {"cell_format": "string", "time_zone": "Europe/Berlin", "user_locale": "de"}
    expected = {"Name": "Ann", "Confidence": "0.50", "Verified": "checked"}
    assert table.get(made["id"], **options)["fields"] == expected
    assert table.all(**options)[0]["fields"] == expected
    long = "AND(" + ",".join([f"{{Name}} != '{'x' * 200}'"] * 100) + ")"
    assert table.all(formula=long, **options)[0]["fields"] == expected


def test_cells_of_every_type_are_text_as_the_screen_shows_them() -> None:
    ann = {
        "Name": "Ann",
        "Price": 9.5,
        "Share": 0.255,
        "Stars": 4,
        "Length": 5400,
        "Seen": True,
        "Day": "2024-02-29",
        "At": "2024-02-29T13:45:00.000Z",
        "Tags": ["red"],
        "Owner": {"id": "usrAnn00000000001"},
        "Firm": ["recAcme0000000001"],
    }
    with Sandbox(typed_bases()) as typed:
        typed.airtable.add_field(TYPED_BASE, "People", {"name": "Local", "type": "dateTime", "options": LOCAL})
        api = api_of(typed)
        table = api.table(TYPED_BASE, "People")
        made = table.create({**ann, "Local": ann["At"]})
        shown = table.get(made["id"], cell_format="string", time_zone="Asia/Tokyo", user_locale="en-us")["fields"]
        api.session.close()
    expected = {
        "Name": "Ann",
        "Price": "€9.50",
        "Share": "25.5%",
        "Stars": "4",
        "Length": "1:30",
        "Seen": "checked",
        "Day": "2024-02-29",
        "At": "2024-02-29 13:45",
        "Local": "2/29/2024 10:45pm",
        "Tags": "red",
        "Owner": "Ann",
        "Firm": "Acme",
        "Cities": "Bonn",
        "Loud": "ANN",
    }
    assert {name: shown[name] for name in expected} == expected


def test_a_zone_that_is_none_is_refused(table: Table) -> None:
    with pytest.raises(requests.HTTPError) as caught:
        table.all(cell_format="string", time_zone="Mars/Olympus", user_locale="en")
    assert caught.value.response.status_code == 422


def test_comments_are_counted_in_either_form_of_a_listing(table: Table) -> None:
    made = table.create({"Name": "Ann"})
    table.add_comment(made["id"], "Hello")
    long = "AND(" + ",".join([f"{{Name}} != '{'x' * 200}'"] * 100) + ")"
    assert [each["commentCount"] for each in table.all(count_comments=True)] == [1]
    assert [each["commentCount"] for each in table.all(count_comments=True, formula=long)] == [1]


def test_typecast_is_off_unless_asked_for(table: Table) -> None:
    with pytest.raises(requests.HTTPError, match="INVALID_VALUE_FOR_COLUMN"):
        table.create({"Confidence": "0.5"})
    made = table.create({"Confidence": "0.5"}, typecast=True)
    assert made["fields"] == {"Confidence": 0.5}
    edits = [{"id": made["id"], "fields": {"Verified": "yes"}}]
    assert table.batch_update(edits, typecast=True)[0]["fields"] == {"Confidence": 0.5, "Verified": True}
    assert table.batch_create([{"Confidence": "1"}], typecast=True)[0]["fields"] == {"Confidence": 1}


def test_a_file_is_uploaded_to_the_content_host(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.airtable.add_field(BASE, "Leads", {"name": "Files", "type": "multipleAttachments"})
    path = tmp_path / "card.png"
    path.write_bytes(b"picture")
    api = api_of(sandbox)
    table = api.table(BASE, "Leads")
    made = table.create({"Name": "Ann"})
    table.upload_attachment(made["id"], "Files", path)
    answer = table.upload_attachment(made["id"], "Files", "note.txt", "some text", "text/plain")
    files = next(iter(answer["fields"].values()))
    assert [(each["filename"], each["type"], each["size"]) for each in files] == [
        ("card.png", "image/png", 7),
        ("note.txt", "text/plain", 9),
    ]
    assert table.get(made["id"])["fields"]["Files"] == files
    assert table.upload_attachment(made["id"], "Files", "5.bin", b"x" * 5_000_000, "application/octet-stream")
    with pytest.raises(requests.HTTPError) as caught:
        table.upload_attachment(made["id"], "Files", "6.bin", b"x" * 6_000_000, "application/octet-stream")
    assert caught.value.response.status_code == 413
    api.session.close()


def test_a_table_is_found_by_its_id_or_name(api: Api, table: Table) -> None:
    assert table.id == "tblLeadsSandbox01"
    assert table.api is api
    assert table.id_or_name == "tblLeadsSandbox01"
    assert api.table(BASE, "Other name").id_or_name == "Other%20name"
