"""The schedules a customer: whom they ask for, and what the runs say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from leads_dagster.budget import BUDGET_FILE, budget_place, google_limits
from leads_dagster.definitions import build
from leads_dagster.orchestration.resources import Workspaces
from leads_dagster.settings import load_settings
from leads_dagster_tests.orchestration.conftest import DagsterRoad, road

__all__ = ["road"]

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def on_the_hour(road: DagsterRoad) -> None:
    path = road.settings.home / "leads.toml"
    path.write_text(path.read_text() + '[customers.schedules]\nreconcile = "0 * * * *"\n')
    road.settings = load_settings({"LEADS_HOME": str(road.settings.home)}, road.settings.home)


def tick(road: DagsterRoad, name: str, at: datetime) -> ScheduleExecutionData:
    defs = build(road.settings)
    (schedule,) = [one for one in defs.schedules or () if one.name == name]
    assert isinstance(schedule, dg.ScheduleDefinition)
    context = dg.build_schedule_context(
        instance=road.instance, scheduled_execution_time=at, repository_def=defs.get_repository_def()
    )
    return schedule.evaluate_tick(context)


def asked(road: DagsterRoad, at: datetime, name: str = "compare_schedule") -> list[Mapping[str, str]]:
    found = tick(road, name, at).run_requests or ()
    return [{**request.tags, "dagster/run_key": request.run_key or ""} for request in found]


def run(road: DagsterRoad, job: str) -> dg.ExecuteInProcessResult:
    with Workspaces(lambda: road.settings, tags={"leads/why": job}) as leads:
        return (
            build(road.settings)
            .resolve_job_def(job)
            .execute_in_process(
                instance=road.instance, resources={"leads": leads}, partition_key="acme", raise_on_error=False
            )
        )


def said(run: dg.ExecuteInProcessResult) -> dict[str, object]:
    (output,) = [event.step_output_data for event in run.all_events if event.is_successful_output]
    return {name: value.value for name, value in output.metadata.items()}


def test_a_customer_is_asked_for_by_its_partition_when_its_hour_comes(road: DagsterRoad) -> None:
    assert asked(road, NOON - timedelta(minutes=1)) == []
    (tags,) = asked(road, NOON)
    assert (tags["dagster/partition"], tags["leads/why"]) == ("acme", "reconcile")
    assert asked(road, NOON + timedelta(minutes=1)) == []


def test_all_whose_minute_it_is_are_asked_for_in_one_tick(road: DagsterRoad) -> None:
    path = road.settings.home / "leads.toml"
    other = f'[[customers]]\nname = "zeta"\nsheet = "{road.sheet}"\n[customers.schedules]\nreconcile = "0 * * * *"\n'
    path.write_text(path.read_text() + other)
    road.settings = load_settings({"LEADS_HOME": str(road.settings.home)}, road.settings.home)
    assert asked(road, NOON - timedelta(minutes=1)) == []
    found = asked(road, NOON)
    assert [tags["dagster/partition"] for tags in found] == ["acme", "zeta"]
    assert len({tags["dagster/run_key"] for tags in found}) == 2


def test_sheets_whose_reads_google_counts_are_compared_a_few_a_minute_and_none_while_they_are_scarce(
    road: DagsterRoad,
) -> None:
    home, email = road.settings.home, "robot@project.iam.gserviceaccount.com"
    key = home / "key.json"
    key.write_text(f'{{"type": "sandbox", "client_email": "{email}"}}')
    names = [f"google-{number}" for number in range(200)]
    (home / "leads.toml").write_text(
        "".join(
            f'[[customers]]\nname = "{name}"\nsheet = "https://docs.google.com/spreadsheets/d/{name}-of-ours/edit"\n'
            '[customers.schedules]\nreconcile = "0 * * * *"\n'
            for name in names
        )
    )
    environ = {"LEADS_HOME": str(home), "GOOGLE_APPLICATION_CREDENTIALS": str(key)}
    road.settings = load_settings(environ, home)
    assert asked(road, NOON - timedelta(minutes=1)) == []
    with budget_place(road.settings).open(google_limits(email, "project")) as reads:
        for _ in range(25):
            with reads.slot():
                pass
    assert asked(road, NOON) == []
    (home / BUDGET_FILE).unlink()
    found = [asked(road, NOON + timedelta(minutes=minute)) for minute in (1, 2)]
    assert [len(minute) for minute in found] == [5, 5]
    assert len({tags["dagster/partition"] for minute in found for tags in minute}) == 10


def test_a_tick_that_asks_for_nobody_says_so_and_starts_no_run(road: DagsterRoad) -> None:
    assert tick(road, "compare_schedule", NOON).skip_message == "It is nobody's time."
    assert tick(road, "audit_schedule", NOON).skip_message == "It is nobody's time."


def test_nobody_is_asked_for_while_a_cycle_of_theirs_is_under_way(road: DagsterRoad) -> None:
    asked(road, NOON - timedelta(minutes=1))
    job = build(road.settings).resolve_job_def("leads_sync")
    tags = {"dagster/partition": "acme"}
    cycle = road.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    assert asked(road, NOON) == []
    road.instance.report_run_failed(cycle)
    assert len(asked(road, NOON + timedelta(minutes=1))) == 1


def test_the_run_says_what_it_compared_and_leaves_nothing_behind_where_all_agrees(road: DagsterRoad) -> None:
    road.sync([JANE])
    found = run(road, "compare_stores")
    assert found.success
    assert (said(found)["rows"], said(found)["crm_rows"], said(found)["crm_missing"]) == (1, 1, 0)
    assert len(found.all_events) < 15
    assert road.sync().status == "unchanged"


def test_a_sheet_that_cannot_be_read_fails_the_run_in_words(road: DagsterRoad) -> None:
    road.sync([JANE])
    road.sheet.unlink()
    found = run(road, "compare_stores")
    assert not found.success
    assert str(road.sheet) in str(found.failure_data_for_node("compare"))


def test_an_audit_of_a_customer_without_airtable_does_nothing(road: DagsterRoad) -> None:
    road.sync([JANE])
    assert said(run(road, "audit_airtable"))["pull"] == "none"


def test_cycles_that_a_sensor_asks_for_leave_the_audit_to_its_schedule(road: DagsterRoad) -> None:
    for tags, expected in (({"leads/why": "something changed"}, "left"), ({}, "when_due")):
        with Workspaces(lambda: road.settings, tags=tags) as leads:
            assert leads.of("acme").audit == expected


def test_every_schedule_is_on_from_the_start_and_ticks_by_utc(road: DagsterRoad) -> None:
    schedules = [one for one in build(road.settings).schedules or () if isinstance(one, dg.ScheduleDefinition)]
    assert {one.name: one.cron_schedule for one in schedules} == {
        "backup_schedule": "30 2 * * *",
        "retention_schedule": "7-59/10 * * * *",
        "freshness_schedule": "* * * * *",
        "compare_schedule": "* * * * *",
        "audit_schedule": "* * * * *",
        "alert_schedule": "* * * * *",
        "queue_retry_schedule": "41 */6 * * *",
    }
    assert {one.default_status for one in schedules} == {dg.DefaultScheduleStatus.RUNNING}
    assert {one.execution_timezone for one in schedules} == {"UTC"}
