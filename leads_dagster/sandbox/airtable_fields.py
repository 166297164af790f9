"""New tables and fields: what a definition must hold, how Airtable completes it, and the other ends of links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_model import COMPUTED_TYPES, Field, Table
from leads_dagster.sandbox.airtable_values import PARSERS
from leads_dagster.sandbox.airtable_world import Session
from leads_dagster.sandbox.http import JsonObject, RefusedError
from leads_dagster.sandbox.ids import new_id

_REFERENCE_TYPES = frozenset(
    {"multipleAttachments", "multipleCollaborators", "multipleRecordLinks", "singleCollaborator"}
)
CREATABLE_TYPES = frozenset(PARSERS) | _REFERENCE_TYPES
_DATE_FORMATS = {"local": "l", "friendly": "LL", "us": "M/D/YYYY", "european": "D/M/YYYY", "iso": "YYYY-MM-DD"}
_TIME_FORMATS = {"12hour": "h:mma", "24hour": "HH:mm"}
_NEEDED_OPTIONS: dict[str, tuple[str, ...]] = {
    "checkbox": ("icon", "color"),
    "currency": ("precision", "symbol"),
    "date": ("dateFormat",),
    "dateTime": ("dateFormat", "timeFormat", "timeZone"),
    "duration": ("durationFormat",),
    "multipleRecordLinks": ("linkedTableId",),
    "multipleSelects": ("choices",),
    "number": ("precision",),
    "percent": ("precision",),
    "rating": ("icon", "max", "color"),
    "singleSelect": ("choices",),
}
_PRIMARY_TYPES = frozenset(
    [
        "singleLineText",
        "email",
        "url",
        "multilineText",
        "phoneNumber",
        "number",
        "percent",
        "currency",
        "date",
        "dateTime",
        "duration",
        "autoNumber",
        "formula",
        "barcode",
    ]
)


def add_table(session: Session, given: Any) -> Table:
    """A new table with its fields, the first of which is the primary one. All of it is checked before it is added."""
    name = given.get("name") if isinstance(given, dict) else None
    fields = given.get("fields") if isinstance(given, dict) else None
    if not isinstance(name, str) or not name or not isinstance(fields, list) or not fields:
        raise errors.bad_request()
    if session.base.table(name) is not None:
        raise errors.refusal(422, "DUPLICATE_TABLE_NAME", f'A table named "{name}" already exists')
    view = {"id": new_id("viw"), "name": "Grid view", "type": "grid"}
    table = Table(new_id("tbl"), name, "", {}, [view], given.get("description"))
    for each in fields:
        table.add_field(checked_field(session, table, each))
    table.primary_field_id = next(iter(table.fields))
    if table.primary.type not in _PRIMARY_TYPES:
        raise errors.refusal(422, "INVALID_FIELD_TYPE_FOR_PRIMARY", "The first field cannot be the primary field")
    session.base.tables[table.id] = table
    for field in list(table.fields.values()):
        add_inverse(session, table, field)
    return table


def field_name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise errors.refusal(422, "DUPLICATE_OR_EMPTY_FIELD_NAME", "A field must have a name of its own")
    return value


def checked_field(session: Session, table: Table, given: Any) -> Field:
    if not isinstance(given, dict):
        raise errors.bad_request()
    name, kind, options = field_name(given.get("name")), given.get("type"), given.get("options")
    if table.field(name) is not None:
        raise errors.refusal(422, "DUPLICATE_OR_EMPTY_FIELD_NAME", f'A field named "{name}" already exists')
    if kind not in CREATABLE_TYPES:
        raise _not_creatable(str(kind))
    missing = [key for key in _NEEDED_OPTIONS.get(kind, ()) if key not in (options or {})]
    if missing:
        raise errors.refusal(
            422, "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE", f"Invalid options for {name}: missing {', '.join(missing)}"
        )
    return Field(new_id("fld"), name, kind, _made_options(session, kind, options), given.get("description"))


def _not_creatable(kind: str) -> RefusedError:
    if kind in COMPUTED_TYPES:
        message = f"Creating {kind} fields is not supported at this time"
        return errors.refusal(422, "UNSUPPORTED_FIELD_TYPE_FOR_CREATE", message)
    return errors.bad_request()


def _made_options(session: Session, kind: str, options: JsonObject | None) -> JsonObject | None:
    """The options as Airtable answers them, completed."""
    if kind in ("singleSelect", "multipleSelects"):
        return {"choices": _made_choices((options or {})["choices"])}
    if kind == "multipleRecordLinks":
        linked = session.base.tables.get((options or {})["linkedTableId"])
        if linked is None:
            raise errors.no_permission_or_model()
        return {"isReversed": False, "prefersSingleRecordLink": False, **(options or {})}
    if kind == "multipleAttachments":
        return {"isReversed": False}
    if kind in ("date", "dateTime"):
        return _date_options(options or {})
    return options


def _made_choices(given: Any) -> list[JsonObject]:
    if not isinstance(given, list) or not all(isinstance(each, dict) and each.get("name") for each in given):
        raise errors.bad_request()
    return [{"id": new_id("sel"), "color": "blueLight2", **each} for each in given]


def _date_options(options: JsonObject) -> JsonObject:
    made = dict(options)
    for key, formats in (("dateFormat", _DATE_FORMATS), ("timeFormat", _TIME_FORMATS)):
        name = made.get(key, {}).get("name")
        if name is not None:
            made[key] = {"format": formats.get(name, ""), **made[key]}
    return made


def computed_options(table: Table, kind: str, options: JsonObject | None) -> JsonObject | None:
    """The options of a computed field as Airtable answers them: a formula names its fields by id."""
    made = dict(options or {})
    if kind == "formula":
        named = {f"{{{each.name}}}": each.id for each in table.fields.values()}
        text = str(made.get("formula", ""))
        used = [field_id for name, field_id in named.items() if name in text]
        for name, field_id in named.items():
            text = text.replace(name, f"{{{field_id}}}")
        made = {**made, "formula": text, "referencedFieldIds": used, "result": {"type": "singleLineText"}}
    if kind in ("lastModifiedTime", "rollup"):
        made = {"referencedFieldIds": [], **made}
    if kind in ("formula", "count", "lastModifiedTime", "multipleLookupValues", "rollup"):
        return {"isValid": True, **made}
    return {"prompt": [], "referencedFieldIds": [], **made} if kind == "aiText" else options


def checked_dependencies(table: Table, given: Any) -> JsonObject | None:
    """The settings of dates that depend on each other; the fields that they name must be there."""
    if given is None:
        return None
    names = ("startDateFieldId", "endDateFieldId", "durationFieldId")
    if not isinstance(given, dict) or not all(given.get(name) in table.fields for name in names):
        raise errors.bad_request()
    return given


def add_inverse(
    session: Session, table: Table, field: Field, *, note: Callable[[Table, Field], None] = lambda table, field: None
) -> None:
    """A link makes its other end in the linked table; `note` hears of it."""
    if field.type != "multipleRecordLinks" or field.option("inverseLinkFieldId"):
        return
    linked = session.base.tables[str(field.option("linkedTableId"))]
    name, number = table.name, 2
    while linked.field(name) is not None:
        name, number = f"{table.name} {number}", number + 1
    options = {
        "linkedTableId": table.id,
        "isReversed": False,
        "prefersSingleRecordLink": False,
        "inverseLinkFieldId": field.id,
    }
    inverse = Field(new_id("fld"), name, "multipleRecordLinks", options)
    field.options = {**(field.options or {}), "inverseLinkFieldId": inverse.id}
    linked.add_field(inverse)
    note(linked, inverse)
