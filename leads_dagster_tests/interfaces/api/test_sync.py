"""Status, metrics, trigger, pause and resume over HTTP."""

from __future__ import annotations

import time

import httpx

from leads_dagster_tests.interfaces.api.conftest import Serve, people, problem
from leads_dagster_tests.pipeline.conftest import Road

NAMES = {
    "customerId", "isPaused", "isRunning", "progressPercent", "progressMessage", "lastSyncAt", "syncDuration",
    "rowsProcessed", "rowsInserted", "rowsUpdated", "rowsDeleted", "errorCount", "retryCount", "lastError",
}  # fmt: skip


def test_a_status_has_the_names_that_callers_rely_on(road: Road, api: httpx.Client) -> None:
    road.sync(people(1, 2))
    status = api.get("/api/leads/sync/status", params={"customerId": "acme"}).json()

    assert set(status) >= NAMES
    assert (status["customerId"], status["rowsProcessed"], status["rowsInserted"]) == ("acme", 2, 2)
    assert (status["isPaused"], status["isRunning"], status["progressPercent"]) == (False, False, 100)
    assert status["syncDuration"] > 0


def test_the_only_customer_need_not_be_named(api: httpx.Client) -> None:
    assert api.get("/api/leads/sync/status").json()["customerId"] == "acme"


def test_a_customer_that_is_not_there_is_a_problem(api: httpx.Client) -> None:
    answer = api.get("/api/leads/sync/status", params={"customerId": "nobody"})

    assert answer.status_code == 404
    assert problem(answer)["error"] == "NotFoundError"


def test_of_several_customers_one_must_be_named(road: Road, serve: Serve) -> None:
    (road.home / "leads.toml").write_text(
        '[[customers]]\nname="a"\nsheet="a.csv"\n[[customers]]\nname="b"\nsheet="b.csv"\n'
    )
    client = serve({})

    assert client.get("/api/leads/sync/status").status_code == 400
    assert [one["customerId"] for one in client.get("/api/leads/sync/status/all").json()] == ["a", "b"]


def test_a_status_is_what_another_process_wrote_just_now(road: Road, api: httpx.Client) -> None:
    road.sync(people(1))
    assert api.get("/api/leads/sync/status").json()["leads"] == 1
    road.sync(people(1, 2, 3))
    time.sleep(0.6)  # a store that changes all the time is not read again all the time
    assert api.get("/api/leads/sync/status").json()["leads"] == 3


def test_a_status_that_did_not_change_is_not_sent_again(road: Road, api: httpx.Client) -> None:
    road.sync(people(1))
    first = api.get("/api/leads/sync/status")
    again = api.get("/api/leads/sync/status", headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_metrics_have_counts_rates_and_freshness(road: Road, api: httpx.Client) -> None:
    road.sync(people(1, 2))
    found = api.get("/api/leads/sync/metrics", params={"since": "1h"}).json()

    assert (found["syncs"], found["rowsProcessed"], found["successRate"], found["errorRate"]) == (1, 2, 1.0, 0.0)
    assert set(found["freshness"]["store"]) >= {"p50", "p95", "p99", "worst", "rows"}


def test_pausing_is_seen_at_once_and_undone_by_resuming(api: httpx.Client) -> None:
    paused = api.post("/api/leads/sync/pause", params={"reason": "moving house"})

    assert (paused.status_code, paused.json()["customerId"], paused.json()["isPaused"]) == (200, "acme", True)
    assert api.get("/api/leads/sync/status").json()["isPaused"] is True
    refused = api.post("/api/leads/sync/trigger")
    assert (refused.status_code, problem(refused)["error"]) == (409, "ConflictError")
    assert api.post("/api/leads/sync/resume").json()["isPaused"] is False
    assert api.get("/api/leads/sync/status").json()["isPaused"] is False


def test_a_trigger_runs_a_cycle_in_this_process(road: Road, api: httpx.Client) -> None:
    road.write(people(1, 2))
    answer = api.post("/api/leads/sync/trigger")

    assert answer.status_code == 202
    assert answer.json()["status"] == "started"
    assert api.post("/api/leads/sync/trigger").json() == {**answer.json(), "status": "already_running"}
    until = time.monotonic() + 60
    while api.get("/api/leads/sync/status").json()["leads"] != 2:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert api.get("/api/leads/sync/status").json()["lastRun"]["runId"] == answer.json()["runId"]


def test_health_and_readiness_tell_the_truth(road: Road, api: httpx.Client) -> None:
    assert api.get("/healthz").json() == {"status": "ok"}
    assert api.get("/readyz").json() == {"status": "ok"}
    for file in road.home.glob("leads.db*"):
        file.unlink()
    (road.home / "leads.db").mkdir()
    assert api.get("/healthz").status_code == 200
    assert problem(api.get("/readyz"))["status"] == 503
