"""Dagster's own history: what is deleted, what stays to be seen, and that the disk gets its space back."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from sqlalchemy import select

from leads_dagster.definitions import build
from leads_dagster.orchestration.cleaning import (
    delete_events_without_run,
    delete_expired_runs,
    purge_ticks,
    runs_of_last_states,
)
from leads_dagster.orchestration.live.space import files_of, give_space_back
from leads_dagster.orchestration.resources import Workspaces
from leads_dagster.settings import Settings, load_settings
from leads_dagster_tests.orchestration.conftest import DagsterRoad, road

__all__ = ["road"]

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
IN_A_MONTH = datetime.now(timezone.utc) + timedelta(days=30)


def keeping(road: DagsterRoad, **environ: str) -> Settings:
    return load_settings({"LEADS_HOME": str(road.settings.home), **environ}, road.settings.home)


def run_ids(road: DagsterRoad) -> set[str]:
    return {run.run_id for run in road.instance.get_runs()}


def checked_runs(road: DagsterRoad) -> set[Any]:
    """The runs of which results of checks are kept."""
    storage = road.instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    with storage.index_connection() as connection:
        return set(connection.execute(select(AssetCheckExecutionsTable.c.run_id)).scalars())


def test_old_runs_go_with_events_and_checks_and_an_asset_s_last_state_stays(road: DagsterRoad) -> None:
    first = road.sync([JANE]).run_id
    last = road.sync([(*JANE[:3], "Chair")]).run_id
    quiet = road.sync().run_id
    assert len(run_ids(road)) == 3

    assert delete_expired_runs(road.instance, road.settings) == 0
    assert delete_expired_runs(road.instance, road.settings, now=IN_A_MONTH) == 2
    assert run_ids(road) == {last}
    assert quiet != last
    assert road.instance.all_logs(first) == []
    assert checked_runs(road) == {last}
    materialized = road.instance.get_latest_materialization_event(dg.AssetKey("lead_store"))
    assert materialized is not None
    assert runs_of_last_states(road.instance) == {last}
    assert road.sync([(*JANE[:3], "Founder")]).status == "done"


def test_more_runs_than_are_kept_lose_the_oldest(road: DagsterRoad) -> None:
    made = [road.sync([(*JANE[:3], f"Title {number}")]).run_id for number in range(5)]
    settings = keeping(road, LEADS_RUNS_KEEP="100")
    assert delete_expired_runs(road.instance, settings) == 0
    kept = Settings(**{**vars(settings), "runs_keep": 2})
    assert delete_expired_runs(road.instance, kept) == 3
    assert run_ids(road) == set(made[3:])


def test_a_run_that_is_under_way_is_never_deleted(road: DagsterRoad) -> None:
    job = build(road.settings).resolve_job_def("leads_sync")
    waiting = road.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert delete_expired_runs(road.instance, road.settings, now=IN_A_MONTH) == 0
    assert run_ids(road) == {waiting.run_id}


def test_of_upkeep_few_runs_are_kept_and_backups_as_long_as_cycles(road: DagsterRoad) -> None:
    defs = build(road.settings)
    for name in ("compare_stores", "backup_leads"):
        job = defs.resolve_job_def(name)
        road.instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS, tags={"dagster/partition": "acme"})
    in_three_days = datetime.now(timezone.utc) + timedelta(days=3)
    assert delete_expired_runs(road.instance, road.settings, now=in_three_days) == 1
    assert [run.job_name for run in road.instance.get_runs()] == ["backup_leads"]


def test_evaluations_that_asked_for_nothing_go_after_hours_and_others_stay(road: DagsterRoad) -> None:
    place = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="leads_dagster.definitions"))
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(place, "repository"), "sheet_sensor")
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING)
    road.instance.add_instigator_state(state)
    now = datetime.now(timezone.utc)
    made = [(TickStatus.SKIPPED, 7), (TickStatus.SUCCESS, 7), (TickStatus.SKIPPED, 5)]
    for status, hours in made:
        at = (now - timedelta(hours=hours)).timestamp()
        origin_id, selector = state.instigator_origin_id, state.selector_id
        made_by = InstigatorType.SENSOR
        tick = TickData(origin_id, "sheet_sensor", made_by, status, at, [], [], selector_id=selector)
        road.instance.create_tick(tick)
    purge_ticks(road.instance, road.settings)
    kept = road.instance.get_ticks(state.instigator_origin_id, state.selector_id)
    assert [tick.status for tick in kept] == [TickStatus.SKIPPED, TickStatus.SUCCESS]


def test_events_without_a_run_go_after_a_day_but_for_the_newest(road: DagsterRoad) -> None:
    key = dg.AssetKey("lead_store")
    run = road.sync([JANE]).run_id
    for _ in range(3):
        road.instance.report_runless_asset_event(dg.AssetMaterialization(key, tags={"a": "b"}))
    assert delete_events_without_run(road.instance) == 0
    assert delete_events_without_run(road.instance, now=IN_A_MONTH) == 2
    kept = road.instance.fetch_materializations(key, limit=10).records
    assert [record.run_id for record in kept] == ["", run]


def test_files_shrink_by_what_was_deleted_from_them(road: DagsterRoad) -> None:
    give_space_back(road.instance)
    for number in range(6):
        road.sync([(*JANE[:3], f"Title {number}")])
    full = sum(path.stat().st_size for path in files_of(road.instance))
    delete_expired_runs(road.instance, road.settings, now=IN_A_MONTH)
    assert give_space_back(road.instance) > 0
    assert len(files_of(road.instance)) == 3
    assert sum(path.stat().st_size for path in files_of(road.instance)) < full
    assert road.sync([(*JANE[:3], "Founder")]).status == "done"


def test_the_job_says_what_went(road: DagsterRoad) -> None:
    road.sync([JANE])
    job = build(road.settings).resolve_job_def("clean_up")
    with Workspaces(lambda: road.settings) as leads:
        run = job.execute_in_process(instance=road.instance, resources={"leads": leads})
    (output,) = [event.step_output_data for event in run.all_events if event.is_successful_output]
    assert {"runs", "sync_runs", "snapshots", "bytes_given_back"} <= set(output.metadata)
