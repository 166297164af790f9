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

UPGRADE = (
    "import sys; from leads_dagster.store.engine import open_engine; "
    "from leads_dagster.store.schema import ensure_schema; ensure_schema(open_engine(sys.argv[1]))"
)


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
    started = [subprocess.Popen([sys.executable, "-c", UPGRADE, empty_database_url]) for _ in range(3)]
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


def test_a_database_from_the_tests_short_cut_is_one_that_the_migrations_made(tmp_path: Path) -> None:
    contents = []
    for name, upgrade in (
        ("first", schema.ensure_schema),
        ("quick", schema.ensure_schema),
        ("migrated", by_migrations),
    ):
        opened = open_engine(f"sqlite:///{tmp_path / name}.db")
        upgrade(opened)
        with reading(opened) as connection:
            tables = set(connection.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master")).all())
            rows = {
                one.name: connection.execute(text(f'SELECT * FROM "{one.name}"')).all()
                for one in tables
                if one.type == "table"
            }
        opened.dispose()
        contents.append((tables, rows))
    assert contents[0] == contents[1] == contents[2]
    assert contents[0][1]["alembic_version"] == [(schema.HEAD,)]


def by_migrations(engine: Engine) -> None:
    """In a process of its own, where there is no short cut."""
    subprocess.run([sys.executable, "-c", UPGRADE, str(engine.url)], check=True)
