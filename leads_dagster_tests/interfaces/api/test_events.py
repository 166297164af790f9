"""Progress as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest

from leads_dagster.interfaces.api.events import Events
from leads_dagster_tests.interfaces.api.conftest import people
from leads_dagster_tests.pipeline.conftest import Road


def events(answer: httpx.Response) -> Iterator[dict[str, str]]:
    """The events of a stream, as they come."""
    said: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            said[name] = value
        else:
            if "data" in said:
                yield said
            said = {}


def test_how_all_stands_comes_first_and_then_what_changes(road: Road, api: httpx.Client) -> None:
    with api.stream("GET", "/api/leads/sync/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = events(answer)
        assert json.loads(next(told)["data"])["progressMessage"] == "Never synced"
        road.sync(people(1, 2))
        now = next(json.loads(one["data"]) for one in told if '"progressPercent":100' in one["data"])

    assert (now["customerId"], now["rowsInserted"], now["isRunning"]) == ("acme", 2, False)


def test_who_comes_back_is_told_what_happened_meanwhile(road: Road, api: httpx.Client) -> None:
    with api.stream("GET", "/api/leads/sync/events") as answer:
        told = events(answer)
        last = next(told)["id"]
        api.post("/api/leads/sync/pause")
        seen = next(one for one in told if '"isPaused":true' in one["data"])
    with api.stream("GET", "/api/leads/sync/events", headers={"Last-Event-ID": last}) as answer:
        missed = next(events(answer))

    assert missed["id"] == seen["id"]


def test_a_customer_that_is_not_there_has_no_events(api: httpx.Client) -> None:
    assert api.get("/api/leads/sync/events", params={"customerId": "nobody"}).status_code == 404


@pytest.mark.parametrize("last", [None, "nonsense", "abc-1", "-", "9" * 50])
def test_an_id_of_another_life_is_told_how_all_stands(api: httpx.Client, last: str | None) -> None:
    headers = {} if last is None else {"Last-Event-ID": last}
    with api.stream("GET", "/api/leads/sync/events", headers=headers) as answer:
        assert json.loads(next(events(answer))["data"])["customerId"] == "acme"


def test_many_who_listen_cost_one_look() -> None:
    looks = 0

    def read() -> dict[str, dict[str, str]]:
        nonlocal looks
        looks += 1
        return {"acme": {"customer": "acme", "progress_message": str(looks)}}

    async def heard(shared: Events) -> bytes:
        found = b""
        async for part in shared.listen(None, None):
            found += part
            if b'"3"' in found:
                return found
        return found

    async def together() -> list[bytes]:
        shared = Events(read, lambda: True, look_seconds=0.01)
        return await asyncio.gather(*(heard(shared) for _ in range(50)))

    assert len({one.count(b"event: progress") for one in asyncio.run(together())}) <= 2
    assert looks <= 5


def test_silence_is_broken_by_a_heartbeat() -> None:
    async def first_two() -> list[bytes]:
        shared = Events(dict, lambda: False, look_seconds=0.01, heartbeat_seconds=0.05)
        found = []
        async for part in shared.listen(None, None):
            found.append(part)
            if len(found) == 2:
                shared.stop()
        return found

    assert asyncio.run(first_two()) == [b"retry: 2000\n\n", b": still here\n\n"]
