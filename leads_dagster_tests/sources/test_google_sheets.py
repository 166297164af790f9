"""With credentials a private sheet is read through Google's API: Drive first, strings only, few calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from leads_dagster.errors import (
    AccessError,
    CredentialsError,
    LeadsError,
    RateLimitedError,
    ServiceUnavailableError,
    SheetFormatError,
    SheetNotSharedError,
)
from leads_dagster.sources.fetched import Fetched, Moved, NotModified, SheetMarker
from leads_dagster.sources.google_sheets import FULL_READ_SECONDS, TITLE_TRUSTED_SECONDS, fetch_sheet, peek_at_sheet
from leads_dagster.sources.http import LeadsHttp
from leads_dagster.sources.sheet_address import parse_sheet
from leads_dagster_tests.sources.scripted_server import Reply, ScriptedServer

ID = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms"
DRIVE = f"/drive/v3/files/{ID}"
META = f"/v4/spreadsheets/{ID}"
CELLS = [["Name", "Zip", "Amount", "Note"], ["Ada, Countess", "00742", "5.10"], [], ["Bob", "", "", 'a "b"\nc']]
EMAIL = "robot@project.iam.gserviceaccount.com"


def as_json(body: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def drive(version: int) -> Reply:
    return as_json({"version": str(version), "modifiedTime": f"2026-11-01T10:00:{version:02}.000Z"})


def tabs(**titles: int) -> Reply:
    return as_json({"sheets": [{"properties": {"sheetId": gid, "title": title}} for title, gid in titles.items()]})


def values(cells: list[list[Any]]) -> Reply:
    return as_json({"range": "Leads!A1:Z1000", "majorDimension": "ROWS", "values": cells})


def values_path(title: str) -> str:
    return f"/v4/spreadsheets/{ID}/values/{quote(chr(39) + title + chr(39), safe='')}"


def refused(code: int, status: str, message: str = "no", **more: Any) -> Reply:
    return as_json({"error": {"code": code, "message": message, "status": status, **more}}, code)


class Sheet:
    """Fetches one sheet through the API at `server`, at a time that the test sets."""

    def __init__(self, server: ScriptedServer, http: LeadsHttp, key: Path) -> None:
        self.server, self.http, self.key = server, http, key
        self.now = 1_790_000_000.0
        self.answers()

    def answers(self) -> None:
        self.server.on(DRIVE, drive(1))
        self.server.on(META, tabs(Leads=0))
        self.server.on(values_path("Leads"), values(CELLS))

    def fetch(self, previous: SheetMarker | None = None, *, gid: int | None = None) -> Fetched | NotModified:
        return fetch_sheet(
            parse_sheet(ID if gid is None else f"sheet:{ID}#{gid}"),
            http=self.http,
            credentials=self.key,
            previous=previous,
            max_bytes=10_000,
            sheets_endpoint=self.server.url,
            clock=lambda: self.now,
        )

    def peek(self, previous: SheetMarker, *, may_read: bool) -> Fetched | NotModified | Moved:
        return peek_at_sheet(
            parse_sheet(ID),
            http=self.http,
            credentials=self.key,
            previous=previous,
            sheets_endpoint=self.server.url,
            clock=lambda: self.now,
            may_read=lambda: may_read,
        )

    def read(self, previous: SheetMarker | None = None, *, gid: int | None = None) -> Fetched:
        found = self.fetch(previous, gid=gid)
        assert isinstance(found, Fetched)
        return found

    def refusal(self) -> LeadsError:
        with pytest.raises(LeadsError) as error:
            self.fetch()
        return error.value

    def paths(self) -> list[str]:
        return [asked.path for asked in self.server.asked]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"type": "sandbox", "client_email": EMAIL}))
    return path


@pytest.fixture
def sheet(server: ScriptedServer, http: LeadsHttp, key: Path) -> Sheet:
    return Sheet(server, http, key)


def test_cells_come_as_csv_of_strings(sheet: Sheet) -> None:
    assert sheet.read().data == b'Name,Zip,Amount,Note\n"Ada, Countess",00742,5.10,\n,,,\nBob,,,"a ""b""\nc"\n'


def test_drive_is_asked_first_and_a_first_read_takes_three_calls(sheet: Sheet) -> None:
    found = sheet.read()
    assert [asked.path for asked in sheet.server.asked[:2]] == [DRIVE, META]
    assert sheet.server.asked[0].query["fields"] == ["modifiedTime,version"]
    assert "valueRenderOption" not in sheet.server.asked[2].query  # the default is FORMATTED_VALUE
    assert (found.calls, found.retries) == (3, 0)
    assert (found.marker.drive_version, found.marker.drive_modified_at) == ("1", "2026-11-01T10:00:01.000Z")


def test_while_drive_says_the_same_nothing_else_is_asked(sheet: Sheet) -> None:
    first = sheet.read()
    sheet.now += 60
    again = sheet.fetch(SheetMarker.from_dict(first.marker.as_dict()))
    assert isinstance(again, NotModified)
    assert (again.checksum, again.bytes, again.calls) == (first.checksum, first.bytes, 1)
    assert sheet.server.times_asked(META) == 1


def test_a_new_version_is_read_in_two_calls_while_the_title_is_fresh(sheet: Sheet) -> None:
    first = sheet.read()
    sheet.server.on(DRIVE, drive(2))
    sheet.now += TITLE_TRUSTED_SECONDS - 1
    found = sheet.read(first.marker)
    assert (found.calls, found.marker.drive_version) == (2, "2")
    assert sheet.server.times_asked(META) == 1


def test_an_older_title_is_asked_again_because_tabs_may_have_swapped_names(sheet: Sheet) -> None:
    first = sheet.read()
    sheet.server.on(DRIVE, drive(2))
    sheet.server.on(META, tabs(Leads=5, Renamed=0))
    sheet.server.on(values_path("Renamed"), values([["Name"], ["Eva"]]))
    sheet.now += TITLE_TRUSTED_SECONDS
    assert sheet.read(first.marker).data == b"Name\nEva\n"


def test_a_renamed_tab_is_found_under_its_new_title(sheet: Sheet) -> None:
    first = sheet.read()
    sheet.server.on(DRIVE, drive(2))
    sheet.server.on(META, tabs(Renamed=0))
    sheet.server.on(values_path("Leads"), refused(400, "INVALID_ARGUMENT", "Unable to parse range: 'Leads'"))
    sheet.server.on(values_path("Renamed"), values([["Name"], ["Eva"]]))
    sheet.now += 1
    found = sheet.read(first.marker)
    assert (found.data, found.marker.title) == (b"Name\nEva\n", "Renamed")


def test_now_and_then_the_sheet_is_read_whatever_drive_says(sheet: Sheet) -> None:
    first = sheet.read()
    sheet.now += FULL_READ_SECONDS
    found = sheet.read(first.marker)
    assert found.checksum == first.checksum
    sheet.now += 60
    assert isinstance(sheet.fetch(first.marker), NotModified)


def test_a_look_believes_drive_for_longer_while_reads_are_scarce(sheet: Sheet) -> None:
    first = sheet.read()
    sheet.now += FULL_READ_SECONDS
    asked = len(sheet.paths())
    assert isinstance(sheet.peek(first.marker, may_read=False), NotModified)
    sheet.server.on(DRIVE, drive(2))
    assert isinstance(sheet.peek(first.marker, may_read=False), Moved)
    assert sheet.paths()[asked:] == [DRIVE, DRIVE]
    assert isinstance(sheet.peek(first.marker, may_read=True), Fetched)


def test_a_drive_that_says_no_version_is_not_believed(sheet: Sheet) -> None:
    sheet.server.on(DRIVE, as_json({}))
    assert isinstance(sheet.fetch(sheet.read().marker), Fetched)


def test_the_tab_is_found_by_its_number(sheet: Sheet) -> None:
    sheet.server.on(META, tabs(Leads=0, Müller=7))
    sheet.server.on(values_path("Müller"), values([["Name"], ["Eva"]]))
    assert sheet.read(gid=7).data == b"Name\nEva\n"


def test_without_tab_0_and_no_tab_named_the_first_with_cells_is_read(sheet: Sheet) -> None:
    chart = {"properties": {"sheetId": 8, "title": "Chart", "sheetType": "OBJECT"}}
    sheet.server.on(META, as_json({"sheets": [chart, {"properties": {"sheetId": 9, "title": "Leads"}}]}))
    assert sheet.read().data.startswith(b"Name,")


def test_a_tab_that_is_not_there_is_named_with_those_that_are(sheet: Sheet) -> None:
    with pytest.raises(AccessError, match="has no tab 7") as error:
        sheet.fetch(gid=7)
    assert "It has: Leads." in error.value.advice


def test_an_empty_tab_has_no_bytes(sheet: Sheet) -> None:
    sheet.server.on(values_path("Leads"), as_json({"range": "Leads!A1:Z1000", "majorDimension": "ROWS"}))
    assert sheet.read().data == b""


def test_a_sheet_over_the_limit_is_refused(sheet: Sheet) -> None:
    sheet.server.on(values_path("Leads"), values([["x" * 10_001]]))
    assert isinstance(sheet.refusal(), SheetFormatError)


def test_retries_are_counted_over_all_calls(sheet: Sheet) -> None:
    sheet.server.on(DRIVE, Reply(503), drive(1))
    sheet.server.on(META, Reply(500), Reply(502), tabs(Leads=0))
    found = sheet.read()
    assert (found.calls, found.retries) == (6, 3)


QUOTA: dict[str, Any] = {
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED"}]
}


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (refused(404, "NOT_FOUND", "Requested entity was not found."), SheetNotSharedError, EMAIL),
        (refused(403, "PERMISSION_DENIED", "The caller does not have permission"), SheetNotSharedError, EMAIL),
        (refused(401, "UNAUTHENTICATED"), CredentialsError, "GOOGLE_APPLICATION_CREDENTIALS"),
        (refused(429, "RESOURCE_EXHAUSTED", **QUOTA), RateLimitedError, "60 s"),
        (refused(403, "", errors=[{"reason": "userRateLimitExceeded"}]), RateLimitedError, "interval_seconds"),
        (refused(403, "", errors=[{"reason": "accessNotConfigured"}]), CredentialsError, "Google Drive API"),
        (refused(403, "", details=[{"reason": "SERVICE_DISABLED"}]), CredentialsError, "Google Sheets API"),
        (refused(403, "", errors=[{"reason": "insufficientPermissions"}]), CredentialsError, "scopes"),
        (refused(400, "FAILED_PRECONDITION", "This operation is not supported for this document"),
         SheetFormatError, "Save as Google Sheets"),
        (refused(400, "INVALID_ARGUMENT", "odd"), AccessError, "odd"),
        (Reply(404, b"<html>"), SheetNotSharedError, EMAIL),
        (Reply(503), ServiceUnavailableError, "503"),
    ],
)  # fmt: skip
def test_each_refusal_says_what_it_means_and_what_to_do(
    sheet: Sheet, reply: Reply, kind: type[LeadsError], words: str
) -> None:
    sheet.server.on(DRIVE, reply)
    error = sheet.refusal()
    assert type(error) is kind
    assert words in str(error)


def test_a_refusal_of_the_cells_is_told_too(sheet: Sheet) -> None:
    sheet.server.on(values_path("Leads"), refused(403, "PERMISSION_DENIED"))
    assert isinstance(sheet.refusal(), SheetNotSharedError)
    assert sheet.server.times_asked(META) == 1


def test_files_and_other_addresses_need_no_credentials(sheet: Sheet, tmp_path: Path) -> None:
    url = sheet.server.on("/a.csv", Reply())
    (tmp_path / "a.csv").write_bytes(Reply().body)
    for given in (url, str(tmp_path / "a.csv")):
        found = fetch_sheet(parse_sheet(given), http=sheet.http, credentials=tmp_path / "gone.json")
        assert isinstance(found, Fetched)
        assert found.data == Reply().body


# --- The key file ---


@pytest.fixture(scope="module")
def private_key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    shape = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.private_bytes(*shape).decode()


@pytest.fixture
def service_account(server: ScriptedServer, key: Path, private_key: str) -> Callable[..., None]:
    def write(**changes: Any) -> None:
        account = {
            "type": "service_account",
            "client_email": EMAIL,
            "private_key": private_key,
            "token_uri": f"{server.url}/token",
        }
        key.write_text(json.dumps({**account, **changes}))

    return write


def token(text: str) -> Reply:
    return as_json({"access_token": text, "expires_in": 3600, "token_type": "Bearer"})


def test_a_service_account_signs_for_one_token_and_keeps_it(sheet: Sheet, service_account: Callable[..., None]) -> None:
    service_account()
    sheet.server.on("/token", token("first"), token("second"))
    sheet.read()
    sheet.read()
    assert sheet.server.times_asked("/token") == 1
    grant = parse_qs(sheet.server.asked[0].body.decode())
    assert grant["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert {asked.headers["authorization"] for asked in sheet.server.asked[1:]} == {"Bearer first"}


def test_a_changed_key_file_is_read_again(sheet: Sheet, service_account: Callable[..., None]) -> None:
    service_account()
    sheet.server.on("/token", token("first"), token("second"))
    sheet.read()
    service_account(client_email="other@project.iam.gserviceaccount.com")
    sheet.read()
    assert sheet.server.asked[-1].headers["authorization"] == "Bearer second"


def test_a_key_that_google_refuses_is_a_fault_of_the_credentials(
    sheet: Sheet, service_account: Callable[..., None]
) -> None:
    service_account()
    sheet.server.on("/token", as_json({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400))
    error = sheet.refusal()
    assert isinstance(error, CredentialsError)
    assert "Invalid JWT Signature" in error.message
    assert "clock" in error.advice


def test_a_token_server_that_is_down_is_tried_again(sheet: Sheet, service_account: Callable[..., None]) -> None:
    service_account()
    sheet.server.on("/token", Reply(503), token("first"))
    assert sheet.read().data.startswith(b"Name")
    sheet.server.on("/token", Reply(503))
    service_account(client_email="other@project.iam.gserviceaccount.com")
    assert isinstance(sheet.refusal(), ServiceUnavailableError)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "not a Google key file"),
        ("{}", "type is 'not given'"),
        ('{"type": "external_account"}', "type is 'external_account'"),
        ('{"type": "service_account", "client_email": "a@b"}', "damaged or not whole"),
        ('{"type": "service_account", "client_email": "a@b", "token_uri": "x", "private_key": "y"}', "damaged"),
        ('{"type": "authorized_user", "client_id": "x"}', "damaged or not whole"),
    ],
)
def test_a_key_file_that_is_none_is_explained(sheet: Sheet, key: Path, content: str, words: str) -> None:
    key.write_text(content)
    error = sheet.refusal()
    assert isinstance(error, CredentialsError)
    assert words in error.message
    assert "service account" in error.advice
    assert sheet.server.asked == []


def test_a_missing_key_file_is_named(sheet: Sheet, key: Path) -> None:
    key.unlink()
    error = sheet.refusal()
    assert isinstance(error, CredentialsError)
    assert str(key) in error.message


def test_a_persons_own_login_is_refreshed(sheet: Sheet, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{sheet.server.url}/token")
    login = {"type": "authorized_user", "client_id": "x", "client_secret": "y", "refresh_token": "z"}
    key.write_text(json.dumps(login))
    sheet.server.on("/token", token("mine"))
    sheet.read()
    assert sheet.server.asked[-1].headers["authorization"] == "Bearer mine"
    assert "spreadsheets" not in sheet.server.asked[0].body.decode()


def test_the_key_of_the_twin_does_not_open_google(http: LeadsHttp, key: Path) -> None:
    with pytest.raises(CredentialsError, match="type is 'sandbox'"):
        fetch_sheet(parse_sheet(ID), http=http, credentials=key)
