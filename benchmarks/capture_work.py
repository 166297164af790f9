"""Handing captures over and taking them out: what the section `capture` measures, in processes of its own.

What belongs here: the work and its clock. Which figures make a table is `capture`'s. The folder's disk is the one that
is measured.
"""

from __future__ import annotations

import csv
import io
import multiprocessing
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sheets import sheet

BODY: dict[str, Any] = {
    "Full Name": "Ada Lovelace",
    "Email": "ada.lovelace@example.com",
    "Company": "Analytical Engines Ltd",
    "Title": "Head of Research",
    "LinkedIn": "https://www.linkedin.com/in/ada-lovelace-1815",
    "Location": "London, United Kingdom",
    "source": "conference list",
    "confidence": 0.93,
}
_BATCH = 1_000
_TAKEN = 100
_CROWD_BATCH = 20


def run(work: str, *arguments: Any) -> list[dict[str, Any]]:
    """Do one of `WORKS`; rows of figures."""
    return WORKS[work](*arguments)


def _door(home: str, url: str) -> None:
    os.environ |= {"LEADS_HOME": home, "LEADS_QUEUE_URL": url, "LEADS_QUEUE_LIMIT": "5000000"}


def _key(number: int) -> str:
    """Like a page's address, and in no order."""
    return f"https://www.linkedin.com/in/lead-{number * 2654435761 % 2**32:08x}-{number}"


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    """ms of one in two, and of 99 in 100."""
    ordered = sorted(seconds)
    return {name: ordered[int(len(ordered) * share)] * 1000 for name, share in (("p50", 0.5), ("p99", 0.99))}


def _clocked(work: Callable[[int], object], times: int) -> list[float]:
    found = []
    for number in range(times):
        started = time.perf_counter()
        work(number)
        found.append(time.perf_counter() - started)
    return found


def floor(home: str, times: int) -> list[dict[str, Any]]:
    """A row with the same JSON, written with fsync by Python's sqlite3 and nothing else."""
    import json

    Path(home).mkdir(parents=True, exist_ok=True)
    file = sqlite3.connect(Path(home) / "floor.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        file.execute(f"PRAGMA {pragma}")
    file.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, body BLOB)")
    return [_spread(_clocked(lambda _: file.execute("INSERT INTO items (body) VALUES (?)", [json.dumps(BODY)]), times))]


def singles(home: str, url: str, times: int) -> list[dict[str, Any]]:
    """One lead at a time through the door, without keys and with them."""
    _door(home, url)
    from leads_dagster.capture import enqueue

    enqueue(BODY)
    return [_spread(_clocked(lambda n, key=key: enqueue(BODY, key=key(n)), times)) for key in (lambda _: None, _key)]


def batches(home: str, url: str, items: int) -> list[dict[str, Any]]:
    """Many leads a thousand at a time through the door, with keys."""
    _door(home, url)
    started = time.perf_counter()
    _fill(0, items)
    return [{"items": items, "rate": items / (time.perf_counter() - started)}]


def _fill(start: int, end: int) -> None:
    from leads_dagster.capture import enqueue_many

    for first in range(start, end, _BATCH):
        numbers = range(first, min(first + _BATCH, end))
        enqueue_many((BODY for _ in numbers), keys=[_key(number) for number in numbers])


def depths(home: str, url: str, sizes: Sequence[int], times: int) -> list[dict[str, Any]]:
    """Enqueue, lease and settle with so many waiting."""
    _door(home, url)
    from leads_dagster.capture import _HERE, enqueue
    from leads_dagster.capture_queue.items import Settled

    queue, rows, filled = _HERE.queue(), [], 0
    for depth in sizes:
        _fill(filled, depth)
        filled = depth
        row: dict[str, Any] = {"depth": depth, "enqueue": _spread(_clocked(lambda _: enqueue(BODY), times))}
        leases, settles = [], []
        for _ in range(times // _TAKEN):
            started = time.perf_counter()
            leased = queue.lease(customer="default", limit=_TAKEN)
            leases.append(time.perf_counter() - started)
            ends = [Settled(one.id, one.lease, "recorded") for one in leased]
            settles += _clocked(lambda _, ends=ends: queue.settle(ends), 1)  # type: ignore[misc]
        row |= {"lease": _spread(leases), "settle": _spread(settles)}
        row["waiting"] = _spread(_clocked(lambda _: queue.waiting(), 20))
        rows.append(row)
    return rows


def crowd(home: str, url: str, items: int, producers: int, consumers: int) -> list[dict[str, Any]]:
    """Several of each at once; what came out, how often."""
    _door(home, url)
    fork = multiprocessing.get_context("fork")
    started = time.perf_counter()
    share = items // producers
    processes = [fork.Process(target=_produce, args=(one * share, share)) for one in range(producers)]
    processes += [fork.Process(target=_consume, args=(Path(home) / f"taken-{one}", items)) for one in range(consumers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - started
    taken = Counter(line for one in range(consumers) for line in (Path(home) / f"taken-{one}").read_text().split())
    lost = set(map(_key, range(share * producers))) - set(taken)
    return [{"seconds": seconds, "lost": len(lost), "twice": sum(count > 1 for count in taken.values())}]


def drain(home: str, url: str, items: int) -> list[dict[str, Any]]:
    """Captures through the whole road into an empty store, and as many more beside them."""
    _door(home, url)
    from leads_dagster.capture import process_queue

    Path(home, "leads.toml").write_text(f'[[customers]]\nname = "default"\nsheet = "{home}/leads.csv"\n')
    leads = people(_TAKEN + 2 * items)
    _handed_over_and_drained(leads[:_TAKEN], process_queue)  # loads what is loaded once
    halves = (leads[_TAKEN:][:items], leads[_TAKEN:][items:])
    return [{"already": at * items, **_handed_over_and_drained(one, process_queue)} for at, one in enumerate(halves)]


def _handed_over_and_drained(
    leads: Sequence[dict[str, Any]], process_queue: Callable[[int], dict[str, int]]
) -> dict[str, Any]:
    from leads_dagster.capture import enqueue_many

    enqueue_many(leads, keys=[lead["Email"] for lead in leads])
    started, cpu = time.perf_counter(), time.process_time()
    done = process_queue(len(leads))
    return {
        "items": len(leads), "ended": done["recorded"] + done["duplicates"],
        "rate": len(leads) / (time.perf_counter() - started), "cpu_rate": len(leads) / (time.process_time() - cpu),
    }  # fmt: skip


def people(count: int) -> list[dict[str, Any]]:
    """Captures of leads as `sheets` makes them: one in fifty is known by another hand's capture."""
    rows = csv.DictReader(io.StringIO(sheet(count).decode()))
    return [{**row, "source": "conference list", "confidence": 0.93} for row in rows]


def _produce(first: int, count: int) -> None:
    from leads_dagster.capture import enqueue_many

    for start in range(first, first + count, _CROWD_BATCH):
        numbers = range(start, min(start + _CROWD_BATCH, first + count))
        enqueue_many((BODY for _ in numbers), keys=[_key(number) for number in numbers])


def _consume(file: Path, items: int) -> None:
    from leads_dagster.capture import _HERE
    from leads_dagster.capture_queue.items import Settled

    queue = _HERE.queue()
    with file.open("w") as out:
        while True:
            leased = queue.lease(customer=None, limit=_TAKEN)
            out.writelines(f"{one.key}\n" for one in leased)
            queue.settle([Settled(one.id, one.lease, "recorded") for one in leased])
            if not leased and queue.status().recorded >= items:
                return
            if not leased:
                time.sleep(0.002)


WORKS: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "floor": floor, "singles": singles, "batches": batches, "depths": depths, "crowd": crowd, "drain": drain,
}  # fmt: skip
