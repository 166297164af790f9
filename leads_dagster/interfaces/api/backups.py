"""`/api/leads/backups` and `/api/leads/budget`: what is kept for bad days, and what calls are left.

What belongs here: routes. Restoring is not among them: that is done at the machine, by `leads backup restore`.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from leads_dagster.errors import ConflictError
from leads_dagster.interfaces.api.asking import CustomerId, leads_of
from leads_dagster.interfaces.api.replies import reply
from leads_dagster.interfaces.api.shapes import Backup, BackupMade, Backups, Limit, Unparked
from leads_dagster.pipeline import backup, call_budget
from leads_dagster.pipeline.workspace import Workspace

router = APIRouter(prefix="/api/leads", tags=["backups and budget"])


@router.get("/backups", response_model=Backups, summary="Backups of the lead database")
async def list_backups(request: Request) -> Response:
    """Newest first, and what is wrong with files that look like one."""
    return reply(await run_in_threadpool(backup.list_, leads_of(request).settings))


@router.post("/backups", response_model=BackupMade, status_code=201, summary="Make a backup now")
async def make_backup(request: Request) -> Response:
    """While others go on writing; it is verified, and old ones are pruned."""
    made = await run_in_threadpool(backup.create, leads_of(request).settings)
    return reply(made.as_dict(), status=201)


@router.post("/backups/{name}/verify", response_model=Backup, summary="Restore a backup on trial")
async def verify_backup(
    request: Request, name: Annotated[str, Path(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,200}$")]
) -> Response:
    """Into a scratch database, and compare it with what was backed up."""
    return reply(await run_in_threadpool(backup.verify, leads_of(request).settings, name))


@router.get("/budget", response_model=list[Limit], summary="Call budgets of Airtable and Google")
async def list_budget(request: Request) -> Response:
    """Every limit with what is used of it, of all customers here."""
    return reply(await run_in_threadpool(call_budget.list_, leads_of(request).settings))


@router.post("/budget/unpark", response_model=Unparked, summary="Ask a parked Airtable again")
async def unpark(request: Request, customer_id: CustomerId = None) -> Response:
    """If they are spent still, it is parked again, and nothing is lost."""
    leads = leads_of(request)
    return reply(await leads.write(leads.customer(customer_id), _unpark))


def _unpark(workspace: Workspace) -> dict[str, Any]:
    if workspace.customer.airtable is None:
        raise ConflictError(f"The customer {workspace.name} has no Airtable.")
    return call_budget.unpark(workspace)
