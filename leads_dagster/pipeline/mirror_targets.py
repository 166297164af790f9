"""Which place each mirror was last brought in step with, and what is due when that is no longer the place it has.

What belongs here: telling that a mirror was configured, moved, taken away or came back, and marking leads for it.
The sheet says nothing of this, so that without it a new Airtable table would wait for the next edit of every lead.
"""

from __future__ import annotations

import xxhash
from sqlalchemy import Connection

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import outbox
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.outbox import MIRRORS, MirrorName


def moved(ws: Workspace, connection: Connection) -> bool:
    """Whether any mirror is another place than at the last cycle, is new, or is no longer there."""
    noted = {mirror: outbox.place_of(connection, ws.name, mirror) for mirror in MIRRORS}
    return any(_wanted(ws, mirror, before) != before for mirror, before in noted.items())


def meet(ws: Workspace, mirror: MirrorName) -> None:
    """Mark what a mirror must be told if it is not the place that it was; called before it is written to."""
    with reading(ws.engine) as connection:
        before = outbox.place_of(connection, ws.name, mirror)
    wanted = _wanted(ws, mirror, before)
    if wanted == before:
        return
    with writing(ws.engine, ws.name) as connection:
        if wanted > 0:
            if before:
                outbox.tell_again(connection, ws.name, mirror, same_place=abs(before) == wanted)
            outbox.backfill(connection, ws.name, mirror)
        outbox.note_place(connection, ws.name, mirror, wanted)


def _wanted(ws: Workspace, mirror: MirrorName, before: int) -> int:
    """What should be noted: the place, or below zero the one there was while the customer has no such mirror."""
    place = _place(ws, mirror)
    return -abs(before) if place is None else place


def _place(ws: Workspace, mirror: MirrorName) -> int | None:
    """A number for where a mirror is; a CRM's URL may hold a password, so it is not kept as it is.

    Airtable's bases have their ids for themselves, whatever address leads there: a proxy, or the twin on another port.
    """
    parts: tuple[str, ...]
    if mirror == "crm":
        crm = ws.customer.crm
        parts = (ws.settings.crm_url, crm.table, repr(sorted(crm.columns.items())))
    elif (airtable := ws.customer.airtable) is not None:
        parts = (airtable.base_id, airtable.table)
    else:
        return None
    return (xxhash.xxh3_64_intdigest("\x1f".join(parts).encode()) >> 2) + 1
