"""Fresh lead databases, of both kinds: `engine` runs a test on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from leads_dagster.store.engine import open_engine
from leads_dagster.store.schema import ensure_schema


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An upgraded database of this test's own, once of either kind."""
    opened = open_engine(database_url)
    ensure_schema(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """An upgraded SQLite database, for what is SQLite's alone."""
    opened = open_engine(sqlite_url)
    ensure_schema(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def postgres_engine(postgres_url: str) -> Iterator[Engine]:
    """An upgraded PostgreSQL database, for what is PostgreSQL's alone."""
    opened = open_engine(postgres_url)
    yield opened
    opened.dispose()
