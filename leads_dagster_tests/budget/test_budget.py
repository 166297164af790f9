"""Calls are paced together by all threads and processes, and all rest after one refusal; in a file and in Redis."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from leads_dagster.budget import Budget, Limit, LimitStatus, airtable_limits, budget_status
from leads_dagster.errors import QuotaSpentError, RateLimitedError
from leads_dagster_tests.budget.conftest import Clock, MakeBudget

LIMITS = airtable_limits("appA", "patX")
TEAM = airtable_limits("appA", "patX", monthly_calls=100_000)
SPENT = "The calls of this month are used up."


@pytest.fixture
def budget(make_budget: MakeBudget) -> Budget:
    return make_budget(*LIMITS)


def calls(budget: Budget, clock: Clock, count: int) -> list[float]:
    times = []
    for _ in range(count):
        with budget.slot():
            times.append(clock.now)
    return times


def most_in(times: list[float], seconds: float) -> int:
    """The largest number of times within any window of that length."""
    ordered = sorted(times)
    return max(sum(start <= moment < start + seconds for moment in ordered) for start in ordered)


def base_of(budget: Budget) -> LimitStatus:
    return budget.status()[0]


def spend(budget: Budget) -> None:
    """A call that the service answers with: no more this month."""
    with pytest.raises(QuotaSpentError), budget.slot():
        raise QuotaSpentError(SPENT)


def test_no_window_of_a_second_holds_more_than_five_calls(budget: Budget, clock: Clock) -> None:
    times = calls(budget, clock, 100)

    assert most_in(times, 1.0) == 5


def test_the_pace_is_at_least_95_percent_of_the_limit(budget: Budget, clock: Clock) -> None:
    times = calls(budget, clock, 501)

    assert 500 / (times[-1] - times[0]) >= 0.95 * 5


def test_two_bases_have_a_window_each_and_share_the_tokens(make_budget: MakeBudget, clock: Clock) -> None:
    shared = Limit("token", 7)
    first = calls(make_budget(Limit("base a", 5), shared), clock, 5)
    second = calls(make_budget(Limit("base b", 5), shared), clock, 5)

    assert len({*first, *second[:2]}) == 1
    assert second[2] >= first[0] + 1.0


def test_a_call_refused_by_one_limit_takes_no_room_in_the_other(make_budget: MakeBudget, clock: Clock) -> None:
    calls(make_budget(Limit("wide", 5), Limit("narrow", 1)), clock, 2)

    assert base_of(make_budget(Limit("wide", 5))).used == 1


def test_an_answer_slower_than_usual_moves_the_call_in_its_window(budget: Budget, clock: Clock) -> None:
    calls(budget, clock, 1)
    clock.now += 60
    began = clock.now
    with budget.slot():
        clock.now += 0.4  # it may have arrived as late as this
    times = calls(budget, clock, 5)

    assert times[3] == pytest.approx(began + 0.4)
    assert times[4] >= began + 1.4


def test_what_every_answer_takes_is_not_taken_for_the_way_there(budget: Budget, clock: Clock) -> None:
    began = clock.now
    for _ in range(100):
        with budget.slot():
            clock.now += 0.1
    clock.now += 60
    later = clock.now
    times = calls(budget, clock, 1)
    with budget.slot():
        clock.now += 0.1
    times += calls(budget, clock, 4)

    assert 100 / (later - 60 - began) >= 0.95 * 5
    assert times[-1] < later + 1.05


def test_a_call_on_its_way_keeps_its_place_until_it_is_answered(make_budget: MakeBudget, clock: Clock) -> None:
    one = make_budget(Limit("base", 1))
    with one.slot():
        clock.now += 2  # longer than the window, and still no answer
        on_its_way = base_of(one)
    answered = clock.now
    (next_call,) = calls(one, clock, 1)

    assert on_its_way.used == 1
    assert answered + 1 < next_call < answered + 1.1


def test_a_call_whose_process_died_keeps_its_place_for_five_seconds(make_budget: MakeBudget, clock: Clock) -> None:
    one = make_budget(Limit("base", 1))
    began = clock.now
    one._take("never settled")
    (next_call,) = calls(one, clock, 1)

    assert began + 4 < next_call < began + 6


def test_after_a_refusal_every_budget_on_these_books_rests_for_30_seconds(
    budget: Budget, make_budget: MakeBudget, clock: Clock
) -> None:
    refused = clock.now
    budget.rest()
    (time_of_call,) = calls(make_budget(*LIMITS), clock, 1)

    assert time_of_call >= refused + 30


def test_a_rest_is_for_the_base_that_was_refused(budget: Budget, make_budget: MakeBudget, clock: Clock) -> None:
    budget.rest()
    calls(make_budget(*airtable_limits("appB", "patX")), clock, 1)

    assert clock.slept == 0


def test_whoever_has_no_patience_is_told_when_to_come_back(budget: Budget, clock: Clock) -> None:
    budget.rest()

    with pytest.raises(RateLimitedError, match="another 30 s") as refused, budget.slot(patience_seconds=10):
        pytest.fail("no call is made")
    assert refused.value.retry_after_seconds == pytest.approx(30, abs=0.1)
    assert (clock.slept, base_of(budget).month_calls) == (0, 0)


def test_a_clock_set_back_does_not_stop_the_calls(budget: Budget, clock: Clock) -> None:
    calls(budget, clock, 5)
    budget.rest()
    clock.now -= 3600
    calls(budget, clock, 5)

    assert clock.slept < 0.1


def test_a_clock_set_back_under_a_call_does_not_keep_its_place_for_ever(budget: Budget, clock: Clock) -> None:
    with budget.slot():
        clock.now -= 3600
    calls(budget, clock, 6)

    assert clock.slept < 6


def test_the_status_tells_use_rest_and_calls_of_the_month(budget: Budget, clock: Clock) -> None:
    calls(budget, clock, 8)
    budget.rest()
    base, token = budget.status()

    assert (base.name, base.calls, base.seconds) == ("airtable base appA", 5, 1.0)
    assert (base.used, base.month_calls, base.rests, round(base.resting_seconds)) == (3, 8, 1, 30)
    assert (token.calls, token.month_calls, token.resting_seconds) == (50, 8, 0)


def test_the_status_can_be_read_without_a_budget(
    budget: Budget, tmp_path: Path, clock: Clock, books_url: str | None
) -> None:
    calls(budget, clock, 2)

    assert budget_status(tmp_path, books_url, clock=clock) == budget.status()


def test_calls_of_the_month_start_again_in_the_next(budget: Budget, clock: Clock) -> None:
    calls(budget, clock, 3)
    clock.now += 32 * 86_400

    assert [status.month_calls for status in budget.status()] == [0, 0]
    calls(budget, clock, 1)
    assert [status.month_calls for status in budget.status()] == [1, 1]


@pytest.mark.parametrize(
    "day", ["2026-01-31", "2026-02-28", "2028-02-28", "2028-02-29", "2026-04-30", "2026-12-31", "2100-02-28"]
)
def test_a_month_ends_at_midnight_utc(make_budget: MakeBudget, clock: Clock, day: str) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=timezone.utc) + timedelta(days=1)
    clock.now = midnight.timestamp() - 1
    budget = make_budget(*TEAM)
    calls(budget, clock, 3)
    clock.now = midnight.timestamp() + 1
    calls(budget, clock, 2)

    assert base_of(budget).month_calls == (2 if midnight.day == 1 else 5)


def test_the_status_tells_what_is_left_and_until_when_it_lasts_at_this_pace(
    make_budget: MakeBudget, clock: Clock
) -> None:
    clock.now = datetime(2026, 11, 1, tzinfo=timezone.utc).timestamp()
    budget = make_budget(*airtable_limits("appA", "patX", monthly_calls=1_000))
    calls(budget, clock, 20)
    clock.now += 2 * 3600
    base, token = budget.status()

    assert (base.month_limit, base.month_left, base.pace) == (1_000, 980, pytest.approx(10, abs=0.1))
    assert base.lasts_until is not None
    assert base.lasts_until.date() == datetime(2026, 11, 5, tzinfo=timezone.utc).date()
    assert (token.month_limit, token.month_left, token.lasts_until) == (None, None, None)


def test_a_pace_that_leaves_calls_over_has_no_end(make_budget: MakeBudget, clock: Clock) -> None:
    budget = make_budget(*TEAM)
    calls(budget, clock, 20)

    assert base_of(budget).lasts_until is None


def test_only_the_last_day_makes_the_pace(make_budget: MakeBudget, clock: Clock) -> None:
    budget = make_budget(*TEAM)
    calls(budget, clock, 50)
    clock.now += 26 * 3600
    calls(budget, clock, 24)

    assert base_of(budget).pace == pytest.approx(1, abs=0.1)


def test_a_refusal_of_the_month_parks_every_process_without_another_call(
    budget: Budget, make_budget: MakeBudget
) -> None:
    spend(budget)

    with pytest.raises(QuotaSpentError, match="Nothing is asked before 2026-06-01") as parked:
        calls(make_budget(*LIMITS), Clock(), 1)
    assert parked.value.context["parked_until"] == "2026-06-01T00:00:00+00:00"
    assert base_of(budget).month_calls == 1
    assert base_of(budget).parked_until == datetime(2026, 6, 1, tzinfo=timezone.utc)


def test_a_parked_budget_goes_on_with_the_next_month(budget: Budget, clock: Clock) -> None:
    spend(budget)
    clock.now = datetime(2026, 6, 1, tzinfo=timezone.utc).timestamp()
    calls(budget, clock, 1)

    assert base_of(budget).parked_until is None


def test_once_an_hour_a_parked_budget_asks_and_a_larger_plan_is_noticed(
    budget: Budget, make_budget: MakeBudget, clock: Clock
) -> None:
    other = make_budget(*LIMITS)
    spend(budget)
    clock.now += 3601
    spend(other)  # one of them asks, and the answer is the same
    with pytest.raises(QuotaSpentError, match="Nothing is asked"):
        calls(budget, clock, 1)
    clock.now += 3601
    calls(budget, clock, 2)  # now the plan is a larger one

    assert base_of(other).parked_until is None


def test_while_one_process_asks_the_others_wait(budget: Budget, make_budget: MakeBudget, clock: Clock) -> None:
    spend(budget)
    clock.now += 3601
    with budget.slot(), pytest.raises(QuotaSpentError):
        calls(make_budget(*LIMITS), clock, 1)

    assert base_of(budget).parked_until is None


def test_a_question_that_found_nobody_leaves_it_parked(budget: Budget, clock: Clock) -> None:
    spend(budget)
    clock.now += 3601
    with pytest.raises(TimeoutError), budget.slot():
        raise TimeoutError

    assert base_of(budget).parked_until is not None


def test_a_clock_set_back_does_not_park_for_ever(budget: Budget, clock: Clock) -> None:
    spend(budget)
    clock.now -= 60 * 86_400
    calls(budget, clock, 1)

    assert base_of(budget).parked_until is None


def test_of_all_that_ask_one_is_told_to_look_for_edits(make_budget: MakeBudget, clock: Clock) -> None:
    one, other = make_budget(*TEAM), make_budget(*TEAM)

    assert [one.pull_due(), other.pull_due(), one.pull_due()] == [True, False, False]
    due = one.next_pull_at()
    clock.now = due.timestamp() - 0.5
    assert not other.pull_due()
    clock.now = due.timestamp() + 0.5
    assert [other.pull_due(), one.pull_due()] == [True, False]


def test_the_team_plan_looks_about_every_26_seconds_at_the_beginning_of_a_month(
    make_budget: MakeBudget, clock: Clock
) -> None:
    clock.now = datetime(2026, 11, 1, tzinfo=timezone.utc).timestamp()
    budget = make_budget(*TEAM)
    budget.pull_due()
    waited = budget.next_pull_at().timestamp() - clock.now

    assert 25.9 < waited < 27.5
    assert base_of(budget).pull_interval_seconds == pytest.approx(waited, abs=0.01)


def test_a_plan_without_limit_looks_every_second_or_as_the_customer_wishes(
    make_budget: MakeBudget, clock: Clock
) -> None:
    budget = make_budget(*LIMITS)
    budget.pull_due()
    clock.now += 1

    assert budget.pull_due()
    clock.now += 1
    assert not budget.pull_due(interval_seconds=10)


def test_a_look_before_a_write_counts_for_the_next_one(make_budget: MakeBudget, clock: Clock) -> None:
    budget = make_budget(*TEAM)
    budget.pull_due()
    clock.now += 60
    budget.note_pull()

    assert not budget.pull_due()


def test_bases_of_one_workspace_share_its_month(make_budget: MakeBudget, clock: Clock) -> None:
    plan = {"monthly_calls": 100_000, "workspace": "sales"}
    one = make_budget(*airtable_limits("appA", "patX", **plan))
    other = make_budget(*airtable_limits("appB", "patX", **plan))
    calls(one, clock, 3)
    alone = base_of(one).pull_interval_seconds or 0
    calls(other, clock, 4)
    assert one.pull_due()
    assert other.pull_due()  # each has edits of its own
    base, _, workspace = one.status()

    assert (base.month_calls, base.month_limit) == (3, None)
    assert (workspace.month_calls, workspace.month_left, workspace.calls) == (7, 99_993, 0)
    assert base.pull_interval_seconds == pytest.approx(2 * alone, rel=0.01)


def test_a_workspace_that_is_spent_parks_all_its_bases(make_budget: MakeBudget, clock: Clock) -> None:
    one = make_budget(*airtable_limits("appA", "patX", monthly_calls=1_000, workspace="sales"))
    other = make_budget(*airtable_limits("appB", "patX", monthly_calls=1_000, workspace="sales"))
    spend(one)

    with pytest.raises(QuotaSpentError, match="Nothing is asked"):
        calls(other, clock, 1)
    calls(make_budget(*airtable_limits("appC", "patX")), clock, 1)


def test_while_parked_nobody_is_told_to_look_but_whoever_may_ask(budget: Budget, clock: Clock) -> None:
    spend(budget)
    clock.now += 60

    assert not budget.pull_due()
    clock.now += 3600
    assert budget.pull_due()


def test_with_the_months_calls_used_up_edits_are_looked_for_in_the_next(make_budget: MakeBudget, clock: Clock) -> None:
    budget = make_budget(*airtable_limits("appA", "patX", monthly_calls=4))
    calls(budget, clock, 4)

    assert not budget.pull_due()
    assert budget.next_pull_at() == datetime(2026, 6, 1, tzinfo=timezone.utc)
    calls(budget, clock, 1)  # a write is the service's to refuse


def test_beyond_the_months_calls_the_pace_is_two_a_second_until_the_next_month(
    make_budget: MakeBudget, clock: Clock
) -> None:
    budget = make_budget(*airtable_limits("appA", "patX", monthly_calls=10))
    calls(budget, clock, 10)
    clock.now += 60
    beyond = calls(budget, clock, 20)
    clock.now = datetime(2026, 6, 1, tzinfo=timezone.utc).timestamp()
    fresh = calls(budget, clock, 10)

    assert most_in(beyond, 1.0) == 2
    assert most_in(fresh, 1.0) == 5


def test_beyond_the_months_calls_of_a_workspace_each_of_its_bases_is_slow(
    make_budget: MakeBudget, clock: Clock
) -> None:
    plan = {"monthly_calls": 3, "workspace": "sales"}
    calls(make_budget(*airtable_limits("appA", "patX", **plan)), clock, 3)

    assert most_in(calls(make_budget(*airtable_limits("appB", "patX", **plan)), clock, 9), 1.0) == 2


def test_threads_of_one_process_share_the_window(make_budget: MakeBudget) -> None:
    times: list[float] = []
    budget = make_budget(Limit("base", 5, 0.2), clock=None, sleep=time.sleep)

    def work() -> None:
        for _ in range(5):
            with budget.slot():
                times.append(time.time())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(times) == 20
    assert most_in(times, 0.2) <= 5
