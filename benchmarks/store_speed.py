"""How fast the store takes leads in, beside one table without anything.

What belongs here: the section `store`. The programs that are timed are in `store_writes` and `store_peers`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from benchmarks.measuring import BenchmarkError, Timing, median, run_child
from benchmarks.page import NO_BAR, Findings, Table, seconds
from benchmarks.store_peers import PEERS
from benchmarks.store_writes import BATCH
from benchmarks.workbench import Workbench
from leads_dagster.store.engine import read_url

BATCHES_A_SECOND, ONE_BY_ONE_A_SECOND = 3_000, 200
LARGEST_SHARE = 0.6
TIMES_SLOWER_ON_POSTGRES = 2.0
POSTGRES_VARIABLE = "LEADS_TEST_POSTGRES_URL"
_ALONE_TIMES = 3
_PUBLIC = {
    "created": ("created, in batches", BATCHES_A_SECOND),
    "created one by one": ("created, one by one", ONE_BY_ONE_A_SECOND),
    "updated": ("updated, in batches", BATCHES_A_SECOND),
    "updated one by one": ("updated, one by one", ONE_BY_ONE_A_SECOND),
    "unchanged": ("unchanged, in batches", BATCHES_A_SECOND),
}

Figures = Mapping[str, list[Timing]]
Fresh = Callable[[], str]


def store(bench: Workbench) -> Findings:
    """Creating and updating leads on SQLite and, where there is a server, on PostgreSQL, beside the peers."""
    rows, one_by_one = bench.sizes.store
    peers = _peers(bench, rows)
    with _databases(bench) as databases:
        public = {name: _program("public", url(), rows, one_by_one) for name, url in databases.items()}
        alone = {name: _program("alone", url(), rows, _ALONE_TIMES) for name, url in databases.items()}
    counts = {name: one_by_one if "one by one" in name else rows for name in _PUBLIC}
    notes = [
        f"{rows:,} different leads, {BATCH} in a transaction, and {one_by_one:,} one by one, each its own transaction: "
        "through `LeadDatabase`, normalised, matched against what is there, with claims, history, search and an "
        'outbox. "Updated" says a new title of every lead. "÷ floor" is the share of what raw `sqlite3` writes in the '
        "same run: the columns of the same leads into one table with one key, the same batches and durability, and "
        "nothing else.",
        f"Bars, on SQLite: {BATCHES_A_SECOND:,} a second in batches, {ONE_BY_ONE_A_SECOND} one by one; on PostgreSQL "
        f"within {TIMES_SLOWER_ON_POSTGRES:g} times of SQLite's rate or the bar, whichever is less. History, claims "
        f"and outbox may cost {LARGEST_SHARE:.0%} of the writing of leads that are normalised and matched already: "
        f"measured by turns with those inserts left out, medians of {_ALONE_TIMES}.",
    ]
    if len(databases) == 1:
        notes.append("PostgreSQL was not measured: there was no server here.")
    return Findings([_rates(public, peers, counts, rows), _shares(alone, rows)], notes)


def _rates(public: Mapping[str, Figures], peers: Figures, counts: Mapping[str, int], rows: int) -> Table:
    lines = []
    for database, found in public.items():
        for name, (label, bar) in _PUBLIC.items():
            rate, floor = _rate(found[name][0], counts[name]), _floor(peers, name, rows)
            wanted = bar if database == "SQLite" else _postgres_bar(bar, public, name, counts[name])
            lines.append(
                [f"**ours, {database}: {label}**", *_cells(found[name][0], counts[name]),
                 f"{rate / floor:.3f}" if name != "unchanged" else "", *_bar(rate, wanted)]
            )  # fmt: skip
    for name, timings in peers.items():
        rate = _rate(timings[0], rows)
        lines.append([name, *_cells(timings[0], rows), f"{rate / _floor(peers, name, rows):.3f}", *NO_BAR])
    return Table(("", "leads a second", "CPU s a thousand", "÷ floor", "bar", ""), lines)


def _floor(peers: Figures, name: str, rows: int) -> float:
    kind = "updated" if "updated" in name else "created"
    return _rate(peers[f"{PEERS['raw'][0]}: {kind}"][0], rows)


def _postgres_bar(bar: float, public: Mapping[str, Figures], name: str, count: int) -> float:
    return min(bar, _rate(public["SQLite"][name][0], count)) / TIMES_SLOWER_ON_POSTGRES


def _shares(alone: Mapping[str, Figures], rows: int) -> Table:
    lines = []
    for database, found in alone.items():
        whole, bare = median(found["whole"]), median(found["bare"])
        share, rate = 1 - bare.wall / whole.wall, _rate(whole, rows)
        wanted = BATCHES_A_SECOND if database == "SQLite" else BATCHES_A_SECOND / TIMES_SLOWER_ON_POSTGRES
        verdicts = [
            (f"≤ {LARGEST_SHARE:.0%}", "met" if share <= LARGEST_SHARE else "**missed**"), tuple(_bar(rate, wanted)),
        ]  # fmt: skip
        told = [", ".join(part) for part in zip(*verdicts, strict=True)]
        lines.append([f"**ours, {database}: written**", *_cells(whole, rows), f"{share:.0%}", *told])
        lines.append([f"without history, claims, outbox, {database}", *_cells(bare, rows), "", *NO_BAR])
    return Table(("normalised and matched before", "leads a second", "CPU s a thousand", "share", "bar", ""), lines)


def _cells(timing: Timing, rows: int) -> list[str]:
    return [f"{_rate(timing, rows):,.0f}", seconds(timing.cpu / rows * 1000)]


def _bar(rate: float, wanted: float) -> list[str]:
    return [f"≥ {wanted:,.0f}", "met" if rate >= wanted else "**missed**"]


def _rate(timing: Timing, rows: int) -> float:
    return rows / timing.wall


def _peers(bench: Workbench, rows: int) -> dict[str, list[Timing]]:
    if not bench.peers_python.exists():
        raise BenchmarkError(f"there is no {bench.peers_python}: `make bench` sets up the peers' environment")
    leads = bench.folder / "store-leads.json"
    _program("columns", str(leads), rows, 0)
    found: dict[str, list[Timing]] = {}
    for name, (label, _, _) in PEERS.items():
        python = sys.executable if name == "raw" else bench.peers_python
        database = bench.folder / f"store-{name}.db"
        arguments = [python, "-m", "benchmarks.store_peers", name, database, leads, str(BATCH)]
        found.update((f"{label}: {kind}", timings) for kind, timings in run_child(arguments).items())
    return found


def _program(name: str, target: str, rows: int, times: int) -> dict[str, list[Timing]]:
    return run_child([sys.executable, "-m", "benchmarks.store_writes", name, target, str(rows), str(times)])


@contextmanager
def _databases(bench: Workbench) -> Iterator[dict[str, Fresh]]:
    """Name -> what makes an empty database of that kind."""
    sqlite: dict[str, Fresh] = {"SQLite": lambda: f"sqlite:///{bench.folder / f'store-{uuid.uuid4().hex}.db'}"}
    with _server(bench.folder / "postgres") as server:
        yield sqlite if server is None else {**sqlite, "PostgreSQL": server}


@contextmanager
def _server(folder: Path) -> Iterator[Fresh | None]:
    """The PostgreSQL server that is named, else pip's, else none."""
    named = os.environ.get(POSTGRES_VARIABLE)
    if named is None and importlib.util.find_spec("pgserver") is None:
        yield None
        return
    with ExitStack() as stack:
        url = named or stack.enter_context(_own_server(folder))
        made: list[str] = []
        yield lambda: _new_database(url, made)
        for name in made:
            _run(url, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _own_server(folder: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import it complains of a missing XDG_RUNTIME_DIR
        import pgserver  # type: ignore[import-untyped, import-not-found, unused-ignore]
    server = pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _new_database(url: str, made: list[str]) -> str:
    made.append(name := f"leads_bench_{uuid.uuid4().hex[:12]}")
    _run(url, f"CREATE DATABASE {name}")
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _run(url: str, statement: str) -> None:
    engine = create_engine(read_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
