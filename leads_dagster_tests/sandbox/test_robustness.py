"""Whatever is sent, the twin answers as a service would: never with an error of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.conftest import BASE

KEY = {"Authorization": "Bearer pat"}
ODD: list[Any] = [
    None,
    [],
    {},
    "text",
    {"fields": None},
    {"fields": [1]},
    {"fields": {"Name": {"a": 1}}},
    {"fields": {"Confidence": [1]}},
    {"fields": {"Verified": "x"}, "typecast": True},
    {"records": [None]},
    {"records": [{"id": 5, "fields": {}}]},
    {"records": [{"id": "rec", "fields": {}}], "performUpsert": {"fieldsToMergeOn": [5]}},
    {"records": [{"fields": {"lead_key": ["x"]}}], "performUpsert": {"fieldsToMergeOn": ["lead_key"]}},
    {"records": [{"fields": {"lead_key": "x"}}], "performUpsert": "lead_key"},
    {"name": 5, "type": 7, "options": []},
    {"name": "Odd", "type": "singleSelect", "options": {"choices": [5]}},
    {"name": "Odd", "type": "number", "options": "precision"},
    {"name": "Odd", "type": "date", "options": {"dateFormat": "iso"}},
    {"name": "Odd", "type": "multipleRecordLinks", "options": {"linkedTableId": ["x"]}},
    {"name": "Odd", "fields": [5]},
    {"name": "Odd", "workspaceId": "wsp", "tables": [5]},
    {"specification": {"options": {"filters": {"dataTypes": "tableData"}}}},
    {"specification": {"options": {"filters": {"dataTypes": ["tableData"], "fromSources": 5}}}},
    {"specification": {"options": {"filters": {"dataTypes": [["x"]], "watchDataInFieldIds": 5}}}},
    {"text": 5},
    {"pageSize": [1]},
    {"sort": "Name", "fields": {"a": 1}},
    {"filterByFormula": 5},
    {"offset": 5},
    {"view": 5},
    {"values": 5},
    {"values": [[{"a": 1}]]},
    {"requests": 5},
    {"requests": [{"addSheet": None}]},
    {"requests": [{"deleteDimension": {"range": {"sheetId": "x"}}}]},
    {"requests": [{"insertDimension": {"range": {"startIndex": -5}}}]},
    {"data": [{"values": [["x"]]}], "valueInputOption": "RAW"},
    {"ranges": 5},
    {"file": 5, "filename": 5},
    {"create": 5, "update": [5], "delete": "x"},
    {"faults": 5},
    {"seconds": "x"},
]
ASKED = [
    ("POST", f"/v0/{BASE}/Leads"),
    ("PATCH", f"/v0/{BASE}/Leads"),
    ("PUT", f"/v0/{BASE}/Leads/{{record}}"),
    ("POST", f"/v0/{BASE}/Leads/listRecords"),
    ("POST", f"/v0/{BASE}/Leads/{{record}}/comments"),
    ("POST", f"/v0/{BASE}/{{record}}/Name/uploadAttachment"),
    ("POST", "/v0/meta/bases"),
    ("POST", f"/v0/meta/bases/{BASE}/tables"),
    ("PATCH", f"/v0/meta/bases/{BASE}/tables/Leads"),
    ("POST", f"/v0/meta/bases/{BASE}/tables/tblLeadsSandbox01/fields"),
    ("PATCH", f"/v0/meta/bases/{BASE}/tables/tblLeadsSandbox01/fields/fldLeads000000002"),
    ("POST", f"/v0/bases/{BASE}/webhooks"),
    ("PUT", "/v4/spreadsheets/leads/values/A1?valueInputOption=RAW"),
    ("POST", "/v4/spreadsheets/leads/values/A1:append?valueInputOption=RAW"),
    ("POST", "/v4/spreadsheets/leads/values:batchUpdate"),
    ("POST", "/v4/spreadsheets/leads/values:batchClear"),
    ("POST", "/v4/spreadsheets/leads:batchUpdate"),
    ("POST", f"/sandbox/airtable/{BASE}/tblLeadsSandbox01"),
    ("POST", "/sandbox/faults"),
    ("POST", "/sandbox/clock"),
]


@pytest.mark.parametrize(("method", "path"), ASKED)
def test_no_body_makes_an_error_of_our_own(sandbox: Sandbox, sheets: Path, method: str, path: str) -> None:
    (sheets / "leads.csv").write_text("a,b\n1,2\n")
    record = sandbox.airtable.create(BASE, "Leads", [{"Name": "Ann"}])[0]["id"]
    url = sandbox.url + path.replace("{record}", record)
    with httpx.Client(headers=KEY) as client:
        failed = [body for body in ODD if client.request(method, url, json=body).status_code >= 500]
    assert failed == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v0/",
        "/v0/%ff%fe/x",
        f"/v0/{BASE}/Leads?pageSize=9e9&sort[x][field]=a&fields[]",
        f"/v0/{BASE}/Leads?sort[0][direction]=asc",
        f"/v0/{BASE}/Leads?filterByFormula={'(' * 2000}",
        f"/v0/{BASE}/Leads?filterByFormula=REGEX_MATCH({{Name}},'[')",
        f"/v0/bases/{BASE}/webhooks/ach/payloads?cursor=x",
        "/spreadsheets/d/leads/export?format=csv&gid=-1",
        "/spreadsheets/d/leads/export?format=csv&gid=99999999999999999999",
        "/v4/spreadsheets/leads/values/ZZZ9999999",
        "/v4/spreadsheets/leads/values/A1:B2?valueRenderOption=NONE&majorDimension=NONE",
        "/drive/v3/files/leads?fields=nothing",
        "/drive/v3/files/leads/export",
        "/files/..%2f..%2fetc%2fpasswd",
        "/googleusercontent/export/none",
    ],
)
def test_no_address_makes_an_error_of_our_own(sandbox: Sandbox, sheets: Path, path: str) -> None:
    (sheets / "leads.csv").write_text("a,b\n1,2\n")
    sandbox.airtable.create(BASE, "Leads", [{"Name": "Ann"}])
    assert httpx.get(sandbox.url + path, headers=KEY).status_code < 500
