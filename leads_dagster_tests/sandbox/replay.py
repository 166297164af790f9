"""Replays recorded exchanges against a twin whose bases and sheets are built from the recordings themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx

from leads_dagster.sandbox import Sandbox

Exchange = dict[str, Any]


def read_exchanges(path: Path) -> list[Exchange]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def by_file(exchanges: list[Exchange]) -> Iterator[tuple[str, list[Exchange]]]:
    """The recordings of one test of their maker: a state of their own."""
    for name, group in groupby(exchanges, key=lambda each: str(each["file"])):
        yield name, list(group)


def shape(value: Any) -> Any:
    """Keys and types; numbers are one type, lists keep their length, records their number but not their order.

    Records come in the order of their ids, which the twin makes anew.
    """
    if isinstance(value, dict):
        shapes = {key: shape(each) for key, each in value.items()}
        if isinstance(value.get("records"), list):
            shapes["records"].sort(key=lambda each: json.dumps(each, sort_keys=True))
        return shapes
    if isinstance(value, list):
        return [shape(each) for each in value]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


@dataclass
class Tally:
    """What became of the exchanges: replayed alike, of those byte for byte the same JSON, and the differences."""

    alike: int = 0
    equal: int = 0
    differences: list[str] = field(default_factory=list)

    def summary(self, total: int) -> str:
        left = total - self.alike
        return f"{self.alike} of {total} exchanges replayed alike, {self.equal} with equal JSON, {left} not\n"

    def compare(self, exchange: Exchange, answer: httpx.Response) -> None:
        expected, got = exchange["response"], answer.json()
        headers = {name: answer.headers.get(name, "").lower() for name in exchange["headers"]}
        same_headers = headers == {name: value.lower() for name, value in exchange["headers"].items()}
        if answer.status_code == exchange["status"] and same_headers and shape(got) == shape(expected):
            self.alike += 1
            self.equal += got == expected
            return
        asked = f"{exchange['file']}: {exchange['method']} {exchange['path']} {exchange.get('query')}"
        self.differences.append(
            f"{asked} {exchange['status']} {json.dumps(expected)[:900]}\n    {answer.status_code} {answer.text[:900]}"
        )


def query_string(query: dict[str, Any] | None) -> str:
    """The recordings keep names and values as they were encoded."""
    pairs = [
        (key, each) for key, value in (query or {}).items() for each in (value if isinstance(value, list) else [value])
    ]
    return "&".join(f"{key}={value}" for key, value in pairs)


class RecordIds:
    """Ids that the service made when recorded, and those that the twin made in their place."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def learn(self, expected: Any, got: Any) -> None:
        for theirs, ours in zip(_records(expected), _records(got), strict=False):
            self._known[theirs] = ours

    def translate(self, text: str) -> str:
        for theirs, ours in self._known.items():
            text = text.replace(theirs, ours)
        return text


def _records(answer: Any) -> list[str]:
    records = answer.get("records") if isinstance(answer, dict) else None
    return [each["id"] for each in records or []]


def send(
    sandbox: Sandbox, client: httpx.Client, exchange: Exchange, ids: RecordIds, *, key: str | None
) -> httpx.Response:
    """The recorded request, with the twin's ids, and with a key unless it was recorded with a bad one."""
    url = f"{sandbox.url}{exchange['path']}"
    query = query_string(exchange.get("query"))
    body = json.dumps(exchange["body"]) if "body" in exchange else None
    return client.request(
        exchange["method"],
        ids.translate(url + (f"?{query}" if query else "")),
        content=ids.translate(body) if body else None,
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )
