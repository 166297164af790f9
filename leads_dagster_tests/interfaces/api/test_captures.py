"""Handing leads over, and requests that are done once."""

from __future__ import annotations

import httpx
import pytest

from leads_dagster.capture_queue.items import NewCapture
from leads_dagster.capture_queue.place import open_queue
from leads_dagster_tests.interfaces.api.conftest import Serve, people, problem
from leads_dagster_tests.pipeline.conftest import Road

ADA = {"Full name": "Ada Lovelace", "Email": "ada@example.com", "confidence": 0.9}


def test_a_capture_is_queued_and_the_same_key_again_is_a_duplicate(api: httpx.Client) -> None:
    key = {"Idempotency-Key": "list-7:ada"}
    first = api.post("/api/leads/captures", json=ADA, headers=key)
    again = api.post("/api/leads/captures", json=ADA, headers=key)

    assert (first.status_code, first.json()["status"]) == (202, "queued")
    assert (again.status_code, again.json()) == (202, {**first.json(), "status": "duplicate"})
    assert api.get("/api/leads/queue").json()["queued"] == 1


def test_captures_of_customers_that_nobody_named_are_counted(api: httpx.Client, road: Road) -> None:
    queue = open_queue(road.settings)
    queue.put([NewCapture("acmee", key, b"{}", 0) for key in "ab"])
    queue.close()

    assert api.get("/api/leads/queue").json()["unnamed"] == 2


def test_several_are_handed_over_at_once(api: httpx.Client) -> None:
    answer = api.post("/api/leads/captures", json=[ADA, {"Name": "Bob"}], headers={"Idempotency-Key": "k"})

    assert [one["status"] for one in answer.json()] == ["queued", "queued"]
    again = api.post("/api/leads/captures", json=[ADA, {"Name": "Bob"}], headers={"Idempotency-Key": "k"})
    assert [one["status"] for one in again.json()] == ["duplicate", "duplicate"]


@pytest.mark.parametrize("body", [[], "text", 7, [1], None])
def test_what_is_no_lead_is_refused(api: httpx.Client, body: object) -> None:
    assert problem(api.post("/api/leads/captures", json=body))["status"] == 422


def test_of_several_the_wrong_one_is_named_and_none_taken(api: httpx.Client) -> None:
    answer = api.post("/api/leads/captures", json=[ADA, {"Name": "Bob", "confidence": 7}])

    assert problem(answer)["context"] == {"field": "confidence", "position": 1}
    assert api.get("/api/leads/queue").json()["queued"] == 0


def test_a_capture_that_is_too_large_and_a_queue_that_is_full_say_so(serve: Serve) -> None:
    client = serve({"LEADS_QUEUE_ITEM_BYTES": "100", "LEADS_QUEUE_LIMIT": "1"})

    assert problem(client.post("/api/leads/captures", json={"Name": "x" * 200}))["status"] == 413
    assert client.post("/api/leads/captures", json={"Name": "A"}).status_code == 202
    full = client.post("/api/leads/captures", json={"Name": "B"})
    assert (problem(full)["error"], full.headers["retry-after"]) == ("QueueFullError", "1")


def test_a_post_with_a_key_is_done_once(road: Road, api: httpx.Client) -> None:
    road.sync(people(1))
    lead = api.get("/api/leads").json()["leads"][0]["id"]
    send = {"url": f"/api/leads/{lead}/fields/title", "headers": {"Idempotency-Key": "7"}}
    first = api.post(**send, json={"value": "CEO"})
    again = api.post(**send, json={"value": "CEO"})

    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(api.get("/api/leads/undo").json()) == 1
    other = api.post(**send, json={"value": "CFO"})
    assert problem(other)["type"] == "/docs#key-reused"


def test_the_answer_to_a_key_outlives_the_server(road: Road, serve: Serve) -> None:
    key = {"Idempotency-Key": "once"}
    first = serve({}).post("/api/leads/sync/pause", headers=key)
    again = serve({}).post("/api/leads/sync/pause", headers=key)

    assert first.json()["already"] is False
    assert again.json() == first.json()
