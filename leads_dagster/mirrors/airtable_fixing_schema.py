"""The Airtable table that shows rows in quarantine: finding it, or making it and the fields it lacks.

What belongs here: its fields and where they are. Not: the records in it (`airtable_fixing`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leads_dagster.errors import CredentialsError, TargetMissingError
from leads_dagster.mirrors.airtable_errors import AirtableRefusedError
from leads_dagster.mirrors.airtable_requests import AirtableRequests
from leads_dagster.mirrors.airtable_values import WRITABLE_TYPES, AirtableColumn

KEY = "Record key"
# Our fields, with type, in the order of a table that we make; the first is its primary field.
FIELDS: Mapping[str, str] = {
    "Reason": "singleLineText",
    "Column": "singleLineText",
    "Cell": "multilineText",
    "Suggestion": "multilineText",
    "Source": "singleLineText",
    "Row": "number",
    "Link": "url",
    "Since": "dateTime",
    KEY: "singleLineText",
}
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "number": {"precision": 0},
    "dateTime": {"timeZone": "utc", "dateFormat": {"name": "iso"}, "timeFormat": {"name": "24hour"}},
}
_SPOKEN: Mapping[str, str] = {
    "singleLineText": "Single line text",
    "multilineText": "Long text",
    "number": "Number",
    "url": "URL",
    "dateTime": "Date with time",
}
_KEY_TYPES = ("singleLineText", "multilineText")


@dataclass(frozen=True, slots=True)
class FixingTarget:
    """The table as last looked at.

    Attributes:
        table_id: what requests name it by.
        columns: our name of a field -> the column, `KEY` among them.
        made: whether it was made just now.
    """

    table_id: str
    columns: Mapping[str, AirtableColumn]
    made: bool = False

    @property
    def key(self) -> AirtableColumn:
        """The column by which a record is ours."""
        return self.columns[KEY]

    @property
    def missing(self) -> str:
        """Which fields it lacks, in words; "" where it has all of them."""
        absent = [name for name in FIELDS if name not in self.columns]
        return f"It does not show all: add {_listed(absent)}." if absent else ""


class FixingSchema:
    """Finds the table of one base.

    Args:
        requests: the base's client, with its budget.
        base_id: "app…".
        name: the table's name or id.
        leads_tables: ids of tables that hold leads: none of them may be this one.
    """

    def __init__(
        self, requests: AirtableRequests, base_id: str, name: str, *, leads_tables: Collection[str] = ()
    ) -> None:
        self._requests = requests
        self._base_id = base_id
        self._name = name
        self._leads_tables = leads_tables

    def target(self) -> FixingTarget:
        """The table as it is now, made with all its fields where it is missing; fields added that it lacks.

        Raises:
            TargetMissingError: it is not there, or has no key field, and the token may not make it; with what to add.
            CredentialsError: the token may not read the schema.
            TransientError, QuotaSpentError: Airtable is away, or no calls are left this month.
        """
        found = self._find()
        if found is None:
            return replace(self._judged(self._make()), made=True)
        if found["id"] in self._leads_tables:
            raise TargetMissingError(
                f'The Airtable table "{found["name"]}" holds leads.',
                advice="Name a table of its own as fixing_table in [customers.airtable].",
            )
        absent = [name for name in FIELDS if _field_of(found, name) is None]
        if absent and self._add(found["id"], absent):
            found = self._find() or found
        return self._judged(found)

    def _find(self) -> dict[str, Any] | None:
        try:
            tables = self._requests.get("meta", "bases", self._base_id, "tables")["tables"]
        except AirtableRefusedError as refused:
            raise CredentialsError(
                f"Airtable does not show the tables of base {self._base_id} to this token: {refused.said}.",
                advice="To show what needs fixing it needs the scope schema.bases:read.",
                scope="schema.bases:read",
            ) from refused
        wanted = self._name.strip().casefold()
        tests: tuple[Callable[[Mapping[str, Any]], bool], ...] = (
            lambda table: self._name in (table["id"], table["name"]),
            lambda table: table["name"].strip().casefold() == wanted,
        )
        return next((table for test in tests for table in tables if test(table)), None)

    def _make(self) -> dict[str, Any]:
        body = {
            "name": self._name,
            "description": "Rows that could not be leads. Written by leads_dagster; mend the source and they leave.",
            "fields": [_definition(name) for name in FIELDS],
        }
        try:
            made: dict[str, Any] = self._requests.post("meta", "bases", self._base_id, "tables", json=body)
        except AirtableRefusedError as refused:
            found = self._find() if refused.status == 422 else None  # another process may have been faster
            if found is not None:
                return found
            raise self._not_there(f'has no table "{self._name}"', list(FIELDS), refused) from refused
        return made

    def _add(self, table_id: str, absent: Sequence[str]) -> bool:
        """Adds what it may; whether anything is another now."""
        for number, name in enumerate(absent):
            path = ("meta", "bases", self._base_id, "tables", table_id, "fields")
            try:
                self._requests.post(*path, json=_definition(name))
            except AirtableRefusedError as refused:
                if refused.status != 422:
                    return number > 0
        return True

    def _judged(self, table: Mapping[str, Any]) -> FixingTarget:
        given = {name: _field_of(table, name) for name in FIELDS}
        columns = {name: _column(one) for name, one in given.items() if one is not None}
        usable = {name: column for name, column in columns.items() if column.type in WRITABLE_TYPES}
        if KEY not in usable or usable[KEY].type not in _KEY_TYPES:
            raise self._not_there(f'has in the table "{table["name"]}" no text field "{KEY}"', [KEY])
        return FixingTarget(table["id"], usable)

    def _not_there(
        self, what: str, fields: Sequence[str], refused: AirtableRefusedError | None = None
    ) -> TargetMissingError:
        said = f" ({refused.said})" if refused is not None and refused.status != 403 else ""
        table = f' to "{self._name}"' if fields == [KEY] else f' a table "{self._name}" with the fields'
        return TargetMissingError(
            f"The Airtable base {self._base_id} {what}, and this token may not make it{said}.",
            advice=f"Add{table} {_listed(fields)}; or give the token the scope schema.bases:write.",
        )


def _listed(fields: Sequence[str]) -> str:
    return ", ".join(f'"{name}" as {_SPOKEN[FIELDS[name]]}' for name in fields)


def _definition(name: str) -> dict[str, Any]:
    kind = FIELDS[name]
    return {"name": name, "type": kind, **({"options": dict(_OPTIONS[kind])} if kind in _OPTIONS else {})}


def _field_of(table: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    wanted = name.casefold()
    return next((given for given in table["fields"] if given["name"].strip().casefold() == wanted), None)


def _column(given: Mapping[str, Any]) -> AirtableColumn:
    return AirtableColumn(given["id"], given["name"], given["type"])
