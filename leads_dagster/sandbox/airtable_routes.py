"""Airtable's record, comment and webhook requests: parameters in, rules called, answers out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

import orjson

from leads_dagster.sandbox import airtable_comments as comments
from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox import airtable_webhooks as webhooks
from leads_dagster.sandbox.airtable_hooks import expire
from leads_dagster.sandbox.airtable_listing import from_mapping, from_query, known_field, list_records, shape_of
from leads_dagster.sandbox.airtable_model import Record, Table
from leads_dagster.sandbox.airtable_references import new_attachment
from leads_dagster.sandbox.airtable_render import Shape, render_record, render_records
from leads_dagster.sandbox.airtable_world import AirtableWorld, Session, open_session
from leads_dagster.sandbox.airtable_writes import (
    Change,
    check_cells,
    commit,
    delete,
    plan_update,
    plan_upsert,
    require_once,
)
from leads_dagster.sandbox.http import Call, JsonObject, Reply, Route
from leads_dagster.sandbox.ids import is_id

MAX_BATCH = 10
MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_FILE_BYTES = 5 * 1024 * 1024  # of an upload; its body is larger by a third, for it is base64
_READ, _WRITE = "data.records:read", "data.records:write"


def json_body(call: Call, *, limit: int = MAX_BODY_BYTES) -> JsonObject:
    """The body as an object. 413 when too large, 400 when it is no JSON, 422 when it is something else."""
    if len(call.body) > limit:
        raise errors.too_large()
    try:
        body = orjson.loads(call.body or b"{}")
    except orjson.JSONDecodeError:
        raise errors.unparsable() from None
    if not isinstance(body, dict):
        raise errors.bad_request()
    return body


def _flag(call: Call, body: JsonObject, name: str) -> bool:
    return body.get(name) in (True, 1, "true") or call.first(name) in ("1", "true")


class AirtableRoutes:
    """The handlers of `/v0/{base}/…` and `/v0/bases/{base}/…`."""

    def __init__(self, world: AirtableWorld) -> None:
        self.world = world

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Callable[[Call], Reply]]] = [
            ("GET", "v0/bases/{base}/webhooks", self.list_webhooks),
            ("POST", "v0/bases/{base}/webhooks", self.create_webhook),
            ("DELETE", "v0/bases/{base}/webhooks/{hook}", self.delete_webhook),
            ("POST", "v0/bases/{base}/webhooks/{hook}/refresh", self.refresh_webhook),
            ("POST", "v0/bases/{base}/webhooks/{hook}/enableNotifications", self.enable_notifications),
            ("GET", "v0/bases/{base}/webhooks/{hook}/payloads", self.webhook_payloads),
            ("GET", "v0/{base}/{table}", self.list),
            ("POST", "v0/{base}/{table}", self.create),
            ("PATCH PUT", "v0/{base}/{table}", self.update_many),
            ("DELETE", "v0/{base}/{table}", self.delete_many),
            ("POST", "v0/{base}/{table}/listRecords", self.list_by_post),
            ("GET", "v0/{base}/{table}/{record}", self.get),
            ("PATCH PUT", "v0/{base}/{table}/{record}", self.update),
            ("DELETE", "v0/{base}/{table}/{record}", self.delete),
            ("POST", "v0/{base}/{record}/{field}/uploadAttachment", self.upload_attachment),
            ("GET", "v0/{base}/{table}/{record}/comments", self.list_comments),
            ("POST", "v0/{base}/{table}/{record}/comments", self.add_comment),
            ("PATCH", "v0/{base}/{table}/{record}/comments/{comment}", self.change_comment),
            ("DELETE", "v0/{base}/{table}/{record}/comments/{comment}", self.delete_comment),
        ]
        return [Route(methods, path, handler, "airtable") for methods, path, handler in table]

    def _table(self, call: Call, *scopes: str, level: str = "read") -> tuple[Session, Table]:
        session = open_session(self.world, call, *scopes)
        table = session.table(call.params["table"])
        session.require_level(level)
        return session, table

    def _record(self, call: Call, *scopes: str, level: str = "read") -> tuple[Session, Table, Record]:
        session, table = self._table(call, *scopes, level=level)
        return session, table, _existing(table, call.params["record"])

    def list(self, call: Call) -> Reply:
        session, table = self._table(call, _READ)
        return Reply(list_records(session, table, from_query(call)))

    def list_by_post(self, call: Call) -> Reply:
        session, table = self._table(call, _READ)
        given = {key: value for key, value in call.query if key in ("timeZone", "userLocale")}
        return Reply(list_records(session, table, from_mapping({**given, **json_body(call)})))

    def get(self, call: Call) -> Reply:
        session, table, record = self._record(call, _READ)
        return Reply(render_record(session, table, record, shape_of(table, from_query(call))))

    def create(self, call: Call) -> Reply:
        session, table = self._table(call, _WRITE, level="edit")
        body = json_body(call)
        typecast, shape = _flag(call, body, "typecast"), _shape(call, body)
        if "records" not in body:
            cells = check_cells(session, table, body.get("fields"), typecast=typecast)
            outcome = commit(session, table, [Change(None, cells)])
            return Reply(render_record(session, table, outcome.records[0], shape))
        given = _batch(body["records"], with_id=False)
        changes = [Change(None, check_cells(session, table, each.get("fields"), typecast=typecast)) for each in given]
        outcome = commit(session, table, changes)
        return Reply({"records": render_records(session, table, outcome.records, shape)})

    def update_many(self, call: Call) -> Reply:
        session, table = self._table(call, _WRITE, level="edit")
        body = json_body(call)
        typecast, shape, clear = _flag(call, body, "typecast"), _shape(call, body), call.method == "PUT"
        merge_on = body.get("performUpsert")
        given = _batch(body.get("records"), with_id=merge_on is None)
        if merge_on is None:
            changes = [plan_update(session, table, each, typecast=typecast, clear_rest=clear) for each in given]
            require_once(changes)
            outcome = commit(session, table, changes)
            return Reply({"records": render_records(session, table, outcome.records, shape)})
        changes = plan_upsert(session, table, given, merge_on, typecast=typecast)
        for change in changes:
            change.clear_rest = clear
        outcome = commit(session, table, changes)
        lists = {"createdRecords": outcome.created, "updatedRecords": outcome.updated}
        return Reply({"records": render_records(session, table, outcome.records, shape), **lists})

    def update(self, call: Call) -> Reply:
        session, table, record = self._record(call, _WRITE, level="edit")
        body = json_body(call)
        given = {**body, "id": record.id}
        typecast, clear = _flag(call, body, "typecast"), call.method == "PUT"
        change = plan_update(session, table, given, typecast=typecast, clear_rest=clear)
        commit(session, table, [change])
        return Reply(render_record(session, table, record, _shape(call, body)))

    def delete(self, call: Call) -> Reply:
        session, table, record = self._record(call, _WRITE, level="edit")
        delete(session, table, [record.id])
        return Reply({"id": record.id, "deleted": True})

    def delete_many(self, call: Call) -> Reply:
        session, table = self._table(call, _WRITE, level="edit")
        ids = call.all("records[]", "records")
        if not 1 <= len(ids) <= MAX_BATCH:
            raise errors.refusal(422, "INVALID_RECORDS", "You must provide an array of up to 10 record IDs.")
        for record_id in ids:
            _existing(table, record_id)
        delete(session, table, ids)
        return Reply({"records": [{"id": record_id, "deleted": True} for record_id in ids]})

    def upload_attachment(self, call: Call) -> Reply:
        session = open_session(self.world, call, _WRITE)
        session.require_level("edit")
        table, record = _holder(session, call.params["record"])
        target = known_field(table, call.params["field"])
        body = json_body(call, limit=2 * MAX_FILE_BYTES)
        if target.type != "multipleAttachments" or not body.get("filename"):
            raise errors.bad_request()
        size, name = _decoded_size(body.get("file")), str(body["filename"])
        if size > MAX_FILE_BYTES:
            raise errors.too_large()
        url = f"{call.origin}/attachments/{name}"
        added = new_attachment(url=url, filename=name, size=size, kind=body.get("contentType"))
        cell = [*record.cells.get(target.id, []), added]
        commit(session, table, [Change(record.id, {target.id: cell})])
        return Reply({"id": record.id, "createdTime": record.created_time, "fields": {target.id: cell}})

    def list_comments(self, call: Call) -> Reply:
        session, _, record = self._record(call, "data.recordComments:read")
        return Reply(comments.list_comments(session, record, call.first("pageSize"), call.first("offset")))

    def add_comment(self, call: Call) -> Reply:
        session, _, record = self._record(call, "data.recordComments:write", level="comment")
        return Reply(comments.add(session, record, json_body(call)))

    def change_comment(self, call: Call) -> Reply:
        session, _, record = self._record(call, "data.recordComments:write", level="comment")
        return Reply(comments.change(session, record, call.params["comment"], json_body(call)))

    def delete_comment(self, call: Call) -> Reply:
        session, _, record = self._record(call, "data.recordComments:write", level="comment")
        return Reply(comments.delete(session, record, call.params["comment"]))

    def _hooks(self, call: Call, *, level: str = "create") -> Session:
        session = open_session(self.world, call, "webhook:manage")
        session.require_level(level)
        expire(self.world, session.base)
        return session

    def list_webhooks(self, call: Call) -> Reply:
        return Reply({"webhooks": [hook.to_json() for hook in self._hooks(call).base.hooks.values()]})

    def create_webhook(self, call: Call) -> Reply:
        return Reply(webhooks.create(self._hooks(call), json_body(call)))

    def delete_webhook(self, call: Call) -> Reply:
        session = self._hooks(call)
        del session.base.hooks[webhooks.find(session, call.params["hook"]).id]
        self.world.changed()
        return Reply(b"")

    def refresh_webhook(self, call: Call) -> Reply:
        session = self._hooks(call)
        return Reply(webhooks.refresh(session, webhooks.find(session, call.params["hook"])))

    def enable_notifications(self, call: Call) -> Reply:
        session = self._hooks(call)
        enable = json_body(call).get("enable")
        if not isinstance(enable, bool):
            raise errors.bad_request()
        webhooks.find(session, call.params["hook"]).notifications_enabled = enable
        self.world.changed()
        return Reply(b"")

    def webhook_payloads(self, call: Call) -> Reply:
        session = self._hooks(call, level="read")
        hook = webhooks.find(session, call.params["hook"])
        webhooks.require_scopes(session, hook.filters)
        cursor, limit = _integer(call.first("cursor"), 1), _integer(call.first("limit"), webhooks.MAX_PAYLOADS)
        return Reply(webhooks.list_payloads(session, hook, cursor=cursor, limit=limit))


def _existing(table: Table, record_id: str) -> Record:
    record = table.records.get(record_id)
    if record is None:
        raise errors.record_not_found() if is_id(record_id, "rec") else errors.not_found()
    return record


def _holder(session: Session, record_id: str) -> tuple[Table, Record]:
    for table in session.base.tables.values():
        if record_id in table.records:
            return table, table.records[record_id]
    raise errors.record_not_found()


def _shape(call: Call, body: JsonObject) -> Shape:
    return Shape(by_field_id=_flag(call, body, "returnFieldsByFieldId"))


def _batch(given: Any, *, with_id: bool) -> list[JsonObject]:
    if isinstance(given, list) and len(given) > MAX_BATCH and not with_id:
        raise errors.too_many_records(len(given))
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_BATCH:
        raise errors.bad_records(with_id=with_id)
    if not all(isinstance(each, dict) for each in given):
        raise errors.bad_records(with_id=with_id)
    return given


def _integer(text: str | None, default: int) -> int:
    try:
        return default if text is None else int(text)
    except ValueError:
        raise errors.bad_request() from None


def _decoded_size(text: Any) -> int:
    try:
        return len(base64.b64decode(str(text)))
    except binascii.Error:
        raise errors.bad_request() from None
