"""What Dagster does for captures beside `queue_sensor`: it stands in for it, and tries dead ones again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import dagster as dg

from leads_dagster.capture_queue.items import NewCapture, Settled
from leads_dagster.capture_queue.place import open_queue
from leads_dagster.definitions import build
from leads_dagster.mirrors.crm import CrmStore
from leads_dagster.orchestration.sensors import CAPTURES_ONLY
from leads_dagster_tests.orchestration.conftest import DagsterRoad, road
from leads_dagster_tests.orchestration.test_sensors import Sensor

__all__ = ["road"]

ADA = b'{"name": "Ada Lovelace", "email": "ada@example.com"}'


def put(road: DagsterRoad, *, dead: bool = False) -> None:
    queue = open_queue(road.settings)
    queue.put([NewCapture("acme", "k", ADA, 0)])
    while dead and (leased := queue.lease(customer="acme")):
        queue.settle([Settled(one.id, one.lease, "failed", "broken") for one in leased])
    queue.close()


def said(road: DagsterRoad) -> str | None:
    defs = build(road.settings)
    (schedule,) = [one for one in defs.schedules or () if one.name == "queue_retry_schedule"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    now = datetime(2026, 11, 23, 12, 41, tzinfo=timezone.utc)
    context = dg.build_schedule_context(
        instance=road.instance, scheduled_execution_time=now, repository_def=defs.get_repository_def()
    )
    return schedule.evaluate_tick(context).skip_message


def test_captures_that_wait_are_asked_for_every_thirty_seconds_too(road: DagsterRoad) -> None:
    drain = Sensor(road, "queue_drain")
    put(road)

    (asked,) = drain.asks()

    assert drain.sensor.minimum_interval_seconds == 30
    assert asked.partition_key == "acme"
    assert [key.to_user_string() for key in asked.asset_selection or ()] == list(CAPTURES_ONLY)


def test_a_run_of_captures_alone_tells_the_mirrors_of_what_it_took_in(road: DagsterRoad) -> None:
    put(road)

    done = road.materialize(*CAPTURES_ONLY)

    assert road.materialized(done.run_id) == list(CAPTURES_ONLY)
    with CrmStore(road.settings.crm_url) as crm:
        assert crm.count() == 1


def test_whoever_watches_the_sheet_asks_for_captures_alone_too(road: DagsterRoad) -> None:
    road.sync([["Bob Roe", "bob@example.com", "", ""]])
    put(road)

    (asked,) = Sensor(road).asks()

    assert [key.to_user_string() for key in asked.asset_selection or ()] == list(CAPTURES_ONLY)


def test_dead_captures_are_queued_again_by_a_slow_schedule(road: DagsterRoad) -> None:
    road.settings = replace(road.settings, queue_attempts=1)
    put(road, dead=True)

    assert said(road) == "1 dead captures wait again."
    queue = open_queue(road.settings)
    assert queue.waiting() == {"acme": 1}
    queue.close()


def test_nothing_is_dead_where_nobody_ever_enqueued(road: DagsterRoad) -> None:
    assert said(road) == "No capture is dead."
    assert not (road.settings.home / "captures.db").exists()
