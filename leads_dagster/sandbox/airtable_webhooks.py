"""Webhooks as requests see them: made, found, refreshed, listed from a cursor on, and turned ill.

Filters follow Airtable's "Webhooks specification" model. What a hook hears is in `airtable_transactions`.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_model import Base
from leads_dagster.sandbox.airtable_transactions import LIFETIME, Hook, expire
from leads_dagster.sandbox.airtable_world import Session
from leads_dagster.sandbox.clock import iso_milliseconds
from leads_dagster.sandbox.http import JsonObject
from leads_dagster.sandbox.ids import new_id

MAX_HOOKS = 10
MAX_PAYLOADS = 50
_LISTS = ("dataTypes", "changeTypes", "fromSources", "watchDataInFieldIds", "watchSchemasOfFieldIds")
_DATA_TYPES = frozenset({"tableData", "tableFields", "tableMetadata"})


def create(session: Session, body: JsonObject) -> JsonObject:
    base, world = session.base, session.world
    specification = _checked_specification(base, body.get("specification"))
    if len(base.hooks) >= MAX_HOOKS:
        message = f"The base already has the {MAX_HOOKS} webhooks that it may have"
        raise errors.refusal(422, "TOO_MANY_WEBHOOKS_IN_BASE", message)
    secret = base64.b64encode(secrets.token_bytes(64)).decode()
    hook = Hook(new_id("ach"), specification, body.get("notificationUrl"), secret, world.clock.now() + LIFETIME)
    base.hooks[hook.id] = hook
    world.changed()
    expires = iso_milliseconds(hook.expires_at)
    return {"id": hook.id, "macSecretBase64": secret, "expirationTime": expires}


def _is_names(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def _checked_specification(base: Base, given: Any) -> JsonObject:
    options = given.get("options") if isinstance(given, dict) else None
    filters = options.get("filters") if isinstance(options, dict) else None
    if not isinstance(filters, dict) or not filters.get("dataTypes"):
        raise errors.bad_request()
    if not all(_is_names(filters.get(name)) for name in _LISTS) or not set(filters["dataTypes"]) <= _DATA_TYPES:
        raise errors.bad_request()
    fields = {each for table in base.tables.values() for each in table.fields}
    for name in filters.get("watchDataInFieldIds") or []:
        if name not in fields:
            raise errors.refusal(422, "INVALID_FILTERS", f"Field {name} does not exist")
    scope = filters.get("recordChangeScope")
    views = {view["id"] for table in base.tables.values() for view in table.views}
    if scope and str(scope) not in {*base.tables, *views}:
        raise errors.refusal(422, "INVALID_FILTERS", f"Table or view {scope} does not exist")
    return {"options": options}


def find(session: Session, hook_id: str) -> Hook:
    expire(session.world, session.base)
    hook: Hook | None = session.base.hooks.get(hook_id)
    if hook is None:
        raise errors.not_found()
    return hook


def refresh(session: Session, hook: Hook) -> JsonObject:
    hook.expires_at = session.world.clock.now() + LIFETIME
    session.world.changed()
    return {"expirationTime": iso_milliseconds(hook.expires_at)}


def list_payloads(session: Session, hook: Hook, *, cursor: int, limit: int) -> JsonObject:
    """Payloads from `cursor` on; listing them also renews the hook. A hook that is ill answers with its error."""
    if not 1 <= limit <= MAX_PAYLOADS or cursor < 1 or cursor > hook.next_cursor:
        raise errors.bad_request()
    refresh(session, hook)
    start = max(cursor - hook.first_cursor, 0)
    page = hook.payloads[start : start + limit]
    end = hook.first_cursor + start + len(page)
    return {"payloads": page, "cursor": end, "mightHaveMore": end < hook.next_cursor}


def invalidate(session: Session, field_id: str) -> None:
    """A hook that watches a field which is gone turns ill: it is disabled and says so in a last payload."""
    for hook in session.base.hooks.values():
        if field_id in (hook.filters.get("watchDataInFieldIds") or []):
            make_ill(session, hook)


def make_ill(session: Session, hook: Hook) -> None:
    hook.enabled = False
    hook.payloads.append(
        {
            "timestamp": iso_milliseconds(session.world.clock.now()),
            "baseTransactionNumber": session.base.transaction_number,
            "payloadFormat": "v0",
            "error": True,
            "code": "INVALID_HOOK",
        }
    )
    session.world.changed()
