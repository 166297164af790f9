"""pyairtable's webhooks and comments, every method of theirs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
import requests
from pyairtable import Api, Table
from pyairtable.exceptions import MissingRecordError
from pyairtable.models import WebhookNotification

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.conftest import BASE

SPEC = {"options": {"filters": {"dataTypes": ["tableData"]}}}


def test_a_hook_lives_is_silenced_extended_and_deleted(api: Api, sandbox: Sandbox) -> None:
    base = api.base(BASE)
    made = base.add_webhook("https://example.com/hook", SPEC)
    hook = base.webhook(made.id)
    assert hook.expiration_time == made.expiration_time
    assert (hook.notification_url, hook.cursor_for_next_payload) == ("https://example.com/hook", 1)
    hook.disable_notifications()
    assert base.webhook(made.id).are_notifications_enabled is False
    hook.enable_notifications()
    assert base.webhook(made.id).are_notifications_enabled is True
    sandbox.clock.advance(3600)
    hook.extend_expiration()
    assert base.webhook(made.id).expiration_time > made.expiration_time
    hook.delete()
    assert hook.deleted
    assert base.webhooks() == []
    with pytest.raises(MissingRecordError):
        base.webhook(made.id)


def test_payloads_come_from_a_cursor_and_as_many_as_wanted(api: Api, table: Table) -> None:
    hook = api.base(BASE).webhook(api.base(BASE).add_webhook("", SPEC).id)
    for number in range(4):
        table.create({"Name": str(number)})
    assert [each.cursor for each in hook.payloads()] == [1, 2, 3, 4]
    assert [each.cursor for each in hook.payloads(cursor=2, limit=2)] == [2, 3]
    transactions = [each.base_transaction_number for each in hook.payloads()]
    assert transactions == sorted(set(transactions))


def test_a_hook_is_for_what_is_there(api: Api) -> None:
    for filters in (
        {"dataTypes": ["nonsense"]},
        {"dataTypes": ["tableData"], "changeTypes": ["rename"]},
        {"dataTypes": ["tableData"], "fromSources": ["nobody"]},
        {"dataTypes": ["tableData"], "recordChangeScope": "tblUnknown0000000"},
        {"dataTypes": ["tableData"], "watchDataInFieldIds": ["fldUnknown0000000"]},
        {"dataTypes": ["tableFields"], "watchSchemasOfFieldIds": ["fldUnknown0000000"]},
    ):
        with pytest.raises(requests.HTTPError) as caught:
            api.base(BASE).add_webhook("", {"options": {"filters": filters}})
        assert caught.value.response.status_code == 422


def test_a_notification_is_known_by_its_signature() -> None:
    secret = base64.b64encode(b"secret").decode()
    body = json.dumps({"base": {"id": BASE}, "webhook": {"id": "ach"}, "timestamp": "2026-01-01T00:00:00.000Z"})
    mac = "hmac-sha256=" + hmac.new(b"secret", body.encode(), hashlib.sha256).hexdigest()
    assert WebhookNotification.from_request(body, mac, secret).webhook.id == "ach"
    with pytest.raises(ValueError, match="failed validation"):
        WebhookNotification.from_request(body, mac + "0", secret)


def test_a_comment_is_made_answered_changed_and_deleted(table: Table) -> None:
    record = table.create({"Name": "Ann"})
    first = table.add_comment(record["id"], "Hello, @[usrLeadsSandbox01]")
    answer = table.add_comment(record["id"], "Yes?", parent_comment_id=first.id)
    assert first.mentioned["usrLeadsSandbox01"].email == "owner@example.com"
    assert answer.parent_comment_id == first.id
    first.text = "Bye"
    first.save()
    assert [each.text for each in table.comments(record["id"])] == ["Yes?", "Bye"]
    answer.delete()
    assert answer.deleted
    assert [each.text for each in table.comments(record["id"])] == ["Bye"]
