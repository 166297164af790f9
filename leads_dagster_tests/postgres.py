"""A PostgreSQL for tests: the server that `LEADS_TEST_POSTGRES_URL` names, else one of pip's pgserver.

On the server every test gets databases of its own, copied from a template that was migrated once, and dropped after.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from leads_dagster.store.engine import open_engine
from leads_dagster.store.schema import ensure_schema

VARIABLE = "LEADS_TEST_POSTGRES_URL"
# Tests need no power cut survived; only for a server of our own.
_FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")

_OWN_SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'"


class PostgresServer:
    """A server on which databases may be made; `template` is an upgraded one that nobody is connected to."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url).set(drivername="postgresql+psycopg")
        self.template = self._name("template")
        self._engine = create_engine(self.url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        self._blank: list[str] = []

    def run(self, *statements: str) -> None:
        with self._engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    @contextmanager
    def database(self, *, upgraded: bool = True) -> Iterator[str]:
        """The URL of a fresh database, which nobody is connected to afterwards.

        One with our tables is dropped then; one without any is emptied and serves again: to make and drop a database
        takes the server longer than most tests.
        """
        name = self._blank.pop() if self._blank and not upgraded else self._made(upgraded=upgraded)
        try:
            yield self.url_of(name)
        finally:
            if upgraded:
                self.drop(name)
            else:
                self._empty(name)
                self._blank.append(name)

    def _made(self, *, upgraded: bool) -> str:
        name = self._name("test")
        self.run(f"CREATE DATABASE {name}" + (f" TEMPLATE {self.template}" if upgraded else ""))
        return name

    def _empty(self, name: str) -> None:
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        engine = create_engine(self.url_of(name), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for schema in connection.execute(text(_OWN_SCHEMAS)).scalars().all():
                connection.execute(text(f'DROP SCHEMA "{schema}" CASCADE'))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()

    def close(self) -> None:
        """Drop what is kept for the next test."""
        for name in (*self._blank, self.template):
            self.drop(name)
        self._engine.dispose()

    def make_template(self) -> None:
        self.run(f"CREATE DATABASE {self.template}")
        engine = open_engine(self.url_of(self.template))
        ensure_schema(engine)
        engine.dispose()

    def drop(self, name: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url_of(self, name: str) -> str:
        return self.url.set(database=name).render_as_string(hide_password=False)

    @staticmethod
    def _name(kind: str) -> str:
        return f"leads_{kind}_{secrets.token_hex(6)}"


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """The named server, else one of our own, stopped at the end."""
    if named := os.environ.get(VARIABLE):
        with closing(PostgresServer(named)) as server:
            yield server
        return
    with _own_server() as started, closing(PostgresServer(started.get_uri())) as server:
        server.run(*(f"ALTER SYSTEM SET {setting}" for setting in _FAST), "SELECT pg_reload_conf()")
        yield server


@contextmanager
def _own_server() -> Iterator[Any]:
    if importlib.util.find_spec("pgserver") is None:
        told = f"set {VARIABLE} to a PostgreSQL server on which databases may be made"
        if sys.version_info >= (3, 13):
            pytest.skip(f"pgserver has no build for this Python: {told}")
        pytest.fail(f"pgserver, of the extra `dev`, is not installed: install it, or {told}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import it complains of a missing XDG_RUNTIME_DIR
        import pgserver
    # Not in pytest's folder: the next pytest of this user closes that to all others, and a server that root started,
    # which runs as another user, then dies of not finding its own files.
    with TemporaryDirectory(prefix="leads-postgres-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()


class StoppableServer(PostgresServer):
    """A server of a test's own, which it may stop as a power cut would, and start again."""

    def __init__(self, started: Any) -> None:
        super().__init__(started.get_uri())
        self._started = started

    def stop(self) -> None:
        import pgserver

        stopping = ["-m", "immediate", "-w", "stop"]
        pgserver.pg_ctl(stopping, pgdata=self._started.pgdata, user=self._started.system_user)

    def start(self) -> None:
        self._started.ensure_postgres_running()


@contextmanager
def stoppable_server() -> Iterator[StoppableServer]:
    """Never the named server: it may be somebody's."""
    with _own_server() as started, closing(StoppableServer(started)) as server:
        yield server
