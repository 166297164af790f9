"""Calls are paced together by all threads and processes, and all rest after one refusal."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from leads_dagster.budget import BUDGET_FILE, Budget, Limit, airtable_limits, budget_status
from leads_dagster.errors import StoreError


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_780_000_000.0
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(tmp_path: Path, clock: Clock) -> Iterator[Budget]:
    with Budget(tmp_path, airtable_limits("appA", "patX"), clock=clock, sleep=clock.sleep) as made:
        yield made


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


def test_no_window_of_a_second_holds_more_than_five_calls(budget: Budget, clock: Clock) -> None:
    times = calls(budget, clock, 100)

    assert most_in(times, 1.0) == 5


def test_the_pace_is_at_least_95_percent_of_the_limit(budget: Budget, clock: Clock) -> None:
    times = calls(budget, clock, 501)

    assert 500 / (times[-1] - times[0]) >= 0.95 * 5


def test_two_bases_have_a_window_each_and_share_the_tokens(tmp_path: Path, clock: Clock) -> None:
    shared = Limit("token", 7)
    with (
        Budget(tmp_path, [Limit("base a", 5), shared], clock=clock, sleep=clock.sleep) as one,
        Budget(tmp_path, [Limit("base b", 5), shared], clock=clock, sleep=clock.sleep) as other,
    ):
        first = calls(one, clock, 5)
        second = calls(other, clock, 5)

    assert len({*first, *second[:2]}) == 1
    assert second[2] >= first[0] + 1.0


def test_a_call_refused_by_one_limit_takes_no_room_in_the_other(tmp_path: Path, clock: Clock) -> None:
    narrow = Limit("narrow", 1)
    with (
        Budget(tmp_path, [Limit("wide", 5), narrow], clock=clock, sleep=clock.sleep) as one,
        Budget(tmp_path, [Limit("wide", 5)], clock=clock, sleep=clock.sleep) as wide,
    ):
        calls(one, clock, 2)
        (status,) = wide.status()

    assert status.used == 1


def test_an_answer_slower_than_usual_moves_the_call_in_its_window(budget: Budget, clock: Clock) -> None:
    calls(budget, clock, 1)
    clock.now += 60
    began = clock.now
    with budget.slot():
        clock.now += 0.4  # it may have arrived as late as this
    times = calls(budget, clock, 5)

    assert times[3] == pytest.approx(began + 0.4)
    assert times[4] >= began + 1.4


def test_a_call_on_its_way_keeps_its_place_until_it_is_answered(tmp_path: Path, clock: Clock) -> None:
    with Budget(tmp_path, [Limit("base", 1)], clock=clock, sleep=clock.sleep) as one:
        with one.slot():
            clock.now += 2  # longer than the window, and still no answer
            (on_its_way,) = one.status()
        answered = clock.now
        (next_call,) = calls(one, clock, 1)

    assert on_its_way.used == 1
    assert answered + 1 < next_call < answered + 1.1


def test_a_call_whose_process_died_keeps_its_place_for_five_seconds(tmp_path: Path, clock: Clock) -> None:
    with Budget(tmp_path, [Limit("base", 1)], clock=clock, sleep=clock.sleep) as one:
        began = clock.now
        one._take("never settled")
        (next_call,) = calls(one, clock, 1)

    assert began + 4 < next_call < began + 6


def test_after_a_refusal_every_budget_on_the_folder_rests_for_30_seconds(
    budget: Budget, tmp_path: Path, clock: Clock
) -> None:
    with Budget(tmp_path, airtable_limits("appA", "patX"), clock=clock, sleep=clock.sleep) as other:
        refused = clock.now
        budget.rest()
        (time_of_call,) = calls(other, clock, 1)

    assert time_of_call >= refused + 30


def test_a_rest_is_for_the_base_that_was_refused(budget: Budget, tmp_path: Path, clock: Clock) -> None:
    budget.rest()
    with Budget(tmp_path, airtable_limits("appB", "patX"), clock=clock, sleep=clock.sleep) as other:
        calls(other, clock, 1)

    assert clock.slept == 0


def test_a_clock_set_back_does_not_stop_the_calls(budget: Budget, clock: Clock) -> None:
    calls(budget, clock, 5)
    budget.rest()
    clock.now -= 3600
    calls(budget, clock, 5)

    assert clock.slept < 0.1


def test_the_status_tells_use_rest_and_calls_of_the_month(budget: Budget, tmp_path: Path, clock: Clock) -> None:
    calls(budget, clock, 8)
    budget.rest()
    base, token = budget_status(tmp_path, clock=clock)

    assert (base.name, base.calls, base.seconds) == ("airtable base appA", 5, 1.0)
    assert (base.used, base.month_calls, base.rests, round(base.resting_seconds)) == (3, 8, 1, 30)
    assert (token.calls, token.month_calls, token.resting_seconds) == (50, 8, 0)


def test_calls_of_the_month_start_again_in_the_next(budget: Budget, tmp_path: Path, clock: Clock) -> None:
    calls(budget, clock, 3)
    clock.now += 32 * 86_400

    assert [status.month_calls for status in budget.status()] == [0, 0]
    calls(budget, clock, 1)
    assert [status.month_calls for status in budget.status()] == [1, 1]


def test_the_token_is_nowhere_in_the_file(tmp_path: Path) -> None:
    with Budget(tmp_path, airtable_limits("appA", "patVerySecret")) as budget, budget.slot():
        pass

    assert b"patVerySecret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert (tmp_path / BUDGET_FILE).stat().st_mode & 0o777 == 0o600


def test_a_folder_without_a_budget_has_no_status(tmp_path: Path) -> None:
    assert budget_status(tmp_path) == ()


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="call budget"):
        Budget(tmp_path / "file", [Limit("base", 5)])


def test_threads_of_one_process_share_the_window(tmp_path: Path) -> None:
    times: list[float] = []

    def work() -> None:
        for _ in range(5):
            with budget.slot():
                times.append(time.time())

    with Budget(tmp_path, [Limit("base", 5, 0.2)]) as budget:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(times) == 20
    assert most_in(times, 0.2) <= 5


WORKER = """
import sys, time
from pathlib import Path
from leads_dagster.budget import Budget, Limit
with Budget(Path(sys.argv[1]), [Limit("base", 5, 0.2)]) as budget:
    for _ in range(10):
        with budget.slot():
            print(time.time())
"""


def test_processes_share_the_window(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    times = [float(line) for worker in workers for line in worker.communicate()[0].split()]

    assert len(times) == 30
    assert most_in(times, 0.2) <= 5
