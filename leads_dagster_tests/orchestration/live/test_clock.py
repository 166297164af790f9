"""A clock that was put back: Dagster's daemon goes on from now, not from where it was in the future."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)

from leads_dagster.orchestration.live.clock import MovedClock, forget_the_future

NOW = 1_800_000_000.0
HOUR = 3600.0


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def known(
    instance: dg.DagsterInstance, name: str, data: SensorInstigatorData | ScheduleInstigatorData
) -> InstigatorState:
    """A sensor or schedule with what the daemon wrote down of it."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "repository")
    kind = InstigatorType.SENSOR if isinstance(data, SensorInstigatorData) else InstigatorType.SCHEDULE
    origin = RemoteInstigatorOrigin(repository, name)
    return instance.add_instigator_state(InstigatorState(origin, kind, InstigatorStatus.RUNNING, data))


def again(instance: dg.DagsterInstance, state: InstigatorState) -> InstigatorState:
    found = instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
    assert found is not None
    return found


def ticked(instance: dg.DagsterInstance, state: InstigatorState, at: float) -> None:
    instance.create_tick(
        TickData(
            state.instigator_origin_id, state.instigator_name, state.instigator_type, TickStatus.SKIPPED, at,
            selector_id=state.selector_id,
        )
    )  # fmt: skip


def test_a_sensor_that_was_evaluated_in_the_future_is_so_now_and_keeps_its_cursor(
    instance: dg.DagsterInstance,
) -> None:
    ahead = NOW + HOUR
    data = SensorInstigatorData(cursor="{}", min_interval=1, last_tick_timestamp=ahead, last_tick_start_timestamp=ahead)
    state = known(instance, "sensor", data)
    assert forget_the_future(instance, now=NOW) == 1
    assert again(instance, state).instigator_data == SensorInstigatorData(
        cursor="{}", min_interval=1, last_tick_timestamp=NOW, last_tick_start_timestamp=NOW
    )


def test_a_schedule_goes_on_after_now_though_it_ticked_in_the_future(instance: dg.DagsterInstance) -> None:
    state = known(instance, "schedule", ScheduleInstigatorData("* * * * *", NOW - HOUR, NOW + HOUR))
    ticked(instance, state, NOW - 60)
    ticked(instance, state, NOW + HOUR)
    assert forget_the_future(instance, now=NOW) == 1
    assert again(instance, state).instigator_data == ScheduleInstigatorData("* * * * *", NOW - HOUR, NOW)
    [newest, other] = instance.get_ticks(state.instigator_origin_id, state.selector_id)
    assert (newest.timestamp, other.timestamp) == (NOW, NOW - 60)


def test_what_lies_in_the_past_is_left_alone(instance: dg.DagsterInstance) -> None:
    known(instance, "sensor", SensorInstigatorData(last_tick_timestamp=NOW - 1, last_tick_start_timestamp=NOW - 1))
    known(instance, "schedule", ScheduleInstigatorData("* * * * *", NOW - HOUR, NOW - 60))
    assert forget_the_future(instance, now=NOW) == 0


def test_only_a_clock_that_is_moved_by_much_is_said_to_be() -> None:
    offsets = iter([5.0, 5.0, 4.0, 65.0, 5.0 - HOUR, 5.0 + HOUR])
    watched = MovedClock(lambda: next(offsets))
    assert [watched.moved() for _ in range(5)] == [None, None, None, -HOUR, HOUR]
