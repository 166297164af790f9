"""A form's request as captures for the queue.

What belongs here: the order of things: the signature first, then the body, then what every capture has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from leads_dagster.capture_queue.bodies import body_of, captured_ms
from leads_dagster.capture_queue.items import KEY_CHARACTERS, NewCapture
from leads_dagster.customers import FormKind, FormSettings
from leads_dagster.errors import InvalidLeadError, SettingsError
from leads_dagster.sources.json_fields import target_of
from leads_dagster.sources.webhooks.hubspot import hubspot
from leads_dagster.sources.webhooks.mapped_json import mapped_json
from leads_dagster.sources.webhooks.request import Submission, WebhookRequest
from leads_dagster.sources.webhooks.signatures import check_signature
from leads_dagster.sources.webhooks.tally import tally
from leads_dagster.sources.webhooks.typeform import typeform

_READERS: Mapping[FormKind, Callable[[Any, FormSettings], list[Submission]]] = {
    "typeform": typeform,
    "tally": tally,
    "hubspot": hubspot,
    "json": mapped_json,
}
# What senders name one delivery by, where its body has no key.
_DELIVERY_HEADERS = ("Idempotency-Key", "Webhook-Id")
_HTML_FORM = "application/x-www-form-urlencoded"


def secret_of(form: FormSettings, environ: Mapping[str, str]) -> str | None:
    """What a form signs with; None where leads.toml names no variable: whoever listens must know the sender otherwise.

    Raises:
        SettingsError: the variable that it names is not set.
    """
    if form.secret_env is None:
        return None
    if found := environ.get(form.secret_env, "").strip():
        return found
    raise SettingsError(
        f"The form {form.name} is signed, and {form.secret_env} is not set.",
        advice="Set it to the secret that the sender shows.",
    )


def receive(request: WebhookRequest, form: FormSettings, *, customer: str, secret: str | None) -> list[NewCapture]:
    """The captures that a request holds.

    Args:
        form: how it is read.
        customer: whose leads they are.
        secret: what it must be signed with; None: it is not asked for.

    Raises:
        SignatureError: it is not signed as it should be.
        InvalidLeadError: it is no JSON, or holds no lead of such a form.
    """
    if secret is not None:
        check_signature(request, form, secret)
    submissions = _READERS[form.kind](_parsed(request, form), form)
    return [_capture(one, at, request, form, customer) for at, one in enumerate(submissions)]


def _parsed(request: WebhookRequest, form: FormSettings) -> Any:
    if form.kind == "json" and request.header("Content-Type").casefold().startswith(_HTML_FORM):
        return dict(parse_qsl(request.body.decode(errors="replace")))
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise InvalidLeadError(f"The request's body is no JSON in UTF-8: {error.msg}.") from None


def _capture(one: Submission, at: int, request: WebhookRequest, form: FormSettings, customer: str) -> NewCapture:
    data = _with_source(one.data, form)
    if one.captured_at is not None:
        data.setdefault("scraped_at", one.captured_at)
    return NewCapture(customer, _key(one, at, request, form), body_of(data), captured_ms(data, request.received_at_ms))


def _with_source(data: Mapping[str, object], form: FormSettings) -> dict[str, object]:
    """What leads.toml says of the source wins over what a visitor may have put into a hidden field; that is kept."""
    said = {label: value for label, value in data.items() if target_of(label) == "source"}
    if said and form.source is None:
        return dict(data)
    rest: dict[str, object] = {label: value for label, value in data.items() if label not in said}
    return {**rest, "source": form.source or form.name, **({"answers": said} if said else {})}


def _key(one: Submission, at: int, request: WebhookRequest, form: FormSettings) -> str:
    """The same for the same submission, and like that of no other form; "" where nothing names it."""
    if one.key is not None:
        return _short(f"{form.name}:{one.key}")
    delivery = next(filter(None, map(request.header, _DELIVERY_HEADERS)), "")
    return _short(f"{form.name}:{delivery}:{at}") if delivery else ""


def _short(key: str) -> str:
    return key if len(key) <= KEY_CHARACTERS else f"{key[:64]}:{hashlib.sha256(key.encode()).hexdigest()}"
