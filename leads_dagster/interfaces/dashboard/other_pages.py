"""`/queue`, `/budget`, `/decisions`, `/sign-in`, and the files that pages are made of.

What belongs here: addresses of everything beside customers, leads and inboxes.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from leads_dagster.errors import NotFoundError
from leads_dagster.interfaces.api.answering import Answering
from leads_dagster.interfaces.api.asking import CustomerId, leads_of
from leads_dagster.interfaces.api.security import SESSION_COOKIE
from leads_dagster.interfaces.api.tokens import SESSION_SECONDS, find
from leads_dagster.interfaces.dashboard.forms import form_of, go, reason_of
from leads_dagster.interfaces.dashboard.rendering import PACKAGE, PageRoute, page
from leads_dagster.pipeline import call_budget, undo

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_KINDS = {
    "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}  # fmt: skip
_FOR_GOOD = "public, max-age=31536000, immutable"
_SHORTLY = "public, max-age=60"
Number = Annotated[int, Path(ge=1, le=2**53 - 1)]


@router.get("/static/{name}")
async def static(request: Request, name: Annotated[str, Path(pattern=r"^[a-z]+(?:\.min)?\.[a-z]{2,3}$")]) -> Response:
    """A shipped file; with its version in the address it may be kept for good."""
    found = files(PACKAGE).joinpath("static").joinpath(name)
    if not found.is_file():
        raise NotFoundError("There is no such file.")
    kept = _FOR_GOOD if "v" in request.query_params else _SHORTLY
    kind = _KINDS[name.rpartition(".")[2]]
    return Response(found.read_bytes(), media_type=kind, headers={"Cache-Control": kept})


@router.get("/queue")
async def queue(request: Request) -> Response:
    """How the capture queue stands, and what failed too often."""
    leads = leads_of(request)
    queues = [await run_in_threadpool(_queue_of, leads, name) for name in leads.customers()]
    return await page(request, "queue", queues=queues)


def _queue_of(leads: Answering, name: str) -> dict[str, Any]:
    known = asdict(leads.queue.status(name))
    dead = [asdict(one) for one in leads.queue.dead(name, limit=50)]
    for one in dead:
        one["died_at"] = _moment(one["died_at_ms"])
    return {"customer": name, **known, "oldest_at": _moment(known["oldest_at_ms"]), "failed": dead}


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, timezone.utc)


@router.post("/queue/retry")
async def retry(request: Request, customer_id: CustomerId = None) -> Response:
    """Failed captures wait again."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    await run_in_threadpool(lambda: leads.queue.retry_dead(name, limit=1000))
    return go(request, "/queue", done="retried")


@router.get("/budget")
async def budget(request: Request) -> Response:
    """Calls of Airtable and Google: what is used, and what is parked."""
    leads = leads_of(request)
    limits = await run_in_threadpool(call_budget.list_, leads.settings)
    owners = ((one.airtable.base_id, one.name) for one in leads.settings.customers if one.airtable is not None)
    bases = {f"airtable base {base}": name for base, name in owners}
    return await page(request, "budget", limits=limits, bases=bases)


@router.post("/budget/unpark")
async def unpark(request: Request, customer_id: CustomerId = None) -> Response:
    """Ask a parked Airtable again."""
    leads = leads_of(request)
    await leads.write(leads.customer(customer_id), call_budget.unpark)
    return go(request, "/budget", done="unparked")


@router.get("/decisions")
async def decisions(request: Request) -> Response:
    """What people decided, newest first."""
    leads = leads_of(request)
    groups = [(name, await leads.read(name, undo.list_, limit=100)) for name in leads.customers()]
    return await page(request, "decisions", groups=[(name, found) for name, found in groups if found])


@router.post("/decisions/{decision}/undo")
async def undo_decision(request: Request, decision: Number, customer_id: CustomerId = None) -> Response:
    """Take a decision back."""
    leads = leads_of(request)
    name = leads.customer(customer_id)
    reason = reason_of(await form_of(request))
    done = await leads.write(name, undo.undo_decision, decision, reason=reason)
    return go(request, "/decisions", done="decision", decision=done["decision_id"], customerId=name)


@router.get("/sign-in")
async def sign_in_page(request: Request) -> Response:
    """Where a token opens the pages; nothing to sign in to where none is set."""
    if not request.app.state.door.tokens:
        return RedirectResponse("/", status_code=303)
    return await page(request, "sign_in", wrong=False)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """A session for who knows a token."""
    door = request.app.state.door
    token = find(door.tokens, (await form_of(request)).get("token", "").strip())
    if token is None:
        client = request.client.host if request.client else ""
        wait = door.rates.failed(client)
        status = 429 if wait > 0 else 401
        return await page(request, "sign_in", status=status, wrong=True)
    answer = RedirectResponse("/", status_code=303)
    answer.set_cookie(
        SESSION_COOKIE,
        door.signer.session(token),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=door.needs_tls or request.url.scheme == "https",
    )
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """The session ends."""
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    return answer
