"""What one request changes, in all the tables that it touches: noted while somebody listens, and only then.

A record is noted before it is changed, so that the difference can be told afterwards. Who hears of it, and in which
form, is in `airtable_payloads`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from leads_dagster.sandbox.airtable_computed import computed_value
from leads_dagster.sandbox.airtable_model import Field, Record, Table
from leads_dagster.sandbox.airtable_render import hook_cell
from leads_dagster.sandbox.airtable_world import Session
from leads_dagster.sandbox.http import JsonObject

_SHOWN_COMPUTED = frozenset({"autoNumber", "count", "formula", "multipleLookupValues", "rollup"})


@dataclass(frozen=True, slots=True)
class RecordChange:
    """Cells by field id as payloads show them: those that changed, what they were, and the others."""

    current: JsonObject
    previous: JsonObject
    unchanged: JsonObject


@dataclass(slots=True)
class TableChanges:
    """One table's part. `born` is a table that the transaction made; `metadata` is its name and text before."""

    table: Table
    born: bool = False
    metadata: JsonObject | None = None
    created: dict[str, Record] = field(default_factory=dict)
    before: dict[str, tuple[Record, JsonObject]] = field(default_factory=dict)
    destroyed_ids: list[str] = field(default_factory=list)
    created_fields: dict[str, JsonObject] = field(default_factory=dict)
    changed_fields: dict[str, JsonObject] = field(default_factory=dict)
    destroyed_fields: list[str] = field(default_factory=list)


class Transaction:
    """What one request changed. Nothing is noted where the base has no hook."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.listening = bool(session.base.hooks)
        self.tables: dict[str, TableChanges] = {}
        self.destroyed_tables: list[str] = []

    def _of(self, table: Table) -> TableChanges:
        return self.tables.setdefault(table.id, TableChanges(table))

    def note(self, table: Table, record: Record) -> None:
        """To be called before the record is changed, as often as one likes."""
        if not self.listening:
            return
        changes = self._of(table)
        if record.id not in changes.created and record.id not in changes.before:
            changes.before[record.id] = (record, self._all_cells(table, record))

    def created(self, table: Table, record: Record) -> None:
        if self.listening:
            self._of(table).created[record.id] = record

    def destroyed(self, table: Table, record: Record) -> None:
        if self.listening:
            changes = self._of(table)
            changes.destroyed_ids.append(record.id)
            changes.before.pop(record.id, None)

    def created_field(self, table: Table, made: Field) -> None:
        self._of(table).created_fields[made.id] = field_info(made)

    def changed_field(self, table: Table, changed: Field, *, before: JsonObject) -> None:
        """`before` is its `field_info` from before the change; what stayed is not told, but where all of it did."""
        now = field_info(changed)
        others = [name for name in now if now[name] != before[name]] or list(now)
        told = {"current": {name: now[name] for name in others}, "previous": {name: before[name] for name in others}}
        self._of(table).changed_fields[changed.id] = told

    def destroyed_field(self, table: Table, gone: Field) -> None:
        self._of(table).destroyed_fields.append(gone.id)

    def created_table(self, table: Table) -> None:
        self._of(table).born = True

    def changed_table(self, table: Table, *, before: JsonObject) -> None:
        """`before` is its `table_info` from before the change."""
        self._of(table).metadata = before

    def destroyed_table(self, table: Table) -> None:
        self.destroyed_tables.append(table.id)

    def _all_cells(self, table: Table, record: Record) -> JsonObject:
        """Every cell as payloads show it, computed ones too."""
        shown = {each: hook_cell(self.session, table.fields[each], value) for each, value in record.cells.items()}
        base, world = self.session.base, self.session.world
        computed = [each for each in table.fields.values() if each.type in _SHOWN_COMPUTED]
        made = {each.id: computed_value(world, base, table, record, each) for each in computed}
        return {**shown, **{key: value for key, value in made.items() if value is not None}}

    def created_records(self, changes: TableChanges) -> dict[str, JsonObject]:
        """`{createdTime, cellValuesByFieldId}` by record id."""
        return {
            record.id: {
                "createdTime": record.created_time,
                "cellValuesByFieldId": self._all_cells(changes.table, record),
            }
            for record in changes.created.values()
        }

    def changed_records(self, changes: TableChanges) -> dict[str, RecordChange]:
        """The records noted that are not now what they were."""
        found = {}
        for record_id, (record, before) in changes.before.items():
            after = self._all_cells(changes.table, record)
            ids = [each for each in {**before, **after} if before.get(each) != after.get(each)]
            if ids:
                current, previous = ({each: cells.get(each) for each in ids} for cells in (after, before))
                unchanged = {each: value for each, value in after.items() if each not in ids}
                found[record_id] = RecordChange(current, previous, unchanged)
        return found


def field_info(described: Field) -> JsonObject:
    return {"name": described.name, "type": described.type}


def table_info(table: Table) -> JsonObject:
    return {"name": table.name, "description": table.description}
