"""A host that keeps failing is rested, twice as long each time, and tried again by one call."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from leads_dagster.breakers import CircuitBreaker, CircuitBreakers, breaker_states, shared_breakers
from leads_dagster.errors import CircuitOpenError, ServiceUnavailableError, SheetNotSharedError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("docs.example", base_seconds=30.0, clock=clock)


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(ServiceUnavailableError), breaker.call():
            raise ServiceUnavailableError("down")


def succeed(breaker: CircuitBreaker) -> bool:
    with breaker.call() as probe:
        return probe


def open_again(breaker: CircuitBreaker, clock: Clock) -> float:
    """Let the rest pass and the probe fail; the length of the new rest."""
    clock.now += breaker.describe()["retry_in_seconds"]
    fail(breaker)
    return float(breaker.describe()["retry_in_seconds"])


def test_four_failures_in_a_row_leave_it_closed(breaker: CircuitBreaker) -> None:
    fail(breaker, 4)
    assert breaker.describe()["state"] == "closed"


def test_the_fifth_failure_opens_it_and_calls_are_refused_without_being_made(breaker: CircuitBreaker) -> None:
    fail(breaker, 5)
    with pytest.raises(CircuitOpenError, match=r"docs\.example failed 5 times in a row") as refused, breaker.call():
        pytest.fail("the call was made")
    assert refused.value.retry_after_seconds == 30.0
    assert refused.value.transient


def test_a_success_in_between_starts_the_count_anew(breaker: CircuitBreaker) -> None:
    fail(breaker, 4)
    assert succeed(breaker) is False
    fail(breaker, 4)
    assert breaker.describe()["state"] == "closed"


def test_a_refusal_is_an_answer_of_a_living_host(breaker: CircuitBreaker) -> None:
    fail(breaker, 4)
    with pytest.raises(SheetNotSharedError), breaker.call():
        raise SheetNotSharedError("no")
    assert breaker.describe()["failures"] == 0


def test_a_bug_of_ours_says_nothing_about_the_host(breaker: CircuitBreaker) -> None:
    fail(breaker, 4)
    with pytest.raises(ZeroDivisionError), breaker.call():
        raise ZeroDivisionError
    assert breaker.describe()["failures"] == 4


def test_after_the_rest_one_probe_closes_it(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 30.0
    assert breaker.describe()["state"] == "half_open"
    assert succeed(breaker) is True
    assert breaker.describe() == {
        "host": "docs.example",
        "state": "closed",
        "failures": 0,
        "rest_seconds": 30.0,
        "retry_in_seconds": 0.0,
        "last_error": "",
    }


def test_each_failed_probe_doubles_the_rest_up_to_900_seconds(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 5)
    rests = [open_again(breaker, clock) for _ in range(7)]
    assert rests == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0, 900.0]


def test_a_success_brings_the_first_rest_back(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 5)
    open_again(breaker, clock)
    clock.now += 60.0
    succeed(breaker)
    fail(breaker, 5)
    assert breaker.describe()["retry_in_seconds"] == 30.0


def test_only_one_call_at_a_time_probes(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 30.0
    with breaker.call() as probe:
        with pytest.raises(CircuitOpenError), breaker.call():
            pytest.fail("two probes at once")
        assert probe


def test_an_interrupted_probe_leaves_the_place_to_the_next(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 30.0
    with pytest.raises(KeyboardInterrupt), breaker.call():
        raise KeyboardInterrupt
    assert succeed(breaker) is True


def test_calls_under_way_when_it_opens_do_not_lengthen_the_rest(breaker: CircuitBreaker) -> None:
    with suppress(ServiceUnavailableError), breaker.call():
        fail(breaker, 5)
        raise ServiceUnavailableError("down")
    assert breaker.describe()["retry_in_seconds"] == 30.0


def test_many_threads_open_it_once(breaker: CircuitBreaker) -> None:
    start = threading.Barrier(8)
    outcomes: list[str] = []

    def run() -> None:
        start.wait()
        for _ in range(20):
            try:
                with breaker.call():
                    raise ServiceUnavailableError("down")
            except (ServiceUnavailableError, CircuitOpenError) as error:
                outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = outcomes.count("ServiceUnavailableError")
    assert len(outcomes) == 160
    assert 5 <= made < 5 + 8
    assert breaker.describe()["rest_seconds"] == 30.0


def test_every_host_has_its_own_breaker_and_shows_its_state(clock: Clock) -> None:
    breakers = CircuitBreakers(clock=clock)
    fail(breakers.breaker("sheets.example", base_seconds=30.0), 5)
    assert succeed(breakers.breaker("api.example:8443", base_seconds=15.0)) is False
    shown = [(state["host"], state["state"], state["rest_seconds"]) for state in breakers.states()]
    assert shown == [("api.example:8443", "closed", 15.0), ("sheets.example", "open", 30.0)]


def test_the_process_has_one_table_of_breakers() -> None:
    shared_breakers().breaker("shown.example", base_seconds=15.0)
    assert shared_breakers() is shared_breakers()
    assert "shown.example" in [state["host"] for state in breaker_states()]


def test_hosts_of_one_name_are_told_apart_by_their_key(clock: Clock) -> None:
    breakers = CircuitBreakers(clock=clock)
    fail(breakers.breaker("lead database", base_seconds=5.0, max_seconds=8.0, key="one"), 5)
    assert succeed(breakers.breaker("lead database", base_seconds=5.0, max_seconds=8.0, key="other")) is False
    assert [(state["host"], state["state"]) for state in breakers.states()] == [
        ("lead database", "open"),
        ("lead database", "closed"),
    ]
    assert open_again(breakers.breaker("lead database", base_seconds=5.0, key="one"), clock) == 8.0
