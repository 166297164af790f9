"""One whole cycle in this process, without Dagster: the stages in the order of the road.

What belongs here: the order, and that one mirror failing does not stop the other. Dagster runs the same stages as
assets; tests, benchmarks and whoever embeds the road run them here.
"""

from __future__ import annotations

import time
import uuid

from leads_dagster.errors import LeadsError
from leads_dagster.pipeline.airtable_edits import take_edits
from leads_dagster.pipeline.capture import take_captures
from leads_dagster.pipeline.ingest import fetch_raw, normalize
from leads_dagster.pipeline.mirror import mirror_airtable, mirror_crm
from leads_dagster.pipeline.record import record
from leads_dagster.pipeline.resolve import resolve
from leads_dagster.pipeline.result import SyncResult, read_result
from leads_dagster.pipeline.workspace import Workspace

_TO_STORE = (take_edits, take_captures, normalize, resolve, record)
_MIRRORS = (mirror_crm, mirror_airtable)


def run_cycle(ws: Workspace, *, run_id: str | None = None) -> SyncResult:
    """Run every stage once; where the sheet fails, those that do not need it.

    Raises:
        LeadsError: the first stage's failure; of the mirrors the first, after both were tried.
    """
    run = run_id or uuid.uuid4().hex
    started = time.monotonic()
    with ws.locked():
        try:
            changed = fetch_raw(ws, run_id=run).changed
        except LeadsError:
            take_edits(ws, run_id=run)
            take_captures(ws, run_id=run)
            _run_mirrors(ws, run)
            raise
        if changed:
            for stage in _TO_STORE:
                stage(ws, run_id=run)
            _run_mirrors(ws, run)
    return read_result(ws, run, seconds=time.monotonic() - started)


def _run_mirrors(ws: Workspace, run: str) -> None:
    failed: list[LeadsError] = []
    for stage in _MIRRORS:
        try:
            stage(ws, run_id=run)
        except LeadsError as error:
            failed.append(error)
    if failed:
        raise failed[0]
