"""Answers to what went wrong, as RFC 9457 has them: application/problem+json.

What belongs here: from an error to its answer. Which HTTP status an error has is said in `errors`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.api.headers import SAFE_HEADERS
from leads_dagster.interfaces.api.told import as_json, camel

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_BUSY_SECONDS = 1
# What the API itself finds wrong: name -> status, and when it comes. All else is an error of `errors`.
DOOR_PROBLEMS = {
    "BodyTooLarge": (413, "The body is larger than LEADS_API_MAX_BYTES allows."),
    "BodyTooSlow": (408, "The body did not come within half a minute."),
    "Forbidden": (403, "The token may only read."),
    "ForeignPage": (403, "A page of another site may not do this; LEADS_API_ORIGINS names those that may."),
    "InvalidRequest": (422, "The request is not as it should be; `errors` says where. 400 where it is no HTTP at all."),
    "KeyReused": (409, "The Idempotency-Key came with another request before."),
    "MethodNotAllowed": (405, "That cannot be done at this path; `Allow` says what can."),
    "NotFound": (404, "There is nothing at this path."),
    "NotReady": (503, "The lead database cannot be read."),
    "StaleForm": (403, "A form came without the token of its page."),
    "StillWorking": (409, "The first request of this Idempotency-Key is being worked at."),
    "TooManyListeners": (503, "As many listen for events as may."),
    "TooManyRequests": (429, "This address asks too often, or showed too many wrong tokens."),
    "Unauthorized": (401, "No token, or none that is known."),
    "Unforeseen": (500, "A fault of ours; the server's log says what."),
    "UnsupportedMediaType": (415, "The body is not application/json."),
    "WrongHost": (421, "Without a token only this machine's own names are answered to."),
}


def add_problem_handlers(app: FastAPI) -> None:
    """Let every error of a route be answered as a problem."""
    app.add_exception_handler(LeadsError, _leads_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)


def problem(
    status: int, detail: str, *, name: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """One answer.

    Args:
        status: HTTP's.
        detail: what happened, for the person who must act.
        name: of the error; HTTP's own words for the status where there is none.
        headers: beside the usual ones.
        more: what else the answer says.
    """
    title = HTTPStatus(status).phrase
    body = {"type": f"/docs#{kind_of(name or title)}", "title": title, "status": status, "detail": detail}
    said = {key: value for key, value in more.items() if value not in (None, "", {}, [])}
    return Response(as_json({**body, **said}), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def kind_of(name: str) -> str:
    """`StoreBusyError` -> `store-busy`: what names a kind of problem."""
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in name.removesuffix("Error")).split()
    return "-".join(words).lower()


def problem_of(error: LeadsError) -> Response:
    """The answer to an error of ours."""
    name = type(error).__name__
    return problem(
        error.http_status,
        error.message,
        name=name,
        headers=_come_back(error),
        advice=error.advice,
        error=name,
        transient=error.transient,
        context={camel(key): value for key, value in error.context.items()},
    )


def _come_back(error: LeadsError) -> dict[str, str]:
    seconds = getattr(error, "retry_after_seconds", _BUSY_SECONDS if error.transient else None)
    return {} if seconds is None else {"Retry-After": str(max(1, math.ceil(seconds)))}


async def _leads_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, LeadsError)
    if error.http_status >= 500:
        logger.warning("%s: %s", type(error).__name__, error.message)
    return problem_of(error)


async def _invalid(_: Request, error: Exception) -> Response:
    """What was sent is named by place, never quoted: it may be a lead's data."""
    assert isinstance(error, RequestValidationError)
    faults = [{"at": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
    return problem(422, "The request is not as it should be.", name="InvalidRequest", errors=faults)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    return problem(error.status_code, str(error.detail), headers=headers)


def _methods(request: Request) -> list[str]:
    """What may be done at a path, over all routes that have it."""
    routes = (route for route in request.app.routes if isinstance(route, Route | APIRoute))
    found = (route.methods for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for methods in found for method in methods or ()})


async def _unforeseen(_: Request, error: Exception) -> Response:
    logger.error("Unforeseen: %s", type(error).__name__)
    safe = {name.decode(): value.decode() for name, value in SAFE_HEADERS}  # the door is within, and adds none here
    detail = "Something went wrong that was not foreseen; the server's log says what."
    return problem(500, detail, name="Unforeseen", headers={**safe, "Cache-Control": "no-store"})
