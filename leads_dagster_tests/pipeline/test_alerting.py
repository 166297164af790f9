"""People are told once when something begins, again after a day, and once when it is over; over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from leads_dagster.capture_queue.file_queue import FileQueue
from leads_dagster.capture_queue.items import NewCapture, QueueLimits, Settled
from leads_dagster.errors import CredentialsError
from leads_dagster.pipeline import alerting
from leads_dagster_tests.pipeline.conftest import Road
from leads_dagster_tests.sources.scripted_server import Reply, ScriptedServer

START = 1_800_000_000.0
HOUR = 3600.0
ROWS = [[f"Person {number}", f"p{number}@example.com", "Acme", ""] for number in range(40)]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        running.on("/", Reply(200, b"ok"))
        yield running


@pytest.fixture
def told(make_road: Callable[..., Road], server: ScriptedServer) -> Road:
    return make_road(environ={"LEADS_NOTIFY_URLS": f"json://{server.host}"})


def texts(server: ScriptedServer) -> list[str]:
    return [json.loads(asked.body)["message"] for asked in server.asked]


def look(road: Road, after: float = 0.0) -> alerting.Round:
    found = alerting.alert_round(road.settings, clock=lambda: START + after)
    assert found is not None
    return found


def hold(road: Road) -> None:
    road.sync(ROWS)
    road.sync(ROWS[:2])


def test_a_hold_is_told_once(told: Road, server: ScriptedServer) -> None:
    hold(told)
    look(told)
    look(told, after=60)
    (text,) = texts(server)
    assert "acme: A sync would remove" in text
    assert "`leads holds`" in text
    assert {one["kind"] for one in alerting.standing(told.settings)} == {"hold", "backup"}


def test_a_message_ends_with_where_the_dashboard_is(make_road: Callable[..., Road], server: ScriptedServer) -> None:
    environ = {"LEADS_NOTIFY_URLS": f"json://{server.host}", "LEADS_PUBLIC_URL": "https://leads.example/"}
    road = make_road(environ=environ)
    hold(road)
    look(road)
    assert texts(server)[0].splitlines()[-1] == "https://leads.example"


def test_what_still_stands_after_a_day_is_told_again(told: Road, server: ScriptedServer) -> None:
    hold(told)
    look(told)
    look(told, after=25 * HOUR)
    assert "still: acme: A sync would remove" in texts(server)[1]


def test_what_is_over_is_told_once_it_stayed_away(told: Road, server: ScriptedServer) -> None:
    hold(told)
    look(told)
    told.sync(ROWS)
    look(told, after=60)
    assert len(texts(server)) == 1, "it may come back at once"
    look(told, after=60 + alerting.OVER_AFTER_SECONDS)
    look(told, after=3 * HOUR)
    assert texts(server)[1:] == ["over: acme: A sync would remove, blank or change many leads and waits for a person."]


def test_what_comes_and_goes_is_told_once(told: Road, server: ScriptedServer) -> None:
    hold(told)
    for minute in range(6):
        told.sync(ROWS if minute % 2 else ROWS[:2])
        look(told, after=60.0 * minute)
    assert len(texts(server)) == 1


def test_what_nobody_took_is_sent_again(told: Road, server: ScriptedServer) -> None:
    hold(told)
    server.on("/", Reply(500, b""), Reply(200, b"ok"))
    assert [one.ok for one in look(told).sent] == [False]
    assert [one.ok for one in look(told, after=60).sent] == [True]
    assert look(told, after=120).sent == ()


def test_a_database_that_cannot_be_opened_is_told(told: Road, server: ScriptedServer) -> None:
    told.sync(ROWS)
    (told.home / "leads.db").write_bytes(b"this is no database at all" * 400)
    look(told)
    (text,) = texts(server)
    assert "all customers: The lead database cannot be used" in text


def enqueued(road: Road, customer: str, *, dead: bool = False) -> None:
    queue = FileQueue(road.home / "captures.db", QueueLimits(attempts=1), lambda: START)
    queue.put([NewCapture(customer, "", b"{}", 0)])
    if dead:
        queue.settle([Settled(one.id, one.lease, "failed", "no") for one in queue.lease(customer=customer)])
    queue.close()


def test_a_capture_that_waits_for_long_is_told(told: Road, server: ScriptedServer) -> None:
    enqueued(told, "acme")
    look(told, after=30)
    assert "in the queue" not in "".join(texts(server))
    look(told, after=90)
    assert "acme: Captures have waited in the queue for more than a minute." in texts(server)[-1]


def test_a_dead_capture_is_told(told: Road, server: ScriptedServer) -> None:
    enqueued(told, "acme", dead=True)
    look(told)
    assert "acme: Captures in the queue failed for good." in texts(server)[0]


def test_captures_that_are_nobodys_are_told(told: Road, server: ScriptedServer) -> None:
    enqueued(told, "acmee")
    look(told)
    assert "Captures wait for 'acmee', a customer that leads.toml does not name." in texts(server)[0]


def test_a_queue_that_cannot_be_asked_is_told_and_hides_nothing_else(told: Road, server: ScriptedServer) -> None:
    hold(told)
    (told.home / "captures.db").write_bytes(b"this is no database at all" * 400)
    look(told)
    assert "The capture queue cannot be used: The capture queue in" in texts(server)[0]
    assert "acme: A sync would remove" in texts(server)[0]


def test_looking_for_captures_makes_no_queue(told: Road) -> None:
    look(told)
    assert not (told.home / "captures.db").exists()


def test_the_addresses_of_a_file_are_read_each_time(make_road: Callable[..., Road], server: ScriptedServer) -> None:
    road = make_road(environ={"LEADS_NOTIFY_URLS_FILE": "people.txt"})
    with pytest.raises(CredentialsError, match=r"people\.txt"):
        alerting.told_of_test(road.settings)
    (road.home / "people.txt").write_text(f"# on call\njson://{server.host}\n")
    assert [one["ok"] for one in alerting.told_of_test(road.settings)["sent"]] == [True]


def test_an_address_is_never_shown(make_road: Callable[..., Road], caplog: pytest.LogCaptureFixture) -> None:
    road = make_road(environ={"LEADS_NOTIFY_URLS": "json://user:s3cr3t-word@127.0.0.1:1/ nonsense://s3cr3t-word"})
    found = alerting.told_of_test(road.settings)
    assert [(one["name"], one["ok"]) for one in found["sent"]] == [("1 json", False), ("2 nonsense", False)]
    hold(road)
    look(road)
    assert "s3cr3t" not in f"{found} {caplog.text} {road.settings!r}"


def test_a_memory_that_cannot_be_read_is_begun_anew(told: Road, server: ScriptedServer) -> None:
    hold(told)
    look(told)
    (told.home / "notifications.json").write_text('{"alerts": 3')
    look(told, after=60)
    assert len(texts(server)) == 2
