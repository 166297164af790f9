"""How long it takes to know that nothing, one row, or every row changed.

What belongs here: the sections `unchanged`, `one-row` and `every-row`. The programs that are timed are in `ours` and
`peers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.measuring import Timing, median
from benchmarks.page import NO_BAR, Bar, Findings, Table, beside, seconds
from benchmarks.workbench import Workbench

TIMES_READING_AND_HASHING = 2.0
ONE_ROW_SECONDS = 0.6

_LOOKS = {
    "marker": "**ours, by the file's size, times and inode**",
    "touched": "**ours, made to read and hash (file touched)**",
    "xxh3": "floor: read, xxh3-128",
    "md5": "read, MD5",
    "blake2b": "read, BLAKE2b",
}
_STAGES = ("fetch_raw", "normalize", "resolve", "record", "mirror_crm")


def unchanged(bench: Workbench) -> Findings:
    """`fetch_raw` of a loaded sheet, beside reading and hashing its bytes."""
    rows = bench.sizes.largest
    found = {name: median(timings) for name, timings in bench.unchanged(rows).items()}
    floor = found["xxh3"]
    lines = [
        [label, *_cells(found[name]), f"{found[name].wall / floor.wall:.2f}", *_reading_bar(name, found, floor)]
        for name, label in _LOOKS.items()
    ]
    note = (
        f"{rows:,} rows, {bench.sheet(rows).stat().st_size / 1e6:.1f} MB, loaded before. Ours is `fetch_raw`, all "
        "that a cycle does then: the customer's lock, the last ledger and whether any mirror waits, then the look at "
        f"the sheet. Medians of {bench.sizes.looks}, taken by turns. Bar: twice reading and hashing with the same hash."
    )
    return Findings([Table(("", "wall s", "CPU s", "÷ floor", "bar", ""), lines)], [note])


def _reading_bar(name: str, found: Mapping[str, Timing], floor: Timing) -> list[str]:
    if name not in ("marker", "touched"):
        return NO_BAR
    return Bar(found[name].wall / floor.wall, TIMES_READING_AND_HASHING, "times the floor").cells()


def one_row(bench: Workbench) -> Findings:
    """One edited row from bytes to committed, beside what the peers do with such a sheet."""
    rows = bench.sizes.largest
    runs = bench.edit(rows)
    found = {name: median(timings) for name, timings in runs.items()}
    committed, with_crm = found["committed"], found["with CRM"]
    lines = [
        ["**ours, bytes to committed**", *_cells(committed), beside(committed, committed), *_bar(committed)],
        ["**ours, and the CRM**", *_cells(with_crm), beside(with_crm, committed), *_bar(with_crm)],
        *([f"of it `{name}`", *_cells(found[name]), beside(found[name], committed), *NO_BAR] for name in _STAGES),
        *_peer_lines(bench, rows, committed),
    ]
    slowest = max(one.wall for one in runs["committed"])
    note = (
        f"One row of {rows:,} is edited, in a process that has imported the road: `fetch_raw`, `normalize`, "
        f"`resolve`, `record`, then `mirror_crm`. Medians of {bench.sizes.edits} edits of different rows, the first "
        f"among them, which still imports some libraries; the slowest took {seconds(slowest)} s. The file is complete: "
        "the 0.05 s for which a file must lie still are left out. The peers load the whole edited sheet once more."
    )
    return Findings([Table(("", "wall s", "CPU s", "÷ ours", "bar", ""), lines)], [note])


def every_row(bench: Workbench) -> Findings:
    """Every row edited, from bytes to committed."""
    rows = bench.sizes.repeated
    found = {name: median(timings) for name, timings in bench.edit_all(rows).items()}
    committed = found["committed"]
    labels = {"committed": "**ours, bytes to committed**", "with CRM": "**ours, and the CRM**"}
    labels |= {name: f"of it `{name}`" for name in _STAGES}
    lines = [
        [label, *_cells(found[name]), f"{found[name].cpu / rows * 1e6:,.0f}", beside(found[name], committed)]
        for name, label in labels.items()
    ]
    note = (
        f"Another note in each of {rows:,} rows, in a process that has imported the road: a claim, a new fold and a "
        f"row of history for every lead. Medians of {bench.sizes.mass_edits}."
    )
    return Findings([Table(("", "wall s", "CPU s", "CPU µs a row", "÷ ours"), lines)], [note])


def _peer_lines(bench: Workbench, rows: int, ours: Timing) -> Sequence[list[str]]:
    peers = {"sqlite": "floor: parse, raw sqlite3 upsert", "sqlite-utils": "sqlite-utils upsert_all",
             "dlt": "dlt merge, create_primary_keys"}  # fmt: skip
    found = {label: bench.peer(name, rows).edited for name, label in peers.items()}
    return [[label, *_cells(one), beside(one, ours), *NO_BAR] for label, one in found.items() if one is not None]


def _cells(timing: Timing) -> list[str]:
    return [seconds(timing.wall), seconds(timing.cpu)]


def _bar(timing: Timing) -> list[str]:
    return Bar(timing.wall, ONE_ROW_SECONDS).cells()
