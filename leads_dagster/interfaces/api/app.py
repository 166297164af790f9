"""The application: routes, problems and the door, put together on one screen.

What belongs here: what there is and in which order. How it is served is `server`'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from leads_dagster import __version__
from leads_dagster.interfaces.api import (
    alerts,
    backups,
    captures,
    docs_page,
    events,
    forms,
    health,
    inboxes,
    prometheus,
    sync,
    undoing,
)
from leads_dagster.interfaces.api import leads as lead_routes
from leads_dagster.interfaces.api.answering import Answering
from leads_dagster.interfaces.api.document import add_document
from leads_dagster.interfaces.api.limits import Rates
from leads_dagster.interfaces.api.once import Once
from leads_dagster.interfaces.api.problems import add_problem_handlers
from leads_dagster.interfaces.api.security import Door, Guarded
from leads_dagster.interfaces.api.tokens import read_tokens, signer_of
from leads_dagster.interfaces.dashboard import pages
from leads_dagster.settings import Settings

# Those with fixed words come before those whose place a lead's id takes.
_ROUTERS = (
    sync.router,
    events.router,
    captures.router,
    forms.router,
    inboxes.router,
    backups.router,
    undoing.router,
    alerts.router,
    lead_routes.router,
    health.router,
    prometheus.router,
    *pages.ROUTERS,
    docs_page.router,
)

# A cycle that this process runs may end; one that takes longer is cut off, and the next catches up.
_IN_HAND_SECONDS = 20.0
_CORS: dict[str, Any] = {
    "allow_methods": ["GET", "POST"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID"],
    "expose_headers": ["ETag", "Idempotency-Replayed", "Retry-After"],
    "max_age": 600,
}


def create_app(settings: Settings) -> FastAPI:
    """The API of a process's settings, behind its door; `app.state.leads` is what its routes ask.

    Raises:
        SettingsError, StoreError: the database's address cannot be used, or the state folder not be written.
    """
    leads = Answering(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await leads.triggers.settle(_IN_HAND_SECONDS)
        leads.close()

    app = FastAPI(
        title="leads_dagster",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.leads = leads
    app.state.door = door_of(settings)
    for router in _ROUTERS:
        app.include_router(router)
    add_problem_handlers(app)
    add_document(app)
    app.add_middleware(Once, leads=leads)
    app.add_middleware(Guarded, door=app.state.door)
    if app.state.door.origins:
        app.add_middleware(CORSMiddleware, allow_origins=sorted(app.state.door.origins), **_CORS)
    return app


def door_of(settings: Settings) -> Door:
    """What holds at the door."""
    settings.prepare_home()
    return Door(
        signer=signer_of(settings.home),
        rates=Rates(settings.api_rate),
        tokens=read_tokens(settings.api_token),
        origins=frozenset(one.strip().rstrip("/") for one in settings.api_origins.split(",") if one.strip()),
        most_bytes=settings.api_max_bytes,
        needs_tls=(settings.public_url or "").startswith("https://"),
    )
