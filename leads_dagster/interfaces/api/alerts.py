"""`/api/leads/alerts`: what needs a person now.

What belongs here: one route. What an alert is, `pipeline.alert_rules` says.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from leads_dagster.interfaces.api.asking import leads_of
from leads_dagster.interfaces.api.replies import reply
from leads_dagster.interfaces.api.shapes import StandingAlert
from leads_dagster.pipeline.alerting import standing

router = APIRouter(prefix="/api/leads", tags=["alerts"])


@router.get("/alerts", response_model=list[StandingAlert], summary="What needs a person")
async def list_alerts(request: Request) -> Response:
    """As the last look saw it, the worst and the newest first; `alert_schedule` looks each minute."""
    return reply(await run_in_threadpool(standing, leads_of(request).settings))
