"""Several processes keep one budget, in a file and in Redis: with the twin's limits in force nothing is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leads_dagster.budget import Budget, Limit
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.budget.test_budget import most_in

BASE = "appLeadsSandbox01"
WINDOW = 0.25

# argv: folder, URL or "", key prefix; the rest is each program's own.
HEAD = """
import functools, sys, time
from pathlib import Path
from leads_dagster.budget import Budget, Limit, airtable_limits, redis_books
home, url, prefix = Path(sys.argv[1]), sys.argv[2] or None, sys.argv[3]
if url:
    redis_books.RedisBooks = functools.partial(redis_books.RedisBooks, prefix=prefix)
"""
CALLER = (
    HEAD
    + """
with Budget(home, [Limit("base", 5, float(sys.argv[4]))], url=url) as budget:
    for _ in range(10):
        with budget.slot():
            print(time.time(), flush=True)
"""
)
HOLDER = (
    HEAD
    + """
with Budget(home, [Limit("base", 1, 0.25)], url=url) as budget, budget.slot():
    print("held", flush=True)
    time.sleep(60)
"""
)
READER = (
    HEAD
    + """
import httpx
sandbox, base, token = sys.argv[4:7]
with Budget(home, airtable_limits(base, token), url=url) as budget, httpx.Client() as client:
    for _ in range(8):
        with budget.slot():
            answer = client.get(
                f"{sandbox}/v0/{base}/Leads", params={"pageSize": 1}, headers={"Authorization": f"Bearer {token}"})
        print(answer.status_code, flush=True)
"""
)
PULLER = (
    HEAD
    + """
with Budget(home, airtable_limits("appA", "patX", monthly_calls=100_000), url=url) as budget:
    print(budget.pull_due(), flush=True)
"""
)


class Starter:
    """Starts programs that share the test's books."""

    def __init__(self, home: Path, url: str | None, prefix: str) -> None:
        self._arguments = [str(home), url or "", prefix]

    def start(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, *self._arguments, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def lines(self, program: str, *arguments: str, processes: int) -> list[str]:
        """What that many of them print."""
        started = [self.start(program, *arguments) for _ in range(processes)]
        return [line for one in started for line in one.communicate(timeout=120)[0].split()]


@pytest.fixture
def starter(tmp_path: Path, books_url: str | None) -> Starter:
    from leads_dagster.budget import redis_books

    prefix = "" if books_url is None else redis_books.RedisBooks.keywords["prefix"]  # type: ignore[attr-defined]
    return Starter(tmp_path, books_url, prefix)


def test_processes_share_the_window(starter: Starter) -> None:
    times = [float(line) for line in starter.lines(CALLER, str(WINDOW), processes=3)]

    assert len(times) == 30
    assert most_in(times, WINDOW) <= 5


def test_four_processes_at_the_twins_own_limits_are_never_refused(starter: Starter) -> None:
    with Sandbox(limits=True) as limited:
        statuses = starter.lines(READER, limited.url, BASE, "patTest", processes=4)
        refused = limited.requests.count(status=429)

    assert (len(statuses), set(statuses), refused) == (32, {"200"}, 0)


def test_the_place_of_a_process_that_is_killed_is_free_after_some_seconds(
    starter: Starter, tmp_path: Path, books_url: str | None
) -> None:
    holder = starter.start(HOLDER)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    held = time.monotonic()
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with Budget(tmp_path, [Limit("base", 1, WINDOW)], url=books_url) as budget:
        (while_held,) = budget.status()
        with budget.slot():
            waited = time.monotonic() - held

    assert while_held.used == 1
    assert 1 < waited < 30


def test_of_many_processes_one_looks_for_edits(starter: Starter) -> None:
    assert sorted(starter.lines(PULLER, processes=4)) == ["False", "False", "False", "True"]


def test_two_hosts_count_one_month(starter: Starter, tmp_path: Path, books_url: str | None) -> None:
    starter.lines(CALLER, "0.01", processes=2)
    with Budget(tmp_path / "another host" if books_url else tmp_path, [Limit("base", 5)], url=books_url) as budget:
        (status,) = budget.status()

    assert (status.month_calls, status.pace) == (20, 20)
