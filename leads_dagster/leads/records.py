"""Where one record of a CSV ends and the next begins, without parsing it.

What belongs here: the splitting of text into records, exactly where `csv.reader` would, and the parsing of single
records. Splitting is what every changed sheet pays for each row; parsing is paid for changed rows only.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

# The csv module refuses cells above 128 KiB by default; the limit is one number for the whole process. A sheet is
# limited in bytes where it is fetched, and long cells go to quarantine later. 2**31 - 1 fits a C long everywhere.
csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))


_LineTest = Callable[[str], "re.Match[str] | None"]


def unify_line_ends(text: str) -> str:
    """CRLF and CR become LF, inside quoted cells too: the same sheet gives the same cells whoever exported it."""
    if "\r" not in text:
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n")


def split_records(lines: list[str], delimiter: str) -> tuple[list[str], bool]:
    """Joins the lines that a quoted line break keeps together.

    Args:
        lines: text split at "\\n".

    Returns:
        The records, blank ones included, and whether the last one ends inside an open quote.
    """
    if not any('"' in line for line in lines):
        return lines, False
    ends_closed, closes = _quote_patterns(delimiter)
    records: list[str] = []
    open_lines: list[str] = []
    for line in lines:
        if open_lines:
            open_lines.append(line)
            if '"' in line and closes(line):
                records.append("\n".join(open_lines))
                open_lines = []
        elif '"' not in line or ends_closed(line):
            records.append(line)
        else:
            open_lines = [line]
    if open_lines:
        records.append("\n".join(open_lines))
    return records, bool(open_lines)


def parse_records(records: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """The cells of each record, as `csv.reader` gives them; a blank record has none."""
    return csv.reader(records, delimiter=delimiter)


def parse_record(record: str, delimiter: str) -> list[str]:
    """The cells of one record."""
    return next(csv.reader((record,), delimiter=delimiter))


@lru_cache(maxsize=16)
def _quote_patterns(delimiter: str) -> tuple[_LineTest, _LineTest]:
    """Two tests for one physical line: "begun outside quotes, ends outside" and "begun inside, ends outside".

    They say what the state machine of CPython's `_csv.c` does: a quote opens only as the first character of a cell,
    a doubled quote inside is one quote, and what follows the closing quote belongs to the cell, quotes and all.
    """
    separator = re.escape(delimiter)
    rest = f"[^{separator}]*"
    quoted = '[^"]*(?:""[^"]*)*"(?!")' + rest
    cell = f'(?:"{quoted}|(?!"){rest})'
    more = f"(?:{separator}{cell})*"
    return re.compile(cell + more).fullmatch, re.compile(quoted + more).fullmatch
