"""A stage without a live system: the twin serves, and nobody answers where the API would be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leads_dagster.demo.stage import Stage
from leads_dagster.demo.team import bases, write_sheet
from leads_dagster.sandbox import Sandbox

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(bases(), write_sheet(tmp_path / "sheets", rows=20).parent) as serving:
        yield serving


@pytest.fixture
def stage(twin: Sandbox) -> Iterator[Stage]:
    made = Stage(twin, NOBODY)
    yield made
    made.close()
