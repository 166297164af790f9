"""An edit a second, for an hour: whether edits take longer, memory grows, or the database is ever locked.

What belongs here: the figures and their bars. How a system is tried is `leads_dagster.interfaces.freshness_trial`'s.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measuring import BenchmarkError
from benchmarks.page import Findings, Table
from benchmarks.processes import together, used_by_part
from benchmarks.workbench import Workbench
from leads_dagster.errors import LeadsError, ServiceUnavailableError
from leads_dagster.interfaces.freshness_trial import Trial, TrialPlan, percentile, trial

_STRETCHES = 6
_EVERY_SECONDS = 1.0
_POLL_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 60.0
# Noise of a machine that others use too; what leaks goes on growing for an hour.
_MOST_GROWTH = {"p95": 1.25, "memory": 1.10}
_LOCKED = "database is locked"
_KEPT_RUNS = 5_000  # LEADS_RUNS_KEEP


@dataclass(frozen=True)
class Stretch:
    """One sixth of the time.

    Attributes:
        seconds: from each edit to the lead database.
        megabytes: of all parts at its end.
        runs: in Dagster's history at its end. history: MB of that history.
        load: of the machine at its end.
    """

    seconds: list[float]
    megabytes: float
    runs: int
    history: float
    load: float


@dataclass
class _Edits:
    """Edits of one row after another, and how long each took to be seen."""

    running: Trial
    made: int = 0
    _waiting: deque[tuple[str, str, float]] = field(default_factory=deque)

    def make(self) -> None:
        row, title = self.made % self.running.plan.rows, f"Edit {self.made} at {time.time_ns()}"
        lead = self.running.stores.lead_of(row)
        self._waiting.append((lead, title, time.monotonic()))
        self.running.edit(row, title)
        self.made += 1

    def seen(self) -> Iterator[float]:
        """Seconds of each edit that arrived since the last question."""
        if not self._waiting:
            return
        titles = self.running.stores.titles_of([lead for lead, _, _ in self._waiting])
        now = time.monotonic()
        for one in [one for one in self._waiting if titles.get(one[0]) == one[1]]:
            self._waiting.remove(one)
            yield now - one[2]
        if self._waiting and now - self._waiting[0][2] > _LONGEST_WAIT_SECONDS:
            raise ServiceUnavailableError("An edit did not arrive within a minute.")

    @property
    def all_seen(self) -> bool:
        return not self._waiting


def hour(bench: Workbench) -> Findings:
    """An edit a second through `leads up`."""
    folder = bench.folder / "hour"
    folder.mkdir()
    plan = TrialPlan(rows=bench.sizes.live_rows)
    try:
        with trial(plan, folder, say=print) as running:
            stretches = list(_stretches(running, folder, bench.sizes.live_minutes * 60 / _STRETCHES))
    except LeadsError as error:
        raise BenchmarkError(str(error)) from error
    locked = (folder / "live.log").read_text(encoding="utf-8", errors="replace").count(_LOCKED)
    return Findings([_by_stretch(stretches), _bars(stretches, locked, bench.sizes.live_minutes)], [_note(plan, bench)])


def _note(plan: TrialPlan, bench: Workbench) -> str:
    return (
        f"A Google Sheet of {plan.rows:,} rows on the offline twin, mirrored to CRM and Airtable; `leads up` with two "
        f"workers; a cell edited each second for {bench.sizes.live_minutes:g} minutes, one row after another. Google's "
        "60 reads a minute are kept, two to a cycle, so that no more than thirty cycles a minute share sixty edits: "
        "an edit here waits for the next cycle that the quota allows. Memory of all parts, shared pages counted in "
        "each; history is Dagster's runs, events and ticks."
    )


def _stretches(running: Trial, folder: Path, seconds: float) -> Iterator[Stretch]:
    edits = _Edits(running)
    began = time.monotonic()
    for number in range(1, _STRETCHES + 1):
        found = list(_until(edits, began, began + number * seconds))
        while number == _STRETCHES and not edits.all_seen:
            time.sleep(_POLL_SECONDS)
            found += edits.seen()
        runs, history = _history(folder / "state" / "dagster")
        stretch = Stretch(found, together(used_by_part(running.pid)).megabytes, runs, history, os.getloadavg()[0])
        print(f"{number} of {_STRETCHES}: {len(found)} edits, p95 {percentile(found, 0.95):.2f} s", flush=True)
        yield stretch


def _until(edits: _Edits, began: float, ends: float) -> Iterator[float]:
    while (now := time.monotonic()) < ends:
        if now >= began + edits.made * _EVERY_SECONDS:
            edits.make()
        yield from edits.seen()
        time.sleep(_POLL_SECONDS)


def _history(folder: Path) -> tuple[int, float]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(folder / "history" / "runs.db")) as connection:
        runs = int(connection.execute("SELECT count(*) FROM runs").fetchone()[0])
    return runs, sum(one.stat().st_size for one in _files(folder)) / 1e6


def _files(folder: Path) -> Iterable[Path]:
    return (one for one in folder.rglob("*.db*") if one.is_file())


def _by_stretch(stretches: list[Stretch]) -> Table:
    header = ("part of the time", "edits", "p50 s", "p95 s", "worst s", "MB of all", "runs kept", "history MB", "load")
    rows = [
        [
            f"**{number} of {_STRETCHES}**",
            str(len(one.seconds)),
            *(f"{percentile(one.seconds, share):.2f}" for share in (0.5, 0.95, 1.0)),
            f"{one.megabytes:.0f}",
            f"{one.runs:,}",
            f"{one.history:.1f}",
            f"{one.load:.1f}",
        ]
        for number, one in enumerate(stretches, start=1)
    ]
    return Table(header, rows)


def _bars(stretches: list[Stretch], locked: int, minutes: float) -> Table:
    """Growth is from the second part to the last: the first has caches to fill."""
    early, last = stretches[1], stretches[-1]
    slower = percentile(last.seconds, 0.95) / percentile(early.seconds, 0.95)
    larger = last.megabytes / early.megabytes
    a_run = (last.history - stretches[0].history) / max(1, last.runs - stretches[0].runs)
    a_day = a_run * (last.runs - stretches[0].runs) / (minutes * 60 * 5 / 6) * 86_400
    rows = [
        ["p95 of the last part to that of the second", f"{slower:.2f}", *_bar(slower, _MOST_GROWTH["p95"])],
        ["memory, likewise", f"{larger:.2f}", *_bar(larger, _MOST_GROWTH["memory"])],
        [f"times that the log says “{_LOCKED}”", str(locked), *_bar(locked, 0)],
        ["history a day without retention, MB", f"{a_day:,.0f}", "", ""],
        [f"history at the {_KEPT_RUNS:,} runs that are kept, MB", f"{a_run * _KEPT_RUNS:,.0f}", "", ""],
    ]
    return Table(("of the whole", "", "bar", ""), rows)


def _bar(value: float, most: float) -> list[str]:
    return [f"≤ {most:g}", "met" if value <= most else "**missed**"]
