"""The HTTP client, against a server that runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from leads_dagster.client import AsyncLeadsClient, LeadsClient
from leads_dagster.client_calls import Cache, status
from leads_dagster.errors import (
    ConflictError,
    ContentError,
    CredentialsError,
    LeadsError,
    NotFoundError,
    RateLimitedError,
    ServiceUnavailableError,
)
from leads_dagster_tests.interfaces.api.conftest import people, served
from leads_dagster_tests.pipeline.conftest import Road


@pytest.fixture
def road(tmp_path: Path) -> Road:
    return Road(tmp_path / "road")


@pytest.fixture
def url(road: Road) -> Iterator[str]:
    with served(road.settings) as raw:
        yield str(raw.base_url)


@pytest.fixture
def client(url: str) -> Iterator[LeadsClient]:
    with LeadsClient(url) as client:
        yield client


def test_statuses_are_values_with_types(road: Road, client: LeadsClient) -> None:
    road.sync(people(1, 2))
    status = client.sync_status("acme")

    assert (status.customer_id, status.rows_inserted, status.leads, status.is_paused) == ("acme", 2, 2, False)
    assert status.last_sync_at is not None
    assert status.last_sync_at.utcoffset() is not None
    assert status.raw["ledgerAddsUp"] is True
    assert [one.customer_id for one in client.all_statuses()] == ["acme"]
    assert client.metrics(since="1h").syncs == 1


def test_pausing_triggering_and_going_on(client: LeadsClient) -> None:
    assert client.pause(reason="moving house").is_paused is True
    with pytest.raises(ConflictError, match="is paused"):
        client.trigger()
    assert client.resume().is_paused is False


def test_leads_come_in_pages_or_one_by_one(road: Road, client: LeadsClient) -> None:
    road.sync(people(*range(7)))
    page = client.leads(limit=3, order="name")

    assert (len(page.leads), page.total) == (3, 7)
    assert len({lead["id"] for lead in client.all_leads(limit=3)}) == 7
    first = page.leads[0]["id"]
    assert client.lead(first)["state"] == "active"
    assert client.history(first)["entries"][-1]["kind"] == "created"


def test_captures_are_handed_over_once_a_key(client: LeadsClient) -> None:
    first = client.capture({"Name": "Ada"}, key="a-1")

    assert first.status == "queued"
    assert client.capture({"Name": "Ada"}, key="a-1") == type(first)(first.id, "duplicate", {})
    assert [one.status for one in client.capture_many([{"Name": "B"}, {"Name": "C"}])] == ["queued", "queued"]


def test_what_is_read_is_kept_on_request_until_this_client_writes(road: Road, client: LeadsClient) -> None:
    assert client.sync_status(cached=True).leads == 0
    road.sync(people(1))
    assert client.sync_status(cached=True).leads == 0
    time.sleep(0.3)  # the server reads a store that changes all the time no more often
    assert client.sync_status().leads == 1
    client.pause()
    assert (client.sync_status(cached=True).leads, client.sync_status(cached=True).is_paused) == (1, True)


def test_a_kept_answer_has_its_time() -> None:
    now = 0.0
    cache = Cache(300.0, clock=lambda: now)
    cache.put(status(None), "kept")  # type: ignore[arg-type]

    now = 299.0
    assert cache.get(status(None)) == ("kept",)
    assert cache.get(status("other")) is None
    now = 301.0
    assert cache.get(status(None)) is None


def test_failures_are_errors_in_words(client: LeadsClient) -> None:
    with pytest.raises(NotFoundError, match="no customer of that name"):
        client.sync_status("nobody")
    with pytest.raises(NotFoundError):
        client.lead("ffffffffffff")
    with pytest.raises(ContentError, match=r"body\.limit"):
        client.leads(limit=0)
    with pytest.raises(NotFoundError):
        client.lead("../sync/status")
    with LeadsClient("http://127.0.0.1:9", timeout=2) as nobody, pytest.raises(ServiceUnavailableError) as failed:
        nobody.sync_status()
    assert "cannot be reached" in str(failed.value)


def test_without_a_token_that_is_needed_the_error_says_so(road: Road) -> None:
    with (
        served(road.settings_of({"LEADS_API_TOKEN": "one-secret"})) as raw,
        LeadsClient(str(raw.base_url)) as client,
        pytest.raises(CredentialsError, match="token is needed"),
    ):
        client.sync_status()


def test_the_token_is_the_first_that_the_environment_names(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_API_TOKEN", "one-secret,read:two-secret")
    with served(road.settings_of({"LEADS_API_TOKEN": "one-secret"})) as raw, LeadsClient(str(raw.base_url)) as client:
        assert client.sync_status().customer_id == "acme"


def test_too_many_say_when_to_come_back_and_strangers_are_known_for_what_they_are() -> None:
    from leads_dagster.client_calls import answer_of

    asked = httpx.Request("GET", "http://127.0.0.1:8000/api/leads/sync/status?customerId=x")
    many = httpx.Response(429, headers={"Retry-After": "7"}, json={"detail": "Too many."}, request=asked)
    with pytest.raises(RateLimitedError) as limited:
        answer_of(status(None), many)
    assert limited.value.retry_after_seconds == 7
    for strange in (httpx.Response(200, text="<html>", request=asked), httpx.Response(502, text="?", request=asked)):
        with pytest.raises(LeadsError) as failed:
            answer_of(status(None), strange)
        assert "customerId" not in str(failed.value)


def test_the_async_client_does_the_same(road: Road, url: str) -> None:
    road.sync(people(*range(5)))

    async def tried() -> tuple[int, int, int, bool, str]:
        async with AsyncLeadsClient(url, cached=True) as client:
            leads = (await client.sync_status()).leads
            found = [lead async for lead in client.all_leads(limit=2)]
            page = await client.leads(q="person")
            paused = (await client.pause()).is_paused
            one = await client.capture({"Name": "Ada"})
            assert (await client.history(found[0]["id"]))["total"] >= 1
            assert (await client.lead(found[0]["id"]))["state"] == "active"
            assert [each.is_paused for each in await client.all_statuses()] == [True]
            assert (await client.metrics()).syncs == 1
            assert (await client.resume()).is_paused is False
            assert len(await client.capture_many([{"Name": "B"}])) == 1
            return leads, len(found), page.total, paused, one.status

    assert asyncio.run(tried()) == (5, 5, 5, True, "queued")
