"""`leads queue add`: JSON lines into the capture queue, whatever some of them are like.

What belongs here: reading lines and handing them over. What each must be is said by `capture_queue`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import count
from typing import Any, BinaryIO

import orjson

from leads_dagster.capture_queue.bodies import body_of, captured_ms, checked_body, key_of
from leads_dagster.capture_queue.items import NewCapture, QueueLimits
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.errors import ContentError, InvalidLeadError, QueueFullError

BATCH = 1_000
SHOWN = 100
_BOM = b"\xef\xbb\xbf"
# Beside its body a line has quotes, names and spaces; a longer one is not held in memory.
_MARGIN = 100_000
# What a line of an export has beside `data`: `leads queue clear` wrote it.
_EXPORTED = {"id", "customer", "key", "state", "data"}


@dataclass
class Added:
    """What became of the lines.

    Attributes:
        added: put into the queue.
        known: their key was there; nothing was written.
        refused: {"line", "reason"} of those that cannot be captures; the first `SHOWN`, lines from 1.
        refusals: how many those are.
        full_at_line: from here on nothing was taken, since the queue is full; None where all was.
    """

    added: int = 0
    known: int = 0
    refusals: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)
    full_at_line: int | None = None

    def refuse(self, line: int, reason: str) -> None:
        """Note a line that cannot be one."""
        self.refusals += 1
        if len(self.refused) < SHOWN:
            self.refused.append({"line": line, "reason": reason})


@dataclass(frozen=True)
class LineRules:
    """How a line becomes a capture.

    Attributes:
        customer: whose it is; a line of an export may name another where `keep_customer` is set.
        key_field: name in the line whose value is its key; None: it has none.
        limits: of the queue.
        now_ms: when it was captured where it does not say.
    """

    customer: str
    limits: QueueLimits
    now_ms: int
    key_field: str | None = None
    keep_customer: bool = False


def add_lines(
    queue: CaptureQueue, stream: BinaryIO, rules: LineRules, *, progress: Callable[[int], object] = lambda _: None
) -> Added:
    """Hand over every line that can be a capture; one that cannot stops no other.

    Args:
        stream: JSON lines in UTF-8; blank ones are passed over.
        progress: told how many bytes were read.

    Raises:
        StoreError, StoreBusyError: the queue cannot be used; lines before were taken, at most the last thousand not.
    """
    done, batch, first = Added(), [], 1
    lines = enumerate(_lines(stream, rules.limits.item_bytes + _MARGIN), start=1)
    for number, line in lines:
        try:
            batch += _captures(line, rules)
        except ContentError as error:
            done.refuse(number, error.message)
        if len(batch) >= BATCH:
            if not _hand_over(queue, batch, done, first):
                return done
            batch, first = [], number + 1
            progress(stream.tell() if stream.seekable() else 0)
    _hand_over(queue, batch, done, first)
    return done


def _hand_over(queue: CaptureQueue, batch: list[NewCapture], done: Added, first: int) -> bool:
    """Whether the queue took a batch, whose first line is `first`."""
    try:
        receipts = queue.put(batch) if batch else []
    except QueueFullError:
        done.full_at_line = first
        return False
    new = sum(receipt.is_new for receipt in receipts)
    done.added += new
    done.known += len(receipts) - new
    return True


def _captures(line: bytes | None, rules: LineRules) -> list[NewCapture]:
    """The capture of a line; none of a blank one."""
    if line is None:
        raise InvalidLeadError("It is longer than a capture may be.")
    if not line:
        return []
    body = checked_body(line)
    found: dict[str, Any] = orjson.loads(body)
    capture = _exported(found, rules) if found.keys() >= _EXPORTED else _plain(found, body, rules)
    rules.limits.check([capture])
    return [capture]


def _plain(found: dict[str, Any], body: bytes, rules: LineRules) -> NewCapture:
    key = None if rules.key_field is None else found.get(rules.key_field)
    if rules.key_field is not None and (key is None or isinstance(key, (bool, dict, list))):
        raise InvalidLeadError(f"It has no {rules.key_field} that could be its key.")
    named = None if key is None else str(key)
    return NewCapture(rules.customer, key_of(named), body, captured_ms(found, rules.now_ms))


def _exported(found: dict[str, Any], rules: LineRules) -> NewCapture:
    """A line of an export, under the key that it had, so that it is the same capture as before."""
    customer = str(found["customer"]) if rules.keep_customer else rules.customer
    moment = {"scraped_at": found.get("captured_at")}
    return NewCapture(customer, key_of(found["key"]), body_of(found["data"]), captured_ms(moment, rules.now_ms))


def _lines(stream: BinaryIO, most: int) -> Iterator[bytes | None]:
    """Each line, trimmed; None for one of more than `most` bytes, which is passed over."""
    for number in count():
        line = stream.readline(most)
        if not line:
            return
        whole = line.endswith(b"\n") or len(line) < most
        while not whole:
            rest = stream.readline(most)
            whole = rest.endswith(b"\n") or len(rest) < most
            line = b""
        if not line:
            yield None
            continue
        yield line.removeprefix(_BOM).strip() if number == 0 else line.strip()


def moment_ms(text: str) -> int:
    """A time as people give it, ISO 8601, UTC where it names no zone, in ms since 1970.

    Raises:
        ValueError: it is none.
    """
    found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    return int((found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp() * 1000)
