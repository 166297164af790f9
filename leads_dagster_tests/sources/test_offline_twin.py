"""Every way to a sheet, against the offline twin of Google."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leads_dagster.errors import RateLimitedError, SheetNotSharedError
from leads_dagster.sandbox.server import Sandbox
from leads_dagster.sources.fetched import Fetched, NotModified, SheetMarker
from leads_dagster.sources.google_sheets import fetch_sheet
from leads_dagster.sources.http import LeadsHttp
from leads_dagster.sources.sheet_address import parse_sheet

DOCS = "https://docs.google.com/spreadsheets/d"
LEADS = b"Name,Zip\nAda,00742\nBob,\n"
Fetch = Callable[..., Fetched | NotModified]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "sheets"
    path.mkdir()
    (path / "leads.csv").write_bytes(LEADS)
    (path / "shut.csv").write_bytes(LEADS)
    (path / "hidden.csv").write_bytes(LEADS)
    refusals = {"shut": {"refuse": "login"}, "hidden": {"refuse": 404}}
    (path / "sheets.json").write_text(json.dumps({"spreadsheets": refusals}))
    return path


@pytest.fixture
def twin(folder: Path) -> Iterator[Sandbox]:
    with Sandbox(sheets=folder, conditional=True) as running:
        yield running


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"type": "sandbox", "client_email": "robot@example.com"}))
    return path


@pytest.fixture
def fetch(twin: Sandbox, http: LeadsHttp) -> Fetch:
    def fetch(sheet: str, previous: SheetMarker | None = None, key: Path | None = None) -> Fetched | NotModified:
        address = parse_sheet(sheet)
        return fetch_sheet(address, http=http, credentials=key, previous=previous, sheets_endpoint=twin.url)

    return fetch


def data(found: Fetched | NotModified) -> bytes:
    assert isinstance(found, Fetched)
    return found.data


def rows(found: Fetched | NotModified) -> list[bytes]:
    return data(found).splitlines()


@pytest.mark.parametrize("link", ["edit#gid=0", "edit", "export?format=csv", "htmlview#gid=0"])
def test_a_sheet_is_exported_through_googles_redirect(fetch: Fetch, link: str) -> None:
    assert rows(fetch(f"{DOCS}/leads/{link}")) == LEADS.splitlines()


def test_a_published_sheet_is_read_and_said_to_be_late(fetch: Fetch) -> None:
    found = fetch(f"{DOCS}/e/2PACX-leads/pubhtml")
    assert rows(found) == LEADS.splitlines()
    assert "5 minutes" in found.warnings[0]


def test_the_twins_own_address_is_an_address_like_any_other(fetch: Fetch, twin: Sandbox) -> None:
    assert rows(fetch(twin.sheet_url("leads"))) == LEADS.splitlines()
    assert data(fetch(f"{twin.url}/files/leads.csv")) == LEADS


@pytest.mark.parametrize("sheet", ["shut", "hidden", "nowhere"])
def test_a_sheet_that_is_not_shared_is_refused_in_words(fetch: Fetch, sheet: str) -> None:
    with pytest.raises(SheetNotSharedError, match="not shared with us") as refused:
        fetch(f"{DOCS}/{sheet}/edit")
    assert "Share" in refused.value.advice


def test_an_unchanged_file_is_not_sent_again(fetch: Fetch, twin: Sandbox, folder: Path) -> None:
    os.utime(folder / "leads.csv", (1_700_000_000, 1_700_000_000))
    url = f"{twin.url}/files/leads.csv"
    first = fetch(url)
    assert isinstance(fetch(url, first.marker), NotModified)
    (folder / "leads.csv").write_bytes(LEADS + b"Eva,1\n")
    assert data(fetch(url, first.marker)) == LEADS + b"Eva,1\n"


def test_passing_faults_are_ridden_out(fetch: Fetch, twin: Sandbox) -> None:
    twin.faults.replace([{"kind": "drop", "times": 1}, {"kind": "status", "skip": 1, "times": 1}])
    found = fetch(f"{DOCS}/leads/edit")
    assert (rows(found), found.retries) == (LEADS.splitlines(), 2)


def test_the_api_gives_strings_and_asks_drive_first(fetch: Fetch, key: Path) -> None:
    found = fetch(f"{DOCS}/leads/edit", key=key)
    assert data(found) == LEADS
    assert found.marker.drive_version
    assert found.calls == 3


def test_the_api_is_asked_for_the_cells_only_when_drive_says_so(fetch: Fetch, key: Path, folder: Path) -> None:
    first = fetch(f"{DOCS}/leads/edit", key=key)
    again = fetch(f"{DOCS}/leads/edit", first.marker, key)
    assert isinstance(again, NotModified)
    assert again.calls == 1
    (folder / "leads.csv").write_bytes(LEADS + b"Eva,1\n")
    changed = fetch(f"{DOCS}/leads/edit", first.marker, key)
    assert data(changed) == LEADS + b"Eva,1\n"
    assert changed.calls == 2


def test_the_api_refuses_with_the_address_to_share_with(fetch: Fetch, key: Path) -> None:
    with pytest.raises(SheetNotSharedError) as refused:
        fetch(f"{DOCS}/nowhere/edit", key=key)
    assert "robot@example.com" in refused.value.advice


def test_a_used_up_quota_is_a_failure_that_passes(fetch: Fetch, key: Path, twin: Sandbox) -> None:
    twin.faults.replace([{"kind": "status", "status": 429, "path": "/v4/"}])
    with pytest.raises(RateLimitedError):
        fetch(f"{DOCS}/leads/edit", key=key)
