"""What Google puts on the wire, claim by claim, where no recording and no other test here holds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from leads_dagster.sandbox import Sandbox

CELLS = 'Name,Note\n"Lee, Ann",\n\nBob,"says ""hi"""\n,\n'


@pytest.fixture
def google(sandbox: Sandbox, sheets: Path) -> Iterator[httpx.Client]:
    (sheets / "leads.csv").write_text(CELLS)
    with httpx.Client(base_url=sandbox.url, follow_redirects=True) as client:
        yield client


def test_a_bare_quoted_title_is_the_whole_tab_without_its_empty_ends(google: httpx.Client) -> None:
    answer = google.get("/v4/spreadsheets/leads/values/'leads'").json()
    assert answer["values"] == [["Name", "Note"], ["Lee, Ann"], [], ["Bob", 'says "hi"']]
    assert (answer["range"], answer["majorDimension"]) == ("leads!A1:Z1000", "ROWS")


def test_an_empty_range_has_no_values(google: httpx.Client) -> None:
    assert google.get("/v4/spreadsheets/leads/values/leads!Y1:Z9").json() == {
        "range": "leads!Y1:Z9",
        "majorDimension": "ROWS",
    }


def test_a_title_is_quoted_only_where_it_must_be(google: httpx.Client, sheets: Path) -> None:
    folder = sheets / "book"
    folder.mkdir()
    for title in ("plain", "two words", "A1"):
        (folder / f"{title}.csv").write_text("x\n")
    ranges = [
        google.get(f"/v4/spreadsheets/book/values/'{title}'").json()["range"] for title in ("plain", "two words", "A1")
    ]
    assert ranges == ["plain!A1:Z1000", "'two words'!A1:Z1000", "'A1'!A1:Z1000"]


def test_metadata_says_the_first_tab_is_number_0_and_holds_no_cells(google: httpx.Client) -> None:
    answer = google.get("/v4/spreadsheets/leads?includeGridData=false").json()
    assert answer["sheets"][0]["properties"]["sheetId"] == 0
    assert "data" not in answer["sheets"][0]


def test_what_is_not_there_or_not_shared_is_refused_in_words(sandbox: Sandbox, google: httpx.Client) -> None:
    missing = google.get("/v4/spreadsheets/none").json()
    assert missing == {"error": {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"}}
    httpx.post(f"{sandbox.url}/sandbox/sheets/leads", json={"refuse": 403}).raise_for_status()
    closed = google.get("/v4/spreadsheets/leads").json()["error"]
    assert (closed["code"], closed["status"]) == (403, "PERMISSION_DENIED")
    assert closed["message"] == "The caller does not have permission"


def test_a_spent_quota_says_which_and_not_for_how_long(sandbox: Sandbox, google: httpx.Client) -> None:
    sandbox.faults.add({"kind": "status", "status": 429, "times": 1, "service": "google"})
    refused = google.get("/v4/spreadsheets/leads")
    assert "retry-after" not in refused.headers
    detail = refused.json()["error"]["details"][0]
    assert detail["reason"] == "RATE_LIMIT_EXCEEDED"
    assert detail["metadata"]["quota_limit"] == "ReadRequestsPerMinutePerUser"


@pytest.mark.parametrize(
    "path", ["/drive/v3/files/leads/export?mimeType=text/csv", "/spreadsheets/d/leads/export?format=csv"]
)
def test_an_export_has_no_mark_no_last_newline_and_quotes_only_where_needed(google: httpx.Client, path: str) -> None:
    assert google.get(path).content == b'Name,Note\r\n"Lee, Ann",\r\n,\r\nBob,"says ""hi"""'


def test_a_published_sheet_is_the_same_with_rows_of_one_width(google: httpx.Client) -> None:
    answer = google.get("/spreadsheets/d/e/2PACX-leads/pub?output=csv")
    assert answer.content == b'Name,Note\r\n"Lee, Ann",\r\n,\r\nBob,"says ""hi"""'
    assert answer.history[0].headers["content-type"].startswith("text/html")
