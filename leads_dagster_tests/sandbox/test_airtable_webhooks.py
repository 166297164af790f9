"""Webhooks through pyairtable: payloads by cursor, sources, filters, expiry, illness, and the ping."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
import requests
from pyairtable import Api, Table
from pyairtable.models import WebhookNotification

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.conftest import BASE

WEEK = 7 * 24 * 3600
TABLE = "tblLeadsSandbox01"
NAME = "fldLeads000000001"


def specification(**filters: Any) -> dict[str, Any]:
    return {"options": {"filters": {"dataTypes": ["tableData"], **filters}}}


def payloads(api: Api, hook_id: str, cursor: int = 1) -> list[Any]:
    return list(api.base(BASE).webhook(hook_id).payloads(cursor=cursor))


def test_our_write_and_a_persons_are_told_apart(api: Api, table: Table, sandbox: Sandbox) -> None:
    hook = api.base(BASE).add_webhook("", specification())
    ours = table.create({"Name": "Ann"})
    sandbox.airtable.update(BASE, "Leads", [{"id": ours["id"], "fields": {"Name": "Anna"}}])
    first, second = payloads(api, hook.id)
    assert first.action_metadata.source == "publicApi"
    assert second.action_metadata.source == "client"
    created = first.changed_tables_by_id[TABLE].created_records_by_id[ours["id"]]
    assert created.cell_values_by_field_id == {NAME: "Ann"}
    changed = second.changed_tables_by_id[TABLE].changed_records_by_id[ours["id"]]
    assert changed.current.cell_values_by_field_id == {NAME: "Anna"}
    assert changed.previous is None


def test_one_request_is_one_payload_and_its_cursor_goes_on(api: Api, table: Table) -> None:
    hook = api.base(BASE).add_webhook("", specification())
    made = table.batch_create([{"Name": str(number)} for number in range(12)])
    assert [len(each.changed_tables_by_id[TABLE].created_records_by_id) for each in payloads(api, hook.id)] == [10, 2]
    table.batch_delete([each["id"] for each in made[:3]])
    rest = payloads(api, hook.id, cursor=3)
    assert rest[0].changed_tables_by_id[TABLE].destroyed_record_ids == [each["id"] for each in made[:3]]
    assert api.base(BASE).webhooks()[0].cursor_for_next_payload == 4


def test_more_than_fifty_payloads_come_in_pages(api: Api, table: Table, sandbox: Sandbox) -> None:
    hook = api.base(BASE).add_webhook("", specification())
    sandbox.airtable.create(BASE, "Leads", [{"Name": "x"}])
    for number in range(59):
        sandbox.airtable.create(BASE, "Leads", [{"Name": str(number)}])
    url = f"{sandbox.url}/v0/bases/{BASE}/webhooks/{hook.id}/payloads"
    page = httpx.get(url, headers={"Authorization": "Bearer pat"}).json()
    assert (len(page["payloads"]), page["cursor"], page["mightHaveMore"]) == (50, 51, True)
    assert len(payloads(api, hook.id)) == 60


def test_an_edit_that_changes_nothing_tells_nobody(api: Api, table: Table) -> None:
    record = table.create({"Name": "Ann"})
    hook = api.base(BASE).add_webhook("", specification())
    table.update(record["id"], {"Name": "Ann"})
    assert payloads(api, hook.id) == []


@pytest.mark.parametrize(
    ("filters", "heard"),
    [
        ({"fromSources": ["client"]}, 0),
        ({"fromSources": ["publicApi"]}, 1),
        ({"changeTypes": ["remove"]}, 0),
        ({"recordChangeScope": TABLE}, 1),
        ({"watchDataInFieldIds": ["fldLeads000000002"], "changeTypes": ["update"]}, 0),
    ],
)
def test_a_hook_hears_what_its_filters_let_through(api: Api, table: Table, filters: dict[str, Any], heard: int) -> None:
    hook = api.base(BASE).add_webhook("", specification(**filters))
    table.create({"Name": "Ann"})
    assert len(payloads(api, hook.id)) == heard


def test_previous_and_unchanged_cells_come_when_asked(api: Api, table: Table) -> None:
    record = table.create({"Name": "Ann", "Company": "Acme"})
    spec = specification()
    spec["options"]["includes"] = {"includePreviousCellValues": True, "includeCellValuesInFieldIds": "all"}
    hook = api.base(BASE).add_webhook("", spec)
    table.update(record["id"], {"Name": "Anna"})
    changed = payloads(api, hook.id)[0].changed_tables_by_id[TABLE].changed_records_by_id[record["id"]]
    assert changed.previous.cell_values_by_field_id == {NAME: "Ann"}
    assert changed.unchanged.cell_values_by_field_id == {"fldLeads000000004": "Acme"}


def test_a_hook_is_gone_after_seven_days_unless_refreshed(api: Api, sandbox: Sandbox) -> None:
    base = api.base(BASE)
    hook = base.webhook(base.add_webhook("", specification()).id)
    sandbox.clock.advance(WEEK - 60)
    hook.extend_expiration()
    sandbox.clock.advance(WEEK - 60)
    assert [each.id for each in base.webhooks()] == [hook.id]
    sandbox.clock.advance(120)
    assert base.webhooks() == []
    with pytest.raises(requests.HTTPError) as caught:
        list(hook.payloads())
    assert caught.value.response.status_code == 404


def test_listing_payloads_renews_a_hook_and_payloads_older_than_a_week_go(
    api: Api, table: Table, sandbox: Sandbox
) -> None:
    base = api.base(BASE)
    hook = base.webhook(base.add_webhook("", specification()).id)
    table.create({"Name": "Ann"})
    sandbox.clock.advance(WEEK - 60)
    assert len(list(hook.payloads())) == 1
    sandbox.clock.advance(120)
    assert list(hook.payloads()) == []
    assert base.webhooks()[0].cursor_for_next_payload == 2


def test_a_base_has_ten_hooks_at_most(api: Api) -> None:
    for _ in range(10):
        api.base(BASE).add_webhook("", specification())
    with pytest.raises(requests.HTTPError, match="TOO_MANY_WEBHOOKS_IN_BASE"):
        api.base(BASE).add_webhook("", specification())


def test_a_hook_whose_field_is_removed_turns_ill(api: Api, table: Table, sandbox: Sandbox) -> None:
    hook = api.base(BASE).add_webhook("", specification(watchDataInFieldIds=[NAME, "fldLeads000000004"]))
    httpx.request("DELETE", f"{sandbox.url}/sandbox/airtable/{BASE}/Leads/fields/Company").raise_for_status()
    table.create({"Name": "Ann"})
    told = payloads(api, hook.id)
    assert [(each.error, each.error_code) for each in told] == [(True, "INVALID_HOOK")]
    assert api.base(BASE).webhook(hook.id).is_hook_enabled is False


class _Bell(BaseHTTPRequestHandler):
    rung: queue.Queue[tuple[str, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.rung.put((body, self.headers["X-Airtable-Content-MAC"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def bell() -> Iterator[tuple[str, queue.Queue[tuple[str, str]]]]:
    rung: queue.Queue[tuple[str, str]] = queue.Queue()
    server = HTTPServer(("127.0.0.1", 0), type("Bell", (_Bell,), {"rung": rung}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", rung
    server.shutdown()
    server.server_close()


def test_a_change_rings_at_the_address_with_a_signature(
    api: Api, table: Table, bell: tuple[str, queue.Queue[tuple[str, str]]]
) -> None:
    hook = api.base(BASE).add_webhook(bell[0], specification())
    table.create({"Name": "Ann"})
    body, mac = bell[1].get(timeout=10)
    notification = WebhookNotification.from_request(body, mac, hook.mac_secret_base64)
    assert (notification.base.id, notification.webhook.id) == (BASE, hook.id)


def test_notifications_can_be_turned_off(
    api: Api, table: Table, bell: tuple[str, queue.Queue[tuple[str, str]]]
) -> None:
    base = api.base(BASE)
    hook = base.webhook(base.add_webhook(bell[0], specification()).id)
    hook.disable_notifications()
    table.create({"Name": "Ann"})
    hook.enable_notifications()
    table.create({"Name": "Bob"})
    bell[1].get(timeout=10)
    assert bell[1].empty()
    assert len(list(hook.payloads())) == 2
