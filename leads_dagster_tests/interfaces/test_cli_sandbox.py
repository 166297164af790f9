"""`leads sandbox`: it says where it serves, serves the folder's sheets, keeps its bases, and ends at Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from leads_dagster.interfaces.first_run import TWIN_BASE
from leads_dagster_tests.interfaces.conftest import CommandLine


@contextmanager
def sandbox(leads: CommandLine, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, with the address that it printed."""
    with leads.started("sandbox", "--port", "0", "--json", *arguments) as process:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["url"]


def ask(url: str, *, body: object = None) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": "Bearer any", "Content-Type": "application/json"})
    if body is not None:
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request) as answer:
        return bytes(answer.read())


def test_it_serves_the_sheets_of_a_folder_until_it_is_stopped(leads: CommandLine) -> None:
    (leads.folder / "sheets").mkdir()
    (leads.folder / "sheets" / "mine.csv").write_text("Name\nAda Example\n")

    with sandbox(leads, "--sheets", "sheets") as (process, url):
        assert b"Ada Example" in ask(f"{url}/spreadsheets/d/mine/export?format=csv&gid=0")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in err


def test_its_bases_are_as_they_were_when_it_is_started_again(leads: CommandLine) -> None:
    with sandbox(leads) as (process, url):
        ask(f"{url}/v0/{TWIN_BASE}/Leads", body={"fields": {"Name": "Ada Example"}})
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    with sandbox(leads) as (_, url):
        records = json.loads(ask(f"{url}/v0/{TWIN_BASE}/Leads"))["records"]

    assert [record["fields"]["Name"] for record in records] == ["Ada Example"]
    assert list(leads.home.glob("sandbox/*"))


def test_in_words_it_says_how_to_point_at_it(leads: CommandLine) -> None:
    with leads.started("sandbox", "--port", "0") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]

    url = lines[0].split(" at ")[1].split(";")[0]
    assert lines[1] == f"  export AIRTABLE_ENDPOINT_URL={url} GOOGLE_SHEETS_ENDPOINT_URL={url} AIRTABLE_API_KEY=any\n"


@pytest.mark.parametrize("arguments", [("--sheets", "nowhere"), ("--bases", "nothing.json"), ("--port", "70000")])
def test_arguments_that_lead_nowhere_end_with_2(arguments: tuple[str, ...], leads: CommandLine) -> None:
    assert leads("sandbox", *arguments).code == 2


def test_a_bases_file_that_is_not_one_ends_with_2(leads: CommandLine) -> None:
    (leads.folder / "bases.json").write_text("{")

    ended = leads("sandbox", "--port", "0", "--bases", "bases.json")
    assert ended.code == 2
    assert "bases.json" in ended.err
