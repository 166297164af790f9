"""CSV that we write holds data, never formulas."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.tabular import neutralize_formula, write_csv


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        '=HYPERLINK("http://x.example")',
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "+1-815-890-8301",
        "+49 30 1234",
        "-A1",
        "-",
        "+",
        "＝1",
        "-5\n=1",
        "+１２３",
    ],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(cell: str) -> None:
    assert neutralize_formula(cell) == "'" + cell


@pytest.mark.parametrize(
    "cell",
    ["", "Jo", "a=b", "1-2", "a@b.example", "-5", "+49301234", "-5.10", "+3,5", "-1,234.56", "'=1", " =1", "007"],
)
def test_names_numbers_and_e164_phones_stay(cell: str) -> None:
    assert neutralize_formula(cell) == cell


@given(st.text())
def test_no_cell_that_is_written_can_start_a_formula(cell: str) -> None:
    safe = neutralize_formula(cell)
    assert safe.removeprefix("'") == cell.removeprefix("'")
    assert safe[:1] not in ("=", "@", "\t", "\r")
    assert safe[:1] not in ("+", "-") or safe[1:2].isdigit()


def test_rows_go_to_a_path_with_every_cell_neutralised(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert write_csv(path, ["=x", "note"], [["Jo", "=1"], ["Zoë, A", "a\nb"]]) == 2
    assert path.read_bytes().decode() == '\'=x,note\nJo,\'=1\n"Zoë, A","a\nb"\n'


def test_rows_go_to_an_open_file() -> None:
    file = io.StringIO()
    assert write_csv(file, ["a"], iter([["1"], ["2"]])) == 2
    assert list(csv.reader(io.StringIO(file.getvalue()))) == [["a"], ["1"], ["2"]]
