"""What waits for a person: quarantine, conflicts, reviews, holds, the outbox; what differs; and the decisions.

What belongs here: routes. What a decision does is the pipeline's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from leads_dagster.interfaces.api.asking import CustomerId, leads_of
from leads_dagster.interfaces.api.replies import reply
from leads_dagster.interfaces.api.shapes import (
    Conflict,
    Drift,
    Hold,
    OutboxMark,
    OutboxRetried,
    QuarantinedRow,
    Review,
    Settled,
    Who,
)
from leads_dagster.pipeline import conflicts, drift, holds, outbox, quarantine, reviews

router = APIRouter(prefix="/api/leads", tags=["inboxes"])

Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
Every = Annotated[bool, Query(alias="all", description="Also what is decided.")]
Number = Annotated[int, Path(ge=1, le=2**53 - 1, description="The id that the list gives.")]
ReviewId = Annotated[str, Path(pattern=r"^r?[0-9]{1,18}-[0-9]{1,18}$", examples=["r3-9"])]


class ConflictDecision(Who):
    """What is to hold."""

    choice: Literal["keep", "take", "value"] = Field(
        description="`keep` what is shown as kept, `take` what is shown as lost, or `value`: neither."
    )
    value: str | None = Field(None, max_length=100_000, description="With `value`: what is to hold; null: blank.")


class ReviewDecision(Who):
    """Whether two leads are one."""

    verdict: Literal["same", "not_same"]


class Retry(Who):
    """What a mirror shall be told again."""

    leads: list[str] | None = Field(None, max_length=1000, description="Ids of leads; null: all.")
    mirror: Literal["crm", "airtable"] | None = None


@router.get("/quarantine", response_model=list[QuarantinedRow], summary="Rows that could not be leads")
async def list_quarantine(request: Request, customer_id: CustomerId = None, limit: Limit = 100) -> Response:
    """Each with its reason, the cell, and what would mend it; a row leaves by itself when the sheet is mended."""
    leads = leads_of(request)
    return reply(await leads.read(leads.customer(customer_id), quarantine.list_, limit=limit))


@router.get("/quarantine/{recordId}", response_model=QuarantinedRow, summary="One row, with all its cells")
async def show_quarantined(
    request: Request, record: Annotated[Number, Path(alias="recordId")], customer_id: CustomerId = None
) -> Response:
    """The row as it stands in the sheet."""
    leads = leads_of(request)
    return reply(await leads.read(leads.customer(customer_id), quarantine.show, record))


@router.get("/conflicts", response_model=list[Conflict], summary="Fields of which two sources say different things")
async def list_conflicts(
    request: Request, customer_id: CustomerId = None, every: Every = False, limit: Limit = 100
) -> Response:
    """The value that holds until somebody decides, and the one that does not; newest first."""
    leads = leads_of(request)
    return reply(await leads.read(leads.customer(customer_id), conflicts.list_, every=every, limit=limit))


@router.get("/conflicts/{conflictId}", response_model=Conflict, summary="One conflict")
async def show_conflict(
    request: Request, conflict: Annotated[Number, Path(alias="conflictId")], customer_id: CustomerId = None
) -> Response:
    """Who says what since when, and what each choice would do."""
    leads = leads_of(request)
    return reply(await leads.read(leads.customer(customer_id), conflicts.show, conflict))


@router.post("/conflicts/{conflictId}/resolve", response_model=Settled, summary="Settle a conflict")
async def resolve_conflict(
    request: Request,
    conflict: Annotated[Number, Path(alias="conflictId")],
    said: ConflictDecision,
    customer_id: CustomerId = None,
) -> Response:
    """Every later cycle obeys it until it is taken back."""
    leads = leads_of(request)
    how = {"value": said.value, "reason": said.reason, "who": said.name}
    done = await leads.write(leads.customer(customer_id), conflicts.resolve, conflict, said.choice, **how)
    return reply(done)


@router.get("/reviews", response_model=list[Review], summary="Pairs that look alike, but not enough")
async def list_reviews(
    request: Request, customer_id: CustomerId = None, every: Every = False, limit: Limit = 100
) -> Response:
    """Both sides, the strongest first; the two stay apart until somebody decides."""
    leads = leads_of(request)
    return reply(await leads.read(leads.customer(customer_id), reviews.list_, every=every, limit=limit))


@router.get("/reviews/{reviewId}", response_model=Review, summary="One review")
async def show_review(
    request: Request, review: Annotated[ReviewId, Path(alias="reviewId")], customer_id: CustomerId = None
) -> Response:
    """All rows of both sides, what speaks for them, and what each answer would do."""
    leads = leads_of(request)
    return reply(await leads.read(leads.customer(customer_id), reviews.show, review))


@router.post("/reviews/{reviewId}/resolve", response_model=Settled, summary="Say whether two leads are one")
async def resolve_review(
    request: Request,
    review: Annotated[ReviewId, Path(alias="reviewId")],
    said: ReviewDecision,
    customer_id: CustomerId = None,
) -> Response:
    """Every later cycle obeys it until it is taken back."""
    leads = leads_of(request)
    how = {"reason": said.reason, "who": said.name}
    return reply(await leads.write(leads.customer(customer_id), reviews.resolve, review, said.verdict, **how))


@router.get("/holds", response_model=list[Hold], summary="Plans that the guard parked")
async def list_holds(request: Request, customer_id: CustomerId = None, every: Every = False) -> Response:
    """What would have removed, blanked or changed more than the customer's share; newest first."""
    leads = leads_of(request)
    return reply(await leads.read(leads.customer(customer_id), holds.list_, every=every))


@router.get("/holds/{holdId}", response_model=Hold, summary="One hold, with exactly what it would do")
async def show_hold(
    request: Request, hold: Annotated[Number, Path(alias="holdId")], customer_id: CustomerId = None
) -> Response:
    """Row by row, each field as it was and as it would be."""
    leads = leads_of(request)
    return reply(await leads.read(leads.customer(customer_id), holds.show, hold))


@router.post("/holds/{holdId}/{decision}", response_model=Hold, summary="Let a parked plan through, or refuse it")
async def decide_hold(
    request: Request,
    hold: Annotated[Number, Path(alias="holdId")],
    decision: Literal["approve", "drop"],
    said: Who | None = None,
    customer_id: CustomerId = None,
) -> Response:
    """Approved: the next cycle does what the plan says, if it still is that plan then."""
    leads = leads_of(request)
    act = {"approve": holds.approve, "drop": holds.drop}[decision]
    return reply(await leads.write(leads.customer(customer_id), act, hold, who=(said or Who.model_validate({})).name))


@router.get("/drift", response_model=list[Drift], summary="Where the sheet and the leads differ")
async def list_drift(request: Request, customer_id: CustomerId = None) -> Response:
    """Airtable or a person changed these since; the sheet is an input and is not written to."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    return reply((await leads.keep(("drift", name), name, drift.drift)).value)


@router.get("/outbox", response_model=list[OutboxMark], summary="What mirrors have still to hear, or would not take")
async def list_outbox(
    request: Request,
    customer_id: CustomerId = None,
    mirror: Literal["crm", "airtable"] | None = None,
    limit: Limit = 100,
) -> Response:
    """The worst first."""
    leads = leads_of(request)
    return reply(await leads.read(leads.customer(customer_id), outbox.list_, mirror=mirror, limit=limit))


@router.post("/outbox/retry", response_model=OutboxRetried, summary="Try again what a mirror would not take")
async def retry_outbox(request: Request, said: Retry | None = None, customer_id: CustomerId = None) -> Response:
    """At once where the mirrors can be reached."""
    leads = leads_of(request)
    asked = said or Retry.model_validate({})
    done: dict[str, Any] = await leads.write(
        leads.customer(customer_id), outbox.retry, asked.leads, mirror=asked.mirror
    )
    return reply(done)
