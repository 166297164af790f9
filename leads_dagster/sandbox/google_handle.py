"""The stand-in's spreadsheets at hand: edit cells and rows as a person would, in one go and without a quota.

What is typed is taken as the screen takes it (USER_ENTERED): a leading apostrophe goes, all else is the cell's text.
"""

from __future__ import annotations

import threading
from typing import Any

from leads_dagster.errors import ContentError, NotFoundError
from leads_dagster.sandbox.google_folder import SheetFolder, Spreadsheet, Tab
from leads_dagster.sandbox.google_grid import Grid
from leads_dagster.sandbox.google_ranges import parse_range
from leads_dagster.sandbox.google_values import put_cells, written_cell


class GoogleHandle:
    """`tab` is a title, None the first tab; rows are counted from 1, as the screen counts them."""

    def __init__(self, folder: SheetFolder, lock: threading.Lock) -> None:
        self._folder, self._lock = folder, lock

    def _sheet(self, sheet_id: str) -> Spreadsheet:
        found = self._folder.find(sheet_id)
        if found is None:
            raise NotFoundError(f"The sandbox has no sheet {sheet_id}.")
        return found

    def _tab(self, sheet_id: str, title: str | None) -> Tab:
        sheet = self._sheet(sheet_id)
        found = sheet.tabs[0] if title is None else sheet.tab(title)
        if found is None:
            raise NotFoundError(f"Sheet {sheet_id} has no tab {title}.")
        return found

    def rows(self, sheet_id: str, tab: str | None = None) -> Grid:
        """The cells as they stand."""
        with self._lock:
            return [list(row) for row in self._tab(sheet_id, tab).grid()]

    def edit(self, sheet_id: str, at: str, values: list[list[Any]]) -> str:
        """Write a block of cells with its corner at `at` (A1 notation, with a tab's title or without)."""
        with self._lock:
            corner = parse_range(self._sheet(sheet_id), at)
            rows = _typed(values)
            corner.tab.replace(put_cells(corner.tab.grid(), rows, top=corner.top, left=corner.left))
            return corner.to_a1()

    def append(self, sheet_id: str, values: list[list[Any]], tab: str | None = None) -> None:
        """Rows below the last one."""
        with self._lock:
            found = self._tab(sheet_id, tab)
            found.replace(put_cells(found.grid(), _typed(values), top=len(found.grid()), left=0))

    def insert_rows(self, sheet_id: str, before: int, values: list[list[Any]], tab: str | None = None) -> None:
        with self._lock:
            found = self._tab(sheet_id, tab)
            grid = found.grid()
            _require_row(before, len(grid) + 1)
            made: Grid = [["" if cell is None else cell for cell in row] for row in _typed(values)]
            found.replace([*grid[: before - 1], *made, *grid[before - 1 :]])

    def delete_rows(self, sheet_id: str, rows: list[int], tab: str | None = None) -> None:
        with self._lock:
            found = self._tab(sheet_id, tab)
            grid = found.grid()
            for each in rows:
                _require_row(each, len(grid))
            found.replace([row for number, row in enumerate(grid, 1) if number not in rows])


def _typed(values: list[list[Any]]) -> list[list[str | None]]:
    if not isinstance(values, list) or not all(isinstance(row, list) for row in values):
        raise ContentError("The values must be a list of rows, each a list of cells.")
    return [[written_cell(cell, raw=False) for cell in row] for row in values]


def _require_row(number: int, last: int) -> None:
    if not isinstance(number, int) or not 1 <= number <= last:
        raise ContentError(f"There is no row {number}.")
