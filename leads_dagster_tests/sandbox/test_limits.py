"""Rate limits: Airtable's pace and rest, the monthly cap, and Google's quotas; only when asked for."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, read_bases_file
from leads_dagster_tests.sandbox.conftest import BASE

KEY = {"Authorization": "Bearer pat"}
TOO_FAST = b'{"errors":[{"error":"RATE_LIMIT_REACHED","message":"Rate limit exceeded. Please try again later"}]}'


@pytest.fixture
def limited(sheets: object) -> Iterator[Sandbox]:
    with Sandbox(sheets=sheets, limits=True) as running:
        yield running


@pytest.fixture
def client(limited: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=limited.url, headers=KEY) as client:
        yield client


def statuses(client: httpx.Client, path: str, times: int) -> list[int]:
    return [client.get(path).status_code for _ in range(times)]


def test_a_sixth_request_within_a_second_starts_thirty_seconds_of_refusal(
    limited: Sandbox, client: httpx.Client
) -> None:
    path = f"/v0/{BASE}/Leads"
    assert statuses(client, path, 6) == [200] * 5 + [429]
    refused = client.get(path)
    assert (refused.status_code, refused.content) == (429, TOO_FAST)
    assert "retry-after" not in refused.headers
    limited.clock.advance(29)
    assert client.get(path).status_code == 429
    limited.clock.advance(2)
    assert client.get(path).status_code == 200


def test_schema_and_webhook_requests_count_for_their_base(client: httpx.Client) -> None:
    assert statuses(client, f"/v0/meta/bases/{BASE}/tables", 3) == [200] * 3
    assert statuses(client, f"/v0/bases/{BASE}/webhooks", 3) == [200, 200, 429]


def test_a_token_has_fifty_requests_a_second_over_all_bases(client: httpx.Client) -> None:
    found = statuses(client, "/v0/meta/whoami", 51)
    assert found == [200] * 50 + [429]


def test_five_a_second_go_on_for_ever(limited: Sandbox, client: httpx.Client) -> None:
    for _ in range(4):
        assert statuses(client, f"/v0/{BASE}/Leads", 5) == [200] * 5
        limited.clock.advance(1)


def test_without_limits_nothing_is_refused(sandbox: Sandbox) -> None:
    with httpx.Client(base_url=sandbox.url, headers=KEY) as client:
        assert statuses(client, f"/v0/{BASE}/Leads", 30) == [200] * 30


def test_the_month_is_used_up_for_records_but_not_for_the_schema() -> None:
    seed = read_bases_file(DEFAULT_BASES)
    seed["bases"][0]["monthlyCalls"] = 2
    with Sandbox(seed) as sandbox, httpx.Client(base_url=sandbox.url, headers=KEY) as client:
        assert statuses(client, f"/v0/{BASE}/Leads", 3) == [200, 200, 429]
        refused = client.get(f"/v0/{BASE}/Leads").json()
        assert refused["errors"][0]["error"] == "PUBLIC_API_BILLING_LIMIT_EXCEEDED"
        assert client.get(f"/v0/meta/bases/{BASE}/tables").status_code == 200
        sandbox.clock.advance(32 * 24 * 3600)
        assert client.get(f"/v0/{BASE}/Leads").status_code == 200


def test_a_google_user_reads_sixty_times_a_minute(limited: Sandbox, client: httpx.Client) -> None:
    assert limited.folder.folder is not None
    (limited.folder.folder / "leads.csv").write_text("a\n1\n")
    path = "/v4/spreadsheets/leads/values/A1:B2"
    assert statuses(client, path, 61) == [200] * 60 + [429]
    error = client.get(path).json()["error"]
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    assert error["details"][0]["metadata"]["quota_limit"] == "ReadRequestsPerMinutePerUser"
    other = {"Authorization": "Bearer somebody else"}
    assert client.get(path, headers=other).status_code == 200
    assert client.put(path, params={"valueInputOption": "RAW"}, json={"values": [["x"]]}).status_code == 200
    limited.clock.advance(61)
    assert client.get(path).status_code == 200


def test_exports_have_no_quota(limited: Sandbox, client: httpx.Client) -> None:
    assert limited.folder.folder is not None
    (limited.folder.folder / "leads.csv").write_text("a\n1\n")
    assert statuses(client, "/spreadsheets/d/leads/export?format=csv", 70) == [307] * 70
