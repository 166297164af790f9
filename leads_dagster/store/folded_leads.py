"""Writing what leads fold to: new, changed and retired ones, with their history, conflicts and outbox marks.

What belongs here: gathering what all leads of a batch come to, so that each table is written once and not once a lead.
Records, claims and edges are `lead_writer`'s, which value wins is `leads.survivorship`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from leads_dagster.leads.survivorship import FieldConflict, FoldedLead, Survivorship
from leads_dagster.store import conflict_rows, lead_rows, outbox
from leads_dagster.store.batches import Batch
from leads_dagster.store.folding import Material, load_material
from leads_dagster.store.outbox import MirrorName

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every row that is written has in common: whose lead, who hears of it, and by whom, from where and when.

    `seen_at`: when the change was first seen; `at` where nobody saw it before.
    `is_awaited`: whether it is an edit, whose way to the mirrors is measured, and no first load.
    """

    customer: str
    mirrors: tuple[MirrorName, ...]
    run_id: str
    source: str
    at: datetime
    who: str | None = None
    seen_at: datetime | None = None
    is_awaited: bool = True

    @property
    def pending(self) -> bool:
        """Whether Airtable is to hear of what changes."""
        return "airtable" in self.mirrors

    def history(self, lead: str, operation: str, **values: Any) -> dict[str, Any]:
        """A row of the history."""
        blank = dict.fromkeys(("field", "old", "new", "source", "record_id"))
        told = {"lead_id": lead, "operation": operation, "run_id": self.run_id, "who": self.who, "at": self.at}
        return {**blank, **told, **values}


class FoldedLeads:
    """What leads of one batch come to, gathered, then written with one statement a table."""

    def __init__(self, stamp: Stamp, rules: Survivorship) -> None:
        self.stamp, self.rules = stamp, rules
        self._made: dict[str, dict[str, Any]] = {}
        self._changes: list[tuple[Row, Row]] = []
        self._history: list[dict[str, Any]] = []
        self._versions: dict[str, int] = {}

    def make(self, folded: Mapping[str, FoldedLead]) -> None:
        """Add new leads."""
        stamp = self.stamp
        for lead, found in folded.items():
            columns = lead_rows.to_columns(found.values())
            self._made[lead] = {
                "id": lead,
                "customer": stamp.customer,
                **columns,
                "created_at": stamp.at,
                "updated_at": stamp.at,
                "version": 1,
                "sync_pending": stamp.pending,
            }
            new = orjson.dumps(lead_rows.to_texts(columns)).decode()
            self._history.append(stamp.history(lead, "created", new=new, source=stamp.source))

    def fold_stored(self, connection: Connection, ids: Sequence[str], batch: Batch) -> None:
        """Fold leads from what the store holds of their records, and gather what came out differently.

        Their conflicts are written at once.
        """
        if not ids:
            return
        before = lead_rows.load(connection, ids)
        material = load_material(connection, ids, merging=batch.merged)
        conflicts: list[dict[str, Any]] = []
        for lead in ids:
            found, row = material[lead], before.get(lead)
            if not found.rows:
                self._retire(lead, row, batch)
                continue
            folded = found.fold(self.rules)
            conflicts += [self._conflict_row(lead, one) for one in folded.conflicts]
            if row is None:
                self.make({lead: folded})
            else:
                self._change(row, folded, found)
        conflict_rows.note_among_sources(connection, self.stamp.customer, ids, conflicts, at=self.stamp.at)

    def write(self, connection: Connection) -> int:
        """Write all that was gathered; returns how many leads that were there before changed."""
        stamp = self.stamp
        lead_rows.insert(connection, list(self._made.values()))
        lead_rows.change_all(connection, self._changes)
        lead_rows.add_history(connection, self._history)
        seen_at = (stamp.seen_at or stamp.at) if stamp.is_awaited else None
        outbox.mark_new(connection, stamp.customer, stamp.mirrors, self._made, seen_at=seen_at)
        outbox.mark(connection, stamp.customer, stamp.mirrors, self._versions, seen_at=seen_at)
        return len(self._versions)

    def _conflict_row(self, lead: str, conflict: FieldConflict) -> dict[str, Any]:
        return {
            "customer": self.stamp.customer,
            "lead_id": lead,
            **asdict(conflict),
            "mirror": None,
            "status": "open",
            "detected_at": self.stamp.at,
            "run_id": self.stamp.run_id,
        }

    def _retire(self, lead: str, row: Row | None, batch: Batch) -> None:
        """A lead without a live record: merged into another, or archived."""
        if row is None or row["archived_at"] is not None:
            return
        kept = batch.merged.get(lead)
        self._note_change(row, {"archived_at": self.stamp.at, "merged_into": kept, "sync_pending": True})
        self._history.append(self.stamp.history(lead, "merged" if kept else "archived", new=kept))
        if kept:
            moved = sorted(record for record, old in batch.moved_from.items() if old == lead)
            told = orjson.dumps({"lead": lead, "records": moved}).decode()
            self._history.append(self.stamp.history(kept, "merged", old=told))

    def _change(self, row: Row, found: FoldedLead, material: Material) -> None:
        values = found.values()
        columns = lead_rows.to_columns(values)
        # As they read back from the columns: "0.90" is stored as the number 0.9.
        old, new = lead_rows.to_texts(row), lead_rows.to_texts(columns)
        names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
        revived = row["archived_at"] is not None
        if not names and not revived:
            return
        back = {"archived_at": None, "merged_into": None} if revived else {}
        pending = {"sync_pending": self.stamp.pending, "airtable_synced": False}
        self._note_change(row, {**{name: columns[name] for name in names}, **pending, **back})
        self._history += [self._field_change(row["id"], name, old.get(name), found, material) for name in names]
        if revived:
            self._history.append(self.stamp.history(row["id"], "restored"))

    def _note_change(self, row: Row, values: Row) -> None:
        version = row["version"] + 1
        self._changes.append((row, {**values, "updated_at": self.stamp.at, "version": version}))
        self._versions[row["id"]] = version

    def _field_change(
        self, lead: str, name: str, old: str | None, found: FoldedLead, material: Material
    ) -> dict[str, Any]:
        chosen = found.fields.get(name)
        record = chosen.record_id if chosen else None
        return self.stamp.history(
            lead,
            "updated",
            field=name,
            old=old,
            new=chosen.value if chosen else None,
            record_id=record,
            source=material.sources.get(record) if record is not None else self.stamp.source,
        )
