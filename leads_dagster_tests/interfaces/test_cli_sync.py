"""`leads sync`: what one cycle prints and how it ends; and how a watch goes on, slows down and stops."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest

from leads_dagster.customers import AirtableSettings, CustomerSettings
from leads_dagster.interfaces.cli.sync import cost_of_looking
from leads_dagster_tests.interfaces.conftest import CommandLine

ROWS = ["read", "created", "updated", "unchanged", "merged", "quarantined", "held", "removed"]
SHEET = "Name,Email\nAda Example,ada@one.example\nBo Sample,bo@two.example\n"


def ledger_adds_up(rows: dict[str, int]) -> bool:
    return rows["read"] == sum(rows[name] for name in ROWS if name not in ("read", "removed"))


def databases(leads: CommandLine) -> dict[str, bytes]:
    """The contents of the lead and CRM databases, row by row."""
    import sqlite3

    found = {}
    for name in ("leads.db", "crm.db"):
        connection = sqlite3.connect(leads.home / name)
        found[name] = "\n".join(connection.iterdump()).encode()
        connection.close()
    return found


def test_without_settings_the_packaged_sample_is_synced(leads: CommandLine) -> None:
    ended = leads("sync", "--json")

    assert (ended.code, ended.err) == (0, "")
    assert list(ended.json) == ["customer", "run_id", "status", "rows", "seconds", "error"]
    assert list(ended.json["rows"]) == ROWS
    assert (ended.json["customer"], ended.json["status"], ended.json["error"]) == ("default", "done", None)
    assert ended.json["rows"]["read"] == 60
    assert ended.json["rows"]["quarantined"] == 2
    assert ended.json["rows"]["merged"] == 6
    assert ledger_adds_up(ended.json["rows"])


def test_a_second_sync_finds_nothing_to_do_and_writes_nothing(leads: CommandLine) -> None:
    leads("sync")
    before = databases(leads)

    ended = leads("sync", "--json")
    assert (ended.code, ended.json["status"]) == (0, "unchanged")
    assert databases(leads) == before


def test_in_words_it_says_where_the_rows_went_and_what_to_look_at(leads: CommandLine) -> None:
    ended = leads("sync")

    assert ended.code == 0
    assert "default: done in " in ended.out
    assert "60 read, " in ended.out
    assert "leads quarantine" in ended.out
    assert ended.err == ""


def test_another_sheet_can_be_given_by_a_path_from_here(leads: CommandLine) -> None:
    (leads.folder / "mine.csv").write_text(SHEET)

    ended = leads("sync", "--sheet", "mine.csv", "--json")
    assert ended.json["rows"]["created"] == 2


def test_an_address_that_cannot_be_read_ends_with_2_and_the_shape_of_a_sync(leads: CommandLine) -> None:
    ended = leads("sync", "--sheet", "ftp://example.com/leads.csv", "--json")

    assert ended.code == 2
    assert (ended.json["customer"], ended.json["status"], ended.json["run_id"]) == ("default", "failed", None)
    assert ended.json["rows"] == dict.fromkeys(ROWS, 0)
    assert "ftp" in ended.json["error"]


@pytest.mark.parametrize(
    "arguments", [("--bogus",), ("--interval", "5"), ("--full", "--watch"), ("--customer", "nobody")]
)
def test_wrong_arguments_too_have_the_shape_of_a_sync(arguments: tuple[str, ...], leads: CommandLine) -> None:
    ended = leads("sync", "--json", *arguments)

    assert ended.code == 2
    assert list(ended.json) == ["customer", "run_id", "status", "rows", "seconds", "error"]
    assert ended.json["status"] == "failed"


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "empty"), ("Quux,Blorp\n1,2\n", "Quux"), ("PK\x03\x04 not a table at all", "")],
)
def test_a_sheet_that_holds_no_leads_ends_with_1_and_says_why(content: str, words: str, leads: CommandLine) -> None:
    (leads.folder / "leads.csv").write_text(content)

    ended = leads("sync", "--sheet", "leads.csv", "--json")
    assert ended.code == 1
    assert ended.json["status"] == "failed"
    assert words in ended.json["error"]
    assert "Traceback" not in ended.err


def test_a_path_that_leads_nowhere_is_a_wrong_argument(leads: CommandLine) -> None:
    ended = leads("sync", "--sheet", "leads.csv", "--json")
    assert ended.code == 2
    assert ended.json["status"] == "failed"
    assert "leads.csv" in ended.json["error"]


def test_in_words_a_failure_stands_on_stderr(leads: CommandLine) -> None:
    (leads.folder / "leads.csv").write_text("Quux,Blorp\n1,2\n")

    ended = leads("sync", "--sheet", "leads.csv")
    assert ended.code == 1
    assert "Quux" in ended.err
    assert "Traceback" not in ended.err


def test_looking_often_is_said_to_cost_quota() -> None:
    plain = CustomerSettings(name="acme", sheet="x.csv")
    team = CustomerSettings(name="acme", sheet="x.csv", airtable=AirtableSettings("appX", "T", "team"))

    assert cost_of_looking(300, plain) is None
    assert "60 Sheets reads a minute" in str(cost_of_looking(5, plain))
    assert "100,000 calls a month" in str(cost_of_looking(1, team))


def next_cycle(process: subprocess.Popen[str], status: str) -> dict[str, Any]:
    """The next cycle of that status; those before it are passed over."""
    assert process.stdout is not None
    for line in process.stdout:
        if (cycle := json.loads(line))["status"] == status:
            return dict(cycle)
    raise AssertionError(f"the watch ended before a cycle was {status}")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_follows_edits_and_outlives_a_broken_sheet_until_it_is_stopped(
    how: signal.Signals, leads: CommandLine
) -> None:
    sheet = leads.folder / "mine.csv"
    sheet.write_text(SHEET)
    with leads.started("sync", "--watch", "--json", "--interval", "1", "--sheet", "mine.csv") as process:
        assert next_cycle(process, "done")["rows"]["created"] == 2
        sheet.write_text(SHEET + "Cy Third,cy@three.example\n")
        assert next_cycle(process, "done")["rows"]["created"] == 1
        sheet.write_text("Quux\n1\n")
        assert "Quux" in next_cycle(process, "failed")["error"]
        sheet.write_text(SHEET + "Cy Third,cy@three.example\nDi Fourth,di@four.example\n")
        assert next_cycle(process, "done")["rows"]["created"] == 1
        process.send_signal(how)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Sheets reads a minute" in err
    assert "Stopped" in err
    assert "Traceback" not in err


def test_a_watch_on_something_that_is_no_address_ends_at_once(leads: CommandLine) -> None:
    ended = leads("sync", "--watch", "--sheet", "ftp://example.com/x.csv")

    assert ended.code == 2
    assert "ftp" in ended.err
