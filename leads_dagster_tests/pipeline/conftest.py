"""A customer's whole road in a folder of its own, driven by rewriting its sheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.sql import ColumnElement

from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.result import SyncResult
from leads_dagster.pipeline.workspace import Workspace, open_workspace
from leads_dagster.sandbox import Sandbox
from leads_dagster.settings import Settings, load_settings
from leads_dagster.store import tables
from leads_dagster.store.engine import reading
from leads_dagster_tests.postgres import PostgresServer

Rows = Sequence[Sequence[str]]
HEADER = ("Name", "Email", "Company", "Title")


class Road:
    """One customer, one sheet; `sync` runs a cycle and gives its result."""

    def __init__(self, home: Path, *, toml: str = "", environ: dict[str, str] | None = None) -> None:
        self.home, self.sheet, self.environ = home, home / "sheet.csv", dict(environ or {})
        home.mkdir(exist_ok=True)
        (home / "leads.toml").write_text(f'[[customers]]\nname = "acme"\nsheet = "{self.sheet}"\n{toml}')
        self.settings = self.settings_of(self.environ)

    def settings_of(self, environ: dict[str, str]) -> Settings:
        """The settings that this environment makes."""
        return load_settings({"LEADS_HOME": str(self.home), **environ}, cwd=self.home)

    def write(self, rows: Rows, header: Sequence[str] = HEADER) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        self.sheet.write_text(text.getvalue(), encoding="utf-8")

    @contextmanager
    def open(self) -> Iterator[Workspace]:
        with open_workspace(self.settings, "acme") as ws:
            yield ws

    def sync(self, rows: Rows | None = None, header: Sequence[str] = HEADER) -> SyncResult:
        if rows is not None:
            self.write(rows, header)
        with self.open() as ws:
            result = run_cycle(ws)
        assert result.rows.adds_up, result
        return result

    def all(self, table: str, *where: ColumnElement[bool]) -> list[dict[str, Any]]:
        with self.open() as ws, reading(ws.engine) as connection:
            chosen = tables.metadata.tables[table]
            return [dict(row._mapping) for row in connection.execute(select(chosen).where(*where))]

    def leads(self) -> list[dict[str, Any]]:
        """Active leads, by name."""
        active = (tables.leads.c.archived_at.is_(None), tables.leads.c.merged_into.is_(None))
        return sorted(self.all("leads", *active), key=lambda lead: (lead["full_name"] or "", lead["email"] or ""))

    def crm(self) -> list[dict[str, Any]]:
        from leads_dagster.mirrors.crm import CrmStore

        with CrmStore(self.settings.crm_url) as store:
            return list(store.rows([lead["id"] for lead in self.all("leads")]).values())


@pytest.fixture
def road(make_road: Callable[..., Road]) -> Road:
    """A road with default policy."""
    return make_road()


@pytest.fixture
def make_road(tmp_path: Path, fresh_database: Callable[[], dict[str, str]]) -> Callable[..., Road]:
    """Roads with a policy of their own: keys of the customer as TOML; each with databases of its own."""
    made = 0

    def make(toml: str = "", environ: dict[str, str] | None = None) -> Road:
        nonlocal made
        made += 1
        return Road(tmp_path / f"home{made}", toml=toml, environ={**fresh_database(), **(environ or {})})

    return make


@pytest.fixture
def fresh_database() -> Callable[[], dict[str, str]]:
    """The environment of a road: SQLite files in its state folder, which is what holds without any."""
    return dict


@pytest.fixture(params=["sqlite", "postgresql"])
def on_both(request: pytest.FixtureRequest) -> Iterator[Callable[[], dict[str, str]]]:
    """Environments of roads on either kind of database; a file's `fresh_database` asks for it."""
    if request.param == "sqlite":
        yield dict
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with ExitStack() as databases:

        def fresh() -> dict[str, str]:
            leads, crm = (databases.enter_context(server.database(upgraded=upgraded)) for upgraded in (True, False))
            return {"LEADS_DATABASE_URL": leads, "LEADS_CRM_URL": crm}

        yield fresh


@pytest.fixture(scope="session")
def one_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Sandbox:
    """The twin with one empty table of leads, which takes as many calls a second as there are."""
    one_sandbox.reset()
    return one_sandbox
