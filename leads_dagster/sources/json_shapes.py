"""Which values of a JSON document are records: lists, pages, envelopes, tables, and objects named by id.

What belongs here: shapes of exports, and nothing of files or fields. A value that should be a record and is none is
handed on as it is, so that somebody can be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from leads_dagster.leads.header_aliases import fold_header
from leads_dagster.sources.json_fields import is_wrapper, target_of, unwrapped

# Names under which exports keep their records, folded; of people, and of anything.
_PEOPLE = frozenset({
    "leads", "contacts", "people", "persons", "prospects", "candidates", "employees", "members", "attendees",
    "profiles",
})  # fmt: skip
_LISTS = _PEOPLE | {
    "data", "results", "result", "items", "records", "rows", "entries", "list", "hits", "docs", "documents", "users",
    "customers", "clients", "companies", "accounts", "organizations", "organisations", "elements", "value", "values",
    "objects", "response", "payload", "content", "body", "output", "export", "embedded", "edges", "nodes", "pages",
    "matches", "connections", "subscribers",
}  # fmt: skip
# What an envelope says of all its records.
_CARRIED = frozenset({
    "company", "website", "industry", "company_size", "source", "scraped_at", "location", "city", "region", "country",
})  # fmt: skip
_PERSONAL = frozenset({"full_name", "first_name", "last_name", "email", "linkedin_url", "phone"})
_KNOWN_SHARE = 0.5
_LOOKED_AT = 20
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Found:
    """One value in a record's place.

    Attributes:
        value: the record; anything else than an object is none.
        carried: what the envelope around it says of it, by name; the record's own words win.
    """

    value: Any
    carried: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any] | None:
        """The record with what its envelope says of it; None where the value is none."""
        if not isinstance(self.value, dict) or not self.value:
            return None
        said = {target_of(name) for name, value in self.value.items() if value not in (None, "")}
        return self.value | {name: value for name, value in self.carried.items() if target_of(name) not in said}


def keeps_records(name: str) -> bool:
    """Whether exports keep their records under this name."""
    return fold_header(name) in _LISTS


class Shapes:
    """Finds the records in the top-level values, or in the elements of the top-level list, of one document."""

    def __init__(self) -> None:
        self._columns: list[str] | None = None

    def element(self, value: Any) -> Iterator[Found]:
        """The records of one element of the document's list: most often itself."""
        yield from self._within(value, {}, _DEEPEST)

    def document(self, value: Any) -> Iterator[Found]:
        """The records of a whole document."""
        if isinstance(value, list):
            yield from self._list(value, {}, _DEEPEST)
        else:
            yield from self._within(value, {}, _DEEPEST)

    def _list(self, values: list[Any], carried: Mapping[str, Any], levels: int) -> Iterator[Found]:
        for value in values:
            yield from self._within(value, carried, levels)

    def _within(self, value: Any, carried: Mapping[str, Any], levels: int) -> Iterator[Found]:
        if isinstance(value, list) and value and levels:
            yield from self._row_or_page(value, carried, levels)
        elif isinstance(value, dict) and levels and (inner := _records_inside(value)) is not None:
            carried = {**carried, **_carried(value)}
            for part in inner:
                yield from self._list(part, carried, levels - 1)
        else:
            yield Found(value, carried)

    def _row_or_page(self, values: list[Any], carried: Mapping[str, Any], levels: int) -> Iterator[Found]:
        """A list in a record's place: a row of a table whose first row names the columns, or a page of records."""
        if any(isinstance(value, (dict, list)) for value in values):
            yield from self._list(values, carried, levels - 1)
        elif self._columns is None and _names_columns(values):
            self._columns = [str(value) for value in values]
        elif self._columns is not None:
            yield Found(_row(self._columns, values), carried)
        else:
            yield Found(values, carried)


def _records_inside(value: dict[str, Any]) -> list[list[Any]] | None:
    """The lists of records that an object only wraps; None where it is a record itself."""
    if (table := _split_table(value) or _column_table(value)) is not None:
        return [table]
    if _speaks_of_a_person(value):
        return None
    named = {name: inner for name, inner in value.items() if fold_header(name) in _LISTS}
    found = [part for inner in named.values() if (part := _as_list(inner)) is not None]
    if found:
        return found
    if any(target_of(name) for name in value if not is_wrapper(name)):
        return None
    return _unnamed_lists(value) or _by_id(value)


def _as_list(inner: Any) -> list[Any] | None:
    """What is under a list's name as a list: its elements, the records of an object by id, a further envelope."""
    if isinstance(inner, list):
        plain = inner and not any(isinstance(one, (dict, list)) for one in inner)
        return None if plain else inner
    if not isinstance(inner, dict) or not inner:
        return None
    if (inside := _records_inside(inner)) is not None:
        return [one for part in inside for one in part]
    return None


def _unnamed_lists(value: dict[str, Any]) -> list[list[Any]] | None:
    """Lists of what look like records under names of the exporter's own, "export_2024"."""
    found = [inner for inner in value.values() if isinstance(inner, list) and _look_like_records(inner)]
    return found or None


def _by_id(value: dict[str, Any]) -> list[list[Any]] | None:
    """{"id1": {…}, "id2": {…}}: records by id, or by e-mail; the name becomes the record's id where it has none."""
    inner = [one for one in value.values() if one is not None]
    if not inner or any(is_wrapper(name) for name in value) or not _look_like_records(inner):
        return None
    return [[_with_id(name, record) for name, record in value.items() if record is not None]]


def _with_id(name: str, record: Any) -> Any:
    if not isinstance(record, dict):
        return record
    label, target = ("email", "email") if "@" in name else ("id", "row_id")
    if any(target_of(own) == target and not isinstance(record[own], dict) for own in record):
        return record
    return {label: name, **record}


def _look_like_records(values: list[Any]) -> bool:
    seen = values[:_LOOKED_AT]
    known = [value for value in seen if isinstance(value, dict) and any(map(_is_known, value, value.values()))]
    return bool(seen) and len(known) > _KNOWN_SHARE * len(seen)


def _is_known(name: str, inner: Any) -> bool:
    if isinstance(inner, dict):
        return any(target_of(f"{name}.{below}") not in (None, "row_id") for below in inner)
    return target_of(name) not in (None, "row_id")


def _speaks_of_a_person(value: Mapping[str, Any]) -> bool:
    """Whether an object is a lead whatever lists it holds: it has a person's name, address or number of its own."""
    return any(target_of(name) in _PERSONAL for name, inner in value.items() if not _holds_objects(inner))


def _holds_objects(inner: Any) -> bool:
    inner = unwrapped(inner)
    return isinstance(inner, dict) or (isinstance(inner, list) and any(isinstance(one, dict) for one in inner))


def _carried(value: Mapping[str, Any]) -> dict[str, Any]:
    """What an envelope says of its records; the name of one that holds people is the company's."""
    plain = {name: inner for name, inner in value.items() if not isinstance(inner, (dict, list)) and inner is not None}
    found = {name: inner for name, inner in plain.items() if target_of(name) in _CARRIED}
    holds_people = any(fold_header(name) in _PEOPLE for name in value)
    names = [inner for name, inner in plain.items() if target_of(name) == "?name"]
    if holds_people and names and "website" in {target_of(name) for name in found}:
        found.setdefault("company", names[0])
    return found


def _split_table(value: Mapping[str, Any]) -> list[Any] | None:
    """{"columns": […], "data": [[…], …]}, as pandas writes tables."""
    columns, rows = value.get("columns"), value.get("data") or value.get("rows")
    if not (isinstance(columns, list) and isinstance(rows, list) and rows):
        return None
    if not all(isinstance(one, str) for one in columns) or not all(isinstance(row, list) for row in rows):
        return None
    return [_row(columns, row) for row in rows]


def _column_table(value: Mapping[str, Any]) -> list[Any] | None:
    """{"name": {"0": …}, "email": {"0": …}}: a table by column, pandas' default."""
    columns = list(value.values())
    if not columns or not all(isinstance(column, dict) and column for column in columns):
        return None
    keys = list(columns[0])
    if not all(key.isdigit() for key in keys) or any(column.keys() != columns[0].keys() for column in columns):
        return None
    if not any(target_of(name) for name in value):
        return None
    return [{name: column[key] for name, column in value.items()} for key in keys]


def _names_columns(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values) and any(target_of(value) for value in values)


def _row(columns: list[str], values: list[Any]) -> dict[str, Any]:
    named = dict(zip(columns, values, strict=False))
    beyond = values[len(columns) :]
    return named | {f"extra_{number}": value for number, value in enumerate(beyond, start=1)}
