"""The twin in the foreground: it says where it is, and a signal ends it with the state written."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.conftest import BASE

KEY = {"Authorization": "Bearer pat"}
SCRIPT = """
import sys
from pathlib import Path
from leads_dagster.sandbox import serve
serve(state=Path(sys.argv[1]), announce=lambda sandbox: print(sandbox.url, flush=True))
print("ended", flush=True)
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_state_written(
    process: subprocess.Popen[str], tmp_path: Path, sent: signal.Signals
) -> None:
    url = f"{address(process)}/v0/{BASE}/Leads"
    transport = httpx.HTTPTransport(retries=20)
    with httpx.Client(transport=transport) as client:
        client.post(url, json={"fields": {"Name": "Ann"}}, headers=KEY).raise_for_status()
    process.send_signal(sent)
    output, complaints = process.communicate(timeout=30)
    assert complaints == ""
    assert sent is signal.SIGTERM or (process.returncode, output) == (0, "ended\n")
    with Sandbox(state=tmp_path) as again:
        assert [each["fields"] for each in again.airtable.records(BASE, "Leads")] == [{"Name": "Ann"}]


def test_stopping_does_not_wait_for_a_request_that_is_held_up(capfd: pytest.CaptureFixture[str]) -> None:
    with Sandbox(faults=[{"kind": "latency", "seconds": 3600.0}]) as sandbox, pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{sandbox.url}/v0/meta/whoami", headers=KEY, timeout=httpx.Timeout(30.0, read=0.5))
    assert capfd.readouterr().err == ""


def test_several_twins_run_side_by_side() -> None:
    with Sandbox() as one, Sandbox() as two:
        one.airtable.create(BASE, "Leads", [{"Name": "Ann"}])
        assert one.port != two.port
        assert httpx.get(f"{two.url}/v0/{BASE}/Leads", headers=KEY).json() == {"records": []}


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        (b"{", 400, {"error": "BAD_REQUEST"}),
        (b" " * (5 * 1024 * 1024), 413, {"error": "REQUEST_TOO_LARGE"}),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused(sandbox: Sandbox, body: bytes, status: int, answer: object) -> None:
    refused = httpx.post(f"{sandbox.url}/v0/{BASE}/Leads", content=body, headers=KEY)
    assert (refused.status_code, refused.json()) == (status, answer)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "INVALID_REQUEST_MISSING_FIELDS"),
        ({"records": []}, "INVALID_RECORDS"),
        ({"records": [{"fields": {}}] * 11}, "INVALID_RECORDS"),
        ({"records": "x"}, "INVALID_RECORDS"),
        ({"records": [{}]}, "INVALID_REQUEST_MISSING_FIELDS"),
        ([], "INVALID_REQUEST_UNKNOWN"),
    ],
)
def test_a_body_of_the_wrong_form_is_refused(sandbox: Sandbox, body: object, kind: str) -> None:
    refused = httpx.post(f"{sandbox.url}/v0/{BASE}/Leads", json=body, headers=KEY)
    assert (refused.status_code, refused.json()["error"]["type"]) == (422, kind)


def test_an_update_of_a_record_that_is_not_there_is_refused_whole(sandbox: Sandbox) -> None:
    made = sandbox.airtable.create(BASE, "Leads", [{"Name": "Ann"}])[0]
    edits = [{"id": made["id"], "fields": {"Name": "x"}}, {"id": "recAAAAAAAAAAAAAA", "fields": {"Name": "y"}}]
    refused = httpx.patch(f"{sandbox.url}/v0/{BASE}/Leads", json={"records": edits}, headers=KEY)
    message = "Record ID recAAAAAAAAAAAAAA does not exist in this table"
    assert refused.json() == {"error": {"type": "ROW_DOES_NOT_EXIST", "message": message}}
    assert sandbox.airtable.records(BASE, "Leads") == [made]


def test_a_base_that_is_full_takes_no_record_more(sandbox: Sandbox) -> None:
    httpx.post(f"{sandbox.url}/sandbox/airtable/{BASE}", json={"recordLimit": 2}).raise_for_status()
    rows = {"records": [{"fields": {"Name": str(number)}} for number in range(3)]}
    assert httpx.post(f"{sandbox.url}/v0/{BASE}/Leads", json=rows, headers=KEY).status_code == 422
    assert sandbox.airtable.records(BASE, "Leads") == []
