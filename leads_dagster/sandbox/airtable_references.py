"""Cells that point at something else: linked records, collaborators, attachments; and the links' other ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_model import Base, Field, Record, Table, User
from leads_dagster.sandbox.http import JsonObject
from leads_dagster.sandbox.ids import is_id, new_id


def parse_collaborator(field: Field, value: Any, users: Iterable[User], *, typecast: bool) -> JsonObject | None:
    """`{"id"}` or `{"email"}` of somebody who shares the base; with typecast also the id, e-mail or name alone."""
    wanted: set[str]
    if isinstance(value, dict):
        wanted = {str(value[key]) for key in ("id", "email") if value.get(key)}
    elif isinstance(value, str) and typecast:
        wanted = {value}
    else:
        raise errors.bad_value(field.name)
    for user in users:
        if wanted & {user.id, user.email} or (typecast and user.name in wanted):
            return user.to_json()
    raise errors.bad_value(field.name)


def parse_collaborators(field: Field, value: Any, users: Iterable[User], *, typecast: bool) -> list[JsonObject] | None:
    if not isinstance(value, list):
        raise errors.bad_value(field.name)
    known = list(users)
    found = [parse_collaborator(field, each, known, typecast=typecast) for each in value]
    return [each for each in found if each] or None


def parse_links(base: Base, field: Field, value: Any, *, typecast: bool) -> list[str] | None:
    """Ids of records of the linked table, each of which must exist; with typecast also their primary values."""
    if isinstance(value, str) and typecast:
        value = [value]
    if not isinstance(value, list):
        raise errors.bad_value(field.name)
    linked = base.tables.get(str(field.option("linkedTableId")))
    ids = [_linked_id(linked, field, each, typecast=typecast) for each in value]
    return list(dict.fromkeys(ids)) or None


def _linked_id(linked: Table | None, field: Field, value: Any, *, typecast: bool) -> str:
    record_id = value.get("id") if isinstance(value, dict) else value
    if linked is None or not isinstance(record_id, str):
        raise errors.bad_value(field.name)
    if record_id in linked.records:
        return record_id
    if typecast and not is_id(record_id, "rec"):
        named = linked.matching((linked.primary_field_id,), {linked.primary_field_id: record_id})
        if named:
            return named[0]
    if is_id(record_id, "rec"):
        raise errors.row_does_not_exist(record_id)
    raise errors.refusal(422, "INVALID_RECORD_ID", f'Value "{record_id}" is not a valid record ID.')


def parse_attachments(field: Field, value: Any, before: list[JsonObject] | None) -> list[JsonObject] | None:
    """`{"url", "filename"?}` for a new file, `{"id"}` for one that the cell holds already."""
    if not isinstance(value, list):
        raise errors.bad_value(field.name)
    kept = {each["id"]: each for each in before or []}
    return [_attachment(field, each, kept) for each in value] or None


def _attachment(field: Field, value: Any, kept: dict[str, JsonObject]) -> JsonObject:
    if isinstance(value, dict) and value.get("id") in kept:
        return kept[value["id"]]
    if not isinstance(value, dict) or not isinstance(value.get("url"), str):
        message = f"Invalid attachment object for field {field.name}: {value}"
        raise errors.refusal(422, "INVALID_ATTACHMENT_OBJECT", message)
    filename = value.get("filename") or value["url"].rstrip("/").rsplit("/", 1)[-1] or "file"
    return new_attachment(url=value["url"], filename=filename)


def new_attachment(*, url: str, filename: str, size: int = 0, kind: str | None = None) -> JsonObject:
    kind = kind or _MEDIA_TYPES.get(filename.rsplit(".", 1)[-1].lower(), "application/octet-stream")
    return {"id": new_id("att"), "url": url, "filename": filename, "size": size, "type": kind}


_MEDIA_TYPES = {
    "csv": "text/csv",
    "gif": "image/gif",
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain",
}


def update_inverse(
    base: Base,
    field: Field,
    record: Record,
    *,
    before: list[str],
    after: list[str],
    note: Callable[[Table, Record], None],
) -> None:
    """Make the linked records point back, where the link has another end. `note` hears of each before it changes."""
    linked = base.tables.get(str(field.option("linkedTableId")))
    inverse = linked.fields.get(str(field.option("inverseLinkFieldId"))) if linked else None
    if linked is None or inverse is None:
        return
    for other_id in {*before} ^ {*after}:
        other = linked.records.get(other_id)
        if other is not None:
            note(linked, other)
            _point_back(linked, other, inverse, record.id, present=other_id in after)


def _point_back(linked: Table, other: Record, inverse: Field, record_id: str, *, present: bool) -> None:
    ids = [each for each in other.cells.get(inverse.id, []) if each != record_id]
    if present:
        ids.append(record_id)
    cells = {key: value for key, value in other.cells.items() if key != inverse.id}
    linked.replace_cells(other, {**cells, inverse.id: ids} if ids else cells)


def linked_records(base: Base, table: Table, record: Record, link_field_id: str | None) -> list[Record]:
    """The records that a link cell names, in its order."""
    field = table.fields.get(str(link_field_id))
    linked = base.tables.get(str(field.option("linkedTableId"))) if field else None
    if field is None or linked is None:
        return []
    return [linked.records[each] for each in record.cells.get(field.id, []) if each in linked.records]
