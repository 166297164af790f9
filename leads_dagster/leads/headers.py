"""From the header of a sheet to the columns of a lead.

What belongs here: which column goes where, and what to say when none does. The words are data (`data/headers.toml`);
a customer's own `[customers.columns]` wins over them. Nothing is guessed from rows alone: a column of e-mail
addresses under an unknown header is suggested, never taken.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn

from leads_dagster.errors import SettingsError, UnknownHeadersError
from leads_dagster.leads.fields import ADDRESS_RANK_STEP, FACT_TARGETS, LEAD_FIELDS, ColumnMapping, ColumnTarget
from leads_dagster.leads.header_aliases import LANGUAGES, Recognition, fold_header, recognize, vocabulary
from leads_dagster.leads.header_context import Sample, SheetContext, are_profiles, decide
from leads_dagster.leads.tabular import column_labels

# To be raised when the same header and rows would be mapped otherwise than before.
HEADERS_VERSION = "3"

PART_TARGETS = (
    "first_name", "middle_name", "last_name", "name_prefix", "name_suffix",
    "country", "region", "city", "postal_code", "street", "street_number", "row_id",
    *FACT_TARGETS,
)  # fmt: skip

# One of these must be there, or no row can become a lead.
_IDENTITY = ("full_name", "first_name", "last_name", "email", "linkedin_url", "company")
_ADDRESS_PARTS = frozenset({"street", "street_number", "city", "region", "postal_code", "country"})

_NO_OVERRIDES: Mapping[str, str] = MappingProxyType({})
_NOTHING_LEARNED = _NO_OVERRIDES
_EMAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\W\d_]{2,}")
_VALUE = re.compile(rf"(?:{_EMAIL.pattern}|https?://\S+|www\.\S+)", re.IGNORECASE)
_CERTAIN_HEADERS = 3
_MAX_HEADERS_SHOWN = 30
_MAX_HEADER_SHOWN = 40
_NEAR = 75.0
# "Account ID" in data/headers.toml has this shift.
_SHARED_ID_SHIFT = 2
_MIN_IDS_TO_DOUBT = 10
_DISTINCT_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A column whose header says nothing, but whose rows do.

    Attributes:
        field: the lead field that the rows look like.
        label: the column.
    """

    field: str
    label: str


@dataclass(slots=True)
class _Column:
    """One column on its way to a `ColumnTarget`."""

    index: int
    label: str
    found: Recognition | None
    target: str | None
    overridden: bool = False

    def preference(self) -> tuple[bool, int, int, int]:
        """Sorts the columns of one target, best first."""
        rank, number = (self.found.rank, self.found.number) if self.found else (0, 1)
        return (not self.overridden, rank, number, self.index)

    def is_own_id(self) -> bool:
        """Whether an id column is known to be the row's own: no word such as "Account" stands beside it."""
        return self.overridden or self.found is None or self.found.shift < _SHARED_ID_SHIFT

    def address(self) -> tuple[int, int]:
        """Which of the sheet's addresses a part belongs to: by the words around it, then by its number."""
        return (self.found.shift, self.found.number) if self.found and not self.overridden else (0, 1)


def map_headers(
    header: Sequence[str],
    *,
    overrides: Mapping[str, str] = _NO_OVERRIDES,
    sample: Sample = (),
    learned: Mapping[str, str] = _NOTHING_LEARNED,
) -> ColumnMapping:
    """Says for every column where its cells go.

    Args:
        header: the header cells as they are.
        overrides: field (or part of one) -> header, from `[customers.columns]`; wins over every alias.
        sample: some of the first rows; decides only between meanings that a header can have ("Title", "URL").
        learned: folded header -> field, as people confirmed it; wins over every alias, `overrides` win over it.

    Raises:
        UnknownHeadersError: no column makes a lead, or the first row is no header.
        SettingsError: an override names a field or a header that does not exist.
    """
    columns = _columns(header)
    _apply_overrides(columns, overrides)
    _apply_learned(columns, {header: field for header, field in learned.items() if field not in overrides})
    _refuse_headerless(columns)
    language = _language(columns)
    _decide(columns, sample, language)
    _keep_one_row_id(columns, sample)
    if not any(column.target in _IDENTITY for column in columns):
        _refuse_unknown(columns, sample)
    return ColumnMapping(_ranked(columns), language)


def header_words(
    cells: Sequence[str],
    *,
    overrides: Mapping[str, str] = _NO_OVERRIDES,
    learned: Mapping[str, str] = _NOTHING_LEARNED,
) -> int:
    """How many cells are headers that a lead has; tells a header from a preamble and from data."""
    own = {*map(fold_header, overrides.values()), *learned}
    return sum(1 for cell in cells if cell and (recognize(cell) is not None or (own and fold_header(cell) in own)))


def suggestions(mapping: ColumnMapping, sample: Sample) -> tuple[Suggestion, ...]:
    """Columns kept in raw_data whose rows are mostly e-mail addresses or LinkedIn profiles."""
    return _suggested([(column.index, column.label) for column in mapping.columns if column.target is None], sample)


def _columns(header: Sequence[str]) -> list[_Column]:
    found = [recognize(cell) if cell.strip() else None for cell in header]
    return [
        _Column(index, label, recognition, recognition.target if recognition else None)
        for index, (label, recognition) in enumerate(zip(column_labels(header), found, strict=True))
    ]


def _apply_overrides(columns: Sequence[_Column], overrides: Mapping[str, str]) -> None:
    for field, header in overrides.items():
        if field not in LEAD_FIELDS and field not in PART_TARGETS:
            _refuse_setting(
                f'[customers.columns] names "{field}", which is no field of a lead.',
                field,
                [*LEAD_FIELDS, *PART_TARGETS],
            )
        column = _named(columns, header)
        if column is None:
            _refuse_setting(
                f'[customers.columns] {field} = "{header}": the sheet has no such column.',
                header,
                [each.label for each in columns],
            )
        if column.overridden:
            raise SettingsError(f'[customers.columns] gives the column "{column.label}" to two fields.')
        column.target, column.overridden = field, True


def _apply_learned(columns: Sequence[_Column], learned: Mapping[str, str]) -> None:
    for column in columns:
        field = learned.get(fold_header(column.label)) if learned and not column.overridden else None
        if field is not None:
            column.target, column.overridden = field, True


def _named(columns: Sequence[_Column], header: str) -> _Column | None:
    exact = [column for column in columns if column.label == header.strip()]
    folded = [column for column in columns if fold_header(column.label) == fold_header(header)]
    return next(iter(exact or folded), None)


def _refuse_setting(message: str, word: str, choices: Sequence[str]) -> NoReturn:
    near = _nearest(word, choices)
    advice = f'Did you mean "{near}"?' if near else f"There are: {_listed(choices)}."
    raise SettingsError(message, advice=advice)


def _refuse_headerless(columns: Sequence[_Column]) -> None:
    """A first row with an address in it is a row, not a header; it must not be lost as one."""
    values = [column.label for column in columns if _VALUE.fullmatch(column.label)]
    if not values or sum(column.target is not None for column in columns) >= _CERTAIN_HEADERS:
        return
    raise UnknownHeadersError(
        "The sheet has no header row: its first row holds values such as an e-mail or web address.",
        advice='Insert a row above it that names the columns, for example "Name", "Email", "Company".',
        columns=len(columns),
    )


def _decide(columns: Sequence[_Column], sample: Sample, language: str) -> None:
    headers = [fold_header(column.label) for column in columns]
    context = SheetContext(headers, [column.target for column in columns], sample, language)
    for column, target in zip(columns, decide(context), strict=True):
        column.target = target


def _keep_one_row_id(columns: Sequence[_Column], sample: Sample) -> None:
    """The best id column stays: the row's own before the account's, which several contacts may share."""
    ids = sorted((column for column in columns if column.target == "row_id"), key=_Column.preference)
    kept = next((column for column in ids if column.is_own_id() or _tells_apart(column.index, sample)), None)
    for column in ids:
        if column is not kept:
            column.target = None


def _tells_apart(index: int, sample: Sample) -> bool:
    """Whether hardly any value repeats; a few rows, or a few blanks and copies among many, prove nothing."""
    values = [row[index] for row in sample if index < len(row) and row[index].strip()]
    return len(values) < _MIN_IDS_TO_DOUBT or len(set(values)) >= _DISTINCT_SHARE * len(values)


def _ranked(columns: Sequence[_Column]) -> tuple[ColumnTarget, ...]:
    addresses = sorted({column.address() for column in columns if column.target in _ADDRESS_PARTS})
    seen: Counter[tuple[str | None, int]] = Counter()
    ranks: dict[int, int] = {}
    for column in sorted(columns, key=_Column.preference):
        base = ADDRESS_RANK_STEP * addresses.index(column.address()) if column.target in _ADDRESS_PARTS else 0
        ranks[column.index] = base + seen[column.target, base] if column.target else 0
        seen[column.target, base] += 1
    return tuple(ColumnTarget(column.index, column.label, column.target, ranks[column.index]) for column in columns)


def _language(columns: Sequence[_Column]) -> str:
    votes = Counter(language for column in columns if column.found for language in column.found.languages)
    return max(LANGUAGES, key=lambda language: votes[language])


def _refuse_unknown(columns: Sequence[_Column], sample: Sample) -> NoReturn:
    labels = [column.label for column in columns]
    spellings = list(vocabulary().spellings)
    seen = [_seen(label, _nearest(label, spellings)) for label in labels[:_MAX_HEADERS_SHOWN]]
    more = f" and {len(labels) - len(seen)} more" if len(labels) > len(seen) else ""
    suggested = _suggested([(column.index, column.label) for column in columns], sample)
    raise UnknownHeadersError(
        "No column of this sheet makes a lead: there is no name, e-mail, LinkedIn or company column. "
        f"Headers seen: {', '.join(seen)}{more}.",
        advice=_advice(labels, suggested),
        columns=len(labels),
        headers=[_cut(label) for label in labels[:_MAX_HEADERS_SHOWN]],
    )


def _seen(label: str, near: str | None) -> str:
    return f'"{_cut(label)}"' + (f' (nearest: "{near}")' if near else "")


def _advice(labels: Sequence[str], suggested: Sequence[Suggestion]) -> str:
    example = suggested[0] if suggested else Suggestion("email", labels[0])
    found = f'"{_cut(example.label)}" looks like {example.field}. ' if suggested else ""
    return (
        f'{found}Rename the columns, for example to "Name", "Email" or "Company", or say which is which under '
        f'[customers.columns] in leads.toml, for example: {example.field} = "{_cut(example.label)}". '
        f"`{confirming(example)}` says the same."
    )


def confirming(suggestion: Suggestion) -> str:
    """The command by which a person confirms a suggestion; a label is data, so it is quoted for the shell."""
    label = shlex.quote(suggestion.label) if len(suggestion.label) <= _MAX_HEADER_SHOWN else "HEADER"
    return f"leads learned add header {label} {suggestion.field}"


def _suggested(columns: Sequence[tuple[int, str]], sample: Sample) -> tuple[Suggestion, ...]:
    found = []
    for index, label in columns:
        values = [row[index].strip() for row in sample if index < len(row) and row[index].strip()]
        field = next((name for name, test in _VALUE_TESTS if values and test(values)), None)
        if field:
            found.append(Suggestion(field, label))
    return tuple(found)


def _are_emails(values: Sequence[str]) -> bool:
    return sum(bool(_EMAIL.fullmatch(value)) for value in values) > len(values) / 2


_VALUE_TESTS: tuple[tuple[str, Callable[[Sequence[str]], bool]], ...] = (
    ("email", _are_emails),
    ("linkedin_url", are_profiles),
)


def _nearest(word: str, choices: Sequence[str]) -> str | None:
    """The choice most alike, where one is alike enough to be meant."""
    from rapidfuzz import fuzz, process

    found = process.extractOne(
        fold_header(word), list(map(fold_header, choices)), scorer=fuzz.ratio, score_cutoff=_NEAR
    )
    return choices[found[2]] if found else None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_HEADERS_SHOWN} more" if len(names) > _MAX_HEADERS_SHOWN else ""
    return ", ".join(f'"{_cut(name)}"' for name in names[:_MAX_HEADERS_SHOWN]) + more


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_HEADER_SHOWN else f"{text[: _MAX_HEADER_SHOWN - 1]}…"
