"""Fixtures that several test packages share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real-shaped sample files beside the checkout; `LEADS_TEST_DATA` names another place."""
    return Path(os.environ.get("LEADS_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
