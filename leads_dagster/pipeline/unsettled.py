"""Which fields a push must leave alone: those with an edit in Airtable that nobody took in yet.

What belongs here: rule 9. Before records are patched, their unseen payloads are read; a field in which somebody's edit
waits, is still being typed or is held by the guard is withheld, and a record that was deleted there is left alone. So
is one that was made there for a lead that has none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from leads_dagster.customers import AirtableSettings
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.airtable_schema import KEY
from leads_dagster.pipeline.airtable_table import known_table
from leads_dagster.pipeline.pull import pull
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_changes
from leads_dagster.store.airtable_changes import RECORD, CellChange
from leads_dagster.store.engine import reading, writing


class Unsettled:
    """What waits in the log of a customer's table, read anew before each batch of pushes."""

    def __init__(self, ws: Workspace, airtable: AirtableSettings, mirror: AirtableMirror) -> None:
        self.ws, self.airtable, self.mirror = ws, airtable, mirror

    @property
    def until(self) -> datetime:
        """When to look again at what was withheld."""
        return self.ws.now() + timedelta(seconds=max(self.airtable.debounce_seconds, 1.0))

    def read_on(self, record_ids: Sequence[str]) -> None:
        """Read what people did to these records.

        Raises:
            LeadsError: Airtable could not be read: nothing is written over what was not seen.
        """
        pulled = pull(self.ws, self.mirror, records=record_ids)
        if pulled.error is not None:
            raise pulled.error

    def fields_of(self, record_ids: Sequence[str]) -> Mapping[str | None, frozenset[str]]:
        """Record -> lead fields that wait, `RECORD` in their place where the record itself was made or deleted."""
        table = known_table(self.ws, self.airtable)
        if table is None:
            return {}
        with reading(self.ws.engine) as connection:
            waiting = airtable_changes.waiting(connection, table.base_id, table.table_id, record_ids)
        field_of = {str(known["id"]): name for name, known in table.fields.items()}
        return {
            record: frozenset({RECORD} if RECORD in ids else (field_of[one] for one in ids if one in field_of))
            for record, ids in waiting.items()
        }

    def named(self) -> set[str]:
        """The leads named by records that were made there and wait: to make another for one writes into that."""
        table = known_table(self.ws, self.airtable)
        if table is None or KEY not in table.fields:
            return set()
        with reading(self.ws.engine) as connection:
            key = str(table.fields[KEY]["id"])
            return set(map(str, airtable_changes.in_field(connection, table.base_id, table.table_id, key)))

    def typed_before(self, record_ids: Collection[str]) -> set[str]:
        """Of records that we just deleted, those in which somebody typed until then, all where that cannot be told."""
        if not record_ids:
            return set()
        table = known_table(self.ws, self.airtable)
        if table is None or pull(self.ws, self.mirror, records=()).error is not None:
            return set(record_ids)
        with reading(self.ws.engine) as connection:
            return set(airtable_changes.waiting(connection, table.base_id, table.table_id, sorted(record_ids)))

    def note_gone(self, record_ids: Iterable[str]) -> None:
        """Records were deleted, as their writes tell us: a webhook may never, where it was made since.

        What it does tell is read first: somebody may have typed in them before. Where that fails, the next write asks.
        """
        if pull(self.ws, self.mirror, records=()).error is not None:
            return
        table, now = known_table(self.ws, self.airtable), self.ws.now()
        if table is not None:
            gone = [CellChange(record, RECORD, "deleted", None, now, now) for record in record_ids]
            with writing(self.ws.engine) as connection:
                airtable_changes.note(connection, table.base_id, table.table_id, gone)
