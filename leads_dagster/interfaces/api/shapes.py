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


class Who(Asked):
    """Who decides, and why; kept with the decision."""

    who: str | None = Field(None, min_length=1, max_length=200, description="Shown in the history; else `api`.")
    reason: str | None = Field(None, max_length=2000)

    @property
    def name(self) -> str:
        """Who stands in the history."""
        return self.who or "api"


class LeadRow(Shape):
    """A lead; beside these its other fields."""

    id: str
    full_name: str | None
    email: str | None
    phone: str | None
    company: str | None
    title: str | None
    linkedin_url: str | None
    status: str | None
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    merged_into: str | None


class LeadPage(Shape):
    """A page of leads."""

    leads: list[LeadRow]
    total: int = Field(description="How many there are in all.")
    next_cursor: str | None


class Match(Shape):
    """Why two records are one lead."""

    at: datetime
    rule: str
    score: float | None
    why: str | None
    originals: list[dict[str, Any]]


class Lead(LeadRow):
    """One lead, with all that is known of it."""

    state: Literal["active", "archived", "merged"]
    lives_on_in: dict[str, Any] | None = Field(description="The lead that stands in its place.")
    stands_for: list[str] = Field(description="Leads that were merged into it.")
    fields: dict[str, Any] = Field(description="Field -> its value, rule, why, since, source, who, others.")
    records: list[dict[str, Any]] = Field(description="Its rows, captures and edits, and what each says.")
    matches: list[Match] = Field(description="Why its records are one lead.")


class Entry(Shape):
    """One thing that happened."""

    at: datetime
    kind: str
    told: str = Field(description="In a sentence.")


class History(Shape):
    """What happened to a lead, newest first."""

    lead: dict[str, Any]
    entries: list[Entry]
    total: int


class QuarantinedRow(Shape):
    """A row that could not be a lead."""

    record_id: int
    row_number: int | None = None
    code: str
    message: str
    suggestion: str | None


class Conflict(Shape):
    """A field of which two sources, or a mirror and we, say different things."""

    id: int
    lead_id: str
    lead: str | None
    field: str
    kept: str | None
    lost: str | None
    status: str
    detected_at: datetime


class Settled(Shape):
    """A decision that was carried out."""

    mirrors: dict[str, str] = Field(description="What each mirror heard.")
    next: str = Field(description="What happens now, and how it is taken back.")


class Review(Shape):
    """Two leads that may be one."""

    id: str
    status: Literal["open", "same", "not_same"]
    score: float | None
    left: dict[str, Any]
    right: dict[str, Any]
    fields: list[dict[str, Any]]


class Hold(Shape):
    """A plan that the guard parked."""

    id: int
    status: str
    removals: int
    changes: int
    blanks: int
    plan_hash: str
    created_at: datetime
    next: str


class Drift(Shape):
    """A cell whose lead says something else."""

    row: int | None
    lead_id: str
    field: str
    sheet: str | None
    lead: str | None
    said_by: str


class OutboxMark(Shape):
    """What a mirror has still to hear."""

    lead_id: str
    mirror: str
    status: str


class OutboxRetried(Shape):
    """What came of trying again."""

    retried: int
    mirrors: dict[str, str]


class Decision(Shape):
    """What somebody decided."""

    id: int
    kind: str
    about: str
    lead_id: str | None
    who: str
    decided_at: datetime
    undone_by: int | None


class Undone(Shape):
    """What was taken back."""

    decision_id: int | None
    leads_looked_at: int
    next: str


class Overridden(Shape):
    """A field that was set by hand."""

    lead_id: str
    field: str
    value: str | None
    decision_id: int


class Backup(Shape):
    """One backup."""

    name: str


class Backups(Shape):
    """All backups."""

    folder: str
    backups: list[Backup]
    faults: list[str]


class BackupMade(Backup):
    """A backup that was made."""

    bytes: int
    rows: int
    encrypted: bool
    verified: bool


class Limit(Shape):
    """One limit of calls."""

    name: str
    used: int
    month_calls: int
    month_limit: int | None
    month_left: int | None


class Unparked(Shape):
    """Limits that were parked."""

    customer_id: str
    unparked: list[str]
    next: str


class Captured(Shape):
    """A capture that was handed over."""

    id: str
    status: Literal["queued", "duplicate"]


class QueueStanding(Shape):
    """How a capture queue stands."""

    customer_id: str
    queued: int
    leased: int
    delayed: int
    dead: int
    recorded: int
    duplicates: int
    rejected: int
    oldest_at: datetime | None
    unnamed: int = Field(description="Captures that wait for customers that leads.toml does not name.")


class DeadCapture(Shape):
    """A capture that failed too often."""

    id: str
    key: str
    attempts: int
    reason: str
    died_at: datetime


class Retried(Shape):
    """Captures that were queued again."""

    customer_id: str
    retried: int


class StandingAlert(Shape):
    """Something that needs a person."""

    customer: str | None = Field(description="None where it is about all of them.")
    kind: str
    severity: Literal["warning", "error"]
    message: str
    advice: str
    opened_at: datetime | None
    told_at: datetime | None
