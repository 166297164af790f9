"""A stage asked for alone, and two cycles of one customer at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from leads_dagster.errors import StaleStageError
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.ingest import fetch_raw, normalize
from leads_dagster.pipeline.record import record
from leads_dagster.pipeline.resolve import resolve
from leads_dagster.pipeline.result import SyncResult
from leads_dagster.pipeline.stages import Outcome
from leads_dagster.pipeline.status import status
from leads_dagster_tests.pipeline.conftest import Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")
STAGES = [normalize, resolve, record]


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_alone_in_a_fresh_home_says_what_must_come_first(road: Road, stage: Callable[..., Outcome]) -> None:
    road.write([JANE])
    with road.open() as ws, pytest.raises(StaleStageError):
        stage(ws, run_id="alone")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_alone_after_a_closed_cycle_has_nothing_to_do(road: Road, stage: Callable[..., Outcome]) -> None:
    road.sync([JANE, BOB])
    with road.open() as ws:
        outcome = stage(ws, run_id="alone")
        found = status(ws)
    assert (outcome.changed, outcome.numbers["rows_read"]) == (False, 2)
    assert (found["running"], found["last_error"]) == (False, None)


def test_one_stage_after_the_other_comes_to_the_same_as_a_cycle(road: Road) -> None:
    road.write([JANE, BOB])
    for number, stage in enumerate((fetch_raw, *STAGES)):
        with road.open() as ws:
            stage(ws, run_id=f"run {number}")
    assert [lead["full_name"] for lead in road.leads()] == ["Bob Stone", "Jane Doe"]


def test_cycles_at_once_wait_for_each_other(road: Road) -> None:
    road.write([(f"Person {number}", f"p{number}@zeta.example", "Zeta", "") for number in range(200)])
    done: list[SyncResult] = []

    def cycle() -> None:
        with road.open() as ws:
            done.append(run_cycle(ws))

    threads = [threading.Thread(target=cycle) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.status for result in done) == ["done", "unchanged", "unchanged"]
    assert len(road.leads()) == 200
