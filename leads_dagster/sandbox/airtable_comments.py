"""Comments on records: list, add, change, delete."""

from __future__ import annotations

import re
from typing import Any

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_model import Record
from leads_dagster.sandbox.airtable_world import Session
from leads_dagster.sandbox.clock import iso_milliseconds
from leads_dagster.sandbox.http import JsonObject
from leads_dagster.sandbox.ids import new_id

PAGE_SIZE = 100
_MENTION = re.compile(r"@\[(usr[A-Za-z0-9]+)\]")


def list_comments(session: Session, record: Record, page_size: str | None, offset: str | None) -> JsonObject:
    """Newest first; `offset` is null on the last page."""
    newest = list(reversed(record.comments or []))
    size = int(page_size) if page_size and page_size.isdigit() else PAGE_SIZE
    if not 1 <= size <= PAGE_SIZE:
        raise errors.bad_request()
    start = 0
    if offset:
        start = next((at for at, each in enumerate(newest) if each["id"] == offset), -1)
        if start < 0:
            raise errors.bad_offset()
    following = newest[start + size] if start + size < len(newest) else None
    return {"comments": newest[start : start + size], "offset": following["id"] if following else None}


def add(session: Session, record: Record, body: JsonObject) -> JsonObject:
    comment: JsonObject = {
        "id": new_id("com"),
        "author": session.user.to_json(),
        "text": _text(body.get("text")),
        "createdTime": iso_milliseconds(session.world.clock.now()),
        "lastUpdatedTime": None,
        **_mentioned(session, str(body["text"])),
    }
    parent = body.get("parentCommentId")
    if parent:
        _find(record, parent)
        comment["parentCommentId"] = parent
    record.comments = [*(record.comments or []), comment]
    session.world.changed()
    return comment


def change(session: Session, record: Record, comment_id: str, body: JsonObject) -> JsonObject:
    comment = _own(session, record, comment_id)
    comment["text"] = _text(body.get("text"))
    comment["lastUpdatedTime"] = iso_milliseconds(session.world.clock.now())
    comment.pop("mentioned", None)
    comment.update(_mentioned(session, comment["text"]))
    session.world.changed()
    return comment


def delete(session: Session, record: Record, comment_id: str) -> JsonObject:
    comment = _own(session, record, comment_id)
    record.comments = [each for each in record.comments or [] if each is not comment] or None
    session.world.changed()
    return {"id": comment_id, "deleted": True}


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise errors.bad_request()
    return value


def _mentioned(session: Session, text: str) -> JsonObject:
    users = [session.world.users[each] for each in _MENTION.findall(text) if each in session.world.users]
    if not users:
        return {}
    return {
        "mentioned": {
            user.id: {"type": "user", "id": user.id, "displayName": user.name, "email": user.email} for user in users
        }
    }


def _find(record: Record, comment_id: str) -> JsonObject:
    for comment in record.comments or []:
        if comment["id"] == comment_id:
            return comment
    raise errors.not_found()


def _own(session: Session, record: Record, comment_id: str) -> JsonObject:
    comment = _find(record, comment_id)
    if comment["author"]["id"] != session.user.id:
        raise errors.no_permission()
    return comment
