"""Databases for the CRM tests: SQLite always, PostgreSQL where pgserver can run one."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from leads_dagster.mirrors.crm_engine import open_crm_engine
from leads_dagster_tests.mirrors.crm_cases import Now

# pgserver brings PostgreSQL's own binaries by pip; there is none for Python 3.13.
POSTGRESQL = ["postgresql"] if all(map(importlib.util.find_spec, ("pgserver", "psycopg"))) else []


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where a container has no XDG_RUNTIME_DIR
        import pgserver

        server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", *POSTGRESQL])
def crm_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty CRM database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/crm.sqlite"
    url: str = request.getfixturevalue("postgresql_url")
    engine = open_crm_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture
def crm_engine(crm_url: str) -> Iterator[sa.Engine]:
    """A connection of somebody else to the same database."""
    engine = open_crm_engine(crm_url)
    yield engine
    engine.dispose()


@pytest.fixture
def now() -> Now:
    return Now()
