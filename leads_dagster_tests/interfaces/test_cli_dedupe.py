"""`leads dedupe`: any list of a person's own, from the command line."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from leads_dagster.interfaces.cli.progress import Pace
from leads_dagster_tests.interfaces.conftest import CommandLine

SHEET = "Name,Company\nBob Smith,Acme GmbH\nRobert Smith,Acme\nMario Rossi,Borealis\nMaria Rossi,Borealis\n"


@pytest.fixture
def sheet(leads: CommandLine) -> Path:
    path = leads.folder / "in.csv"
    path.write_text(SHEET, encoding="utf-8")
    return path


@pytest.mark.usefixtures("sheet")
def test_report_and_reviews_are_written_beside_the_result(leads: CommandLine) -> None:
    ended = leads("dedupe", "in.csv", "--out", "o.csv", "--report", "r.html", "--reviews", "p.csv", "--json")

    assert ended.code == 0
    assert ended.json["reviews"] == 1
    assert (leads.folder / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with (leads.folder / "p.csv").open(newline="", encoding="utf-8") as file:
        assert [(row["row_a"], row["row_b"]) for row in csv.DictReader(file)] == [("2", "3")]


@pytest.mark.usefixtures("sheet")
def test_people_are_told_what_was_written(leads: CommandLine) -> None:
    out = leads("dedupe", "in.csv", "--out", "o.csv", "--report", "r.html").out

    assert "leads        3" in out
    assert "o.csv, r.html" in out


@pytest.mark.usefixtures("sheet")
def test_thresholds_can_be_tried_from_the_command_line(leads: CommandLine) -> None:
    assert leads("dedupe", "in.csv", "--out", "o.csv", "--match", "0.78", "--json").json["leads"] == 2
    assert leads("dedupe", "in.csv", "--out", "o.csv", "--review", "0.84", "--json").json["reviews"] == 0
    assert leads("dedupe", "in.csv", "--out", "o.csv", "--match", "0.5", "--json").json["reviews"] == 0


@pytest.mark.usefixtures("sheet")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--review", "0.9", "--match", "0.8"), "--review 0.9 is above --match 0.8"),
        (("--match", "1.5"), "--match"),
        (("--column", "Kontakt"), "is not FIELD=HEADER"),
        (("--column", "nme=Name"), "nme is no field"),
        (("--column", "email=Mail"), "the file has no such column"),
        (("--column", "email=Name", "--column", "email=Company"), "names email twice"),
        (("--report", "o.csv"), "--out and --report name the same file"),
        (("--report", "in.csv"), "is the file that is read"),
        (("--report", "missing/r.html"), "no folder"),
    ],
)
def test_wrong_options_end_with_2_and_write_nothing(options: tuple[str, ...], words: str, leads: CommandLine) -> None:
    ended = leads("dedupe", "in.csv", "--out", "o.csv", *options)

    assert ended.code == 2
    assert words in ended.err
    assert [path.name for path in leads.folder.iterdir()] == ["in.csv"]


def test_a_list_without_a_known_header_says_how_to_name_its_columns(leads: CommandLine) -> None:
    (leads.folder / "in.csv").write_text("Quux,Blorp\nBob Smith,Acme\nRobert Smith,Acme\n", encoding="utf-8")
    ended = leads("dedupe", "in.csv", "--out", "o.csv")

    assert ended.code == 1
    assert '"Quux", "Blorp"' in ended.err
    assert '--column full_name="Quux"' in ended.err
    named = leads(
        "dedupe", "in.csv", "--out", "o.csv", "--column", "full_name=Quux", "--column", "company=Blorp", "--json"
    )
    assert named.json["leads"] == 1


def test_columns_and_rules_of_the_customer_hold(leads: CommandLine) -> None:
    leads.configure(
        '[[customers]]\nname = "acme"\nsheet = "a.csv"\nphone_region = "DE"\n'
        '[customers.matching]\nmatch = 0.78\n[customers.columns]\nfull_name = "Quux"\nemail = "not here"\n'
    )
    (leads.folder / "in.csv").write_text("Quux,Company\nMario Rossi,Acme\nMaria Rossi,Acme\n", encoding="utf-8")

    assert leads("dedupe", "in.csv", "--out", "o.csv", "--customer", "acme", "--json").json["leads"] == 1


def test_standard_input_and_output_serve_as_well(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SHEET.encode())))
    ended = leads("dedupe", "-", "--out", "-", "--json")

    assert ended.code == 0
    assert ended.out.splitlines()[0] == "row_id,lead_id,rule,score"
    assert len(ended.out.splitlines()) == 5
    assert json.loads(ended.err)["leads"] == 3


def test_a_file_is_never_read_as_a_traceback(leads: CommandLine) -> None:
    (leads.folder / "in.csv").write_bytes(b"PK\x03\x04" + bytes(100))
    ended = leads("dedupe", "in.csv", "--out", "o.csv")

    assert ended.code == 1
    assert "Excel" in ended.err
    assert "Traceback" not in ended.err


class Clock:
    """Seconds, set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_bar_goes_on_at_its_pace_but_never_beyond_a_part() -> None:
    clock = Clock()
    pace = Pace((50, 100), clock)
    clock.now = 10.0
    pace.reached(20)
    assert (pace.percent(), pace.left()) == (20, "about 40 s left")

    clock.now = 15.0
    assert (pace.percent(), pace.left()) == (30, "about 35 s left")
    clock.now = 500.0
    assert pace.percent() == 49


def test_long_waits_are_told_in_minutes_and_nothing_is_told_too_early() -> None:
    clock = Clock()
    pace = Pace((), clock)
    pace.reached(10)
    assert (pace.percent(), pace.left()) == (10, "")

    clock.now = 60.0
    pace.reached(10)
    assert pace.left() == "about 9 min left"
