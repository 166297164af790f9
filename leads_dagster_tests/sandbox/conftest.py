"""A running twin for each test that asks for one."""

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


@pytest.fixture
def sandbox(sheets: Path) -> Iterator[Sandbox]:
    with Sandbox(sheets=sheets) as running:
        yield running


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    api = Api("patAnyKey", endpoint_url=sandbox.url, retry_strategy=None)
    yield api
    api.session.close()


@pytest.fixture
def table(api: Api) -> Table:
    return api.table(BASE, "Leads")
