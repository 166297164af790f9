"""`/webhooks/{customer}/{form}`: what web forms and other services post, into the capture queue.

What belongs here: the routes. What a form's request holds, and how it is signed, is `sources.webhooks`'.
"""

from __future__ import annotations

import os
import time

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from leads_dagster.customers import FormSettings
from leads_dagster.errors import NotFoundError, SignatureError
from leads_dagster.interfaces.api.asking import CustomerId, leads_of
from leads_dagster.interfaces.api.replies import reply
from leads_dagster.settings import customer_named
from leads_dagster.sources.webhooks import WebhookRequest, receive, secret_of

# Their senders set the shape of body and answer: they are no part of the API's own document.
router = APIRouter(include_in_schema=False)


@router.post("/webhooks/{customer}/{form}", status_code=202)
async def signed(request: Request, customer: str, form: str) -> Response:
    """A request that proves itself by its signature; no token is asked for."""
    settings = _form(request, customer, form)
    secret = secret_of(settings, os.environ)
    if secret is None:
        raise SignatureError(
            f"The form {form} is not signed.",
            advice=f"Give it a secret_env in leads.toml, or post to /api/leads/forms/{form} with a token.",
        )
    return await _take(request, customer, settings, secret)


@router.post("/api/leads/forms/{form}", status_code=202)
async def signed_in(request: Request, form: str, customer_id: CustomerId = None) -> Response:
    """A request of somebody who signed in as every user of the API does; where the form is signed, it must be, too."""
    name = leads_of(request).customer(customer_id)
    settings = _form(request, name, form)
    return await _take(request, name, settings, secret_of(settings, os.environ))


def _form(request: Request, customer: str, form: str) -> FormSettings:
    forms = customer_named(leads_of(request).settings, customer).forms
    if form not in forms:
        raise NotFoundError(f"{customer} has no form of that name.", advice="leads.toml names its forms.")
    return forms[form]


async def _take(request: Request, customer: str, form: FormSettings, secret: str | None) -> Response:
    said = WebhookRequest(
        str(request.url), dict(request.headers), await request.body(), time.time_ns() // 1_000_000, request.method
    )
    queue = leads_of(request).queue
    receipts = await run_in_threadpool(lambda: queue.put(receive(said, form, customer=customer, secret=secret)))
    return reply(
        {"queued": sum(one.is_new for one in receipts), "known": sum(not one.is_new for one in receipts)}, status=202
    )
