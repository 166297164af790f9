"""Steps of normalising a row: each reads the columns of one field and writes what they say into a draft.

What belongs here: the draft, and the steps of fields that are text or a scalar. Names, addresses and numbers by which a
person is known are read in `identity_steps`. A step is made once for a sheet, with its columns in order of preference,
and called once for every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from leads_dagster.leads.companies import tidy_company
from leads_dagster.leads.dates import DateOrder, parse_date
from leads_dagster.leads.fields import ColumnTarget, Issue, IssueCode
from leads_dagster.leads.locations import join_location, tidy_location
from leads_dagster.leads.text import clean_line, clean_text

Columns = tuple[tuple[int, str], ...]
Address = tuple[tuple[int, str] | None, tuple[int, str] | None, tuple[int, str] | None]
Place = tuple[str, str]  # lead field and column label of a cell
CELL_SHOWN = 200


class Draft:
    """What has been read of one row so far; the steps write into it.

    Attributes:
        fields, emails, phones, addresses, facts, extra, issues: as in `NormalizedRow`.
        named: whether `fields["full_name"]` is a person's name.
        linked: whether `fields["linkedin_url"]` names a person.
        reachable: whether there is a phone or a website, by which a company can be told; a whole postal address will do
            as well, and is in `addresses`.
    """

    __slots__ = ("addresses", "emails", "extra", "facts", "fields", "issues", "linked", "named", "phones", "reachable")

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.emails: list[str] = []
        self.phones: list[str] = []
        self.addresses: list[str] = []
        self.facts: list[str] = []
        self.extra: dict[str, str] = {}
        self.issues: list[Issue] = []
        self.named = False
        self.linked = False
        self.reachable = False

    def flag(self, code: IssueCode, at: Place, cell: str, message: str, suggestion: str = "") -> None:
        """Notes what is wrong with a cell that is kept as it was."""
        self.issues.append(Issue(code, at[0], at[1], cell[:CELL_SHOWN], message, suggestion))

    def keep(self, label: str, cell: str) -> None:
        """Keeps a text beside the fields; a label that is taken gets a number."""
        key, number = label, 2
        while self.extra.get(key, cell) != cell:
            key, number = f"{label} {number}", number + 1
        self.extra[key] = cell


Step = Callable[[Sequence[str], Draft], None]


def ordered(columns: Iterable[ColumnTarget]) -> Columns:
    """(index, label) of columns, the preferred first."""
    return tuple(
        (column.index, column.label) for column in sorted(columns, key=lambda column: (column.rank, column.index))
    )


class TextStep:
    """A field of plain text: the first cell that says something; what other columns say is kept under their labels."""

    __slots__ = ("_clean", "_columns", "_field")

    def __init__(self, field: str, columns: Columns, clean: Callable[[str], str]) -> None:
        self._field = field
        self._columns = columns
        self._clean = clean

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        for index, label in self._columns:
            cell = cells[index]
            if not cell:
                continue
            text = self._clean(cell)
            if not text:
                continue
            if draft.fields.setdefault(self._field, text) != text:
                draft.keep(label, cell)


def text_step(field: str, columns: Columns) -> Step:
    """The step of a text field; notes keep their lines."""
    return TextStep(field, columns, clean_text if field == "notes" else clean_line)


def company_step(columns: Columns) -> Step:
    """The step of the company's name."""
    return TextStep("company", columns, _clean_company)


def _clean_company(cell: str) -> str:
    text = clean_line(cell)
    return tidy_company(text) if text else ""


class ScalarStep:
    """A number or a flag: what cannot be read as one stays as it was, flagged."""

    __slots__ = ("_code", "_columns", "_field", "_parse", "_wanted")

    def __init__(
        self, field: str, columns: Columns, *, parse: Callable[[str], str | None], code: IssueCode, wanted: str
    ) -> None:
        self._field = field
        self._columns = columns
        self._parse = parse
        self._code: IssueCode = code
        self._wanted = wanted

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        for index, label in self._columns:
            text = clean_line(cells[index])
            if not text:
                continue
            if self._field in draft.fields:
                draft.keep(label, cells[index])
                continue
            value = self._parse(text)
            draft.fields[self._field] = text if value is None else value
            if value is None:
                draft.flag(self._code, (self._field, label), cells[index], f"Not {self._wanted}.")


class TimeStep:
    """A date or time: what is unclear stays as it was, flagged with how it could be written."""

    __slots__ = ("_columns", "_field", "_order")

    def __init__(self, field: str, columns: Columns, *, order: DateOrder | None) -> None:
        self._field = field
        self._columns = columns
        self._order = order

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        for index, label in self._columns:
            text = clean_line(cells[index])
            if not text:
                continue
            if self._field in draft.fields:
                draft.keep(label, cells[index])
                continue
            found = parse_date(text, self._order)
            draft.fields[self._field] = found.value or text
            if found.ambiguous:
                draft.flag("ambiguous_date", (self._field, label), cells[index], "Means two days.", found.suggestion)
            elif not found.value:
                hint = found.suggestion or "Write it as 2026-02-15."
                draft.flag("invalid_date", (self._field, label), cells[index], "Not a date that can be read.", hint)


class LocationStep:
    """A place: a cell of its own, else the first address of which city, region or country is given.

    Args:
        whole: columns that hold a place.
        addresses: of each address (billing, shipping) its columns of city, region and country, None where it has none.
    """

    __slots__ = ("_addresses", "_whole")

    def __init__(self, whole: Columns, addresses: Sequence[Address]) -> None:
        self._whole = TextStep("location", whole, _clean_location)
        self._addresses = addresses

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        self._whole(cells, draft)
        for address in self._addresses:
            city, region, country = [clean_line(cells[column[0]]) if column else "" for column in address]
            if not (city or region or country):
                continue
            if "location" in draft.fields:
                self._keep(address, cells, draft)
            else:
                draft.fields["location"] = join_location(city, region, country)

    @staticmethod
    def _keep(address: Address, cells: Sequence[str], draft: Draft) -> None:
        for column in address:
            if column and cells[column[0]].strip():
                draft.keep(column[1], cells[column[0]])


def addresses_of(
    cities: Sequence[ColumnTarget], regions: Sequence[ColumnTarget], countries: Sequence[ColumnTarget]
) -> tuple[Address, ...]:
    """Which city, region and country belong together: those of one rank; a lone column goes with the first."""
    kinds = [_by_rank(kind) for kind in (cities, regions, countries)]
    shared = {rank for kind in kinds for rank in kind if sum(rank in other for other in kinds) > 1}
    first = min(shared or {rank for kind in kinds for rank in kind})
    for kind in kinds:
        if len(kind) == 1 and not shared.intersection(kind):
            kind[first] = kind.pop(next(iter(kind)))
    ranks = sorted({rank for kind in kinds for rank in kind})
    return tuple((kinds[0].get(rank), kinds[1].get(rank), kinds[2].get(rank)) for rank in ranks)


def _by_rank(columns: Sequence[ColumnTarget]) -> dict[int, tuple[int, str]]:
    by_rank: dict[int, tuple[int, str]] = {}
    for column in sorted(columns, key=lambda column: (column.rank, column.index)):
        rank = column.rank
        while rank in by_rank:
            rank += 1
        by_rank[rank] = (column.index, column.label)
    return by_rank


def _clean_location(cell: str) -> str:
    text = clean_line(cell)
    return tidy_location(text) if text else ""


class ExtraStep:
    """Columns without a field of their own: every cell as it was, under its label."""

    __slots__ = ("_columns",)

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        for index, label in self._columns:
            cell = cells[index]
            if cell and not cell.isspace():
                draft.keep(label, cell)
