"""The twin's controls: edits as a person, hooks that die, faults, the clock, and what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyairtable import Api, Table

from leads_dagster.errors import ContentError, NotFoundError
from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.request_log import Tally
from leads_dagster_tests.sandbox.conftest import BASE

TABLE, NAME, COMPANY = "tblLeadsSandbox01", "fldLeads000000001", "fldLeads000000004"
KEY = {"Authorization": "Bearer pat"}
ALL_TYPES = ["tableData", "tableFields", "tableMetadata"]


@pytest.fixture
def admin(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{sandbox.url}/sandbox/") as client:
        yield client


@pytest.fixture
def hook_id(api: Api) -> str:
    spec = {
        "options": {
            "filters": {"dataTypes": ALL_TYPES},
            "includes": {"includePreviousCellValues": True, "includePreviousFieldDefinitions": True},
        }
    }
    return api.base(BASE).add_webhook("", spec).id


def heard(api: Api, hook_id: str) -> list[Any]:
    return list(api.base(BASE).webhook(hook_id).payloads())


def in_leads(payload: Any) -> Any:
    return payload.changed_tables_by_id[TABLE]


def asked(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return answer.json()


def test_a_person_creates_changes_and_deletes_records(api: Api, admin: httpx.Client, hook_id: str) -> None:
    path = f"airtable/{BASE}/Leads"
    made = asked(admin.post(path, json={"create": [{"Name": "Ann"}]}))["created"][0]["id"]
    asked(admin.post(path, json={"update": [{"id": made, "fields": {"Name": "Anna"}}]}))
    asked(admin.post(path, json={"delete": [made]}))
    told = heard(api, hook_id)
    assert [each.action_metadata.source for each in told] == ["client"] * 3
    assert told[0].action_metadata.source_metadata["user"]["email"] == "owner@example.com"
    assert list(in_leads(told[0]).created_records_by_id) == [made]
    assert in_leads(told[1]).changed_records_by_id[made].previous.cell_values_by_field_id == {NAME: "Ann"}
    assert in_leads(told[2]).destroyed_record_ids == [made]


def test_an_edit_may_come_from_somewhere_else(api: Api, admin: httpx.Client, hook_id: str) -> None:
    asked(admin.post(f"airtable/{BASE}/Leads", json={"create": [{"Name": "Ann"}], "source": "automation"}))
    assert heard(api, hook_id)[0].action_metadata.source == "automation"
    assert admin.post(f"airtable/{BASE}/Leads", json={"source": "ghost"}).status_code == 422


def test_a_person_adds_renames_retypes_and_removes_a_field(
    api: Api, table: Table, admin: httpx.Client, hook_id: str
) -> None:
    path = f"airtable/{BASE}/Leads/fields"
    made = asked(admin.post(path, json={"name": "Score", "type": "singleLineText"}))["id"]
    record = table.create({"Score": "12 points", "Name": "Ann"})["id"]
    asked(admin.patch(f"{path}/{made}", json={"name": "Points"}))
    asked(admin.patch(f"{path}/{made}", json={"type": "number"}))
    assert table.get(record)["fields"] == {"Name": "Ann", "Points": 12}
    asked(admin.delete(f"{path}/{made}"))
    assert table.get(record)["fields"] == {"Name": "Ann"}
    added, _, renamed, retyped, removed = map(in_leads, heard(api, hook_id))
    assert added.created_fields_by_id[made].name == "Score"
    assert renamed.changed_fields_by_id[made].current.name == "Points"
    assert renamed.changed_fields_by_id[made].previous.name == "Score"
    assert retyped.changed_fields_by_id[made].current.type == "number"
    assert removed.destroyed_field_ids == [made]


def test_a_person_adds_a_select_option(table: Table, admin: httpx.Client) -> None:
    path = f"airtable/{BASE}/Leads/fields"
    asked(admin.post(path, json={"name": "Stage", "type": "singleSelect"}))
    asked(admin.patch(f"{path}/Stage", json={"choices": ["Won", "Lost"]}))
    assert table.create({"Stage": "Won"})["fields"] == {"Stage": "Won"}
    picked = {"create": [{"Stage": "Later"}], "typecast": True}
    assert asked(admin.post(f"airtable/{BASE}/Leads", json=picked))["created"][0]["fields"] == {"Stage": "Later"}


def test_a_person_makes_a_formula_field(table: Table, admin: httpx.Client) -> None:
    given = {"name": "Loud", "type": "formula", "options": {"formula": "UPPER({Name})"}}
    asked(admin.post(f"airtable/{BASE}/Leads/fields", json=given))
    assert table.create({"Name": "Ann"})["fields"] == {"Name": "Ann", "Loud": "ANN"}


def test_a_person_renames_and_removes_a_table(api: Api, admin: httpx.Client, hook_id: str) -> None:
    other = api.base(BASE).create_table("Other", [{"name": "Name", "type": "singleLineText"}])
    asked(admin.patch(f"airtable/{BASE}/Other", json={"name": "Others"}))
    asked(admin.delete(f"airtable/{BASE}/Others"))
    made, renamed, gone = heard(api, hook_id)
    assert made.created_tables_by_id[other.id].metadata.name == "Other"
    assert renamed.changed_tables_by_id[other.id].changed_metadata.previous.name == "Other"
    assert gone.destroyed_table_ids == [other.id]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", f"airtable/{BASE}/Leads/fields/Name", 422),
        ("DELETE", f"airtable/{BASE}/Leads/fields/Nothing", 404),
        ("DELETE", f"airtable/{BASE}/Nothing", 404),
        ("POST", "webhooks/appNothing0000000", 404),
        ("POST", f"webhooks/{BASE}", 422),
        ("GET", "requests?since=x", 422),
    ],
)
def test_what_cannot_be_done_is_said(admin: httpx.Client, method: str, path: str, status: int) -> None:
    body = {"state": "expired"} if "Nothing" in path else {}
    assert admin.request(method, path, json=body).status_code == status


def test_a_hook_expires_now(api: Api, admin: httpx.Client, hook_id: str) -> None:
    assert asked(admin.post(f"webhooks/{BASE}/{hook_id}", json={"state": "expired"})) == {"webhooks": [hook_id]}
    assert api.base(BASE).webhooks() == []


def test_every_hook_turns_ill_now(api: Api, table: Table, admin: httpx.Client, hook_id: str) -> None:
    assert asked(admin.post(f"webhooks/{BASE}", json={"state": "invalid"})) == {"webhooks": [hook_id]}
    table.create({"Name": "Ann"})
    assert [(each.error, each.error_code) for each in heard(api, hook_id)] == [(True, "INVALID_HOOK")]
    assert asked(admin.get(f"webhooks/{BASE}"))["webhooks"][0]["isHookEnabled"] is False


def test_a_hook_is_quiet_and_only_its_listing_says_so(
    api: Api, table: Table, admin: httpx.Client, hook_id: str
) -> None:
    asked(admin.post(f"webhooks/{BASE}/{hook_id}", json={"state": "disabled"}))
    table.create({"Name": "Ann"})
    assert heard(api, hook_id) == []
    assert [each.is_hook_enabled for each in api.base(BASE).webhooks()] == [False]


def test_the_handle_says_what_it_does_not_find(sandbox: Sandbox) -> None:
    with pytest.raises(NotFoundError):
        sandbox.airtable.break_hooks(BASE, ["achNothing0000000"])
    with pytest.raises(ContentError):
        sandbox.airtable.acting(user_id="usrNobody00000000")


def test_a_skewed_clock_changes_times_and_no_limits(sandbox: Sandbox, table: Table, admin: httpx.Client) -> None:
    before = sandbox.clock.monotonic()
    asked(admin.post("clock", json={"skew": -10 * 365 * 86400}))
    assert table.create({"Name": "Ann"})["createdTime"] < "2020"
    assert sandbox.clock.monotonic() - before < 86400
    asked(admin.post("clock", json={"skew": 0}))
    assert table.create({"Name": "Bob"})["createdTime"] > "2020"


def test_a_write_is_done_and_answered_with_a_fault(sandbox: Sandbox, admin: httpx.Client) -> None:
    asked(admin.post("faults", json={"kind": "status_after", "status": 502, "times": 1, "method": "POST"}))
    url = f"{sandbox.url}/v0/{BASE}/Leads"
    assert httpx.post(url, json={"fields": {"Name": "Ann"}}, headers=KEY).status_code == 502
    assert len(sandbox.airtable.records(BASE, "Leads")) == 1


def test_a_429_may_be_the_months(sandbox: Sandbox, admin: httpx.Client) -> None:
    kind = "PUBLIC_API_BILLING_LIMIT_EXCEEDED"
    asked(admin.post("faults", json={"kind": "status", "status": 429, "error": kind, "times": 1}))
    answer = httpx.get(f"{sandbox.url}/v0/{BASE}/Leads", headers=KEY)
    assert (answer.status_code, answer.json()["errors"][0]["error"]) == (429, kind)


def test_the_months_calls_are_used_up_and_given_back(sandbox: Sandbox, admin: httpx.Client) -> None:
    asked(admin.post(f"airtable/{BASE}", json={"monthlyCalls": 0}))
    assert httpx.get(f"{sandbox.url}/v0/{BASE}/Leads", headers=KEY).status_code == 429
    asked(admin.post(f"airtable/{BASE}", json={"monthlyCalls": None}))
    assert httpx.get(f"{sandbox.url}/v0/{BASE}/Leads", headers=KEY).status_code == 200


def test_reads_writes_and_hook_requests_are_counted_since_a_mark(
    sandbox: Sandbox, api: Api, table: Table, admin: httpx.Client
) -> None:
    table.create({"Name": "Ann"})
    mark, number = sandbox.requests.tally(), sandbox.requests.total
    table.all()
    table.all(formula="{Name} = '" + "x" * 17_000 + "'")
    hook = api.base(BASE).add_webhook("", {"options": {"filters": {"dataTypes": ["tableData"]}}})
    heard(api, hook.id)
    assert sandbox.requests.tally() - mark == Tally(reads=4, writes=0, hooks=1)
    table.create({"Name": "Bob"})
    assert [each["method"] for each in sandbox.requests.since(number, kind="write")] == ["POST"]
    counted = asked(admin.get("requests", params={"since": number}))
    assert (counted["reads"], counted["writes"], counted["hooks"], len(counted["last"])) == (4, 2, 1, 6)
    asked(admin.delete("requests"))
    assert asked(admin.get("requests"))["writes"] == 0


def test_a_person_edits_a_sheet(sandbox: Sandbox, sheets: Path, admin: httpx.Client) -> None:
    (sheets / "leads.csv").write_text("Name,Phone\nAnn,1\nBob,2\nCid,3\n")
    drive = f"{sandbox.url}/drive/v3/files/leads?fields=version"
    before = int(httpx.get(drive).json()["version"])
    mark = sandbox.requests.tally()
    asked(admin.post("sheets/leads/edit", json={"range": "B2", "values": [["'007"]]}))
    asked(admin.post("sheets/leads/edit", json={"append": [["Dan", "4"]]}))
    asked(admin.post("sheets/leads/edit", json={"insert": {"before": 2, "values": [["Zoe"]]}}))
    assert asked(admin.post("sheets/leads/edit", json={"delete": [4]})) == {"rows": 5}
    rows = [["Name", "Phone"], ["Zoe", ""], ["Ann", "007"], ["Cid", "3"], ["Dan", "4"]]
    assert sandbox.sheets.rows("leads") == rows
    assert sandbox.requests.tally() == mark
    assert int(httpx.get(drive).json()["version"]) > before


@pytest.mark.parametrize("body", [{"delete": [9]}, {"insert": {"before": 0}}, {"append": ["x"]}])
def test_an_edit_that_a_sheet_cannot_take_is_refused(sheets: Path, admin: httpx.Client, body: object) -> None:
    (sheets / "leads.csv").write_text("Name\nAnn\n")
    assert admin.post("sheets/leads/edit", json=body).status_code == 422
    assert admin.post("sheets/none/edit", json=body).status_code in (404, 422)
