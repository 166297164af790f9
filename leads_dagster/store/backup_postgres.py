"""Backing up a lead database in PostgreSQL with its own programs, and putting a backup in its place.

What belongs here: PostgreSQL's side of `backup`: what is dumped, the scratch database, a restore's one transaction.
Only tables of this package are dumped and restored; what others keep in the same database is left alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, Engine, bindparam, create_engine, text
from sqlalchemy.engine import URL

from leads_dagster.errors import StoreDamagedError, StoreError
from leads_dagster.store.backup_contents import STAMP_TABLE, our_tables, read_contents, table_names
from leads_dagster.store.backup_folder import file_faults
from leads_dagster.store.backup_frames import copy_stream
from leads_dagster.store.backup_manifest import Contents, DatabaseKind
from leads_dagster.store.backup_pg_tools import PgTools, pg_tools
from leads_dagster.store.backup_sqlite import Share
from leads_dagster.store.failures import typed_errors

# Tables, views and sequences of the schema we work in that are not ours, nor a sequence of ours.
_STRANGERS = text("""
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relname NOT IN :ours
      AND NOT EXISTS (
        SELECT 1 FROM pg_depend d JOIN pg_class o ON o.oid = d.refobjid
        WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND o.relname IN :ours)
    ORDER BY 1
""").bindparams(bindparam("ours", expanding=True))
_OTHER_SCHEMAS = text("""
    SELECT quote_ident(nspname) FROM pg_namespace
    WHERE nspname <> current_schema() AND nspname <> 'information_schema' AND nspname !~ '^pg_' ORDER BY 1
""")
_RESTORE = ("--no-owner", "--no-privileges")


class PostgresDatabase:
    """One database of a PostgreSQL server.

    Args:
        url: of the database.
        pg_bin: folder of pg_dump, pg_restore and psql, or None to look for them.
    """

    kind: DatabaseKind = "postgresql"
    suffix = ".dump"
    packed = True

    def __init__(self, url: URL, pg_bin: Path | None) -> None:
        self.url = url
        self._pg_bin = pg_bin

    def dump(self, sink: BinaryIO, scratch: Path, share: Share) -> Contents:
        """Write one consistent moment of the database to `sink`, while others go on writing.

        Rows are counted in the snapshot that pg_dump reads.

        Raises:
            StoreDamagedError: a page of the database is damaged.
            StoreError, StoreBusyError: pg_dump is missing or failed, the server cannot be reached.
        """
        with self._snapshot() as connection:
            name = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            left_out = self._left_out(connection)
            with self._tools.output_of("pg_dump", "--format=custom", f"--snapshot={name}", *left_out) as dumped:
                copy_stream(dumped, sink)
            share(0.6)
            return read_contents(connection)

    def check(self, source: BinaryIO, scratch: Path) -> Contents:
        """Restore into a scratch database and read what it holds; the database is dropped at the end.

        Raises:
            StoreError: the dump is damaged, or this user may not make databases.
        """
        name = f"leads_check_{uuid.uuid4().hex[:12]}"
        with self._scratch_database(name) as url:
            self._tools.feed(source, "pg_restore", "--exit-on-error", *_RESTORE, f"--dbname={name}")
            with _opened(url) as engine, _utc(engine) as connection:
                return read_contents(connection)

    def faults(self) -> list[str]:
        """What PostgreSQL finds wrong when every row of ours is read; empty where nothing is."""
        try:
            with self._snapshot() as connection:
                read_contents(connection)
        except StoreDamagedError as error:
            return [error.message]
        return []

    def is_empty(self) -> bool:
        """Whether the database has no tables of ours."""
        with self._snapshot() as connection:
            return STAMP_TABLE not in table_names(connection)

    def replace(self, source: BinaryIO, scratch: Path, *, at: datetime) -> str | None:
        """Put a backup's content in the place of the database, in one transaction: all of it or nothing.

        Raises:
            StoreError: a program failed, or others held a table for longer than a minute; nothing was changed.
        """
        with file_faults(scratch), scratch.open("wb") as file:
            copy_stream(source, file)
        with self._snapshot() as connection:
            tables = ", ".join(f'"{name}"' for name in table_names(connection))
        drop = ("--command", f"DROP TABLE {tables}") if tables else ()
        in_one = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", *drop, "--file=-")
        script = ("--clean", "--if-exists", *_RESTORE, "--file=-", str(scratch))
        with self._tools.output_of("pg_restore", *script) as statements:
            self._tools.feed(statements, "psql", *in_one)
        return None

    @cached_property
    def _tools(self) -> PgTools:
        with typed_errors(), _opened(self.url) as engine, engine.connect() as connection:
            version = connection.execute(text("SHOW server_version_num")).scalar_one()
        return pg_tools(self.url, int(version) // 10_000, self._pg_bin)

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        """One moment of the database, to read from."""
        with typed_errors(), _opened(self.url) as engine, _utc(engine) as connection:
            yield connection

    def _left_out(self, connection: Connection) -> list[str]:
        ours = {"ours": sorted(our_tables())}
        strangers = connection.execute(_STRANGERS, ours).scalars()
        schemas = connection.execute(_OTHER_SCHEMAS).scalars()
        return [
            *(f"--exclude-table={name}" for name in strangers),
            *(f"--exclude-schema={name}" for name in schemas),
        ]

    @contextmanager
    def _scratch_database(self, name: str) -> Iterator[URL]:
        with typed_errors(), _opened(self.url, isolation_level="AUTOCOMMIT") as engine, engine.connect() as connection:
            self._create(connection, name)
            try:
                yield self.url.set(database=name)
            finally:
                connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    def _create(self, connection: Connection, name: str) -> None:
        try:
            with typed_errors():
                connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        except StoreError as error:
            raise StoreError(
                f"No scratch database to restore into can be made: {error.message}",
                advice="ALTER ROLE … CREATEDB allows it; `leads backup create --no-verify` does without.",
            ) from error


@contextmanager
def _opened(url: URL, **options: str) -> Iterator[Engine]:
    engine = create_engine(url, **options)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _utc(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one moment, and times that do not depend on the server's zone."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SET LOCAL TIME ZONE 'UTC'"))
        yield connection
