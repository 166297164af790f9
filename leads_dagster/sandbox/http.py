"""What passes between the server and the services: one request, one reply, and the refusal that ends a request.

No rule of Airtable or Google lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

JsonObject = dict[str, Any]
JSON_TYPE = "application/json; charset=utf-8"


class RefusedError(Exception):
    """A service says no: the status and the exact JSON body of its answer."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Reply:
    """An answer; `body` is bytes as they are, or anything that JSON can say."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE

    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


@dataclass(frozen=True)
class Call:
    """One request, its path matched: `params` holds the path's named segments, unquoted."""

    method: str
    path: str
    params: Mapping[str, str]
    query_string: str
    headers: Mapping[str, str]
    body: bytes = b""

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query_string, keep_blank_values=True)

    def first(self, name: str, default: str | None = None) -> str | None:
        return next((value for key, value in self.query if key == name), default)

    def all(self, *names: str) -> list[str]:
        return [value for key, value in self.query if key in names]

    @property
    def origin(self) -> str:
        """`http://host:port` as the client sees this server."""
        return f"http://{self.headers.get('host', '127.0.0.1')}"

    @property
    def bearer(self) -> str:
        """The token of `Authorization: Bearer …`, or an empty string."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


Handler = Callable[[Call], Reply]


@dataclass(frozen=True)
class Route:
    """`path` is segments parted by slashes; `{name}` takes one segment, `{name*}` the rest."""

    methods: str
    path: str
    handler: Handler
    service: str

    @cached_property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.strip("/").split("/"))


@dataclass(frozen=True)
class Match:
    route: Route
    params: Mapping[str, str]


class Router:
    """Finds the route of a raw path. Segments are split before they are unquoted, so a name may hold a slash."""

    def __init__(self, routes: list[Route]) -> None:
        self._exact = [route for route in routes if not route.segments[-1].endswith("*}")]
        self._open = [route for route in routes if route.segments[-1].endswith("*}")]

    def find(self, method: str, raw_path: str) -> Match | None:
        parts = [unquote(part) for part in raw_path.strip("/").split("/")]
        for route in self._exact:
            if len(route.segments) == len(parts) and method in route.methods.split():
                params = _bind(route.segments, parts)
                if params is not None:
                    return Match(route, params)
        return self._find_open(method, parts)

    def _find_open(self, method: str, parts: list[str]) -> Match | None:
        for route in self._open:
            head = route.segments[:-1]
            if len(parts) <= len(head) or method not in route.methods.split():
                continue
            params = _bind(head, parts[: len(head)])
            if params is not None:
                return Match(route, {**params, route.segments[-1][1:-2]: "/".join(parts[len(head) :])})
        return None


def _bind(segments: tuple[str, ...], parts: list[str]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for segment, part in zip(segments, parts, strict=True):
        if segment.startswith("{"):
            params[segment[1:-1]] = part
        elif segment != part:
            return None
    return params
