"""Real servers on loopback whose answers a test writes down."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from leads_dagster.breakers import CircuitBreakers
from leads_dagster.retrying import Retries
from leads_dagster.sources.http import LeadsHttp, Timeouts
from leads_dagster_tests.sources.scripted_server import ScriptedServer

AT_ONCE = Retries(delay_seconds=0.0, jitter=0.0, max_server_wait_seconds=0.5)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that answers what the test tells it, and remembers what it was asked."""
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def http() -> Iterator[LeadsHttp]:
    """A client of its own for each test: short timeouts, three retries without waits, breakers of its own."""
    client = LeadsHttp(timeouts=Timeouts(connect=2.0, read=0.4, total=5.0), retries=AT_ONCE, breakers=CircuitBreakers())
    yield client
    client.close()


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Root may read and write everything; for the length of a test it acts as somebody who may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)
