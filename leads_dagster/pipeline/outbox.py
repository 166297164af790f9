"""The outbox for people: which leads a mirror has still to hear of or would not take, why, and trying them again.

What belongs here: `leads outbox`. How it is worked off is in `mirror`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leads_dagster.errors import ConflictError
from leads_dagster.pipeline.deciding import tell_mirrors
from leads_dagster.pipeline.lead_lookup import the_one
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import outbox_marks
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.outbox import MirrorName


def list_(ws: Workspace, *, mirror: MirrorName | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """What is not done, the worst first; see `outbox_marks.listed`."""
    with reading(ws.engine) as connection:
        return outbox_marks.listed(connection, ws.name, mirror=mirror, limit=limit)


def retry(ws: Workspace, leads: Sequence[str] | None = None, *, mirror: MirrorName | None = None) -> dict[str, Any]:
    """Try what failed, died or was left out again, at once where the mirrors can be reached.

    Args:
        leads: of these only, each by its id, the beginning of it, or its e-mail; None: all.

    Returns:
        retried: how many; mirrors: what each heard; left: what was refused again.

    Raises:
        NotFoundError: no such lead, or several may be meant.
        ConflictError: nothing of these leads was refused.
    """
    with reading(ws.engine) as connection:
        ids = None if leads is None else [the_one(connection, ws.name, named)["id"] for named in leads]
    with writing(ws.engine, ws.name) as connection:
        retried = outbox_marks.retry(connection, ws.name, mirror=mirror, lead_ids=ids)
    if ids is not None and retried == 0:
        raise ConflictError("No mirror refused any of these leads.", advice="`leads outbox` lists what waits.")
    told = tell_mirrors(ws)
    with reading(ws.engine) as connection:
        left = outbox_marks.listed(connection, ws.name, mirror=mirror, waiting=False)
    wanted = left if ids is None else [one for one in left if one["lead_id"] in ids]
    return {"retried": retried, "mirrors": told, "left": wanted}
