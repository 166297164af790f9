"""The commands that look at what a sync left, and decide about it: status, plan, quarantine, holds, drift, dedupe."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from leads_dagster_tests.interfaces.conftest import CommandLine

HEADER = "Name,Email,Company\n"


def people(*numbers: int, company: str = "") -> str:
    """A sheet of invented people, one a number."""
    return HEADER + "".join(f"Person N{number},p{number}@firm{number}.example,{company}\n" for number in numbers)


@pytest.fixture
def sheet(leads: CommandLine) -> Path:
    """A customer's sheet, not synced yet."""
    leads.configure('[[customers]]\nname = "acme"\nsheet = "mine.csv"\n')
    return leads.home / "mine.csv"


@pytest.fixture
def parked(leads: CommandLine, sheet: Path) -> int:
    """The id of a hold: forty leads, of which thirty have gone from the sheet."""
    sheet.write_text(people(*range(40)))
    leads("sync")
    sheet.write_text(people(*range(10)))
    assert leads("sync", "--json").json["status"] == "held"
    (hold,) = leads("holds", "--json").json
    return int(hold["id"])


def test_the_status_of_a_customer_who_was_never_synced(leads: CommandLine) -> None:
    ended = leads("status", "--json")

    assert ended.code == 0
    assert (ended.json["customer"], ended.json["last_run"], ended.json["leads"]) == ("default", None, 0)


def test_the_status_after_a_sync_has_its_counts_its_run_and_what_waits(leads: CommandLine, sheet: Path) -> None:
    sheet.write_text(people(1, 2) + ",,\n")
    leads("sync")

    status = leads("status", "--json").json
    assert status["leads"] == 2
    assert status["ledger_adds_up"] is True
    assert status["last_run"]["status"] == "done"
    assert status["quarantine"] == {"empty_row": 1}
    assert status["holds"] == 0


def test_the_status_in_words_names_what_it_says(leads: CommandLine, sheet: Path) -> None:
    sheet.write_text(people(1))
    leads("sync")

    out = leads("status").out
    assert "customer" in out
    assert "acme" in out
    assert "last synced at" in out


def test_the_status_of_all_customers(leads: CommandLine) -> None:
    leads.configure('[[customers]]\nname = "acme"\nsheet = "a.csv"\n[[customers]]\nname = "zeta"\nsheet = "z.csv"\n')

    assert [one["customer"] for one in leads("status", "--all", "--json").json["customers"]] == ["acme", "zeta"]
    assert "zeta" in leads("status", "--all").out


def test_a_plan_says_what_a_sync_then_does_and_writes_nothing(leads: CommandLine, sheet: Path) -> None:
    sheet.write_text(people(1, 2, 3) + ",,\n")

    planned = leads("plan", "--json").json
    assert leads("status", "--json").json["leads"] == 0
    assert planned["rows"] == leads("sync", "--json").json["rows"]
    assert leads("plan", "--json").json["status"] == "unchanged"


def test_a_plan_in_words_says_that_nothing_was_written(leads: CommandLine, sheet: Path) -> None:
    sheet.write_text(people(1))

    assert "Nothing was written" in leads("plan").out


def test_quarantine_lists_the_row_with_its_reason_and_leaves_when_mended(leads: CommandLine, sheet: Path) -> None:
    sheet.write_text(people(1) + ",,Nobody Ltd\n")
    leads("sync")

    (row,) = leads("quarantine", "--json").json
    assert (row["row_number"], row["code"]) == (3, "no_identity")
    assert row["code"] in leads("quarantine").out

    sheet.write_text(people(1, 2))
    leads("sync")
    assert leads("quarantine", "list", "--json").json == []
    assert leads("quarantine").out == "No row is in quarantine.\n"


def test_one_row_of_the_quarantine_is_shown_with_all_its_cells(leads: CommandLine, sheet: Path) -> None:
    sheet.write_text(HEADER + ",,Nobody Ltd\n")
    leads("sync")
    (row,) = leads("quarantine", "--json").json

    shown = leads("quarantine", "show", str(row["record_id"]), "--json").json
    assert shown["raw"]["Company"] == "Nobody Ltd"
    assert "Nobody Ltd" in leads("quarantine", "show", str(row["record_id"])).out


@pytest.mark.parametrize("words", [("quarantine", "show"), ("holds", "show"), ("holds", "approve"), ("holds", "drop")])
def test_an_id_that_is_not_there_ends_with_1(words: tuple[str, str], leads: CommandLine) -> None:
    ended = leads(*words, "4711", "--json")

    assert ended.code == 1
    assert ended.json["error"]["type"] == "NotFoundError"


def test_a_held_plan_is_listed_and_shown_row_by_row(leads: CommandLine, parked: int) -> None:
    assert f"\n{parked} " in leads("holds").out.replace("\n ", "\n")
    assert len(leads("holds", "show", str(parked), "--json").json["plan"]) == 30


def test_an_approved_plan_is_done_by_the_next_sync(leads: CommandLine, parked: int) -> None:
    approved = leads("holds", "approve", str(parked), "--json")
    assert (approved.code, approved.json["status"]) == (0, "approved")

    synced = leads("sync", "--json").json
    assert (synced["status"], synced["rows"]["removed"]) == ("done", 30)
    assert leads("holds", "--json").json == []
    assert leads("status", "--json").json["leads"] == 10


def test_a_dropped_plan_leaves_the_leads_as_they_are(leads: CommandLine, parked: int) -> None:
    assert leads("holds", "drop", str(parked), "--json").json["status"] == "dropped"

    leads("sync")
    assert leads("status", "--json").json["leads"] == 40


def test_a_plan_that_was_decided_cannot_be_decided_again(leads: CommandLine, parked: int) -> None:
    leads("holds", "drop", str(parked))

    ended = leads("holds", "drop", str(parked), "--json")
    assert ended.code == 1
    assert ended.json["error"]["type"] == "ConflictError"


def test_nothing_held_is_said(leads: CommandLine) -> None:
    assert leads("holds").out == "Nothing waits for approval.\n"


def test_no_drift_is_said_and_merged_rows_show_theirs(leads: CommandLine, sheet: Path) -> None:
    sheet.write_text(people(1, 2))
    leads("sync")
    assert leads("drift").out == "No drift: every lead says what its rows say.\n"

    sheet.write_text(people(1, 2) + "Person N1,p1@firm1.example,Firm One\nPerson N1,p1@firm1.example,Firm Uno\n")
    leads("sync")
    found = leads("drift", "--json").json
    assert found
    assert {"row", "lead_id", "field", "sheet", "lead", "said_by"} == set(found[0])


def test_dedupe_writes_one_line_a_row_and_opens_no_store(leads: CommandLine) -> None:
    source = leads.folder / "in.csv"
    source.write_text(people(1, 2) + "Person N1,P1@FIRM1.example,Firm One\n,,\n")

    ended = leads("dedupe", "in.csv", "--out", "out.csv", "--json")
    with (leads.folder / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert ended.code == 0
    assert list(rows[0]) == ["row_id", "lead_id", "rule", "score"]
    assert [row["row_id"] for row in rows] == ["0", "1", "2", "3"]
    assert rows[0]["lead_id"] == rows[2]["lead_id"] != rows[1]["lead_id"]
    assert (rows[1]["rule"], rows[1]["score"]) == ("new", "")
    assert not leads.home.exists()


def test_dedupe_of_something_that_is_no_table_ends_with_1_and_writes_nothing(leads: CommandLine) -> None:
    (leads.folder / "in.csv").write_text("")

    ended = leads("dedupe", "in.csv", "--out", "out.csv")
    assert ended.code == 1
    assert not (leads.folder / "out.csv").exists()
