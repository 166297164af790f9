"""How long it takes to load sheets: made ones of growing size beside the peers, and a real one as far as Airtable.

What belongs here: the sections `loading`, `growth` and `us-500`. How they are measured is `workbench`'s.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.measuring import REPOSITORY, BenchmarkError, NotHereError, Timing, median, timed_command
from benchmarks.page import NO_BAR, Bar, Findings, Table, beside, megabytes, seconds
from benchmarks.peers import PEERS
from benchmarks.workbench import Loads, Workbench

FIRST_LOAD_SECONDS = {10_000: 8.0, 100_000: 75.0}
MEMORY_MB = {100_000: 1000.0}
STRAIGHT_LINE = 1.25
AIRTABLE_RECORDS_A_SECOND = 50
US_500_ROWS = 500
BASE, TABLE = "appLeadsSandbox01", "Leads"

Row = list[str]


def loading(bench: Workbench) -> Findings:
    """First and second load of every size, ours beside the peers."""
    return Findings(
        tables=[_loading_table(bench, rows) for rows in bench.sizes.loading],
        notes=(
            'Ours goes into the store and the CRM: normalised, matched, with history and an outbox. "Imported" is one '
            'cycle in a process that has imported the road, "cold" is `leads sync --sheet` from nothing to its end, '
            'through Dagster. Peers are timed after their imports, without them. "Again" loads the same bytes once '
            "more. Peak memory is the whole process's, imports included. Medians of three up to "
            f"{bench.sizes.repeated_up_to:,} rows, larger sheets once.",
            "dlt 1.31 merges with `create_primary_keys=True`, the setting with which its second load does not crawl; "
            "pandas only appends, so that a second load would double its rows.",
        ),
    )


def _loading_table(bench: Workbench, rows: int) -> Table:
    path, times = bench.sheet(rows), bench.sizes.times(rows)
    ours, cold = bench.ours(path, times), bench.cold(path, 1 if rows > 1000 else times)
    header = (
        f"{rows:,} rows",
        "first, wall s",
        "CPU s",
        "÷ ours",
        "again, wall s",
        "CPU s",
        "÷ ours",
        "peak MB",
        "bar",
        "",
    )
    lines = [
        ["**ours, imported**", *_load_cells(ours, ours), *_bars(bench, rows, ours.first)],
        ["**ours, cold**", *_load_cells(cold, ours), *_bars(bench, rows, cold.first)],
        *(
            [peer.label, *_load_cells(bench.peer(name, rows), ours, again=peer.again), *NO_BAR]
            for name, peer in PEERS.items()
        ),
    ]
    return Table(header, lines)


def _load_cells(loads: Loads, ours: Loads, *, again: bool = True) -> Row:
    first = [seconds(loads.first.wall), seconds(loads.first.cpu), beside(loads.first, ours.first)]
    if not again or loads.again is None or ours.again is None:
        return [*first, "", "", "", megabytes(loads.first.peak_mb)]
    second = [seconds(loads.again.wall), seconds(loads.again.cpu), beside(loads.again, ours.again)]
    return [*first, *second, megabytes(loads.first.peak_mb)]


def _bars(bench: Workbench, rows: int, first: Timing) -> Row:
    bars = [Bar(first.wall, FIRST_LOAD_SECONDS[rows])] if rows in FIRST_LOAD_SECONDS else []
    if rows in MEMORY_MB and first.peak_mb:
        bars.append(Bar(first.peak_mb, MEMORY_MB[rows], "MB"))
    if not bars:
        return NO_BAR
    return [", ".join(cells) for cells in zip(*(bar.cells() for bar in bars), strict=True)]


def growth(bench: Workbench) -> Findings:
    """Seconds a row at growing sizes, ours beside the floor."""
    sizes = bench.sizes.growth
    loads = {rows: bench.ours(bench.sheet(rows), bench.sizes.times(rows)) for rows in sizes}
    start = loads[sizes[0]].first.wall / sizes[0]
    lines = []
    for rows, found in loads.items():
        floor = bench.peer("sqlite", rows).first
        each = found.first.wall / rows
        verdict = Bar(each / start, STRAIGHT_LINE, "of the first").cells() if rows == sizes[-1] else NO_BAR
        lines.append(
            [f"{rows:,}", seconds(found.first.wall), seconds(found.first.cpu), _microseconds(found.first, rows),
             f"{each / start:.2f}", _microseconds(floor, rows), megabytes(found.first.peak_mb), *verdict]
        )  # fmt: skip
    header = (
        "rows",
        "wall s",
        "CPU s",
        "ours, µs a row",
        "of the first",
        "raw sqlite3 upsert, µs a row",
        "peak MB",
        "bar",
        "",
    )
    note = (
        "A first load into store and CRM, imported. In a straight line the third column stays as it is; more than a "
        f"quarter above the first size's is counted as missed. Up to {bench.sizes.repeated_up_to:,} rows medians of "
        "three, above once."
    )
    return Findings([Table(header, lines)], [note])


def _microseconds(timing: Timing, rows: int) -> str:
    return f"{timing.wall / rows * 1e6:,.0f}"


def us_500(bench: Workbench) -> Findings:
    """The real-shaped sheet to store, CRM and the twin's Airtable with its limits; and without Airtable.

    Raises:
        NotHereError: the sheet is not beside the checkout.
    """
    path = Path(os.environ.get("LEADS_TEST_DATA", REPOSITORY.parent / "shared" / "data")) / "leads" / "us-500.csv"
    if not path.exists():
        raise NotHereError("there is no us-500.csv; LEADS_TEST_DATA names the folder of sample data")
    with_airtable = median([_with_airtable(bench, path, number) for number in range(bench.sizes.airtable)])
    imported, cold = bench.ours(path, 3), bench.cold(path, 3)
    dagster = median([timed_command([sys.executable, "-c", "import dagster"], {})[0] for _ in range(3)])
    limit = Timing(US_500_ROWS / AIRTABLE_RECORDS_A_SECOND, 0.0)
    lines = [
        _line("**ours, cold, with Airtable (`--limits`)**", with_airtable, with_airtable, Bar(with_airtable.wall, 25)),
        _line("floor: 500 records at Airtable's 50 a second", limit, with_airtable),
        _line("floor: `import dagster` in a fresh process", dagster, with_airtable),
        _line("**ours, cold, store and CRM**", cold.first, cold.first),
        _line("**ours, imported, store and CRM**", imported.first, imported.first, Bar(imported.first.wall, 2)),
    ]
    note = (
        "500 leads from CSV to store, CRM and the offline twin, which serves from a process of its own and answers "
        "429 above five requests a second. The reference system needs 30 s. Cold with Airtable "
        f'{bench.sizes.airtable} times, the others three times; "÷ ours" is by the line of ours above.'
    )
    return Findings([Table(("us-500.csv", "wall s", "CPU s", "÷ ours", "bar", ""), lines)], [note])


def _line(label: str, timing: Timing, ours: Timing, bar: Bar | None = None) -> Row:
    return [label, seconds(timing.wall), seconds(timing.cpu), beside(timing, ours), *(bar.cells() if bar else NO_BAR)]


def _with_airtable(bench: Workbench, path: Path, number: int) -> Timing:
    home = bench.folder / f"airtable-{number}"
    home.mkdir()
    (home / "leads.toml").write_text(
        f'[[customers]]\nname = "bench"\nsheet = "{path.resolve()}"\n'
        f'[customers.airtable]\nbase_id = "{BASE}"\ntable = "{TABLE}"\n',
        encoding="utf-8",
    )
    with bench.twin() as url:
        environ = {"AIRTABLE_ENDPOINT_URL": url, "AIRTABLE_API_KEY": "any"}
        timing, _ = bench.leads(home, "sync", "--json", environ=environ, expect="done")
        _check_landed(bench, home)
    return timing


def _check_landed(bench: Workbench, home: Path) -> None:
    """A mirror that was left behind would be quick."""
    _, facts = bench.leads(home, "status", "--json")
    waiting = {state: number for state, number in facts["outbox"]["airtable"].items() if state != "success" and number}
    if waiting or not facts["leads"]:
        raise BenchmarkError(f"Airtable was left behind: {facts['outbox']['airtable']} of {facts['leads']} leads")
