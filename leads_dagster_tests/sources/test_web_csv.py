"""A plain GET gives the sheet, "not modified", or words about what came in its place."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest

from leads_dagster.errors import AccessError, LeadsError, ServiceUnavailableError, SheetFormatError, SheetNotSharedError
from leads_dagster.sources.fetched import Fetched, NotModified, SheetMarker, checksum_of
from leads_dagster.sources.google_sheets import fetch_sheet
from leads_dagster.sources.http import LeadsHttp
from leads_dagster.sources.sheet_address import parse_sheet
from leads_dagster_tests.sources.scripted_server import Reply, ScriptedServer

ID = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms"
PUBLISHED = "2PACX-1vQx0Zr3mJp"
EXPORT = f"/spreadsheets/d/{ID}/export"
PUB = f"/spreadsheets/d/e/{PUBLISHED}/pub"
PAGE = Reply(body=b"<!doctype html><title>Sign in</title>", headers={"Content-Type": "text/html; charset=utf-8"})
LOGIN = Reply(302, b"", {"Location": "https://accounts.google.com/v3/signin", "Content-Type": "text/html"})
OLD = {"Last-Modified": "Sun, 01 Nov 2026 10:00:00 GMT", "Date": "Sun, 01 Nov 2026 12:00:00 GMT"}


def fetch(
    server: ScriptedServer, http: LeadsHttp, sheet: str, previous: SheetMarker | None = None
) -> Fetched | NotModified:
    return fetch_sheet(parse_sheet(sheet), http=http, previous=previous, max_bytes=10_000, sheets_endpoint=server.url)


def fetched(server: ScriptedServer, http: LeadsHttp, sheet: str) -> Fetched:
    found = fetch(server, http, sheet)
    assert isinstance(found, Fetched)
    return found


def refusal(server: ScriptedServer, http: LeadsHttp, sheet: str) -> LeadsError:
    with pytest.raises(LeadsError) as refused:
        fetch(server, http, sheet)
    assert refused.value.advice
    return refused.value


def test_a_google_sheet_is_exported(server: ScriptedServer, http: LeadsHttp) -> None:
    server.on(EXPORT, Reply())
    found = fetched(server, http, f"{ID}")
    assert (found.data, found.checksum, found.warnings) == (Reply().body, checksum_of(Reply().body), ())
    assert server.asked[0].query == {"format": ["csv"], "gid": ["0"]}


def test_retries_are_counted(server: ScriptedServer, http: LeadsHttp) -> None:
    server.on(EXPORT, Reply(503), Reply())
    found = fetched(server, http, ID)
    assert (found.calls, found.retries, found.bytes) == (2, 1, len(Reply().body))


def test_without_tab_0_and_no_tab_named_the_first_one_is_read(server: ScriptedServer, http: LeadsHttp) -> None:
    server.on(EXPORT, Reply(400), Reply())
    found = fetched(server, http, ID)
    assert (found.data, found.calls) == (Reply().body, 2)
    assert server.asked[1].query == {"format": ["csv"]}


def test_a_tab_that_is_named_and_not_there_is_not_replaced_by_another(server: ScriptedServer, http: LeadsHttp) -> None:
    server.on(EXPORT, Reply(400))
    error = refusal(server, http, f"sheet:{ID}#7")
    assert isinstance(error, AccessError)
    assert "tab 7" in error.message
    assert len(server.asked) == 1


def test_an_export_that_redirects_is_followed(server: ScriptedServer, http: LeadsHttp) -> None:
    server.on("/content", Reply())
    server.on(EXPORT, Reply(307, b"", {"Location": "/content", "Content-Type": "text/html"}))
    assert fetched(server, http, ID).data == Reply().body


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (LOGIN, "Google asks for a login"),
        (PAGE, "Google answers with a web page instead of CSV"),
        (replace(PAGE, headers={"Content-Type": "text/csv"}), "Google answers with a web page instead of CSV"),
        (Reply(body=b"\xef\xbb\xbf\n <html>"), "Google answers with a web page instead of CSV"),
        (Reply(headers={"Content-Type": "Text/HTML"}), "Google answers with a web page instead of CSV"),
        (Reply(401), "Google answers 401"),
        (Reply(403), "Google answers 403"),
        (Reply(404), "Google answers 404"),
        (Reply(410), "Google answers 410"),
    ],
)
def test_what_google_sends_in_place_of_a_private_sheet_is_never_data(
    server: ScriptedServer, http: LeadsHttp, reply: Reply, words: str
) -> None:
    server.on(EXPORT, reply)
    error = refusal(server, http, ID)
    assert isinstance(error, SheetNotSharedError)
    assert error.message == f"This sheet is not shared with us ({words})."
    assert "Share" in error.advice
    assert "GOOGLE_APPLICATION_CREDENTIALS" in error.advice
    assert error.exit_code == 1


def test_a_published_sheet_is_said_to_be_late(server: ScriptedServer, http: LeadsHttp) -> None:
    server.on(PUB, Reply())
    found = fetched(server, http, f"https://docs.google.com/spreadsheets/d/e/{PUBLISHED}/pubhtml?gid=7")
    assert "up to 5 minutes old" in found.warnings[0]
    assert server.asked[0].query == {"output": ["csv"], "single": ["true"], "gid": ["7"]}


def test_a_sheet_no_longer_published_is_not_shared(server: ScriptedServer, http: LeadsHttp) -> None:
    server.on(PUB, PAGE)
    error = refusal(server, http, PUBLISHED)
    assert isinstance(error, SheetNotSharedError)
    assert "Publish to web" in error.advice


def test_gzip_is_unpacked_before_it_is_counted(server: ScriptedServer, http: LeadsHttp) -> None:
    body = b"Name\n" + b"Ada\n" * 1000
    url = server.on("/a.csv", Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"}))
    found = fetched(server, http, url)
    assert (found.data, found.checksum) == (body, checksum_of(body))


@pytest.mark.parametrize("headers", [{"ETag": '"v1"'}, {**OLD}, {"ETag": '"v1"', **OLD}])
def test_a_server_that_can_tell_is_asked_whether_anything_changed(
    server: ScriptedServer, http: LeadsHttp, headers: dict[str, str]
) -> None:
    url = server.on("/a.csv", Reply(headers=headers), Reply(304), Reply(304))
    first = fetched(server, http, url)
    marker = SheetMarker.from_dict(first.marker.as_dict())
    again = fetch(server, http, url, marker)
    assert isinstance(again, NotModified)
    assert (again.checksum, again.bytes, again.calls) == (first.checksum, first.bytes, 1)
    asked = server.asked[1].headers
    assert (asked.get("if-none-match"), asked.get("if-modified-since")) == (
        headers.get("ETag"),
        headers.get("Last-Modified"),
    )
    assert isinstance(fetch(server, http, url, again.marker), NotModified)


def test_a_sheet_of_this_very_second_is_asked_for_whole_next_time(server: ScriptedServer, http: LeadsHttp) -> None:
    """A second edit in the same second would leave Last-Modified, and ETags made of it, as they are."""
    young = {"ETag": '"5f-63"', "Last-Modified": OLD["Last-Modified"], "Date": OLD["Last-Modified"]}
    url = server.on("/a.csv", Reply(headers=young))
    fetch(server, http, url, fetched(server, http, url).marker)
    assert "if-none-match" not in server.asked[1].headers
    assert "if-modified-since" not in server.asked[1].headers


def test_a_changed_sheet_is_read_whatever_was_known(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/a.csv", Reply(headers={"ETag": '"v1"'}), Reply(body=b"new", headers={"ETag": '"v2"'}))
    again = fetch(server, http, url, fetched(server, http, url).marker)
    assert isinstance(again, Fetched)
    assert (again.data, again.marker.etag) == (b"new", '"v2"')


def test_a_marker_of_another_sheet_is_passed_over(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/a.csv", Reply())
    fetch(server, http, url, SheetMarker("url:http://other/", etag='"v1"'))
    assert "if-none-match" not in server.asked[0].headers


def test_a_304_that_nobody_asked_for_is_refused(server: ScriptedServer, http: LeadsHttp) -> None:
    error = refusal(server, http, server.on("/a.csv", Reply(304)))
    assert isinstance(error, AccessError)


def test_what_is_learned_while_nothing_changes_is_used(server: ScriptedServer, http: LeadsHttp) -> None:
    """The caller keeps the marker of the last change; this process knows a better one of the same bytes."""
    young = Reply(headers={"ETag": '"v1"', "Last-Modified": OLD["Last-Modified"], "Date": OLD["Last-Modified"]})
    url = server.on("/a.csv", young, Reply(headers={"ETag": '"v1"', **OLD}), Reply(304))
    stored = fetched(server, http, url).marker
    assert isinstance(fetch(server, http, url, stored), Fetched)
    assert isinstance(fetch(server, http, url, stored), NotModified)


def test_what_was_learned_of_other_bytes_is_not_used(server: ScriptedServer, http: LeadsHttp) -> None:
    """A fetch that came to nothing must not make its bytes count as known."""
    url = server.on("/a.csv", Reply(headers={"ETag": '"v1"'}), Reply(body=b"new", headers={"ETag": '"v2"'}))
    stored = fetched(server, http, url).marker
    fetch(server, http, url, stored)
    fetch(server, http, url, stored)
    assert server.asked[2].headers["if-none-match"] == '"v1"'


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (PAGE, "answers with a web page instead of CSV"),
        (Reply(body=b"\n<html>"), "answers with a web page instead of CSV"),
        (Reply(401), "answers 401"),
        (Reply(403), "answers 403"),
        (Reply(404), "answers 404"),
        (LOGIN, "asks for a login"),
    ],
)
def test_another_server_is_not_called_google(server: ScriptedServer, http: LeadsHttp, reply: Reply, words: str) -> None:
    error = refusal(server, http, server.on("/a.csv", reply) + "?key=s3cret")
    assert isinstance(error, SheetNotSharedError)
    assert error.message == f"This sheet is not shared with us ({server.url}/a.csv?… {words})."
    assert "without a login" in error.advice
    assert "s3cret" not in str(error)


def test_any_other_refusal_is_told_with_its_status(server: ScriptedServer, http: LeadsHttp) -> None:
    error = refusal(server, http, server.on("/a.csv", Reply(418)))
    assert type(error) is AccessError
    assert "(418)" in error.message


def test_a_sheet_over_the_limit_is_refused(server: ScriptedServer, http: LeadsHttp) -> None:
    error = refusal(server, http, server.on("/a.csv", Reply(body=b"x" * 10_001)))
    assert isinstance(error, SheetFormatError)


def test_a_cut_connection_is_not_a_short_sheet(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/a.csv", Reply(body=b"Name\n" * 1000, cut_after=500))
    with pytest.raises(ServiceUnavailableError):
        fetch(server, http, url)


def test_a_login_in_the_address_is_sent(server: ScriptedServer, http: LeadsHttp) -> None:
    server.on("/a.csv", Reply())
    found = fetched(server, http, f"http://me:pw@{server.host}/a.csv")
    assert server.asked[0].headers["authorization"].startswith("Basic ")
    assert found.marker.source == f"url:{server.url}/a.csv"
