"""The API on a port of its own, over real HTTP, in a thread of the tests' process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from leads_dagster.interfaces.api.server import server_of
from leads_dagster.settings import Settings
from leads_dagster_tests.pipeline.conftest import Road

Serve = Callable[..., httpx.Client]


@contextmanager
def served(settings: Settings, *, token: str | None = None) -> Iterator[httpx.Client]:
    """A client of a server with these settings, which runs for as long as the block."""
    server = server_of(settings, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def road(tmp_path: Path) -> Road:
    """A customer, "acme", whose sheet the test writes."""
    return Road(tmp_path / "road")


@pytest.fixture
def api(road: Road) -> Iterator[httpx.Client]:
    """A client of the API of that customer."""
    with served(road.settings) as client:
        yield client


@pytest.fixture
def serve(road: Road) -> Iterator[Serve]:
    """Starts the API of that customer with other settings, by environment variable."""
    with ExitStack() as stack:

        def start(environ: Mapping[str, str], *, token: str | None = None) -> httpx.Client:
            return stack.enter_context(served(road.settings_of(dict(environ)), token=token))

        yield start


def people(*numbers: int, company: str = "") -> list[list[str]]:
    """Rows of invented people, one a number."""
    return [[f"Person N{number}", f"p{number}@firm{number}.example", company, "CTO"] for number in numbers]


def problem(answer: httpx.Response) -> dict[str, Any]:
    """An answer that must be a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code
    return found
