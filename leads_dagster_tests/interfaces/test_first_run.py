"""`make run`: what it says at first, that the second time nothing is written, whose settings it leaves alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leads_dagster.interfaces.first_run import TWIN_BASE
from leads_dagster_tests.interfaces.conftest import CommandLine


def first_run(leads: CommandLine) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as make starts it."""
    return subprocess.run(
        [sys.executable, "-m", "leads_dagster.interfaces.first_run"],
        cwd=leads.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )


def twin_records(leads: CommandLine) -> dict[str, object]:
    """What the twin's Airtable holds when it has stopped: record id -> cells."""
    content = json.loads((leads.home / "sandbox" / "airtable.json").read_text(encoding="utf-8"))
    (base,) = (base for base in content["bases"] if base["id"] == TWIN_BASE)
    return {record["id"]: record["cells"] for table in base["tables"] for record in table["records"]}


def test_the_first_run_syncs_the_sample_and_the_second_writes_nothing(leads: CommandLine) -> None:
    first = first_run(leads)
    records = twin_records(leads)
    leads_there = leads("status", "--json").json["leads"]

    assert (first.returncode, first.stderr) == (0, "")
    for words in ("60 rows read", "leads created", "merged", "2 rows in quarantine", "Airtable records written"):
        assert words in first.stdout
    for words in ("no_identity", "empty_row", "leads.db", "crm.db", "status", "make run"):
        assert words in first.stdout
    assert len(records) == leads_there == 52

    second = first_run(leads)
    assert (second.returncode, second.stderr) == (0, "")
    assert "Nothing changed: 60 rows looked at" in second.stdout
    assert twin_records(leads) == records


def test_what_it_leaves_works_without_the_twin(leads: CommandLine) -> None:
    first_run(leads)

    ended = leads("sync", "--json")
    assert (ended.code, ended.json["status"]) == (0, "unchanged")


def test_a_sheet_that_was_spoilt_ends_with_1_and_the_whole_of_what_would_mend_it(leads: CommandLine) -> None:
    first_run(leads)
    (leads.home / "sheets" / "leads.csv").write_text("Quux,Blorp\n1,2\n")

    ended = first_run(leads)
    assert ended.returncode == 1
    assert "[customers.columns]" in ended.stderr


def test_somebodys_own_leads_toml_is_left_alone(leads: CommandLine) -> None:
    text = '[[customers]]\nname = "acme"\nsheet = "a.csv"\n'
    leads.configure(text)

    ended = first_run(leads)
    assert ended.returncode == 2
    assert "your own" in ended.stderr
    assert (leads.home / "leads.toml").read_text(encoding="utf-8") == text
    assert [path.name for path in leads.home.iterdir()] == ["leads.toml"]


def test_real_services_set_in_the_environment_are_not_asked(
    leads: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AIRTABLE_ENDPOINT_URL", "AIRTABLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert first_run(leads).returncode == 0
