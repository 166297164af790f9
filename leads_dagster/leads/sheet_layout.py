"""Which character separates the cells of a sheet, and which record is its header.

What belongs here: judging a sample of the sheet's first records. The words that headers are made of are not known
here; whoever knows them (`headers`) hands in a score.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leads_dagster.leads.records import parse_records, split_records

# How many cells of a record are headers that a lead has: 0 for data.
HeaderScore = Callable[[Sequence[str]], int]

# In order of preference among equals.
DELIMITERS = (",", ";", "\t", "|")

_SAMPLE_LINES = 400
_SAMPLE_RECORDS = 60
_HEADER_WITHIN = 30
_DECLARED = re.compile(r'"?sep=([^\w\s"]|\t)"?', re.IGNORECASE)
# How far rows agree with a header of another width, and how far a sheet of one column is believed.
_SPLIT_OTHERWISE = 0.6
_ONE_COLUMN = 0.3
_SURE_HEADER = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """How a sheet is laid out.

    Attributes:
        delimiter: what separates cells.
        header_index: 0-based record of the header; the records above it are a preamble.
    """

    delimiter: str
    header_index: int


def declared_delimiter(line: str) -> str | None:
    """The delimiter that Excel's first line `sep=;` declares, or None."""
    match = _DECLARED.fullmatch(line)
    return match[1] if match else None


def find_layout(lines: list[str], *, delimiter: str | None, score_header: HeaderScore | None) -> Layout | None:
    """The layout under which the first lines make most sense.

    Known header words weigh most, then that rows are as wide as the header, then the number of columns: addresses
    with commas in a semicolon file lose on all three.

    Args:
        lines: the sheet, split at line ends; only the first ones are looked at.
        delimiter: the only one to consider, where the sheet declares it.
        score_header: None when no header words are known; the layout is then judged by widths alone.

    Returns:
        None when no line holds a cell with text.
    """
    start = next((index for index, line in enumerate(lines) if line), 0)
    sample = lines[start : start + _SAMPLE_LINES]
    judged = [_judge(sample, candidate, score_header) for candidate in ([delimiter] if delimiter else DELIMITERS)]
    best = max((each for each in judged if each), key=lambda each: each.sense, default=None)
    return Layout(best.delimiter, start + best.header_index) if best else None


@dataclass(frozen=True, slots=True)
class _Judged:
    """A layout and how much sense it makes: header words, agreement of widths, no preamble, columns."""

    sense: tuple[int, float, bool, int]
    delimiter: str
    header_index: int


def _judge(lines: list[str], delimiter: str, score_header: HeaderScore | None) -> _Judged | None:
    records, _ = split_records(lines, delimiter)
    rows = list(parse_records(records[:_SAMPLE_RECORDS], delimiter))
    header_index = find_header(rows, score_header)
    if header_index is None:
        return None
    header = rows[header_index]
    words = score_header(header) if score_header else 0
    agreement = _agreement(len(header), [len(row) for row in rows[header_index + 1 :] if row])
    return _Judged((words, agreement, header_index == 0, len(header)), delimiter, header_index)


def _agreement(width: int, widths: Sequence[int]) -> float:
    """How far rows of these widths go with a header of that width: 1.0 when all are as wide."""
    if not widths:
        return 1.0 if width > 1 else _ONE_COLUMN
    equal = sum(each == width for each in widths) / len(widths)
    if width == 1:
        return _ONE_COLUMN * equal
    otherwise = sum(each not in (1, width) for each in widths) / len(widths)
    return round(equal + _SPLIT_OTHERWISE * otherwise, 2)


def find_header(rows: Sequence[Sequence[str]], score_header: HeaderScore | None) -> int | None:
    """The 0-based record of the header among the first 30.

    It is the record with most known header words, if those above it are a preamble: narrower, or without one known
    word where it has three. Without known words it is the first record at least half as full as the typical one.
    """
    filled = [sum(1 for cell in row if cell.strip()) for row in rows]
    if not any(filled):
        return None
    if score_header:
        scores = [score_header(row) for row in rows[:_HEADER_WITHIN]]
        known = [index for index in range(len(scores)) if _may_be_header(index, scores, filled)]
        if known:
            return max(known, key=lambda index: (scores[index], -index))
    counts = sorted(count for count in filled if count)
    typical = counts[len(counts) * 3 // 4]  # the upper quartile: blank cells are common, full rows are what matters
    return next(index for index, count in enumerate(filled) if count > typical / 2)


def _may_be_header(index: int, scores: Sequence[int], filled: Sequence[int]) -> bool:
    if not scores[index]:
        return False
    if all(count < filled[index] for count in filled[:index]):
        return True
    return scores[index] >= _SURE_HEADER and not any(scores[:index])
