"""A webhook as it stands: what it asked for, what it has heard, until when it lives, and how its address is rung.

What goes into a payload is in `airtable_payloads`, the requests about hooks are in `airtable_webhooks`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from leads_dagster.sandbox.airtable_model import Base
from leads_dagster.sandbox.airtable_world import AirtableWorld
from leads_dagster.sandbox.clock import iso_milliseconds, parse_iso
from leads_dagster.sandbox.http import JsonObject

logger = logging.getLogger(__name__)

LIFETIME = timedelta(days=7)


@dataclass(slots=True)
class Hook:
    """`app` names the OAuth app that made it; None for a personal token."""

    id: str
    specification: JsonObject
    notification_url: str | None
    secret: str
    expires_at: datetime
    first_cursor: int = 1
    payloads: list[JsonObject] = field(default_factory=list)
    notifications_enabled: bool = True
    enabled: bool = True
    last_success: str | None = None
    last_result: JsonObject | None = None
    app: str | None = None

    @property
    def next_cursor(self) -> int:
        return self.first_cursor + len(self.payloads)

    @property
    def filters(self) -> JsonObject:
        filters: JsonObject = self.specification["options"]["filters"]
        return filters

    @property
    def includes(self) -> JsonObject:
        return self.specification["options"].get("includes") or {}

    def to_json(self) -> JsonObject:
        return {
            "id": self.id,
            "specification": self.specification,
            "notificationUrl": self.notification_url,
            "cursorForNextPayload": self.next_cursor,
            "areNotificationsEnabled": self.notifications_enabled,
            "lastSuccessfulNotificationTime": self.last_success,
            "isHookEnabled": self.enabled,
            "expirationTime": iso_milliseconds(self.expires_at),
            "lastNotificationResult": self.last_result,
        }


def hook_state(hook: Hook) -> JsonObject:
    """Everything of a hook, for the state file."""
    return {
        **hook.to_json(),
        "secret": hook.secret,
        "firstCursor": hook.first_cursor,
        "payloads": hook.payloads,
        "app": hook.app,
    }


def load_hook(given: JsonObject) -> Hook:
    return Hook(
        given["id"],
        given["specification"],
        given["notificationUrl"],
        given["secret"],
        parse_iso(given["expirationTime"]),
        given["firstCursor"],
        given["payloads"],
        given["areNotificationsEnabled"],
        given["isHookEnabled"],
        given["lastSuccessfulNotificationTime"],
        given["lastNotificationResult"],
        given.get("app"),
    )


def notify(world: AirtableWorld, base: Base, hook: Hook) -> None:
    """Ring at the hook's address; that is the world's business, here is only what to say."""
    if hook.notification_url and hook.notifications_enabled:
        body = {
            "base": {"id": base.id},
            "webhook": {"id": hook.id},
            "timestamp": iso_milliseconds(world.clock.now()),
        }
        world.ping(hook, orjson.dumps(body))


def mac_header(hook: Hook, body: bytes) -> str:
    digest = hmac.new(base64.b64decode(hook.secret), body, hashlib.sha256).hexdigest()
    return f"hmac-sha256={digest}"


def expire(world: AirtableWorld, base: Base) -> None:
    """Drop hooks past their time, and payloads older than seven days."""
    now = world.clock.now()
    for hook in [each for each in base.hooks.values() if each.expires_at <= now]:
        logger.info("webhook %s of base %s has expired", hook.id, base.id)
        del base.hooks[hook.id]
    oldest = iso_milliseconds(now - LIFETIME)
    for hook in base.hooks.values():
        stale = 0
        while stale < len(hook.payloads) and hook.payloads[stale]["timestamp"] < oldest:
            stale += 1
        del hook.payloads[:stale]
        hook.first_cursor += stale
