"""The stand-in's tables at hand, for tests and the admin requests: look without a request, edit as a person would."""

from __future__ import annotations

import threading
from typing import Any

from leads_dagster.errors import NotFoundError
from leads_dagster.sandbox.airtable_model import Table, Token
from leads_dagster.sandbox.airtable_render import render_records
from leads_dagster.sandbox.airtable_world import AirtableWorld, Session
from leads_dagster.sandbox.airtable_writes import Change, check_cells, commit, delete, plan_update
from leads_dagster.sandbox.bases_file import base_head, record_state, table_schema
from leads_dagster.sandbox.http import JsonObject


class AirtableHandle:
    """Edits go in with the source `client`, in transactions of their own; refusals are raised as RefusedError."""

    def __init__(self, world: AirtableWorld, lock: threading.RLock) -> None:
        self._world, self._lock = world, lock

    def session(self, base: str) -> Session:
        found = self._world.bases.get(base)
        if found is None:
            raise NotFoundError(f"The sandbox has no base {base}.")
        return Session(self._world, found, Token("(person)", self._world.owner.id), "client")

    def _table(self, base: str, table: str) -> tuple[Session, Table]:
        session = self.session(base)
        found = session.base.table(table)
        if found is None:
            raise NotFoundError(f"Base {base} has no table {table}.")
        return session, found

    def records(self, base: str, table: str) -> list[JsonObject]:
        """Every record as the API would answer it, by field name, in the order of creation."""
        with self._lock:
            session, found = self._table(base, table)
            return render_records(session, found, found.records.values())

    def field_names(self, base: str, table: str) -> list[str]:
        with self._lock:
            return [field.name for field in self._table(base, table)[1].fields.values()]

    def create(self, base: str, table: str, rows: list[dict[str, Any]]) -> list[JsonObject]:
        """`rows` are fields by name."""
        with self._lock:
            session, found = self._table(base, table)
            changes = [Change(None, check_cells(session, found, row, typecast=False)) for row in rows]
            outcome = commit(session, found, changes) if changes else None
            return render_records(session, found, outcome.records) if outcome else []

    def update(self, base: str, table: str, edits: list[JsonObject]) -> list[JsonObject]:
        """`edits` are `{"id", "fields"}`; other cells stay."""
        with self._lock:
            session, found = self._table(base, table)
            changes = [plan_update(session, found, edit, typecast=False) for edit in edits]
            outcome = commit(session, found, changes) if changes else None
            return render_records(session, found, outcome.records) if outcome else []

    def delete(self, base: str, table: str, record_ids: list[str]) -> None:
        with self._lock:
            session, found = self._table(base, table)
            missing = [each for each in record_ids if each not in found.records]
            if missing:
                raise NotFoundError(f"Table {table} has no record {missing[0]}.")
            if record_ids:
                delete(session, found, record_ids)

    def state(self, *, records: bool = True) -> list[JsonObject]:
        """Every base, its tables and how many records each holds; with `records` also those."""
        with self._lock:
            bases = self._world.bases.values()
            return [
                {**base_head(base), "tables": [_summary(table, records=records) for table in base.tables.values()]}
                for base in bases
            ]


def _summary(table: Table, *, records: bool) -> JsonObject:
    summary = {**table_schema(table), "recordCount": len(table.records)}
    return {**summary, "records": list(map(record_state, table.records.values()))} if records else summary
