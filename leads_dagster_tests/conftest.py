"""Fixtures that several test packages share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real-shaped sample files beside the checkout; `LEADS_TEST_DATA` names another place.

    Tests that want it are skipped where there is none, and fail where the one that was named is not there.
    """
    if named := os.environ.get("LEADS_TEST_DATA"):
        return Path(named)
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no sample files in {folder}; LEADS_TEST_DATA names their folder")
    return folder


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_counts() -> None:
    """A shell that starts the tests in the background has SIGINT ignored, and so would all programs they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
