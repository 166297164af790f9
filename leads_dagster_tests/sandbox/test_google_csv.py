"""The CSV addresses: redirects, bodies, caching headers, refusals, odd encodings, changes that show at once."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from leads_dagster.sandbox import Sandbox


def fetch(url: str, **options: object) -> httpx.Response:
    return httpx.get(url, follow_redirects=True, **options)


def test_an_export_redirects_and_then_is_csv(sandbox: Sandbox, sheets: Path) -> None:
    (sheets / "leads.csv").write_text('Name,Note\r\nAnn,"a, b"\r\nBob,\r\n')
    answer = fetch(sandbox.sheet_url("leads"))
    assert [each.status_code for each in answer.history] == [307]
    assert answer.history[0].headers["content-type"].startswith("text/html")
    assert answer.headers["content-type"] == "text/csv"
    assert answer.content == b'Name,Note\r\nAnn,"a, b"\r\nBob,'
    assert "etag" not in answer.headers


def test_the_redirect_is_short_lived(sandbox: Sandbox, sheets: Path) -> None:
    (sheets / "leads.csv").write_text("Name\nAnn\n")
    location = httpx.get(sandbox.sheet_url("leads")).headers["location"]
    assert httpx.get(location).status_code == 200
    sandbox.clock.advance(120)
    assert httpx.get(location).status_code == 403


def test_a_published_sheet_may_be_five_minutes_old_and_says_so(sandbox: Sandbox, sheets: Path) -> None:
    (sheets / "leads.csv").write_text("Name,Age\nAnn,5,\nBob\n")
    answer = fetch(f"{sandbox.url}/spreadsheets/d/e/2PACX-leads/pub?output=csv")
    assert answer.history[0].status_code == 307
    assert answer.headers["cache-control"] == "private, max-age=300"
    assert answer.content == b"Name,Age\r\nAnn,5\r\nBob,"


def test_a_saved_file_shows_at_once(sandbox: Sandbox, sheets: Path) -> None:
    file = sheets / "leads.csv"
    file.write_text("Name\nAnn\n")
    assert fetch(sandbox.sheet_url("leads")).text == "Name\r\nAnn"
    file.write_text("Name\nBob\n")
    os.utime(file, ns=(1, file.stat().st_mtime_ns + 1))
    assert fetch(sandbox.sheet_url("leads")).text == "Name\r\nBob"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Name;Ort\nJörg;Köln\n".encode("utf-16"), "Name,Ort\r\nJörg,Köln"),
        (b"\xef\xbb\xbfName\nJ\xc3\xb6rg\n", "Name\r\nJörg"),
        ("Name\tOrt\nJörg\tKöln\n".encode("cp1252"), "Name,Ort\r\nJörg,Köln"),
        (b'Name,Note\n"a;b;c","two\nlines"\n', 'Name,Note\r\na;b;c,"two\nlines"'),
        (b"", ""),
    ],
)
def test_a_file_in_any_encoding_is_the_sheet_as_google_would_have_it(
    sandbox: Sandbox, sheets: Path, data: bytes, text: str
) -> None:
    (sheets / "odd.csv").write_bytes(data)
    assert fetch(sandbox.sheet_url("odd")).content == text.encode()


@pytest.mark.parametrize("name", ["german-Kunden-utf16le-semicolon", "salesforce-accountData", "us-500"])
def test_every_row_of_a_sample_is_exported(sandbox: Sandbox, shared_data: Path, name: str) -> None:
    sandbox.folder.folder = shared_data / "leads"
    rows = {"german-Kunden-utf16le-semicolon": 50, "salesforce-accountData": 423, "us-500": 500}
    grid = sandbox.folder.find(name).tabs[0].grid()
    assert len(grid) == rows[name] + 1
    assert fetch(sandbox.sheet_url(name)).content.startswith(",".join(grid[0])[:10].encode())


def test_a_sheet_that_is_not_shared_answers_with_a_login_page(sandbox: Sandbox, sheets: Path) -> None:
    (sheets / "leads.csv").write_text("Name\nAnn\n")
    httpx.post(f"{sandbox.url}/sandbox/sheets/leads", json={"refuse": "login"}).raise_for_status()
    answer = fetch(sandbox.sheet_url("leads"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.content.startswith(b"<")
    assert "accounts.google.com" in str(answer.url)
    assert fetch(f"{sandbox.url}/v4/spreadsheets/leads").json()["error"]["status"] == "PERMISSION_DENIED"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_sheet_can_refuse_with_a_status(sandbox: Sandbox, sheets: Path, status: int) -> None:
    (sheets / "leads.csv").write_text("Name\nAnn\n")
    httpx.post(f"{sandbox.url}/sandbox/sheets/leads", json={"refuse": status}).raise_for_status()
    answer = fetch(sandbox.sheet_url("leads"))
    assert (answer.status_code, answer.content[:1]) == (status, b"<")


@pytest.mark.parametrize("name", ["nope", "..%2Fsecret", ".hidden", "a%5Cb"])
def test_a_sheet_that_is_not_there_is_a_404(sandbox: Sandbox, sheets: Path, name: str) -> None:
    (sheets.parent / "secret.csv").write_text("no\n")
    (sheets / ".hidden.csv").write_text("no\n")
    assert fetch(f"{sandbox.url}/spreadsheets/d/{name}/export?format=csv").status_code == 404


def test_tabs_have_ids_of_their_own(sandbox: Sandbox, sheets: Path) -> None:
    (sheets / "book.csv").write_text("first\n")
    (sheets / "book").mkdir()
    (sheets / "book" / "Second tab.csv").write_text("second\n")
    tabs = sandbox.folder.find("book").tabs
    assert [tab.title for tab in tabs] == ["book", "Second tab"]
    assert fetch(sandbox.sheet_url("book")).text == "first"
    assert fetch(sandbox.sheet_url("book", tabs[1].gid)).text == "second"
    assert fetch(sandbox.sheet_url("book", 12345)).status_code == 400


def test_a_plain_file_is_served_as_it_is_with_conditions(sandbox: Sandbox, sheets: Path) -> None:
    data = "Name;Ort\nJörg;Köln\n".encode("cp1252")
    (sheets / "plain.csv").write_bytes(data)
    url = f"{sandbox.url}/files/plain.csv"
    answer = httpx.get(url)
    assert answer.content == data
    etag, modified = answer.headers["etag"], answer.headers["last-modified"]
    assert httpx.get(url, headers={"If-None-Match": etag}).status_code == 304
    assert httpx.get(url, headers={"If-Modified-Since": modified}).status_code == 304
    (sheets / "plain.csv").write_bytes(data + b"x;y\n")
    assert httpx.get(url, headers={"If-None-Match": etag}).status_code == 200


def test_exports_are_conditional_only_on_request(sheets: Path) -> None:
    (sheets / "leads.csv").write_text("Name\nAnn\n")
    with Sandbox(sheets=sheets, conditional=True) as sandbox:
        etag = fetch(sandbox.sheet_url("leads")).headers["etag"]
        assert fetch(sandbox.sheet_url("leads"), headers={"If-None-Match": etag}).status_code == 304
