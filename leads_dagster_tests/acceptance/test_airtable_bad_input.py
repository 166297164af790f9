"""What can be wrong in Airtable: each ends in words, holds up what it must and nothing else, and mends when mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import requests

from leads_dagster.errors import AccessError, CredentialsError, StoreError, TargetMissingError
from leads_dagster.mirrors.airtable_requests import AirtableRequests
from leads_dagster.pipeline.status import status
from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, read_bases_file
from leads_dagster_tests.interfaces.conftest import CommandLine, leads
from leads_dagster_tests.pipeline.airtable_cases import (
    ANN,
    BASE,
    BOB,
    JANE,
    add,
    airtable_road,
    airtable_toml,
    cells,
    marks,
    people,
    remove,
    retype,
    table_of,
)
from leads_dagster_tests.pipeline.conftest import Road

__all__ = ["leads"]

SECOND = "appSecondSandbox1"


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Sandbox:
    one_sandbox.reset()
    return one_sandbox


@pytest.fixture
def road(tmp_path: Path, sandbox: Sandbox) -> Road:
    return airtable_road(tmp_path / "home", sandbox)


def standing(road: Road) -> dict[str, Any]:
    """What `leads status` says."""
    with road.open() as ws:
        found: dict[str, Any] = json.loads(json.dumps(status(ws), default=str))
    return found


def flags(sandbox: Sandbox, **flags: Any) -> None:
    sandbox.airtable.session(BASE).base.flags.update(flags)


def names(sandbox: Sandbox) -> list[str]:
    return sorted(str(name) for (name,) in cells(sandbox, "Name"))


# What is not there, or not for us.


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (airtable_toml(base="appNowhere0000001"), f"appNowhere0000001 with table Leads .* it sees {BASE}"),
        (airtable_toml(table="Leeds"), 'has no table "Leeds"; it has "Leads"'),
    ],
    ids=["base", "table"],
)
def test_a_base_or_table_that_is_missing_is_named_with_those_that_are_there(
    tmp_path: Path, sandbox: Sandbox, toml: str, said: str
) -> None:
    road = airtable_road(tmp_path / "home", sandbox, toml=toml)
    with pytest.raises(TargetMissingError, match=said):
        road.sync([JANE, BOB])

    assert len(road.leads()) == len(road.crm()) == 2
    assert marks(road, "status") == [("pending",)] * 2
    assert "Airtable" in standing(road)["last_error"]


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        (["data.records:read", "schema.bases:read"], "data.records:write"),
        (["data.records:write", "webhook:manage"], "data.records:read"),
    ],
)
def test_a_scope_that_the_token_lacks_is_named_and_all_goes_on_once_it_has_it(
    tmp_path: Path, scopes: list[str], missing: str
) -> None:
    content = {**read_bases_file(DEFAULT_BASES), "tokens": {"patTest": {"scopes": scopes}}}
    with Sandbox(content) as closed:
        road = airtable_road(tmp_path / "home", closed)
        with pytest.raises(CredentialsError, match=f"lacks the scope {missing}"):
            road.sync([JANE, BOB])
        crm = len(road.crm())
        airtable_road(tmp_path / "home", closed, token="patAll").sync([JANE, BOB])

        assert crm == 2
        assert names(closed) == ["Bob Stone", "Jane Doe"]


# What a table cannot hold.


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("formula", {"formula": "1"}, "computed by Airtable"),
        ("createdTime", {}, "computed by Airtable"),
        ("multipleAttachments", {}, "holds no such value"),
        ("multipleRecordLinks", {"linkedTableId": "tblLeadsSandbox01"}, "holds no such value"),
        ("multipleSelects", {"choices": []}, "holds no such value"),
    ],
)
def test_a_field_that_can_hold_no_lead_is_held_and_said_and_the_others_are_written(
    road: Road, sandbox: Sandbox, kind: str, options: dict[str, Any], said: str
) -> None:
    remove(sandbox, "Company")
    add(sandbox, "Company", kind, **options)
    assert road.sync([JANE, BOB]).status == "done"
    assert road.sync([(*JANE[:3], "Chair"), BOB]).status == "done"

    assert cells(sandbox, "Name", "Title") == [("Bob Stone", "CTO"), ("Jane Doe", "Chair")]
    found = standing(road)["airtable"]
    assert (found["state"], list(found["problems"])) == ("refused", ["company"])
    assert said in found["problems"]["company"]
    assert '"Company"' in found["problems"]["company"]


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("number", {"precision": 0}, 'title: "Title" takes numbers, not "CEO"'),
        ("checkbox", {}, 'title: "Title" is a checkbox; "CEO" is neither true nor false'),
        ("date", {}, 'title: "Title" takes dates such as 2026-11-01, not "CEO"'),
        ("singleSelect", {"choices": [{"id": "selA", "name": "CTO"}]}, 'title: "Title" has no option "CEO"'),
    ],
)
def test_a_value_that_its_field_cannot_hold_is_left_out_and_said(
    road: Road, sandbox: Sandbox, kind: str, options: dict[str, Any], said: str
) -> None:
    retype(sandbox, "Title", kind, **options)
    assert road.sync([JANE]).status == "done"

    assert cells(sandbox, "Name", "Title") == [("Jane Doe", None)]
    (left_out,) = standing(road)["refused"]
    assert (left_out["status"], left_out["error_message"]) == ("left out", f"Left out: {said}.")
    airtable = standing(road)["airtable"]
    assert (airtable["state"], airtable["left_out"]) == ("refused", 1)
    assert road.sync().status == "unchanged"


@pytest.mark.parametrize("creating", [True, False])
def test_an_option_that_airtable_itself_refuses_is_left_out_of_that_record_alone(
    tmp_path: Path, creating: bool
) -> None:
    """The token's owner may edit records but not fields, or its schema is not shown to us."""
    base = deepcopy(read_bases_file(DEFAULT_BASES))
    base["bases"][0] |= {"permissionLevel": "edit", "metaAccess": creating}
    for field in base["bases"][0]["tables"][0]["fields"]:
        if field["name"] == "Title":
            field |= {"type": "singleSelect", "options": {"choices": [{"id": "selA", "name": "CTO"}]}}
    with Sandbox(base) as closed:
        toml = airtable_toml(more="create_options = true\n" if creating else "")
        road = airtable_road(tmp_path / "home", closed, toml=toml)
        road.sync([JANE, BOB, ANN])

        assert cells(closed, "Name", "Title") == [("Ann Lee", None), ("Bob Stone", "CTO"), ("Jane Doe", None)]
        said = 'Left out: title: "Title" has no such option, and Airtable refuses to make it.'
        assert marks(road, "error_message") == [(said,), (said,), (None,)]


def test_a_record_that_is_too_large_fails_alone_and_says_why(road: Road, sandbox: Sandbox) -> None:
    rows = people(10)
    rows[3] = (*rows[3][:3], "x" * 100_001)
    assert road.sync(rows).status == "done"

    assert len(cells(sandbox, "Name")) == 9
    (refused,) = standing(road)["refused"]
    assert (refused["lead"], refused["status"]) == ("Dario Vitti", "dead")
    assert '"Title" cannot accept the provided value' in refused["error_message"]


def test_a_request_that_is_too_large_is_divided_until_one_record_alone_is_at_fault(
    road: Road, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(response: requests.Response, **_: Any) -> requests.Response:
        if b"Dario" in (response.request.body or b"") or len(response.request.body or b"") > 2500:
            assert response.content  # read to its end before it is another
            response.status_code, response._content = 413, b'{"error": "REQUEST_TOO_LARGE"}'
        return response

    listening(monkeypatch, answer)
    assert road.sync(people(10)).status == "done"

    (refused,) = standing(road)["refused"]
    assert refused["lead"] == "Dario Vitti"
    assert "too large for one request (REQUEST_TOO_LARGE)" in refused["error_message"]
    assert [name for name in marks(road, "status") if name != ("success",)] == [("dead",)]


def test_a_full_base_takes_no_new_leads_and_all_else_goes_on(road: Road, sandbox: Sandbox) -> None:
    road.sync(people(4))
    flags(sandbox, recordLimit=6)
    road.write([*people(3, title="Chair"), *people(9)[4:]])  # one goes, five come, three change
    with pytest.raises(AccessError, match=rf"base {BASE} is full, no new lead gets a record there: .* 6 records"):
        road.sync()
    found = standing(road)

    assert len(cells(sandbox, "Name")) == 6
    assert names(sandbox)[:3] == ["Amber Quill", "Boris Nagy", "Chloe Marsh"]
    assert [title for _, title in cells(sandbox, "Name", "Title")][:3] == ["Chair"] * 3
    assert {(one["status"], one["attempt_count"]) for one in found["refused"]} == {("failed", 1)}
    assert all("is full" in one["error_message"] for one in found["refused"])
    assert len(found["refused"]) == 2
    assert "is full" in found["last_error"]


def test_leads_that_a_full_base_refused_follow_when_there_is_room(
    road: Road, sandbox: Sandbox, leads: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags(sandbox, recordLimit=1)
    road.write([JANE, BOB])
    with pytest.raises(AccessError, match="is full"):
        road.sync()
    flags(sandbox, recordLimit=None)
    for name, value in {"LEADS_HOME": str(road.home), **road.environ}.items():
        monkeypatch.setenv(name, value)
    waiting = leads("outbox", "--json")
    done = leads("outbox", "retry", "--all", "--json")

    assert [one["status"] for one in waiting.json] == ["failed"]
    assert (done.code, done.json["retried"], done.json["left"]) == (0, 1, [])
    assert names(sandbox) == ["Bob Stone", "Jane Doe"]


# Keys, copies, and crashes.


def test_of_two_records_with_one_key_the_older_is_kept_and_the_others_land(road: Road, sandbox: Sandbox) -> None:
    road.sync([JANE])
    ((key,),) = cells(sandbox, "lead_key")
    sandbox.clock.advance(60)
    (copy,) = sandbox.airtable.create(
        BASE, "Leads", [{"lead_key": key, "Name": "Jane Doe", "Email": "jane@acme.example"}]
    )
    assert road.sync([(*JANE[:3], "Chair"), *people(9)]).status == "done"

    assert len(cells(sandbox, "Name")) == 11
    titles = cells(sandbox, "lead_key", "Title")
    assert [title for lead, title in titles if lead == key] == ["Chair", None]
    assert [one["record_id"] for one in standing(road)["airtable"]["duplicates"]] == [copy["id"]]


def listening(monkeypatch: pytest.MonkeyPatch, answer: Callable[..., requests.Response | None]) -> pytest.MonkeyPatch:
    """Airtable's answers pass `answer` before anybody here sees them; it may change them, or raise."""
    made = AirtableRequests.__init__

    def hooked(self: AirtableRequests, *arguments: Any, **named: Any) -> None:
        made(self, *arguments, **named)
        self._api.session.hooks["response"].append(answer)

    monkeypatch.setattr(AirtableRequests, "__init__", hooked)
    return monkeypatch


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("then", [[JANE, BOB], [(*JANE[:3], "Queen"), BOB], [BOB, ANN], [JANE, BOB, ANN]])
def test_a_crash_between_airtables_answer_and_our_books_doubles_and_loses_nothing(
    road: Road, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, method: str, then: Sequence[tuple[str, ...]]
) -> None:
    def die(response: requests.Response, **_: Any) -> None:
        if response.request.method == method and "/meta/" not in str(response.url):
            assert response.content  # read to its end, so that the connection is free
            raise StoreError("killed")

    road.sync([JANE] if method == "PATCH" else [JANE, BOB])
    road.write([(*JANE[:3], "Chair"), BOB] if method == "PATCH" else [BOB])
    with monkeypatch.context() as dying:
        listening(dying, die)
        with pytest.raises(StoreError, match="killed"):
            road.sync()
    road.sync(then)
    road.sync()

    assert cells(sandbox, "Name", "Title") == sorted((row[0], row[3]) for row in then)
    assert road.all("conflicts") == []
    assert road.sync().status == "unchanged"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_an_answer_that_is_lost_on_the_way_doubles_nothing(road: Road, sandbox: Sandbox, method: str) -> None:
    road.sync([JANE, ANN])
    sandbox.faults.add({"kind": "drop_after", "service": "airtable", "method": method, "times": 1})
    road.sync([(*JANE[:3], "Chair"), BOB])

    assert cells(sandbox, "Name", "Title") == [("Bob Stone", "CTO"), ("Jane Doe", "Chair")]
    assert sandbox.faults.active[0].hits == 1
    assert road.sync().status == "unchanged"


def test_a_record_that_lost_its_id_is_found_again_by_its_key(road: Road, sandbox: Sandbox) -> None:
    road.sync([JANE])
    with road.open() as ws, ws.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sync_status SET external_id = NULL WHERE mirror = 'airtable'")
    road.sync([(*JANE[:3], "Chair")])

    assert cells(sandbox, "Name", "Title") == [("Jane Doe", "Chair")]


# Customers who share a base.


def two_customers(home: Path, sheets: dict[str, str], tables: dict[str, str]) -> str:
    parts = []
    for name, rows in sheets.items():
        sheet = home / f"{name}.csv"
        sheet.write_text(f"Name,Email,Company,Title\n{rows}\n")
        parts.append(f'[[customers]]\nname = "{name}"\nsheet = "{sheet}"\n{airtable_toml(table=tables[name])}')
    return "\n".join(parts)


def test_two_customers_share_a_base_each_with_a_table_of_its_own(
    leads: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_table(sandbox, "Prospects")
    at_twin(monkeypatch, sandbox)
    sheets = {"acme": ",".join(JANE), "zeta": ",".join(BOB)}
    leads.configure(two_customers(leads.folder, sheets, {"acme": "Leads", "zeta": "Prospects"}))

    assert [leads("sync", "--customer", name).code for name in sheets] == [0, 0]
    assert names(sandbox) == ["Jane Doe"]
    assert cells(sandbox, "Name", table="Prospects") == [("Bob Stone",)]
    states = [one["airtable"]["state"] for one in leads("status", "--all", "--json").json["customers"]]
    assert set(states) <= {"in_step", "settling"}


def test_two_customers_with_one_table_are_a_fault_of_settings_whatever_they_call_it(
    leads: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_twin(monkeypatch, sandbox)
    sheets = {"acme": ",".join(JANE), "zeta": ",".join(BOB)}
    leads.configure(two_customers(leads.folder, sheets, {"acme": "Leads", "zeta": table_of(sandbox).id}))
    assert leads("sync", "--customer", "acme").code == 0
    refused = leads("sync", "--customer", "zeta", "--json")

    assert refused.code == 2
    assert "acme and zeta have the same Airtable table" in refused.json["error"]
    assert names(sandbox) == ["Jane Doe"]


def test_a_base_that_is_missing_is_a_fault_that_the_command_line_says(
    leads: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_twin(monkeypatch, sandbox)
    sheet = leads.folder / "sheet.csv"
    sheet.write_text("Name,Email\nJane Doe,jane@acme.example\n")
    leads.configure(f'[[customers]]\nname = "acme"\nsheet = "{sheet}"\n{airtable_toml(base=SECOND)}')
    refused = leads("sync")

    assert refused.code == 1
    assert SECOND in refused.err
    assert "base_id in [customers.airtable]" in refused.err
    assert [one["status"] for one in leads("outbox", "--json").json] == ["pending"]


def at_twin(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    monkeypatch.setenv("AIRTABLE_API_KEY", "patTest")
    monkeypatch.setenv("AIRTABLE_ENDPOINT_URL", sandbox.url)


def add_table(sandbox: Sandbox, name: str) -> None:
    from leads_dagster.sandbox.bases_file import load_table

    table = load_table({"name": name, "fields": [{"name": "Name", "type": "singleLineText"}]})
    sandbox.airtable.session(BASE).base.tables[table.id] = table
