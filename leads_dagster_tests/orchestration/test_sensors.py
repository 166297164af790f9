"""The sensors as Dagster evaluates them, with a real instance and real sheets."""

from __future__ import annotations

import json
from collections.abc import Sequence

import dagster as dg
import pytest

from leads_dagster.definitions import build
from leads_dagster.orchestration.resources import SEEN_AT_TAG, WHY_TAG
from leads_dagster.orchestration.sensors import WITHOUT_SHEET
from leads_dagster_tests.orchestration.conftest import DagsterRoad

ROWS = [("Ada Lovelace", "ada@engines.example", "Engines", "Analyst")]
MORE = [*ROWS, ("Grace Hopper", "grace@navy.example", "Navy", "Admiral")]


class Sensor:
    """A sensor of one code location, evaluated as often as wanted."""

    def __init__(self, road: DagsterRoad, name: str = "sheet_sensor") -> None:
        self.road = road
        self.definitions = build(road.settings)
        self.sensor = self.definitions.resolve_sensor_def(name)
        self.cursor: str | None = None

    def tick(self) -> dg.SensorResult:
        context = dg.build_sensor_context(
            instance=self.road.instance, cursor=self.cursor, sensor_name=self.sensor.name, definitions=self.definitions
        )
        told = self.sensor(context)
        assert isinstance(told, dg.SensorResult)
        self.cursor = told.cursor
        return told

    def asks(self, ticks: int = 4) -> Sequence[dg.RunRequest]:
        """What the first tick asks for that asks for anything."""
        for _ in range(ticks):
            if found := self.tick().run_requests:
                return found
        return []


@pytest.fixture
def sensor(road: DagsterRoad) -> Sensor:
    return Sensor(road)


def test_a_sheet_that_was_never_synced_is_asked_for_with_the_reason(road: DagsterRoad, sensor: Sensor) -> None:
    road.write(ROWS)
    (asked,) = sensor.asks()
    assert asked.partition_key == "acme"
    assert asked.tags[WHY_TAG] == "the sheet changed"
    assert SEEN_AT_TAG in asked.tags
    assert asked.asset_selection is None


def test_a_sheet_as_it_was_is_left_alone_and_the_tick_says_so(road: DagsterRoad, sensor: Sensor) -> None:
    road.sync(ROWS)
    told = sensor.tick()
    assert not told.run_requests
    assert told.skip_reason is not None
    assert "The sheet is as it was." in str(told.skip_reason.skip_message)


def test_an_edit_is_asked_for_once_and_again_only_when_it_was_not_taken_in(road: DagsterRoad, sensor: Sensor) -> None:
    road.sync(ROWS)
    sensor.tick()
    road.write(MORE)
    assert len(sensor.asks()) == 1
    road.sync()
    assert not sensor.tick().run_requests


def test_a_run_that_got_lost_is_asked_for_again(road: DagsterRoad, sensor: Sensor) -> None:
    road.write(ROWS)
    assert len(sensor.asks()) == 1
    assert len(sensor.asks()) == 1


def test_a_customer_with_a_run_under_way_is_left_alone_until_it_ends(road: DagsterRoad, sensor: Sensor) -> None:
    road.write(ROWS)
    job = sensor.definitions.resolve_job_def("leads_sync")
    run = road.instance.create_run_for_job(job, tags={"dagster/partition": "acme"})
    told = sensor.tick()
    assert not told.run_requests
    assert told.skip_reason is not None
    assert "Under way: acme." in str(told.skip_reason.skip_message)
    road.instance.report_run_canceled(run)
    assert len(sensor.asks()) == 1


def test_a_sheet_that_cannot_be_read_is_asked_for_once_without_what_needs_it(road: DagsterRoad, sensor: Sensor) -> None:
    road.sync(ROWS)
    road.sheet.unlink()
    (asked,) = sensor.asks()
    assert asked.asset_selection is not None
    assert [key.to_user_string() for key in asked.asset_selection] == list(WITHOUT_SHEET)
    assert "the sheet cannot be read" in asked.tags[WHY_TAG]
    assert not sensor.asks(3)


def test_the_cursor_says_what_was_asked_for_last(road: DagsterRoad, sensor: Sensor) -> None:
    road.write(ROWS)
    sensor.asks()
    assert sensor.cursor is not None
    (last,) = json.loads(sensor.cursor)["asked_for"]
    assert (last["customer"], last["why"]) == ("acme", "the sheet changed")


def test_the_run_that_is_asked_for_takes_the_edit_in(
    road: DagsterRoad, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADS_HOME", str(road.settings.home))
    road.write(ROWS)
    (asked,) = sensor.asks()
    job = sensor.definitions.resolve_job_def("leads_sync")
    assert asked.run_config
    done = job.execute_in_process(partition_key="acme", instance=road.instance, tags=dict(asked.tags))
    assert done.success
    assert not sensor.tick().run_requests
