"""The door for whoever captures leads: hand one over in under a millisecond, and it will be recorded for certain.

    from leads_dagster.capture import enqueue

    enqueue({"Name": "Ada Lovelace", "Email": "ada@example.com", "source": "conference list"}, key="list-7:ada")

What belongs here: functions for scrapers, forms and scripts. Where items wait is `capture_queue`, what becomes of them
`pipeline.capture`. Handing over imports no database library, no Dagster and nothing of the road.

The queue that LEADS_HOME and LEADS_QUEUE_URL name is kept open by each process, for all of its threads and also after a
fork; it is another one as soon as the variables, or the folder they count from, are others.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from leads_dagster.capture_queue.bodies import body_of, captured_ms, key_of
from leads_dagster.capture_queue.export_file import ExportFile
from leads_dagster.capture_queue.items import NewCapture
from leads_dagster.capture_queue.place import QueuePlace, place_from
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.errors import InvalidLeadError
from leads_dagster.settings_table import SETTINGS

__all__ = ["clear_queue", "enqueue", "enqueue_many", "process_queue", "queue_status", "retry_failed"]


def enqueue(data: Mapping[str, Any], *, customer: str = "default", key: str | None = None) -> str:
    """Hand over one lead; it is on the disk, or with the server, when this returns.

    Args:
        data: any names that a sheet's header may have ("Full name", "E-Mail", "LinkedIn", …) -> text, numbers,
            booleans, nothing, or lists and mappings of them; dates become ISO text, NaN and infinity nothing. Besides,
            where known: `source`, where it came from; `confidence`, from 0 to 1; `scraped_at`, when, as ISO text, a
            datetime or seconds since 1970, now if left out.
        customer: whose lead it is.
        key: what it is known by at its source, at most 256 characters; the same key again is the same capture and is
            not taken in twice. Without one, each call hands over another.

    Returns:
        The item's id; that of the first, where the key is known.

    Raises:
        InvalidLeadError: this is no JSON object, or `key` or `confidence` cannot be one.
        CaptureTooLargeError: it has more bytes than LEADS_QUEUE_ITEM_BYTES.
        QueueFullError: LEADS_QUEUE_LIMIT items wait; hand it over again later.
        StoreBusyError: the queue is locked or cannot be reached just now; hand it over again.
        StoreError: the queue cannot be used, for good.
        SettingsError: LEADS_QUEUE_URL or another variable of the queue is wrong.
    """
    return enqueue_many([data], customer=customer, keys=None if key is None else [key])[0]


def enqueue_many(
    items: Iterable[Mapping[str, Any]], *, customer: str = "default", keys: Sequence[str | None] | None = None
) -> list[str]:
    """Hand over several leads at once, all or none; a thousand at a time is quick.

    Args:
        items, customer: as `enqueue`.
        keys: one for each item, or None.

    Returns:
        Their ids, in their order.

    Raises:
        As `enqueue`; nothing was handed over then. `context["position"]` is that of the item which cannot be, from 0.
    """
    found = list(items)
    if keys is not None and len(keys) != len(found):
        raise InvalidLeadError(f"There are {len(found)} items and {len(keys)} keys.", advice="Give one for each.")
    now = time.time_ns() // 1_000_000
    named = keys or [None] * len(found)
    captures = [_capture(*pair, customer, now, at) for at, pair in enumerate(zip(found, named, strict=True))]
    return [receipt.id for receipt in _HERE.queue().put(captures)]


def _capture(data: Mapping[str, Any], key: str | None, customer: str, now: int, position: int) -> NewCapture:
    try:
        return NewCapture(customer, key_of(key), body_of(data), captured_ms(data, now))
    except InvalidLeadError as error:
        error.context["position"] = position
        raise


def process_queue(limit: int = 100, *, customer: str | None = None) -> dict[str, int]:
    """Process what is due here and now, as the live system does by itself: criteria, then the one road.

    Args:
        limit: at most so many items in all.
        customer: None: all configured ones.

    Returns:
        How many were `recorded`, `duplicates`, `rejected` and `failed`, and how many are `remaining`, due.

    Raises:
        SettingsError: no such customer, or the settings are wrong.
        StoreError, StoreBusyError: the queue or the lead database cannot be used; what was leased comes back.
    """
    from leads_dagster.pipeline.capture import process_now
    from leads_dagster.settings import load_settings

    return process_now(load_settings(), customer=customer, limit=limit).numbers()


def queue_status(customer: str | None = None) -> dict[str, Any]:
    """Where the queue stands, for one customer or for all.

    Returns:
        `queued`, `leased`, `delayed`, `dead`, `recorded`, `duplicates`, `rejected`, `oldest_at` (aware UTC or None),
        `oldest_seconds`, `enqueued_a_minute`, `settled_a_minute`, `bytes`, `limit`; see `items.QueueStatus`.
    """
    known = asdict(_HERE.queue().status(customer))
    oldest = known.pop("oldest_at_ms")
    known["oldest_at"] = None if oldest is None else datetime.fromtimestamp(oldest / 1000, timezone.utc)
    known["oldest_seconds"] = None if oldest is None else max(0.0, time.time() - oldest / 1000)
    return known


def retry_failed(limit: int = 100, *, customer: str | None = None) -> int:
    """Queue up to so many dead letters again, the longest dead first, as if they had never failed; returns how many."""
    return _HERE.queue().retry_dead(customer, limit=limit)


def clear_queue(customer: str | None = None, *, export: str | os.PathLike[str] | None = None) -> int:
    """Remove everything that is not processed, dead letters included, of one customer or of all; returns how many.

    Args:
        export: a file that JSON lines of them are added to, each on the disk before its item goes; `leads queue add`
            takes them in again.

    Raises:
        StoreError: the file cannot be written; what is not in it is still in the queue.
    """
    queue = _HERE.queue()
    if export is None:
        return queue.clear(customer)
    with ExportFile(Path(export)) as file:
        return queue.clear(customer, export=file.add)


class _Here:
    """The queue of this process, as the environment names it now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[object, QueuePlace, CaptureQueue] | None = None
        os.register_at_fork(after_in_child=self._renew_lock)

    def _renew_lock(self) -> None:
        """Another thread of the parent may have held it."""
        self._lock = threading.Lock()

    def queue(self) -> CaptureQueue:
        named = (os.getcwd(), *map(os.environ.get, _VARIABLES))  # noqa: PTH109 - half the time of Path's
        known = self._known
        if known is None or known[0] != named:
            known = self._opened(named)
        return known[2]

    def _opened(self, named: object) -> tuple[object, QueuePlace, CaptureQueue]:
        with self._lock:
            place = place_from(os.environ)
            if self._known is None or self._known[1] != place:
                before, queue = self._known, place.open()
                self._known = (named, place, queue)
                if before is not None:
                    before[2].close()
            else:
                self._known = (named, place, self._known[2])
            return self._known


_VARIABLES = ("LEADS_HOME", *(setting.env for setting in SETTINGS if setting.name.startswith("queue_")))
_HERE = _Here()
