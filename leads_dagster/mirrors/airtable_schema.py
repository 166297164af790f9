"""Where leads go in Airtable: which table, which column for which lead field, and what to do where one is missing.

What belongs here: asking for the schema and making columns. Not: which column is whose (`airtable_columns`), values
(`airtable_values`), records (`airtable_push`), nor finding out why a table cannot be seen at all (`airtable_access`).

Columns are found by name once and named by field id from then on, so that a column may be renamed while we work; the
ids can be kept (`Target.field_ids`) and given back, and then win over names for good. A column that was there and is
not any more was removed by a person: it is held and said, never made again behind their back.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from leads_dagster.errors import SettingsError, TargetMissingError
from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.mirrors.airtable_access import probe_without_schema, table_missing
from leads_dagster.mirrors.airtable_columns import pair_columns, spoken, why_missing, why_unwritable
from leads_dagster.mirrors.airtable_errors import AirtableRefusedError
from leads_dagster.mirrors.airtable_requests import AirtableRequests
from leads_dagster.mirrors.airtable_values import AirtableColumn

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
        unwritable: lead field -> its column, of those withheld that have one.
        created: names of the columns that were made just now.
        by_name: the token may not read the schema: columns are assumed to be there, with the types we would make.
    """

    table: str
    key: AirtableColumn
    columns: Mapping[str, AirtableColumn]
    withheld: Mapping[str, str] = field(default_factory=dict)
    unwritable: Mapping[str, AirtableColumn] = field(default_factory=dict)
    created: tuple[str, ...] = ()
    by_name: bool = False

    @property
    def known(self) -> dict[str, AirtableColumn]:
        """Lead field -> its column, `lead_key` and those that cannot be written among them."""
        return {KEY: self.key, **self.columns, **self.unwritable}

    @property
    def field_ids(self) -> dict[str, str]:
        """Lead field -> Airtable field id, `lead_key` among them; empty where they are not known."""
        return {} if self.by_name else {name: column.id for name, column in self.known.items()}


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
        known_table: id of the table that `field_ids` are of, and that is taken before one of the name `table`.
        remembered: the target as it was last seen, for when the schema may no longer be read.
    """

    def __init__(
        self,
        requests: AirtableRequests,
        base_id: str,
        table: str,
        names: Mapping[str, str],
        *,
        field_ids: Mapping[str, str] | None = None,
        known_table: str | None = None,
        remembered: Target | None = None,
    ) -> None:
        self._remembered = remembered
        self._requests = requests
        self._base_id = base_id
        self._table = table
        self._names = names
        self._field_ids = dict(field_ids or {})
        self._known_table = known_table

    def target(self, *, missing: WhenMissing) -> Target:
        """Looks at the table as it is now; makes the columns it lacks and never had if `missing` is "create".

        Raises:
            TargetMissingError: base, table, `lead_key`, or, of a table that was never met before, columns that could
                not be made (each with name and type).
            CredentialsError: the token lacks a scope, which is named.
        """
        try:
            table = self._find_table()
        except AirtableRefusedError:
            probe_without_schema(self._requests, self._base_id, self._table)
            return self._remembered or self._assumed()
        if table["id"] != self._known_table and self._known_table is not None:
            self._field_ids.clear()  # another table has taken the name
        met_before = bool(self._field_ids)
        created: tuple[str, ...] = ()
        never_there = [name for name in self._names if name not in self._paired(table) and name not in self._field_ids]
        if never_there and missing == "create":
            created = self._create(table, never_there)
            table = self._find_table()
        absent = [name for name in self._names if name not in self._paired(table)]
        if KEY in absent and met_before:
            raise self._key_missing(table)
        needed = [name for name in absent if name != ATTENTION]
        if needed and missing != "withhold" and not met_before:
            raise self._columns_missing(table, needed)
        return replace(self._judged(table, absent), created=created)

    def _find_table(self) -> dict[str, Any]:
        tables: list[dict[str, Any]] = self._requests.get("meta", "bases", self._base_id, "tables")["tables"]
        for wanted in (self._known_table, self._table):
            found = next((table for table in tables if wanted in (table["id"], table["name"])), None)
            if found is not None:
                return found
        raise table_missing(self._base_id, self._table, [table["name"] for table in tables])

    def _paired(self, table: Mapping[str, Any]) -> dict[str, AirtableColumn]:
        return pair_columns(self._names, self._field_ids, table["fields"])

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
        lines = [f'  "{self._names[name]}" as {spoken(wanted_type(name))}' for name in absent]
        there = ", ".join(f'"{given["name"]}"' for given in table["fields"])
        return TargetMissingError(
            f'The Airtable table "{table["name"]}" of base {self._base_id} lacks {len(absent)} fields:\n'
            + "\n".join(lines)
            + f"\nIt has {there}.",
            advice="Add them, or give the token the scope schema.bases:write, or name other fields in "
            '[customers.airtable.fields] ("" leaves a field out).',
            fields=[self._names[name] for name in absent],
        )

    def _key_missing(self, table: Mapping[str, Any]) -> TargetMissingError:
        return TargetMissingError(
            f'The field "{self._names[KEY]}" was removed from the Airtable table "{table["name"]}" of base '
            f"{self._base_id}; it says which lead a record shows, and nothing is written without it.",
            advice=f"Restore it from the trash of the base, or add {self._names[KEY]} as {spoken(wanted_type(KEY))}.",
            fields=[self._names[KEY]],
        )

    def _judged(self, table: Mapping[str, Any], absent: list[str]) -> Target:
        """Every column that can be written; the others withheld with the reason."""
        columns = self._paired(table)
        key = columns.pop(KEY)
        if key.type not in _KEY_TYPES:
            raise TargetMissingError(
                f'"{key.name}" in the Airtable table "{table["name"]}" is {spoken(key.type)}.',
                advice="It must be Single line text: Airtable finds records by plain text only.",
            )
        withheld = {name: self._why_missing(name) for name in absent}
        withheld |= {name: reason for name, column in columns.items() if (reason := why_unwritable(column))}
        unwritable = {name: columns.pop(name) for name in withheld if name in columns}
        self._known_table = table["id"]
        self._field_ids |= {KEY: key.id, **{name: column.id for name, column in {**columns, **unwritable}.items()}}
        return Target(table["id"], key, columns, withheld, unwritable)

    def _why_missing(self, name: str) -> str:
        return why_missing(name, self._names[name], wanted_type(name), removed=name in self._field_ids)

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
                advice=f'Add "{seen.key.name}" as {spoken(wanted_type(KEY))}.',
            )
        unknown = next((name for name, column in seen.columns.items() if f'"{column.name}"' in refused.said), None)
        if unknown is None or refused.kind not in ("UNKNOWN_FIELD_NAME", "INVALID_VALUE_FOR_COLUMN"):
            return seen
        return self._without(seen, unknown, refused)

    def _without(self, seen: Target, name: str, refused: AirtableRefusedError) -> Target:
        """The target without a column that, to judge by what Airtable says, no lead's value can go to."""
        if refused.kind == "UNKNOWN_FIELD_NAME":
            reason = self._why_missing(name)
        elif "computed" in refused.said:
            reason = str(why_unwritable(replace(seen.columns[name], type="formula")))
        else:
            return seen
        kept = {kept: column for kept, column in seen.columns.items() if kept != name}
        return replace(seen, columns=kept, withheld={**seen.withheld, name: reason})
