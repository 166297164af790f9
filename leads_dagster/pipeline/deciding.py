"""Carrying out what a person decides: one transaction, tried again while the database is busy, then the mirrors told.

What belongs here: the frame around every decision (undo, override, conflict). What a decision does is `store.undo`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from leads_dagster.errors import LeadsError
from leads_dagster.pipeline.attention import mark as mark_attention
from leads_dagster.pipeline.mirror import mirror_airtable, mirror_crm
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import epochs, outbox
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.outbox import MirrorName
from leads_dagster.store.person import who_asks
from leads_dagster.store.resolution import new_lead_id
from leads_dagster.store.retry import StoreRetries, run_retried
from leads_dagster.store.undo import Undoing

R = TypeVar("R")
_STAGES = {"crm": mirror_crm, "airtable": mirror_airtable}
# A sync that is under way tells the mirrors itself: it is not waited for.
_PATIENCE_SECONDS = 0.0
# More leads than this take a mirror so long that the person who decided should not wait for it.
_AT_ONCE: dict[MirrorName, int] = {"crm": 10_000, "airtable": 500}


def carried_out(
    ws: Workspace,
    decision: Callable[[Undoing], R],
    *,
    who: str | None = None,
    reason: str | None = None,
    dry_run: bool = False,
) -> R:
    """Run a decision in a write transaction of its own.

    Args:
        decision: what is decided; may be called again after a failure that undid it.
        who: the person, where it is not the one who runs this process.
        dry_run: look at what would come of it, and keep nothing.

    Raises:
        StoreBusyError: the database was busy at every attempt; nothing was decided.
    """

    def attempt() -> R:
        with writing(ws.engine, ws.name) as connection:
            at = epochs.moment(connection, ws.name, ws.now())
            done = decision(Undoing(connection, ws.policy, f"decision-{new_lead_id()}", who_asks(who), at, reason))
            if dry_run:
                connection.rollback()
            return done

    return run_retried("decision", attempt, policy=StoreRetries.from_settings(ws.settings))


def tell_mirrors(ws: Workspace) -> dict[str, str]:
    """Bring every mirror in step at once, and say for each what came of it.

    A mirror that cannot be reached is no fault of the decision, which stands: the outbox keeps what it has to hear.
    """
    return {mirror: _tell(ws, mirror) for mirror in ws.mirrors}


def _tell(ws: Workspace, mirror: MirrorName) -> str:
    if mirror == "airtable":
        mark_attention(ws)
    with reading(ws.engine) as connection:
        due = outbox.count_due(connection, ws.name, [mirror], now=ws.now())
    if due == 0:
        return "says the same already"
    if due > _AT_ONCE[mirror]:
        return f"hears of {due:,} leads at the next sync"
    try:
        with ws.locked(wait_seconds=_PATIENCE_SECONDS):
            told: dict[str, Any] = _STAGES[mirror](ws, run_id=f"told-{new_lead_id()}").metadata()
    except LeadsError as error:
        return f"hears of it at the next sync: {error.message}"
    failed = f", {told['failed']} refused" if told["failed"] else ""
    return f"heard of {told['sent']} leads{failed}"
