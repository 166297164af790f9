"""The backup job in Dagster: what its run says, and how it fails."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import dagster as dg

from leads_dagster.definitions import build
from leads_dagster.orchestration.resources import Workspaces
from leads_dagster.pipeline.backup import list_
from leads_dagster_tests.orchestration.conftest import DagsterRoad, road
from leads_dagster_tests.store.backup_cases import spoil_pages

__all__ = ["road"]

ROWS = [(f"Person {number}", f"p{number}@many.example", "Many", "CTO") for number in range(300)]


def back_up(road: DagsterRoad) -> dg.ExecuteInProcessResult:
    job = build(road.settings).resolve_job_def("backup_leads")
    with Workspaces(lambda: road.settings) as leads:
        return job.execute_in_process(instance=road.instance, resources={"leads": leads}, raise_on_error=False)


def test_a_run_makes_one_verified_backup_and_says_its_numbers(road: DagsterRoad) -> None:
    road.sync(ROWS)
    run = back_up(road)

    assert run.success
    (made,) = list_(road.settings)["backups"]
    assert (made["reason"], made["leads"]) == ("scheduled", 300)
    assert made["verified_at"] is not None
    (output,) = [event.step_output_data for event in run.all_events if event.is_successful_output]
    said = {name: value.value for name, value in output.metadata.items()}
    assert (said["name"], said["rows"], said["kept"], said["pruned"]) == (made["name"], made["rows"], 1, 0)
    assert said["bytes"] == made["size_bytes"]
    assert said["seconds"] > 0


def test_a_damaged_database_fails_the_run_at_once_and_keeps_the_good_backups(road: DagsterRoad) -> None:
    road.sync(ROWS)
    assert back_up(road).success
    path = road.settings.home / "leads.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spoil_pages(path)

    run = back_up(road)
    assert not run.success
    assert not [event for event in run.all_events if event.is_step_up_for_retry]
    assert "damaged" in str(run.failure_data_for_node("make_backup"))
    assert len(list_(road.settings)["backups"]) == 1
