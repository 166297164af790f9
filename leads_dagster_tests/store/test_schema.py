"""The schema is what the migrations make, made once, by whoever comes first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from leads_dagster.errors import StoreError
from leads_dagster.store import schema
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.tables import metadata


def is_no_search_table(name: str | None, kind: str, _parents: object) -> bool:
    """The search index is no table of SQLAlchemy's: on SQLite FTS5 makes it, and five of its own behind it."""
    return kind != "table" or not str(name).startswith("lead_search")


def test_the_migrations_make_exactly_the_tables_of_the_code(engine: Engine) -> None:
    with reading(engine) as connection:
        opts = {"compare_type": True, "include_name": is_no_search_table}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []


def test_the_stamp_in_the_code_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


def test_a_second_call_changes_nothing(sqlite_engine: Engine) -> None:
    with reading(sqlite_engine) as connection:
        before = connection.execute(text("PRAGMA schema_version")).scalar_one()
    schema.ensure_schema(sqlite_engine)
    with reading(sqlite_engine) as connection:
        assert connection.execute(text("PRAGMA schema_version")).scalar_one() == before


def test_processes_that_start_together_make_one_schema(empty_database_url: str) -> None:
    code = (
        "import sys; from leads_dagster.store.engine import open_engine; "
        "from leads_dagster.store.schema import ensure_schema; ensure_schema(open_engine(sys.argv[1]))"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, empty_database_url]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in started] == [0, 0, 0]
    opened = open_engine(empty_database_url)
    with reading(opened) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [(schema.HEAD,)]
    opened.dispose()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer version"):
        schema.ensure_schema(engine)
