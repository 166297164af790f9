"""Steps of a span, the last runs, what waits for a person, and leads as CSV: what the dashboard is made of."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from itertools import pairwise

import pytest

from leads_dagster.pipeline.charts import STEPS, Span, runs, series
from leads_dagster.pipeline.lead_export import COLUMNS, export
from leads_dagster.pipeline.status import status
from leads_dagster.store.lead_filter import LeadFilter
from leads_dagster_tests.pipeline.conftest import Road

ANN = ("Ann Lee", "ann@beta.example", "=1+1", "CTO")


@pytest.mark.parametrize("span", ["day", "week", "month"])
def test_a_span_is_as_many_steps_without_gaps_and_the_last_is_now(road: Road, span: Span) -> None:
    road.sync([ANN])
    length, count = STEPS[span]

    with road.open() as ws:
        found = series(ws, span)
        now = ws.now()

    assert [after["at"] - before["at"] for before, after in pairwise(found)] == [length] * (count - 1)
    assert found[-1]["at"] <= now < found[-1]["at"] + length
    last = {name: sum(step[name] for step in found) for name in ("inserted", "syncs", "errors")}
    assert last == {"inserted": 1, "syncs": 1, "errors": 0}


def test_a_step_counts_what_began_in_it_and_no_other_does(road: Road) -> None:
    road.sync([ANN])
    road.sync([(*ANN[:3], "CEO")])

    with road.open() as ws:
        found = series(ws, "month")

    assert (found[-1]["inserted"], found[-1]["updated"], found[-1]["error_rate"]) == (1, 1, 0.0)
    assert found[-1]["freshness_p50"] > 0
    assert (found[0]["syncs"], found[0]["duration"], found[0]["error_rate"]) == (0, None, None)


def test_the_last_runs_come_newest_first_with_their_rows(road: Road) -> None:
    road.sync([ANN])
    road.sync([(*ANN[:3], "CEO")])

    with road.open() as ws:
        found = runs(ws, limit=5)

    assert [(one["status"], one["rows"]["created"], one["rows"]["updated"]) for one in found] == [
        ("done", 0, 1),
        ("done", 1, 0),
    ]
    assert timedelta(seconds=found[0]["seconds"]) == found[0]["finished_at"] - found[0]["started_at"]


def test_what_waits_is_counted_inbox_by_inbox(road: Road) -> None:
    road.sync([ANN, ("", "", "Nobody Ltd", "")])

    with road.open() as ws:
        assert status(ws)["waiting"] == {"quarantine": 1, "conflicts": 0, "reviews": 0, "holds": 0}


def test_an_export_has_a_header_and_cells_that_no_spreadsheet_runs(road: Road) -> None:
    road.sync([ANN])

    with road.open() as ws:
        found = list(csv.reader(io.StringIO("".join(export(ws, LeadFilter())))))

    assert found[0] == list(COLUMNS)
    assert found[1][COLUMNS.index("company")] == "'=1+1"
    assert len(found) == 2
