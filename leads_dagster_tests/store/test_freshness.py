"""Lines of freshness are added up by the minute, and both together say how long changes took."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, func, select

from leads_dagster.store import freshness
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.freshness import Measured, RolledUp, Target, Wait
from leads_dagster.store.tables import freshness as lines
from leads_dagster.store.tables import freshness_minutes

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=number) for number in (1, 60, 3600, 86400))


def note(engine: Engine, at: datetime, *seconds: float, customer: str = "acme", target: Target = "store") -> None:
    with writing(engine) as connection:
        freshness.write(connection, customer, target, "run", [Wait(1, one) for one in seconds], at=at)


def roll_up(engine: Engine, now: datetime, keep_days: float = 90) -> RolledUp:
    with writing(engine) as connection:
        return freshness.roll_up(connection, now=now, keep_days=keep_days)


def over(engine: Engine, since: datetime, until: datetime, customer: str | None = "acme") -> Measured:
    with reading(engine) as connection:
        return freshness.over(connection, customer, since=since, until=until, targets=["store"])["store"]


def number_of_lines(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(lines)).scalar_one())


def test_rows_that_took_as_long_are_one_line(engine: Engine) -> None:
    note(engine, NOON, 0.300, 0.301, 0.302, 9.0)
    assert number_of_lines(engine) == 2
    assert over(engine, NOON, NOON + SECOND).seen.rows == 4


def test_nothing_measured_writes_nothing(engine: Engine) -> None:
    note(engine, NOON)
    assert number_of_lines(engine) == 0


def test_a_span_says_the_same_before_and_after_the_roll_up_and_when_the_lines_are_gone(engine: Engine) -> None:
    for number in range(300):
        note(engine, NOON + number * SECOND, 0.2 + number / 100)
    before = over(engine, NOON, NOON + HOUR)
    roll_up(engine, NOON + 2 * MINUTE)
    half = over(engine, NOON, NOON + HOUR)
    roll_up(engine, NOON + HOUR)
    rolled = over(engine, NOON, NOON + HOUR)
    roll_up(engine, NOON + 2 * DAY)
    assert number_of_lines(engine) == 0
    assert before.seen.rows == 300
    assert before == half == rolled == over(engine, NOON, NOON + HOUR)


def test_rolling_up_twice_changes_nothing(engine: Engine) -> None:
    note(engine, NOON, 0.4, 0.9)
    roll_up(engine, NOON + 2 * MINUTE)
    once = over(engine, NOON, NOON + HOUR)
    roll_up(engine, NOON + 2 * MINUTE)
    assert over(engine, NOON, NOON + HOUR) == once
    assert once.seen.rows == 2


def test_the_minute_that_is_not_over_is_left_to_its_lines(engine: Engine) -> None:
    note(engine, NOON + 5 * SECOND, 0.4)
    assert roll_up(engine, NOON + 30 * SECOND).minutes == 0
    assert over(engine, NOON, NOON + MINUTE).seen.rows == 1


def test_a_line_that_commits_after_its_minute_was_added_up_is_counted(engine: Engine) -> None:
    note(engine, NOON, 0.4)
    roll_up(engine, NOON + MINUTE)
    note(engine, NOON + 59 * SECOND, 0.8)
    roll_up(engine, NOON + 2 * MINUTE)
    assert over(engine, NOON, NOON + HOUR).seen.rows == 2


def test_what_happens_while_the_clock_is_put_back_is_counted(engine: Engine) -> None:
    note(engine, NOON + HOUR, 0.4)
    roll_up(engine, NOON + HOUR + MINUTE)
    note(engine, NOON, 0.8)
    roll_up(engine, NOON + MINUTE)
    assert over(engine, NOON - HOUR, NOON + 2 * HOUR).seen.rows == 2


def test_lines_go_after_a_day_and_minutes_after_the_days_that_are_set(engine: Engine) -> None:
    note(engine, NOON, 0.4)
    roll_up(engine, NOON + DAY)
    assert number_of_lines(engine) == 1
    assert roll_up(engine, NOON + DAY + MINUTE).lines_dropped == 1
    assert over(engine, NOON, NOON + HOUR).seen.rows == 1
    assert roll_up(engine, NOON + 3 * DAY, keep_days=2).minutes_dropped == 1
    with reading(engine) as connection:
        assert connection.execute(select(freshness_minutes)).all() == []


def test_of_half_a_minute_only_the_lines_in_it_count(engine: Engine) -> None:
    note(engine, NOON + 10 * SECOND, 0.4)
    note(engine, NOON + 50 * SECOND, 0.8)
    roll_up(engine, NOON + 5 * MINUTE)
    assert over(engine, NOON + 30 * SECOND, NOON + HOUR).seen.rows == 1
    assert over(engine, NOON, NOON + 30 * SECOND).seen.rows in (1, 2)


def test_customers_and_targets_are_kept_apart_and_can_be_asked_for_together(engine: Engine) -> None:
    note(engine, NOON, 0.4)
    note(engine, NOON, 0.5, customer="globex")
    note(engine, NOON, 0.6, target="crm")
    for _ in range(2):
        assert over(engine, NOON, NOON + HOUR).seen.rows == 1
        assert over(engine, NOON, NOON + HOUR, customer=None).seen.rows == 2
        roll_up(engine, NOON + HOUR)


def test_the_worst_is_exact_and_no_percentile_exceeds_it(engine: Engine) -> None:
    note(engine, NOON, *[0.4321] * 10)
    for _ in range(2):
        found = over(engine, NOON, NOON + HOUR)
        assert found.worst == pytest.approx(0.4321)
        assert (found.percentile(0.99) or 9) <= found.worst
        roll_up(engine, NOON + HOUR)
