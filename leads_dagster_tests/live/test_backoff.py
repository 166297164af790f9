"""Parts that die are started again more and more slowly, and those that never live are given up."""

from __future__ import annotations

from leads_dagster.live.backoff import Backoff
from leads_dagster.live.part import Pace


def test_the_pause_doubles_up_to_a_quarter_of_a_minute() -> None:
    backoff = Backoff(Pace())

    assert [backoff.died(6) for _ in range(7)] == [0.5, 1, 2, 4, 8, 15, 15]


def test_after_a_minute_of_health_all_is_forgiven() -> None:
    backoff = Backoff(Pace())
    for _ in range(5):
        backoff.died(6)

    assert backoff.died(60) == 0.5


def test_ten_lives_without_health_are_the_end() -> None:
    backoff = Backoff(Pace())

    assert [backoff.died(4.9) is None for _ in range(10)] == [False] * 9 + [True]


def test_one_life_in_health_begins_the_count_anew() -> None:
    backoff = Backoff(Pace())
    for _ in range(9):
        backoff.died(0)
    backoff.died(5)

    assert backoff.died(0) is not None


def test_restarts_are_counted_for_good() -> None:
    backoff = Backoff(Pace())
    for healthy in (0, 100, 0):
        backoff.died(healthy)

    assert backoff.restarts == 3
