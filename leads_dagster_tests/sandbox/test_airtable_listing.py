"""Listing records: pages, order, filters, fields, views, text form, and the refusals of bad parameters."""

from __future__ import annotations

import httpx
import pytest
import requests
from pyairtable import Api, Table
from pyairtable.formulas import match

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.conftest import BASE

NAMES = ["cherry", "Apple", "banana"]


@pytest.fixture
def filled(table: Table) -> Table:
    table.batch_create([{"Name": name, "Confidence": number} for number, name in enumerate(NAMES, 1)])
    return table


def names(records: list[dict[str, object]]) -> list[str]:
    return [each["fields"]["Name"] for each in records]


@pytest.fixture
def raw(sandbox: Sandbox) -> httpx.Client:
    with httpx.Client(base_url=f"{sandbox.url}/v0/{BASE}", headers={"Authorization": "Bearer pat"}) as client:
        yield client


def test_pages_hold_a_hundred_and_the_last_has_no_offset(table: Table, raw: httpx.Client) -> None:
    table.batch_create([{"Name": str(number)} for number in range(250)])
    first = raw.get("/Leads").json()
    assert len(first["records"]) == 100
    iterator, record = first["offset"].split("/")
    assert iterator.startswith("itr")
    assert record.startswith("rec")
    assert [len(page) for page in table.iterate()] == [100, 100, 50]
    assert len({each["id"] for each in table.all()}) == 250


def test_a_page_size_and_a_maximum_are_kept(table: Table) -> None:
    table.batch_create([{"Name": str(number)} for number in range(25)])
    assert [len(page) for page in table.iterate(page_size=10)] == [10, 10, 5]
    assert [len(page) for page in table.iterate(page_size=10, max_records=12)] == [10, 2]


def test_without_a_view_records_come_in_the_order_of_ids_and_in_a_view_as_they_were_made(filled: Table) -> None:
    listed = [each["id"] for each in filled.all()]
    assert listed == sorted(listed)
    assert names(filled.all(view="Grid view")) == NAMES


def test_records_are_sorted_by_text_without_case_and_by_number(filled: Table) -> None:
    assert names(filled.all(sort=["Name"])) == ["Apple", "banana", "cherry"]
    assert names(filled.all(sort=["-Confidence"])) == ["banana", "Apple", "cherry"]


def test_blanks_sort_first_and_last_when_descending(filled: Table) -> None:
    filled.create({"Name": "blank"})
    assert names(filled.all(sort=["Confidence"]))[0] == "blank"
    assert names(filled.all(sort=["-Confidence"]))[-1] == "blank"


def test_only_the_fields_asked_for_are_answered(filled: Table) -> None:
    assert all(set(each["fields"]) == {"Confidence"} for each in filled.all(fields=["Confidence"]))


def test_a_formula_filters(filled: Table) -> None:
    assert names(filled.all(formula=match({"Name": "banana"}))) == ["banana"]
    assert filled.first(formula="{Confidence} > 5") is None


@pytest.mark.parametrize("value", ["cherry", "CHERRY", 'O\'Neil \\\\ "x"', "", "none such"])
def test_a_looked_up_formula_finds_what_a_scanned_one_finds(filled: Table, value: str) -> None:
    filled.batch_create([{"Name": "cherry"}, {"Name": 'O\'Neil \\\\ "x"'}, {"Company": "blank"}])
    looked_up = match({"Name": value})
    scanned = f"AND({looked_up}, TRUE())"
    assert filled.all(formula=looked_up) == filled.all(formula=scanned)


def test_a_query_too_long_for_a_url_goes_as_a_post(filled: Table, sandbox: Sandbox) -> None:
    formula = "OR(" + ",".join(f"{{Name}}='{'x' * 90}{number}'" for number in range(200)) + ",{Name}='cherry')"
    assert names(filled.all(formula=formula)) == ["cherry"]
    assert sandbox.requests.count(route="listRecords") == 1


def test_fields_are_keyed_by_id_when_asked(sandbox: Sandbox, filled: Table) -> None:
    api = Api("pat", endpoint_url=sandbox.url, use_field_ids=True)
    by_id = api.table(BASE, "Leads").all(fields=["Name"])
    assert {next(iter(each["fields"])) for each in by_id} == {"fldLeads000000001"}
    api.session.close()


def test_values_are_text_when_asked(table: Table) -> None:
    table.create({"Name": "Ann", "Confidence": 0.5, "Verified": True})
    shown = table.all(cell_format="string", time_zone="America/New_York", user_locale="en-us")
    assert shown[0]["fields"] == {"Name": "Ann", "Confidence": "0.50", "Verified": "checked"}


def test_comments_are_counted_when_asked(table: Table) -> None:
    made = table.create({"Name": "Ann"})
    table.add_comment(made["id"], "Hello")
    assert table.all(count_comments=True)[0]["commentCount"] == 1


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("pageSize=101", "INVALID_REQUEST_UNKNOWN"),
        ("pageSize=0", "INVALID_REQUEST_UNKNOWN"),
        ("pageSize=ten", "INVALID_REQUEST_UNKNOWN"),
        ("offset=nonsense", "INVALID_OFFSET_VALUE"),
        ("offset=itrAAAAAAAAAAAAAA/recAAAAAAAAAAAAAA", "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"),
        ("view=None%20such", "VIEW_NAME_NOT_FOUND"),
        ("fields[]=None", "UNKNOWN_FIELD_NAME"),
        ("sort[0][field]=None", "UNKNOWN_FIELD_NAME"),
        ("sort[0][field]=Name&sort[0][direction]=up", "INVALID_REQUEST_UNKNOWN"),
        ("filterByFormula=AND(", "INVALID_FILTER_BY_FORMULA"),
        ("filterByFormula=%7BNone%7D%3D1", "INVALID_FILTER_BY_FORMULA"),
        ("cellFormat=string", "INVALID_REQUEST_UNKNOWN"),
    ],
)
def test_a_bad_parameter_is_refused(raw: httpx.Client, query: str, kind: str) -> None:
    answer = raw.get(f"/Leads?{query}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, kind)


def test_an_offset_goes_stale(table: Table, raw: httpx.Client, sandbox: Sandbox) -> None:
    table.batch_create([{"Name": str(number)} for number in range(101)])
    offset = raw.get("/Leads").json()["offset"]
    sandbox.clock.advance(3600)
    answer = raw.get("/Leads", params={"offset": offset})
    assert answer.json()["error"]["type"] == "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"


def test_records_deleted_between_pages_are_left_out_and_none_is_listed_twice(table: Table, raw: httpx.Client) -> None:
    made = table.batch_create([{"Name": str(number)} for number in range(150)])
    first = raw.get("/Leads").json()
    seen = {each["id"] for each in first["records"]}
    gone = [each["id"] for each in made if each["id"] not in seen][:10]
    table.batch_delete(gone)
    second = raw.get("/Leads", params={"offset": first["offset"]}).json() if first["offset"][18:] not in gone else None
    rest = {each["id"] for each in second["records"]} if second else set()
    assert not rest & seen
    assert not rest & set(gone)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        (f"/v0/{BASE}/Nope", 403, None),
        (
            f"/v0/{BASE}/Leads/recAAAAAAAAAAAAAA",
            404,
            {"error": {"type": "MODEL_ID_NOT_FOUND", "message": "Record not found"}},
        ),
        (f"/v0/{BASE}/Leads/nonsense", 404, {"error": "NOT_FOUND"}),
        ("/v0/appAAAAAAAAAAAAAA/Leads", 404, {"error": "NOT_FOUND"}),
        ("/v0/junk/Leads", 404, {"error": "NOT_FOUND"}),
        ("/v0", 404, {"error": "NOT_FOUND"}),
    ],
)
def test_what_is_not_there_is_refused(sandbox: Sandbox, path: str, status: int, body: object) -> None:
    answer = httpx.get(sandbox.url + path, headers={"Authorization": "Bearer pat"})
    assert answer.status_code == status
    assert body is None or answer.json() == body
    assert status != 403 or answer.json()["error"]["type"] == "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"


def test_a_request_without_a_key_is_refused_byte_for_byte(sandbox: Sandbox) -> None:
    answer = httpx.get(f"{sandbox.url}/v0/{BASE}/Leads")
    expected = b'{"error":{"type":"AUTHENTICATION_REQUIRED","message":"Authentication required"}}'
    assert (answer.status_code, answer.content) == (401, expected)


def test_a_table_named_with_a_slash_is_found(api: Api) -> None:
    made = api.base(BASE).create_table("In/Out", [{"name": "Name", "type": "singleLineText"}])
    table = api.table(BASE, "In/Out")
    table.create({"Name": "x"})
    assert names(table.all()) == ["x"]
    assert made.name == "In/Out"


def test_pyairtable_says_what_the_server_said(table: Table) -> None:
    with pytest.raises(requests.HTTPError, match="INVALID_FILTER_BY_FORMULA"):
        table.all(formula="FOO(1)")
