"""The OpenAPI document: what FastAPI writes from the routes, with every problem named and what a caller must show.

What belongs here: what holds for all routes. What one route says stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from leads_dagster.interfaces.api.problems import MEDIA_TYPE

TAGS = (
    ("alerts", "What needs a person now."),
    ("sync", "How each customer's sync stands, and asking for one."),
    ("leads", "Finding leads, and what is known of one."),
    ("captures", "Handing leads over, and the queue in which they wait."),
    ("inboxes", "What waits for a person, and the decisions."),
    ("undo", "Taking back, and setting by hand."),
    ("backups and budget", "What is kept for bad days, and what calls are left."),
    ("health", "Whether the server lives and can answer; for anybody."),
)
_INTRO = """\
Leads of each customer, and the sync that keeps a sheet, the lead database, a CRM and Airtable saying the same.

Names are camelCase, times ISO 8601 in UTC, durations milliseconds. What goes wrong is `application/problem+json`
(RFC 9457). Answers that may be kept have an `ETag`; with `If-None-Match` what is unchanged is 304. A POST with an
`Idempotency-Key` is done once: the same request again gets the first answer, for a day.
"""
# Status -> the name of its answer, and when it comes.
_PROBLEMS: dict[int, tuple[str, str]] = {
    400: ("WrongSettings", "It is not clear who or what is meant, or settings are wrong."),
    401: ("NoToken", "A token is needed, and this is none."),
    403: ("Forbidden", "The token may only read, or a page of another site asks."),
    404: ("NotFound", "There is no such thing."),
    405: ("NoSuchMethod", "That cannot be done here."),
    408: ("BodyTooSlow", "The body did not come within half a minute."),
    409: ("Conflict", "It no longer applies to what is there now, or is being worked at."),
    413: ("TooLarge", "The body is larger than allowed."),
    415: ("NotJson", "The body is not application/json."),
    421: ("WrongHost", "Without a token only this machine's own names are answered to."),
    422: ("Invalid", "The request is not as it should be; `errors` says where."),
    429: ("TooMany", "Too many requests, or a month's calls are used up; `Retry-After` says when to come back."),
    500: ("Unforeseen", "Something went wrong for good."),
    502: ("Refused", "A service refuses us, and only a person can change that."),
    503: ("Busy", "It may succeed later; `Retry-After` says when."),
}
_ALWAYS = (400, 401, 403, 405, 421, 429, 500, 503)
_WITH_BODY = (408, 413, 415, 422)
_DECIDING = (404, 409, 413, 422, 502)
_NOT_MODIFIED = "What the caller knows by its ETag is still so."
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request with the same key is done once, and answered again for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_KEYLESS = frozenset({"/api/leads/search", "/api/leads/captures"})
_OPEN = frozenset({"/healthz", "/readyz"})


def add_document(app: FastAPI) -> None:
    """Let `/openapi.json` be the whole document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = document_of(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way: Extending OpenAPI


def document_of(app: FastAPI) -> dict[str, Any]:
    """The document, made anew."""
    tags = [{"name": name, "description": what} for name, what in TAGS]
    document = get_openapi(title=app.title, version=app.version, description=_INTRO, routes=app.routes, tags=tags)
    parts = document["components"]
    parts["schemas"].pop("HTTPValidationError", None)
    parts["schemas"].pop("ValidationError", None)
    parts["schemas"]["Problem"] = _problem_shape()
    parts["responses"] = {name: _answer(status, what) for status, (name, what) in _PROBLEMS.items()}
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "description": "Of LEADS_API_TOKEN."}}
    for path, method, operation in _operations(document):
        _complete(path, method, operation)
    return document


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """What a route may answer besides, and what it takes besides."""
    operation["operationId"] = operation["operationId"].split("_api_")[0]
    answers = operation["responses"]
    answers.pop("422", None)
    for status in _statuses(path, method, operation):
        answers.setdefault(str(status), {"$ref": f"#/components/responses/{_PROBLEMS[status][0]}"})
    if method == "get" and path not in _OPEN:
        answers["304"] = {"description": _NOT_MODIFIED}
    if method == "post" and path not in _KEYLESS:
        operation.setdefault("parameters", []).append(_KEY)
    operation["security"] = [] if path in _OPEN else [{"token": []}]


def _statuses(path: str, method: str, operation: Mapping[str, Any]) -> set[int]:
    statuses = set(_ALWAYS)
    if any(one["name"] == "customerId" for one in operation.get("parameters", [])):
        statuses.add(404)
    if operation.get("parameters"):
        statuses.add(422)
    if any(one["name"] == "cursor" for one in operation.get("parameters", [])):
        statuses.add(409)
    if "{" in path:
        statuses.add(404)
    if method == "post":
        statuses.update(_DECIDING)
        statuses.update(_WITH_BODY)
    return statuses


def _answer(status: int, what: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    name, _ = _PROBLEMS[status]
    example = {
        "type": f"/docs#{name.lower()}",
        "title": what.split(",", maxsplit=1)[0],
        "status": status,
        "detail": what,
    }
    return {"description": what, "content": {MEDIA_TYPE: {"schema": schema, "example": example}}}


def _problem_shape() -> dict[str, Any]:
    from leads_dagster.interfaces.api.shapes import Problem

    return Problem.model_json_schema(by_alias=True)
