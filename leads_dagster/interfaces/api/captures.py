"""`/api/leads/captures` and `/api/leads/queue`: handing leads over, and how the queue stands.

What belongs here: routes. Where captures wait is `capture_queue`, what becomes of them the road's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from leads_dagster.capture_queue.bodies import body_of, captured_ms, key_of
from leads_dagster.capture_queue.items import DeadItem, NewCapture
from leads_dagster.errors import InvalidLeadError
from leads_dagster.interfaces.api.asking import CustomerId, leads_of
from leads_dagster.interfaces.api.replies import reply
from leads_dagster.interfaces.api.shapes import Captured, DeadCapture, QueueStanding, Retried
from leads_dagster.pipeline.queue_looking import unnamed_customers

router = APIRouter(prefix="/api/leads", tags=["captures"])

MOST_AT_ONCE = 1_000
_EXAMPLE = {"Full name": "Ada Lovelace", "Email": "ada@example.com", "source": "conference list", "confidence": 0.95}

Capture = dict[str, Any]
Captures = Capture | Annotated[list[Capture], Field(min_length=1, max_length=MOST_AT_ONCE)]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


@router.post(
    "/captures",
    status_code=202,
    response_model=Captured | list[Captured],
    summary="Hand over one lead, or up to a thousand",
)
async def capture(
    request: Request,
    said: Annotated[Captures, Body(openapi_examples={"one": {"value": _EXAMPLE}, "several": {"value": [_EXAMPLE]}})],
    customer_id: CustomerId = None,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=240, description="The same key again is the same capture.")
    ] = None,
) -> Response:
    """Any names that a sheet's header may have; besides `source`, `confidence` (0 to 1) and `scraped_at`.

    It is on the disk, or with the queue's server, when this answers; all of a list or none. `duplicate`: its key is
    known, and nothing was handed over.
    """
    leads = leads_of(request)
    name = leads.customer(customer_id)
    many = said if isinstance(said, list) else [said]
    items = new_captures(name, many, idempotency_key)
    receipts = await run_in_threadpool(lambda: leads.queue.put(items))
    told = [{"id": one.id, "status": "queued" if one.is_new else "duplicate"} for one in receipts]
    return reply(told if isinstance(said, list) else told[0], status=202)


def new_captures(customer: str, many: Sequence[Capture], key: str | None) -> list[NewCapture]:
    """What was sent, as the queue takes it; of several under one key, each has the key with its number.

    Raises:
        InvalidLeadError: one of them cannot be; `context["position"]` says which.
    """
    now = time.time_ns() // 1_000_000
    keys = (
        [None] * len(many) if key is None else [key] if len(many) == 1 else [f"{key}:{at}" for at in range(len(many))]
    )
    return [_new(customer, data, named, now, at) for at, (data, named) in enumerate(zip(many, keys, strict=True))]


def _new(customer: str, data: Capture, key: str | None, now: int, position: int) -> NewCapture:
    try:
        return NewCapture(customer, key_of(key), body_of(_kept(data)), captured_ms(data, now))
    except InvalidLeadError as error:
        error.context["position"] = position
        raise


def _kept(value: Any) -> Any:
    """A number with more digits than the queue's JSON has, as text: a phone or an id keeps them all."""
    if isinstance(value, dict):
        return {name: _kept(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_kept(one) for one in value]
    return str(value) if isinstance(value, int) and abs(value) >= 2**63 else value


@router.get("/queue", response_model=QueueStanding, summary="How the capture queue stands")
async def queue_status(request: Request, customer_id: CustomerId = None) -> Response:
    """How many wait, are worked at, failed and ended, and since when the oldest waits."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    standing, unnamed = await run_in_threadpool(
        lambda: (leads.queue.status(name), unnamed_customers(leads.queue, leads.customers()))
    )
    known = asdict(standing)
    oldest = known.pop("oldest_at_ms")
    oldest_at = None if oldest is None else _moment(oldest)
    return reply({"customer": name, **known, "oldest_at": oldest_at, "unnamed": sum(unnamed.values())})


@router.get("/queue/dead", response_model=list[DeadCapture], summary="Captures that failed too often")
async def dead(request: Request, customer_id: CustomerId = None, limit: Limit = 100) -> Response:
    """The longest dead first, each with its last reason."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    found = await run_in_threadpool(lambda: list(leads.queue.dead(name, limit=limit)))
    return reply([_dead(one) for one in found])


@router.post("/queue/retry-failed", response_model=Retried, summary="Queue failed captures again")
async def retry_failed(request: Request, customer_id: CustomerId = None, limit: Limit = 100) -> Response:
    """The longest dead first, as if they had never failed."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    return reply(
        {"customer": name, "retried": await run_in_threadpool(lambda: leads.queue.retry_dead(name, limit=limit))}
    )


def _dead(item: DeadItem) -> dict[str, Any]:
    times = {"enqueued_at": _moment(item.enqueued_at_ms), "died_at": _moment(item.died_at_ms)}
    return {"id": item.id, "key": item.key, "attempts": item.attempts, "reason": item.reason, **times}


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, timezone.utc)
