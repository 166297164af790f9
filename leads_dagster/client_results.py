"""What `LeadsClient` gives back: values with types, from the API's JSON.

What belongs here: shapes. Each has `raw`, the answer as it came, for what has no name here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class SyncStatus:
    """Where a customer's sync stands.

    Attributes:
        progress_percent: 0 to 100.
        sync_duration: of the last cycle that closed, in ms; None where none did.
        rows_processed, rows_inserted, rows_updated, rows_deleted: of that cycle.
        error_count, retry_count: of all cycles.
        leads: active ones.
    """

    customer_id: str
    is_paused: bool
    is_running: bool
    progress_percent: int
    progress_message: str
    last_sync_at: datetime | None
    sync_duration: float | None
    rows_processed: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    error_count: int
    retry_count: int
    last_error: str | None
    leads: int
    raw: Raw = field(repr=False, compare=False)


@dataclass(frozen=True)
class SyncMetrics:
    """What a customer's sync did in a span of time.

    Attributes:
        syncs: cycles that did something. sync_duration: their median, in ms.
        success_rate, error_rate: 0 to 1; None without cycles.
        freshness: store, crm, airtable -> p50, p95, p99 and worst in ms, and rows.
    """

    customer_id: str
    since: datetime
    syncs: int
    sync_duration: float | None
    rows_processed: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    error_count: int
    retry_count: int
    success_rate: float | None
    error_rate: float | None
    freshness: Mapping[str, Mapping[str, Any]]
    raw: Raw = field(repr=False, compare=False)


@dataclass(frozen=True)
class Triggered:
    """A cycle that was asked for; `run_id` is None where the live system names it."""

    customer_id: str
    run_id: str | None
    status: Literal["started", "already_running"]
    raw: Raw = field(repr=False, compare=False)


@dataclass(frozen=True)
class Paused:
    """Whether the live system looks after a customer."""

    customer_id: str
    is_paused: bool
    raw: Raw = field(repr=False, compare=False)


@dataclass(frozen=True)
class LeadPage:
    """A page of leads; each is a mapping with the API's names. `next_cursor` is None on the last."""

    leads: tuple[Raw, ...] = field(repr=False)
    total: int
    next_cursor: str | None
    raw: Raw = field(repr=False, compare=False)


@dataclass(frozen=True)
class Captured:
    """A capture that was handed over; a duplicate was known by its key."""

    id: str
    status: Literal["queued", "duplicate"]
    raw: Raw = field(repr=False, compare=False)


Result = TypeVar("Result", SyncStatus, SyncMetrics, Triggered, Paused, LeadPage, Captured)
_TIMES = frozenset({"last_sync_at", "since"})


def read(kind: type[Result], raw: Raw) -> Result:
    """An answer as a value of its kind."""
    names = [name for name in kind.__dataclass_fields__ if name != "raw"]
    return kind(**{name: _value(name, raw.get(_camel(name))) for name in names}, raw=raw)


def _value(name: str, value: Any) -> Any:
    if name in _TIMES and value is not None:
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return tuple(value) if isinstance(value, list) else value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
