"""Reads a bases file (and writes the state file, which has the same form) into bases, users and tokens.

A bases file is `{"bases": [{"id", "name", "permissionLevel", "tables": [as the meta API gives them, each with
optional "records"]}]}`. The twin's own, optional keys:

* in a base: `workspaceId`, `createdTime`, `monthlyCalls` (calls a month before the billing refusal), `recordLimit`
  (records a base may hold), `metaAccess: false` (its schema is not shown), `unknownTable: "2022"` (the refusal of
  an unknown table as recorded in 2022).
* in a field's `options`: `formula` of a rollup (such as `SUM(values)`), `label` and `url` of a button.
* at the top: `users` `[{"id", "email", "name"}]`, the first of whom owns every token that is not listed, and
  `tokens` `{"pat…": {"scopes": [...], "bases": [...], "userId", "oauthApp"}}`: what a key may do (all that is not
  limited), for whom, and the name of the OAuth app to which it belongs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from leads_dagster.errors import SettingsError
from leads_dagster.sandbox.airtable_model import Base, Field, Record, Table, Token, User
from leads_dagster.sandbox.airtable_values import seed_cell
from leads_dagster.sandbox.clock import Clock
from leads_dagster.sandbox.http import JsonObject
from leads_dagster.sandbox.ids import new_id

DEFAULT_BASES = Path(__file__).with_name("default_bases.json")
DEFAULT_USER = User("usrLeadsSandbox01", "owner@example.com", "Sandbox Owner")
_FLAGS = ("monthlyCalls", "recordLimit", "metaAccess", "unknownTable")


def read_bases_file(path: Path) -> JsonObject:
    """The parsed file. Raises SettingsError when it cannot be read or is no bases file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"The bases file {path} cannot be read: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("bases"), list):
        raise SettingsError(f'The bases file {path} must hold an object with a list called "bases".')
    return content


def load_users(content: JsonObject) -> dict[str, User]:
    users = [User(each["id"], each.get("email", ""), each.get("name", "")) for each in content.get("users", [])]
    return {user.id: user for user in users or [DEFAULT_USER]}


def load_tokens(content: JsonObject, owner: User) -> dict[str, Token]:
    return {text: _token(text, given, owner) for text, given in content.get("tokens", {}).items()}


def _token(text: str, given: JsonObject, owner: User) -> Token:
    def limit(name: str) -> frozenset[str] | None:
        return frozenset(given[name]) if name in given else None

    return Token(text, given.get("userId", owner.id), limit("scopes"), limit("bases"), given.get("oauthApp"))


def load_base(given: JsonObject, *, users: dict[str, User], clock: Clock) -> Base:
    """A base from a bases file or a state file; ids are kept, missing ones made. Raises SettingsError.

    People whom the records name as their makers are added to `users`.
    """
    try:
        base = Base(given.get("id") or new_id("app"), given["name"], given.get("permissionLevel", "create"))
        base.flags = {name: given[name] for name in _FLAGS if name in given}
        base.created_time = given.get("createdTime", base.created_time)
        base.workspace_id = given.get("workspaceId", base.workspace_id)
        base.transaction_number = given.get("transactionNumber", 0)
        base.calls_this_month, base.month = given.get("callsThisMonth", 0), given.get("month", "")
        for table_given in given.get("tables", []):
            table = load_table(table_given)
            base.tables[table.id] = table
            _load_records(table, table_given.get("records", []), users=users, clock=clock)
    except (KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"The bases file is wrong near base {given.get('id')!r}: {error!r}") from error
    return base


def load_field(given: JsonObject) -> Field:
    return Field(
        given.get("id") or new_id("fld"), given["name"], given["type"], given.get("options"), given.get("description")
    )


def load_table(given: JsonObject) -> Table:
    fields = {each.id: each for each in map(load_field, given["fields"])}
    primary = given.get("primaryFieldId") or next(iter(fields))
    views = [dict(each) for each in given.get("views", [])]  # the file's own are not to be changed
    views = views or [{"id": new_id("viw"), "name": "Grid view", "type": "grid"}]
    known = {"id", "name", "fields", "views", "primaryFieldId", "description", "records", "nextNumber"}
    extra = {key: value for key, value in given.items() if key not in known}
    table = Table(given.get("id") or new_id("tbl"), given["name"], primary, fields, views, given.get("description"))
    table.extra = extra
    table.next_number = given.get("nextNumber", 1)
    return table


def _load_records(table: Table, given: list[JsonObject], *, users: dict[str, User], clock: Clock) -> None:
    for each in given:
        record = _state_record(each) if "cells" in each else _seed_record(table, each, users=users, clock=clock)
        table.next_number = max(table.next_number, record.number + 1)
        table.insert(record)


def _seed_record(table: Table, given: JsonObject, *, users: dict[str, User], clock: Clock) -> Record:
    """Nobody has modified a seeded record unless its file says so (recorded so of a copied base)."""
    created, owner = given.get("createdTime") or clock.stamp(), next(iter(users))
    record = Record(given.get("id") or new_id("rec"), created, table.next_number, {}, owner, created, "")
    for name, value in given.get("fields", {}).items():
        _seed(table, record, name, value, users)
    return record


def _seed(table: Table, record: Record, name: str, value: Any, users: dict[str, User]) -> None:
    field = table.field(name)
    if field is None:
        raise KeyError(f"table {table.name} has no field {name}")
    if field.type == "autoNumber":
        record.number = int(value)
    elif field.type == "lastModifiedTime":
        record.modified_time = value
    elif field.type in ("createdBy", "lastModifiedBy"):
        user = users.setdefault(value["id"], User(value["id"], value.get("email", ""), value.get("name", "")))
        attribute = "created_by" if field.type == "createdBy" else "modified_by"
        setattr(record, attribute, user.id)
    elif field.computed:
        record.seeded = {**(record.seeded or {}), field.id: value}
    elif value is not None and value is not False and value not in ("", []):
        record.cells[field.id] = seed_cell(field, value)


def _state_record(given: JsonObject) -> Record:
    return Record(
        given["id"],
        given["createdTime"],
        given["number"],
        given["cells"],
        given["createdBy"],
        given["modifiedTime"],
        given["modifiedBy"],
        given.get("touched"),
        given.get("seeded"),
        given.get("comments"),
    )


def base_head(base: Base) -> JsonObject:
    """The base in the form of a bases file, without its tables."""
    return {
        "id": base.id,
        "name": base.name,
        "permissionLevel": base.permission_level,
        "createdTime": base.created_time,
        "workspaceId": base.workspace_id,
        "transactionNumber": base.transaction_number,
        "callsThisMonth": base.calls_this_month,
        "month": base.month,
        **base.flags,
    }


def table_schema(table: Table) -> JsonObject:
    """The table as the meta API shows it."""
    described = {} if table.description is None else {"description": table.description}
    return {
        "id": table.id,
        "name": table.name,
        "primaryFieldId": table.primary_field_id,
        **described,
        "fields": [each.to_json() for each in table.fields.values()],
        "views": table.views,
        **table.extra,
    }


def record_state(record: Record) -> JsonObject:
    """Everything of a record, for the state file."""
    optional = {"touched": record.touched, "seeded": record.seeded, "comments": record.comments}
    return {
        "id": record.id,
        "createdTime": record.created_time,
        "number": record.number,
        "cells": record.cells,
        "createdBy": record.created_by,
        "modifiedTime": record.modified_time,
        "modifiedBy": record.modified_by,
        **{key: value for key, value in optional.items() if value is not None},
    }
