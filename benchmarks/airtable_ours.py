"""What this project does with Airtable, as child processes: writing and reading at the limits, and waiting for edits.

    python -m benchmarks.airtable_ours push HOME URL FIRST COUNT
    python -m benchmarks.airtable_ours read HOME URL
    python -m benchmarks.airtable_ours latency HOME URL SHEET EDITS

What belongs here: the programs. Each prints its figures as the last line, JSON, and fails when the work came out other
than the question supposes.
"""

from __future__ import annotations

import csv
import json
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measuring import BenchmarkError
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.push import LeadPush
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.workspace import Workspace, open_workspace
from leads_dagster.settings import load_settings
from leads_dagster.store.engine import reading
from leads_dagster.store.tables import leads

BASE, TABLE = "appLeadsSandbox01", "Leads"
_PATIENCE_SECONDS = 20.0
_LOOK_SECONDS = 0.01


def push(home: Path, url: str, first: int, count: int) -> dict[str, Any]:
    """Create so many leads in Airtable."""
    with _mirror(home, url) as mirror:
        mirror.ensure_fields()
        began = time.time()
        result = mirror.push([_lead(number) for number in range(first, first + count)])
    if result.stopped is not None or result.created != count:
        raise BenchmarkError(f"{result.created} of {count} records were made: {result.stopped}")
    return {"began": began, "ended": time.time(), "records": count, "calls": result.calls, "retries": result.retries}


def read(home: Path, url: str) -> dict[str, Any]:
    """Read every record."""
    with _mirror(home, url) as mirror:
        mirror.ensure_fields()
        began = time.time()
        records = sum(1 for _ in mirror.records())
    return {"began": began, "ended": time.time(), "records": records}


def _mirror(home: Path, url: str) -> AirtableMirror:
    return AirtableMirror(api_key="patBench", base_id=BASE, table=TABLE, home=home, endpoint_url=url)


def _lead(number: int) -> LeadPush:
    fields = {
        "full_name": f"Person {number}", "email": f"person{number}@company{number % 997}.example",
        "company": f"Company {number % 997}", "title": "Head of Sales", "phone": f"+1212555{number % 10_000:04d}",
    }  # fmt: skip
    return LeadPush(f"{number:032x}", "create", fields)


def latency(home: Path, url: str, sheet: Path, edits: int) -> dict[str, Any]:
    """Edit Airtable, then the sheet, at random instants, while a cycle begins each second; wait for the other side."""
    settings = load_settings({"LEADS_HOME": str(home), "AIRTABLE_ENDPOINT_URL": url, "AIRTABLE_API_KEY": "patBench"})
    stopping = threading.Event()
    with open_workspace(settings, "bench") as ws:
        run_cycle(ws)
        cycles = threading.Thread(target=_cycles, args=(ws, stopping))
        cycles.start()
        try:
            return {"to_store": _to_store(ws, url, edits), "to_airtable": _to_airtable(url, sheet, edits)}
        finally:
            stopping.set()
            cycles.join()


def _cycles(ws: Workspace, stopping: threading.Event) -> None:
    due = time.monotonic()
    while not stopping.is_set():
        run_cycle(ws)
        due = max(due + 1.0, time.monotonic())
        stopping.wait(due - time.monotonic())


def _to_store(ws: Workspace, url: str, edits: int) -> list[float]:
    """Seconds from a person's edit in Airtable to the store."""
    with reading(ws.engine) as connection:
        records = [record for (record,) in connection.execute(leads.select().with_only_columns(leads.c.airtable_id))]
    return [_edit_there(ws, url, records[number % len(records)], f"Title {number}") for number in range(edits)]


def _edit_there(ws: Workspace, url: str, record: str, title: str) -> float:
    import requests

    _wait_a_random_while()
    began = time.monotonic()
    edit: Any = {"update": [{"id": record, "fields": {"Title": title}}]}
    requests.post(f"{url}/sandbox/airtable/{BASE}/{TABLE}", json=edit, timeout=10).raise_for_status()
    return _waited(began, lambda: title in _titles(ws))


def _titles(ws: Workspace) -> set[str]:
    with reading(ws.engine) as connection:
        return {title for (title,) in connection.execute(leads.select().with_only_columns(leads.c.title))}


def _to_airtable(url: str, sheet: Path, edits: int) -> list[float]:
    """Seconds from an edit of the sheet to Airtable."""
    return [_edit_sheet(url, sheet, f"Role {number}") for number in range(edits)]


def _edit_sheet(url: str, sheet: Path, title: str) -> float:
    import requests

    _wait_a_random_while()
    with sheet.open(newline="", encoding="utf-8") as file:
        header, first, *rest = csv.reader(file)
    began = time.monotonic()
    changed = sheet.with_suffix(".new")
    with changed.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, [*first[:-1], title], *rest])
    changed.replace(sheet)
    look = f"{url}/sandbox/state?records=1"  # no call of Airtable's, so that it takes none of the limit
    return _waited(began, lambda: title in requests.get(look, timeout=10).text)


def _wait_a_random_while() -> None:
    time.sleep(random.uniform(0.5, 1.5))


def _waited(began: float, done: Callable[[], bool]) -> float:
    while not done():
        if time.monotonic() - began > _PATIENCE_SECONDS:
            raise BenchmarkError(f"An edit did not arrive within {_PATIENCE_SECONDS:.0f} s.")
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - began


def main(arguments: list[str]) -> None:
    program, home, url, *more = arguments
    if program == "push":
        found = push(Path(home), url, int(more[0]), int(more[1]))
    elif program == "read":
        found = read(Path(home), url)
    else:
        found = latency(Path(home), url, Path(more[0]), int(more[1]))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
