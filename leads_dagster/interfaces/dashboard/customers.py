"""`/` and `/customers/…`: how everything stands, and one customer with its charts and runs.

What belongs here: addresses. What is shown is `views`', what a sync does the pipeline's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from leads_dagster.interfaces.api.asking import leads_of
from leads_dagster.interfaces.api.replies import reply_kept
from leads_dagster.interfaces.api.sync import DAY
from leads_dagster.interfaces.dashboard.forms import form_of, go
from leads_dagster.interfaces.dashboard.rendering import PageRoute, page, part
from leads_dagster.interfaces.dashboard.views import alerts_of, card_of, headline, inbox_counts
from leads_dagster.pipeline import charts, pausing

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Customer = Annotated[str, Path(min_length=1, max_length=200)]


@router.get("/")
async def overview(request: Request) -> Response:
    """Every customer, and what waits for a person."""
    leads = leads_of(request)
    cards = [card_of(one) for one in await leads.statuses()]
    counts = await inbox_counts(leads)
    alerts = await alerts_of(leads)
    said = headline(cards, counts["total"], alerts["count"])
    return await page(request, "overview", cards=cards, counts=counts, headline=said, alerts=alerts)


@router.get("/customers/{customer}/card")
async def card(request: Request, customer: Customer) -> Response:
    """A customer as the overview shows it, anew."""
    leads = leads_of(request)
    return part(request, "card_part", card=card_of(await leads.status(leads.customer(customer))))


@router.get("/customers/{customer}")
async def one(request: Request, customer: Customer) -> Response:
    """One customer: state, charts, runs."""
    leads = leads_of(request)
    name = leads.customer(customer)
    shown = await _shown(request, name)
    return await page(request, "customer", **shown)


async def _shown(request: Request, name: str) -> dict[str, Any]:
    leads = leads_of(request)
    metrics = await leads.metrics_kept(name, DAY)
    runs = await leads.keep(("runs", name), name, charts.runs, limit=15)
    card = card_of(await leads.status(name))
    live = card["live"]
    dagster = live.get("urls", {}).get("web") if live["running"] else None
    return {"card": card, "metrics": metrics.value, "runs": runs.value, "dagster": dagster}


@router.get("/customers/{customer}/runs")
async def runs(request: Request, customer: Customer) -> Response:
    """Its last runs, anew."""
    return part(request, "runs_part", **await _shown(request, leads_of(request).customer(customer)))


@router.get("/customers/{customer}/series/{span}")
async def series(request: Request, customer: Customer, span: Literal["day", "week", "month"]) -> Response:
    """What its charts are drawn from."""
    leads = leads_of(request)
    name = leads.customer(customer)
    return reply_kept(request, await leads.keep(("series", name, span), name, charts.series, span))


@router.post("/customers/{customer}/{verb}")
async def act(request: Request, customer: Customer, verb: Literal["trigger", "pause", "resume"]) -> Response:
    """A cycle now; or leave it alone; or look after it again."""
    leads = leads_of(request)
    name = leads.customer(customer)
    back = f"/customers/{quote(name, safe='')}"
    if verb == "trigger":
        done = await leads.triggers.trigger(name)
        return go(request, back, done=done["status"])
    if verb == "pause":
        reason = (await form_of(request)).get("reason", "")[:500]
        await leads.write(name, pausing.pause, reason=reason)
        return go(request, back, done="paused")
    await leads.write(name, pausing.resume)
    return go(request, back, done="resumed")
