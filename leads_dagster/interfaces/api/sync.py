"""`/api/leads/sync`: how each customer's sync stands and what it did; a cycle now, pausing, going on.

What belongs here: routes and the names of their answers. What a status says is `pipeline.status`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from leads_dagster.interfaces.api.asking import CustomerId, leads_of
from leads_dagster.interfaces.api.replies import reply, reply_kept
from leads_dagster.interfaces.api.shapes import Metrics, Paused, Status, Triggered
from leads_dagster.pipeline import pausing

router = APIRouter(prefix="/api/leads/sync", tags=["sync"])

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3650)
DAY = timedelta(days=1)
Since = Annotated[
    str,
    Query(
        description="How far back: a number and s, m, h or d; ten years at most.",
        pattern=r"^[1-9][0-9]{0,5}[smhd]$",
        examples=["24h"],
    ),
]


@router.get("/status", response_model=Status, summary="Where a customer's sync stands")
async def status(request: Request, customer_id: CustomerId = None) -> Response:
    """The last cycle, what waits and where, budgets, breakers, and whether `leads up` runs."""
    leads = leads_of(request)
    return reply_kept(request, await leads.status_kept(leads.customer(customer_id)))


@router.get("/status/all", response_model=list[Status], summary="Where every customer's sync stands")
async def status_all(request: Request) -> Response:
    """As the status of one, for all of leads.toml, in its order."""
    return reply_kept(request, await leads_of(request).statuses_kept())


@router.get("/metrics", response_model=Metrics, summary="What a customer's sync did in a span of time")
async def metrics(request: Request, customer_id: CustomerId = None, since: Since = "24h") -> Response:
    """Cycles, rows, errors and retries, and how long changes took to each store."""
    leads = leads_of(request)
    return reply_kept(request, await leads.metrics_kept(leads.customer(customer_id), _span(since)))


@router.post("/trigger", status_code=202, response_model=Triggered, summary="A cycle now")
async def trigger(request: Request, customer_id: CustomerId = None) -> Response:
    """Where `leads up` runs it starts the cycle within the second; else this server runs it."""
    leads = leads_of(request)
    return reply(await leads.triggers.trigger(leads.customer(customer_id)), status=202)


@router.post("/pause", response_model=Paused, summary="Let the live system leave a customer alone")
async def pause(
    request: Request,
    customer_id: CustomerId = None,
    reason: Annotated[str, Query(max_length=500, description="Shown until it is resumed.")] = "",
) -> Response:
    """A cycle at work is not stopped; resuming catches up with whatever changes meanwhile."""
    leads = leads_of(request)
    return reply(_paused(await leads.write(leads.customer(customer_id), pausing.pause, reason=reason)))


@router.post("/resume", response_model=Paused, summary="Let the live system look after a customer again")
async def resume(request: Request, customer_id: CustomerId = None) -> Response:
    """It catches up at once."""
    leads = leads_of(request)
    return reply(_paused(await leads.write(leads.customer(customer_id), pausing.resume)))


def _paused(done: Mapping[str, Any]) -> dict[str, Any]:
    return {("is_paused" if name == "paused" else name): value for name, value in done.items()}


def _span(text: str) -> timedelta:
    """As the pattern lets it through; ten years at most."""
    return min(timedelta(**{_UNITS[text[-1]]: int(text[:-1])}), _LONGEST)
