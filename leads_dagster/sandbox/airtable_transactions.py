"""What webhooks hear: a request's changes as one transaction, cut to what each hook asked for, kept seven days.

Payload forms follow Airtable's "Webhooks payload" model. The requests about hooks are in `airtable_webhooks`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from leads_dagster.sandbox.airtable_computed import computed_value
from leads_dagster.sandbox.airtable_model import Base, Record, Table
from leads_dagster.sandbox.airtable_render import hook_cell
from leads_dagster.sandbox.airtable_world import AirtableWorld, Session
from leads_dagster.sandbox.clock import iso_milliseconds, parse_iso
from leads_dagster.sandbox.http import JsonObject

logger = logging.getLogger(__name__)

LIFETIME = timedelta(days=7)
_SHOWN_COMPUTED = frozenset({"autoNumber", "count", "formula", "multipleLookupValues", "rollup"})


@dataclass(slots=True)
class Hook:
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

    @property
    def next_cursor(self) -> int:
        return self.first_cursor + len(self.payloads)

    @property
    def filters(self) -> JsonObject:
        filters: JsonObject = self.specification["options"]["filters"]
        return filters

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
    )


class Transaction:
    """What one request changed in one table, noted only while somebody listens."""

    def __init__(self, session: Session, table: Table) -> None:
        self.session, self.table = session, table
        self.listening = bool(session.base.hooks)
        self.created_records: dict[str, JsonObject] = {}
        self.changed_records: dict[str, tuple[JsonObject, JsonObject, JsonObject]] = {}
        self.destroyed_ids: list[str] = []
        self.created_fields: dict[str, JsonObject] = {}
        self.changed_fields: dict[str, JsonObject] = {}
        self.computed_before: dict[str, JsonObject] = {}

    def created(self, record: Record) -> None:
        if self.listening:
            cells = {**self._shown(record.cells), **self._computed(record)}
            self.created_records[record.id] = {"createdTime": record.created_time, "cellValuesByFieldId": cells}

    def updated(self, record: Record, before: JsonObject) -> None:
        if not self.listening:
            return
        after = record.cells
        ids = [each for each in {**before, **after} if before.get(each) != after.get(each)]
        if ids:
            current = self._shown({each: after.get(each) for each in ids})
            previous = self._shown({each: before.get(each) for each in ids})
            unchanged = self._shown({each: value for each, value in after.items() if each not in ids})
            self.changed_records[record.id] = (current, previous, unchanged)

    def destroyed(self, record: Record) -> None:
        self.destroyed_ids.append(record.id)

    def _shown(self, cells: JsonObject) -> JsonObject:
        return {each: hook_cell(self.session, self.table.fields[each], value) for each, value in cells.items()}

    def _computed(self, record: Record) -> JsonObject:
        fields = [each for each in self.table.fields.values() if each.type in _SHOWN_COMPUTED]
        base, world = self.session.base, self.session.world
        return {each.id: computed_value(world, base, self.table, record, each) for each in fields}


def deliver(transaction: Transaction) -> None:
    """Give every hook of the base the part of the transaction that it asked for."""
    session = transaction.session
    base = session.base
    base.transaction_number += 1
    if not base.hooks:
        return
    expire(session.world, base)
    now = iso_milliseconds(session.world.clock.now())
    for hook in base.hooks.values():
        changed = _wanted(hook, transaction) if hook.enabled else None
        if changed:
            payload = {
                "timestamp": now,
                "baseTransactionNumber": base.transaction_number,
                "payloadFormat": "v0",
                "actionMetadata": _metadata(session),
                "changedTablesById": {transaction.table.id: changed},
            }
            hook.payloads.append(payload)
            notify(session.world, base, hook)


def _metadata(session: Session) -> JsonObject:
    user = {**session.user.to_json(), "permissionLevel": session.base.permission_level}
    return {"source": session.source, "sourceMetadata": {"user": user}}


def _wanted(hook: Hook, transaction: Transaction) -> JsonObject | None:
    filters = hook.filters
    scope, sources = filters.get("recordChangeScope"), filters.get("fromSources")
    if scope and scope != transaction.table.id and scope not in [view["id"] for view in transaction.table.views]:
        return None
    if sources and transaction.session.source not in sources:
        return None
    changed = {}
    if "tableData" in filters["dataTypes"]:
        changed.update(_wanted_records(hook, transaction))
    if "tableFields" in filters["dataTypes"]:
        found = {"createdFieldsById": transaction.created_fields, "changedFieldsById": transaction.changed_fields}
        changed.update({key: value for key, value in found.items() if value})
    return changed or None


def _wanted_records(hook: Hook, transaction: Transaction) -> JsonObject:
    types = hook.filters.get("changeTypes") or ["add", "remove", "update"]
    found: JsonObject = {}
    if "update" in types:
        changed = {key: _changed(hook, cells) for key, cells in transaction.changed_records.items()}
        found["changedRecordsById"] = {key: value for key, value in changed.items() if value}
    if "add" in types:
        found["createdRecordsById"] = transaction.created_records
    if "remove" in types:
        found["destroyedRecordIds"] = transaction.destroyed_ids
    return {key: value for key, value in found.items() if value}


def _changed(hook: Hook, cells: tuple[JsonObject, JsonObject, JsonObject]) -> JsonObject | None:
    current, previous, unchanged = cells
    watched = hook.filters.get("watchDataInFieldIds")
    if watched:
        current = {key: value for key, value in current.items() if key in watched}
        previous = {key: value for key, value in previous.items() if key in watched}
    if not current:
        return None
    answer: JsonObject = {"current": {"cellValuesByFieldId": current}}
    includes = hook.specification["options"].get("includes") or {}
    if includes.get("includePreviousCellValues"):
        answer["previous"] = {"cellValuesByFieldId": previous}
    wanted = includes.get("includeCellValuesInFieldIds")
    if wanted:
        kept = {key: value for key, value in unchanged.items() if wanted == "all" or key in wanted}
        answer["unchanged"] = {"cellValuesByFieldId": kept}
    return answer


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
