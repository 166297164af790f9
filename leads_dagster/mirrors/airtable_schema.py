"""Where leads go in Airtable: which table, which column for which lead field, and what to do where one is missing.

What belongs here: finding and making columns. Not: values (`airtable_values`), records (`airtable_push`), nor finding
out why a table cannot be seen at all (`airtable_access`).

Columns are found by name once and named by field id from then on, so that a column may be renamed while we work; the
ids can be kept (`Target.field_ids`) and given back, and then win over names for good.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from leads_dagster.errors import SettingsError, TargetMissingError
from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.mirrors.airtable_access import probe_without_schema, table_missing
from leads_dagster.mirrors.airtable_errors import AirtableRefusedError
from leads_dagster.mirrors.airtable_requests import AirtableRequests
from leads_dagster.mirrors.airtable_values import COMPUTED_TYPES, WRITABLE_TYPES, AirtableColumn

KEY = "lead_key"
# No field of a lead: what waits for a person, for Airtable alone.
ATTENTION = "attention"
_ATTENTION_NAME = "Needs attention"

# Lead field -> the column's name, unless the customer says otherwise; and the type it is made with.
DEFAULT_NAMES: dict[str, str] = {
    "full_name": "Name",
    "email": "Email",
    "phone": "Phone",
    "company": "Company",
    "title": "Title",
    "linkedin_url": "LinkedIn URL",
    "location": "Location",
    "industry": "Industry",
    "company_size": "Company Size",
    "website": "Website",
    "status": "Status",
    "source": "Source",
    "confidence": "Confidence",
    "verified": "Verified",
    "notes": "Notes",
    KEY: KEY,
}
_TYPES: dict[str, str] = {
    "email": "email",
    "phone": "phoneNumber",
    "linkedin_url": "url",
    "website": "url",
    "notes": "multilineText",
    ATTENTION: "multilineText",
}
_TYPES_OF_KINDS: dict[str, str] = {"number": "number", "bool": "checkbox"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "number": {"precision": 4},
    "checkbox": {"icon": "check", "color": "greenBright"},
}
# A merge field must be plain: e-mail and url are not (airtable.com/developers/web/api/update-multiple-records).
_KEY_TYPES = ("singleLineText", "multilineText")

WhenMissing = Literal["create", "refuse", "withhold"]


@dataclass(frozen=True, slots=True)
class Target:
    """The table and its columns, as last looked at.

    Attributes:
        table: what requests name it by: its id, or its name where the schema may not be read.
        key: the column of `lead_key`.
        columns: lead field -> column, those that are written.
        withheld: lead field -> why it is not written.
        created: names of the columns that were made just now.
        by_name: the token may not read the schema: columns are assumed to be there, with the types we would make.
    """

    table: str
    key: AirtableColumn
    columns: Mapping[str, AirtableColumn]
    withheld: Mapping[str, str] = field(default_factory=dict)
    created: tuple[str, ...] = ()
    by_name: bool = False

    @property
    def field_ids(self) -> dict[str, str]:
        """Lead field -> Airtable field id, `lead_key` among them; empty where they are not known."""
        if self.by_name:
            return {}
        return {KEY: self.key.id, **{name: column.id for name, column in self.columns.items()}}


def field_names(overrides: Mapping[str, str] | None, *, attention: bool = False) -> dict[str, str]:
    """Lead field -> column name; an override of "" leaves a field out.

    Args:
        attention: with the column that says what waits for a person.

    Raises:
        SettingsError: an override is for no lead field, or two fields share a column.
    """
    for name in overrides or {}:
        if name not in LEAD_FIELDS and name != KEY:
            near = difflib.get_close_matches(name, [*LEAD_FIELDS, KEY], 1)
            advice = f"Did you mean {near[0]}?" if near else f"Fields: {', '.join(LEAD_FIELDS)}."
            raise SettingsError(f"airtable.fields: no such lead field: {name}.", advice=advice)
    names = {name: column for name, column in {**DEFAULT_NAMES, **(overrides or {})}.items() if column}
    if attention:
        names[ATTENTION] = _ATTENTION_NAME
    twice = sorted({column for column in names.values() if list(names.values()).count(column) > 1})
    if twice or KEY not in names:
        raise SettingsError(f"airtable.fields: {', '.join(twice) or KEY} must stand for exactly one field.")
    return names


def wanted_type(name: str) -> str:
    """The type a column is made with."""
    return _TYPES.get(name) or _TYPES_OF_KINDS.get(LEAD_FIELDS.get(name, ""), "singleLineText")


class Schema:
    """Finds the target of one customer.

    Args:
        requests: the base's client.
        base_id, table: the table's id or name.
        names: lead field -> column name or field id, `lead_key` among them.
        field_ids: lead field -> field id as known from before; wins over the name while the field exists.
    """

    def __init__(
        self,
        requests: AirtableRequests,
        base_id: str,
        table: str,
        names: Mapping[str, str],
        *,
        field_ids: Mapping[str, str] | None = None,
    ) -> None:
        self._requests = requests
        self._base_id = base_id
        self._table = table
        self._names = names
        self._field_ids = dict(field_ids or {})

    def target(self, *, missing: WhenMissing) -> Target:
        """Looks at the table as it is now; makes the columns it lacks if `missing` is "create".

        Raises:
            TargetMissingError: base, table, or columns that could not be made (each with name and type).
            CredentialsError: the token lacks a scope, which is named.
        """
        try:
            table = self._find_table()
        except AirtableRefusedError:
            probe_without_schema(self._requests, self._base_id, self._table)
            return self._assumed()
        created: tuple[str, ...] = ()
        absent = [name for name in self._names if self._column(table, name) is None]
        if absent and missing == "create":
            created = self._create(table, absent)
            table = self._find_table()
            absent = [name for name in self._names if self._column(table, name) is None]
        needed = [name for name in absent if name != ATTENTION]
        if needed and (missing != "withhold" or KEY in needed):
            raise self._columns_missing(table, needed)
        return replace(self._judged(table, absent), created=created)

    def _find_table(self) -> dict[str, Any]:
        tables: list[dict[str, Any]] = self._requests.get("meta", "bases", self._base_id, "tables")["tables"]
        found = next((table for table in tables if self._table in (table["id"], table["name"])), None)
        if found is None:
            raise table_missing(self._base_id, self._table, [table["name"] for table in tables])
        return found

    def _column(self, table: Mapping[str, Any], name: str) -> dict[str, Any] | None:
        """The field of the schema that stands for a lead field: by known id, else id or name, else name in any case."""
        wanted = self._names[name]
        tests = (
            lambda given: given["id"] == self._field_ids.get(name),
            lambda given: wanted in (given["id"], given["name"]),
            lambda given: given["name"].strip().casefold() == wanted.strip().casefold(),
        )
        fields = table["fields"]
        return next((given for test in tests for given in fields if test(given)), None)

    def _create(self, table: Mapping[str, Any], absent: list[str]) -> tuple[str, ...]:
        """Makes what it can; stops at the first refusal for lack of permission. Returns the names made."""
        created: list[str] = []
        for name in absent:
            kind = wanted_type(name)
            body = {
                "name": self._names[name],
                "type": kind,
                **({"options": _OPTIONS[kind]} if kind in _OPTIONS else {}),
            }
            try:
                self._requests.post("meta", "bases", self._base_id, "tables", table["id"], "fields", json=body)
            except AirtableRefusedError as refused:
                if refused.status != 422:  # 422: another process was faster; the schema is read again
                    break
                continue
            created.append(self._names[name])
        return tuple(created)

    def _columns_missing(self, table: Mapping[str, Any], absent: list[str]) -> TargetMissingError:
        lines = [f'  "{self._names[name]}" as {_spoken(wanted_type(name))}' for name in absent]
        there = ", ".join(f'"{given["name"]}"' for given in table["fields"])
        return TargetMissingError(
            f'The Airtable table "{table["name"]}" of base {self._base_id} lacks {len(absent)} fields:\n'
            + "\n".join(lines)
            + f"\nIt has {there}.",
            advice="Add them, or give the token the scope schema.bases:write, or name other fields in "
            '[customers.airtable.fields] ("" leaves a field out).',
            fields=[self._names[name] for name in absent],
        )

    def _judged(self, table: Mapping[str, Any], absent: list[str]) -> Target:
        """Every column that can be written; the others withheld with the reason."""
        found = {name: self._column(table, name) for name in self._names}
        columns = {name: _airtable_column(given) for name, given in found.items() if given is not None}
        key = columns.pop(KEY)
        if key.type not in _KEY_TYPES:
            raise TargetMissingError(
                f'"{key.name}" in the Airtable table "{table["name"]}" is {_spoken(key.type)}.',
                advice="It must be Single line text: Airtable finds records by plain text only.",
            )
        withheld = {name: f'the table has no field "{self._names[name]}"' for name in absent}
        withheld |= {name: reason for name, column in columns.items() if (reason := _unwritable(column))}
        written = {name: column for name, column in columns.items() if name not in withheld}
        return Target(table["id"], key, written, withheld)

    def _assumed(self) -> Target:
        columns = {name: AirtableColumn(column, column, wanted_type(name)) for name, column in self._names.items()}
        key = columns.pop(KEY)
        return Target(self._table, key, columns, by_name=True)

    def after_refusal(self, seen: Target, refused: AirtableRefusedError) -> Target:
        """The target after Airtable refused a cell: looked at again, or without the column it does not know.

        Raises:
            TargetMissingError: `lead_key` itself is not there.
        """
        if not seen.by_name:
            return self.target(missing="withhold")
        if refused.kind == "UNKNOWN_FIELD_NAME" and f'"{seen.key.name}"' in refused.said:
            raise TargetMissingError(
                f'The Airtable table {self._table} of base {self._base_id} has no field "{seen.key.name}".',
                advice=f'Add "{seen.key.name}" as {_spoken(wanted_type(KEY))}.',
            )
        unknown = next((name for name, column in seen.columns.items() if f'"{column.name}"' in refused.said), None)
        if refused.kind != "UNKNOWN_FIELD_NAME" or unknown is None:
            return seen
        kept = {name: column for name, column in seen.columns.items() if name != unknown}
        withheld = {**seen.withheld, unknown: f'the table has no field "{self._names[unknown]}"'}
        return replace(seen, columns=kept, withheld=withheld)


def _airtable_column(given: Mapping[str, Any]) -> AirtableColumn:
    choices = (given.get("options") or {}).get("choices")
    names = None if choices is None else frozenset(choice["name"] for choice in choices)
    return AirtableColumn(given["id"], given["name"], given["type"], names)


def _unwritable(column: AirtableColumn) -> str | None:
    if column.type in COMPUTED_TYPES:
        return f'"{column.name}" is computed by Airtable ({column.type})'
    if column.type not in WRITABLE_TYPES:
        return f'"{column.name}" is of a type that holds no such value ({column.type})'
    return None


_SPOKEN = {
    "singleLineText": "Single line text",
    "multilineText": "Long text",
    "phoneNumber": "Phone number",
    "email": "Email",
    "url": "URL",
    "number": "Number (4 decimals)",
    "checkbox": "Checkbox",
}


def _spoken(kind: str) -> str:
    return _SPOKEN.get(kind, kind)
