"""Reviews as a spreadsheet: written safely, decided there, taken in line by line."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from leads_dagster.errors import SettingsError, SheetFormatError
from leads_dagster.pipeline import review_sheet, reviews
from leads_dagster_tests.pipeline.conftest import Road

# Three mailboxes, each with two names: three questions.
ROWS = [
    (f"{name} {family}", f"{family.lower()}7@acme.example", "Acme", "=1+1")
    for family, names in {"Doe": ("Ann", "Bob"), "Stone": ("Carl", "Dora"), "Young": ("Eve", "Frank")}.items()
    for name in names
]


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


@pytest.fixture
def sheet(road: Road) -> Path:
    """What waits, as a file."""
    road.sync(ROWS)
    path = road.home / "reviews.csv"
    with road.open() as ws:
        assert review_sheet.export(ws, path)["reviews"] == 3
    return path


def lines_of(sheet: Path) -> list[dict[str, str]]:
    with sheet.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def decide(sheet: Path, *decisions: str, delimiter: str = ",", encoding: str = "utf-8") -> None:
    """Fill the column in as a person would, and save as their program does."""
    lines = lines_of(sheet)
    for line, decision in zip(lines, decisions, strict=True):
        line["decision"] = decision
    with sheet.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(lines)


def taken_in(road: Road, sheet: Path) -> dict[str, object]:
    with road.open() as ws:
        return review_sheet.import_(ws, sheet, who="ann")


def test_an_exported_sheet_has_both_sides_and_nothing_that_a_spreadsheet_would_run(sheet: Path) -> None:
    for line in lines_of(sheet):
        assert (line["decision"], line["reason"]) == ("", "")
        assert line["left full_name"].split()[0] in ("Ann", "Carl", "Eve")
        assert line["right full_name"].split()[0] in ("Bob", "Dora", "Frank")
        assert (line["left title"], line["right title"]) == ("'=1+1", "'=1+1")
        assert line["id"].startswith("r")


def test_a_decided_sheet_is_taken_in_and_a_blank_decides_nothing(road: Road, sheet: Path) -> None:
    decide(sheet, "same", "Not the same", "")
    told = taken_in(road, sheet)
    assert (told["read"], told["same"], told["not_same"], told["blank"], told["faults"]) == (3, 1, 1, 1, [])
    with road.open() as ws:
        assert len(reviews.list_(ws)) == 1
    assert len(road.leads()) == 5
    assert {row["who"] for row in road.all("decisions")} == {"ann"}


@pytest.mark.parametrize(("delimiter", "encoding"), [(";", "cp1252"), ("\t", "utf-16"), (",", "utf-8-sig")])
def test_it_is_read_however_a_spreadsheet_saved_it(road: Road, sheet: Path, delimiter: str, encoding: str) -> None:
    decide(sheet, "SAME", "not_same", "not-same", delimiter=delimiter, encoding=encoding)
    told = taken_in(road, sheet)
    assert (told["same"], told["not_same"], told["faults"]) == (1, 2, [])


def test_a_line_that_is_wrong_is_told_by_its_number_and_stops_no_other(road: Road, sheet: Path) -> None:
    decide(sheet, "maybe", "same", "same")
    text = sheet.read_text()
    sheet.write_text(text + "r77-78,same,,,\nnonsense,same,,,\n")
    told = taken_in(road, sheet)
    faults = told["faults"]
    assert isinstance(faults, list)
    assert (told["read"], told["same"]) == (5, 2)
    assert [(one["line"], one["id"][:2]) for one in faults] == [(2, "r1"), (5, "r7"), (6, "no")]
    assert "same, not same" in faults[0]["error"]


def test_a_sheet_that_is_taken_in_twice_decides_nothing_new(road: Road, sheet: Path) -> None:
    decide(sheet, "same", "not same", "")
    taken_in(road, sheet)
    again = taken_in(road, sheet)
    assert (again["already"], again["blank"], again["faults"]) == (2, 1, [])
    assert len(road.all("decisions")) == 2
    decide(sheet, "not same", "not same", "")
    assert [one["line"] for one in taken_in(road, sheet)["faults"]] == [2]  # type: ignore[attr-defined]


def test_what_one_line_teaches_joins_nothing_that_another_says_is_not_the_same(road: Road) -> None:
    """Ann is Bob in the first line, and that may be learned; the second says that hers are two all the same."""
    road.sync([(f"{name} {family}", f"{family}7@acme.example", "Acme", "") for family in ("Doe", "Stone")
               for name in ("Ann", "Bob")])  # fmt: skip
    path = road.home / "reviews.csv"
    with road.open() as ws:
        review_sheet.export(ws, path)
    decide(path, "same", "not same")
    told = taken_in(road, path)
    assert (told["same"], told["not_same"], told["faults"]) == (1, 1, [])
    assert len(road.leads()) == 3


def test_a_sheet_without_the_columns_is_refused(road: Road) -> None:
    road.sync(ROWS)
    path = road.home / "other.csv"
    path.write_text("name,answer\nr1-2,same\n")
    with pytest.raises(SheetFormatError, match="id and decision"):
        taken_in(road, path)


def test_a_file_that_cannot_be_written_is_named(road: Road) -> None:
    with road.open() as ws, pytest.raises(SettingsError, match="cannot be written"):
        review_sheet.export(ws, road.home / "nowhere" / "reviews.csv")
