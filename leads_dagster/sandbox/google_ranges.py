"""A1 notation: which rectangle of which tab a range names, and how a rectangle is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from leads_dagster.sandbox import google_errors as errors
from leads_dagster.sandbox.google_folder import Spreadsheet, Tab

_CORNER = re.compile(r"^\$?([A-Za-z]{1,3})?\$?(\d{1,7})?$")
_PLAIN_TITLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
_LIKE_A_CELL = re.compile(r"^([A-Za-z]{1,3}\d+|[Rr]\d*[Cc]\d*)$")


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Rows and columns from 0, ends not included. `single` is a range of one cell, which a write may outgrow."""

    tab: Tab
    top: int
    left: int
    bottom: int
    right: int
    single: bool = False

    def to_a1(self) -> str:
        """`'My tab'!A1:C3`, the title quoted only where needed; one cell is `A1`."""
        first, last = cell_name(self.top, self.left), cell_name(self.bottom - 1, self.right - 1)
        return f"{quoted_title(self.tab.title)}!{first if first == last else f'{first}:{last}'}"


def quoted_title(title: str) -> str:
    if _PLAIN_TITLE.match(title) and not _LIKE_A_CELL.match(title):
        return title
    return "'" + title.replace("'", "''") + "'"


def column_name(index: int) -> str:
    """0 is A, 26 is AA."""
    name, index = "", index + 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def column_index(name: str) -> int:
    index = 0
    for letter in name.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def cell_name(row: int, column: int) -> str:
    return f"{column_name(column)}{row + 1}"


def parse_range(spreadsheet: Spreadsheet, text: str) -> Rectangle:
    """The rectangle, cut to the tab's grid. Raises the refusal of a range that cannot be read or lies outside."""
    tab, corners = _split(spreadsheet, text)
    if corners is None:
        return Rectangle(tab, 0, 0, tab.rows(), tab.columns())
    first, colon, second = corners.partition(":")
    top_left = _corner(first, text)
    bottom_right = _corner(second, text) if colon else top_left
    if not colon and None in top_left:
        raise errors.unparsable_range(text)
    return _bounded(tab, top_left, bottom_right, single=not colon)


Corner = tuple["int | None", "int | None"]


def _bounded(tab: Tab, first: Corner, second: Corner, *, single: bool) -> Rectangle:
    rows = sorted(each for each in (first[0], second[0]) if each is not None)
    columns = sorted(each for each in (first[1], second[1]) if each is not None)
    top, left = first[0] or 0, first[1] or 0
    if first[0] is not None and second[0] is not None:
        top = rows[0]
    if first[1] is not None and second[1] is not None:
        left = columns[0]
    bottom = rows[-1] + 1 if second[0] is not None else tab.rows()
    right = columns[-1] + 1 if second[1] is not None else tab.columns()
    if top >= tab.rows() or left >= tab.columns():
        where = Rectangle(tab, top, left, max(bottom, top + 1), max(right, left + 1)).to_a1()
        raise errors.invalid_argument(
            f"Range ({where}) exceeds grid limits. Max rows: {tab.rows()}, max columns: {tab.columns()}"
        )
    return Rectangle(tab, top, left, min(bottom, tab.rows()), min(right, tab.columns()), single)


def _split(spreadsheet: Spreadsheet, text: str) -> tuple[Tab, str | None]:
    """The tab, and what stands after its title."""
    title, bang, corners = _title_and_rest(text)
    if bang:
        tab = spreadsheet.tab(title)
        if tab is None:
            raise errors.unparsable_range(text)
        return tab, corners or None
    tab = spreadsheet.tab(title)
    if tab is not None:
        return tab, None
    return spreadsheet.tabs[0], text


def _title_and_rest(text: str) -> tuple[str, bool, str]:
    if not text.startswith("'"):
        title, bang, corners = text.rpartition("!")
        return (title, True, corners) if bang else (text, False, "")
    found = re.match(r"^'((?:[^']|'')*)'(?:!(.*))?$", text, re.DOTALL)
    if found is None:
        raise errors.unparsable_range(text)
    return found[1].replace("''", "'"), found[2] is not None, found[2] or ""


def _corner(text: str, whole: str) -> Corner:
    found = _CORNER.match(text)
    if not text or found is None:
        raise errors.unparsable_range(whole)
    row = int(found[2]) - 1 if found[2] else None
    if row is not None and row < 0:
        raise errors.unparsable_range(whole)
    return row, column_index(found[1]) if found[1] else None
