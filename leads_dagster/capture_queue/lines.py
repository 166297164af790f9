"""The line of an item in an export, the same from every back end; `leads queue add` takes it in again.

What belongs here: that line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from leads_dagster.capture_queue.items import STATES

LINE = ("id", "customer", "key", "state", "captured_ms", "enqueued_ms", "failures", "reason", "body")
"""What a line is made of."""


def export_line(item: Mapping[str, Any]) -> bytes:
    """One JSON object and a line end: what is known of an item, its body as `data`."""
    known = {
        "id": item["id"],
        "customer": item["customer"],
        "key": item["key"],
        "state": STATES[item["state"]],
        "captured_at": text_of_ms(item["captured_ms"]),
        "enqueued_at": text_of_ms(item["enqueued_ms"]),
        "attempts": item["failures"],
        "reason": item["reason"],
        "data": data_of(item["body"]),
    }
    return json.dumps(known).encode() + b"\n"


def text_of_ms(ms: int) -> str:
    """A time as ISO text in UTC."""
    return datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds")


def data_of(body: bytes) -> object:
    """The body; one that is no JSON as its text, so that nothing is left out of an export."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
