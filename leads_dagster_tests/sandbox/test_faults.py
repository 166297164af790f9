"""Faults on demand: refused, slowed, cut off, and done although nobody was told."""

from __future__ import annotations

import httpx
import pytest
from pyairtable import Table

from leads_dagster.errors import SettingsError
from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.faults import Faults
from leads_dagster_tests.sandbox.conftest import BASE

KEY = {"Authorization": "Bearer pat"}
# Only the answer is waited for no longer: connecting and sending may take their time on a busy machine.
READ_SOON = httpx.Timeout(30.0, read=1.0)


@pytest.fixture
def url(sandbox: Sandbox) -> str:
    return f"{sandbox.url}/v0/{BASE}/Leads"


def post(url: str, **options: object) -> httpx.Response:
    return httpx.post(url, json={"fields": {"Name": "Ann"}}, headers=KEY, **options)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_status_is_answered_so_often_and_nothing_is_done(sandbox: Sandbox, url: str, status: int) -> None:
    sandbox.faults.add({"kind": "status", "status": status, "times": 2, "service": "airtable"})
    assert [post(url).status_code for _ in range(3)] == [status, status, 200]
    assert len(sandbox.airtable.records(BASE, "Leads")) == 1


def test_a_forced_429_has_the_services_own_body(sandbox: Sandbox, url: str) -> None:
    sandbox.faults.add({"kind": "status", "status": 429, "times": 2})
    assert post(url).json()["errors"][0]["error"] == "RATE_LIMIT_REACHED"
    google = httpx.get(f"{sandbox.url}/v4/spreadsheets/x")
    assert google.json()["error"]["status"] == "RESOURCE_EXHAUSTED"


def test_a_dropped_request_did_nothing(sandbox: Sandbox, url: str) -> None:
    sandbox.faults.add({"kind": "drop", "times": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        post(url)
    assert sandbox.airtable.records(BASE, "Leads") == []
    assert post(url).status_code == 200


def test_an_answer_lost_after_a_write_leaves_the_write(sandbox: Sandbox, url: str) -> None:
    sandbox.faults.add({"kind": "drop_after", "times": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        post(url)
    assert len(sandbox.airtable.records(BASE, "Leads")) == 1


def test_a_timeout_after_a_write_leaves_the_write(sandbox: Sandbox, url: str) -> None:
    sandbox.faults.add({"kind": "hang_after", "times": 1, "seconds": 5.0})
    with pytest.raises(httpx.ReadTimeout):
        post(url, timeout=READ_SOON)
    assert len(sandbox.airtable.records(BASE, "Leads")) == 1


def test_latency_slows_one_and_does_not_hold_up_others(sandbox: Sandbox, url: str, table: Table) -> None:
    sandbox.faults.add({"kind": "latency", "seconds": 30.0, "times": 1, "method": "POST"})
    with pytest.raises(httpx.ReadTimeout):
        post(url, timeout=READ_SOON)
    assert table.all() == []


def test_a_fault_strikes_only_where_it_is_aimed() -> None:
    faults = Faults([{"kind": "status", "method": "PATCH PUT", "path": "/Leads", "skip": 1, "times": 1}])
    asked = [("GET", "/v0/a/Leads"), ("PATCH", "/v0/a/Other"), ("PATCH", "/v0/a/Leads"), ("PUT", "/v0/a/Leads")]
    struck = [bool(faults.strike("airtable", method, path)) for method, path in [*asked, ("PUT", "/v0/a/Leads")]]
    assert struck == [False, False, False, True, False]


def test_chance_is_the_same_for_the_same_seed() -> None:
    def run() -> list[bool]:
        faults = Faults([{"kind": "drop", "probability": 0.5}], seed=7)
        return [bool(faults.strike("airtable", "GET", "/")) for _ in range(20)]

    assert run() == run()
    assert 0 < sum(run()) < 20


def test_faults_are_set_listed_and_cleared_by_request(sandbox: Sandbox, url: str) -> None:
    where = f"{sandbox.url}/sandbox/faults"
    httpx.post(where, json={"faults": [{"kind": "status", "status": 500}]}).raise_for_status()
    assert post(url).status_code == 500
    assert httpx.get(where).json()["faults"][0]["hits"] == 1
    httpx.delete(where).raise_for_status()
    assert post(url).status_code == 200


@pytest.mark.parametrize("fault", [{}, {"kind": "flood"}, {"kind": "drop", "tmies": 1}, "drop"])
def test_a_wrong_fault_is_refused(sandbox: Sandbox, fault: object) -> None:
    with pytest.raises(SettingsError):
        sandbox.faults.add(fault)
    answer = httpx.post(f"{sandbox.url}/sandbox/faults", json={"faults": [fault]})
    assert (answer.status_code, "fault" in answer.json()["error"]) == (400, True)
