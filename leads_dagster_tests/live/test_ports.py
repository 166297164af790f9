"""A port that was asked for must be free; else the next free one is taken."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from leads_dagster.errors import SettingsError
from leads_dagster.live.ports import DEFAULT_WEB_PORT, choose_port, reachable_host


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_that_was_asked_for_is_an_error(taken: int) -> None:
    with pytest.raises(SettingsError, match=f"Port {taken} of 127.0.0.1 is taken"):
        choose_port("127.0.0.1", taken)


def test_a_free_port_that_was_asked_for_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert choose_port("127.0.0.1", port) == port


def test_where_the_usual_one_is_taken_a_later_one_is_found() -> None:
    usual = choose_port("127.0.0.1", None)
    with socket.create_server(("127.0.0.1", usual)):
        assert choose_port("127.0.0.1", None) > usual >= DEFAULT_WEB_PORT


def test_a_host_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(SettingsError, match="is no address of this machine"):
        choose_port("not-a-host.invalid", 3000)


@pytest.mark.parametrize(("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.5", "10.0.0.5")])
def test_what_serves_everywhere_is_reached_at_home(host: str, reached: str) -> None:
    assert reachable_host(host) == reached


def test_port_0_takes_any_that_is_free() -> None:
    port = choose_port("127.0.0.1", 0)
    assert port >= 1024
    assert choose_port("127.0.0.1", port) == port
