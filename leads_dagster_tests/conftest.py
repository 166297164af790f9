"""Fixtures that several test packages share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from leads_dagster_tests.postgres import PostgresServer, running_server
from leads_dagster_tests.quick_schema import quick_schema
from leads_dagster_tests.redis_server import running_redis

REPOSITORY = Path(__file__).resolve().parent.parent

# Files that take a minute or more. They start first, so that no core waits for the last of them alone.
SLOW_FILES = (
    "acceptance/test_both_ways.py",
    "acceptance/test_live_faults.py",
    "live/test_system.py",
    "orchestration/live/test_worker.py",
    "acceptance/test_crash.py",
    "acceptance/test_incremental_equals_batch.py",
    "interfaces/dashboard/test_in_a_browser.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files first; the others keep their order."""
    tests = Path(__file__).resolve().parent
    place = {tests / name: position for position, name in enumerate(SLOW_FILES)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real-shaped sample files beside the checkout; `LEADS_TEST_DATA` names another place.

    Tests that want it are skipped where there is none, and fail where the one that was named is not there.
    """
    if named := os.environ.get("LEADS_TEST_DATA"):
        return Path(named)
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no sample files in {folder}; LEADS_TEST_DATA names their folder")
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server with an upgraded template, started when a test first wants it."""
    with running_server() as server:
        server.make_template()
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a Redis server, which may be somebody's: tests have keys of their own there."""
    with running_redis() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An upgraded PostgreSQL database of this test's own."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Where a SQLite database of this test's own will be."""
    return f"sqlite:///{tmp_path / 'leads.db'}"


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database without any table."""
    with postgres_server.database(upgraded=False) as url:
        yield url


@pytest.fixture(params=["sqlite_url", "postgres_url"], ids=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test's own, once of either kind."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture(params=["sqlite_url", "empty_postgres_url"], ids=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """A database without any table, once of either kind."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture(scope="session", autouse=True)
def signals_count() -> None:
    """A shell that starts the tests in the background, or `nohup`, has signals ignored, and what they start too."""
    for one, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(one) is signal.SIG_IGN:
            signal.signal(one, usual)


@pytest.fixture(scope="session", autouse=True)
def schemas_are_made_quickly() -> Iterator[None]:
    """The migrations run once a process."""
    with quick_schema():
        yield
