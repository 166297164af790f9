"""Changing records: everything a request asks for is checked first, then all of it is done, or none.

A `Change` is one record's checked difference. `commit` applies them as one transaction and tells the webhooks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_model import Field, Record, Table
from leads_dagster.sandbox.airtable_payloads import deliver
from leads_dagster.sandbox.airtable_references import (
    parse_attachments,
    parse_collaborator,
    parse_collaborators,
    parse_links,
    update_inverse,
)
from leads_dagster.sandbox.airtable_transactions import Transaction
from leads_dagster.sandbox.airtable_values import PARSERS, add_choices, choices
from leads_dagster.sandbox.airtable_world import Session
from leads_dagster.sandbox.http import JsonObject
from leads_dagster.sandbox.ids import new_id

MERGE_TYPES = frozenset(
    [
        "number",
        "currency",
        "percent",
        "rating",
        "duration",
        "singleLineText",
        "multilineText",
        "richText",
        "singleSelect",
        "multipleSelects",
        "date",
        "dateTime",
        "autoNumber",
    ]
)


@dataclass(slots=True)
class Change:
    """`record_id` of None creates. `clear_rest` is PUT."""

    record_id: str | None
    cells: dict[str, Any]
    clear_rest: bool = False


@dataclass(slots=True)
class Outcome:
    """The records a commit touched, in the order of its changes; `created` and `updated` are ids."""

    records: list[Record] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)


def check_cells(
    session: Session, table: Table, fields: Any, *, typecast: bool, before: Record | None = None
) -> dict[str, Any]:
    """Cells by field id, None where a cell is to be emptied. Refuses the first thing that cannot be written."""
    if not isinstance(fields, dict):
        raise errors.missing_fields()
    cells: dict[str, Any] = {}
    for name, value in fields.items():
        target = table.field(name)
        if target is None:
            raise errors.unknown_field(name)
        if target.computed:
            raise errors.computed_field(target.name)
        cells[target.id] = _check_cell(session, target, value, typecast, before)
    return cells


def _check_cell(session: Session, target: Field, value: Any, typecast: bool, before: Record | None) -> Any:
    if value is None or value == "":
        return "\n" if target.type == "richText" and before is not None else None
    reference = _REFERENCES.get(target.type)
    if reference is not None:
        return reference(session, target, value, typecast, before)
    parser = PARSERS.get(target.type)
    if parser is None:
        raise errors.bad_value(target.name)
    parsed = parser(target, value, typecast)
    if typecast and not session.may("create"):
        _refuse_new_options(target, parsed)
    return parsed


def _refuse_new_options(target: Field, value: Any) -> None:
    if target.type in ("singleSelect", "multipleSelects"):
        known = choices(target)
        for name in [value] if isinstance(value, str) else value or []:
            if name not in known:
                raise errors.bad_option(name)


_REFERENCES: dict[str, Callable[[Session, Field, Any, bool, Record | None], Any]] = {
    "multipleRecordLinks": lambda session, target, value, typecast, before: parse_links(
        session.base, target, value, typecast=typecast
    ),
    "singleCollaborator": lambda session, target, value, typecast, before: parse_collaborator(
        target, value, session.world.users.values(), typecast=typecast
    ),
    "multipleCollaborators": lambda session, target, value, typecast, before: parse_collaborators(
        target, value, session.world.users.values(), typecast=typecast
    ),
    "multipleAttachments": lambda session, target, value, typecast, before: parse_attachments(
        target, value, before.cells.get(target.id) if before else None
    ),
}


def plan_upsert(
    session: Session, table: Table, given: list[JsonObject], merge_on: Any, *, typecast: bool
) -> list[Change]:
    """What an upsert means: a record with an id is that record, another is the one that the merge fields find.

    No match creates, one updates, several fail the whole request; so do two records that mean the same one.
    """
    merge_ids = _merge_fields(table, merge_on)
    changes = []
    for each in given:
        if each.get("id"):
            changes.append(plan_update(session, table, each, typecast=typecast))
            continue
        cells = check_cells(session, table, each.get("fields"), typecast=typecast)
        if not all(cells.get(field_id) is not None for field_id in merge_ids):
            raise errors.bad_request("Every record must hold a value for each of the fieldsToMergeOn")
        found = table.matching(merge_ids, cells)
        if len(found) > 1:
            raise errors.bad_request("Cannot upsert: more than one record matches the values of fieldsToMergeOn")
        changes.append(Change(found[0] if found else None, cells))
    require_once(changes, merge_ids)
    return changes


def require_once(changes: list[Change], merge_ids: tuple[str, ...] = ()) -> None:
    """A request may name a record once only: by its id, or by the values that an upsert would make it of."""
    new = [tuple(str(change.cells.get(each)) for each in merge_ids) for change in changes if change.record_id is None]
    known = [change.record_id for change in changes if change.record_id is not None]
    if len(set(known)) < len(known) or (merge_ids and len(set(new)) < len(new)):
        raise errors.same_record_twice()


def _merge_fields(table: Table, merge_on: Any) -> tuple[str, ...]:
    names = merge_on.get("fieldsToMergeOn") if isinstance(merge_on, dict) else None
    if not isinstance(names, list) or not 1 <= len(names) <= 3:
        raise errors.bad_request("performUpsert must name one to three fieldsToMergeOn")
    ids = []
    for name in names:
        target = table.field(name)
        if target is None:
            raise errors.unknown_field(str(name))
        if target.type not in MERGE_TYPES:
            raise errors.bad_request(f'Field "{target.name}" cannot be used to merge records')
        ids.append(target.id)
    return tuple(ids)


def plan_update(
    session: Session, table: Table, given: JsonObject, *, typecast: bool, clear_rest: bool = False
) -> Change:
    record_id = given.get("id")
    if not isinstance(record_id, str):
        raise errors.bad_records(with_id=True)
    before = table.records.get(record_id)
    if before is None:
        raise errors.row_does_not_exist(record_id)
    cells = check_cells(session, table, given.get("fields"), typecast=typecast, before=before)
    return Change(record_id, cells, clear_rest)


def commit(session: Session, table: Table, changes: list[Change]) -> Outcome:
    """Do what was checked, as one transaction. Raises only when the base would hold too many records."""
    _require_room(session, sum(change.record_id is None for change in changes))
    transaction = Transaction(session)
    outcome = Outcome()
    for change in changes:
        _add_options(table, change.cells)
        if change.record_id is None:
            record = _create(transaction, table, change)
            outcome.created.append(record.id)
        else:
            record = table.records[change.record_id]
            _update(transaction, table, record, change)
            outcome.updated.append(record.id)
        outcome.records.append(record)
    deliver(transaction)
    session.world.changed()
    return outcome


def _require_room(session: Session, coming: int) -> None:
    limit = session.base.flags.get("recordLimit")
    if limit is not None and coming and session.base.record_count() + coming > limit:
        raise errors.base_full(limit)


def _add_options(table: Table, cells: dict[str, Any]) -> None:
    for field_id, value in cells.items():
        target = table.fields[field_id]
        if value and target.type in ("singleSelect", "multipleSelects"):
            names = [value] if isinstance(value, str) else value
            if add_choices(target, names):
                table.schema_changed()


def _create(transaction: Transaction, table: Table, change: Change) -> Record:
    session = transaction.session
    user_id, now = session.user.id, session.world.clock.stamp()
    cells = {key: value for key, value in change.cells.items() if not _is_empty(value)}
    record = Record(new_id("rec"), now, table.next_number, cells, user_id, now, user_id)
    table.next_number += 1
    table.insert(record)
    transaction.created(table, record)
    _link(transaction, table, record, {}, cells)
    return record


def _update(transaction: Transaction, table: Table, record: Record, change: Change) -> None:
    before, now = record.cells, transaction.session.world.clock.stamp()
    kept = {} if change.clear_rest else before
    cells = {**kept, **change.cells}
    cells = {key: value for key, value in cells.items() if not _is_empty(value)}
    changed = [key for key in {**before, **cells} if before.get(key) != cells.get(key)]
    if not changed:
        return
    transaction.note(table, record)
    table.replace_cells(record, cells)
    record.touched = {**(record.touched or {}), **dict.fromkeys(changed, now)}
    record.modified_time, record.modified_by = now, transaction.session.user.id
    _link(transaction, table, record, before, cells)


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [])


def _link(transaction: Transaction, table: Table, record: Record, before: JsonObject, after: JsonObject) -> None:
    for target in table.fields.values():
        if target.type == "multipleRecordLinks" and before.get(target.id) != after.get(target.id):
            old, new = before.get(target.id, []), after.get(target.id, [])
            base = transaction.session.base
            update_inverse(base, target, record, before=old, after=new, note=transaction.note)


def delete(session: Session, table: Table, record_ids: list[str]) -> None:
    """Remove the records; they must exist."""
    transaction = Transaction(session)
    for record_id in dict.fromkeys(record_ids):
        record = table.records[record_id]
        _link(transaction, table, record, record.cells, {})
        table.remove(record_id)
        transaction.destroyed(table, record)
    deliver(transaction)
    session.world.changed()
