"""Pausing a customer, letting it go on, and asking for a cycle now.

What belongs here: the three verbs, as rows of the database. Sensors heed them; a cycle that a person starts by hand
runs all the same.
"""

from __future__ import annotations

from typing import Any

from filelock import FileLock

from leads_dagster.errors import ConflictError
from leads_dagster.pipeline.workspace import Workspace, customer_lock
from leads_dagster.store import watch_rows
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.person import who_asks

_AT_WORK = "The cycle in hand still ends."
_AT_REST = "No cycle is in hand."


def pause(ws: Workspace, *, reason: str = "", who: str | None = None) -> dict[str, Any]:
    """Let the live system leave a customer alone until `resume`; a cycle at work is not stopped."""
    said = f"paused by {who_asks(who)}" + (f": {reason.strip()}" if reason.strip() else "")
    with writing(ws.engine, ws.name) as connection:
        already = watch_rows.is_paused(connection, ws.name)
        watch_rows.set_paused(connection, ws.name, paused=True, reason=said, at=ws.now())
    return {
        "customer": ws.name,
        "paused": True,
        "reason": said,
        "already": already,
        "next": f"{_AT_WORK if _is_held(customer_lock(ws.settings, ws.name)) else _AT_REST} `leads resume` catches up "
        "with whatever changes meanwhile; `leads sync` by hand still works.",
    }


def resume(ws: Workspace) -> dict[str, Any]:
    """Let the live system look after a customer again; it catches up at once."""
    with writing(ws.engine, ws.name) as connection:
        already = not watch_rows.is_paused(connection, ws.name)
        if not already:
            watch_rows.set_paused(connection, ws.name, paused=False, reason="", at=ws.now())
            watch_rows.ask(connection, ws.name, at=ws.now())
    return {"customer": ws.name, "paused": False, "already": already}


def paused_words(ws: Workspace) -> str | None:
    """What to say to whoever syncs a paused customer by hand; None where it is not paused."""
    with reading(ws.engine) as connection:
        if not watch_rows.is_paused(connection, ws.name):
            return None
        row = watch_rows.watched(connection, ws.name)
    return f"{ws.name} is {row.reason if row else 'paused'}; only syncs by hand run until `leads resume`."


def refuse_paused(ws: Workspace) -> None:
    """Nobody but a person's own sync works for a paused customer.

    Raises:
        ConflictError: it is paused.
    """
    with reading(ws.engine) as connection:
        paused = watch_rows.is_paused(connection, ws.name)
    if paused:
        raise ConflictError(
            f"The customer {ws.name} is paused.",
            advice="`leads resume` lets it go on; `leads sync` runs one cycle by hand all the same.",
        )


def ask(ws: Workspace) -> bool:
    """Ask the live system for a cycle now; False where one is at work."""
    if is_at_work(ws):
        return False
    with writing(ws.engine, ws.name) as connection:
        watch_rows.ask(connection, ws.name, at=ws.now())
    return True


def is_at_work(ws: Workspace) -> bool:
    """Whether a cycle of the customer is at work on this machine."""
    return _is_held(customer_lock(ws.settings, ws.name))


def _is_held(lock: FileLock) -> bool:
    try:
        with lock.acquire(timeout=0):
            return False
    except TimeoutError:
        return True
