"""What of an Airtable record is not as the store knows it, and is nobody's but somebody else's doing.

What belongs here: telling it of records that were listed, and noting it of those that were read again. When records
are listed, and why they are read twice, is `sweep`'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from leads_dagster.mirrors.airtable_payloads import RECORD, CellEdit
from leads_dagster.mirrors.airtable_watched import Cells, KnownRecord, KnownRecords, WatchedTable
from leads_dagster.store import airtable_bases, airtable_changes, airtable_marks
from leads_dagster.store.airtable_state import TableState

_IDENTITY = ("full_name", "email", "linkedin_url")


def differing(table: WatchedTable, known: KnownRecord, cells: Cells) -> dict[str, Any]:
    """Field id -> cell, of those that neither stood there when we last knew nor were written by us since."""
    certain = replace(known, echoes=frozenset())  # an old write of ours that stands there again is somebody's edit
    return {
        name: cells.get(name)
        for name, (lead_field, column) in table.columns.items()
        if certain.verdict(lead_field, column, cells.get(name), ours=True) == "edit"
    }


def told_of(
    table: WatchedTable, known: KnownRecords, record_id: str, cells: Cells, *, copies: Collection[str]
) -> dict[str, Any]:
    """What there would be to note of a listed record: field id -> cell, `RECORD` among them where nobody knows it.

    Args:
        copies: records that stand beside the one that shows their lead: they stay so until they tell of somebody else.
    """
    mine = known.by_record.get(record_id)
    if mine is not None:
        return differing(table, mine, cells)
    lead = known.by_lead.get(str(cells[table.key_id]))
    if lead is not None and record_id in copies:
        names = {table.columns[name][0] for name in differing(table, lead, cells)}
        if names.isdisjoint(_IDENTITY):
            return {}
    return {RECORD: None, **{name: cell for name, cell in cells.items() if cell is not None}}


def waits_already(told: Cells, waiting: Cells, *, heard: bool) -> bool:
    """Whether all that there is to note of a record was noted before, and nothing that it does not say any more.

    Args:
        heard: a webhook tells of this table: what else waits is its word, and better.
    """
    counting = {name: cell for name, cell in waiting.items() if name in told} if heard else dict(waiting)
    if RECORD in told:
        counting = {name: cell for name, cell in counting.items() if cell is not None or name == RECORD}
    return told == counting


@dataclass
class Telling:
    """Tells, of records read again, what is somebody's edit; in one write transaction.

    Attributes:
        before, after: what was known before and after they were read.
        copies: records that stand beside the one that shows their lead.
        heard: a webhook tells of this table too, and better.
    """

    connection: Connection
    table: TableState
    watched: WatchedTable
    before: Mapping[str, KnownRecord]
    after: KnownRecords
    copies: Collection[str]
    heard: bool
    edits: list[CellEdit] = field(default_factory=list)
    adopted: set[str] = field(default_factory=set)

    def tell(self, record: str, cells: Cells | None, *, at: datetime) -> None:
        """Look at one record: its cells now, None where it is not there."""
        before, after = self.before.get(record), self.after.by_record.get(record)
        waiting = self._waiting(record)
        if cells is None:
            self._missing(record, before, after, waiting, at=at)
        elif after is not None:
            self._changed(record, cells, [known for known in (before, after) if known], waiting, at=at)
        elif before is None:
            self._made(record, cells, waiting, at=at)

    def _waiting(self, record: str) -> frozenset[str]:
        where = (self.table.base_id, self.table.table_id)
        return airtable_changes.waiting(self.connection, *where, [record]).get(record, frozenset())

    def _noted_as_deleted(self, record: str) -> bool:
        return bool(airtable_changes.deleted(self.connection, self.table.base_id, self.table.table_id, [record]))

    def _missing(
        self,
        record: str,
        before: KnownRecord | None,
        after: KnownRecord | None,
        waiting: frozenset[str],
        *,
        at: datetime,
    ) -> None:
        lead = None if before is None or after is None else after.lead_id
        if lead is not None and after is not None and after.leaving and not waiting:
            airtable_marks.note_gone(self.connection, self.table.customer, [lead])
        elif (lead is not None or record in self.copies) and not self._noted_as_deleted(record):
            self.edits.append(CellEdit(record, RECORD, "deleted", None, at))

    def _changed(
        self, record: str, cells: Cells, known: Sequence[KnownRecord], waiting: frozenset[str], *, at: datetime
    ) -> None:
        found = [differing(self.watched, one, cells) for one in known]
        names = [name for name in found[-1] if all(name in one for one in found)]
        if not self.heard:
            self._take_back(record, waiting - set(names))
        self.edits += [CellEdit(record, name, "changed", cells[name], at) for name in names]

    def _take_back(self, record: str, names: frozenset[str]) -> None:
        """Without a webhook only this tells that a cell stands again as it did, or a record is there again."""
        where = (self.table.base_id, self.table.table_id)
        airtable_changes.take_back(self.connection, *where, [(record, name) for name in names])

    def _made(self, record: str, cells: Cells, waiting: frozenset[str], *, at: datetime) -> None:
        key = str(cells.get(self.watched.key_id) or "")
        lead = self.after.by_lead.get(key) if key not in self.adopted else None
        if lead is not None and lead.record_id is None and lead.unbooked is not None:
            self.adopted.add(key)
            airtable_bases.adopt(self.connection, self.table.customer, {str(lead.lead_id): record})
            self._changed(record, cells, [lead], waiting, at=at)
            return
        if not waiting and not any(cells.values()):  # it says nothing yet; it is told of when it does
            return
        if RECORD not in waiting:
            self.edits.append(CellEdit(record, RECORD, "created", None, at))
        filled = {name: cell for name, cell in cells.items() if cell is not None or name in waiting}
        self.edits += [CellEdit(record, name, "changed", cell, at) for name, cell in filled.items()]
