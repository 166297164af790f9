"""Airtable at its limits: records written and read a second, refusals, and how long an edit is on its way.

What belongs here: the sections. The twin serves from a process of its own, with the service's limits; what it refused
is read from its own log of requests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import REPOSITORY, BenchmarkError, clean_environment
from benchmarks.page import Findings, Table
from benchmarks.workbench import Workbench

WRITTEN_A_SECOND, READ_A_SECOND = 50, 500
_HEADER = ("", "records", "wall s", "records/s", "of the limit", "429s", "bar", "")


def throughput(bench: Workbench) -> Findings:
    """Records written by one and by four processes that share a base, and records read."""
    writes, reads = bench.sizes.airtable_records
    rows = [_pushed(bench, writes, processes) for processes in (1, 4)]
    rows.append(_read(bench, reads))
    note = (
        "Against the offline twin with Airtable's limits, 5 requests a second a base: 50 records written, 500 read. "
        "A refusal would rest all for 30 s; the twin counts them. Four processes share the budget through one file. "
        "The floor is the limit itself."
    )
    return Findings([Table(_HEADER, rows)], [note])


def latency(bench: Workbench) -> Findings:
    """From a person's edit in Airtable to the store, and from the sheet to Airtable."""
    rows = [row for quiet in (0.0, 2.0) for row in _latencies(bench, quiet)]
    note = (
        "A plan without a monthly limit, one cycle a second in a warm process, edits at random instants, the twin with "
        "Airtable's limits. An edit in Airtable counts once its cell was left alone for `debounce_seconds`, 2 s unless "
        "set: the wait for the person to stop typing is part of the second pair of figures. The floor is half a second "
        "of waiting for the next cycle."
    )
    header = ("edit", "left alone for", "edits", "p50 s", "p95 s", "worst s", "bar", "")
    return Findings([Table(header, rows)], [note])


def _pushed(bench: Workbench, records: int, processes: int) -> list[str]:
    home = bench.folder / f"airtable-push-{processes}"
    home.mkdir()
    with bench.twin() as url:
        each = records // processes
        runs = _together([["push", home, url, number * each, each] for number in range(processes)])
        refused = _refused(url)
    wall = max(run["ended"] for run in runs) - min(run["began"] for run in runs)
    name = "**written by one process**" if processes == 1 else f"**written by {processes} processes**"
    return _line(name, each * processes, wall, WRITTEN_A_SECOND, refused, least=0.95)


def _read(bench: Workbench, records: int) -> list[str]:
    home = bench.folder / "airtable-read"
    home.mkdir()
    bases = home / "bases.json"
    bases.write_text(json.dumps(_filled_base(records)), encoding="utf-8")
    with bench.twin(bases) as url:
        (run,) = _together([["read", home, url]])
        refused = _refused(url)
    if run["records"] != records:
        raise BenchmarkError(f"{run['records']} of {records} records were read.")
    return _line("**read**", records, run["ended"] - run["began"], READ_A_SECOND, refused, least=0.9)


def _line(name: str, records: int, wall: float, limit: int, refused: int, *, least: float) -> list[str]:
    share = records / wall / limit
    met = share >= least and refused == 0
    return [
        name, f"{records:,}", f"{wall:.1f}", f"{records / wall:.1f}", f"{share:.1%}", str(refused),
        f"≥ {least:.0%}, no 429", "met" if met else "**missed**",
    ]  # fmt: skip


def _latencies(bench: Workbench, quiet: float) -> list[list[str]]:
    home = bench.folder / f"airtable-latency-{quiet:g}"
    home.mkdir()
    sheet = home / "leads.csv"
    sheet.write_bytes(bench.sheet(200).read_bytes())
    (home / "leads.toml").write_text(
        f'[[customers]]\nname = "bench"\nsheet = "{sheet}"\n[customers.airtable]\nbase_id = "appLeadsSandbox01"\n'
        f'table = "Leads"\nplan = "business"\ndebounce_seconds = {quiet}\n',
        encoding="utf-8",
    )
    with bench.twin() as url:
        (found,) = _together([["latency", home, url, sheet, bench.sizes.airtable_edits]])
    directions = (("Airtable → store", "to_store", 1.5), ("sheet → Airtable", "to_airtable", 2.0))
    return [_waits(name, quiet, found[key], bar) for name, key, bar in directions]


def _waits(name: str, quiet: float, found: Sequence[float], bar: float) -> list[str]:
    ordered = sorted(found)
    p50, p95 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95))
    judged = quiet == 0 or name.startswith("sheet")
    verdict = [f"p95 ≤ {bar:g} s", "met" if p95 <= bar else "**missed**"] if judged else ["", ""]
    return [f"**{name}**", f"{quiet:g} s", str(len(found)), f"{p50:.2f}", f"{p95:.2f}", f"{ordered[-1]:.2f}", *verdict]


def _together(programs: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Runs programs side by side; what each printed last."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.airtable_ours", *map(str, program)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env=clean_environment(),
        )
        for program in programs
    ]
    outputs = [process.communicate()[0] for process in started]
    for process in started:
        if process.returncode != 0:
            raise BenchmarkError(f"A program ended with {process.returncode}.")
    return [json.loads(output.strip().splitlines()[-1]) for output in outputs]


def _refused(url: str) -> int:
    """How many requests the twin answered with 429."""
    import requests

    counts = requests.get(f"{url}/sandbox/requests", timeout=10).json()["counts"]
    return sum(one["count"] for one in counts if one["status"] == 429)


def _filled_base(records: int) -> dict[str, Any]:
    path = Path(__file__).parents[1] / "leads_dagster" / "sandbox" / "default_bases.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    base = next(base for base in content["bases"] if base["id"] == "appLeadsSandbox01")
    table = next(table for table in base["tables"] if table["name"] == "Leads")
    names = {field["name"] for field in table["fields"]}
    table["records"] = [
        {"id": f"rec{number:014d}", "fields": {name: value for name, value in _cells(number).items() if name in names}}
        for number in range(records)
    ]
    base["recordLimit"] = records
    return content


def _cells(number: int) -> dict[str, str]:
    return {"Name": f"Person {number}", "Email": f"person{number}@company.example", "lead_key": f"{number:032x}"}
