"""What this project does with a sheet, once imported; run as a child process, one program for each question.

    python -m benchmarks.ours PROGRAM HOME SHEET [TIMES]

What belongs here: the programs, driving the road's own stages. Each gives its figures to the parent, and fails when the
work came out other than the question supposes.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import xxhash

from benchmarks.measuring import BenchmarkError, Timing, report, timed
from benchmarks.sheets import edited, edited_all
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.ingest import fetch_raw, normalize
from leads_dagster.pipeline.mirror import mirror_crm
from leads_dagster.pipeline.record import record
from leads_dagster.pipeline.resolve import resolve
from leads_dagster.pipeline.workspace import Workspace, open_workspace
from leads_dagster.settings import load_settings
from leads_dagster.sources.local_files import TRUSTED_AGE_SECONDS

_TO_STORE = (fetch_raw, normalize, resolve, record)


def load(home: Path, sheet: Path, times: int) -> dict[str, list[Timing]]:
    """A first load into an empty store and CRM, and `times` more of the same bytes."""
    with _opened(home, sheet) as ws:
        first = timed(lambda: _cycle(ws, "done"))
        return {"first": [first], "again": [timed(lambda: _cycle(ws, "unchanged")) for _ in range(times)]}


def unchanged(home: Path, sheet: Path, times: int) -> dict[str, list[Timing]]:
    """Knowing that a loaded sheet is the same, beside reading and hashing its bytes; the kinds take turns."""
    with _opened(home, sheet) as ws:
        questions: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "marker": (lambda: None, lambda: _same(ws)),
            "touched": (lambda: _age(sheet), lambda: _same(ws)),
            "xxh3": (lambda: None, lambda: xxhash.xxh3_128_hexdigest(sheet.read_bytes())),
            "blake2b": (lambda: None, lambda: hashlib.blake2b(sheet.read_bytes()).hexdigest()),
            "md5": (lambda: None, lambda: hashlib.md5(sheet.read_bytes(), usedforsecurity=False).hexdigest()),
        }
        # The marker is believed only until the first touch, so its turns come first.
        turns = [("marker", *questions.pop("marker"))] * times
        turns += [(name, *question) for _ in range(times) for name, question in questions.items()]
        found: dict[str, list[Timing]] = {}
        for name, prepare, ask in turns:
            prepare()
            found.setdefault(name, []).append(timed(ask))
        return found


def edit(home: Path, sheet: Path, times: int) -> dict[str, list[Timing]]:
    """One row after another is edited: each stage from bytes to committed, then the CRM."""
    return _edit(home, sheet, times, edited)


def edit_all(home: Path, sheet: Path, times: int) -> dict[str, list[Timing]]:
    """As `edit`, but every row is edited each time."""
    return _edit(home, sheet, times, edited_all)


def _edit(home: Path, sheet: Path, times: int, edited_by: Callable[[bytes, int], bytes]) -> dict[str, list[Timing]]:
    original = sheet.read_bytes()
    found: dict[str, list[Timing]] = {}
    try:
        with _opened(home, sheet) as ws:
            for number in range(times):
                sheet.write_bytes(edited_by(original, number))
                _age(sheet)
                _edit_once(ws, found)
    finally:
        sheet.write_bytes(original)
    with _opened(home, sheet) as ws:
        run_cycle(ws)
    return found


def _edit_once(ws: Workspace, found: dict[str, list[Timing]]) -> None:
    run = uuid.uuid4().hex
    stages = []
    for stage in (*_TO_STORE, mirror_crm):
        stages.append(timed(partial(_changing, stage, ws, run)))
        found.setdefault(stage.__name__, []).append(stages[-1])
    found.setdefault("committed", []).append(_sum(stages[:-1]))
    found.setdefault("with CRM", []).append(_sum(stages))


def _sum(timings: list[Timing]) -> Timing:
    return Timing(
        sum(one.wall for one in timings), sum(one.cpu for one in timings), max(one.peak_mb for one in timings)
    )


def _changing(stage: Callable[..., object], ws: Workspace, run: str) -> None:
    outcome = stage(ws, run_id=run)
    if not getattr(outcome, "changed", False):
        raise BenchmarkError(f"{stage.__name__} found nothing to do after an edit")


@contextmanager
def _opened(home: Path, sheet: Path) -> Iterator[Workspace]:
    settings = load_settings({"LEADS_HOME": str(home)}, cwd=home.parent)
    with open_workspace(settings, sheet=str(sheet)) as ws:
        ws.customer = replace(ws.customer, guard_share=1.0)  # all rows may change at once: nobody is there to approve
        wait_until_trusted(sheet)
        yield ws


def wait_until_trusted(sheet: Path) -> None:
    """A file that was just written gets no marker, and every look would read it."""
    seen = sheet.stat()
    time.sleep(max(0.0, TRUSTED_AGE_SECONDS + 0.1 - (time.time() - max(seen.st_mtime, seen.st_ctime))))


def _age(sheet: Path) -> None:
    """Another time of change, old enough that nobody waits for the file's writer to end."""
    written = time.time() - 10
    os.utime(sheet, (written, written))


def _cycle(ws: Workspace, expected: str) -> None:
    result = run_cycle(ws)
    if result.status != expected:
        raise BenchmarkError(f"a cycle ended as {result.status}, not {expected}: {result.error or result.rows}")


def _same(ws: Workspace) -> None:
    if fetch_raw(ws, run_id=uuid.uuid4().hex).changed:
        raise BenchmarkError("fetch_raw took an unchanged sheet for a changed one")


PROGRAMS = {"load": load, "unchanged": unchanged, "edit": edit, "edit_all": edit_all}


def main(program: str, home: str, sheet: str, times: str = "1") -> None:
    """Run one program and report its figures."""
    Path(home).mkdir(parents=True, exist_ok=True)
    report(PROGRAMS[program](Path(home), Path(sheet), int(times)))


if __name__ == "__main__":
    main(*sys.argv[1:])
