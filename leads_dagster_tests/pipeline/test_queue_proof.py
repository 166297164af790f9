"""The sum proof over queue and lead database, on both back ends of the queue."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest
from redis import Redis
from sqlalchemy import delete, update

from leads_dagster.capture_queue import redis_queue
from leads_dagster.capture_queue.items import Settled
from leads_dagster.capture_queue.place import open_queue
from leads_dagster.pipeline.checks import CheckOutcome, queue_adds_up
from leads_dagster.store.engine import writing
from leads_dagster.store.tables import captures
from leads_dagster_tests.pipeline.conftest import Road
from leads_dagster_tests.pipeline.test_capture import ADA, ends, put

BOB = {"Name": "Bob Roe", "E-Mail": "bob@example.com"}


@pytest.fixture(params=["file", "redis"])
def road(
    request: pytest.FixtureRequest, make_road: Callable[..., Road], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Road]:
    if request.param == "file":
        yield make_road()
        return
    url, prefix = request.getfixturevalue("redis_server"), f"{{leads:test:{secrets.token_hex(6)}}}"
    monkeypatch.setattr(redis_queue, "PREFIX", prefix)
    yield make_road(environ={"LEADS_QUEUE_URL": url})
    with Redis.from_url(url) as client:
        for key in client.scan_iter(f"{prefix}:*", count=1000):
            client.delete(key)


def proof(road: Road) -> CheckOutcome:
    with road.open() as ws:
        return queue_adds_up(ws, run_id="x")


def test_what_was_taken_in_is_accounted_for(road: Road) -> None:
    assert proof(road).passed
    put(road, ADA, ADA, {"Phone": "no lead"}, BOB)
    ends(road)
    put(road, BOB, keys=["waits"])

    found = proof(road)

    assert found.passed
    assert found.description == "All 5 captures ever taken in are accounted for."
    numbers = {name: number for name, number in found.metadata.items() if number}
    assert numbers == {"taken": 5, "waiting": 1, "recorded": 2, "duplicates": 1, "rejected": 1, "compared": 4}


def test_an_item_that_is_handed_out_and_never_booked_is_found(road: Road) -> None:
    put(road, ADA, BOB)
    queue = open_queue(road.settings)
    queue.settle([Settled(one.id, one.lease, "recorded") for one in queue.lease(customer="acme", limit=1)])
    queue.close()

    found = proof(road)

    assert not found.passed
    assert found.metadata["unbooked"] == 1
    assert "1 of 1 settled captures are not in the lead database" in found.description


def test_a_lead_database_that_lost_a_capture_or_says_otherwise_is_found(road: Road) -> None:
    put(road, ADA, BOB)
    ends(road)
    with road.open() as ws, writing(ws.engine, ws.name) as connection:
        connection.execute(delete(captures).where(captures.c.key == "k0"))
        connection.execute(update(captures).values(outcome="rejected").where(captures.c.key == "k1"))

    assert proof(road).metadata["unbooked"] == 2
