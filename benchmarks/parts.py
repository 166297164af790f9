"""Parts of the road by themselves: starting a command, normalising, searching.

What belongs here: the sections `start`, `normalizing` and `search`. The last two put rows from their own modules into
tables.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import Timing, median, run_child_rows, timed_command
from benchmarks.page import NO_BAR, Bar, Findings, Table, beside, seconds
from benchmarks.workbench import Workbench

SEARCH_MILLISECONDS = 20
_COMMANDS = {"leads --help": ("--help",), "leads status": ("status",), "leads sync, nothing changed": ("sync",)}
_IMPORTS = {"floor: python -c pass": "pass", "import dagster": "import dagster"}
_PEER_IMPORTS = {
    "import dlt": "import dlt",
    "import pandas": "import pandas",
    "import sqlite_utils": "import sqlite_utils",
}


def start(bench: Workbench) -> Findings:
    """What commands cost that hardly do anything, beside the imports that weigh."""
    home = bench.folder / "start"
    bench.leads(home, "sync", "--json", expect="done")
    times = bench.sizes.looks // 3
    ours = {name: median([bench.leads(home, *words)[0] for _ in range(times)]) for name, words in _COMMANDS.items()}
    others = {
        **{name: _script(Path(sys.executable), script, times) for name, script in _IMPORTS.items()},
        **{name: _script(bench.peers_python, script, times) for name, script in _PEER_IMPORTS.items()},
    }
    status = ours["leads status"]
    lines = [
        [label, seconds(one.wall), seconds(one.cpu), beside(one, status)]
        for label, one in [*((f"**{name}**", one) for name, one in ours.items()), *others.items()]
    ]
    note = (
        f'Whole processes, files in the page cache, medians of {times}, with the packaged sample sheet; "÷ ours" is '
        "by `leads status`, which must not pay for Dagster. `leads sync` runs through Dagster."
    )
    return Findings([Table(("", "wall s", "CPU s", "÷ ours"), lines)], [note])


def _script(python: Path, script: str, times: int) -> Timing:
    return median([timed_command([python, "-c", script], {})[0] for _ in range(times)])


def normalizing(bench: Workbench) -> Findings:
    """`benchmarks.normalizing`."""
    rows = _rows("normalizing", *bench.sizes.normalizing)
    note = (
        "CPU microseconds a row, medians of three, all rows different leads. Beside: nameparser, phonenumbers, "
        "email-validator, cleanco, tldextract and ftfy, called row by row on a sample of the same rows."
    )
    return Findings([_table(rows)], [note])


def searching(bench: Workbench) -> Findings:
    """`benchmarks.searching`."""
    leads, times = bench.sizes.searching
    folder = bench.folder / "searching"
    folder.mkdir()
    *found, rebuilt = _rows("searching", str(folder), leads, times)
    lines = [
        [row["query"], *(f"{row[name]:.2f}" for name in ("p50", "p95", "p99")), *_search_bar(row)] for row in found
    ]
    note = (
        f"{leads:,} leads, pages of 50, each kind asked {times} times with what another lead says; milliseconds from "
        "the call to rows in memory, SQLite in a file. Words are looked for in name, company, e-mail and notes. Making "
        f"the index anew from the leads takes {rebuilt['rebuild_seconds']:.1f} s. The floors are raw `sqlite3` over "
        "the same columns: no customers, no folding of what is typed, rows as tuples."
    )
    return Findings([Table((f"{leads:,} leads", "p50 ms", "p95 ms", "p99 ms", "bar (p95)", ""), lines)], [note])


def _search_bar(row: dict[str, Any]) -> list[str]:
    return NO_BAR if row["query"].startswith("floor") else Bar(row["p95"], SEARCH_MILLISECONDS, "ms").cells()


def _rows(module: str, *arguments: Any) -> list[dict[str, Any]]:
    """What the module's `run` gives, from a process of its own."""
    script = (
        "import importlib, json, sys; run = importlib.import_module(sys.argv[1]).run;"
        "print(); print(json.dumps(run(*json.loads(sys.argv[2]))))"
    )
    return run_child_rows([sys.executable, "-c", script, f"benchmarks.{module}", json.dumps(arguments)])


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Table([name.replace("_", " ") for name in names], [[_text(row.get(name)) for name in names] for row in rows])


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return (
        f"{value:,.4g}"
        if isinstance(value, float) and value < 1000
        else f"{value:,.0f}"
        if isinstance(value, float)
        else str(value)
    )
