"""The outcome of one cycle, as `leads sync --json` prints it.

What belongs here: reading it from the ledger. A cycle in which nothing changed has no line there; its counts are those
that stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_state, hold_rows, ledger
from leads_dagster.store.engine import reading
from leads_dagster.store.hold_rows import MATCHING
from leads_dagster.store.ledger import RowCounts

SyncStatus = Literal["done", "unchanged", "held", "failed"]


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one cycle did.

    Attributes:
        customer, run_id: whose, and the Dagster run.
        status: "held" where rows are parked, "failed" where any stage was.
        rows: counts by where rows ended.
        seconds: wall time.
        error: what went wrong, in words; None where nothing did.
        mirrors: mirror -> created, updated, deleted, failed, calls; not in the JSON of the contract.
    """

    customer: str
    run_id: str
    status: SyncStatus
    rows: RowCounts
    seconds: float
    error: str | None = None
    mirrors: Mapping[str, Mapping[str, Any]] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The contract's JSON object."""
        return {
            "customer": self.customer,
            "run_id": self.run_id,
            "status": self.status,
            "rows": asdict(self.rows),
            "seconds": round(self.seconds, 3),
            "error": self.error,
        }


def read_result(ws: Workspace, run_id: str, *, seconds: float, error: str | None = None) -> SyncResult:
    """What a cycle did, from the ledger.

    Args:
        ws: the customer's workspace.
        run_id: of the cycle.
        seconds: wall time as the caller measured it.
        error: what the caller saw go wrong; wins over what the ledger says.
    """
    with reading(ws.engine) as connection:
        run = ledger.find_run(connection, ws.name, run_id)
        state = ledger.source_state(connection, ws.name, ws.source, order=False)
        standing = ledger.standing_counts(connection, state)
        table = airtable_state.table_of(connection, ws.name)
        asked = [MATCHING] if table is None else [MATCHING, table.source]
        parked = any(hold_rows.stands_open(connection, ws.name, source) for source in asked)
        held = standing.held > 0 or parked
    if run is None:
        quiet: SyncStatus = "failed" if error else "held" if held else "unchanged"
        return SyncResult(ws.name, run_id, quiet, standing if not error else RowCounts(), seconds, error)
    counts = ledger.counts_of(run)
    failed = error is not None or run["status"] in ("failed", "running")
    status: SyncStatus = "failed" if failed else "held" if parked else run["status"]
    return SyncResult(ws.name, run_id, status, counts, seconds, error or run["error"], run["mirrors"])
