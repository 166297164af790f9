"""`/leads` and `/leads/…`: finding leads, taking them along as CSV, and one lead with all that is known of it.

What belongs here: addresses. What people search for stays out of them: words go into the body of a form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import ValidationError
from starlette.responses import Response, StreamingResponse

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.api.answering import Answering
from leads_dagster.interfaces.api.asking import CustomerId, leads_of
from leads_dagster.interfaces.api.leads import found
from leads_dagster.interfaces.api.queries import LeadQuery
from leads_dagster.interfaces.dashboard import views
from leads_dagster.interfaces.dashboard.forms import form_of, go, reason_of, whole
from leads_dagster.interfaces.dashboard.rendering import PageRoute, is_part, page, part
from leads_dagster.pipeline import leads as use_cases
from leads_dagster.pipeline import overriding, undo
from leads_dagster.pipeline.history import history
from leads_dagster.pipeline.lead_export import export

router = APIRouter(route_class=PageRoute, include_in_schema=False)

LeadId = Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{6,64}$")]
_PAGE = 50
_MOST_PAGES_BACK = 200
_KINDS: dict[str, dict[str, Any]] = {
    "": {},
    "waits": {"sync_pending": True},
    "verified": {"verified": True},
    "thin": {"needs_enrichment": True},
    "all": {"include_archived": True},
}
_DAYS = {"1": 1, "7": 7, "30": 30}


@router.get("/leads")
async def leads_page(request: Request, customer_id: CustomerId = None) -> Response:
    """All leads of a customer, newest first."""
    return await _answer(request, {"customer": customer_id or leads_of(request).customers()[0]})


@router.post("/leads")
async def search(request: Request) -> Response:
    """Those that a form asks for; HTMX takes the table alone."""
    return await _answer(request, await form_of(request))


async def _answer(request: Request, form: Mapping[str, str]) -> Response:
    leads = leads_of(request)
    cursor, back = _place(form)
    asked = _asked(leads, form, cursor)
    shown = {
        "form": form,
        "customer": asked.customer_id,
        "order": asked.order,
        "found": (await found(leads, asked)).value,
        "cursor": asked.cursor or "",
        "back": back,
        "first": len(back) * _PAGE,
        "page_size": _PAGE,
    }
    if is_part(request):
        return part(request, "leads_part", **shown)
    return await page(request, "leads", **shown)


def _place(form: Mapping[str, str]) -> tuple[str, list[str]]:
    """The cursor of the page that is asked for, and those of the pages before it; "-" is the first page's."""
    back = form.get("back", "").split()[-_MOST_PAGES_BACK:]
    if form.get("go") == "next":
        return form.get("next", ""), [*back, form.get("at") or "-"]
    if form.get("go") == "back" and back:
        return ("" if back[-1] == "-" else back[-1]), back[:-1]
    return "", []


def _asked(leads: Answering, form: Mapping[str, str], cursor: str = "") -> LeadQuery:
    """What a form asks for.

    Raises:
        SettingsError: it cannot be meant.
    """
    texts = {name: [form[name].strip()] for name in ("company", "status") if form.get(name, "").strip()}
    given: dict[str, Any] = {**_KINDS.get(form.get("kind", ""), {}), **texts}
    if days := _DAYS.get(form.get("since", "")):
        # Whole minutes, so that the pages of a search are of one search.
        begin = form.get("as_of") or datetime.now(timezone.utc).replace(second=0, microsecond=0).isoformat()
        given["updated_since"] = _moment(begin) - timedelta(days=days)
    words = form.get("q", "").strip()
    order = form.get("order") or ("relevance" if words else "newest")
    name = leads.customer(form.get("customer"))
    try:
        return LeadQuery.model_validate(
            {"customer_id": name, "q": words or None, "limit": _PAGE, "order": order,
             "cursor": cursor or None, **given}
        )  # fmt: skip
    except ValidationError:
        raise SettingsError("That cannot be searched for.", advice="Use fewer or shorter words.") from None


def _moment(text: str) -> datetime:
    try:
        found_at = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError("That is no time.", advice="Load the page again.") from None
    return found_at if found_at.tzinfo else found_at.replace(tzinfo=timezone.utc)


@router.post("/leads/export")
async def export_csv(request: Request) -> Response:
    """All leads that the form asks for, as CSV; what would be a formula is text."""
    leads = leads_of(request)
    asked = _asked(leads, await form_of(request))
    query, name = asked.filter(), str(asked.customer_id)

    def lines() -> Iterator[str]:
        with leads.workspace(name) as workspace:
            yield from export(workspace, query)

    stamp = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    headers = {"Content-Disposition": f'attachment; filename="leads-{stamp}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/leads/{lead_id}")
async def lead_page(
    request: Request,
    lead_id: LeadId,
    customer_id: CustomerId = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> Response:
    """One lead: fields and who says them, why its records are one, what happened."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    known = (await leads.keep(("lead", name, lead_id), name, use_cases.lead, lead_id)).value
    told = (await leads.keep(("history", name, lead_id, None, limit), name, history, lead_id, limit=limit)).value
    rows = [one for one in known["records"] if one["removed_at"] is None and one["kind"] != "edit"]
    return await page(
        request,
        "lead",
        customer=name,
        lead=known,
        fields=views.fields_of(known),
        records=rows,
        compared=views.side_by_side(rows),
        told=told,
        timeline=views.timeline(told["entries"]),
        dagster=(await leads.status(name))["live"]["running"],
    )


@router.post("/leads/{lead_id}/override")
async def override(request: Request, lead_id: LeadId, customer_id: CustomerId = None) -> Response:
    """What a field shall say, whatever its sources say."""
    leads = leads_of(request)
    form = await form_of(request)
    value = form.get("value", "").strip() or None
    name = leads.customer(customer_id)
    done = await leads.write(name, overriding.override, lead_id, form.get("field", ""), value, reason=reason_of(form))
    return go(request, f"/leads/{lead_id}", customerId=name, done="override", decision=done["decision_id"])


@router.post("/leads/{lead_id}/undo-field")
async def undo_field(request: Request, lead_id: LeadId, customer_id: CustomerId = None) -> Response:
    """The value that a field had before."""
    leads = leads_of(request)
    form = await form_of(request)
    name = leads.customer(customer_id)
    done = await leads.write(name, undo.undo_field, lead_id, form.get("field", ""), reason=reason_of(form))
    return go(request, f"/leads/{lead_id}", customerId=name, done="field", decision=done["decision_id"])


@router.post("/leads/{lead_id}/undo-merge")
async def undo_merge(request: Request, lead_id: LeadId, customer_id: CustomerId = None) -> Response:
    """Both originals, or the record that leaves, are leads of their own again."""
    leads = leads_of(request)
    form = await form_of(request)
    records = [whole(form["record"])] if form.get("record") else []
    name = leads.customer(customer_id)
    done = await leads.write(name, undo.undo_merge, lead_id, records, reason=reason_of(form))
    return go(request, f"/leads/{lead_id}", customerId=name, done="merge", decision=done["decision_id"])
