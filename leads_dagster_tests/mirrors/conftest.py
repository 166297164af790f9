"""Real servers for the mirrors: SQLite and PostgreSQL for the CRM, the offline twin for Airtable."""

from __future__ import annotations

import importlib.util
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
import stamina

from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.crm_engine import open_crm_engine
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.mirrors.airtable_cases import MakeMirror, mirror_of
from leads_dagster_tests.mirrors.crm_cases import Now

# pgserver brings PostgreSQL's own binaries by pip; there is none for Python 3.13.
POSTGRESQL = ["postgresql"] if all(map(importlib.util.find_spec, ("pgserver", "psycopg"))) else []


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Not under pytest's own folder: started by root, the server is another user, and each start of pytest shuts
    that folder to others, also in the midst of our tests."""
    with tempfile.TemporaryDirectory(prefix="leads-postgresql-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs warns where a container has no XDG_RUNTIME_DIR
            import pgserver

            server = pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
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


@pytest.fixture(scope="session")
def one_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Sandbox:
    """The twin with one empty table of leads."""
    one_sandbox.reset()
    return one_sandbox


@pytest.fixture
def make_mirror(sandbox: Sandbox, tmp_path: Path) -> Iterator[MakeMirror]:
    """Makes mirrors of the test's twin, or of another given as `sandbox`."""
    with ExitStack() as stack:
        yield lambda sandbox=sandbox, **arguments: stack.enter_context(mirror_of(sandbox, tmp_path, **arguments))


@pytest.fixture
def mirror(make_mirror: MakeMirror) -> AirtableMirror:
    return make_mirror()


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Repetitions come at once, as many as ever."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield
