"""The Sheets and Drive APIs through gspread: reading, writing, ranges, tabs, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gspread
import httpx
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2.service_account import Credentials
from gspread.utils import ExportFormat

from leads_dagster.sandbox import Sandbox


def client_class(url: str) -> type[gspread.http_client.HTTPClient]:
    """gspread's client with its two hosts turned to the twin."""

    class Redirected(gspread.http_client.HTTPClient):
        def request(self, method: str, endpoint: str, *args: Any, **options: Any) -> requests.Response:
            for host in ("https://sheets.googleapis.com", "https://www.googleapis.com"):
                endpoint = endpoint.replace(host, url)
            return super().request(method, endpoint, *args, **options)

    return Redirected


@pytest.fixture
def google(sandbox: Sandbox) -> gspread.Client:
    with requests.Session() as session:
        yield gspread.Client(auth=None, session=session, http_client=client_class(sandbox.url))


@pytest.fixture
def book(google: gspread.Client, sheets: Path) -> gspread.Spreadsheet:
    (sheets / "leads.csv").write_text("Name,Zip,Ok,Price\nAnn,00501,TRUE,5.10\nBob,,,\n\nCid,7,FALSE,\n")
    return google.open_by_key("leads")


def test_values_are_strings_as_they_stand(book: gspread.Spreadsheet) -> None:
    assert book.sheet1.get_all_values() == [
        ["Name", "Zip", "Ok", "Price"],
        ["Ann", "00501", "TRUE", "5.10"],
        ["Bob", "", "", ""],
        ["", "", "", ""],
        ["Cid", "7", "FALSE", ""],
    ]


def test_unformatted_values_have_types_and_leading_zeros_stay(book: gspread.Spreadsheet) -> None:
    found = book.sheet1.get("A2:D2", value_render_option="UNFORMATTED_VALUE")
    assert found == [["Ann", "00501", True, 5.1]]


def test_a_range_is_answered_in_its_full_name_and_without_empty_ends(
    sandbox: Sandbox, book: gspread.Spreadsheet
) -> None:
    url = f"{sandbox.url}/v4/spreadsheets/leads/values"
    assert httpx.get(f"{url}/A3:D4").json() == {"range": "leads!A3:D4", "majorDimension": "ROWS", "values": [["Bob"]]}
    assert httpx.get(f"{url}/A100:B101").json() == {"range": "leads!A100:B101", "majorDimension": "ROWS"}
    assert httpx.get(f"{url}/leads!B:B").json()["range"] == "leads!B1:B1000"
    assert httpx.get(f"{url}/2:2").json()["values"] == [["Ann", "00501", "TRUE", "5.10"]]
    assert httpx.get(f"{url}/'leads'").json()["range"] == "leads!A1:Z1000"
    columns = httpx.get(f"{url}/A1:B2?majorDimension=COLUMNS").json()
    assert columns["values"] == [["Name", "Ann"], ["Zip", "00501"]]


@pytest.mark.parametrize("text", ["Nope!A1", "leads!A0", "nonsense", "leads!A1:!", "'leads"])
def test_a_range_that_cannot_be_read_is_a_400_with_its_violation(
    sandbox: Sandbox, book: gspread.Spreadsheet, text: str
) -> None:
    error = httpx.get(f"{sandbox.url}/v4/spreadsheets/leads/values/{text}").json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["details"][0]["fieldViolations"][0]["description"] == f"Unable to parse range: {text}"


def test_a_range_outside_the_grid_is_refused(sandbox: Sandbox, book: gspread.Spreadsheet) -> None:
    error = httpx.get(f"{sandbox.url}/v4/spreadsheets/leads/values/A5000").json()["error"]
    assert error["message"] == "Range (leads!A5000) exceeds grid limits. Max rows: 1000, max columns: 26"


def test_writing_changes_the_file(book: gspread.Spreadsheet, sheets: Path) -> None:
    answer = book.sheet1.update([["Eve", 12, True]], "A3:C3", value_input_option="RAW")
    assert (answer["updatedRange"], answer["updatedCells"]) == ("leads!A3:C3", 3)
    assert (sheets / "leads.csv").read_bytes().splitlines()[2] == b"Eve,12,TRUE,"


def test_a_write_beyond_its_range_is_refused(book: gspread.Spreadsheet) -> None:
    with pytest.raises(gspread.exceptions.APIError, match="tried writing to row"):
        book.values_update("A1:B1", {"valueInputOption": "RAW"}, {"values": [["a"], ["b"]]})


def test_rows_are_appended_after_the_table(book: gspread.Spreadsheet) -> None:
    answer = book.sheet1.append_rows([["Dee", "1"], ["Fay", "2"]])
    assert answer["updates"]["updatedRange"] == "leads!A6:B7"
    assert book.sheet1.get("A6:B7") == [["Dee", "1"], ["Fay", "2"]]


def test_cells_are_cleared_and_batches_read_and_written(book: gspread.Spreadsheet) -> None:
    book.sheet1.batch_update([{"range": "A2", "values": [["Anna"]]}, {"range": "A5", "values": [["Cyd"]]}])
    assert book.sheet1.batch_get(["A2", "A5"]) == [[["Anna"]], [["Cyd"]]]
    book.sheet1.batch_clear(["A5:D5"])
    assert book.values_clear("A2:A2")["clearedRange"] == "leads!A2"
    assert len(book.sheet1.get_all_values()) == 3


def test_rows_are_inserted_and_deleted(book: gspread.Spreadsheet) -> None:
    book.sheet1.delete_rows(2)
    assert book.sheet1.col_values(1) == ["Name", "Bob", "", "Cid"]
    book.sheet1.insert_row(["Zoe"], 2)
    assert book.sheet1.col_values(1) == ["Name", "Zoe", "Bob", "", "Cid"]


def test_a_tab_is_added_renamed_found_and_deleted(book: gspread.Spreadsheet) -> None:
    tab = book.add_worksheet("It's new", rows=20, cols=3)
    tab.update([["x"]], "A1")
    assert [each.title for each in book.worksheets()] == ["leads", "It's new"]
    assert book.worksheet("It's new").get_all_values() == [["x"]]
    tab.update_title("Other")
    assert book.worksheet("Other").row_count == 20
    book.del_worksheet(tab)
    assert [each.title for each in book.worksheets()] == ["leads"]


def test_a_batch_with_one_bad_request_changes_nothing(book: gspread.Spreadsheet, sheets: Path) -> None:
    before = (sheets / "leads.csv").read_bytes()
    delete = {"deleteDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 0, "endIndex": 1}}}
    with pytest.raises(gspread.exceptions.APIError):
        book.batch_update({"requests": [delete, {"addSheet": {"properties": {"title": "New"}}}, {"nonsense": {}}]})
    assert (sheets / "leads.csv").read_bytes() == before
    assert [each.title for each in book.worksheets()] == ["leads"]


def test_the_first_sheet_has_id_0_and_the_title_of_the_file(book: gspread.Spreadsheet) -> None:
    assert (book.title, book.sheet1.id, book.sheet1.title) == ("leads", 0, "leads")


def test_drive_tells_when_the_file_changed(sandbox: Sandbox, book: gspread.Spreadsheet, sheets: Path) -> None:
    url = f"{sandbox.url}/drive/v3/files/leads?fields=modifiedTime,version"
    before = httpx.get(url).json()
    assert set(before) == {"modifiedTime", "version"}
    assert httpx.get(url).json() == before
    (sheets / "leads.csv").write_text("Name\nNew\n")
    assert int(httpx.get(url).json()["version"]) > int(before["version"])


def test_drive_exports_and_lists(google: gspread.Client, book: gspread.Spreadsheet) -> None:
    assert google.export("leads", ExportFormat.CSV).startswith(b"Name,Zip")
    assert google.open("leads").id == "leads"
    assert [each["name"] for each in google.list_spreadsheet_files()] == ["leads"]


def test_what_is_not_there_is_a_404(sandbox: Sandbox, google: gspread.Client) -> None:
    with pytest.raises(gspread.exceptions.SpreadsheetNotFound):
        google.open_by_key("nope")
    expected = {"error": {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"}}
    assert httpx.get(f"{sandbox.url}/v4/spreadsheets/nope").json() == expected
    assert httpx.get(f"{sandbox.url}/drive/v3/files/nope").json()["error"]["errors"][0]["reason"] == "notFound"


def test_a_body_that_is_no_json_is_a_400(sandbox: Sandbox, book: gspread.Spreadsheet) -> None:
    url = f"{sandbox.url}/v4/spreadsheets/leads/values/A1?valueInputOption=RAW"
    assert httpx.put(url, content=b"{").json()["error"]["status"] == "INVALID_ARGUMENT"
    assert httpx.put(url.partition("?")[0], json={"values": []}).status_code == 400


def service_account_key(token_url: str) -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {"client_email": "robot@example.com", "private_key": pem, "token_uri": token_url}


def test_a_service_accounts_key_may_point_its_token_address_here(sandbox: Sandbox, book: gspread.Spreadsheet) -> None:
    info = service_account_key(f"{sandbox.url}/token")
    scopes = ["https://www.googleapis.com/auth/spreadsheets.readonly"]
    credentials = Credentials.from_service_account_info(info, scopes=scopes)
    client = gspread.Client(auth=credentials, http_client=client_class(sandbox.url))
    assert client.open_by_key("leads").sheet1.acell("A2").value == "Ann"
    client.http_client.session.close()
