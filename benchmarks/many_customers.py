"""Many customers on one machine: what it costs to watch their sheets, how late a look comes, and many edits at once.

What belongs here: the figures and their bars. How a system is tried is `leads_dagster.interfaces.freshness_trial`'s.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import REPOSITORY, BenchmarkError
from benchmarks.page import Findings, Table
from benchmarks.processes import Used, together, used_by_part
from benchmarks.workbench import Workbench
from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.freshness_trial import Trial, TrialPlan, percentile, trial, until_all_hold

_ROWS = 20
_SETTLING_SECONDS = 90.0  # after the first looks of all: upkeep, the workers' imports and caches follow a start
_WATCHED_SECONDS = 60.0  # what is done once a minute is among it
_POLL_SECONDS = 2.0
_AT_ONCE = 25  # as many as Google lets be read in a minute, two reads each
_MOST_CPU, _MOST_LAG_SECONDS, _MOST_GROWTH = 25.0, 2.0, 1.02
_WATCHING = "code"  # the part that evaluates the sensors
_LOOK = "/drive/v3/files/"


@dataclass(frozen=True)
class _Quiet:
    """A stretch of time in which nothing was edited.

    Attributes:
        a_second: looks that reached the twin.
        lags: seconds by which each came later than the sheet's interval after the one before it.
        cpu: of all parts, percent of one core. watching_cpu: of the part that watches.
        before, after: MB of the part that watches. megabytes: of all parts at the end.
        load: of the machine when it began.
    """

    a_second: float
    lags: list[float]
    cpu: float
    watching_cpu: float
    before: float
    after: float
    megabytes: float
    load: float


def many(bench: Workbench) -> Findings:
    """Sheets in which nothing happens, then edits of many of them at once."""
    quiet, edited = list[list[str]](), list[list[str]]()
    for customers, interval in bench.sizes.live_customers:
        watched, at_once = _tried(bench, customers, interval)
        quiet.append(watched)
        edited.append(at_once)
    note = (
        f"Sheets of {_ROWS} rows on the offline twin, read with a service account, through `leads up` with two "
        "workers. First nothing is edited for a minute, which begins a minute and a half after the first looks. A "
        "look's lag is by how much it comes later than the interval after the look before it, by the twin's log. CPU "
        "in % of one core; the code server is what watches, all parts include webserver, API and workers. Memory of "
        "the code server, at the beginning and at the end; of all parts, shared pages counted in each. Then sheets are "
        "edited at once, each edit a run of its own in Dagster's UI. Google's 60 reads a minute are kept; a sheet that "
        "changed takes two, so that the 31st of a minute waits for the next."
    )
    header = (
        "customers", "interval s", "looks/s", "lag p50 s", "lag p99 s", "lag worst s", "CPU % of code", "CPU % of all",
        "MB of code", "later", "MB of all", "load", "bar", "",
    )  # fmt: skip
    second = ("customers", "edited at once", "first stored s", "half stored s", "all stored s", "runs")
    return Findings([Table(header, quiet), Table(second, edited)], [note])


def _tried(bench: Workbench, customers: int, interval: float) -> tuple[list[str], list[str]]:
    folder = bench.folder / f"many-{customers}"
    folder.mkdir()
    plan = TrialPlan(rows=_ROWS, customers=customers, interval_seconds=interval, airtable=False)
    try:
        with trial(plan, folder, say=print, load=_load) as running:
            time.sleep(interval + _SETTLING_SECONDS)
            quiet = _watch(running, _WATCHED_SECONDS)
            at_once = _edit_at_once(running, folder)
    except (LeadsError, subprocess.CalledProcessError) as error:
        raise BenchmarkError(str(error)) from error
    return [f"**{customers:,}**", f"{interval:g}", *_shown(quiet), *_bar(customers, interval, quiet)], at_once


def _load(environ: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "benchmarks.preloading"]
    subprocess.run(command, env=dict(environ), cwd=REPOSITORY, check=True)


def _watch(running: Trial, seconds: float) -> _Quiet:
    load, before, looks = os.getloadavg()[0], used_by_part(running.pid), _Looks(running.url)
    began = time.monotonic()
    while (left := seconds - (time.monotonic() - began)) > 0:
        time.sleep(min(_POLL_SECONDS, left))
        looks.take_in()
    passed = time.monotonic() - began
    after = used_by_part(running.pid)

    def share(one: Used, other: Used) -> float:
        return 100 * (one.cpu - other.cpu) / passed

    return _Quiet(
        looks.number / passed,
        looks.lags(running.plan.interval_seconds),
        share(together(after), together(before)),
        share(after[_WATCHING], before[_WATCHING]),
        before[_WATCHING].megabytes,
        after[_WATCHING].megabytes,
        together(after).megabytes,
        load,
    )


class _Looks:
    """When each sheet was looked at, from the log of the twin at `url`; what was there before counts not."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._seen = 0
        self._at: dict[str, list[float]] = defaultdict(list)
        self.take_in()
        self._at.clear()

    @property
    def number(self) -> int:
        """Of looks."""
        return sum(map(len, self._at.values()))

    def take_in(self) -> None:
        """What the log has that is new; it holds the last 1,000 requests."""
        import httpx

        last = httpx.get(f"{self._url}/sandbox/requests", params={"since": self._seen}, timeout=30).json()["last"]
        for one in last:
            self._seen = max(self._seen, one["number"])
            if _LOOK in one["path"]:
                self._at[one["path"]].append(one["at"])

    def lags(self, interval: float) -> list[float]:
        """Of every look but a sheet's first: seconds beyond the interval, 0 where it came sooner."""
        pairs = (pair for moments in self._at.values() for pair in itertools.pairwise(moments))
        return [max(0.0, later - sooner - interval) for sooner, later in pairs]


def _edit_at_once(running: Trial, folder: Path) -> list[str]:
    chosen = range(min(_AT_ONCE, running.plan.customers))
    titles = {customer: f"At once {customer} {time.time_ns()}" for customer in chosen}
    asks = {str(one): running.stores.asks(3, title, customer=one)["store"] for one, title in titles.items()}
    before, sent = _runs(folder), time.monotonic()
    for customer, title in titles.items():
        running.edit(3, title, customer=customer)
    seconds = sorted(until_all_hold(asks, sent).values())
    time.sleep(_POLL_SECONDS)  # a run more would be asked for by now
    shown = [f"{one:.2f}" for one in (seconds[0], percentile(seconds, 0.5), seconds[-1])]
    return [f"**{running.plan.customers:,}**", str(len(chosen)), *shown, str(_runs(folder) - before)]


def _runs(folder: Path) -> int:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(folder / "state" / "dagster" / "history" / "runs.db")) as connection:
        asked = "SELECT count(*) FROM runs WHERE pipeline_name = 'leads_sync'"
        return int(connection.execute(asked).fetchone()[0])


def _shown(quiet: _Quiet) -> list[str]:
    lags = [f"{percentile(quiet.lags, share):.2f}" if quiet.lags else "" for share in (0.50, 0.99, 1.0)]
    memory = [f"{one:.0f}" for one in (quiet.before, quiet.after, quiet.megabytes)]
    cpu = [f"{quiet.watching_cpu:.0f}", f"{quiet.cpu:.0f}"]
    return [f"{quiet.a_second:.1f}", *lags, *cpu, *memory, f"{quiet.load:.1f}"]


def _bar(customers: int, interval: float, quiet: _Quiet) -> list[str]:
    if (customers, interval) == (10, 1.0):
        return [f"CPU of all < {_MOST_CPU:.0f} %", _verdict(quiet.cpu < _MOST_CPU)]
    if customers < 1000:
        return ["", ""]
    flat = quiet.after <= quiet.before * _MOST_GROWTH
    late = not quiet.lags or quiet.a_second < 0.8 * customers / interval or max(quiet.lags) >= _MOST_LAG_SECONDS
    return [f"lag < {_MOST_LAG_SECONDS:g} s, memory flat", _verdict(flat and not late)]


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"
