"""`/runs/…`: from a run that a page names to its page in Dagster.

What belongs here: asking Dagster whether it knows the run. A link that leads to nothing would be worse than none: runs
of `leads sync` are kept elsewhere, and old ones are cleared away.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from leads_dagster.errors import NotFoundError, ServiceUnavailableError
from leads_dagster.interfaces.api.asking import leads_of
from leads_dagster.interfaces.dashboard.rendering import PageRoute
from leads_dagster.live.presence import who_runs

router = APIRouter(route_class=PageRoute, include_in_schema=False)

RunId = Annotated[str, Path(pattern=r"^[0-9A-Za-z-]{6,64}$")]
_QUERY = "query Run($id: ID!) { runOrError(runId: $id) { __typename } }"
_SECONDS = 5.0


@router.get("/runs/{run_id}")
async def run_page(request: Request, run_id: RunId) -> Response:
    """On to the run in Dagster's interface."""
    web = await run_in_threadpool(lambda: who_runs(leads_of(request).settings.home).get("urls", {}).get("web"))
    if web is None:
        raise NotFoundError("Dagster's interface does not run.", advice="It runs as long as `leads up` does.")
    if not await _is_known(web, run_id):
        raise NotFoundError(
            "Dagster does not know this run.",
            advice="It was done by `leads sync`, which keeps its runs apart from those of `leads up`, or has been "
            "cleared away since: LEADS_RUNS_KEEP_DAYS says when.",
        )
    return RedirectResponse(f"{web}/runs/{run_id}", status_code=302)


async def _is_known(web: str, run_id: str) -> bool:
    """Whether Dagster has the run.

    Raises:
        ServiceUnavailableError: it does not say.
    """
    import httpx

    asked = {"query": _QUERY, "variables": {"id": run_id}}
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
            answer = await client.post(f"{web}/graphql", json=asked)
        kind: str = answer.raise_for_status().json()["data"]["runOrError"]["__typename"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        raise ServiceUnavailableError("Dagster does not answer.", advice="Try again in a moment.") from None
    return kind == "Run"
