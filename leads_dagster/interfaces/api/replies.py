"""Responses of the routes: JSON with an ETag, 304 where the caller has it already.

What belongs here: headers of good answers. Those of bad ones are `problems`'.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from leads_dagster.interfaces.api.keeping import Kept
from leads_dagster.interfaces.api.told import Answer, as_json, told

MEDIA_TYPE = "application/json"
_CACHING = "private, no-cache"


def reply(value: Any, *, status: int = 200) -> Response:
    """A result of the pipeline."""
    return Response(as_json(told(value)), status, media_type=MEDIA_TYPE)


def reply_kept(request: Request, kept: Kept) -> Response:
    """A kept result, or 304."""
    return reply_answer(request, kept.answer)


def reply_answer(request: Request, answer: Answer) -> Response:
    """A result that is encoded already, or 304."""
    headers = {"ETag": answer.etag, "Cache-Control": _CACHING}
    asked = request.headers.get("if-none-match")
    if asked is not None and _knows(asked, answer.etag):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, headers=headers, media_type=MEDIA_TYPE)


def _knows(asked: str, etag: str) -> bool:
    """Whether an If-None-Match names this answer; how it was packed on its way does not count."""
    return asked == "*" or etag in (one.strip().removeprefix("W/") for one in asked.split(","))
