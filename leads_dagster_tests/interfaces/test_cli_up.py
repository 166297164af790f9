"""`leads up`: the real processes, in a folder of their own."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from leads_dagster_tests.interfaces.conftest import CommandLine
from leads_dagster_tests.live.conftest import LiveSystem


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def live(leads: CommandLine, port: int) -> Iterator[LiveSystem]:
    with leads.started("up", "--json", "--workers", "1", "--port", str(port), "--api-port", "0") as process:
        system = LiveSystem(process)
        try:
            yield system
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def test_it_starts_serves_is_seen_and_stops(leads: CommandLine, live: LiveSystem, port: int) -> None:
    ready = live.until("ready")
    live.until("healthy", "upkeep")  # which the ready line does not wait for
    url = f"http://127.0.0.1:{port}"

    api = ready["urls"]["api"]
    assert ready["urls"] == {"web": url, "api": api}
    assert httpx.get(f"{api}/api/leads/sync/status").json()["live"]["running"] is True
    assert httpx.post(f"{api}/api/leads/sync/trigger").json()["customerId"] == "default"
    assert _locations(url) == ["leads_dagster"]
    run = _first_run(api)
    assert httpx.get(f"{api}/runs/{run}").headers["location"] == f"{url}/runs/{run}"
    assert _dashboard_links(url) == {f"{api}/customers/default"}
    status = leads("status", "--json").json["live"]
    assert (status["running"], status["ready"], status["urls"]) == (True, True, ready["urls"])
    assert f"process {live.process.pid}, web at {url}, api at {api}, all parts ready" in leads("status").out
    refused = leads("up", "--json")
    assert refused.code == 1
    assert json.loads(refused.out)["error"]["type"] == "AlreadyRunningError"
    live.process.send_signal(signal.SIGTERM)
    assert live.end() == 0
    assert {told["code"] for told in live.told("ended")} == {0}
    assert leads("status", "--json").json["live"] == {"running": False}


def test_a_taken_port_that_was_asked_for_is_refused(leads: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ended = leads("up", "--port", str(port))

    assert ended.code == 2
    assert f"Port {port} of 127.0.0.1 is taken" in ended.err


def test_an_api_that_others_can_reach_needs_a_token(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_API_HOST", "0.0.0.0")
    ended = leads("up")

    assert ended.code == 2
    assert "no token is set" in ended.err
    assert leads("serve").code == 2


def test_settings_that_are_wrong_start_nothing(leads: CommandLine) -> None:
    leads.configure("[[customers]]\nnam = 'x'\n")
    ended = leads("up", "--json")

    assert ended.code == 2
    assert ended.json["error"]["type"] == "SettingsError"


def _locations(url: str) -> list[Any]:
    """The code locations that the webserver has loaded."""
    query = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"
    answer = httpx.post(f"{url}/graphql", json={"query": query}, timeout=60).json()
    entries = answer["data"]["workspaceOrError"]["locationEntries"]
    return [one["name"] for one in entries if one["locationOrLoadError"]["__typename"] == "RepositoryLocation"]


def _first_run(api: str) -> str:
    """The run that the live system does at its start, when it is over."""
    with httpx.stream("GET", f"{api}/api/leads/sync/events", timeout=120) as events:
        for line in events.iter_lines():
            if line.startswith("data: ") and json.loads(line[6:])["lastSyncAt"]:
                break
    return str(httpx.get(f"{api}/api/leads/sync/status").json()["lastRun"]["runId"])


def _dashboard_links(url: str) -> set[str]:
    """Where the metadata of the store's last materialisation leads, as Dagster's interface knows it."""
    entries = "metadataEntries { label ... on UrlMetadataEntry { url } }"
    asked = f"... on Asset {{ assetMaterializations(limit: 1) {{ {entries} }} }}"
    query = f'{{ assetOrError(assetKey: {{path: "lead_store"}}) {{ {asked} }} }}'
    found: Any = httpx.post(f"{url}/graphql", json={"query": query}).json()["data"]["assetOrError"]
    (last,) = found["assetMaterializations"]
    return {one["url"] for one in last["metadataEntries"] if one["label"] == "dashboard"}
