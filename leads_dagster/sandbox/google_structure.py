"""A spreadsheet's shape in the Sheets API v4: metadata, and the batchUpdate requests that move rows and tabs about."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leads_dagster.sandbox import google_errors as errors
from leads_dagster.sandbox.google_csv import refuse_api
from leads_dagster.sandbox.google_folder import SheetFolder, Spreadsheet, Tab
from leads_dagster.sandbox.google_grid import Grid
from leads_dagster.sandbox.google_sheets import google_body, google_reply
from leads_dagster.sandbox.http import Call, JsonObject, RefusedError, Reply, Route

_PROPERTIES: JsonObject = json.loads(Path(__file__).with_name("google_properties.json").read_text(encoding="utf-8"))


class GoogleStructureRoutes:
    """The handlers of `/v4/spreadsheets/{id}` and `:batchUpdate`."""

    def __init__(self, folder: SheetFolder) -> None:
        self.folder = folder
        self._requests: dict[str, Callable[[Spreadsheet, JsonObject], JsonObject]] = {
            "addSheet": self._add_sheet,
            "appendDimension": self._append_dimension,
            "deleteDimension": self._delete_dimension,
            "deleteRange": self._delete_range,
            "deleteSheet": self._delete_sheet,
            "insertDimension": self._insert_dimension,
            "updateSheetProperties": self._update_properties,
        }

    def routes(self) -> list[Route]:
        return [
            Route("GET", "v4/spreadsheets/{id}", self.metadata, "google"),
            Route("POST", "v4/spreadsheets/{id}/:batchUpdate", self.batch_update, "google"),
            Route("POST", "v4/spreadsheets/{id}", self.batch_update, "google"),
        ]

    def metadata(self, call: Call) -> Reply:
        return google_reply(describe(refuse_api(self.folder.find(call.params["id"]))))

    def batch_update(self, call: Call) -> Reply:
        name, _, verb = call.params["id"].partition(":")
        if not call.path.endswith(":batchUpdate") or verb not in ("", "batchUpdate"):
            raise errors.not_found()
        spreadsheet, body = refuse_api(self.folder.find(name)), google_body(call)
        given = body.get("requests")
        if not isinstance(given, list) or not given:
            raise errors.invalid_argument("Must specify at least one request.")
        replies = self._all_or_nothing(spreadsheet, given)
        answer: JsonObject = {"spreadsheetId": spreadsheet.id, "replies": replies}
        if body.get("includeSpreadsheetInResponse"):
            answer["updatedSpreadsheet"] = describe(refuse_api(self.folder.find(name)))
        return google_reply(answer)

    def _all_or_nothing(self, spreadsheet: Spreadsheet, given: list[Any]) -> list[JsonObject]:
        before = [(tab, tab.path.read_bytes(), tab.minimum_rows, tab.minimum_columns) for tab in spreadsheet.tabs]
        try:
            return [self._request(spreadsheet, at, each) for at, each in enumerate(given)]
        except RefusedError:
            known = [tab.path for tab, *_ in before]
            for tab in spreadsheet.tabs:
                if tab.path not in known:
                    tab.path.unlink()
            for tab, data, tab.minimum_rows, tab.minimum_columns in before:
                tab.path.write_bytes(data)
            raise

    def _request(self, spreadsheet: Spreadsheet, at: int, given: Any) -> JsonObject:
        kind = next(iter(given), "") if isinstance(given, dict) else ""
        handler = self._requests.get(kind)
        if handler is None or not isinstance(given[kind], dict):
            raise errors.invalid_argument(
                f"Invalid requests[{at}]: the sandbox does not know {kind}", f"requests[{at}]"
            )
        return handler(spreadsheet, given[kind])

    def _add_sheet(self, spreadsheet: Spreadsheet, given: JsonObject) -> JsonObject:
        title = given.get("properties", {}).get("title") or f"Sheet{len(spreadsheet.tabs) + 1}"
        if spreadsheet.tab(title) is not None:
            message = f'Invalid requests[0].addSheet: A sheet with the name "{title}" already exists.'
            raise errors.invalid_argument(message)
        tab = self.folder.add_tab(spreadsheet, title)
        _resize(tab, given.get("properties", {}).get("gridProperties", {}))
        spreadsheet.tabs.append(tab)
        return {"addSheet": {"properties": _tab_properties(tab, len(spreadsheet.tabs) - 1)}}

    def _delete_sheet(self, spreadsheet: Spreadsheet, given: JsonObject) -> JsonObject:
        tab = _tab(spreadsheet, given)
        if len(spreadsheet.tabs) == 1:
            raise errors.invalid_argument("You can't remove all the sheets in a document.")
        tab.path.unlink()
        spreadsheet.tabs.remove(tab)
        return {}

    def _update_properties(self, spreadsheet: Spreadsheet, given: JsonObject) -> JsonObject:
        properties = given.get("properties", {})
        tab = _tab(spreadsheet, properties)
        if "title" in properties:
            self.folder.titles[(spreadsheet.id, tab.gid)] = tab.title = properties["title"]
        if "gridProperties" in properties:
            _resize(tab, properties["gridProperties"])
            tab.replace([row[: tab.minimum_columns] for row in tab.grid()[: tab.minimum_rows]])
        return {}

    def _append_dimension(self, spreadsheet: Spreadsheet, given: JsonObject) -> JsonObject:
        tab = _tab(spreadsheet, given)
        if given.get("dimension") == "COLUMNS":
            tab.minimum_columns = tab.columns() + _integer(given.get("length"))
        else:
            tab.minimum_rows = tab.rows() + _integer(given.get("length"))
        return {}

    def _delete_dimension(self, spreadsheet: Spreadsheet, given: JsonObject) -> JsonObject:
        span = given.get("range", {})
        tab, start, end = _span(spreadsheet, span)
        grid = tab.grid()
        if span.get("dimension") == "COLUMNS":
            tab.minimum_columns = max(tab.columns() - (end - start), 1)
            tab.replace([row[:start] + row[end:] for row in grid])
        else:
            tab.minimum_rows = max(tab.rows() - (end - start), 1)
            tab.replace(grid[:start] + grid[end:])
        return {}

    def _insert_dimension(self, spreadsheet: Spreadsheet, given: JsonObject) -> JsonObject:
        span = given.get("range", {})
        tab, start, end = _span(spreadsheet, span)
        grid = tab.grid()
        if span.get("dimension") == "COLUMNS":
            tab.minimum_columns = tab.columns() + end - start
            padded = [row + [""] * (start - len(row)) for row in grid]
            tab.replace([row[:start] + [""] * (end - start) + row[start:] for row in padded])
        else:
            tab.minimum_rows = tab.rows() + end - start
            made: Grid = [*grid[:start], *([[]] * (start - len(grid))), *([[]] * (end - start)), *grid[start:]]
            tab.replace(made)
        return {}

    def _delete_range(self, spreadsheet: Spreadsheet, given: JsonObject) -> JsonObject:
        """Whole rows only (shift ROWS without columns); the grid keeps its size, as recorded."""
        span = given.get("range", {})
        tab = _tab(spreadsheet, span)
        if given.get("shiftDimension") != "ROWS" or "startColumnIndex" in span:
            raise errors.invalid_argument("The sandbox deletes ranges of whole rows only")
        start, end = _integer(span.get("startRowIndex", 0)), _integer(span.get("endRowIndex", tab.rows()))
        grid = tab.grid()
        tab.replace(grid[:start] + grid[end:])
        return {}


def _tab(spreadsheet: Spreadsheet, given: JsonObject) -> Tab:
    gid = _integer(given.get("sheetId", 0))
    tab = spreadsheet.tab_by_gid(gid)
    if tab is None:
        raise errors.invalid_argument(f"Invalid requests[0]: No grid with id: {gid}")
    return tab


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise errors.invalid_argument(f"Invalid value ({value!r}): a whole number is wanted")
    return value


def _span(spreadsheet: Spreadsheet, given: JsonObject) -> tuple[Tab, int, int]:
    tab = _tab(spreadsheet, given)
    whole = tab.columns() if given.get("dimension") == "COLUMNS" else tab.rows()
    return tab, _integer(given.get("startIndex", 0)), _integer(given.get("endIndex", whole))


def _resize(tab: Tab, grid: JsonObject) -> None:
    tab.minimum_rows = _integer(grid.get("rowCount", tab.minimum_rows))
    tab.minimum_columns = _integer(grid.get("columnCount", tab.minimum_columns))


def _tab_properties(tab: Tab, index: int) -> JsonObject:
    return {
        "sheetId": tab.gid,
        "title": tab.title,
        "index": index,
        "sheetType": "GRID",
        "gridProperties": {"rowCount": tab.rows(), "columnCount": tab.columns()},
    }


def describe(spreadsheet: Spreadsheet) -> JsonObject:
    """The spreadsheet as `spreadsheets.get` answers it, without grid data."""
    return {
        "spreadsheetId": spreadsheet.id,
        "properties": {"title": spreadsheet.title, **_PROPERTIES},
        "sheets": [{"properties": _tab_properties(tab, at)} for at, tab in enumerate(spreadsheet.tabs)],
        "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{spreadsheet.id}/edit",
    }
