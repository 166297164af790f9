"""Webhook payloads: a transaction cut to what each hook of the base asked for.

Forms follow Airtable's models "Webhooks payload" and "Webhooks table changed". A hook whose field, table or view is
gone turns ill: its last payload says `error` and `INVALID_HOOK`, with the change that did it, and it hears no more
(seen in bluedotimpact/bluedot pull request 1203).
"""

from __future__ import annotations

from typing import Any

from leads_dagster.sandbox.airtable_hooks import Hook, expire, notify
from leads_dagster.sandbox.airtable_listing import ids_in_view
from leads_dagster.sandbox.airtable_transactions import (
    RecordChange,
    TableChanges,
    Transaction,
    field_info,
    table_info,
)
from leads_dagster.sandbox.airtable_world import Session
from leads_dagster.sandbox.clock import iso_milliseconds
from leads_dagster.sandbox.http import JsonObject

_WITH_USER = frozenset({"client", "publicApi"})
_ALL_TYPES = ("add", "remove", "update")


def deliver(transaction: Transaction) -> None:
    """Give every hook of the base the part of the transaction that it asked for."""
    session = transaction.session
    session.base.transaction_number += 1
    if not session.base.hooks:
        return
    expire(session.world, session.base)
    shared = _SharedChanges(transaction)
    for hook in [each for each in session.base.hooks.values() if each.enabled]:
        if _breaks(hook, transaction):
            make_ill(session, hook, _destroyed(transaction))
            continue
        found = _wanted(hook, transaction, shared)
        if found:
            _append(session, hook, found)


def make_ill(session: Session, hook: Hook, changed_tables: JsonObject | None = None) -> None:
    """The hook is disabled and says so in a last payload."""
    hook.enabled = False
    changed = {"changedTablesById": changed_tables} if changed_tables else {}
    _append(session, hook, {**changed, "error": True, "code": "INVALID_HOOK"})


def _append(session: Session, hook: Hook, found: JsonObject) -> None:
    hook.payloads.append(
        {
            "timestamp": iso_milliseconds(session.world.clock.now()),
            "baseTransactionNumber": session.base.transaction_number,
            "actionMetadata": _metadata(session),
            "payloadFormat": "v0",
            **found,
        }
    )
    session.world.changed()
    notify(session.world, session.base, hook)


def _metadata(session: Session) -> JsonObject:
    if session.source not in _WITH_USER:
        return {"source": session.source}
    user = {**session.user.to_json(), "permissionLevel": session.base.permission_level}
    return {"source": session.source, "sourceMetadata": {"user": user}}


def _destroyed(transaction: Transaction) -> JsonObject:
    tables = transaction.tables.items()
    return {key: {"destroyedFieldIds": each.destroyed_fields} for key, each in tables if each.destroyed_fields}


def _breaks(hook: Hook, transaction: Transaction) -> bool:
    """Whether something that the hook's specification names is gone."""
    gone = {each for changes in transaction.tables.values() for each in changes.destroyed_fields}
    included = hook.includes.get("includeCellValuesInFieldIds")
    named = [hook.filters.get("watchDataInFieldIds"), hook.filters.get("watchSchemasOfFieldIds")]
    named.append(included if isinstance(included, list) else None)
    if any(each in gone for names in named for each in names or []):
        return True
    return hook.filters.get("recordChangeScope") in transaction.destroyed_tables


class _SharedChanges:
    """The records of a transaction as payloads show them, worked out once for all hooks."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._made: dict[str, tuple[dict[str, JsonObject], dict[str, RecordChange]]] = {}

    def of(self, changes: TableChanges) -> tuple[dict[str, JsonObject], dict[str, RecordChange]]:
        if changes.table.id not in self._made:
            made = self.transaction.created_records(changes), self.transaction.changed_records(changes)
            self._made[changes.table.id] = made
        return self._made[changes.table.id]


def _wanted(hook: Hook, transaction: Transaction, shared: _SharedChanges) -> JsonObject:
    sources = hook.filters.get("fromSources")
    if sources and transaction.session.source not in sources:
        return {}
    tables = [each for each in transaction.tables.values() if _in_scope(hook, each)]
    changed = {each.table.id: _changed_table(hook, each, shared) for each in tables if not each.born}
    found: JsonObject = {"changedTablesById": {key: value for key, value in changed.items() if value}}
    if "tableMetadata" in hook.filters["dataTypes"]:
        if "add" in _types(hook):
            found["createdTablesById"] = {each.table.id: _created_table(each, shared) for each in tables if each.born}
        if "remove" in _types(hook) and not hook.filters.get("recordChangeScope"):
            found["destroyedTableIds"] = transaction.destroyed_tables
    return {key: value for key, value in found.items() if value}


def _types(hook: Hook) -> Any:
    return hook.filters.get("changeTypes") or _ALL_TYPES


def _in_scope(hook: Hook, changes: TableChanges) -> bool:
    scope = hook.filters.get("recordChangeScope")
    return not scope or scope == changes.table.id or scope in [view["id"] for view in changes.table.views]


def _created_table(changes: TableChanges, shared: _SharedChanges) -> JsonObject:
    table = changes.table
    fields = {each.id: field_info(each) for each in table.fields.values()}
    return {"metadata": table_info(table), "fieldsById": fields, "recordsById": shared.of(changes)[0]}


def _changed_table(hook: Hook, changes: TableChanges, shared: _SharedChanges) -> JsonObject:
    found: JsonObject = {}
    kinds = hook.filters["dataTypes"]
    if "tableData" in kinds:
        found.update(_scoped_records(hook, changes, shared))
    if "tableFields" in kinds:
        found.update(_fields(hook, changes))
    if "tableMetadata" in kinds and changes.metadata is not None and "update" in _types(hook):
        found["changedMetadata"] = {"current": table_info(changes.table), "previous": changes.metadata}
    return found


def _scoped_records(hook: Hook, changes: TableChanges, shared: _SharedChanges) -> JsonObject:
    """Record changes, under the view if the hook is for one."""
    created, changed = shared.of(changes)
    scope = hook.filters.get("recordChangeScope")
    if not scope or scope == changes.table.id:
        return _records(hook, created, changed, changes.destroyed_ids)
    inside = ids_in_view(shared.transaction.session, changes.table, scope, [*created, *changed])
    created = {key: value for key, value in created.items() if key in inside}
    changed = {key: value for key, value in changed.items() if key in inside}
    found = _records(hook, created, changed, changes.destroyed_ids)
    return {"changedViewsById": {scope: found}} if found else {}


def _records(
    hook: Hook, created: dict[str, JsonObject], changed: dict[str, RecordChange], destroyed: list[str]
) -> JsonObject:
    types = _types(hook)
    cut = {key: _changed(hook, cells) for key, cells in changed.items()} if "update" in types else {}
    found = {
        "changedRecordsById": {key: value for key, value in cut.items() if value},
        "createdRecordsById": {key: _created(hook, each) for key, each in created.items()} if "add" in types else {},
        "destroyedRecordIds": destroyed if "remove" in types else [],
    }
    return {key: value for key, value in found.items() if value}


def _created(hook: Hook, record: JsonObject) -> JsonObject:
    """With a list of watched fields only these and those asked for."""
    watched = hook.filters.get("watchDataInFieldIds")
    included = hook.includes.get("includeCellValuesInFieldIds")
    if not watched or included == "all":
        return record
    kept = {*watched, *(included or [])}
    cells = {key: value for key, value in record["cellValuesByFieldId"].items() if key in kept}
    return {**record, "cellValuesByFieldId": cells}


def _changed(hook: Hook, cells: RecordChange) -> JsonObject | None:
    watched = hook.filters.get("watchDataInFieldIds")
    ids = [each for each in cells.current if not watched or each in watched]
    if not ids:
        return None
    answer: JsonObject = {"current": {"cellValuesByFieldId": {each: cells.current[each] for each in ids}}}
    if hook.includes.get("includePreviousCellValues"):
        answer["previous"] = {"cellValuesByFieldId": {each: cells.previous[each] for each in ids}}
    wanted = hook.includes.get("includeCellValuesInFieldIds")
    if wanted:
        kept = {key: value for key, value in cells.unchanged.items() if wanted == "all" or key in wanted}
        answer["unchanged"] = {"cellValuesByFieldId": kept}
    return answer


def _fields(hook: Hook, changes: TableChanges) -> JsonObject:
    types, watched = _types(hook), hook.filters.get("watchSchemasOfFieldIds")
    changed = {key: each for key, each in changes.changed_fields.items() if not watched or key in watched}
    if not hook.includes.get("includePreviousFieldDefinitions"):
        changed = {key: {"current": each["current"]} for key, each in changed.items()}
    gone = [each for each in changes.destroyed_fields if not watched or each in watched]
    found: JsonObject = {
        "createdFieldsById": changes.created_fields if "add" in types and not watched else {},
        "changedFieldsById": changed if "update" in types else {},
        "destroyedFieldIds": gone if "remove" in types else [],
    }
    return {key: value for key, value in found.items() if value}
