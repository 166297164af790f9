"""Other programs hear of each cycle: signed, in order, until they take it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

import pytest

from leads_dagster.pipeline.webhooks import MOST_FAILURES, deliver_due
from leads_dagster_tests.pipeline.conftest import Road
from leads_dagster_tests.sources.scripted_server import Asked, Reply, ScriptedServer

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, or so").decode()
LONG_AGO = datetime(2020, 1, 1, tzinfo=timezone.utc).timestamp()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        running.on("/hook", Reply(204, b""))
        yield running


@pytest.fixture
def heard(make_road: Callable[..., Road], server: ScriptedServer) -> Road:
    """A road whose webhook hears of all that ends from now on."""
    road = make_road(environ={"LEADS_WEBHOOK_URLS": f"{server.url}/hook", "LEADS_WEBHOOK_SECRET": SECRET})
    assert deliver_due(road.settings, clock=lambda: LONG_AGO) == {}
    return road


def bodies(server: ScriptedServer) -> list[dict[str, object]]:
    return [json.loads(asked.body)["data"] for asked in server.asked]


def deliver(road: Road, after: float = 0.0) -> dict[str, str]:
    return deliver_due(road.settings, clock=lambda: datetime.now(timezone.utc).timestamp() + after)


def test_each_cycle_is_told_once_and_in_order(heard: Road, server: ScriptedServer) -> None:
    heard.sync([["Ada Lovelace", "ada@example.com", "Acme", ""]])
    heard.sync([["Ada King", "ada@example.com", "Acme", ""]])
    deliver(heard)
    deliver(heard)
    found = bodies(server)
    assert [one["status"] for one in found] == ["done", "done"]
    assert [one["rows"]["created"] for one in found] == [1, 0]  # type: ignore[index]
    assert all(one["customerId"] == "acme" for one in found)


def test_a_message_is_signed_as_standard_webhooks_says(heard: Road, server: ScriptedServer) -> None:
    heard.sync([["Ada Lovelace", "ada@example.com", "Acme", ""]])
    deliver(heard)
    (asked,) = server.asked
    assert signature_of(asked) in asked.headers["webhook-signature"].split()
    assert "Ada" not in asked.body.decode()


def signature_of(asked: Asked) -> str:
    content = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    digest = hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def test_a_refused_message_is_tried_again_later_under_its_id(heard: Road, server: ScriptedServer) -> None:
    server.on("/hook", Reply(503, b""), Reply(204, b""))
    heard.sync([["Ada Lovelace", "ada@example.com", "Acme", ""]])
    assert "answered 503" in "".join(deliver(heard).values())
    assert deliver(heard) == {}, "not before its time"
    assert "1 taken" in "".join(deliver(heard, after=timedelta(minutes=1).total_seconds()).values())
    first, second = (asked.headers["webhook-id"] for asked in server.asked)
    assert first == second


def test_a_webhook_that_never_answers_is_told_of_what_comes_later(heard: Road, server: ScriptedServer) -> None:
    server.on("/hook", Reply(500, b""))
    heard.sync([["Ada Lovelace", "ada@example.com", "Acme", ""]])
    for attempt in range(MOST_FAILURES):
        said = deliver(heard, after=4000.0 * attempt)
    assert "given up" in "".join(said.values())
    server.on("/hook", Reply(204, b""))
    assert deliver(heard, after=4000.0 * (MOST_FAILURES + 1)) == {}


def test_a_redirect_is_not_followed(heard: Road, server: ScriptedServer) -> None:
    server.on("/hook", Reply(302, b"", {"Location": f"{server.url}/elsewhere"}))
    heard.sync([["Ada Lovelace", "ada@example.com", "Acme", ""]])
    assert "answered 302" in "".join(deliver(heard).values())
    assert server.times_asked("/elsewhere") == 0


def test_without_addresses_nothing_is_opened(road: Road) -> None:
    assert deliver(road) == {}
    assert not (road.home / "leads.db").exists()
