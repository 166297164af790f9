"""A sheet as records: its header, its rows as text, and their digests.

What belongs here: the table that everything after fetching works on, and how it is read from bytes. Every cell stays
the string it was; what a column means is `headers`, what a cell means is `normalization`.

Reading does not parse. A sheet that changed is read again within the second, and of 100,000 rows perhaps one is new:
records are split and hashed, and only those asked for are taken apart into cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import xxhash

from leads_dagster.errors import SheetFormatError
from leads_dagster.leads.csv_writing import neutralize_formula, write_csv
from leads_dagster.leads.decoding import Decoded, decode
from leads_dagster.leads.records import parse_record, parse_records, split_records, unify_line_ends
from leads_dagster.leads.sheet_layout import HeaderScore, Layout, declared_delimiter, find_layout

__all__ = ["Decoded", "Table", "column_labels", "decode", "neutralize_formula", "read_table", "write_csv"]

DIGEST_BYTES = 16

_TEXT = re.compile(r"[^\W_]")
_MAX_FOOTER_RECORDS = 30
_MIN_COLUMNS_FOR_FOOTER = 3


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet.

    Attributes:
        header: the cells of the header as they are, blank and repeated ones too.
        first_row: 1-based row in the sheet of the first data record, or where it would be.
        lines: the text of each data record; a quoted line break stays inside its record, as "\\n". Wholly empty lines
            are left out, records of delimiters only are not.
        row_numbers: 1-based row in the sheet of each record, counting records (not physical lines) from the top.
        delimiter: what separates cells.
        encoding: the codec the bytes were read with.
        preamble: records above the header.
        footer: what stands below the rows and is none: after an empty line, records of one cell to the very end
            (Salesforce signs its reports so).
    """

    header: tuple[str, ...]
    first_row: int
    lines: list[str]
    row_numbers: Sequence[int]
    delimiter: str
    encoding: str
    preamble: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    def cells(self, index: int) -> list[str]:
        """The cells of the data record at `index` (0-based); as many as it has, not as the header has."""
        return parse_record(self.lines[index], self.delimiter)

    def rows(self, indexes: Iterable[int] | None = None) -> Iterator[list[str]]:
        """The cells of the records at `indexes`, in that order; of all without."""
        lines = self.lines if indexes is None else map(self.lines.__getitem__, indexes)
        return parse_records(lines, self.delimiter)

    def digests(self) -> bytes:
        """xxh3-128 of the UTF-8 text of each record, 16 bytes each, in order, in one piece."""
        digest = xxhash.xxh3_128_digest
        return b"".join([digest(line.encode()) for line in self.lines])


def read_table(data: bytes, *, score_header: HeaderScore | None = None) -> Table:
    """Reads an export: finds encoding, delimiter, preamble and header, and splits the rest into records.

    A header without rows is a table of length 0.

    Args:
        data: the bytes as fetched.
        score_header: how many known header words a record has; `sheet.read_sheet` passes the project's own.

    Raises:
        SheetFormatError: no table: empty, binary, a web page, JSON, or a quoted cell that never ends.
    """
    decoded = decode(data)
    lines = unify_line_ends(decoded.text).split("\n")
    declared = declared_delimiter(lines[0])
    if declared:
        del lines[0]
    layout = find_layout(lines, delimiter=declared, score_header=score_header) if _TEXT.search(decoded.text) else None
    if layout is None:
        raise SheetFormatError(
            "The sheet is empty: no cell holds text.", advice="Check that the right sheet was given."
        )
    return _table(lines, layout, decoded.encoding)


def _table(lines: list[str], layout: Layout, encoding: str) -> Table:
    records, unclosed = split_records(lines, layout.delimiter)
    if unclosed:
        _refuse_unclosed(len(records))
    header = tuple(parse_record(records[layout.header_index], layout.delimiter))
    end = _footer_start(records, layout, width=len(header))
    start = layout.header_index + 1
    body, row_numbers = _without_empty(records[start:end], first_row=start + 1)
    return Table(
        header=header,
        first_row=row_numbers[0] if body else start + 1,
        lines=body,
        row_numbers=row_numbers,
        delimiter=layout.delimiter,
        encoding=encoding,
        preamble=tuple(record for record in records[: layout.header_index] if record),
        footer=tuple(record for record in records[end:] if record),
    )


def _refuse_unclosed(row: int) -> None:
    """Going on would make one cell of everything below the quote, and lose those rows without a word."""
    raise SheetFormatError(
        f"A quoted cell that begins in row {row} never ends.",
        advice="The file was cut off, or the row holds a single quotation mark: fetch it again, or mend that row.",
        row=row,
    )


def _without_empty(records: list[str], *, first_row: int) -> tuple[list[str], Sequence[int]]:
    if records and not records[-1]:
        records.pop()  # the line end after the last record is not a record
    if "" not in records:
        return records, range(first_row, first_row + len(records))
    numbered = [(row, record) for row, record in enumerate(records, first_row) if record]
    return [record for _, record in numbered], [row for row, _ in numbered]


def _footer_start(records: list[str], layout: Layout, *, width: int) -> int:
    """Where the footer begins; the number of records where there is none.

    A grid writes every row as wide as its header, so that a record of one cell after an empty line is none of its
    rows. Only in sheets of three columns and more, where that can be told.
    """
    end = len(records)
    if width < _MIN_COLUMNS_FOR_FOOTER:
        return end
    lowest = max(layout.header_index + 2, end - _MAX_FOOTER_RECORDS)
    start = end
    while start > lowest and _may_be_footer(records[start - 1], layout.delimiter):
        start -= 1
    blank = next((index for index in range(start, end) if not records[index]), end)
    return blank if any(records[blank:]) else end


def _may_be_footer(record: str, delimiter: str) -> bool:
    """At most one cell, and not an e-mail address alone: that would be a lead."""
    cells = parse_record(record, delimiter)
    return len(cells) <= 1 and not any("@" in cell and " " not in cell.strip() for cell in cells)


def column_labels(header: Sequence[str]) -> tuple[str, ...]:
    """One unique label a column: the header, trimmed; "column_5" (1-based) where blank, "Notes_2" where repeated."""
    trimmed = [cell.strip().strip("\ufeff") for cell in header]
    taken = set(trimmed)
    seen: set[str] = set()
    labels = []
    for position, name in enumerate(trimmed, 1):
        label = name or f"column_{position}"
        if label in seen or (not name and label in taken):
            label = _next_free(label, taken)
        seen.add(label)
        taken.add(label)
        labels.append(label)
    return tuple(labels)


def _next_free(label: str, taken: set[str]) -> str:
    number = 2
    while f"{label}_{number}" in taken:
        number += 1
    return f"{label}_{number}"
