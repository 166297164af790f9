"""Writing CSV that a spreadsheet shows and does not run.

What belongs here: the one way in which this project writes CSV. Cells are data: what would start a formula when the
file is opened is made plain text first.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

# Excel, LibreOffice and Google Sheets take these for the start of a formula, Excel in East Asian settings the wide
# forms too (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]\d+(?:[.,]\d+)*", re.ASCII)


def neutralize_formula(cell: str) -> str:
    """The cell with a leading apostrophe when a spreadsheet would run it; otherwise the cell.

    Neutralised: every cell that begins with = + - @, a tab or a line break, or with the wide forms of the signs.
    Left alone: a sign followed by nothing but one number, digits in groups by points or commas ("-5", "+3.50",
    "-1,234.56"), which is also the shape of an E.164 phone number ("+49301234"): there is nothing in it to run.
    Phones in groups ("+1-815-890-8301") are neutralised: a spreadsheet would work them out.
    """
    if not cell.startswith(_FORMULA_STARTS) or _NUMBER.fullmatch(cell):
        return cell
    return "'" + cell


def write_csv(target: Path | TextIO, header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Writes header and rows as UTF-8 CSV with commas and LF, every cell neutralised.

    Args:
        target: a path, which is overwritten, or an open text file (opened with newline="").
        rows: cells as strings.

    Returns:
        The number of rows written, without the header.
    """
    if isinstance(target, Path):
        with target.open("w", encoding="utf-8", newline="") as file:
            return write_csv(file, header, rows)
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([neutralize_formula(cell) for cell in header])
    count = 0
    for row in rows:
        writer.writerow([neutralize_formula(cell) for cell in row])
        count += 1
    return count
