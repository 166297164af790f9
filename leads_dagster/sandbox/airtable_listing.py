"""Listing records: what was asked (query or body), which records that means, in what order, page by page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_computed import RecordRow, compiled
from leads_dagster.sandbox.airtable_model import NUMBER_TYPES, TEXT_TYPES, Field, Record, Table
from leads_dagster.sandbox.airtable_render import Shape, render_records
from leads_dagster.sandbox.airtable_text import Reader, reader_of
from leads_dagster.sandbox.airtable_values import choices
from leads_dagster.sandbox.airtable_world import LISTING_SECONDS, Listing, Session
from leads_dagster.sandbox.formula_parser import unescape
from leads_dagster.sandbox.formula_values import FormulaSyntaxError, FormulaValueError, text_of, truth_of
from leads_dagster.sandbox.http import Call, JsonObject
from leads_dagster.sandbox.ids import new_id

PAGE_SIZE = 100
_SORT = re.compile(r"^sort\[(\d+)\]\[(field|direction)\]$")
_TRUE = frozenset({"1", "true", True})
_EQUALS = re.compile(r"""^\s*\{((?:\\.|[^}\\])*)\}\s*=\s*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')\s*$""", re.DOTALL)
_OFFSET = re.compile(r"^itr[A-Za-z0-9]{14}/rec[A-Za-z0-9]{14}$")


@dataclass(frozen=True, slots=True)
class ListRequest:
    """The parameters of a listing, of either form, still by name."""

    page_size: int = PAGE_SIZE
    max_records: int | None = None
    offset: str | None = None
    view: str | None = None
    formula: str | None = None
    fields: tuple[str, ...] | None = None
    sort: tuple[tuple[str, bool], ...] = ()
    by_field_id: bool = False
    reader: Reader | None = None
    comment_count: bool = False


def from_query(call: Call) -> ListRequest:
    given: JsonObject = {key: value for key, value in call.query if "[" not in key}
    sort: dict[int, JsonObject] = {}
    for key, value in call.query:
        found = _SORT.match(key)
        if found:
            sort.setdefault(int(found[1]), {})[found[2]] = value
    given["sort"] = [sort[at] for at in sorted(sort)]
    fields = call.all("fields[]", "fields")
    given["fields"] = fields or None
    given["recordMetadata"] = call.all("recordMetadata[]", "recordMetadata")
    return from_mapping(given)


def from_mapping(given: JsonObject) -> ListRequest:
    """Raises the refusal of a parameter that does not hold."""
    page_size = _positive(given.get("pageSize"), PAGE_SIZE)
    if page_size > PAGE_SIZE:
        raise errors.bad_request()
    return ListRequest(
        page_size,
        _positive(given["maxRecords"], 0) if given.get("maxRecords") is not None else None,
        _text(given.get("offset")),
        _text(given.get("view")),
        _text(given.get("filterByFormula")),
        _names(given.get("fields")),
        _sorting(given.get("sort")),
        given.get("returnFieldsByFieldId") in _TRUE,
        _reader(given),
        "commentCount" in (given.get("recordMetadata") or ()),
    )


def _reader(given: JsonObject) -> Reader | None:
    if given.get("cellFormat") != "string":
        return None
    time_zone, locale = given.get("timeZone"), given.get("userLocale")
    if not time_zone or not locale:
        raise errors.bad_request("Both timeZone and userLocale parameters are required when using cellFormat string")
    return reader_of(str(time_zone), str(locale))


def _positive(value: Any, default: int) -> int:
    if value is None:
        return default
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise errors.bad_request() from None
    if number < 1:
        raise errors.bad_request()
    return number


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise errors.bad_request()
    return value or None


def _names(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise errors.bad_request()
    return tuple(names)


def _sorting(value: Any) -> tuple[tuple[str, bool], ...]:
    if not value:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, dict) and each.get("field") for each in value):
        raise errors.bad_request()
    if any(each.get("direction", "asc") not in ("asc", "desc") for each in value):
        raise errors.bad_request()
    return tuple((each["field"], each.get("direction") == "desc") for each in value)


def known_field(table: Table, name: str) -> Field:
    field = table.field(name)
    if field is None:
        raise errors.unknown_field(name)
    return field


def shape_of(table: Table, request: ListRequest) -> Shape:
    fields = None if request.fields is None else tuple(known_field(table, name) for name in request.fields)
    return Shape(request.by_field_id, fields, request.reader, request.comment_count)


def list_records(session: Session, table: Table, request: ListRequest) -> JsonObject:
    """One page and, unless it is the last, the offset of the next."""
    shape = shape_of(table, request)
    if request.offset:
        key, listing, start = _resume(session, table, request.offset)
    else:
        ids = _found(session, table, request)
        key, listing, start = new_id("itr"), Listing(table.id, ids, {}, 0.0), 0
    page, end = _page(table, listing.ids, start, request.page_size)
    answer: JsonObject = {"records": render_records(session, table, page, shape)}
    if end < len(listing.ids):
        next_id = listing.ids[end]
        listing.starts[next_id] = end
        listing.used_at = session.world.clock.monotonic()
        session.world.keep_listing(key, listing)
        answer["offset"] = f"{key}/{next_id}"
    return answer


def _page(table: Table, ids: tuple[str, ...], start: int, size: int) -> tuple[list[Record], int]:
    page: list[Record] = []
    end = start
    while end < len(ids) and len(page) < size:
        record = table.records.get(ids[end])
        if record is not None:
            page.append(record)
        end += 1
    while end < len(ids) and ids[end] not in table.records:
        end += 1
    return page, end


def _resume(session: Session, table: Table, offset: str) -> tuple[str, Listing, int]:
    if not _OFFSET.match(offset):
        raise errors.bad_offset()
    key, next_id = offset.split("/")
    listing = session.world.listings.get(key)
    if listing is None or session.world.clock.monotonic() - listing.used_at > LISTING_SECONDS:
        session.world.listings.pop(key, None)
        raise errors.stale_offset()
    if listing.table_id != table.id or next_id not in listing.starts:
        raise errors.bad_offset()
    return key, listing, listing.starts[next_id]


def _found(session: Session, table: Table, request: ListRequest) -> tuple[str, ...]:
    view = None if request.view is None else _view(table, request.view)
    sorting = [(known_field(table, name), descending) for name, descending in request.sort]
    ids: Iterable[str] = table.ids() if view is None else table.records
    for formula in ((view or {}).get("filterByFormula"), request.formula):
        if formula:
            ids = _filtered(session, table, ids, formula)
    ordered = _ordered(session, table, ids, sorting) if sorting else ids
    found = ordered if isinstance(ordered, tuple) else tuple(ordered)
    return found if request.max_records is None else found[: request.max_records]


def _view(table: Table, name_or_id: str) -> JsonObject:
    for view in table.views:
        if name_or_id in (view["id"], view["name"]):
            return view
    raise errors.view_not_found(name_or_id)


def ids_in_view(session: Session, table: Table, view_id: str, ids: Iterable[str]) -> set[str]:
    """Which of the records that view shows now."""
    view = _view(table, view_id)
    inside = [each for each in ids if each in table.records]
    formula = view.get("filterByFormula")
    return set(_filtered(session, table, inside, formula) if formula else inside)


def _filtered(session: Session, table: Table, ids: Iterable[str], formula: str) -> list[str]:
    try:
        test = compiled(table, formula)
    except (FormulaSyntaxError, RecursionError) as error:
        raise errors.bad_formula(str(error)) from error
    found = _looked_up(table, formula)
    if found is not None:
        whole = not isinstance(ids, list)  # not cut down by a view's own filter
        return [*found] if whole and len(found) <= 1 else [each for each in ids if each in found]
    world, base, records = session.world, session.base, table.records
    return [each for each in ids if _holds(test, RecordRow(world, base, table, records[each]))]


def _looked_up(table: Table, formula: str) -> set[str] | None:
    """The ids that `{Text field} = "value"`, by far the commonest formula, names in the table's index; else None."""
    asked = _EQUALS.match(formula)
    field = table.field(unescape(asked[1])) if asked else None
    value = unescape(asked[2][1:-1]) if asked else ""
    if field is None or field.type not in TEXT_TYPES or not value:
        return None
    return set(table.matching((field.id,), {field.id: value}))


def _holds(test: Callable[[RecordRow], Any], row: RecordRow) -> bool:
    try:
        return truth_of(test(row))
    except (FormulaValueError, RecursionError):
        return False


def _ordered(session: Session, table: Table, ids: Iterable[str], sorting: list[tuple[Field, bool]]) -> tuple[str, ...]:
    ordered = list(ids)
    for field, descending in reversed(sorting):
        keys = _sort_keys(session, table, ordered, field)
        ordered.sort(key=keys.__getitem__, reverse=descending)
    return tuple(ordered)


def _sort_keys(session: Session, table: Table, ids: list[str], field: Field) -> dict[str, Any]:
    """Blanks first, numbers by size, options in their order, else text without regard to case."""
    records, wanted = table.records, field.id
    if field.type in TEXT_TYPES:
        return {each: records[each].cells.get(wanted, "").lower() for each in ids}
    if field.type in NUMBER_TYPES:
        return {each: records[each].cells.get(wanted, -math.inf) for each in ids}
    ranks = {name: at for at, name in enumerate(choices(field))} if field.type == "singleSelect" else None
    return {each: _sort_key(session, table, records[each], field, ranks) for each in ids}


def _sort_key(
    session: Session, table: Table, record: Record, field: Field, ranks: dict[str, int] | None
) -> tuple[int, float, str]:
    try:
        value = RecordRow(session.world, session.base, table, record).value(field)
    except FormulaValueError:
        value = None
    if value in (None, "", []):
        return (0, 0.0, "")
    if ranks is not None:
        return (1, float(ranks.get(value, len(ranks))), "")
    if isinstance(value, (int, float)):
        return (1, float(value), "")
    return (2, 0.0, text_of(value).lower())
