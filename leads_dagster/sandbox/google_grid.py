"""A tab's cells: read from the bytes of a CSV file as Google's import would, and written out as its export does."""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections.abc import Iterable, Sequence

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


def width_of(rows: Iterable[Sequence[str]]) -> int:
    return max((len(trim_cells(row)) for row in rows), default=0)


def write_csv(rows: Grid) -> bytes:
    """UTF-8 without BOM, CRLF between rows, none at the end, rows padded to one width, quotes only where needed."""
    width = width_of(rows)
    lines = (",".join(map(_quoted, (list(row) + [""] * width)[:width])) for row in rows)
    return "\r\n".join(lines).encode()


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell
