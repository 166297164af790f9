"""Rows normalised in other processes: the same rows, in order, and no process left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import replace

import pytest

from leads_dagster.leads.fields import NormalizationRules, NormalizedRow
from leads_dagster.leads.matching import match_record
from leads_dagster.leads.sheet import read_sheet
from leads_dagster.pipeline import worker_rows
from leads_dagster.pipeline.worker_rows import normalized_rows, spare_processors

ROWS = 20_000
RULES = NormalizationRules(phone_region="DE")


@pytest.fixture(scope="module")
def sheet() -> bytes:
    lines = ["Name,Email,Phone,Company,Notes"]
    for number in range(ROWS):
        notes = '"two\nlines, ""quoted"""' if number % 7 == 0 else ""
        lines.append(f"Ada Example,p{number}@firm.example,030 {1_000_000 + number},Firm {number % 50},{notes}")
    lines[100], lines[200] = ",,,,", "Bob,broken,12,,"
    return "\n".join(lines).encode()


def compared(row: NormalizedRow) -> NormalizedRow:
    """What matching goes by; workers leave the rest out."""
    return replace(row, extra={})


def test_workers_say_what_this_process_would(sheet: bytes) -> None:
    table, mapping = read_sheet(sheet)
    here = normalized_rows(table, mapping, RULES, workers=0)
    there = normalized_rows(table, mapping, RULES, workers=2)

    assert list(map(compared, here)) == list(there)
    assert multiprocessing.active_children() == []


def test_a_row_from_a_worker_makes_the_same_record(sheet: bytes) -> None:
    table, mapping = read_sheet(sheet)
    here = next(iter(normalized_rows(table, mapping, RULES, workers=0)))
    rows = normalized_rows(table, mapping, RULES, workers=1)

    assert match_record(0, next(rows)).content_hash == match_record(0, here).content_hash


def test_where_nobody_reads_on_no_process_is_left(sheet: bytes) -> None:
    table, mapping = read_sheet(sheet)
    rows = normalized_rows(table, mapping, RULES, workers=1)
    next(rows)
    assert multiprocessing.active_children()

    del rows
    assert multiprocessing.active_children() == []


def test_workers_that_are_killed_cost_no_row(sheet: bytes) -> None:
    table, mapping = read_sheet(sheet)
    rows = normalized_rows(table, mapping, RULES, workers=1)
    first = next(rows)
    for worker in multiprocessing.active_children():
        os.kill(worker.pid or 0, signal.SIGKILL)

    found = [first, *map(compared, rows)]
    assert found == list(map(compared, normalized_rows(table, mapping, RULES, workers=0)))


def test_few_rows_start_no_process() -> None:
    table, mapping = read_sheet(b"Name,Email\nAda,ada@x.example\n")
    rows = normalized_rows(table, mapping, RULES, workers=2)

    assert next(rows).emails == ("ada@x.example",)
    assert multiprocessing.active_children() == []


def test_one_processor_has_none_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_rows.os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert spare_processors() == 0

    monkeypatch.setattr(worker_rows.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert 1 <= spare_processors() < 8
