"""Reads of the Sheets API stay within Google's quotas; after a refusal everybody rests for a minute."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.budget import Budget, BudgetPlace, LimitStatus, budget_status
from leads_dagster.errors import RateLimitedError
from leads_dagster.sandbox import Sandbox
from leads_dagster.sources.fetched import Fetched
from leads_dagster.sources.google_budget import project_of
from leads_dagster.sources.google_sheets import fetch_sheet
from leads_dagster.sources.http import LeadsHttp
from leads_dagster.sources.sheet_address import parse_sheet

LINK = "https://docs.google.com/spreadsheets/d/leads/edit"
READS_A_FETCH = 2  # the title and the cells


@dataclass(frozen=True)
class PlaceOnTwinsTime(BudgetPlace):
    """The twin's clock is the budget's, and sleeping takes no time."""

    twin: Sandbox | None = None

    def open(self, limits: Any) -> Budget:
        assert self.twin is not None
        clock = self.twin.clock
        return Budget(self.home, limits, clock=lambda: clock.now().timestamp(), sleep=clock.advance)


class Reader:
    """A process that reads the sheet through the API."""

    def __init__(self, twin: Sandbox, http: LeadsHttp, tmp_path: Path) -> None:
        self.twin, self.http = twin, http
        self.key = tmp_path / "key.json"
        self.key.write_text(json.dumps({"type": "sandbox", "client_email": "robot@sales.iam.gserviceaccount.com"}))
        self.place = PlaceOnTwinsTime(tmp_path / "home", None, twin)

    def fetch(self) -> bytes:
        found = fetch_sheet(
            parse_sheet(LINK), http=self.http, credentials=self.key, sheets_endpoint=self.twin.url, budget=self.place
        )
        assert isinstance(found, Fetched)
        return found.data

    def user(self) -> LimitStatus:
        """What is used of the user's quota."""
        clock = self.twin.clock
        found = budget_status(self.place.home, clock=lambda: clock.now().timestamp())
        return next(one for one in found if "user" in one.name)

    def reads(self) -> int:
        return sum("/v4/" in asked["path"] for asked in self.twin.requests.last)


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Sandbox]:
    folder = tmp_path / "sheets"
    folder.mkdir()
    (folder / "leads.csv").write_bytes(b"Name\nAda\n")
    with Sandbox(sheets=folder, limits=True) as running:
        yield running


@pytest.fixture
def reader(twin: Sandbox, http: LeadsHttp, tmp_path: Path) -> Reader:
    return Reader(twin, http, tmp_path)


def test_as_many_reads_as_the_quota_allows_are_made_and_none_is_refused(reader: Reader, twin: Sandbox) -> None:
    for _ in range(60 // READS_A_FETCH):
        reader.fetch()
    with pytest.raises(RateLimitedError, match="used up for another") as refused:
        reader.fetch()

    assert reader.reads() == 60
    assert 30 < refused.value.retry_after_seconds <= 60.1
    twin.clock.advance(refused.value.retry_after_seconds)
    assert reader.fetch() == b"Name\nAda\n"
    assert twin.requests.count(status=429) == 0


def test_a_quota_that_is_nearly_free_again_is_waited_for(reader: Reader, twin: Sandbox) -> None:
    for _ in range(60 // READS_A_FETCH):
        reader.fetch()
    twin.clock.advance(45)
    reader.fetch()

    assert reader.reads() == 62
    assert twin.requests.count(status=429) == 0


def test_after_a_refusal_nobody_asks_for_a_minute(reader: Reader, twin: Sandbox) -> None:
    twin.faults.add({"kind": "status", "status": 429, "path": "/v4/", "times": 1})
    with pytest.raises(RateLimitedError, match="too often"):
        reader.fetch()
    for _ in range(5):
        with pytest.raises(RateLimitedError, match="used up for another"):
            reader.fetch()

    assert reader.reads() == 1
    assert reader.user().rests == 1
    twin.clock.advance(60)
    reader.fetch()
    assert reader.reads() == 1 + READS_A_FETCH


def test_what_is_asked_of_drive_is_no_read(reader: Reader, twin: Sandbox) -> None:
    reader.fetch()

    assert twin.requests.count(route="drive") == 1
    assert reader.user().month_calls == READS_A_FETCH


def test_the_user_is_named_by_a_hash_only(reader: Reader) -> None:
    reader.fetch()
    kept = b"".join(path.read_bytes() for path in reader.place.home.iterdir())

    assert b"robot" not in kept


@pytest.mark.parametrize(
    ("email", "project"),
    [("robot@sales.iam.gserviceaccount.com", "sales"), ("", "login"), ("ada@example.com", "example")],
)
def test_the_project_is_that_of_the_service_account(email: str, project: str) -> None:
    assert project_of(email) == project
