"""State on disk: a restart goes on; a changed seed starts again; a broken file is an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyairtable import Api

from leads_dagster.errors import SettingsError
from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, read_bases_file
from leads_dagster_tests.sandbox.conftest import BASE

SPECIFICATION = {"options": {"filters": {"dataTypes": ["tableData"]}}}


def fill(sandbox: Sandbox) -> str:
    api = Api("pat", endpoint_url=sandbox.url)
    base = api.base(BASE)
    hook = base.add_webhook("", SPECIFICATION)
    table = base.table("Leads")
    table.create_field("Score", "number", options={"precision": 0})
    record = table.create({"Name": "Ann", "Score": 5})
    table.add_comment(record["id"], "Hello")
    api.session.close()
    return hook.id


def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with Sandbox(state=tmp_path / "state") as first:
        hook = fill(first)
        before = first.airtable.records(BASE, "Leads")
    with Sandbox(state=tmp_path / "state") as second:
        assert second.airtable.records(BASE, "Leads") == before
        api = Api("pat", endpoint_url=second.url)
        assert [each.text for each in api.table(BASE, "Leads").comments(before[0]["id"])] == ["Hello"]
        assert api.base(BASE).webhooks()[0].cursor_for_next_payload == 2
        assert len(list(api.base(BASE).webhook(hook).payloads())) == 1
        made = api.table(BASE, "Leads").create({"Name": "Bob"})
        assert made["id"] not in {each["id"] for each in before}
        api.session.close()


def test_the_state_is_for_its_owner_only(tmp_path: Path) -> None:
    with Sandbox(state=tmp_path / "state") as sandbox:
        fill(sandbox)
    file = tmp_path / "state" / "airtable.json"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_base_whose_seed_changed_starts_again(tmp_path: Path) -> None:
    def seed(*names: str) -> dict[str, Any]:
        content = read_bases_file(DEFAULT_BASES)
        content["bases"][0]["tables"][0]["records"] = [{"fields": {"Name": name}} for name in names]
        return content

    with Sandbox(seed("old"), state=tmp_path) as first:
        first.airtable.create(BASE, "Leads", [{"Name": "more"}])
    with Sandbox(seed("old"), state=tmp_path) as same:
        assert [each["fields"]["Name"] for each in same.airtable.records(BASE, "Leads")] == ["old", "more"]
    with Sandbox(seed("new"), state=tmp_path) as changed:
        assert [each["fields"]["Name"] for each in changed.airtable.records(BASE, "Leads")] == ["new"]


def test_a_reset_begins_anew(sandbox: Sandbox) -> None:
    sandbox.airtable.create(BASE, "Leads", [{"Name": "Ann"}])
    httpx.post(f"{sandbox.url}/sandbox/reset").raise_for_status()
    assert sandbox.airtable.records(BASE, "Leads") == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"bases": {}}', '{"bases": [{"tables": []}]}'])
def test_a_bases_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bases.json"
    file.write_text(text)
    with pytest.raises(SettingsError):
        Sandbox(file)


def test_a_seed_that_names_no_field_is_refused(tmp_path: Path) -> None:
    content = read_bases_file(DEFAULT_BASES)
    content["bases"][0]["tables"][0]["records"] = [{"fields": {"Nope": 1}}]
    (tmp_path / "bases.json").write_text(json.dumps(content))
    with pytest.raises(SettingsError, match="Nope"):
        Sandbox(tmp_path / "bases.json")


def test_a_broken_state_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "airtable.json").write_text("{")
    with pytest.raises(SettingsError, match="cannot be read"):
        Sandbox(state=tmp_path)


def test_a_port_that_is_taken_is_an_error(sandbox: Sandbox) -> None:
    with pytest.raises(SettingsError, match="cannot listen"), Sandbox(port=sandbox.port):
        pytest.fail("it listened")


def test_people_edit_and_look_by_request(sandbox: Sandbox) -> None:
    where = f"{sandbox.url}/sandbox/airtable/{BASE}/Leads"
    made = httpx.post(where, json={"create": [{"Name": "Ann"}, {"Name": "Bob"}]}).json()["created"]
    edit = {"update": [{"id": made[0]["id"], "fields": {"Name": "Anna"}}], "delete": [made[1]["id"]]}
    httpx.post(where, json=edit).raise_for_status()
    state = httpx.get(f"{sandbox.url}/sandbox/state?records=1").json()
    assert state["bases"][0]["tables"][0]["recordCount"] == 1
    assert [each["fields"]["Name"] for each in sandbox.airtable.records(BASE, "Leads")] == ["Anna"]


def test_requests_are_counted_by_route_and_base(sandbox: Sandbox) -> None:
    for _ in range(3):
        httpx.get(f"{sandbox.url}/v0/{BASE}/Leads", headers={"Authorization": "Bearer pat"})
    counts = httpx.get(f"{sandbox.url}/sandbox/requests").json()
    expected = {"route": "GET v0/{base}/{table}", "subject": BASE, "status": 200, "count": 3}
    assert counts["counts"] == [expected]
    assert counts["total"] == 3
