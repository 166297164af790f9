"""The HTTP API beside nothing: answers a second, searches, listeners, and what it takes from a sync.

    python -m benchmarks.api FOLDER LEADS SECONDS

What belongs here: a store with many leads, the server in a process of its own, and the questions. How fast is asked is
`api_load`'s.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from socket import create_server
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from benchmarks.measuring import REPOSITORY, BenchmarkError, clean_environment, run_child_rows
from benchmarks.page import Findings, Table
from benchmarks.searching import BATCH, made_leads
from benchmarks.workbench import Workbench
from leads_dagster.settings import load_settings
from leads_dagster.store import lead_rows
from leads_dagster.store.engine import open_engine, writing
from leads_dagster.store.schema import ensure_schema

CUSTOMER = "bench"
LISTENERS = 200
_CONNECTIONS = 8
_SEARCHES = 2_000
_ROUNDS = 5
_STATUS = ("/api/leads/sync/status",)
_TICKS = os.sysconf("SC_CLK_TCK")


def api(bench: Workbench) -> Findings:
    """The section of the page."""
    rows = run_child_rows([sys.executable, "-m", "benchmarks.api", bench.folder / "api", *map(str, bench.sizes.api)])
    asked = [one for one in rows if "query" in one]
    (listening,) = [one for one in rows if "listeners" in one]
    (slowed,) = [one for one in rows if "slowed" in one]
    lines = [
        [
            one["query"],
            *(f"{one[name]:.1f}" for name in ("p50", "p95", "p99")),
            f"{one['a_second']:,.0f}",
            one["bar"],
            one["kept"],
        ]
        for one in asked
    ]
    note = (
        f"`leads_dagster.interfaces.api` in a process of its own, {rows[0]['leads']:,} leads in SQLite; asked by "
        f"another process over {_CONNECTIONS} connections that stay open, as fast as it answers. Searches each differ, "
        "so that none is kept, and come one after another; `total` is counted for each. CPU of listeners is the "
        f"server's; seconds of a sync are CPU seconds of its own process, medians of {_ROUNDS}, asked by four callers "
        "five times a second each."
    )
    return Findings(
        [
            Table(("", "p50 ms", "p95 ms", "p99 ms", "answers/s", "bar", ""), lines),
            Table(
                ("listeners", "events to each", "CPU % of a core, all of them", "of each", "bar", ""),
                [[str(one) for one in listening["cells"]]],
            ),
            Table(
                ("a sync of as many rows, all changed", "alone s", "while asked s", "slower", "bar", ""),
                [[str(one) for one in slowed["cells"]]],
            ),
        ],
        [note],
    )


def _line(one: dict[str, Any]) -> list[str]:
    times = [f"{one[name]:.1f}" for name in ("p50", "p95", "p99")]
    return [one["query"], *times, f"{one['a_second']:,.0f}", one["bar"], one["kept"]]


def run(folder: str, leads: int, seconds: float) -> list[dict[str, Any]]:
    """What was measured: percentiles a kind of question, then the listeners."""
    home = Path(folder)
    rows = fill(home, leads)
    with served(home) as server:
        _get(server, _STATUS[0])
        status = _ask(server, _STATUS, seconds)
        status |= {"query": "status, kept", "bar": "p99 < 10, ≥ 1,500/s"}
        status["kept"] = verdict(status["p99"] < 10 and status["a_second"] >= 1500)
        everyone = {**_ask(server, ("/api/leads/sync/status/all",), seconds), "query": "status/all, kept"}
        searched = {**_ask(server, _searches(rows), seconds, connections=1), "query": "search, none kept"}
        searched |= {"bar": "p95 < 50", "kept": verdict(searched["p95"] < 50)}
        page = {**_ask(server, ("/api/leads?limit=50",), seconds), "query": "newest leads, kept"}
        heard = asyncio.run(_listen(server, home, seconds))
    slowed = _slowed(home.parent / f"{home.name}-sync", max(100, leads // 20))
    plain = {"bar": "", "kept": ""}
    return [{**plain, **one, "leads": leads} for one in (status, everyone, searched, page)] + [heard, slowed]


@dataclass(frozen=True)
class Server:
    """One that runs, at a port of this machine."""

    port: int
    pid: int

    @property
    def cpu_seconds(self) -> float:
        """What it took of a core so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def fill(home: Path, count: int) -> list[dict[str, Any]]:
    """A customer with so many leads."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "leads.toml").write_text(f'[[customers]]\nname = "{CUSTOMER}"\nsheet = "none.csv"\n', encoding="utf-8")
    rows = made_leads(count)
    engine = open_engine(load_settings({"LEADS_HOME": str(home)}).database_url)
    ensure_schema(engine)
    for start in range(0, count, BATCH):
        with writing(engine) as connection:
            lead_rows.insert(connection, rows[start : start + BATCH])
    engine.dispose()
    return rows


@contextmanager
def served(home: Path) -> Iterator[Server]:
    with closing(create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "leads_dagster.interfaces.api", "--host", "127.0.0.1", "--port", str(port)]
    environ = {**clean_environment(), "LEADS_HOME": str(home), "LEADS_API_RATE": "0", "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, env=environ) as process:
        try:
            server = Server(port, process.pid)
            _wait(server, process)
            yield server
        finally:
            process.terminate()


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            return _get(server, "/readyz")
        except OSError:
            time.sleep(0.1)
    raise BenchmarkError("The API did not start.")


def _get(server: Server, path: str) -> None:
    with urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=30) as answer:
        answer.read()


def _ask(server: Server, paths: Sequence[str], seconds: float, *, connections: int = _CONNECTIONS) -> dict[str, Any]:
    words = ("127.0.0.1", str(server.port), str(connections), str(seconds), "0", *paths)
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.api_load", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise BenchmarkError(told.stderr[-500:])
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def _searches(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Questions as people ask them, each another: names, beginnings, companies with a status, pages by name."""
    chance = random.Random(5)
    chosen = chance.sample(list(rows), min(_SEARCHES, len(rows)))
    kinds = (
        lambda lead: {"q": lead["full_name"]},
        lambda lead: {"q": lead["full_name"].split()[-1][:4]},
        lambda lead: {"company": lead["company"] or "x", "status": "contacted"},
        lambda lead: {"q": lead["company"] or "x", "order": "name"},
    )
    asked = [kinds[place % len(kinds)](lead) for place, lead in enumerate(chosen)]
    return [f"/api/leads?{urlencode({**one, 'limit': 20 + place % 31})}" for place, one in enumerate(asked)]


def _slowed(home: Path, rows: int) -> dict[str, Any]:
    """The same cycle with nobody asking, and with four dashboards that ask for a status five times a second."""
    home.mkdir(parents=True)
    (home / "leads.toml").write_text(f'[[customers]]\nname = "{CUSTOMER}"\nsheet = "sheet.csv"\n', encoding="utf-8")
    _cycle(home, rows, 0)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    with served(home) as server:
        for turn in range(1, _ROUNDS * 2 + 1):
            is_asked = turn % 2 == 0
            with _asking(server) if is_asked else nullcontext():
                seconds[is_asked].append(_cycle(home, rows, turn))
    alone, asked = (statistics.median(seconds[which]) for which in (False, True))
    slower = asked / alone - 1
    cells = [f"{rows:,}", f"{alone:.2f}", f"{asked:.2f}", f"{slower:+.1%}", "< 5 %", verdict(slower < 0.05)]
    return {"slowed": slower, "cells": cells}


def _cycle(home: Path, rows: int, turn: int) -> float:
    """CPU seconds of this process for one cycle in which every row has another title."""
    from leads_dagster.pipeline.cycle import run_cycle
    from leads_dagster.pipeline.workspace import open_workspace

    lines = (f"Person N{number},p{number}@firm{number}.example,Firm {number},Title {turn}" for number in range(rows))
    (home / "sheet.csv").write_text("Name,Email,Company,Title\n" + "\n".join(lines), encoding="utf-8")
    with open_workspace(load_settings({"LEADS_HOME": str(home)}, cwd=home), CUSTOMER) as workspace:
        began = time.process_time()
        result = run_cycle(workspace)
    if result.rows.read != rows:
        raise BenchmarkError(f"The cycle read {result.rows.read} rows of {rows}: {result.error}")
    return time.process_time() - began


@contextmanager
def _asking(server: Server) -> Iterator[None]:
    words = ("127.0.0.1", str(server.port), "4", "600", "0.2", *_STATUS)
    with subprocess.Popen([sys.executable, "-m", "benchmarks.api_load", *words], cwd=REPOSITORY) as process:
        try:
            yield
        finally:
            process.kill()


async def _listen(server: Server, home: Path, seconds: float) -> dict[str, Any]:
    """Two hundred who listen while progress is booked twice a second."""
    heard = [0] * LISTENERS
    tasks = [asyncio.ensure_future(_hear(server, heard, place)) for place in range(LISTENERS)]
    await asyncio.sleep(2)
    before, began = server.cpu_seconds, time.perf_counter()
    await asyncio.to_thread(_book, home, seconds)
    spent = (server.cpu_seconds - before) / (time.perf_counter() - began) * 100
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    each = spent / LISTENERS
    cells = [LISTENERS, min(heard), f"{spent:.1f}", f"{each:.3f}", "≤ 1 % each", verdict(each <= 1 and min(heard) > 1)]
    return {"listeners": LISTENERS, "cells": cells}


async def _hear(server: Server, heard: list[int], place: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /api/leads/sync/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    while line := await reader.readline():
        heard[place] += line.startswith(b"event: progress")


def _book(home: Path, seconds: float) -> None:
    from leads_dagster.store import ledger

    engine = open_engine(load_settings({"LEADS_HOME": str(home)}).database_url)
    until, percent = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        percent = (percent + 1) % 100
        with writing(engine) as connection:
            ledger.save_progress(connection, CUSTOMER, percent, "Working", running=True)
        time.sleep(0.5)
    engine.dispose()


def verdict(kept: bool) -> str:
    return "met" if kept else "**missed**"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
