"""`/inboxes/drift` and `/inboxes/outbox`: where sheet and lead differ, and what mirrors have still to hear of.

What belongs here: addresses. Neither waits for a decision, so neither is counted among the inboxes.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from leads_dagster.interfaces.api.asking import CustomerId, leads_of
from leads_dagster.interfaces.dashboard.forms import form_of, go
from leads_dagster.interfaces.dashboard.rendering import PageRoute, page
from leads_dagster.interfaces.dashboard.views import in_trouble, undone
from leads_dagster.pipeline import drift, outbox

router = APIRouter(prefix="/inboxes", route_class=PageRoute, include_in_schema=False)

_MOST = 200


@router.get("/drift")
async def drift_page(request: Request, customer_id: CustomerId = None) -> Response:
    """Every cell whose lead says something else, of one customer: all of a sheet's rows are compared for it."""
    leads = leads_of(request)
    name = leads.customer(customer_id or leads.customers()[0])
    found = (await leads.keep(("drift", name), name, drift.drift)).value
    return await page(request, "drift", name="drift", only=None, customer=name, found=found[:_MOST], total=len(found))


@router.get("/outbox")
async def outbox_page(request: Request, customer_id: CustomerId = None) -> Response:
    """What is not done of all customers, or of one; the worst first."""
    leads = leads_of(request)
    statuses = [one for one in await leads.statuses() if customer_id in (None, one["customer"])]
    groups = [await _group(request, one) for one in statuses if undone(one)]
    return await page(request, "outbox", name="outbox", only=customer_id, groups=groups)


async def _group(request: Request, status: dict[str, Any]) -> dict[str, Any]:
    name = status["customer"]
    marks = await leads_of(request).read(name, outbox.list_, limit=_MOST)
    counts = {
        state: sum(one.get(state, 0) for one in status["outbox"].values()) for state in ("pending", "failed", "dead")
    }
    return {"customer": name, "marks": marks, "counts": counts, "in_trouble": in_trouble(status)}


@router.post("/outbox/retry")
async def retry(request: Request, customer_id: CustomerId = None) -> Response:
    """Let a mirror be told again: of one lead, or of all that it would not take."""
    leads = leads_of(request)
    form = await form_of(request)
    mirror: Any = form["mirror"] if form.get("mirror") in ("airtable", "crm") else None
    named = [form["lead"]] if form.get("lead") else None
    name = leads.customer(customer_id)
    done = await leads.write(name, outbox.retry, named, mirror=mirror)
    return go(request, "/inboxes/outbox", done="still_refused" if done["left"] else "sent_again")
