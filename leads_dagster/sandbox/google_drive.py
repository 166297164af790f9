"""The Drive API v3 as far as spreadsheets need it: files.get, files.list, files.export; and the token that opens it."""

from __future__ import annotations

import re
from collections.abc import Callable

from leads_dagster.sandbox import google_errors as errors
from leads_dagster.sandbox.google_folder import SheetFolder, Spreadsheet
from leads_dagster.sandbox.google_sheets import google_reply
from leads_dagster.sandbox.http import Call, JsonObject, RefusedError, Reply, Route

SHEET_TYPE = "application/vnd.google-apps.spreadsheet"
_DEFAULT_FIELDS = "kind,id,name,mimeType"
_NAMED = re.compile(r"name\s*=\s*[\"']((?:\\.|[^\"'\\])*)[\"']")


class GoogleDriveRoutes:
    """The handlers of `/drive/v3/files…`, and of `/token`, where a service account's key may point."""

    def __init__(self, folder: SheetFolder) -> None:
        self.folder = folder

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Callable[[Call], Reply]]] = [
            ("GET", "drive/v3/files", self.list),
            ("GET", "drive/v3/files/{id}", self.get),
            ("GET", "drive/v3/files/{id}/export", self.export),
            ("POST", "token", self.token),
            ("POST", "oauth2/token", self.token),
        ]
        return [Route(methods, path, handler, "google") for methods, path, handler in table]

    def _file(self, call: Call) -> Spreadsheet:
        spreadsheet = self.folder.find(call.params["id"])
        if spreadsheet is None or spreadsheet.refuse in ("login", 404):
            raise errors.file_not_found(call.params["id"])
        if spreadsheet.refuse is not None:
            raise errors.permission_denied()
        return spreadsheet

    def _metadata(self, spreadsheet: Spreadsheet, fields: str) -> JsonObject:
        known: JsonObject = {
            "kind": "drive#file",
            "id": spreadsheet.id,
            "name": spreadsheet.title,
            "mimeType": SHEET_TYPE,
            "createdTime": spreadsheet.modified_time(),
            "modifiedTime": spreadsheet.modified_time(),
            "version": str(self.folder.version(spreadsheet)),
            "trashed": False,
        }
        wanted = [each.strip() for each in fields.split(",")]
        if "*" in wanted:
            return known
        unknown = [each for each in wanted if each not in known]
        if unknown:
            raise errors.invalid_argument(f"Invalid field selection {unknown[0]}", "fields")
        return {each: known[each] for each in wanted}

    def get(self, call: Call) -> Reply:
        return google_reply(self._metadata(self._file(call), call.first("fields") or _DEFAULT_FIELDS))

    def list(self, call: Call) -> Reply:
        """Every spreadsheet, or those of the name that `q` asks for."""
        named = _NAMED.search(call.first("q") or "")
        sheets = [sheet for each in self.folder.ids() if (sheet := self.folder.find(each)) and sheet.refuse is None]
        if named:
            sheets = [sheet for sheet in sheets if sheet.title == named[1].replace("\\", "")]
        found = re.search(r"files\(([^)]*)\)", call.first("fields") or "")
        fields = found[1] if found else _DEFAULT_FIELDS
        return google_reply({"kind": "drive#fileList", "files": [self._metadata(each, fields) for each in sheets]})

    def export(self, call: Call) -> Reply:
        spreadsheet, kind = self._file(call), call.first("mimeType")
        if kind != "text/csv":
            raise _not_exportable()
        return Reply(spreadsheet.tabs[0].export(), 200, {"Cache-Control": "private"}, "text/csv")

    def token(self, call: Call) -> Reply:
        return Reply({"access_token": "sandbox-access", "expires_in": 3599, "token_type": "Bearer"})


def _not_exportable() -> RefusedError:
    return errors.invalid_argument("The requested conversion is not supported.", "convertTo")
