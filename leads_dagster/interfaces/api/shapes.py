"""The shapes of answers and of what is sent in, for the OpenAPI document and for checking what comes in.

What belongs here: models whose names in JSON are camelCase by one rule. Answers are not built through them: a test
holds that what the pipeline says fits.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from leads_dagster.interfaces.api.told import camel


class Shape(BaseModel):
    """What all shapes share: camelCase names; an answer may say more than is named."""

    model_config = ConfigDict(alias_generator=camel, populate_by_name=True, extra="allow")


class Asked(BaseModel):
    """What is sent in: camelCase names, and nothing that is not known."""

    model_config = ConfigDict(alias_generator=camel, populate_by_name=True, extra="forbid")


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="What kind of problem; a place in /docs.")
    title: str
    status: int
    detail: str = Field(description="What happened, for the person who must act.")
    advice: str | None = Field(None, description="What to do about it.")
    error: str | None = Field(None, description="The error's name, as docs/troubleshooting.md lists it.")
    transient: bool | None = Field(None, description="Whether the same request may succeed later.")
    errors: list[dict[str, Any]] | None = Field(None, description="Of a request that is not as it should be: what.")
    context: dict[str, Any] | None = None


class Status(Shape):
    """Where a customer's sync stands."""

    customer_id: str
    is_paused: bool
    is_running: bool
    progress_percent: int = Field(ge=0, le=100)
    progress_message: str
    last_sync_at: datetime | None
    sync_duration: float | None = Field(description="Of the last cycle that closed, in ms.")
    rows_processed: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    error_count: int
    retry_count: int
    last_error: str | None
    leads: int = Field(description="Active leads.")


class Metrics(Shape):
    """What a customer's sync did in a span of time."""

    customer_id: str
    since: datetime
    syncs: int
    sync_duration: float | None = Field(description="Median of the cycles, in ms.")
    rows_processed: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    error_count: int
    retry_count: int
    success_rate: float | None
    error_rate: float | None
    freshness: dict[str, Any] = Field(description="store, crm, airtable: p50, p95, p99 and worst in ms, and rows.")
    hours: list[dict[str, Any]] = Field(description="Of the last twelve hours the store's freshness, oldest first.")


class Triggered(Shape):
    """A cycle was asked for."""

    customer_id: str
    run_id: str | None = Field(description="null where the live system starts it: it names the run when it does.")
    status: Literal["started", "already_running"]


class Paused(Shape):
    """Whether the live system looks after a customer."""

    customer_id: str
    is_paused: bool


class Health(Shape):
    """How the server is."""

    status: Literal["ok", "failing"]
