"""Facts of a person that are no field of a lead and yet tell who it is: birth date, and numbers that a person has.

What belongs here: reading such cells into a form in which equal facts are equal texts. The cells stay beside the fields
as they were; what two facts say of two rows is worked out in `personal_evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leads_dagster.leads.dates import DateOrder, parse_date
from leads_dagster.leads.fields import BIRTH_DATE, FACT_TARGETS, TAX_NUMBER, ColumnTarget
from leads_dagster.leads.row_steps import Columns, Draft, ordered
from leads_dagster.leads.text import clean_line

_DAY_DIGITS = 8
_LEAST_CHARACTERS, _MOST_CHARACTERS = 4, 40
_ASCENDING, _DESCENDING = "01234567890", "09876543210"
# What programs write where nobody knows.
_NO_DAYS = frozenset({"19000101", "19010101", "19700101", "20000101", "00000000", "99991231"})


class FactStep:
    """The facts of a row that names a person; a tax number beside a company is the company's."""

    __slots__ = ("_columns", "_order")

    def __init__(self, columns: Mapping[str, Columns], order: DateOrder | None) -> None:
        self._columns, self._order = columns, order

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        if not draft.named:
            return
        for kind, columns in self._columns.items():
            if kind == TAX_NUMBER and "company" in draft.fields:
                continue
            read = (self._read(kind, clean_line(cells[index])) for index, _ in columns)
            if value := next(filter(None, read), ""):
                draft.facts.append(f"{kind}:{value}")

    def _read(self, kind: str, text: str) -> str:
        return day(text, self._order) if kind == BIRTH_DATE else number(text)


def fact_step(targets: Mapping[str, Sequence[ColumnTarget]], order: DateOrder | None) -> FactStep | None:
    """The step of a sheet's columns of facts; None where it has none."""
    columns = {kind: ordered(targets[kind]) for kind in FACT_TARGETS if kind in targets}
    return FactStep(columns, order) if columns else None


def day(text: str, order: DateOrder | None = None) -> str:
    """A day as eight digits, year first; "" where the text is none, or one that stands for an unknown day.

    A day that may be two is read day first: two rows that write it alike stay alike.
    """
    if not text:
        return ""
    found = parse_date(text, order or "dmy").value[:10].replace("-", "")
    digits = found or "".join(filter(str.isdigit, text))
    return digits if len(digits) == _DAY_DIGITS and digits.isascii() and digits not in _NO_DAYS else ""


def day_for_month(day: str) -> str:
    """A day of eight digits with its month and day changed round; "" stays ""."""
    return f"{day[:4]}{day[6:]}{day[4:6]}"


def number(text: str) -> str:
    """Letters and digits of a number, without leading zeros; "" where it is too short, or made up ("1111", "12345")."""
    folded = "".join(filter(str.isalnum, text.casefold())).lstrip("0")
    if not _LEAST_CHARACTERS <= len(folded) <= _MOST_CHARACTERS or not any(map(str.isdigit, folded)):
        return ""
    made_up = len(set(folded)) == 1 or folded in _ASCENDING or folded in _DESCENDING
    return "" if made_up else folded
