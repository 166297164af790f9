"""A fresh lead database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from leads_dagster.store.engine import open_engine
from leads_dagster.store.schema import ensure_schema


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An upgraded SQLite database of this test's own."""
    opened = open_engine(f"sqlite:///{tmp_path / 'leads.db'}")
    ensure_schema(opened)
    yield opened
    opened.dispose()
