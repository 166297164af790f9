"""deduped_leads: which records are one lead.

What belongs here: the stage. Who is who is found by `store.resolution`.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

from leads_dagster.pipeline.ingest import NORMALIZED, staged_input, written_already
from leads_dagster.pipeline.rematch import match_anew_where_due
from leads_dagster.pipeline.stages import Outcome, stage
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import staging
from leads_dagster.store.changes import ChangeSet, rows_of
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.resolution import Resolution, resolve_rows

DEDUPED = "deduped_leads"


def resolve(ws: Workspace, *, run_id: str) -> Outcome:
    """Match what `normalized_leads` handed on, and stage who is who.

    Raises:
        StaleStageError: nothing was normalised yet.
    """
    if (done := written_already(ws, NORMALIZED)) is not None:
        return done
    with stage(ws, run_id, DEDUPED, percent=35, message="Matching"):
        started = time.monotonic()
        anew = match_anew_where_due(ws, run_id=run_id)
        staged, head = staged_input(ws, NORMALIZED)
        with reading(ws.engine) as connection:
            chunks_after_head = islice(staging.payloads(connection, ws.name, NORMALIZED), 1, None)
            resolution = resolve_rows(ws.policy, connection, ChangeSet.head_of(head).gone, rows_of(chunks_after_head))
        output = staging.Stage(
            ws.name, DEDUPED, staged.source, staged.fingerprint, staged.base_version, staged.run_id, ws.now()
        )
        with writing(ws.engine, ws.name) as connection:
            staging.put(connection, output, resolution.payloads())
        numbers = {**_numbers(resolution, time.monotonic() - started), **anew}
        return Outcome(bool(resolution.touched), staged.fingerprint, numbers)


def _numbers(found: Resolution, seconds: float) -> dict[str, Any]:
    by_rule: dict[str, Any] = {}
    for edge in found.edges:
        if edge.outcome == "match":
            by_rule[f"matches_{edge.rule}"] = by_rule.get(f"matches_{edge.rule}", 0) + 1
    return {
        "records_compared": len(found.touched),
        "leads_new": len(found.new_leads),
        "leads_merged": len(found.merged),
        "records_assigned": len(found.assigned),
        "reviews": sum(edge.outcome == "review" for edge in found.edges),
        "blocked": sum(edge.outcome == "blocked" for edge in found.edges),
        "seconds": round(seconds, 4),
        **by_rule,
    }
