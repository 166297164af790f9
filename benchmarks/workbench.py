"""Where measurements are made: a folder for sheets and databases, the peers' Python, sizes, what is known already.

What belongs here: running the child programs, each size once, and remembering the figures for every section that wants
them. Which figures make a table is the sections' business.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measuring import (
    REPOSITORY,
    BenchmarkError,
    Timing,
    clean_environment,
    median,
    run_child,
    timed_command,
)
from benchmarks.sheets import edited, sheet


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        loading: rows of the sheets that are loaded beside the peers.
        growth: rows of the sheets that show how time grows.
        repeated_up_to: sheets of up to so many rows are loaded three times, larger ones once.
        looks: how often a short question is asked.
        edits: how many rows are edited, one after another. mass_edits: how often all rows are.
        matching: rows among which leads are matched.
        hostile: rows of each list that is hostile to matching.
        airtable: how often the real-shaped sheet goes as far as Airtable.
        airtable_records: records written there, and read. airtable_edits: how many edits are waited for, each way.
        api: leads that the API searches, and seconds for each kind of question.
        dashboard_customers: how many have the leads of `api` together where the dashboard shows many.
        normalizing: rows for `normalizing`, and for its peer.
        store: leads that the store takes in in batches, and one by one.
        searching: leads to search in, and how often each kind of query is asked.
        capture: captures handed over one by one, in batches, and by many at once. capture_depths: how many wait.
        drained: captures that are taken through the whole road. arrivals: captures handed over while `leads up` runs.
        live_rows, live_edits: of the sheet that is edited while the live system runs, and how often. stock_edits: how
            often beside stock Dagster, and among many customers.
        live_minutes: for how long a cell is edited each second.
        live_customers: how many sheets are watched, and seconds between two looks at each.
    """

    loading: tuple[int, ...] = (500, 10_000, 100_000)
    growth: tuple[int, ...] = (10_000, 25_000, 50_000, 100_000)
    repeated_up_to: int = 10_000
    looks: int = 15
    edits: int = 7
    mass_edits: int = 3
    airtable: int = 2
    airtable_records: tuple[int, int] = (10_000, 100_000)
    airtable_edits: int = 40
    matching: tuple[int, ...] = (10_000, 100_000)
    hostile: tuple[int, ...] = (6_250, 12_500, 25_000)
    api: tuple[int, float] = (100_000, 8.0)
    dashboard_customers: int = 300
    normalizing: tuple[int, int] = (100_000, 2_000)
    store: tuple[int, int] = (20_000, 1_000)
    searching: tuple[int, int] = (100_000, 200)
    capture: tuple[int, int, int] = (5_000, 100_000, 200_000)
    capture_depths: tuple[int, ...] = (0, 100_000, 1_000_000)
    drained: int = 5_000
    arrivals: int = 60
    live_rows: int = 10_000
    live_edits: int = 100
    stock_edits: int = 8
    live_minutes: float = 60.0
    live_customers: tuple[tuple[int, float], ...] = ((1, 1.0), (10, 1.0), (100, 10.0), (1000, 10.0))

    @property
    def repeated(self) -> int:
        """Rows of the largest sheet that is loaded several times."""
        return max(rows for rows in self.loading if rows <= self.repeated_up_to or rows == min(self.loading))

    @property
    def largest(self) -> int:
        """Rows of the sheet in which changes are looked for."""
        return max(self.loading)

    def times(self, rows: int) -> int:
        """How often a sheet of that size is loaded."""
        return 3 if rows <= self.repeated_up_to else 1


FULL = Sizes()
LONG = Sizes(
    loading=(1_000_000,),
    growth=(100_000, 250_000, 500_000, 1_000_000),
    matching=(10_000, 100_000, 1_000_000),
)
QUICK = Sizes(
    loading=(50, 200),
    growth=(50, 100, 200),
    repeated_up_to=50,
    looks=3,
    edits=2,
    mass_edits=1,
    airtable=1,
    airtable_records=(40, 200),
    airtable_edits=3,
    matching=(1_000,),
    hostile=(200, 400),
    api=(300, 0.5),
    dashboard_customers=4,
    normalizing=(300, 50),
    store=(600, 20),
    searching=(300, 5),
    capture=(200, 2_000, 800),
    capture_depths=(0, 1_000),
    drained=200,
    arrivals=5,
    live_rows=50,
    live_edits=3,
    stock_edits=1,
    live_minutes=0.5,
    live_customers=((2, 1.0),),
)


@dataclass(frozen=True)
class Loads:
    """What loading a sheet cost, and the same sheet again.

    Attributes:
        home: the state folder it was loaded into.
        first, again, edited: medians; None where it means nothing.
    """

    home: Path
    first: Timing
    again: Timing | None = None
    edited: Timing | None = None


@dataclass
class Workbench:
    """A place to measure.

    Attributes:
        folder: everything is written below it.
        peers_python: of the peers' environment.
        sizes: how much is measured.
    """

    folder: Path
    peers_python: Path
    sizes: Sizes = FULL
    _ours: dict[Path, Loads] = field(default_factory=dict)
    _cold: dict[Path, Loads] = field(default_factory=dict)
    _peers: dict[tuple[str, int], Loads] = field(default_factory=dict)

    def sheet(self, rows: int) -> Path:
        """A sheet of that many rows; made once."""
        path = self.folder / f"leads-{rows}.csv"
        if not path.exists():
            path.write_bytes(sheet(rows))
        return path

    def ours(self, path: Path, times: int) -> Loads:
        """Our road in a process that has imported it: into store and CRM, and the same bytes again."""
        if path not in self._ours:
            runs = []
            for number in range(times):
                home = self.folder / f"home-{path.stem}-{number}"
                found = self._program("load", home, path, 3)
                runs.append(Loads(home, found["first"][0], median(found["again"])))
            self._ours[path] = _median_loads(runs)
        return self._ours[path]

    def loaded(self, rows: int) -> Path:
        """A state folder into which a sheet of that many rows was loaded."""
        return self.ours(self.sheet(rows), self.sizes.times(rows)).home

    def unchanged(self, rows: int) -> dict[str, list[Timing]]:
        """See `benchmarks.ours.unchanged`."""
        return self._program("unchanged", self.loaded(rows), self.sheet(rows), self.sizes.looks)

    def edit(self, rows: int) -> dict[str, list[Timing]]:
        """See `benchmarks.ours.edit`."""
        return self._program("edit", self.loaded(rows), self.sheet(rows), self.sizes.edits)

    def edit_all(self, rows: int) -> dict[str, list[Timing]]:
        """See `benchmarks.ours.edit_all`."""
        return self._program("edit_all", self.loaded(rows), self.sheet(rows), self.sizes.mass_edits)

    def cold(self, path: Path, times: int) -> Loads:
        """`leads sync --sheet` from nothing to its end, Dagster and all, and the same again."""
        if path not in self._cold:
            self._cold[path] = _median_loads([self._run_cold(path, number) for number in range(times)])
        return self._cold[path]

    def _run_cold(self, path: Path, number: int) -> Loads:
        home = self.folder / f"cold-{path.stem}-{number}"
        command = ("sync", "--sheet", str(path), "--json")
        first, _ = self.leads(home, *command, expect="done")
        again, _ = self.leads(home, *command, expect="unchanged")
        shutil.rmtree(home)
        return Loads(home, first, again)

    def leads(
        self, home: Path, *arguments: str, environ: Mapping[str, str] | None = None, expect: str | None = None
    ) -> tuple[Timing, dict[str, Any]]:
        """One `leads` command with that state folder, and the JSON it printed.

        Args:
            home: made where it is not there.
            arguments: of the command, `--json` among them where its answer is wanted.
            environ: variables beside LEADS_HOME.
            expect: the status that the JSON must give.

        Raises:
            BenchmarkError: it failed, or ended with another status.
        """
        variables = {"LEADS_HOME": str(home), **(environ or {})}
        timing, output = timed_command([sys.executable, "-m", "leads_dagster", *arguments], variables)
        facts: dict[str, Any] = json.loads(output) if "--json" in arguments else {}
        if expect is not None and facts.get("status") != expect:
            raise BenchmarkError(f"`leads {' '.join(arguments)}` ended other than {expect}: {output.strip()}")
        return timing, facts

    def peer(self, name: str, rows: int) -> Loads:
        """A peer: the sheet, the same again, and once more with one row edited."""
        if (name, rows) not in self._peers:
            runs = [self._run_peer(name, rows, number) for number in range(self.sizes.times(rows))]
            self._peers[name, rows] = _median_loads(runs)
        return self._peers[name, rows]

    def _run_peer(self, name: str, rows: int, number: int) -> Loads:
        if not self.peers_python.exists():
            raise BenchmarkError(f"there is no {self.peers_python}: `make bench` sets up the peers' environment")
        home = self.folder / f"peer-{name}-{rows}-{number}"
        home.mkdir()
        path = self.sheet(rows)
        other = home / "edited.csv"
        other.write_bytes(edited(path.read_bytes(), 0))
        found = run_child([self.peers_python, "-m", "benchmarks.peers", name, home / "peer.db", path, path, other])[
            "loads"
        ]
        shutil.rmtree(home)
        return Loads(home, *found)

    def _program(self, name: str, home: Path, path: Path, times: int) -> dict[str, list[Timing]]:
        return run_child([sys.executable, "-m", "benchmarks.ours", name, home, path, str(times)])

    @contextmanager
    def twin(self, bases: Path | None = None) -> Iterator[str]:
        """The address of the offline twin with the services' own limits, in a process of its own.

        Args:
            bases: a file with other bases than the packaged ones.
        """
        home = self.folder / "twin"
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "leads_dagster", "sandbox", "--port", "0", "--limits", "--json"),
                *(("--bases", str(bases)) if bases else ()),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env={**clean_environment(), "LEADS_HOME": str(home)},
        )
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(home, ignore_errors=True)


def _median_loads(runs: list[Loads]) -> Loads:
    def of(part: str) -> Timing | None:
        timings = [getattr(run, part) for run in runs]
        return median(timings) if None not in timings else None

    first = of("first")
    assert first is not None
    return Loads(runs[-1].home, first, of("again"), of("edited"))
