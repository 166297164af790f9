"""The books in Redis: the server's clock, a server that forgets, goes away or refuses."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from leads_dagster.budget import Budget, Limit, airtable_limits, budget_status
from leads_dagster.errors import SettingsError, StoreBusyError, StoreError
from leads_dagster_tests.redis_server import start_redis

TEAM = airtable_limits("appA", "patX", monthly_calls=100_000)


@pytest.fixture
def budget(tmp_path: Path, redis_url: str) -> Budget:
    return Budget(tmp_path, TEAM, url=redis_url)


def test_hosts_whose_clocks_differ_keep_one_window(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = [Limit("base", 2, 0.5)]
    slept: list[float] = []
    with Budget(tmp_path, limits, url=redis_url) as here, Budget(tmp_path, limits, url=redis_url) as there:
        there._sleep = lambda seconds: (slept.append(seconds), time.sleep(seconds))[0]
        for _ in range(2):
            with here.slot():
                pass
        monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)  # this host is decades ahead
        with there.slot():
            pass

    assert sum(slept) > 0.3


def test_the_token_is_nowhere_in_redis(tmp_path: Path, redis_url: str) -> None:
    from redis import Redis

    with Budget(tmp_path, airtable_limits("appA", "patVerySecret"), url=redis_url) as budget, budget.slot():
        pass
    with Redis.from_url(redis_url) as client:
        kept = [client.dump(key) or b"" for key in client.scan_iter("*")]

    assert kept
    assert b"patVerySecret" not in b"".join(kept)


def test_nothing_is_written_on_this_host(tmp_path: Path, budget: Budget) -> None:
    with budget.slot():
        pass

    assert list(tmp_path.iterdir()) == []


def test_a_server_that_has_forgotten_everything_is_told_again(tmp_path: Path, redis_url: str, budget: Budget) -> None:
    from redis import Redis

    with budget.slot():
        pass
    with Redis.from_url(redis_url) as client:
        for key in client.scan_iter("*leads:test:*"):
            client.delete(key)
        client.script_flush()
    with budget.slot():
        pass
    base = budget.status()[0]

    assert (base.month_calls, base.month_limit, base.used) == (1, 100_000, 1)


def test_a_server_that_goes_away_stops_calls_and_not_the_answer_of_one_under_way(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    server = start_redis(socket)
    budget = Budget(tmp_path, TEAM, url=f"unix://{socket}")
    with budget.slot():
        server.kill()
        server.wait()
    with pytest.raises(StoreBusyError, match="cannot be reached"), budget.slot():
        pytest.fail("no call is made unpaced")
    socket.unlink(missing_ok=True)
    again = start_redis(socket)
    with budget.slot():
        used = budget.status()[0].used
    again.kill()
    again.wait()

    assert used == 1


def test_a_server_that_is_not_there_is_transient(tmp_path: Path) -> None:
    with pytest.raises(StoreBusyError, match="cannot be reached"):
        Budget(tmp_path, TEAM, url=f"unix://{tmp_path}/nobody")


def test_a_wrong_password_is_for_a_person_and_not_shown(tmp_path: Path) -> None:
    from redis import Redis

    server = start_redis(tmp_path / "socket")
    try:
        with Redis.from_url(f"unix://{tmp_path}/socket") as client:
            client.config_set("requirepass", "correct")
        with pytest.raises(StoreError) as refused:
            Budget(tmp_path, TEAM, url=f"unix://:hunter2@{tmp_path}/socket")
    finally:
        server.kill()
        server.wait()

    assert "hunter2" not in str(refused.value)
    assert not refused.value.transient


def test_an_address_of_something_else_is_a_setting_to_mend(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LEADS_BUDGET_URL"):
        Budget(tmp_path, TEAM, url="http://localhost/")


def test_where_nobody_ever_called_there_is_no_status(tmp_path: Path, redis_url: str) -> None:
    assert budget_status(tmp_path, redis_url) == ()


def test_hours_that_no_longer_count_are_dropped(tmp_path: Path, redis_url: str) -> None:
    now = [1_780_000_000.0]
    with Budget(tmp_path, [Limit("base", 5)], url=redis_url, clock=lambda: now[0]) as budget:
        for _ in range(60):
            with budget.slot():
                now[0] += 3600
        (facts,) = budget._books.facts()

    assert len(facts.hours) <= 26
