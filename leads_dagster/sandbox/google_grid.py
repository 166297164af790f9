"""A tab's cells: read from the bytes of a CSV file as Google's import would, and written out as its export does."""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections.abc import Sequence

Grid = list[list[str]]
_DELIMITERS = ",;\t|"
_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def read_grid(data: bytes) -> Grid:
    """The cells of a CSV file in any of the usual encodings and delimiters; trailing empty rows are not kept."""
    text = decode(data).replace("\0", "")
    csv.field_size_limit(sys.maxsize)
    return trim_rows([list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))])


def decode(data: bytes) -> str:
    """By byte order mark, else UTF-8, else Windows-1252 (Latin-1 where that has no letter)."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def delimiter_of(text: str) -> str:
    """The candidate seen most often, outside quotes, in the first line that holds any: the header, as a rule."""
    for line in re.sub(r'"[^"]*"', "", text[:50_000]).splitlines():
        best = max(_DELIMITERS, key=line.count)
        if best in line:
            return best
    return ","


def trim_rows(rows: Grid) -> Grid:
    """Without the empty rows at the end."""
    end = len(rows)
    while end and not any(rows[end - 1]):
        end -= 1
    return rows[:end]


def trim_cells(row: Sequence[str]) -> list[str]:
    """Without the empty cells at the end."""
    end = len(row)
    while end and not row[end - 1]:
        end -= 1
    return list(row[:end])


def width_of(rows: Grid) -> int:
    """How many columns hold anything."""
    width = max(map(len, rows), default=0)
    while width and not any(len(row) >= width and row[width - 1] for row in rows):
        width -= 1
    return width


def write_csv(rows: Grid) -> bytes:
    """UTF-8 without BOM, CRLF between rows, none at the end, rows padded to one width, quotes only where needed."""
    width = width_of(rows)
    if width == 1:  # the csv module would quote an empty cell that is alone in its row
        return "\r\n".join(_quoted(row[0] if row else "") for row in rows).encode()
    text = io.StringIO(newline="")
    padded = (row if len(row) == width else (row + [""] * width)[:width] for row in rows)
    csv.writer(text, lineterminator="\r\n").writerows(padded)
    return text.getvalue().removesuffix("\r\n").encode()


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell
