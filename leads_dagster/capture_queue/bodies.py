"""What is handed over, as the queue keeps it: a JSON object in UTF-8, its key, and when it was captured.

What belongs here: what can be said without knowing what a lead is. An error names what is wrong, never a value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import orjson

from leads_dagster.capture_queue.items import check_key
from leads_dagster.errors import InvalidLeadError

_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_SERIALIZE_NUMPY
# Seconds above this are ms: of the year 5138.
_LARGEST_SECONDS = 1e11
_ADVICE = "Text, numbers, booleans, None, and lists and mappings of them can be handed over."


def body_of(data: Mapping[str, Any]) -> bytes:
    """A mapping as JSON. Dates become ISO text (UTC where they name no zone), NaN and infinity null.

    Raises:
        InvalidLeadError: it is no mapping, has a name that is no text, or holds what JSON cannot; or its `confidence`
            is a number that cannot be one.
    """
    if not isinstance(data, Mapping):
        raise InvalidLeadError(f"A lead is a mapping of names to values, not {type(data).__name__}.", advice=_ADVICE)
    _check_confidence(data.get("confidence"))
    try:
        return orjson.dumps(data if type(data) is dict else dict(data), _plain, _OPTIONS)
    except TypeError as error:
        raise InvalidLeadError(f"This lead cannot be JSON: {error}.", advice=_ADVICE) from None


def checked_body(body: bytes) -> bytes:
    """A body that is JSON already, as it is.

    Raises:
        InvalidLeadError: it is no JSON object in UTF-8, or its `confidence` cannot be one.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidLeadError(f"This is no JSON in UTF-8: {error.msg} at character {error.pos}.") from None
    if not isinstance(found, dict):
        raise InvalidLeadError("A lead is a JSON object, in braces.")
    _check_confidence(found.get("confidence"))
    return body


def key_of(key: str | None) -> str:
    """A key as the queue takes it; "" where there is none.

    Raises:
        InvalidLeadError: it is no text, blank, or longer than 256 characters.
    """
    if key is None:
        return ""
    if not isinstance(key, str):
        raise InvalidLeadError(f"A key is text, not {type(key).__name__}.", field="key")
    if not key.strip():
        raise InvalidLeadError("A key is not blank.", advice="Leave it out where there is none.", field="key")
    check_key(key)
    return key


def captured_ms(data: Mapping[str, Any], now_ms: int) -> int:
    """When `scraped_at` says that it was captured, in ms since 1970; now where it says nothing clear, or the future."""
    found = data.get("scraped_at")
    try:
        ms = _ms(found)
    except (ValueError, OverflowError, OSError):
        return now_ms
    return ms if 0 <= ms <= now_ms else now_ms


def _ms(value: object) -> int:
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp() * 1000)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value if value > _LARGEST_SECONDS else value * 1000)
    raise ValueError("no time")


def _check_confidence(value: object) -> None:
    """Text is judged later, as a cell is."""
    if isinstance(value, bool) or (isinstance(value, (int, float)) and not (0 <= value <= 1 and math.isfinite(value))):
        raise InvalidLeadError("A confidence is from 0 to 1.", field="confidence")


def _plain(value: object) -> object:
    """What orjson does not know."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError
