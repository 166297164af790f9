"""The records of the Airtable table that shows rows in quarantine.

What belongs here: writing, finding and deleting them. Where the table is, is known to `airtable_fixing_schema`; which
rows stand in it, and when, is the pipeline's business. Leads never go through here.

A record is ours by its plain text field "Record key". Records without such a key, and fields that people added, are
never touched. Every record is written by that key, so that a crash between Airtable's answer and our books makes no
second one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leads_dagster.errors import AccessError
from leads_dagster.mirrors.airtable_access import write_refused
from leads_dagster.mirrors.airtable_errors import AirtableRefusedError
from leads_dagster.mirrors.airtable_fixing_schema import FixingSchema, FixingTarget
from leads_dagster.mirrors.airtable_push import BATCH
from leads_dagster.mirrors.airtable_requests import AirtableRequests
from leads_dagster.mirrors.airtable_values import AirtableColumn, to_cell

# Keys in one formula: an address that asks for more would be too long.
_KEYS_A_LOOK = 50


@dataclass(frozen=True, slots=True)
class FixingRow:
    """What one record should say.

    Attributes:
        key: names it; ours alone.
        values: our name of a field -> text, whole number or time; None for blank.
    """

    key: str
    values: Mapping[str, Any]


@dataclass(slots=True)
class Put:
    """What came of writing rows: key -> record id, and key -> why Airtable refuses it."""

    ids: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class FixingTable:
    """The records of one such table.

    Args:
        requests: the base's client, with its budget.
        base_id: "app…".
        schema: finds the table.
        known: the target of an earlier look, which spares another one.
    """

    def __init__(
        self, requests: AirtableRequests, base_id: str, schema: FixingSchema, *, known: FixingTarget | None = None
    ) -> None:
        self._requests = requests
        self._base_id = base_id
        self._schema = schema
        self._known = known
        self._seen: FixingTarget | None = None

    @property
    def target(self) -> FixingTarget:
        """The table, looked at once where it was not known.

        Raises:
            LeadsError: as `FixingSchema.target`.
        """
        if self._known is None and self._seen is None:
            self._seen = self._schema.target()
        return self._seen or self._known  # type: ignore[return-value]  # one of the two is there

    def put(self, rows: Sequence[FixingRow]) -> Put:
        """Writes records by their keys, ten a request; one that Airtable refuses takes no other with it.

        Raises:
            LeadsError: as `target`; CredentialsError also where the token may not write.
        """
        done = Put()
        for start in range(0, len(rows), BATCH):
            self._put(rows[start : start + BATCH], done)
        return done

    def _put(self, rows: Sequence[FixingRow], done: Put) -> None:
        target = self.target
        records = [{"fields": _cells(target, row)} for row in rows]
        try:
            answer = self._requests.send(
                lambda api: api.table(self._base_id, target.table_id).batch_upsert(
                    records, key_fields=[target.key.id], use_field_ids=True
                )
            )
        except AirtableRefusedError as refused:
            return self._put_apart(rows, done, refused)
        done.ids.update({record["fields"].get(target.key.id, ""): record["id"] for record in answer["records"]})
        return None

    def _put_apart(self, rows: Sequence[FixingRow], done: Put, refused: AirtableRefusedError) -> None:
        if self._look_again():
            return self._put(rows, done)
        if refused.status in (403, 404):
            raise write_refused(self._requests, self._base_id, self.target.table_id, refused) from refused
        if len(rows) == 1:
            return self._put_alone(rows[0], done, refused)
        middle = len(rows) // 2
        self._put(rows[:middle], done)
        return self._put(rows[middle:], done)

    def _look_again(self) -> bool:
        """Whether what was known from before is another now; asked at most once."""
        if self._seen is not None:
            return False
        self._seen = self._schema.target()
        return self._seen != self._known

    def _put_alone(self, row: FixingRow, done: Put, refused: AirtableRefusedError) -> None:
        """One that is refused by itself: somebody may have doubled our record; then the first goes on."""
        target = self.target
        found = self.find([row.key]).get(row.key, [])
        try:
            if len(found) < 2:
                raise refused
            self._requests.send(
                lambda api: api.table(self._base_id, target.table_id).update(
                    found[0], _cells(target, row), use_field_ids=True
                )
            )
        except AirtableRefusedError as still:
            done.refused[row.key] = still.said
        else:
            done.ids[row.key] = found[0]

    def find(self, keys: Sequence[str]) -> dict[str, list[str]]:
        """Key -> ids of the records that carry it, the oldest first.

        Raises:
            LeadsError: as `target`; AccessError where the records cannot be read.
        """
        from pyairtable.formulas import EQ, OR, Field, to_formula_str

        found: dict[str, list[str]] = {}
        for start in range(0, len(keys), _KEYS_A_LOOK):
            wanted = OR(*(EQ(Field(self.target.key.name), key) for key in keys[start : start + _KEYS_A_LOOK]))
            self._list(found, {"formula": to_formula_str(wanted)})
        return found

    def ours(self, prefix: str) -> dict[str, list[str]]:
        """As `find`, of all records whose key begins with `prefix`; reads the whole table."""
        found: dict[str, list[str]] = {}
        self._list(found, {})
        return {key: ids for key, ids in found.items() if key.startswith(prefix)}

    def _list(self, found: dict[str, list[str]], options: Mapping[str, Any]) -> None:
        target = self.target
        asked = {**options, "fields": [target.key.id], "use_field_ids": True, "page_size": 100}
        records: list[Mapping[str, Any]] = []
        while True:
            try:
                page = self._requests.get(self._base_id, target.table_id, options=dict(asked))
            except AirtableRefusedError as refused:
                raise AccessError(f"Airtable refuses to list what needs fixing: {refused.said}.") from refused
            records += page["records"]
            if not page.get("offset"):
                break
            asked["offset"] = page["offset"]
        for record in sorted(records, key=lambda one: (one["createdTime"], one["id"])):
            if key := record["fields"].get(target.key.id):
                found.setdefault(key, []).append(record["id"])

    def delete(self, record_ids: Sequence[str]) -> None:
        """Deletes records; those that are not there are deleted already.

        Raises:
            LeadsError: as `target`.
        """
        for start in range(0, len(record_ids), BATCH):
            self._delete(record_ids[start : start + BATCH])

    def _delete(self, record_ids: Sequence[str]) -> None:
        target = self.target
        try:
            self._requests.send(lambda api: api.table(self._base_id, target.table_id).batch_delete(record_ids))
        except AirtableRefusedError as refused:
            if not refused.record_gone:
                raise AccessError(f"Airtable refuses to delete what needed fixing: {refused.said}.") from refused
            if len(record_ids) == 1:
                return
            middle = len(record_ids) // 2
            self._delete(record_ids[:middle])
            self._delete(record_ids[middle:])


def _cells(target: FixingTarget, row: FixingRow) -> dict[str, Any]:
    cells: dict[str, Any] = {target.key.id: row.key}
    for name, value in row.values.items():
        if name in target.columns:
            cells[target.columns[name].id] = _cell(target.columns[name], value)
    return cells


def _cell(column: AirtableColumn, value: Any) -> Any:
    """What the column can hold of it; blank where somebody gave it a type that cannot."""
    try:
        return to_cell(column, value, create_options=True)
    except ValueError:
        return None
