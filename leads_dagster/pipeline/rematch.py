"""Matching everything anew within a cycle, where the rules of matching changed since the last one.

What belongs here: progress and what is told of it. When it is due, and how it is done, is `store.rematching`'s.
"""

from __future__ import annotations

import logging
from typing import Any

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store.engine import reading
from leads_dagster.store.rematching import is_due, match_all_anew

logger = logging.getLogger(__name__)


def match_anew_where_due(ws: Workspace, *, run_id: str, percent: tuple[int, int] = (35, 45)) -> dict[str, Any]:
    """Match all records of the customer anew if the rules changed; returns numbers for metadata.

    Args:
        run_id: what the history names.
        percent: of the whole work, from where to where.
    """
    with reading(ws.engine) as connection:
        if not is_due(connection, ws.policy):
            return {}
    first, last = percent
    found = match_all_anew(
        ws.engine,
        ws.policy,
        run_id=run_id,
        told=lambda share, message: ws.report(first + int((last - first) * share), message),
    )
    if found.status == "held":
        logger.warning(
            "Matching by today's rules would give another lead to %s of %s records of customer %s, which is more than "
            "its guard lets through unasked; see `leads holds`. New rows are matched by today's rules.",
            f"{found.moved:,}", f"{found.records:,}", ws.name,
        )  # fmt: skip
        return {"records_waiting_for_approval": found.moved}
    return {"records_matched_anew": found.records, "records_moved": found.moved}
