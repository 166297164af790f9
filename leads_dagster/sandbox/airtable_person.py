"""What a person does in Airtable's own UI and its API does not offer: fields and tables made, changed and removed.

Each is one transaction with the session's source. Edits of records are in `airtable_writes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leads_dagster.errors import ContentError, NotFoundError
from leads_dagster.sandbox.airtable_computed import computed_value
from leads_dagster.sandbox.airtable_fields import (
    CREATABLE_TYPES,
    add_inverse,
    checked_field,
    computed_options,
    field_name,
)
from leads_dagster.sandbox.airtable_model import Field, Record, Table
from leads_dagster.sandbox.airtable_payloads import deliver
from leads_dagster.sandbox.airtable_transactions import Transaction, field_info, table_info
from leads_dagster.sandbox.airtable_values import PARSERS, add_choices
from leads_dagster.sandbox.airtable_world import Session
from leads_dagster.sandbox.formula_values import text_of
from leads_dagster.sandbox.http import JsonObject, RefusedError
from leads_dagster.sandbox.ids import new_id

_USUAL_OPTIONS: dict[str, JsonObject] = {
    "checkbox": {"icon": "check", "color": "greenBright"},
    "currency": {"precision": 2, "symbol": "€"},
    "date": {"dateFormat": {"name": "iso"}},
    "dateTime": {"dateFormat": {"name": "iso"}, "timeFormat": {"name": "24hour"}, "timeZone": "utc"},
    "duration": {"durationFormat": "h:mm"},
    "multipleSelects": {"choices": []},
    "number": {"precision": 0},
    "percent": {"precision": 0},
    "rating": {"icon": "star", "max": 5, "color": "yellowBright"},
    "singleSelect": {"choices": []},
}


def existing_field(table: Table, name_or_id: str) -> Field:
    found = table.field(name_or_id)
    if found is None:
        raise NotFoundError(f"There is no field {name_or_id}.")
    return found


def add_field(session: Session, table: Table, given: JsonObject) -> Field:
    """`given` is `{"name", "type", "options"?}`; any type, computed ones too; usual options where none are given."""
    field = _new_field(session, table, given)
    transaction = Transaction(session)
    table.add_field(field)
    transaction.created_field(table, field)
    add_inverse(session, table, field, note=transaction.created_field)
    _done(transaction)
    return field


def _new_field(session: Session, table: Table, given: JsonObject) -> Field:
    kind, options = str(given.get("type")), given.get("options")
    if kind in CREATABLE_TYPES:
        return checked_field(session, table, {**given, "options": options or _USUAL_OPTIONS.get(kind)})
    name = field_name(given.get("name"))
    if table.field(name) is not None:
        raise ContentError(f"There is a field {name} already.")
    return Field(new_id("fld"), name, kind, computed_options(table, kind, options))


def change_field(session: Session, table: Table, field: Field, given: JsonObject) -> None:
    """`given` may hold `name`, `description`, `type`, `options`, and `choices`: names of select options to add.

    What another type does to cells is told in the same payload: airtable.com/developers/web/api/model/webhooks-payload.
    """
    before = field_info(field)
    transaction = Transaction(session)
    name = field_name(given.get("name", field.name))
    if table.field(name) not in (None, field):
        raise ContentError(f"There is a field {name} already.")
    field.name, field.description = name, given.get("description", field.description)
    if "type" in given:
        _retype(transaction, table, field, str(given["type"]), given.get("options"))
    elif "options" in given:
        field.options = given["options"]
    add_choices(field, [str(each) for each in given.get("choices", [])])
    table.schema_changed()
    transaction.changed_field(table, field, before=before)
    _done(transaction)


def _retype(transaction: Transaction, table: Table, field: Field, kind: str, options: JsonObject | None) -> None:
    """Cells become what their text means in the new type, or empty."""
    texts = {each.id: _text(transaction.session, table, each, field) for each in table.records.values()}
    for record in table.records.values():
        transaction.note(table, record)
    field.type, field.options = kind, options or _USUAL_OPTIONS.get(kind)
    for record in table.records.values():
        value = None if field.computed else _read(field, texts[record.id])
        if value:
            add_choices(field, [value] if isinstance(value, str) else value) if "elect" in kind else None
        _put(table, record, field, value)


def _text(session: Session, table: Table, record: Record, field: Field) -> str:
    if field.computed:
        return text_of(computed_value(session.world, session.base, table, record, field))
    value = record.cells.get(field.id)
    return "" if value is None else text_of(value)


def _read(field: Field, text: str) -> Any:
    parser = PARSERS.get(field.type)
    if parser is None or not text:
        return None
    try:
        return parser(field, text, True)
    except RefusedError:
        return None


def _put(table: Table, record: Record, field: Field, value: Any) -> None:
    if value is None and field.id not in record.cells:
        return
    cells = {key: each for key, each in record.cells.items() if key != field.id}
    table.replace_cells(record, cells if value is None else {**cells, field.id: value})


def remove_field(session: Session, table: Table, field: Field) -> None:
    """The field goes with its cells; the other end of a link becomes text; hooks that name it turn ill."""
    if field.id == table.primary_field_id:
        raise ContentError("The primary field cannot be removed.")
    transaction = Transaction(session)
    for record in table.records.values():
        _put(table, record, field, None)
    del table.fields[field.id]
    table.schema_changed()
    transaction.destroyed_field(table, field)
    _unlink(session, field, transaction)
    _done(transaction)


def _unlink(session: Session, field: Field, transaction: Transaction) -> None:
    linked = session.base.tables.get(str(field.option("linkedTableId")))
    inverse = linked.fields.get(str(field.option("inverseLinkFieldId"))) if linked else None
    if linked is not None and inverse is not None:
        before = field_info(inverse)
        _retype(transaction, linked, inverse, "singleLineText", None)
        linked.schema_changed()
        transaction.changed_field(linked, inverse, before=before)


def rename_table(session: Session, table: Table, given: JsonObject) -> None:
    """`given` may hold `name` and `description`."""
    transaction = Transaction(session)
    transaction.changed_table(table, before=table_info(table))
    table.name, table.description = given.get("name", table.name), given.get("description", table.description)
    _done(transaction)


def remove_table(session: Session, table: Table) -> None:
    transaction = Transaction(session)
    del session.base.tables[table.id]
    transaction.destroyed_table(table)
    _done(transaction)


def _done(transaction: Transaction) -> None:
    deliver(transaction)
    transaction.session.world.changed()


def hooks_named(session: Session, hook_ids: Iterable[str] | None) -> list[str]:
    """The ids, each of which must be a hook of the base; None means all of them."""
    wanted = list(session.base.hooks if hook_ids is None else hook_ids)
    missing = [each for each in wanted if each not in session.base.hooks]
    if missing:
        raise NotFoundError(f"Base {session.base.id} has no webhook {missing[0]}.")
    return wanted
