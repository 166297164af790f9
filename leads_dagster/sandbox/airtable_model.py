"""What an Airtable base is made of: tables, fields, records and the indexes that make upserts quick.

Data and look-ups only: what may be written is in `airtable_values`, what is shown in `airtable_render`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from leads_dagster.sandbox.http import JsonObject

COMPUTED_TYPES = frozenset(
    [
        "aiText",
        "autoNumber",
        "button",
        "count",
        "createdBy",
        "createdTime",
        "externalSyncSource",
        "formula",
        "lastModifiedBy",
        "lastModifiedTime",
        "multipleLookupValues",
        "rollup",
    ]
)
TEXT_TYPES = frozenset(["singleLineText", "email", "url", "phoneNumber", "multilineText", "richText"])
NUMBER_TYPES = frozenset(["number", "currency", "percent", "rating", "duration"])


@dataclass(slots=True)
class Field:
    id: str
    name: str
    type: str
    options: JsonObject | None = None
    description: str | None = None

    @property
    def computed(self) -> bool:
        return self.type in COMPUTED_TYPES

    def option(self, name: str) -> Any:
        return (self.options or {}).get(name)

    def to_json(self) -> JsonObject:
        described = {} if self.description is None else {"description": self.description}
        options = {} if self.options is None else {"options": self.options}
        return {"type": self.type, **options, "id": self.id, "name": self.name, **described}


@dataclass(slots=True)
class Record:
    """`cells` holds what is written, by field id, empty values left out; computed values are made when read.

    `seeded` keeps computed values that a bases file gave and that no definition in it can make again.
    `touched` says when a cell last changed after creation, by field id.
    """

    id: str
    created_time: str
    number: int
    cells: dict[str, Any]
    created_by: str
    modified_time: str
    modified_by: str
    touched: dict[str, str] | None = None
    seeded: dict[str, Any] | None = None
    comments: list[JsonObject] | None = None


Index = dict[tuple[Any, ...], dict[str, None]]


@dataclass(slots=True)
class Table:
    id: str
    name: str
    primary_field_id: str
    fields: dict[str, Field]
    views: list[JsonObject]
    description: str | None = None
    extra: JsonObject = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    next_number: int = 1
    schema_version: int = 0
    _indexes: dict[tuple[str, ...], Index] = field(default_factory=dict)
    _by_name: dict[str, Field] | None = None
    _sorted_ids: list[str] = field(default_factory=list)
    _ids: tuple[str, ...] | None = None

    def field(self, name_or_id: str) -> Field | None:
        """The field of that id or, exactly, that name."""
        found = self.fields.get(name_or_id)
        if found is not None:
            return found
        if self._by_name is None:
            self._by_name = {each.name: each for each in self.fields.values()}
        return self._by_name.get(name_or_id)

    @property
    def primary(self) -> Field:
        return self.fields[self.primary_field_id]

    def add_field(self, new: Field) -> None:
        self.fields[new.id] = new
        self.schema_changed()

    def schema_changed(self) -> None:
        self.schema_version += 1
        self._by_name = None

    def ids(self) -> tuple[str, ...]:
        """Every record id in the order of ids, in which Airtable lists where no view is named (recorded so).

        The same tuple until a record comes or goes.
        """
        if self._ids is None:
            self._ids = tuple(self._sorted_ids)
        return self._ids

    def insert(self, record: Record) -> None:
        """A record more; the order of `records` is that of creation, as a grid view has it."""
        self.records[record.id] = record
        insort(self._sorted_ids, record.id)
        self._ids = None
        for field_ids, index in self._indexes.items():
            index.setdefault(_key(record.cells, field_ids), {})[record.id] = None

    def remove(self, record_id: str) -> Record:
        record = self.records.pop(record_id)
        del self._sorted_ids[bisect_left(self._sorted_ids, record_id)]
        self._ids = None
        for field_ids, index in self._indexes.items():
            index.get(_key(record.cells, field_ids), {}).pop(record_id, None)
        return record

    def replace_cells(self, record: Record, cells: dict[str, Any]) -> None:
        for field_ids, index in self._indexes.items():
            before, after = _key(record.cells, field_ids), _key(cells, field_ids)
            if before != after:
                index.get(before, {}).pop(record.id, None)
                index.setdefault(after, {})[record.id] = None
        record.cells = cells

    def matching(self, field_ids: tuple[str, ...], cells: dict[str, Any]) -> list[str]:
        """Ids of the records whose values in those fields equal those of `cells`. The first call builds an index."""
        index = self._indexes.get(field_ids)
        if index is None:
            index = self._indexes[field_ids] = _build_index(self.records.values(), field_ids)
        return list(index.get(_key(cells, field_ids), ()))


def _build_index(records: Iterable[Record], field_ids: tuple[str, ...]) -> Index:
    index: Index = {}
    for record in records:
        index.setdefault(_key(record.cells, field_ids), {})[record.id] = None
    return index


def _key(cells: dict[str, Any], field_ids: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(_hashable(cells.get(field_id)) for field_id in field_ids)


def _hashable(value: Any) -> Any:
    return tuple(map(str, value)) if isinstance(value, list) else value


@dataclass(slots=True)
class Base:
    """`flags` are the twin's own settings of a bases file (see `bases_file`); Airtable has none of them."""

    id: str
    name: str
    permission_level: str = "create"
    tables: dict[str, Table] = field(default_factory=dict)
    flags: JsonObject = field(default_factory=dict)
    created_time: str = "2024-01-01T00:00:00.000Z"
    workspace_id: str = "wspLeadsSandbox01"
    transaction_number: int = 0
    hooks: dict[str, Any] = field(default_factory=dict)
    calls_this_month: int = 0
    month: str = ""

    def table(self, name_or_id: str) -> Table | None:
        found = self.tables.get(name_or_id)
        if found is not None:
            return found
        return next((table for table in self.tables.values() if table.name == name_or_id), None)

    def record_count(self) -> int:
        return sum(len(table.records) for table in self.tables.values())


@dataclass(frozen=True, slots=True)
class User:
    id: str
    email: str
    name: str

    def to_json(self) -> JsonObject:
        return {"id": self.id, "email": self.email, "name": self.name}


@dataclass(frozen=True, slots=True)
class Token:
    """What one key may do; `scopes` and `bases` of None mean everything. `app` is the OAuth app that it belongs to."""

    text: str
    user_id: str
    scopes: frozenset[str] | None = None
    bases: frozenset[str] | None = None
    app: str | None = None

    def allows(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes
