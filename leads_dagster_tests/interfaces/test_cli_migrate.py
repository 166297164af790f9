"""`leads migrate` on the command line: what it prints, and how it ends."""

from __future__ import annotations

import json
from typing import Any

from leads_dagster_tests.interfaces.conftest import CommandLine

RECORDS = [
    {"name": "Anna Berg", "email": "anna@acme.com"},
    {"name": "Bob Stone", "email": "bob@stone.com"},
    {"name": "Bob Stone", "email": "bob@stone.com"},
    7,
]


def write(leads: CommandLine, content: Any = RECORDS, name: str = "export.json") -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (leads.folder / name).write_text(text, encoding="utf-8")


def test_a_migration_tells_where_every_record_went(leads: CommandLine) -> None:
    write(leads)
    ended = leads("migrate", "export.json", "--json")
    assert ended.code == 0
    assert ended.json["status"] == "done"
    assert ended.json["rows"] == {
        "read": 4, "created": 2, "updated": 0, "unchanged": 0, "merged": 1, "quarantined": 1,
    }  # fmt: skip
    (file,) = ended.json["files"]
    assert file["faults"][0]["record"] == 4
    assert file["check"]["passed"]


def test_people_are_told_in_words(leads: CommandLine) -> None:
    write(leads)
    ended = leads("migrate", "export.json")
    assert "Record 4 of export.json (line 1) is no JSON object." in ended.out
    assert "3 records without phone" in ended.out
    assert "leads migrate --rollback" in ended.out
    assert "Nothing was written." in leads("migrate", "export.json").out


def test_a_dry_run_writes_nothing(leads: CommandLine) -> None:
    write(leads)
    ended = leads("migrate", "export.json", "--dry-run", "--json")
    assert (ended.code, ended.json["status"], ended.json["rows"]["created"]) == (0, "planned", 2)
    assert leads("migrate", "--list", "--json").json == []
    assert leads("quarantine", "--json").json == []


def test_what_could_not_be_a_lead_is_in_quarantine(leads: CommandLine) -> None:
    write(leads)
    leads("migrate", "export.json")
    (row,) = leads("quarantine", "--json").json
    assert (row["code"], row["row_number"]) == ("not_a_record", 4)
    assert row["source"] == f"json:{leads.folder / 'export.json'}"


def test_a_migration_is_listed_and_rolled_back(leads: CommandLine) -> None:
    write(leads)
    identity = leads("migrate", "export.json", "--json").json["migration_id"]
    (listed,) = leads("migrate", "--list", "--json").json
    assert (listed["migration_id"], listed["status"], listed["position"]) == (identity, "done", 4)
    ended = leads("migrate", "--rollback", identity, "--json")
    assert (ended.code, ended.json["records_undone"]) == (0, 3)
    again = leads("migrate", "--rollback", identity)
    assert again.code == 1
    assert "rolled back already" in again.err


def test_a_file_that_breaks_off_ends_with_1(leads: CommandLine) -> None:
    write(leads, json.dumps(RECORDS)[:-8], "cut.json")
    ended = leads("migrate", "cut.json", "--json")
    assert (ended.code, ended.json["status"], ended.json["rows"]["created"]) == (1, "failed", 2)


def test_a_file_without_leads_ends_with_1_and_says_why(leads: CommandLine) -> None:
    write(leads, {"version": 1}, "settings.json")
    ended = leads("migrate", "settings.json", "--json")
    assert (ended.code, ended.json["files"][0]["status"]) == (1, "failed")
    assert ended.json["files"][0]["error"]


def test_wrong_arguments_end_with_2(leads: CommandLine) -> None:
    write(leads)
    for arguments in ([], ["none.json"], ["export.json", "--list"], ["--rollback", "m1", "--dry-run"]):
        assert leads("migrate", *arguments).code == 2, arguments


def test_a_migration_that_is_not_there_ends_with_1(leads: CommandLine) -> None:
    assert leads("migrate", "--rollback", "m-none").code == 1
