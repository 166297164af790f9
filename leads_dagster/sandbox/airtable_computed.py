"""What computed fields show: formulas, rollups, lookups, counts, numbers and times that nobody types.

A definition that a bases file does not hold (older schema answers leave them out) cannot be worked out: then a
value seeded with the record stands, else the nearest harmless thing of the right type.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from leads_dagster.sandbox.airtable_model import Base, Field, Record, Table
from leads_dagster.sandbox.airtable_references import linked_records
from leads_dagster.sandbox.airtable_world import AirtableWorld
from leads_dagster.sandbox.clock import parse_iso
from leads_dagster.sandbox.formula_functions import FUNCTIONS
from leads_dagster.sandbox.formula_parser import Compiled, compile_formula
from leads_dagster.sandbox.formula_values import FormulaSyntaxError, FormulaValueError, shown

MAX_NESTING = 20
_DATE_TYPES = frozenset({"date", "dateTime", "createdTime", "lastModifiedTime"})
_ERROR = {"error": "#ERROR!"}


class RecordRow:
    """A record as a formula sees it."""

    __slots__ = ("base", "depth", "record", "record_id", "table", "world")

    def __init__(self, world: AirtableWorld, base: Base, table: Table, record: Record, depth: int = 0) -> None:
        self.world, self.base, self.table, self.record, self.depth = world, base, table, record, depth
        self.record_id = record.id

    def value(self, field: Field) -> Any:
        if not field.computed:
            return _formula_value(field, self.record.cells.get(field.id))
        if self.depth > MAX_NESTING:
            raise FormulaValueError("circular")
        return _formula_value(field, computed_raw(self, field))

    def created_time(self) -> datetime:
        return parse_iso(self.record.created_time)

    def modified_time(self, fields: list[Field]) -> datetime | None:
        return _modified(self.record, [field.id for field in fields])

    def now(self) -> datetime:
        return self.world.clock.now()


def _formula_value(field: Field, value: Any) -> Any:
    if isinstance(value, str) and field.type in _DATE_TYPES:
        return parse_iso(value)
    if isinstance(value, dict) and "specialValue" in value:
        return math.nan
    if value is None and field.type == "checkbox":
        return False
    return value


def _modified(record: Record, field_ids: list[str]) -> datetime | None:
    if not field_ids:
        return parse_iso(record.modified_time)
    times = [(record.touched or {}).get(each) for each in field_ids]
    written = [each for each in times if each]
    if written:
        return parse_iso(max(written))
    return parse_iso(record.created_time) if any(each in record.cells for each in field_ids) else None


@lru_cache(maxsize=512)
def _compiled(table_key: tuple[int, int], text: str, lookup: Callable[[str], Any]) -> Compiled:
    return compile_formula(text, lookup=lookup, functions=FUNCTIONS)


def compiled(table: Table, text: str) -> Compiled:
    """The formula as a function of a row, kept until the table's schema changes. Raises FormulaSyntaxError."""
    return _compiled((id(table), table.schema_version), text, _Lookup(table))


class _Lookup:
    """Fields by name; equal for one table, so that the cache of formulas can tell."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __call__(self, name: str) -> Field | None:
        found = self.table.field(name)
        if found is not None:
            return found
        return next((each for each in self.table.fields.values() if each.name.lower() == name.lower()), None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Lookup) and other.table is self.table

    def __hash__(self) -> int:
        return id(self.table)


def computed_value(world: AirtableWorld, base: Base, table: Table, record: Record, field: Field) -> Any:
    """The value as the API shows it, or None for an empty cell."""
    try:
        return shown(computed_raw(RecordRow(world, base, table, record), field))
    except (FormulaValueError, FormulaSyntaxError, RecursionError):
        return _ERROR


def computed_raw(row: RecordRow, field: Field) -> Any:
    return _COMPUTED.get(field.type, _seeded)(row, field)


def _seeded(row: RecordRow, field: Field) -> Any:
    return (row.record.seeded or {}).get(field.id)


def _deeper(row: RecordRow) -> RecordRow:
    return RecordRow(row.world, row.base, row.table, row.record, row.depth + 1)


def _formula(row: RecordRow, field: Field) -> Any:
    text = field.option("formula")
    if not text:
        seeded = _seeded(row, field)
        return row.record.cells.get(row.table.primary_field_id) if seeded is None else seeded
    return compiled(row.table, text)(_deeper(row))


def _linked_values(row: RecordRow, field: Field) -> list[Any] | None:
    """The looked-up cells of the linked records; None where the definition is not known."""
    link_id, wanted = field.option("recordLinkFieldId"), field.option("fieldIdInLinkedTable")
    link = row.table.fields.get(str(link_id))
    linked = row.base.tables.get(str(link.option("linkedTableId"))) if link else None
    target = linked.fields.get(str(wanted)) if linked else None
    if linked is None or target is None:
        return None
    if row.depth > MAX_NESTING:
        raise FormulaValueError("circular")
    records = linked_records(row.base, row.table, row.record, link_id)
    rows = [RecordRow(row.world, row.base, linked, each, row.depth + 1) for each in records]
    values = [each.record.cells.get(target.id) if not target.computed else computed_raw(each, target) for each in rows]
    return [value for value in values if value is not None]


def _lookup(row: RecordRow, field: Field) -> Any:
    values = _linked_values(row, field)
    if values is None:
        return _seeded(row, field)
    flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return flat or None


class _ValuesRow(RecordRow):
    """The row of a rollup's formula, in which the word `values` stands for what was looked up."""

    __slots__ = ("values",)
    values: list[Any]

    def value(self, field: Field) -> Any:
        return self.values if field is _VALUES else super().value(field)


_VALUES = Field("values", "values", "rollupValues")


def _rollup(row: RecordRow, field: Field) -> Any:
    values = _linked_values(row, field)
    if values is None:
        seeded = _seeded(row, field)
        return math.nan if seeded is None else seeded
    rolled = _ValuesRow(row.world, row.base, row.table, row.record, row.depth + 1)
    rolled.values = values
    return _rollup_formula(field.option("formula") or "SUM(values)")(rolled)


@lru_cache(maxsize=128)
def _rollup_formula(text: str) -> Compiled:
    return compile_formula(text, lookup=lambda name: _VALUES if name.lower() == "values" else None, functions=FUNCTIONS)


def _count(row: RecordRow, field: Field) -> Any:
    link_id = field.option("recordLinkFieldId")
    if link_id not in row.table.fields:
        return _seeded(row, field) or 0
    return len(row.record.cells.get(link_id, []))


def _modified_time(row: RecordRow, field: Field) -> Any:
    return _modified(row.record, field.option("referencedFieldIds") or [])


def _modified_by(row: RecordRow, field: Field) -> Any:
    return row.world.user(row.record.modified_by).to_json() if row.record.modified_by else None


def _button(row: RecordRow, field: Field) -> Any:
    seeded = _seeded(row, field)
    if seeded is not None:
        return seeded
    url = f"https://airtable.com/{row.base.id}/{row.table.id}/{row.record.id}"
    return {"label": field.option("label") or "Open URL", "url": field.option("url") or url}


_COMPUTED: dict[str, Callable[[RecordRow, Field], Any]] = {
    "autoNumber": lambda row, field: row.record.number,
    "button": _button,
    "count": _count,
    "createdBy": lambda row, field: row.world.user(row.record.created_by).to_json(),
    "createdTime": lambda row, field: row.record.created_time,
    "formula": _formula,
    "lastModifiedBy": _modified_by,
    "lastModifiedTime": _modified_time,
    "multipleLookupValues": _lookup,
    "rollup": _rollup,
}
