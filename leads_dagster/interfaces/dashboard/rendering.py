"""From a template to an answer: one environment, what every page shows, and pages for what went wrong.

What belongs here: rendering. What a page shows is `views`', which addresses there are the pages'.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from functools import lru_cache
from importlib.resources import files
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from leads_dagster import __version__
from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.api.asking import leads_of
from leads_dagster.interfaces.api.security import SESSION_COOKIE
from leads_dagster.interfaces.dashboard import words
from leads_dagster.interfaces.dashboard.views import inbox_counts

PACKAGE = "leads_dagster.interfaces.dashboard"
_HTML = {"Cache-Control": "no-store", "Vary": "HX-Request"}


async def page(request: Request, template: str, *, status: int = 200, **shown: Any) -> Response:
    """A whole page, or the part of it that HTMX asked for.

    Args:
        template: its file, without the ending.
        shown: what it shows beside what every page does.
    """
    common = _common(request)
    if not is_part(request) and template != "sign_in":
        common["inbox"] = await inbox_counts(leads_of(request))
    html = environment().get_template(f"{template}.html.jinja").render(**common, **shown)
    return HTMLResponse(html, status, headers=_HTML)


def part(request: Request, template: str, *, status: int = 200, **shown: Any) -> Response:
    """A piece of a page."""
    html = environment().get_template(f"{template}.html.jinja").render(**_common(request), **shown)
    return HTMLResponse(html, status, headers=_HTML)


async def inbox_changed(request: Request, answer: Response) -> Response:
    """The answer, with the count of what waits put right in the page's menu."""
    count = (await inbox_counts(leads_of(request)))["total"]
    html = environment().get_template("count_part.html.jinja").render(total=count, swapped=True)
    return HTMLResponse(bytes(answer.body) + html.encode(), answer.status_code, headers=_HTML)


def is_part(request: Request) -> bool:
    """Whether HTMX asks for a piece of a page."""
    return request.headers.get("hx-request") == "true"


def form_token(request: Request) -> str:
    """What forms of this page bring along, so that no other site's page can send them."""
    door = request.app.state.door
    session = request.cookies.get(SESSION_COOKIE, "") if door.tokens else ""
    token: str = door.signer.form_token(session)
    return token


def _common(request: Request) -> dict[str, Any]:
    door = request.app.state.door
    return {
        "version": __version__,
        "asset": asset,
        "form_token": form_token(request),
        "may_write": getattr(request.state, "scope", "write") == "write",
        "signs_in": bool(door.tokens),
        "path": request.url.path,
        "customers": leads_of(request).customers(),
        "done": _done(request),
        "inbox": None,
    }


def _done(request: Request) -> dict[str, Any] | None:
    """What the last decision was, where a form led here."""
    said = DONE.get(request.query_params.get("done", ""))
    number = request.query_params.get("decision", "")
    if said is None:
        return None
    decision = int(number) if number.isascii() and number.isdigit() else None
    return {"said": said, "decision": decision, "customer": request.query_params.get("customerId")}


DONE = {
    "field": "The field has the value that it had before.",
    "merge": "The merge is taken apart: both originals are leads again, and stay two.",
    "override": "The field says what you said, until you take it back.",
    "decision": "The decision is taken back.",
    "conflict": "The conflict is settled.",
    "review": "Your answer is kept, and every later sync obeys it.",
    "hold": "Your decision on the hold is kept; the next sync acts on it.",
    "paused": "Paused. A sync at work is not stopped; resuming catches up.",
    "resumed": "Resumed. It catches up at once.",
    "started": "A sync has been asked for.",
    "already_running": "A sync is at work already.",
    "sent_again": "The mirrors have heard of it, or will with the next sync.",
    "still_refused": "It was tried again, and something was refused again.",
    "retried": "The failed captures wait in the queue again.",
    "unparked": "Airtable will be asked again by the next sync.",
}


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates of this package: everything is escaped, and what is not there is an error."""
    made = Environment(
        loader=PackageLoader(PACKAGE, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(words.FILTERS)
    return made


@lru_cache(maxsize=64)
def asset(name: str) -> str:
    """The address of a shipped file; it changes with the file, so that browsers may keep it for good."""
    content = files(PACKAGE).joinpath("static").joinpath(name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:10]}"


class PageRoute(APIRoute):
    """A route whose faults are told on a page, for people."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with faults caught."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except LeadsError as error:
                return await _fault(request, error.http_status, error.message, error.advice)
            except HTTPException as error:
                return await _fault(request, error.status_code, str(error.detail), "")
            except RequestValidationError:
                return await _fault(request, 404, "There is no such page.", "Begin at the overview.")

        return told


async def _fault(request: Request, status: int, message: str, advice: str | None) -> Response:
    shown: dict[str, Any] = {"status": status, "message": message, "advice": advice or ""}
    if is_part(request):
        return part(request, "fault_part", **shown)
    common = _common(request)
    html = await asyncio.to_thread(environment().get_template("fault.html.jinja").render, **common, **shown)
    return HTMLResponse(html, status, headers=_HTML)
