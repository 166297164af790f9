"""What Airtable puts on the wire, claim by claim, where no recording and no other test here holds it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, read_bases_file
from leads_dagster_tests.sandbox.conftest import BASE

TABLE, NAME, STAGE = "tblLeadsSandbox01", "fldLeads000000001", "Stage"
ID = re.compile(r"^[a-z]{3}[A-Za-z0-9]{14}$")


@pytest.fixture
def wire(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{sandbox.url}/v0", headers={"Authorization": "Bearer pat"}) as client:
        yield client


def records(*names: str) -> dict[str, Any]:
    return {"records": [{"fields": {"Name": name}} for name in names]}


def error(answer: httpx.Response) -> tuple[int, str, str]:
    said = answer.json()["error"]
    return answer.status_code, said["type"], said["message"]


@pytest.mark.parametrize("empty", [{"Name": ""}, {"Verified": False}, {"Name": None}, {"Confidence": None}, {}])
def test_empty_values_are_left_out_of_a_record(wire: httpx.Client, empty: dict[str, Any]) -> None:
    made = wire.post(f"/{BASE}/Leads", json={"fields": {"Company": "Acme", **empty}}).json()
    assert made["fields"] == {"Company": "Acme"}


def test_a_created_record_has_an_id_a_time_and_its_fields(wire: httpx.Client) -> None:
    made = wire.post(f"/{BASE}/Leads", json={"fields": {"Name": "Ann"}}).json()
    assert set(made) == {"id", "createdTime", "fields"}
    assert ID.match(made["id"])
    assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$", made["createdTime"])


def test_one_record_is_answered_alone_and_several_in_a_list(wire: httpx.Client) -> None:
    assert "records" not in wire.post(f"/{BASE}/Leads", json={"fields": {"Name": "Ann"}}).json()
    assert set(wire.post(f"/{BASE}/Leads", json=records("Bob")).json()) == {"records"}


def test_an_eleventh_record_is_refused_in_airtables_own_words(wire: httpx.Client) -> None:
    message = "A maximum of 10 records can be created per request but you have provided 11."
    assert error(wire.post(f"/{BASE}/Leads", json=records(*"abcdefghijk"))) == (422, "INVALID_RECORDS", message)
    edits = {"records": [{"id": "recAny00000000001", "fields": {}}] * 11}
    message = (
        'You must provide an array of up to 10 record objects, each with an "id" ID field and a "fields" object for '
        "cell values."
    )
    assert error(wire.patch(f"/{BASE}/Leads", json=edits)) == (422, "INVALID_RECORDS", message)
    ids = [("records[]", "recAny00000000001")] * 11
    assert wire.delete(f"/{BASE}/Leads", params=ids).status_code == 422


def test_an_address_of_more_than_16000_characters_is_refused_and_its_post_is_not(wire: httpx.Client) -> None:
    formula = "{Name} = '" + "x" * 16_000 + "'"
    assert wire.get(f"/{BASE}/Leads", params={"filterByFormula": formula}).status_code == 414
    assert wire.post(f"/{BASE}/Leads/listRecords", json={"filterByFormula": formula}).json() == {"records": []}


@pytest.mark.parametrize("names", [[], ["Name", "Company", "Title", "Notes"], "Name", ["Verified"], ["No such"]])
def test_an_upsert_merges_on_one_to_three_fields_of_plain_types(wire: httpx.Client, names: object) -> None:
    body = {**records("Ann"), "performUpsert": {"fieldsToMergeOn": names}}
    assert wire.patch(f"/{BASE}/Leads", json=body).status_code == 422


def test_an_upsert_answers_with_two_lists_of_ids_and_a_plain_update_with_none(wire: httpx.Client) -> None:
    body = {**records("Ann"), "performUpsert": {"fieldsToMergeOn": ["Name"]}}
    made = wire.patch(f"/{BASE}/Leads", json=body).json()
    record = made["records"][0]["id"]
    assert (made["createdRecords"], made["updatedRecords"]) == ([record], [])
    plain = wire.patch(f"/{BASE}/Leads", json={"records": [{"id": record, "fields": {"Name": "Bob"}}]}).json()
    assert set(plain) == {"records"}


def test_one_request_names_a_record_once_only(sandbox: Sandbox, wire: httpx.Client) -> None:
    known = sandbox.airtable.create(BASE, "Leads", [{"lead_key": "k1"}])[0]["id"]
    message = "You cannot update the same record multiple times in a single request."
    by_id = {"id": known, "fields": {"Name": "x"}}
    new, same = {"fields": {"lead_key": "k2"}}, {"fields": {"lead_key": "k1"}}
    merging = {"performUpsert": {"fieldsToMergeOn": ["lead_key"]}}
    for body in (
        {"records": [by_id, by_id]},
        {"records": [same, same], **merging},
        {"records": [by_id, same], **merging},
        {"records": [new, new], **merging},
    ):
        assert error(wire.patch(f"/{BASE}/Leads", json=body)) == (422, "INVALID_RECORDS", message)
    assert [each["fields"] for each in sandbox.airtable.records(BASE, "Leads")] == [{"lead_key": "k1"}]


def test_deleting_answers_for_each_record(wire: httpx.Client) -> None:
    ids = [each["id"] for each in wire.post(f"/{BASE}/Leads", json=records("a", "b", "c")).json()["records"]]
    assert wire.delete(f"/{BASE}/Leads/{ids[0]}").json() == {"id": ids[0], "deleted": True}
    rest = wire.delete(f"/{BASE}/Leads", params=[("records[]", each) for each in ids[1:]]).json()
    assert rest == {"records": [{"id": each, "deleted": True} for each in ids[1:]]}


@pytest.mark.parametrize(
    ("fields", "kind", "message"),
    [
        ({"X": 1}, "UNKNOWN_FIELD_NAME", 'Unknown field name: "X"'),
        ({"Confidence": "abc"}, "INVALID_VALUE_FOR_COLUMN", 'Field "Confidence" cannot accept the provided value'),
        ({"Verified": "yes"}, "INVALID_VALUE_FOR_COLUMN", 'Field "Verified" cannot accept the provided value'),
        (
            {"Loud": "x"},
            "INVALID_VALUE_FOR_COLUMN",
            'Field "Loud" cannot accept a value because the field is computed',
        ),
        (
            {"Stage": "old"},
            "INVALID_MULTIPLE_CHOICE_OPTIONS",
            'Insufficient permissions to create new select option ""old""',
        ),
        ({"Files": ["x"]}, "INVALID_ATTACHMENT_OBJECT", "Invalid attachment object for field Files: x"),
    ],
)
def test_a_value_that_a_field_does_not_take_is_refused_in_words(
    sandbox: Sandbox, wire: httpx.Client, fields: dict[str, Any], kind: str, message: str
) -> None:
    add = sandbox.airtable.add_field
    add(BASE, "Leads", {"name": "Loud", "type": "formula", "options": {"formula": "UPPER({Name})"}})
    add(BASE, "Leads", {"name": "Stage", "type": "singleSelect"})
    add(BASE, "Leads", {"name": "Files", "type": "multipleAttachments"})
    rows = {"records": [{"fields": {"Name": "good"}}, {"fields": fields}]}
    assert error(wire.post(f"/{BASE}/Leads", json=rows)) == (422, kind, message)
    assert sandbox.airtable.records(BASE, "Leads") == []


def test_a_cell_or_a_body_too_large_is_refused(wire: httpx.Client) -> None:
    long = wire.post(f"/{BASE}/Leads", json={"fields": {"Notes": "x" * 100_001}})
    assert error(long)[:2] == (422, "INVALID_VALUE_FOR_COLUMN")
    huge = wire.post(f"/{BASE}/Leads", json=records("x" * 5_000_000))
    assert (huge.status_code, huge.json()) == (413, {"error": "REQUEST_TOO_LARGE"})


def test_a_base_is_full_at_the_limit_of_its_file_over_all_of_its_tables() -> None:
    seed = read_bases_file(DEFAULT_BASES)
    seed["bases"][0]["recordLimit"] = 2
    other = {"name": "Other", "fields": [{"name": "Name", "type": "singleLineText"}]}
    seed["bases"][0]["tables"].append({**other, "records": [{"fields": {"Name": "x"}}]})
    with Sandbox(seed) as sandbox:
        url = f"{sandbox.url}/v0/{BASE}/Leads"
        with httpx.Client(headers={"Authorization": "Bearer pat"}) as client:
            refused = client.post(url, json=records("a", "b"))
            assert error(refused)[:2] == (422, "RECORD_LIMIT_REACHED")
            made = client.post(url, json=records("a")).json()["records"][0]
            edits = {"records": [{"id": made["id"], "fields": {"Name": "b"}}]}
            assert client.patch(url, json=edits).status_code == 200
            assert client.post(url, json=records("c")).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", f"{BASE}/Leads", "data.records:read"),
        ("POST", f"{BASE}/Leads", "data.records:write"),
        ("PATCH", f"{BASE}/Leads", "data.records:write"),
        ("DELETE", f"{BASE}/Leads", "data.records:write"),
        ("GET", f"{BASE}/Leads/recAny00000000001/comments", "data.recordComments:read"),
        ("POST", f"{BASE}/Leads/recAny00000000001/comments", "data.recordComments:write"),
        ("GET", f"meta/bases/{BASE}/tables", "schema.bases:read"),
        ("POST", f"meta/bases/{BASE}/tables/{TABLE}/fields", "schema.bases:write"),
        ("GET", f"bases/{BASE}/webhooks", "webhook:manage"),
    ],
)
def test_a_request_needs_its_scope_and_no_other(method: str, path: str, scope: str) -> None:
    scopes = {
        "data.records:read",
        "data.records:write",
        "data.recordComments:read",
        "data.recordComments:write",
        "schema.bases:read",
        "schema.bases:write",
        "webhook:manage",
    }
    tokens = {"patAll": {"scopes": [*scopes]}, "patLess": {"scopes": [*(scopes - {scope})]}}
    with Sandbox({**read_bases_file(DEFAULT_BASES), "tokens": tokens}) as sandbox:
        statuses = {
            token: httpx.request(method, f"{sandbox.url}/v0/{path}", headers={"Authorization": f"Bearer {token}"})
            for token in tokens
        }
    assert error(statuses["patLess"])[:2] == (403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND")
    assert statuses["patAll"].status_code != 403


def test_a_token_sees_no_base_but_its_own() -> None:
    tokens = {"patNone": {"bases": []}}
    headers = {"Authorization": "Bearer patNone"}
    with Sandbox({**read_bases_file(DEFAULT_BASES), "tokens": tokens}) as sandbox:
        assert httpx.get(f"{sandbox.url}/v0/meta/bases", headers=headers).json() == {"bases": []}
        refused = httpx.get(f"{sandbox.url}/v0/{BASE}/Leads", headers=headers)
        assert error(refused)[:2] == (403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND")


def test_a_formula_is_changed_by_its_options(sandbox: Sandbox, wire: httpx.Client) -> None:
    given = {"name": "Loud", "type": "formula", "options": {"formula": "UPPER({Name})"}}
    loud = sandbox.airtable.add_field(BASE, "Leads", given)["id"]
    path = f"/meta/bases/{BASE}/tables/{TABLE}/fields/{loud}"
    shown = wire.patch(path, json={"options": {"formula": "LOWER({Name})"}}).json()["options"]
    assert (shown["formula"], shown["referencedFieldIds"]) == (f"LOWER({{{NAME}}})", [NAME])
    sandbox.airtable.change_field(BASE, "Leads", "Name", {"name": "Full name"})
    made = wire.post(f"/{BASE}/Leads", json={"fields": {"Full name": "Ann"}}).json()
    assert made["fields"] == {"Full name": "Ann", "Loud": "ann"}


def test_the_meta_answers_have_their_keys(wire: httpx.Client) -> None:
    base = wire.get("/meta/bases").json()["bases"][0]
    assert set(base) == {"id", "name", "permissionLevel"}
    table = wire.get(f"/meta/bases/{BASE}/tables").json()["tables"][0]
    assert {"id", "name", "primaryFieldId", "fields", "views"} <= set(table)
    assert all({"id", "name", "type"} <= set(each) for each in table["fields"])
    assert set(table["views"][0]) == {"id", "name", "type"}
    assert set(wire.get("/meta/whoami").json()) == {"id"}


def hook(wire: httpx.Client, **options: Any) -> str:
    specification = {"options": {"filters": {"dataTypes": ["tableData"]}, **options}}
    made = wire.post(f"/bases/{BASE}/webhooks", json={"specification": specification}).json()
    assert set(made) == {"id", "macSecretBase64", "expirationTime"}
    return str(made["id"])


def payloads(wire: httpx.Client, hook_id: str, **query: Any) -> Any:
    return wire.get(f"/bases/{BASE}/webhooks/{hook_id}/payloads", params=query).json()


def test_a_payload_has_the_keys_that_are_documented(sandbox: Sandbox, wire: httpx.Client) -> None:
    hook_id = hook(wire)
    made = sandbox.airtable.create(BASE, "Leads", [{"Name": "Ann"}])[0]
    page = payloads(wire, hook_id)
    assert (set(page), page["cursor"], page["mightHaveMore"]) == ({"payloads", "cursor", "mightHaveMore"}, 2, False)
    payload = page["payloads"][0]
    keys = {"timestamp", "baseTransactionNumber", "payloadFormat", "actionMetadata", "changedTablesById"}
    assert set(payload) == keys
    assert payload["payloadFormat"] == "v0"
    user = payload["actionMetadata"]["sourceMetadata"]["user"]
    assert (user["id"], user["permissionLevel"]) == ("usrLeadsSandbox01", "create")
    created = payload["changedTablesById"][TABLE]["createdRecordsById"][made["id"]]
    assert created == {"createdTime": made["createdTime"], "cellValuesByFieldId": {NAME: "Ann"}}


def test_a_cursor_begins_at_1_and_may_be_asked_for_again(sandbox: Sandbox, wire: httpx.Client) -> None:
    hook_id = hook(wire)
    for number in range(3):
        sandbox.airtable.create(BASE, "Leads", [{"Name": str(number)}])
    assert payloads(wire, hook_id, limit=2)["cursor"] == 3
    assert payloads(wire, hook_id, limit=2)["mightHaveMore"] is True
    assert len(payloads(wire, hook_id, cursor=1)["payloads"]) == 3
    assert payloads(wire, hook_id, cursor=4) == {"payloads": [], "cursor": 4, "mightHaveMore": False}
    for wrong in ({"limit": 51}, {"limit": 0}, {"cursor": 0}, {"cursor": "x"}):
        assert "error" in payloads(wire, hook_id, **wrong)


def test_a_payload_shows_an_option_as_an_object_and_a_listing_as_its_name(sandbox: Sandbox, wire: httpx.Client) -> None:
    field = sandbox.airtable.add_field(BASE, "Leads", {"name": STAGE, "type": "singleSelect"})
    sandbox.airtable.change_field(BASE, "Leads", STAGE, {"choices": ["won"]})
    hook_id = hook(wire)
    made = wire.post(f"/{BASE}/Leads", json={"fields": {STAGE: "won"}}).json()
    assert made["fields"] == {STAGE: "won"}
    told = payloads(wire, hook_id)["payloads"][0]["changedTablesById"][TABLE]["createdRecordsById"][made["id"]]
    shown = told["cellValuesByFieldId"][field["id"]]
    assert (set(shown), shown["name"]) == ({"id", "name", "color"}, "won")


def test_a_link_is_told_of_at_both_ends_in_one_payload(sandbox: Sandbox, wire: httpx.Client) -> None:
    firms = {"name": "Firms", "fields": [{"name": "Name", "type": "singleLineText"}]}
    firm_table = wire.post(f"/meta/bases/{BASE}/tables", json=firms).json()["id"]
    link = sandbox.airtable.add_field(
        BASE, "Leads", {"name": "Firm", "type": "multipleRecordLinks", "options": {"linkedTableId": firm_table}}
    )
    firm = sandbox.airtable.create(BASE, "Firms", [{"Name": "Acme"}])[0]["id"]
    hook_id = hook(wire)
    lead = wire.post(f"/{BASE}/Leads", json={"fields": {"Name": "Ann", "Firm": [firm]}}).json()["id"]
    changed = payloads(wire, hook_id)["payloads"][0]["changedTablesById"]
    told = changed[TABLE]["createdRecordsById"][lead]["cellValuesByFieldId"]
    assert told[link["id"]] == [{"id": firm, "name": "Acme"}]
    back = changed[firm_table]["changedRecordsById"][firm]["current"]["cellValuesByFieldId"]
    assert list(back.values()) == [[{"id": lead, "name": "Ann"}]]


def test_a_change_tells_of_the_formula_that_follows_from_it(sandbox: Sandbox, wire: httpx.Client) -> None:
    given = {"name": "Loud", "type": "formula", "options": {"formula": "UPPER({Name})"}}
    loud = sandbox.airtable.add_field(BASE, "Leads", given)["id"]
    made = sandbox.airtable.create(BASE, "Leads", [{"Name": "Ann"}])[0]["id"]
    hook_id = hook(wire, includes={"includePreviousCellValues": True})
    sandbox.airtable.update(BASE, "Leads", [{"id": made, "fields": {"Name": "Bob"}}])
    changed = payloads(wire, hook_id)["payloads"][0]["changedTablesById"][TABLE]["changedRecordsById"][made]
    assert changed["current"]["cellValuesByFieldId"] == {NAME: "Bob", loud: "BOB"}
    assert changed["previous"]["cellValuesByFieldId"] == {NAME: "Ann", loud: "ANN"}


def test_a_hook_of_a_view_hears_of_it_under_the_view(sandbox: Sandbox, wire: httpx.Client) -> None:
    filters = {"dataTypes": ["tableData"], "recordChangeScope": "viwLeadsSandbox01"}
    body = {"specification": {"options": {"filters": filters}}}
    hook_id = wire.post(f"/bases/{BASE}/webhooks", json=body).json()["id"]
    made = sandbox.airtable.create(BASE, "Leads", [{"Name": "Ann"}])[0]["id"]
    changed = payloads(wire, hook_id)["payloads"][0]["changedTablesById"][TABLE]
    assert list(changed["changedViewsById"]["viwLeadsSandbox01"]["createdRecordsById"]) == [made]


def test_an_ill_hook_says_which_field_is_gone_and_hears_no_more(sandbox: Sandbox, wire: httpx.Client) -> None:
    filters = {"dataTypes": ["tableData"], "watchDataInFieldIds": ["fldLeads000000004"]}
    body = {"specification": {"options": {"filters": filters}}}
    hook_id = wire.post(f"/bases/{BASE}/webhooks", json=body).json()["id"]
    sandbox.airtable.remove_field(BASE, "Leads", "Company")
    sandbox.airtable.create(BASE, "Leads", [{"Name": "Ann"}])
    (said,) = payloads(wire, hook_id)["payloads"]
    assert (said["error"], said["code"], said["actionMetadata"]["source"]) == (True, "INVALID_HOOK", "client")
    assert said["changedTablesById"] == {TABLE: {"destroyedFieldIds": ["fldLeads000000004"]}}
    again = wire.post(f"/bases/{BASE}/webhooks", json=body)
    assert error(again) == (422, "UNKNOWN_FIELD_NAME", 'Unknown field name: "fldLeads000000004"')


def test_an_oauth_app_has_two_hooks_at_most_and_what_it_hears_it_must_be_allowed_to_read() -> None:
    tokens = {
        "oauth": {"oauthApp": "ours"},
        "narrow": {"scopes": ["webhook:manage", "schema.bases:read"]},
    }
    body = {"specification": {"options": {"filters": {"dataTypes": ["tableData"]}}}}
    with Sandbox({**read_bases_file(DEFAULT_BASES), "tokens": tokens}) as sandbox:
        url = f"{sandbox.url}/v0/bases/{BASE}/webhooks"
        statuses = [
            httpx.post(url, json=body, headers={"Authorization": f"Bearer {token}"}).status_code
            for token in ("oauth", "oauth", "oauth", "narrow", "pat")
        ]
    assert statuses == [200, 200, 422, 403, 200]
