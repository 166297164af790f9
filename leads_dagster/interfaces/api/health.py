"""`/healthz` and `/readyz`: whether the server lives, and whether it could answer.

What belongs here: telling the truth, quickly, to anybody: no name of a customer, no path.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import text
from starlette.responses import Response

from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.api.asking import leads_of
from leads_dagster.interfaces.api.problems import problem
from leads_dagster.interfaces.api.replies import reply
from leads_dagster.interfaces.api.shapes import Health
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store.engine import reading

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Health, summary="Whether the server lives")
async def healthz() -> Response:
    """It answers, so it does."""
    return reply({"status": "ok"})


@router.get("/readyz", response_model=Health, summary="Whether the lead database can be read")
async def readyz(request: Request) -> Response:
    """503 where it cannot, with the reason's name only."""
    try:
        return reply(await leads_of(request).read(leads_of(request).customers()[0], _look))
    except LeadsError as error:
        return problem(503, "The lead database cannot be read.", name="NotReady", error=type(error).__name__)


def _look(workspace: Workspace) -> dict[str, Any]:
    with reading(workspace.engine) as connection:
        connection.execute(text("SELECT count(*) FROM (SELECT 1 FROM sync_states LIMIT 1) AS found"))
    return {"status": "ok"}
