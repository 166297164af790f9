"""Which row of its sheet a record stands in, as a person sees it there.

What belongs here: from record to row number. The store keeps the order of the sheet, not its numbers: a preamble and
empty lines count for people, so the numbers come from the kept sheet itself.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from leads_dagster.errors import LeadsError
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import ledger
from leads_dagster.store.history import PastRecord

logger = logging.getLogger(__name__)


def row_numbers(ws: Workspace, connection: Connection, source: str) -> Mapping[int, int]:
    """Record -> 1-based row of the sheet as of the last closed ledger.

    Empty where the sheet is no longer kept, or cannot be read any more as it was then: no number is better than a
    wrong one.
    """
    from leads_dagster.leads.sheet import read_sheet  # what it reads with costs a light command too much

    state = ledger.source_state(connection, ws.name, source)
    if state.checksum is None:
        return {}

    try:
        data = ws.snapshots.get(state.checksum)
        table, _ = read_sheet(data, overrides=ws.customer.columns, learned=ws.learned_headers)
    except LeadsError as error:
        logger.info("Rows of %s cannot be numbered: %s", source, error.message)
        return {}
    order = array("q", state.record_ids).tolist()
    if len(table) > len(order):  # the columns are read differently since: these are not the rows of that order
        return {}
    return dict(zip(order, table.row_numbers, strict=False))


class Places:
    """Where records stand; every sheet is read once, and only when one of its records is asked for."""

    def __init__(self, ws: Workspace, connection: Connection) -> None:
        self.ws, self.connection = ws, connection
        self._rows: dict[str, Mapping[int, int]] = {}

    def of(self, record: PastRecord | None) -> dict[str, Any]:
        """A record's source, record_id, source_key and row; all None of no record."""
        if record is None:
            return dict.fromkeys(("source", "record_id", "source_key", "row"))
        key = record.source_key
        return {"source": record.source, "record_id": record.id, "source_key": key, "row": self.row(record)}

    def row(self, record: PastRecord) -> int | None:
        """The record's row in its sheet; None of what is in no sheet, or no longer."""
        if record.removed_at is not None or record.kind != "row":
            return None
        if record.source not in self._rows:
            self._rows[record.source] = row_numbers(self.ws, self.connection, record.source)
        return self._rows[record.source].get(record.id)
