"""Where one record of a CSV ends and the next begins, without parsing it.

What belongs here: the splitting of text into records, exactly where `csv.reader` would, and the parsing of single
records. Splitting is what every changed sheet pays for each row; parsing is paid for changed rows only.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

# The csv module refuses cells above 128 KiB by default; the limit is one number for the whole process. A sheet is
# limited in bytes where it is fetched, and long cells go to quarantine later. 2**31 - 1 fits a C long everywhere.
csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))


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
    quotes = _quotes(delimiter)
    records: list[str] = []
    open_lines: list[str] = []
    for line in lines:
        if open_lines:
            open_lines.append(line)
            if '"' in line and quotes.closes(line):
                records.append("\n".join(open_lines))
                open_lines = []
        elif '"' in line and quotes.stays_open(line):
            open_lines = [line]
        else:
            records.append(line)
    if open_lines:
        records.append("\n".join(open_lines))
    return records, bool(open_lines)


def parse_records(records: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """The cells of each record, as `csv.reader` gives them; a blank record has none."""
    return csv.reader(records, delimiter=delimiter)


def parse_record(record: str, delimiter: str) -> list[str]:
    """The cells of one record."""
    return next(csv.reader((record,), delimiter=delimiter))


@dataclass(frozen=True, slots=True)
class _Quotes:
    """Whether a physical line ends inside quotes, by the state machine of CPython's `_csv.c`.

    There a quote opens only as the first character of a cell, a doubled quote inside is one quote, and what follows
    the closing quote belongs to the cell, quotes and all. A pair of quotes can be left out first: it never changes
    whether what follows stands inside. Without pairs every quoted cell ends at its next quote; with those cells cut
    out, a quote that still begins a cell has no end in this line.
    """

    opening: str
    quoted_cell: re.Pattern[str]

    def stays_open(self, line: str) -> bool:
        """Of a line that begins outside quotes.

        Most lines need one look: the last quote can only have opened a cell right after a delimiter, and only
        ended in a pair right after a quote.
        """
        last = line.rfind('"')
        if last > 0 and line[last - 1] not in self.opening:
            return False
        return self._opens(line.replace('""', ""))

    def closes(self, line: str) -> bool:
        """Of a line that begins inside quotes."""
        _, quote, rest = line.replace('""', "").partition('"')
        return bool(quote) and not self._opens(rest)

    def _opens(self, text: str) -> bool:
        if not (text.startswith('"') or self.opening in text):
            return False
        rest = self.quoted_cell.sub("", text)
        return rest.startswith('"') or self.opening in rest


@lru_cache(maxsize=16)
def _quotes(delimiter: str) -> _Quotes:
    return _Quotes(f'{delimiter}"', re.compile(f'(?:(?<={re.escape(delimiter)})|^)"[^"]*"'))
