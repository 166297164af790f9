"""`/api/leads/undo`: taking things back, and what people decided.

What belongs here: routes. What is undone how is `pipeline.undo`'s.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from leads_dagster.interfaces.api.asking import FIELD_NAMES, CustomerId, leads_of
from leads_dagster.interfaces.api.leads import LeadId
from leads_dagster.interfaces.api.replies import reply
from leads_dagster.interfaces.api.shapes import Decision, Overridden, Undone, Who
from leads_dagster.interfaces.api.told import snake
from leads_dagster.pipeline import overriding, undo

router = APIRouter(prefix="/api/leads", tags=["undo"])

LeadName = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{6,64}$", description="A lead's id, or its beginning.")]
FieldName = Annotated[str, Field(pattern=FIELD_NAMES, description="A field of a lead.", examples=["title"])]


class Undo(Who):
    """How something is taken back."""

    dry_run: bool = Field(False, description="Say what would come of it, and write nothing.")

    @property
    def how(self) -> dict[str, Any]:
        """As the pipeline takes it."""
        return {"who": self.name, "reason": self.reason, "dry_run": self.dry_run}


class UndoField(Undo):
    """A field that shall have the value that it had before."""

    lead_id: LeadName
    field: FieldName


class UndoMerge(Undo):
    """A lead that shall be two again."""

    lead_id: LeadName
    records: list[Annotated[int, Field(ge=1, le=2**53 - 1)]] = Field(
        default_factory=list, max_length=1000, description="Of more than two originals, those that leave."
    )


class UndoRun(Undo):
    """A sync or a migration that shall not have been."""

    run_id: str = Field(min_length=4, max_length=100, pattern=r"^[0-9A-Za-z_-]+$")


class UndoDecision(Undo):
    """A decision that shall not have been taken."""

    decision_id: int = Field(ge=1, le=2**53 - 1)


class Override(Who):
    """What a field shall say, whatever its sources say."""

    value: str | None = Field(max_length=100_000, description="As a person writes it; null: blank.")


@router.get("/undo", response_model=list[Decision], summary="What people decided")
async def list_decisions(
    request: Request, customer_id: CustomerId = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> Response:
    """Newest first, and what was taken back of it."""
    leads = leads_of(request)
    return reply(await leads.read(leads.customer(customer_id), undo.list_, limit=limit))


@router.post("/undo/field", response_model=Undone, summary="Give a field back the value that it had before")
async def undo_field(request: Request, said: UndoField, customer_id: CustomerId = None) -> Response:
    """A newer edit wins over that."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    return reply(await leads.write(name, undo.undo_field, said.lead_id, snake(said.field), **said.how))


@router.post("/undo/merge", response_model=Undone, summary="Take a merge apart")
async def undo_merge(request: Request, said: UndoMerge, customer_id: CustomerId = None) -> Response:
    """Both originals are leads again, and stay two at every later sync."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    return reply(await leads.write(name, undo.undo_merge, said.lead_id, said.records, **said.how))


@router.post("/undo/run", response_model=Undone, summary="Take back what a sync or a migration did")
async def undo_run(request: Request, said: UndoRun, customer_id: CustomerId = None) -> Response:
    """As far as nothing has overtaken it since."""
    leads = leads_of(request)
    return reply(await leads.write(leads.customer(customer_id), undo.undo_run, said.run_id, **said.how))


@router.post("/undo/decision", response_model=Undone, summary="Take a decision back")
async def undo_decision(request: Request, said: UndoDecision, customer_id: CustomerId = None) -> Response:
    """Also one that took another back."""
    leads = leads_of(request)
    return reply(await leads.write(leads.customer(customer_id), undo.undo_decision, said.decision_id, **said.how))


@router.post("/{leadId}/fields/{field}", response_model=Overridden, summary="Set a field by hand")
async def override(
    request: Request,
    lead_id: LeadId,
    field: Annotated[str, Path(pattern=FIELD_NAMES, examples=["title"])],
    said: Override,
    customer_id: CustomerId = None,
) -> Response:
    """Obeyed whatever the sources say later, until it is taken back."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    how = {"who": said.name, "reason": said.reason}
    return reply(await leads.write(name, overriding.override, lead_id, snake(field), said.value, **how))
