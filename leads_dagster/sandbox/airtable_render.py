"""Records as the API answers them: by field name or id, as JSON values or as text, empty cells left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from leads_dagster.sandbox.airtable_computed import computed_value
from leads_dagster.sandbox.airtable_model import Field, Record, Table
from leads_dagster.sandbox.airtable_text import Reader, cell_text
from leads_dagster.sandbox.airtable_values import choices
from leads_dagster.sandbox.airtable_world import Session
from leads_dagster.sandbox.formula_values import text_of
from leads_dagster.sandbox.http import JsonObject


@dataclass(frozen=True, slots=True)
class Shape:
    """How records are wanted. `fields` of None means all; with a `reader` cells are text."""

    by_field_id: bool = False
    fields: tuple[Field, ...] | None = None
    reader: Reader | None = None
    comment_count: bool = False


DEFAULT_SHAPE = Shape()


def render_records(
    session: Session, table: Table, records: Iterable[Record], shape: Shape = DEFAULT_SHAPE
) -> list[JsonObject]:
    wanted = tuple(table.fields.values()) if shape.fields is None else shape.fields
    stored = [(each.id, each.id if shape.by_field_id else each.name, each) for each in wanted if not each.computed]
    computed = [(each.id if shape.by_field_id else each.name, each) for each in wanted if each.computed]
    columns = _Columns(stored, computed)
    return [_render(session, table, record, columns, shape) for record in records]


def render_record(session: Session, table: Table, record: Record, shape: Shape = DEFAULT_SHAPE) -> JsonObject:
    return render_records(session, table, [record], shape)[0]


@dataclass(frozen=True, slots=True)
class _Columns:
    """The wanted fields: stored ones with id and key, computed ones with key."""

    stored: list[tuple[str, str, Field]]
    computed: list[tuple[str, Field]]


def _render(session: Session, table: Table, record: Record, columns: _Columns, shape: Shape) -> JsonObject:
    stored, computed = columns.stored, columns.computed
    cells = record.cells
    reader = shape.reader
    if reader is not None:
        fields = {key: _as_text(session, field, cells[id_], reader) for id_, key, field in stored if id_ in cells}
    else:
        fields = {key: cells[id_] for id_, key, _ in stored if id_ in cells}
    for key, field in computed:
        value = computed_value(session.world, session.base, table, record, field)
        if value not in (None, "", []):
            fields[key] = value if reader is None else cell_text(field, value, reader)
    answer: JsonObject = {"id": record.id, "createdTime": record.created_time, "fields": fields}
    if shape.comment_count:
        answer["commentCount"] = len(record.comments or ())
    return answer


def _as_text(session: Session, field: Field, value: Any, reader: Reader) -> str:
    if field.type == "multipleRecordLinks":
        return ", ".join(name for _, name in _named_links(session, field, value))
    return cell_text(field, value, reader)


def hook_cell(session: Session, field: Field, value: Any) -> Any:
    """A cell as webhook payloads show it: options and linked records as objects."""
    if value is None:
        return None
    if field.type == "singleSelect":
        return choices(field).get(value)
    if field.type == "multipleSelects":
        return [choices(field).get(each) for each in value]
    if field.type == "multipleRecordLinks":
        return [{"id": each, "name": name} for each, name in _named_links(session, field, value)]
    return value


def _named_links(session: Session, field: Field, ids: list[str]) -> list[tuple[str, str]]:
    linked = session.base.tables.get(str(field.option("linkedTableId")))
    if linked is None:
        return [(each, "") for each in ids]
    primary = linked.primary_field_id
    return [(each, text_of(linked.records[each].cells.get(primary))) for each in ids if each in linked.records]
