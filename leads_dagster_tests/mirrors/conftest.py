"""Real servers for the mirrors: SQLite and PostgreSQL for the CRM, the offline twin for Airtable."""

from __future__ import annotations

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


@pytest.fixture(params=["sqlite", "postgresql"])
def crm_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty CRM database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/crm.sqlite"
    return str(request.getfixturevalue("empty_postgres_url"))


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
