"""The benchmarks: they run, their sheets are what they claim, the page has a place for each. Nothing is timed."""

from __future__ import annotations

import csv
import importlib
import io
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import page, sheets
from benchmarks.run import SECTIONS
from leads_dagster.leads.sheet import read_sheet
from leads_dagster_tests.conftest import REPOSITORY

BENCHMARKS = REPOSITORY / "benchmarks"
MODULES = sorted(
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    for path in BENCHMARKS.rglob("*.py")
    if path.stem != "__init__"
)
PEERS_ONLY = ("dlt", "duckdb", "litequeue", "pandas", "persist-queue", "recordlinkage", "splink", "sqlite-utils")


@pytest.mark.parametrize("name", MODULES)
def test_every_benchmark_module_imports_and_says_what_it_is(name: str) -> None:
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("key", SECTIONS)
def test_the_page_has_a_section_for_every_benchmark(key: str) -> None:
    text = page.PAGE.read_text(encoding="utf-8")

    assert f"<!-- section {key} -->\n## {SECTIONS[key].title}\n" in text


def test_the_page_is_as_the_script_would_write_it() -> None:
    text = page.PAGE.read_text(encoding="utf-8")

    assert page.merged(text, {key: section.title for key, section in SECTIONS.items()}, {}) == text


def test_measuring_one_section_leaves_the_others_as_they_stand() -> None:
    titles = {"a": "First", "b": "Second", "c": "Third"}
    before = page.merged("", titles, {"a": "old a", "b": "old b"})

    after = page.merged(before, titles, {"b": "new b"})

    assert after == page.merged("", titles, {"a": "old a", "b": "new b"})
    assert after.count(page.NOT_MEASURED) == 1


def test_the_same_seed_gives_the_same_sheet_with_rows_that_peers_can_key() -> None:
    data = sheets.sheet(300)
    rows = list(csv.DictReader(io.StringIO(data.decode())))

    assert data == sheets.sheet(300)
    assert len({row[sheets.KEY_COLUMN] for row in rows}) == len(rows) == 300


def test_our_road_reads_every_column_and_row_of_the_sheet() -> None:
    table, mapping = read_sheet(sheets.sheet(300), overrides={})

    assert len(table.lines) == 300
    assert all(column.target is not None for column in mapping.columns)


def test_an_edit_changes_one_row_and_each_edit_another() -> None:
    data = sheets.sheet(300)
    before = data.split(b"\n")

    changed = [
        [place for place, line in enumerate(sheets.edited(data, number).split(b"\n")) if line != before[place]]
        for number in range(20)
    ]

    assert all(len(places) == 1 for places in changed)
    assert len({places[0] for places in changed}) == 20


def test_the_standard_librarys_peers_hold_every_row(tmp_path: Path) -> None:
    sheet, database = tmp_path / "sheet.csv", tmp_path / "peer.db"
    sheet.write_bytes(sheets.sheet(50))

    command = [sys.executable, "-m", "benchmarks.peers", "sqlite", str(database), str(sheet), str(sheet)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)

    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM leads").fetchone() == (50,)


@pytest.mark.parametrize("name", PEERS_ONLY)
def test_peers_are_locked_in_their_own_environment_and_never_in_the_products(name: str) -> None:
    peers = (REPOSITORY / "benchmarks" / "requirements.txt").read_text(encoding="utf-8")
    ours = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")

    assert any(line.startswith((f"{name}==", f"{name}[")) for line in peers.splitlines())
    assert not any(line.startswith((f"{name}==", f"{name}[")) for line in ours.splitlines())


def test_the_peers_lock_names_no_index() -> None:
    assert "://" not in (REPOSITORY / "benchmarks" / "requirements.txt").read_text(encoding="utf-8")
