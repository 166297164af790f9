"""`/docs`: the OpenAPI document as a page that needs no script and nothing from elsewhere.

What belongs here: putting the document's parts in the order of a page. What they say stands beside the routes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader
from starlette.responses import Response

from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.api.problems import DOOR_PROBLEMS, kind_of

router = APIRouter(include_in_schema=False)
_TEMPLATES = Path(__file__).parent / "templates"
_CACHING = {"Cache-Control": "private, max-age=300"}
Part = Mapping[str, Any]


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The page."""
    document = request.app.openapi()
    return Response(_page(json.dumps(document)), headers=_CACHING, media_type="text/html")


@router.get("/docs/style.css")
async def style() -> Response:
    """How it looks."""
    return Response((_TEMPLATES / "docs.css").read_bytes(), headers=_CACHING, media_type="text/css")


@cache
def _page(document_text: str) -> str:
    document = json.loads(document_text)
    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True)
    facts = {"info": document["info"], "tags": list(_tags(document)), "problems": list(_problems())}
    return environment.get_template("docs.html.jinja").render(facts)


def _tags(document: Part) -> Iterator[dict[str, Any]]:
    for tag in document["tags"]:
        operations = [
            _operation(path, method, one, document)
            for path, methods in document["paths"].items()
            for method, one in methods.items()
            if tag["name"] in one["tags"]
        ]
        yield {**tag, "anchor": tag["name"].replace(" ", "-"), "operations": operations}


def _operation(path: str, method: str, one: Part, document: Part) -> dict[str, Any]:
    return {
        "id": one["operationId"],
        "path": path,
        "method": method,
        "summary": one["summary"],
        "description": one["description"],
        "parameters": [_parameter(given) for given in one.get("parameters", [])],
        "body": _body(one, document),
        "answers": [_answer(status, answer, document) for status, answer in sorted(one["responses"].items())],
    }


def _parameter(given: Part) -> dict[str, Any]:
    schema = given.get("schema", {})
    told = {"name": given["name"], "where": given["in"], "required": given.get("required", False)}
    return {**told, "type": _type(schema), "description": given.get("description", schema.get("description", ""))}


def _type(schema: Part) -> str:
    """A schema in a word or two."""
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    if schema.get("type") == "array":
        return f"several of {_type(schema['items'])}"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    return str(schema.get("format") or schema.get("type", ""))


def _body(one: Part, document: Part) -> str:
    """The body as an example, or as its fields with their types."""
    content = one.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return ""
    if "examples" in content:
        return "\n\n".join(json.dumps(each["value"], indent=2) for each in content["examples"].values())
    schema = _resolved(_only(content["schema"]), document)
    return json.dumps({name: _type(each) for name, each in schema.get("properties", {}).items()}, indent=2)


def _only(schema: Part) -> Part:
    """Of a shape or nothing the shape."""
    return next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)


def _resolved(part: Part, document: Part) -> Part:
    if "$ref" not in part:
        return part
    _, kind, name = str(part["$ref"]).rsplit("/", 2)
    found: Part = document["components"][kind][name]
    return found


def _answer(status: str, answer: Part, document: Part) -> dict[str, str]:
    found = _resolved(answer, document)
    schema = found.get("content", {}).get("application/json", {}).get("schema", {})
    return {"status": status, "description": found["description"], "shape": _type(schema)}


def _problems() -> Iterator[dict[str, Any]]:
    kinds = {
        kind_of(one.__name__): (one.http_status, (one.__doc__ or "").split("\n")[0]) for one in _errors(LeadsError)
    }
    kinds |= {kind_of(name): said for name, said in DOOR_PROBLEMS.items()}
    for kind, (status, words) in sorted(kinds.items()):
        yield {"kind": kind, "status": status, "words": words}


def _first_line(kind: type[LeadsError]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _errors(kind: type[LeadsError]) -> Iterator[type[LeadsError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _errors(below)
