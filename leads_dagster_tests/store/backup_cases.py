"""Databases to back up, with leads in them, on SQLite and PostgreSQL; and ways to spoil a file."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from leads_dagster.settings import Settings, load_settings
from leads_dagster.store.backup import Backups, open_backups
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.schema import ensure_schema
from leads_dagster.store.tables import leads

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Store:
    """A lead database in a state folder of its own."""

    settings: Settings

    @property
    def backups(self) -> Backups:
        return open_backups(self.settings)

    def add(self, *names: str) -> None:
        engine = open_engine(self.settings.database_url)
        ensure_schema(engine)
        said = {"customer": "default", "created_at": NOW, "updated_at": NOW, "raw_data": {"Zip": "01234"}}
        with writing(engine) as connection:
            connection.execute(leads.insert(), [{"id": uuid.uuid4().hex, "full_name": name, **said} for name in names])
        engine.dispose()

    def names(self) -> list[str]:
        engine = open_engine(self.settings.database_url)
        with reading(engine) as connection:
            found = list(connection.execute(select(leads.c.full_name).order_by(leads.c.full_name)).scalars())
        engine.dispose()
        return found

    def count(self) -> int:
        engine = open_engine(self.settings.database_url)
        with reading(engine) as connection:
            found = connection.execute(select(func.count()).select_from(leads)).scalar_one()
        engine.dispose()
        return found

    def execute(self, *statements: str) -> None:
        engine = open_engine(self.settings.database_url)
        with writing(engine) as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def with_environment(self, **environ: str) -> Store:
        told = {"LEADS_HOME": str(self.settings.home), "LEADS_DATABASE_URL": self.settings.database_url}
        return Store(load_settings({**told, **environ}, self.settings.home))


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Store:
    """Three leads in an SQLite file."""
    store = Store(load_settings({"LEADS_HOME": str(tmp_path / "home")}, tmp_path))
    store.add("Ada", "Bo", "Cy")
    return store


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Three leads, once in each kind of database."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_store")
    environ = {
        "LEADS_HOME": str(tmp_path / "home"),
        "LEADS_DATABASE_URL": request.getfixturevalue("empty_postgres_url"),
    }
    made = Store(load_settings(environ, tmp_path))
    made.add("Ada", "Bo", "Cy")
    return made


def flip(path: Path, at: int) -> None:
    """Change one byte."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


def spoil_pages(path: Path) -> None:
    """Write garbage over the middle pages of an SQLite file, as a failing disk does."""
    data = bytearray(path.read_bytes())
    pages = len(data) // 4096
    for page in range(pages // 3, pages):
        data[page * 4096 : page * 4096 + 2048] = b"\xde\xad\xbe\xef" * 512
    path.write_bytes(data)


__all__ = ["Store", "flip", "spoil_pages", "sqlite_store", "store"]
