"""A running twin, as new for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyairtable import Api, Table

from leads_dagster.sandbox import Sandbox

BASE = "appLeadsSandbox01"


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    folder = tmp_path / "sheets"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture
def sandbox(running: Sandbox, sheets: Path) -> Sandbox:
    """One server for all tests, emptied for each, with a folder of sheets of the test's own."""
    running.reset()
    running.folder.folder = sheets
    return running


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    api = Api("patAnyKey", endpoint_url=sandbox.url, retry_strategy=None)
    yield api
    api.session.close()


@pytest.fixture
def table(api: Api) -> Table:
    return api.table(BASE, "Leads")
