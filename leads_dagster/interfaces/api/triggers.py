"""A cycle that somebody asks for: by the live system where it runs, else in this process.

What belongs here: starting it and not waiting for it. What a cycle does is the road's.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool

from leads_dagster.errors import LeadsError
from leads_dagster.live.presence import who_runs
from leads_dagster.pipeline import pausing
from leads_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from leads_dagster.interfaces.api.answering import Answering

logger = logging.getLogger(__name__)


class Triggers:
    """Starts cycles, one a customer at a time.

    Args:
        leads: whose settings and workspaces are used.
    """

    def __init__(self, leads: Answering) -> None:
        self._leads = leads
        self._running: dict[str, str] = {}
        self._lock = threading.Lock()

    async def trigger(self, customer: str) -> dict[str, Any]:
        """Ask for a cycle.

        Returns:
            customer, run_id (None where the live system will name it), status: "started" or "already_running".

        Raises:
            ConflictError: the customer is paused.
        """
        done: dict[str, Any] = await self._leads.write(customer, self._trigger)
        return done

    def _trigger(self, ws: Workspace) -> dict[str, Any]:
        pausing.refuse_paused(ws)
        with self._lock:
            if ws.name in self._running:
                return {"customer": ws.name, "run_id": self._running[ws.name], "status": "already_running"}
            if who_runs(ws.settings.home)["running"]:
                status = "started" if pausing.ask(ws) else "already_running"
                return {"customer": ws.name, "run_id": None, "status": status}
            if pausing.is_at_work(ws):
                return {"customer": ws.name, "run_id": None, "status": "already_running"}
            run_id = self._running[ws.name] = str(uuid4())
        threading.Thread(target=self._run, args=(ws.name, run_id), name=f"sync {ws.name}", daemon=True).start()
        return {"customer": ws.name, "run_id": run_id, "status": "started"}

    def _run(self, customer: str, run_id: str) -> None:
        """One cycle; what went wrong stands in the status of the customer, and is logged here."""
        from leads_dagster.orchestration.launch import sync_once

        try:
            done = sync_once(self._leads.settings, customer, run_id=run_id)
            if done.error:
                logger.warning("A cycle of %s that was asked for failed: %s", customer, done.error)
        except LeadsError as error:
            logger.warning("A cycle of %s that was asked for failed: %s", customer, error.message)
        finally:
            with self._lock:
                self._running.pop(customer, None)

    async def settle(self, seconds: float) -> None:
        """Wait for cycles in hand, so long at most; one that is cut off is caught up by the next."""
        names = {f"sync {name}" for name in self._running}
        for one in threading.enumerate():
            if one.name in names:
                await run_in_threadpool(one.join, seconds)
