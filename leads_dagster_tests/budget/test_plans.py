"""A month's calls last until its end: the arithmetic, at every time of a month."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.budget.plans import (
    HOUR,
    MonthUse,
    calls_for_pulls,
    lasts_until,
    month_end,
    month_of,
    next_pull,
    pace_an_hour,
    pull_interval_seconds,
)

DAY = 86_400


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


BEGIN = at("2026-11-01")
END = at("2026-12-01")


@pytest.mark.parametrize(
    ("moment", "month", "end"),
    [
        ("2026-11-01T00:00:00", "2026-11", "2026-12-01"),
        ("2026-11-30T23:59:59", "2026-11", "2026-12-01"),
        ("2026-12-31T23:59:59", "2026-12", "2027-01-01"),
        ("2028-02-29T12:00:00", "2028-02", "2028-03-01"),
    ],
)
def test_a_month_is_a_calendar_month_in_utc(moment: str, month: str, end: str) -> None:
    assert (month_of(at(moment)), month_end(at(moment))) == (month, at(end))


def test_the_team_plan_alone_gives_a_call_every_26_seconds() -> None:
    assert pull_interval_seconds(MonthUse(100_000), BEGIN) == pytest.approx(25.92)


def test_what_is_kept_for_writing_makes_it_a_little_slower() -> None:
    assert pull_interval_seconds(MonthUse(100_000, write_share=0.05), BEGIN) == pytest.approx(25.92 / 0.95)


def test_the_free_plan_gives_a_call_every_three_quarters_of_an_hour() -> None:
    assert pull_interval_seconds(MonthUse(1_000), BEGIN) == pytest.approx(2592)


def test_without_a_limit_the_customers_own_interval_holds_and_never_less_than_it() -> None:
    assert pull_interval_seconds(MonthUse(None), BEGIN, least=1) == 1
    assert pull_interval_seconds(MonthUse(None, calls=10**9), BEGIN, least=7) == 7
    assert pull_interval_seconds(MonthUse(100_000_000), BEGIN, least=2) == 2


def test_bases_that_share_a_month_share_its_looks() -> None:
    use = MonthUse(100_000)

    assert pull_interval_seconds(use, BEGIN, sharers=4) == 4 * pull_interval_seconds(use, BEGIN)


def test_the_interval_grows_as_the_budget_shrinks_and_shrinks_as_the_month_does() -> None:
    fresh, worn = MonthUse(100_000), MonthUse(100_000, calls=60_000, pulls=60_000)

    assert pull_interval_seconds(worn, BEGIN) > pull_interval_seconds(fresh, BEGIN)
    assert pull_interval_seconds(worn, END - DAY) < pull_interval_seconds(fresh, BEGIN)


def test_where_much_is_written_more_is_kept_for_writing() -> None:
    quiet = MonthUse(100_000, calls=20_000, pulls=20_000, since=BEGIN, write_share=0.05)
    busy = MonthUse(100_000, calls=20_000, pulls=2_000, since=BEGIN, write_share=0.05)
    now = BEGIN + 15 * DAY

    assert calls_for_pulls(quiet, now) == pytest.approx(80_000 * 0.95)
    assert calls_for_pulls(busy, now) == pytest.approx(80_000 - 18_000)


def test_a_first_load_does_not_stop_the_looking() -> None:
    loaded = MonthUse(100_000, calls=10_000, since=BEGIN, write_share=0.05)

    assert calls_for_pulls(loaded, BEGIN + HOUR) == 45_000


def test_with_no_calls_left_the_next_look_is_at_the_beginning_of_the_next_month() -> None:
    spent = MonthUse(1_000, calls=1_000)
    now = END - 3 * DAY

    assert next_pull(spent, now, last=now - 10) == END


def test_a_long_interval_ends_with_the_month_because_the_next_one_pays_again() -> None:
    use = MonthUse(1_000, calls=990, pulls=990)
    now = END - DAY

    assert next_pull(use, now, last=now) < END
    assert next_pull(use, now, last=now, sharers=20) == END


def test_a_clock_set_back_does_not_put_a_look_off() -> None:
    assert next_pull(MonthUse(1_000), BEGIN, last=BEGIN + 5 * DAY) == BEGIN


@given(
    limit=st.integers(1, 200_000),
    spent=st.floats(0, 1),
    pulled=st.floats(0, 1),
    day=st.floats(0, 29.9),
    share=st.floats(0, 0.9),
)
def test_whatever_was_used_looking_at_the_interval_does_not_use_up_the_month(
    limit: int, spent: float, pulled: float, day: float, share: float
) -> None:
    calls = int(limit * spent)
    use = MonthUse(limit, calls=calls, pulls=int(calls * pulled), since=BEGIN, write_share=share)
    now = BEGIN + day * DAY
    looks = (END - now) / pull_interval_seconds(use, now)

    assert looks <= max(1, limit - calls) * 1.0001


def test_a_month_of_looking_and_writing_spends_the_plan_and_no_more() -> None:
    now, last, calls, pulls, writes = BEGIN, 0.0, 0, 0, 0
    while now < END:
        use = MonthUse(10_000, calls=calls, pulls=pulls, since=BEGIN, write_share=0.05)
        now = max(now + 1, next_pull(use, now, last=last))
        if now >= END:
            break
        last, calls, pulls = now, calls + 1, pulls + 1
        if pulls % 3 == 0:
            calls, writes = calls + 1, writes + 1

    assert 9_500 < calls <= 10_000
    assert writes > 2_000


def test_the_pace_is_that_of_the_last_day() -> None:
    hour = int(BEGIN // HOUR)
    hours = {hour - offset: 100 for offset in range(40)}

    assert pace_an_hour(hours, since=0, now=BEGIN + HOUR - 1) == pytest.approx(100, rel=0.001)


def test_the_pace_of_a_young_budget_is_judged_by_an_hour_at_least() -> None:
    assert pace_an_hour({int(BEGIN // HOUR): 30}, since=BEGIN, now=BEGIN + 60) == 30


def test_a_pace_too_fast_says_when_the_calls_are_used_up() -> None:
    assert lasts_until(1_000, 100, BEGIN) == BEGIN + 10 * HOUR
    assert lasts_until(0, 0, BEGIN) == BEGIN


@pytest.mark.parametrize(("left", "pace"), [(None, 100), (1_000, 0), (100_000, 1)])
def test_a_pace_that_the_month_can_bear_says_nothing(left: int | None, pace: float) -> None:
    assert lasts_until(left, pace, BEGIN) is None
