"""Webhooks as requests see them: made, found, refreshed, listed from a cursor on, and turned ill.

Filters follow Airtable's "Webhooks specification" model. What a hook hears is in `airtable_payloads`.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_hooks import LIFETIME, Hook, expire
from leads_dagster.sandbox.airtable_model import Base
from leads_dagster.sandbox.airtable_world import SOURCES, Session
from leads_dagster.sandbox.clock import iso_milliseconds
from leads_dagster.sandbox.http import JsonObject
from leads_dagster.sandbox.ids import new_id

MAX_HOOKS = 10
MAX_HOOKS_OF_APP = 2
MAX_PAYLOADS = 50
_LISTS = ("dataTypes", "changeTypes", "fromSources", "watchDataInFieldIds", "watchSchemasOfFieldIds")
_SCOPES = {"tableData": "data.records:read", "tableFields": "schema.bases:read", "tableMetadata": "schema.bases:read"}
_ALLOWED = {
    "dataTypes": frozenset(_SCOPES),
    "changeTypes": frozenset({"add", "remove", "update"}),
    "fromSources": SOURCES,
}


def create(session: Session, body: JsonObject) -> JsonObject:
    """A new hook; see `require_scopes`."""
    base, world = session.base, session.world
    specification = _checked_specification(base, body.get("specification"))
    address = body.get("notificationUrl")
    if address is not None and not isinstance(address, str):
        raise errors.bad_request()
    require_scopes(session, specification["options"]["filters"])
    _require_room(session)
    secret = base64.b64encode(secrets.token_bytes(64)).decode()
    expires_at = world.clock.now() + LIFETIME
    hook = Hook(new_id("ach"), specification, address, secret, expires_at, app=session.token.app)
    base.hooks[hook.id] = hook
    world.changed()
    return {"id": hook.id, "macSecretBase64": secret, "expirationTime": iso_milliseconds(expires_at)}


def require_scopes(session: Session, filters: JsonObject) -> None:
    """To make a hook and to read its payloads, a key must be allowed to read what the hook is about."""
    for kind in filters["dataTypes"]:
        session.require(_SCOPES[kind])


def _require_room(session: Session) -> None:
    app, hooks = session.token.app, session.base.hooks.values()
    if app is not None and sum(hook.app == app for hook in hooks) >= MAX_HOOKS_OF_APP:
        message = f"The app already has the {MAX_HOOKS_OF_APP} webhooks that it may have in a base"
        raise errors.refusal(422, "TOO_MANY_WEBHOOKS_BY_OAUTH_INTEGRATION_IN_BASE", message)
    if len(hooks) >= MAX_HOOKS:
        message = f"The base already has the {MAX_HOOKS} webhooks that it may have"
        raise errors.refusal(422, "TOO_MANY_WEBHOOKS_IN_BASE", message)


def _is_names(value: Any, allowed: frozenset[str] | None) -> bool:
    if value is None:
        return True
    named = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return named and (allowed is None or set(value) <= allowed)


def _checked_specification(base: Base, given: Any) -> JsonObject:
    options = given.get("options") if isinstance(given, dict) else None
    filters = options.get("filters") if isinstance(options, dict) else None
    if not isinstance(filters, dict) or not filters.get("dataTypes"):
        raise errors.bad_request()
    if not all(_is_names(filters.get(name), _ALLOWED.get(name)) for name in _LISTS):
        raise errors.bad_request()
    included = _checked_includes((options or {}).get("includes"))
    fields = {each for table in base.tables.values() for each in table.fields}
    named = [filters.get("watchDataInFieldIds"), filters.get("watchSchemasOfFieldIds"), included]
    for name in [each for names in named for each in names or []]:
        if name not in fields:
            raise errors.unknown_field(name)
    scope = filters.get("recordChangeScope")
    views = {view["id"] for table in base.tables.values() for view in table.views}
    if scope and str(scope) not in {*base.tables, *views}:
        raise errors.refusal(422, "INVALID_FILTERS", f"Table or view {scope} does not exist")
    return {"options": options}


def _checked_includes(given: Any) -> list[str]:
    """The fields whose cells are wanted in any case, by name."""
    if given is None:
        return []
    included: Any = given.get("includeCellValuesInFieldIds") if isinstance(given, dict) else 5
    if included == "all":
        return []
    if not _is_names(included, None):
        raise errors.bad_request()
    return [*(included or [])]


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
