"""`/inboxes/…`: rows in quarantine, conflicts, reviews and holds, and what people decide about them.

What belongs here: addresses. With HTMX a decided card says so in its place; without, the page is loaded again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.api.asking import CustomerId, leads_of
from leads_dagster.interfaces.dashboard import views
from leads_dagster.interfaces.dashboard.forms import form_of, go, reason_of
from leads_dagster.interfaces.dashboard.rendering import PageRoute, inbox_changed, is_part, page, part
from leads_dagster.pipeline import conflicts, holds, reviews
from leads_dagster.pipeline.workspace import Workspace

router = APIRouter(prefix="/inboxes", route_class=PageRoute, include_in_schema=False)

Number = Annotated[int, Path(ge=1, le=2**53 - 1)]
ReviewId = Annotated[str, Path(pattern=r"^r?[0-9]{1,18}-[0-9]{1,18}$")]
Listing = Callable[[Workspace], list[dict[str, Any]]]
_LISTINGS: dict[str, Listing] = {
    "quarantine": views.listed_quarantine,
    "conflicts": views.listed_conflicts,
    "reviews": views.listed_reviews,
    "holds": holds.list_,
}


@router.get("/{inbox}")
async def listed(
    request: Request, inbox: Literal["quarantine", "conflicts", "reviews", "holds"], customer_id: CustomerId = None
) -> Response:
    """What waits, of one customer or of all."""
    leads = leads_of(request)
    names = leads.customers() if customer_id is None else [leads.customer(customer_id)]
    groups = [(name, await leads.read(name, _LISTINGS[inbox])) for name in names]
    return await page(
        request, inbox, name=inbox, only=customer_id, groups=[(name, found) for name, found in groups if found]
    )


@router.get("/holds/{hold}")
async def hold_page(request: Request, hold: Number, customer_id: CustomerId = None) -> Response:
    """One hold, with exactly what it would do."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    found = await leads.read(name, holds.show, hold)
    return await page(request, "hold", customer=name, hold=found, plan=views.plan_of(found), name="holds", only=None)


@router.post("/conflicts/{conflict}")
async def settle_conflict(request: Request, conflict: Number, customer_id: CustomerId = None) -> Response:
    """Keep, take, or a value of one's own."""
    leads = leads_of(request)
    form = await form_of(request)
    choice = form.get("choice", "")
    if choice not in ("keep", "take", "value"):
        raise SettingsError("The form does not say what is to hold.", advice="Keep, take, or write a value.")
    value = (form.get("value", "").strip() or None) if choice == "value" else None
    name = leads.customer(customer_id)
    chosen = cast(conflicts.Choice, choice)
    done = await leads.write(name, conflicts.resolve, conflict, chosen, value=value, reason=reason_of(form))
    said = {"keep": done["kept"], "take": done["lost"], "value": value}[choice]
    settled = {"field": done["field"], "lead": done["lead"], "lead_id": done["lead_id"], "value": said}
    return await _decided(request, "conflict", name, done["decision_id"], **settled)


@router.post("/reviews/{review}")
async def answer_review(request: Request, review: ReviewId, customer_id: CustomerId = None) -> Response:
    """The same person, or not."""
    leads = leads_of(request)
    form = await form_of(request)
    verdict = form.get("verdict", "")
    if verdict not in ("same", "not_same"):
        raise SettingsError("The form does not say whether they are one.", advice="Answer same or not the same.")
    name = leads.customer(customer_id)
    done = await leads.write(name, reviews.resolve, review, cast(Any, verdict), reason=reason_of(form))
    return await _decided(
        request,
        "review",
        name,
        done["decision_id"],
        verdict=verdict,
        lead_ids=done["lead_ids"],
        learned=done["learned"],
    )


@router.post("/holds/{hold}")
async def decide_hold(request: Request, hold: Number, customer_id: CustomerId = None) -> Response:
    """Let it through, or refuse it."""
    leads = leads_of(request)
    choice = (await form_of(request)).get("choice", "")
    act = {"approve": holds.approve, "drop": holds.drop}.get(choice)
    if act is None:
        raise SettingsError("The form does not say what to do.", advice="Approve or dismiss.")
    name = leads.customer(customer_id)
    done = await leads.write(name, act, hold)
    return await _decided(request, "hold", name, None, hold=done, choice=choice)


async def _decided(request: Request, kind: str, customer: str, decision: int | None, **facts: Any) -> Response:
    if not is_part(request):
        return go(request, f"/inboxes/{kind}s", done=kind, decision=decision, customerId=customer)
    answer = part(request, "decided_part", kind=kind, customer=customer, decision=decision, facts=facts)
    return await inbox_changed(request, answer)
