"""`leads plan` over real HTTP: the very requests that `leads sync` then makes, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.interfaces.conftest import CommandLine

CUSTOMER = """
[[customers]]
name = "acme"
sheet = "leads.csv"

[customers.airtable]
base_id = "appLeadsSandbox01"
table = "Leads"
attention = true
fixing_table = "Leads: needs fixing"
debounce_seconds = 0
"""
HEADER = "Name,Email,Company,Title\n"
JANE, ANN, NOBODY = "Jane Doe,jane@acme.example,Acme,CEO\n", "Ann Lee,ann@beta.example,Beta,CTO\n", ",see notes,,\n"


@pytest.fixture
def twin(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        monkeypatch.setenv("AIRTABLE_ENDPOINT_URL", sandbox.url)
        monkeypatch.setenv("AIRTABLE_API_KEY", "any-token")
        leads.configure(CUSTOMER)
        yield sandbox


def write(leads: CommandLine, *rows: str) -> None:
    (leads.home / "leads.csv").write_text(HEADER + "".join(rows))


def test_a_sync_makes_the_requests_that_the_plan_counted(leads: CommandLine, twin: Sandbox) -> None:
    for rows in ((JANE, ANN, NOBODY), (JANE.replace("CEO", "Chair"), NOBODY), (JANE.replace("CEO", "Chair"), NOBODY)):
        write(leads, *rows)
        told = leads("plan", "--json").json
        before = twin.requests.count(route="v0/")
        done = leads("sync", "--json").json
        assert (told["rows"], told["error"]) == (done["rows"], None)
        assert told["mirrors"]["airtable"]["calls"] == twin.requests.count(route="v0/") - before
    assert [one["fields"]["Title"] for one in twin.airtable.records("appLeadsSandbox01", "Leads")] == ["Chair"]


def test_the_differences_are_shown_up_to_a_limit(leads: CommandLine, twin: Sandbox, tmp_path: Path) -> None:
    write(leads, JANE, ANN)
    told = leads("plan", "--json", "--limit", "3").json["mirrors"]["airtable"]
    assert (told["creates"], len(told["differences"])) == (2, 3)
    shown = leads("plan").out
    assert "jane@acme.example" in shown
    assert "Nothing was written" in shown
    assert twin.airtable.records("appLeadsSandbox01", "Leads") == []
