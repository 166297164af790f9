"""The stand-in's tables at hand, for tests and the admin requests: look without a request, edit as a person would."""

from __future__ import annotations

import threading
from typing import Any

from leads_dagster.errors import ContentError, NotFoundError
from leads_dagster.sandbox import airtable_person as person
from leads_dagster.sandbox.airtable_hooks import expire, hook_state
from leads_dagster.sandbox.airtable_model import Table, Token
from leads_dagster.sandbox.airtable_payloads import make_ill
from leads_dagster.sandbox.airtable_render import render_records
from leads_dagster.sandbox.airtable_world import SOURCES, AirtableWorld, Session, Source
from leads_dagster.sandbox.airtable_writes import Change, check_cells, commit, delete, plan_update
from leads_dagster.sandbox.bases_file import base_head, record_state, table_schema
from leads_dagster.sandbox.http import JsonObject


class AirtableHandle:
    """Edits go in as one person's, each in a transaction of its own; refusals are raised as RefusedError.

    `acting` gives the same handle for somebody else, or for another source than a person at the screen.
    """

    def __init__(
        self,
        world: AirtableWorld,
        lock: threading.RLock,
        *,
        source: Source = "client",
        user_id: str | None = None,
    ) -> None:
        self._world, self._lock, self._source, self._user_id = world, lock, source, user_id

    def acting(self, *, source: Source = "client", user_id: str | None = None) -> AirtableHandle:
        """`user_id` is one of the bases file's users, None its first."""
        if source not in SOURCES or (user_id is not None and user_id not in self._world.users):
            raise ContentError(f"There is no source {source!r} or no user {user_id!r}.")
        return AirtableHandle(self._world, self._lock, source=source, user_id=user_id)

    def session(self, base: str) -> Session:
        found = self._world.bases.get(base)
        if found is None:
            raise NotFoundError(f"The sandbox has no base {base}.")
        return Session(self._world, found, Token("(person)", self._user_id or self._world.owner.id), self._source)

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

    def create(self, base: str, table: str, rows: list[dict[str, Any]], *, typecast: bool = False) -> list[JsonObject]:
        """`rows` are fields by name. With `typecast` a select option that is not there is made."""
        with self._lock:
            session, found = self._table(base, table)
            changes = [Change(None, check_cells(session, found, row, typecast=typecast)) for row in rows]
            outcome = commit(session, found, changes) if changes else None
            return render_records(session, found, outcome.records) if outcome else []

    def update(self, base: str, table: str, edits: list[JsonObject], *, typecast: bool = False) -> list[JsonObject]:
        """`edits` are `{"id", "fields"}`; other cells stay."""
        with self._lock:
            session, found = self._table(base, table)
            changes = [plan_update(session, found, edit, typecast=typecast) for edit in edits]
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

    def add_field(self, base: str, table: str, given: JsonObject) -> JsonObject:
        """`{"name", "type", "options"?}`; computed fields too, which the API does not make."""
        with self._lock:
            session, found = self._table(base, table)
            return person.add_field(session, found, given).to_json()

    def change_field(self, base: str, table: str, field: str, given: JsonObject) -> JsonObject:
        """`name`, `description`, `type`, `options`, or `choices` (names of options to add). Cells are converted."""
        with self._lock:
            session, found = self._table(base, table)
            changed = person.existing_field(found, field)
            person.change_field(session, found, changed, given)
            return changed.to_json()

    def remove_field(self, base: str, table: str, field: str) -> str:
        """The id of what is gone."""
        with self._lock:
            session, found = self._table(base, table)
            gone = person.existing_field(found, field)
            person.remove_field(session, found, gone)
            return gone.id

    def rename_table(self, base: str, table: str, given: JsonObject) -> None:
        """`name`, `description`."""
        with self._lock:
            person.rename_table(*self._table(base, table), given)

    def remove_table(self, base: str, table: str) -> str:
        """The id of what is gone."""
        with self._lock:
            session, found = self._table(base, table)
            person.remove_table(session, found)
            return found.id

    def hooks(self, base: str) -> list[JsonObject]:
        """Every webhook with its payloads and secret."""
        with self._lock:
            session = self.session(base)
            expire(self._world, session.base)
            return [hook_state(hook) for hook in session.base.hooks.values()]

    def expire_hooks(self, base: str, hook_ids: list[str] | None = None) -> list[str]:
        """They are gone as if their seven days were over; None means all of the base."""
        with self._lock:
            session = self.session(base)
            gone = person.hooks_named(session, hook_ids)
            for each in gone:
                del session.base.hooks[each]
            self._world.changed()
            return gone

    def disable_hooks(self, base: str, hook_ids: list[str] | None = None) -> list[str]:
        """They are listed still, as not enabled, and hear no more; nothing else tells. None means all of the base."""
        with self._lock:
            session = self.session(base)
            quiet = person.hooks_named(session, hook_ids)
            for each in quiet:
                session.base.hooks[each].enabled = False
            self._world.changed()
            return quiet

    def break_hooks(self, base: str, hook_ids: list[str] | None = None) -> list[str]:
        """They turn ill now and say INVALID_HOOK in a last payload; None means all of the base."""
        with self._lock:
            session = self.session(base)
            ill = person.hooks_named(session, hook_ids)
            for each in ill:
                make_ill(session, session.base.hooks[each])
            return ill

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
