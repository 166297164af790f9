"""The public door to keeping leads and Airtable in step: `from leads_dagster.mirrors import AirtableSyncManager`.

What belongs here: four calls that open a customer's road, ask the use cases of `pipeline`, and give plain values back.
It stands beside the house, not in `mirrors`, because it uses what is above them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal

from leads_dagster.pipeline import conflicts
from leads_dagster.pipeline.airtable_edits import take_edits
from leads_dagster.pipeline.mirror import mirror_airtable
from leads_dagster.pipeline.workspace import Workspace, open_workspace
from leads_dagster.settings import Settings, load_settings
from leads_dagster.store.resolution import new_lead_id

_AIRTABLE = "airtable"
_ALL = 1_000_000


class AirtableSyncManager:  # the name is DESIGN's
    """Keeps one customer's leads and Airtable table in step, without the sheet.

    Args:
        customer: a name; None for the only configured one.
        settings: of the process; from the environment and leads.toml without.
    """

    def __init__(self, customer: str | None = None, *, settings: Settings | None = None) -> None:
        self._settings = settings or load_settings()
        self._customer = customer

    def sync_to_airtable(self) -> dict[str, Any]:
        """Send Airtable what it has not heard yet; see `pipeline.mirror.mirror_airtable`.

        Returns:
            configured; sent, created, updated, deleted, unchanged, failed, conflicts, calls, retries, seconds.

        Raises:
            SettingsError, AccessError, TransientError: why Airtable cannot be written; nothing is lost.
        """
        with self._opened() as ws:
            return mirror_airtable(ws, run_id=_run_id()).metadata()

    def sync_from_airtable(self) -> dict[str, Any]:
        """Take in what people changed in Airtable; see `pipeline.airtable_edits.take_edits`.

        Returns:
            configured; pull (what came of reading), edits_read, api_calls, and how many records were edited, created,
            merged, put in quarantine, deleted or restored.

        Raises:
            SettingsError, AccessError, TransientError: why Airtable cannot be read.
        """
        with self._opened() as ws:
            return _from_airtable(ws)

    def bidirectional_sync(self) -> dict[str, dict[str, Any]]:
        """Take in what people changed, then send what differs.

        Returns:
            from_airtable and to_airtable, each as the call of that name returns it.

        Raises:
            SettingsError, AccessError, TransientError: as those.
        """
        with self._opened() as ws, ws.locked():
            taken = _from_airtable(ws)
            return {"from_airtable": taken, "to_airtable": mirror_airtable(ws, run_id=_run_id()).metadata()}

    def handle_sync_conflicts(self, winner: Literal["airtable", "other"] | None = None) -> list[dict[str, Any]]:
        """List the open conflicts between Airtable and others, or settle them all for one side.

        Args:
            winner: whose value is to hold from now on, "airtable" or the "other" side's; None only lists them.

        Returns:
            As `pipeline.conflicts.list_` lists them, settled ones as `resolve` gives them.
        """
        with self._opened() as ws:
            found = [one for one in conflicts.list_(ws, limit=_ALL) if _sides(one).count(True) == 1]
            if winner is None:
                return found
            return [conflicts.resolve(ws, one["id"], _choice(one, winner)) for one in found]

    def _opened(self) -> AbstractContextManager[Workspace]:
        return open_workspace(self._settings, self._customer)


def _run_id() -> str:
    return f"airtable-{new_lead_id()}"


def _from_airtable(ws: Workspace) -> dict[str, Any]:
    taken = take_edits(ws, run_id=_run_id()).metadata()
    if ws.airtable_failure is not None:
        raise ws.airtable_failure
    return taken


def _sides(conflict: Mapping[str, Any]) -> list[bool]:
    """Whether what is kept, and what is lost, is Airtable's."""
    return [str(conflict[name] or "").startswith(_AIRTABLE) for name in ("kept_source", "lost_source")]


def _choice(conflict: Mapping[str, Any], winner: Literal["airtable", "other"]) -> conflicts.Choice:
    kept_is_airtables = _sides(conflict)[0]
    return "keep" if kept_is_airtables == (winner == _AIRTABLE) else "take"
