"""The values requests of the Sheets API v4: get, batchGet, update, batchUpdate, append, clear, batchClear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from leads_dagster.sandbox import google_errors as errors
from leads_dagster.sandbox.google_csv import refuse_api
from leads_dagster.sandbox.google_folder import SheetFolder, Spreadsheet
from leads_dagster.sandbox.google_grid import Grid
from leads_dagster.sandbox.google_ranges import Rectangle, column_name, parse_range
from leads_dagster.sandbox.google_values import incoming, put_cells, shown_values, update_answer
from leads_dagster.sandbox.http import Call, JsonObject, Reply, Route

GOOGLE_JSON = "application/json; charset=UTF-8"
GOOGLE_HEADERS = {"Vary": "Origin,Accept-Encoding", "Cache-Control": "private"}


def google_reply(body: JsonObject, status: int = 200) -> Reply:
    """An answer with the headers that every recorded one has, refusals too."""
    return Reply(body, status, GOOGLE_HEADERS, GOOGLE_JSON)


def google_body(call: Call) -> JsonObject:
    try:
        body = orjson.loads(call.body or b"{}")
    except orjson.JSONDecodeError:
        raise errors.invalid_argument("Invalid JSON payload received.") from None
    if not isinstance(body, dict):
        raise errors.invalid_argument("Invalid JSON payload received. Root element must be a message.")
    return body


class GoogleSheetsRoutes:
    """The handlers of `/v4/spreadsheets/{id}/values…`."""

    def __init__(self, folder: SheetFolder) -> None:
        self.folder = folder

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Callable[[Call], Reply]]] = [
            ("GET", "v4/spreadsheets/{id}/values:batchGet", self.batch_get),
            ("POST", "v4/spreadsheets/{id}/values:batchUpdate", self.batch_update),
            ("POST", "v4/spreadsheets/{id}/values:batchClear", self.batch_clear),
            ("GET", "v4/spreadsheets/{id}/values/{range*}", self.get),
            ("PUT", "v4/spreadsheets/{id}/values/{range*}", self.update),
            ("POST", "v4/spreadsheets/{id}/values/{range*}", self.append_or_clear),
        ]
        return [Route(methods, path, handler, "google") for methods, path, handler in table]

    def _sheet(self, call: Call) -> Spreadsheet:
        return refuse_api(self.folder.find(call.params["id"]))

    def get(self, call: Call) -> Reply:
        return google_reply(self._shown(call, self._sheet(call), call.params["range"]))

    def _shown(self, call: Call, spreadsheet: Spreadsheet, text: str) -> JsonObject:
        return shown_values(
            parse_range(spreadsheet, text),
            rendering=call.first("valueRenderOption") or "FORMATTED_VALUE",
            dimension=call.first("majorDimension") or "ROWS",
        )

    def batch_get(self, call: Call) -> Reply:
        spreadsheet = self._sheet(call)
        found = [self._shown(call, spreadsheet, text) for text in call.all("ranges")]
        return google_reply({"spreadsheetId": spreadsheet.id, "valueRanges": found})

    def update(self, call: Call) -> Reply:
        spreadsheet, body = self._sheet(call), google_body(call)
        rectangle = parse_range(spreadsheet, call.params["range"])
        rows = incoming(body, call.first("valueInputOption"))
        answer = _write(spreadsheet, rectangle, rows)
        if call.first("includeValuesInResponse") == "true":
            answer["updatedData"] = _written_back(call, rectangle, rows)
        return google_reply(answer)

    def batch_update(self, call: Call) -> Reply:
        spreadsheet, body = self._sheet(call), google_body(call)
        option = body.get("valueInputOption")
        given = _listed(body.get("data"), dict)
        planned = [(parse_range(spreadsheet, str(each.get("range"))), incoming(each, option)) for each in given]
        for rectangle, rows in planned:
            _require_fit(rectangle, rows)
        answers = [_write(spreadsheet, rectangle, rows) for rectangle, rows in planned]
        totals = {
            f"totalUpdated{name}": sum(each.get(f"updated{name}", 0) for each in answers)
            for name in ("Rows", "Columns", "Cells")
        }
        sheets = len({rectangle.tab.gid for rectangle, _ in planned})
        return google_reply(
            {"spreadsheetId": spreadsheet.id, **totals, "totalUpdatedSheets": sheets, "responses": answers}
        )

    def append_or_clear(self, call: Call) -> Reply:
        text, colon, verb = call.params["range"].rpartition(":")
        if colon and verb == "append":
            return self._append(call, text)
        if colon and verb == "clear":
            spreadsheet = self._sheet(call)
            return google_reply({"spreadsheetId": spreadsheet.id, "clearedRange": _clear(spreadsheet, text)})
        raise errors.not_found()

    def _append(self, call: Call, text: str) -> Reply:
        spreadsheet, rectangle = self._sheet(call), parse_range(self._sheet(call), text)
        rows = incoming(google_body(call), call.first("valueInputOption"))
        table = find_table(rectangle)
        top, left = (table.bottom, table.left) if table else (rectangle.top, rectangle.left)
        tab = rectangle.tab
        width = max(map(len, rows), default=1)
        start = Rectangle(tab, top, left, top + max(len(rows), 1), left + width)
        grid = tab.grid()
        if call.first("insertDataOption") == "INSERT_ROWS":
            grid = [*grid[:top], *([] for _ in rows), *grid[top:]]
        tab.replace(put_cells(grid, rows, top=top, left=left))
        updates, box = update_answer(spreadsheet.id, start, rows)
        if call.first("includeValuesInResponse") == "true" and box is not None:
            updates["updatedData"] = _written_back(call, box, rows)
        found = {"tableRange": table.to_a1()} if table else {}
        return google_reply({"spreadsheetId": spreadsheet.id, **found, "updates": updates})

    def batch_clear(self, call: Call) -> Reply:
        spreadsheet = self._sheet(call)
        ranges = _listed(google_body(call).get("ranges"), str)
        for text in ranges:
            parse_range(spreadsheet, text)
        cleared = [_clear(spreadsheet, text) for text in ranges]
        return google_reply({"spreadsheetId": spreadsheet.id, "clearedRanges": cleared})


def _listed(value: Any, kind: type) -> list[Any]:
    """The value if it is a list of that kind."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, kind) for each in value):
        raise errors.invalid_argument("Invalid JSON payload received.")
    return value


def _written_back(call: Call, rectangle: Rectangle, rows: list[list[str | None]]) -> JsonObject:
    wide = rectangle
    if rectangle.single:
        bottom, right = rectangle.top + len(rows), rectangle.left + max(map(len, rows), default=1)
        wide = Rectangle(rectangle.tab, rectangle.top, rectangle.left, bottom, right)
    rendering = call.first("responseValueRenderOption") or "FORMATTED_VALUE"
    return shown_values(wide, rendering=rendering, dimension="ROWS")


def _require_fit(rectangle: Rectangle, rows: list[list[str | None]]) -> None:
    bottom = rectangle.top + len(rows)
    right = rectangle.left + max(map(len, rows), default=0)
    limit_bottom = rectangle.tab.rows() if rectangle.single else rectangle.bottom
    limit_right = rectangle.tab.columns() if rectangle.single else rectangle.right
    if bottom > limit_bottom or right > limit_right:
        over = f"row [{limit_bottom + 1}]" if bottom > limit_bottom else f"column [{column_name(limit_right)}]"
        message = f"Requested writing within range [{rectangle.to_a1()}], but tried writing to {over}"
        raise errors.invalid_argument(message)


def _write(spreadsheet: Spreadsheet, rectangle: Rectangle, rows: list[list[str | None]]) -> JsonObject:
    _require_fit(rectangle, rows)
    tab = rectangle.tab
    tab.replace(put_cells(tab.grid(), rows, top=rectangle.top, left=rectangle.left))
    return update_answer(spreadsheet.id, rectangle, rows)[0]


def _clear(spreadsheet: Spreadsheet, text: str) -> str:
    rectangle = parse_range(spreadsheet, text)
    blank: list[list[str | None]] = [[""] * (rectangle.right - rectangle.left)] * (rectangle.bottom - rectangle.top)
    tab = rectangle.tab
    tab.replace(put_cells(tab.grid(), blank, top=rectangle.top, left=rectangle.left))
    return rectangle.to_a1()


def find_table(rectangle: Rectangle) -> Rectangle | None:
    """The table that an append extends: the one at the range's cell, or the last one within the range."""
    grid = rectangle.tab.grid()
    filled = [at for at in range(rectangle.top, min(rectangle.bottom, len(grid))) if any(grid[at])]
    if not filled:
        return None
    top = bottom = filled[0] if rectangle.single else filled[-1]
    while bottom + 1 < len(grid) and any(grid[bottom + 1]):
        bottom += 1
    while top > 0 and any(grid[top - 1]):
        top -= 1
    left, right = _columns_of(grid[top : bottom + 1])
    return Rectangle(rectangle.tab, top, left, bottom + 1, right)


def _columns_of(rows: Grid) -> tuple[int, int]:
    used = {index for row in rows for index, cell in enumerate(row) if cell}
    left = min(used)
    right = left + 1
    while right in used:
        right += 1
    return left, right
