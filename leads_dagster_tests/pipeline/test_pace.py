"""How often to look, and how long to wait after a failure."""

from __future__ import annotations

import pytest

from leads_dagster.pipeline import pace
from leads_dagster.pipeline.pace import look_again_seconds, pace_of, retry_seconds


def test_a_passing_failure_is_tried_again_soon_and_for_ever_within_15_seconds() -> None:
    assert [retry_seconds(n, transient=True) for n in (1, 2, 3, 4, 5, 500)] == [1, 2, 4, 8, 15, 15]


def test_a_failure_that_a_person_must_mend_is_tried_again_less_and_less_often() -> None:
    assert [retry_seconds(n, transient=False) for n in (1, 5, 9, 10, 500)] == [1, 16, 256, 300, 300]


def test_a_service_that_is_away_is_looked_for_within_8_seconds_and_no_oftener_than_the_customer_says() -> None:
    assert look_again_seconds(1, 1.0) == 1
    assert look_again_seconds(50, 1.0) == 8
    assert look_again_seconds(1, 60.0) == 60


@pytest.mark.parametrize(
    ("idle", "seconds", "reason"),
    [(0, 1, pace.EDITED), (299, 1, pace.EDITED), (301, 2, pace.IDLE), (601, 4, pace.IDLE), (90_000, 30, pace.IDLE)],
)
def test_a_sheet_that_nobody_edits_is_looked_at_less_often_up_to_its_ceiling(
    idle: float, seconds: float, reason: str
) -> None:
    found = pace_of(1.0, 30.0, idle_seconds=idle, late_seconds=0, quota_share=0)
    assert (found.seconds, found.reason) == (seconds, reason)


def test_without_a_ceiling_a_sheet_is_looked_at_as_often_as_ever() -> None:
    found = pace_of(1.0, 1.0, idle_seconds=90_000, late_seconds=0, quota_share=0)
    assert (found.seconds, found.reason) == (1, pace.USUAL)


def test_a_machine_that_cannot_keep_up_looks_less_often() -> None:
    assert pace_of(1.0, 1.0, idle_seconds=0, late_seconds=1.9, quota_share=0).seconds == 1
    late = pace_of(1.0, 1.0, idle_seconds=0, late_seconds=5.0, quota_share=0)
    assert (late.seconds, late.reason) == (4, pace.BUSY_MACHINE)


def test_a_few_seconds_late_do_not_make_a_sheet_that_is_looked_at_each_ten_seconds_wait_twenty() -> None:
    assert pace_of(10.0, 10.0, idle_seconds=0, late_seconds=4.9, quota_share=0).seconds == 10
    assert pace_of(10.0, 10.0, idle_seconds=0, late_seconds=5.1, quota_share=0).seconds == 20


@pytest.mark.parametrize(("share", "seconds"), [(0.4, 1), (0.6, 1.25), (0.8, 2), (0.9, 4), (1.0, 8)])
def test_a_quota_that_runs_out_makes_looks_rarer(share: float, seconds: float) -> None:
    found = pace_of(1.0, 1.0, idle_seconds=0, late_seconds=0, quota_share=share)
    assert (found.seconds, found.reason == pace.QUOTA) == (seconds, share > 0.5)


@pytest.mark.parametrize("sheets", [1, 10, 40, 100, 1000])
def test_looks_that_ask_drive_stay_within_its_quota(sheets: int) -> None:
    seconds = pace.drive_look_seconds(sheets)
    assert seconds >= pace.QUICK_LOOK_SECONDS
    assert sheets * 60 / seconds <= pace.DRIVE_LOOKS_A_MINUTE
