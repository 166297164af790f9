"""`leads serve`: the API alone, in a process of its own."""

from __future__ import annotations

import json
import signal
import socket

import httpx
import pytest

from leads_dagster_tests.interfaces.conftest import CommandLine


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_serves_and_ends_in_peace(leads: CommandLine, number: signal.Signals) -> None:
    with leads.started("serve", "--port", "0", "--json") as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        transport = httpx.HTTPTransport(retries=10)
        with httpx.Client(base_url=url, transport=transport, timeout=30) as client:
            assert client.get("/api/leads/sync/status").json()["customerId"] == "default"
            with client.stream("GET", "/api/leads/sync/events") as listening:
                assert listening.status_code == 200
                process.send_signal(number)
                listening.read()
        assert process.wait(20) == 0


def test_a_port_that_is_taken_is_refused(leads: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = leads("serve", "--port", str(server.getsockname()[1]))

    assert ended.code == 2
    assert "LEADS_API_PORT" in ended.err


def test_settings_that_are_wrong_serve_nothing(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_API_TOKEN", "one two")
    ended = leads("serve", "--json")

    assert ended.code == 2
    assert "one two" not in ended.out
