"""Cells in and out of the Sheets API: how a cell is shown, and how what a client sends becomes a cell."""

from __future__ import annotations

import re
from typing import Any

from leads_dagster.sandbox import google_errors as errors
from leads_dagster.sandbox.google_grid import Grid, trim_cells, trim_rows
from leads_dagster.sandbox.google_ranges import Rectangle
from leads_dagster.sandbox.http import JsonObject

_NUMBER = re.compile(r"^-?(0|[1-9]\d{0,14})(\.\d+)?$")
_RENDERINGS = frozenset({"FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA"})
_TRUTHS = {"TRUE": True, "FALSE": False}


def shown_values(rectangle: Rectangle, *, rendering: str, dimension: str) -> JsonObject:
    """A ValueRange: empty rows and cells at the end are left out, and `values` where nothing remains."""
    if rendering not in _RENDERINGS:
        raise errors.invalid_argument(f"Invalid value at 'value_render_option' ({rendering})", "value_render_option")
    rows = cut(rectangle)
    if dimension == "COLUMNS":
        rows = transpose(rows)
    answer: JsonObject = {"range": rectangle.to_a1(), "majorDimension": dimension}
    if rows:
        answer["values"] = rows if rendering != "UNFORMATTED_VALUE" else [list(map(_unformatted, row)) for row in rows]
    return answer


def cut(rectangle: Rectangle) -> Grid:
    rows = rectangle.tab.grid()[rectangle.top : rectangle.bottom]
    return trim_rows([trim_cells(row[rectangle.left : rectangle.right]) for row in rows])


def transpose(rows: Grid) -> Grid:
    width = max(map(len, rows), default=0)
    return trim_rows([trim_cells([row[at] if at < len(row) else "" for row in rows]) for at in range(width)])


def _unformatted(cell: str) -> Any:
    """A number or a truth, where the text is how Sheets would show one; leading zeros stay text."""
    if cell in _TRUTHS:
        return _TRUTHS[cell]
    if not _NUMBER.match(cell):
        return cell
    return float(cell) if "." in cell else int(cell)


def written_cell(value: Any, *, raw: bool) -> str | None:
    """The cell's text; None leaves the cell as it is."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return str(int(value)) if float(value).is_integer() else repr(value)
    if not isinstance(value, str):
        raise errors.invalid_argument("Invalid values: struct_value and list_value are not cells", "data.values")
    return value if raw else value.removeprefix("'")


def incoming(body: JsonObject, option: str | None) -> list[list[str | None]]:
    """The rows of a ValueRange that a client sent."""
    if option not in ("RAW", "USER_ENTERED"):
        raise errors.invalid_argument("'valueInputOption' is required but not specified", "value_input_option")
    values = body.get("values", [])
    if not isinstance(values, list) or not all(isinstance(row, list) for row in values):
        raise errors.invalid_argument("Invalid value at 'data.values'", "data.values")
    rows = [[written_cell(cell, raw=option == "RAW") for cell in row] for row in values]
    if body.get("majorDimension") == "COLUMNS":
        width = max(map(len, rows), default=0)
        rows = [[row[at] if at < len(row) else None for row in rows] for at in range(width)]
    return rows


def put_cells(grid: Grid, rows: list[list[str | None]], *, top: int, left: int) -> Grid:
    """A copy of the grid with the rows written into it; None leaves a cell alone."""
    made = [list(row) for row in grid]
    while len(made) < top + len(rows):
        made.append([])
    for at, row in enumerate(rows):
        target = made[top + at]
        target.extend([""] * (left + len(row) - len(target)))
        for index, cell in enumerate(row):
            if cell is not None:
                target[left + index] = cell
    return trim_rows([trim_cells(row) for row in made])


def update_answer(sheet_id: str, start: Rectangle, rows: list[list[str | None]]) -> tuple[JsonObject, Rectangle | None]:
    """What an update says it did, and the rectangle around the cells that it wrote."""
    written = [(at, index) for at, row in enumerate(rows) for index, cell in enumerate(row) if cell is not None]
    answer: JsonObject = {"spreadsheetId": sheet_id, "updatedRange": start.to_a1()}
    if not written:
        return answer, None
    down, across = [at for at, _ in written], [index for _, index in written]
    box = Rectangle(
        start.tab,
        start.top + min(down),
        start.left + min(across),
        start.top + max(down) + 1,
        start.left + max(across) + 1,
    )
    counts = {"updatedRows": len(set(down)), "updatedColumns": len(set(across)), "updatedCells": len(written)}
    return {**answer, "updatedRange": box.to_a1(), **counts}, box
