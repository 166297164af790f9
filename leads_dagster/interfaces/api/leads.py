"""`/api/leads`: finding leads, one lead with all that is known of it, its history.

What belongs here: routes. What is found is `pipeline.leads`'s business.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from leads_dagster.errors import ConflictError, SettingsError
from leads_dagster.interfaces.api.answering import Answering
from leads_dagster.interfaces.api.asking import FIELD_NAMES, CustomerId, leads_of
from leads_dagster.interfaces.api.keeping import Kept
from leads_dagster.interfaces.api.queries import LeadQuery
from leads_dagster.interfaces.api.replies import reply_kept
from leads_dagster.interfaces.api.shapes import History, Lead, LeadPage
from leads_dagster.interfaces.api.told import snake
from leads_dagster.pipeline import leads as use_cases
from leads_dagster.pipeline.history import history as read_history
from leads_dagster.pipeline.workspace import Workspace

router = APIRouter(prefix="/api/leads", tags=["leads"])

LeadId = Annotated[
    str,
    Path(
        alias="leadId",
        pattern=r"^[0-9A-Za-z_-]{6,64}$",
        description="A lead's id, or at least six characters of its beginning; an e-mail has no place in a URL.",
        examples=["01919f4c52a07c4e9a5d0b7b3f1f2a11"],
    ),
]


@router.get("", response_model=LeadPage, summary="Find leads")
async def find(request: Request, asked: Annotated[LeadQuery, Query()]) -> Response:
    """A page of leads, with how many there are in all. What names a person belongs into `POST /api/leads/search`."""
    return reply_kept(request, await found(leads_of(request), asked))


@router.post("/search", response_model=LeadPage, summary="Find leads, with what is searched for kept out of the URL")
async def search(request: Request, asked: LeadQuery) -> Response:
    """As `GET /api/leads`; a token that may only read is enough."""
    return reply_kept(request, await found(leads_of(request), asked))


async def found(leads: Answering, asked: LeadQuery) -> Kept:
    """A page of a search, kept until the store changes; its total is kept for all its pages."""
    name, query = leads.customer(asked.customer_id), asked.filter()
    total = await leads.keep(("count", name, query.fingerprint), name, use_cases.count, query)

    def read(workspace: Workspace) -> dict[str, Any]:
        try:
            page = use_cases.page(workspace, query, limit=asked.limit, after=asked.cursor, order=asked.order)
        except SettingsError as error:  # of what is asked here only the cursor can be wrong still
            raise ConflictError(error.message, advice=error.advice) from error
        return {**page, "total": total.value}

    return await leads.keep(("leads", name, asked.model_dump_json(), total.value), name, read)


@router.get("/{leadId}", response_model=Lead, summary="One lead")
async def one(request: Request, lead_id: LeadId, customer_id: CustomerId = None) -> Response:
    """Its fields, where each comes from, its records, and why these are one lead."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    return reply_kept(request, await leads.keep(("lead", name, lead_id), name, use_cases.lead, lead_id))


@router.get("/{leadId}/history", response_model=History, summary="What happened to a lead")
async def history(
    request: Request,
    lead_id: LeadId,
    customer_id: CustomerId = None,
    field: Annotated[
        str | None, Query(pattern=FIELD_NAMES, description="Of this field only.", examples=["title"])
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Every change, merge, conflict and decision, newest first, and why."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    named = None if field is None else snake(field)
    kept = await leads.keep(
        ("history", name, lead_id, named, limit), name, read_history, lead_id, field=named, limit=limit
    )
    return reply_kept(request, kept)
