"""Records are split exactly where the csv module would end them."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leads_dagster.leads.records import parse_record, parse_records, split_records, unify_line_ends

HOSTILE = st.text(alphabet=st.sampled_from('""",;\t|\n\r ab\'\\é'), max_size=60)
ANYTHING = st.text(max_size=80)


def by_csv_module(text: str, delimiter: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]


def one_by_one(text: str, delimiter: str) -> list[list[str]]:
    records, _ = split_records(text.split("\n"), delimiter)
    return [parse_record(record, delimiter) for record in records if record]


@settings(max_examples=2000, deadline=None)
@given(text=st.one_of(HOSTILE, ANYTHING), delimiter=st.sampled_from(",;\t|"))
@example(text='a,"b\nc"",d\n",e\n"', delimiter=",")
@example(text='"a"b"c,"\n"', delimiter=",")
@example(text='"""\n""",x', delimiter=",")
@example(text='a"b\n"', delimiter=";")
@example(text=',""\n"",""\n', delimiter=",")
def test_records_parsed_one_by_one_equal_the_csv_module_over_the_whole_text(text: str, delimiter: str) -> None:
    text = unify_line_ends(text).replace("\0", "")
    assert one_by_one(text, delimiter) == by_csv_module(text, delimiter)


@settings(max_examples=300, deadline=None)
@given(text=HOSTILE, delimiter=st.sampled_from(",;\t|"))
def test_records_parsed_together_equal_records_parsed_one_by_one(text: str, delimiter: str) -> None:
    records, _ = split_records(unify_line_ends(text).split("\n"), delimiter)
    filled = [record for record in records if record]
    assert list(parse_records(filled, delimiter)) == [parse_record(record, delimiter) for record in filled]


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.lists(st.text(max_size=12), min_size=2, max_size=5), max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_the_csv_module_writes_comes_back_to_the_letter(
    rows: list[list[str]], delimiter: str, quoting: int
) -> None:
    cells = [[unify_line_ends(cell).replace("\0", "") for cell in row] for row in rows]
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=quoting, lineterminator="\r\n").writerows(cells)  # type: ignore[arg-type]
    assert one_by_one(unify_line_ends(written.getvalue()), delimiter) == cells


@pytest.mark.parametrize(("text", "unclosed"), [('a,"b', True), ('a,"b"', False), ('a,b"', False), ('"a""', True)])
def test_an_open_quote_at_the_end_is_reported(text: str, unclosed: bool) -> None:
    assert split_records(text.split("\n"), ",")[1] is unclosed


def test_line_ends_become_lf_in_cells_too() -> None:
    assert unify_line_ends('a\r\n"b\r\nc"\rd\n') == 'a\n"b\nc"\nd\n'


def test_other_line_separators_of_unicode_end_nothing() -> None:
    assert one_by_one("a\u2028b\x0bc\x85d,e", ",") == [["a\u2028b\x0bc\x85d", "e"]]
