"""How results of the pipeline are told in JSON: names in camelCase, times in ISO 8601 with their offset.

What belongs here: spelling, and bytes. Keys that are data (the headers of somebody's sheet, reasons, hosts) stay as
they are; so do values, but that of `field`, which is spelled as the key of that field is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
import xxhash

# Below these the keys are data.
_DATA = frozenset({"raw", "raw_data", "cells", "context", "timings", "quarantine", "evidence", "features", "subject"})
# Values that name a field of a lead.
_NAMING = frozenset({"field"})
_RENAMED = {"customer": "customerId", "run_id": "runId"}


class Answer(NamedTuple):
    """A result as it is sent.

    Attributes:
        body: JSON.
        etag: changes whenever the body does.
    """

    body: bytes
    etag: str


def answer_of(value: Any) -> Answer:
    """A result of the pipeline, ready to be sent."""
    body = as_json(told(value))
    return Answer(body, f'"{xxhash.xxh3_64_hexdigest(body)}"')


def as_json(value: Any) -> bytes:
    """JSON as UTF-8; what JSON has no word for as text."""
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)


def told(value: Any) -> Any:
    """A result with its keys in camelCase, at every depth."""
    if isinstance(value, Mapping):
        return {camel(key): _value(key, one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [told(one) for one in value]
    return value


def _value(key: str, value: Any) -> Any:
    if key in _DATA:
        return value
    if key in _NAMING and isinstance(value, str):
        return camel(value)
    return told(value)


@lru_cache(maxsize=2048)
def camel(name: str) -> str:
    """`rows_processed` -> `rowsProcessed`; what is no name in snake_case stays."""
    if name in _RENAMED:
        return _RENAMED[name]
    if not name.isidentifier() or name.startswith("_"):
        return name
    first, *others = name.split("_")
    return first + "".join(other[:1].upper() + other[1:] for other in others)


@lru_cache(maxsize=2048)
def snake(name: str) -> str:
    """`rowsProcessed` -> `rows_processed`, for names that come in; both spellings are taken."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def milliseconds(seconds: float | None) -> float | None:
    """Seconds of the pipeline as the API tells durations."""
    return None if seconds is None else round(seconds * 1000, 1)


def moment(at: datetime | date | None) -> str | None:
    """A time as JSON has it."""
    return None if at is None else at.isoformat()
