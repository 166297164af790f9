"""What the store makes of leads; run as a child process, one program for each question.

    python -m benchmarks.store_writes PROGRAM URL ROWS ONE_BY_ONE

What belongs here: the programs `public` (normalising, matching and all, through `LeadDatabase`) and `alone` (only the
writing of leads that are normalised and matched already). Each gives its figures to the parent, and fails when the work
came out other than the question supposes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import Engine

from benchmarks.matching.generator import synthetic_leads
from benchmarks.measuring import BenchmarkError, Timing, report, timed
from leads_dagster.leads.matching import content_hash
from leads_dagster.leads.reconciliation import row_hash
from leads_dagster.store import LeadDatabase, claim_rows, epochs, lead_rows, outbox, records
from leads_dagster.store.batches import Batch, whole
from leads_dagster.store.changes import RowChange, first_claims
from leads_dagster.store.engine import open_engine, writing
from leads_dagster.store.lead_writer import LeadWriter
from leads_dagster.store.policy import Policy
from leads_dagster.store.resolution import resolve_rows
from leads_dagster.store.schema import ensure_schema

BATCH = 500
Timings = dict[str, list[Timing]]
# What is written beside the leads, their records and what finds them again.
_BESIDE = ((lead_rows, "add_history"), (claim_rows, "insert_claims"), (outbox, "mark_new"), (outbox, "mark"))


def leads_of(count: int) -> list[dict[str, str]]:
    """Different leads, each with the columns that it would have."""
    return [
        {"id": f"lead-{number}", **one.row.fields}
        for number, one in enumerate(synthetic_leads(count, seed=11, duplicates=0))
    ]


def public(url: str, rows: int, one_by_one: int) -> Timings:
    """Creating, updating and finding unchanged, in batches and one by one."""
    leads = [{**lead, "key": lead.pop("id")} for lead in leads_of(rows + one_by_one)]
    many, few = leads[:rows], leads[rows:]
    with LeadDatabase(url) as db:
        db.upsert_lead({"full_name": "Ann Warmup", "email": "ann@warmup.example"})
        return {
            "created": [timed(lambda: _save_all(db, many, {"created", "merged"}))],
            "created one by one": [timed(lambda: _save_each(db, few))],
            "updated": [timed(lambda: _save_all(db, _changed(many), {"updated"}))],
            "unchanged": [timed(lambda: _save_all(db, _changed(many), {"unchanged"}))],
            "updated one by one": [timed(lambda: _save_each(db, _changed(few)))],
        }


def _changed(leads: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return [{**lead, "title": "Chair"} for lead in leads]


def _save_all(db: LeadDatabase, leads: Sequence[Mapping[str, str]], expected: set[str]) -> None:
    states = {landed.state for landed in db.upsert_leads(leads, batch_rows=BATCH)}
    if not states <= expected:
        raise BenchmarkError(f"leads ended as {sorted(states)}, not {sorted(expected)}")


def _save_each(db: LeadDatabase, leads: Sequence[Mapping[str, str]]) -> None:
    for lead in leads:
        db.upsert_lead(lead)


def alone(url: str, rows: int, times: int) -> Timings:
    """Writing batches that are ready, with and without history, claims and marks; the two take turns."""
    engine = open_engine(url)
    ensure_schema(engine)
    customers = [f"customer {number}" for number in range(2 * times + 1)]
    _write_all(engine, customers.pop(), 2 * BATCH)  # what is imported and compiled once
    found: Timings = {"whole": [], "bare": []}
    for number, customer in enumerate(customers):
        kind = "whole" if number % 2 == 0 else "bare"
        found[kind].append(_write_all(engine, customer, rows, leave_out=() if kind == "whole" else _BESIDE))
    engine.dispose()
    return found


def _write_all(engine: Engine, customer: str, rows: int, leave_out: Sequence[tuple[Any, str]] = ()) -> Timing:
    policy = Policy(customer=customer)
    batches = _ready(engine, policy, rows)

    def write() -> None:
        writer = LeadWriter(policy, "bench", "bench", datetime.now(timezone.utc))
        for batch in batches:
            with writing(engine, customer) as connection:
                epochs.begin_epoch(connection, customer)
                writer.write(connection, batch)

    with _without(leave_out):
        return timed(write)


@contextmanager
def _without(functions: Sequence[tuple[Any, str]]) -> Iterator[None]:
    nothing: Callable[..., None] = lambda *_: None  # noqa: E731
    with ExitStack() as stack:
        for module, name in functions:
            stack.enter_context(mock.patch.object(module, name, nothing))
        yield


def _ready(engine: Engine, policy: Policy, rows: int) -> list[Batch]:
    """New leads, normalised and matched, in batches."""
    given = [one.row for one in synthetic_leads(rows, seed=13, duplicates=0)]
    with writing(engine, policy.customer) as connection:
        first = records.allocate_ids(connection, rows)
        changes = [
            RowChange(number, False, number, f"key {number}", raw := dict(row.fields), row, row_hash(raw),
                      content_hash(row), first_claims(row))
            for number, row in enumerate(given, start=first)
        ]  # fmt: skip
        return [
            whole(part, (), resolve_rows(policy, connection, (), part))
            for part in (changes[start : start + BATCH] for start in range(0, rows, BATCH))
        ]


def columns(path: str, rows: int, _: int) -> Timings:
    """Write the columns of the leads that `alone` writes to a file, for the peers."""
    given = [one.row.fields for one in synthetic_leads(rows, seed=13, duplicates=0)]
    blank = dict.fromkeys(lead_rows.to_columns({}))
    leads = [{"id": f"{number:032x}", **blank, **lead_rows.to_columns(fields)} for number, fields in enumerate(given)]
    Path(path).write_text(json.dumps(leads), encoding="utf-8")
    return {}


PROGRAMS: dict[str, Callable[[str, int, int], Timings]] = {"public": public, "alone": alone, "columns": columns}


def main(program: str, target: str, rows: str, times: str) -> None:
    """Run one program and report its figures."""
    report(PROGRAMS[program](target, int(rows), int(times)))


if __name__ == "__main__":
    main(*sys.argv[1:])
