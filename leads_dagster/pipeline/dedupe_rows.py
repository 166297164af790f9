"""From a file of a person's own to rows ready for matching.

What belongs here: for `leads dedupe`, which column is what, and which rows can be leads. The rules are those of a sync,
with one exception: in a list that names companies and nothing else, a company is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from leads_dagster.errors import SettingsError, UnknownHeadersError
from leads_dagster.leads.fields import (
    FACT_TARGETS,
    ColumnMapping,
    ColumnTarget,
    Issue,
    NormalizationRules,
    NormalizedRow,
)
from leads_dagster.leads.header_aliases import fold_header
from leads_dagster.leads.headers import Suggestion, header_words, map_headers, suggestions
from leads_dagster.leads.many_objects import without_collecting
from leads_dagster.leads.matching import MatchRecord, match_record
from leads_dagster.leads.sheet import SAMPLE_ROWS
from leads_dagster.leads.tabular import Table, column_labels, read_table
from leads_dagster.pipeline.worker_rows import normalized_rows

NO_COLUMNS: Mapping[str, str] = MappingProxyType({})

_ROWS_A_STEP = 2_000
_MAX_HEADERS_SHOWN = 30
# What a row can be told by beside the company's name.
_TELLS_MORE = frozenset(
    {"full_name", "first_name", "last_name", "email", "linkedin_url", "phone", "website", "street", "postal_code"}
)
_TELLS_PEOPLE_APART = frozenset({"email", "linkedin_url", "phone", "company", "street", *FACT_TARGETS})
# Fields whose texts many rows have.
_OFTEN_SHARED = frozenset(
    {"company", "title", "location", "industry", "company_size", "status", "source", "verified", "enriched"}
)
_ONLY_COMPANIES = (
    "The list names companies and nothing that would tell two of one name apart: rows that say the same are one lead. "
    "With telephones, websites or addresses far more could be found."
)
_ONLY_NAMES = (
    "The list names people and nothing that would tell two of one name apart, so all rows stay apart. "
    "With companies, e-mail addresses, telephones, postal addresses or birth dates they could be matched."
)


@dataclass(frozen=True, slots=True)
class SheetRows:
    """A file that has been read, and where its columns go."""

    table: Table
    mapping: ColumnMapping

    @property
    def note(self) -> str:
        """What to say of a list that gives little to go by; "" of any other."""
        targets = {column.target for column in self.mapping.columns}
        if self.only_companies:
            return _ONLY_COMPANIES
        return _ONLY_NAMES if targets.isdisjoint(_TELLS_PEOPLE_APART) else ""

    @property
    def only_companies(self) -> bool:
        """Whether the file says nothing that could tell one row from another but a company's name and its place."""
        return not any(column.target in _TELLS_MORE for column in self.mapping.columns)


@dataclass(slots=True)
class Faults:
    """Rows that cannot be leads, and cells that could not be read.

    Attributes:
        quarantined: numbers of the rows, from 0, in order.
        kinds: (stops the row, code, field) -> how often, and the first few.
    """

    quarantined: list[int] = field(default_factory=list)
    kinds: dict[tuple[bool, str, str], FaultKind] = field(default_factory=dict)

    def note(self, row_id: int, issue: Issue, *, stops: bool) -> None:
        kind = self.kinds.setdefault((stops, issue.code, issue.field), FaultKind())
        kind.count += 1
        if len(kind.first) < FaultKind.SHOWN:
            kind.first.append((row_id, issue))


@dataclass(slots=True)
class FaultKind:
    """How often one thing was wrong, and where first: (row number from 0, what)."""

    count: int = 0
    first: list[tuple[int, Issue]] = field(default_factory=list)

    SHOWN = 5


def read_source(source: Path | BinaryIO) -> bytes:
    """All bytes of a file or an open stream.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return source.read_bytes() if isinstance(source, Path) else source.read()
    except OSError as error:
        raise SettingsError(f"{source} cannot be read: {error.strerror}.", advice="Check the path.") from error


def sheet_rows(
    data: bytes, *, columns: Mapping[str, str] = NO_COLUMNS, usual_columns: Mapping[str, str] = NO_COLUMNS
) -> SheetRows:
    """The table that the bytes hold, and where its columns go.

    Args:
        data: a CSV or TSV file in any encoding.
        columns: field -> header, as named with --column; the header must be there.
        usual_columns: field -> header, those of the customer; left aside where the file has no such header.

    Raises:
        SheetFormatError: the bytes are no table.
        UnknownHeadersError: no column makes a lead.
        SettingsError: --column names a header that is not there, or one header for two fields.
    """
    table = read_table(data, score_header=partial(header_words, overrides={**usual_columns, **columns}))
    sample = list(table.rows(range(min(SAMPLE_ROWS, len(table)))))
    try:
        mapping = map_headers(table.header, overrides=_chosen(table.header, columns, usual_columns), sample=sample)
    except UnknownHeadersError as error:
        if "headers" not in error.context:
            raise
        raise UnknownHeadersError(error.message, advice=_advice(table, sample)) from error
    return SheetRows(table, mapping)


def _chosen(header: Sequence[str], columns: Mapping[str, str], usual_columns: Mapping[str, str]) -> dict[str, str]:
    labels = column_labels(header)
    there = {*labels, *map(fold_header, labels)}
    taken: dict[str, str] = {}
    for name, label in columns.items():
        if label.strip() not in there and fold_header(label) not in there:
            _refuse_column(name, label, labels)
        other = taken.setdefault(fold_header(label), name)
        if other != name:
            raise SettingsError(f'--column gives "{label[:80]}" to {other} and to {name}.', advice="Name it once.")
    usual = {
        name: label
        for name, label in usual_columns.items()
        if name not in columns and fold_header(label) in there and fold_header(label) not in taken
    }
    return {**usual, **columns}


def _refuse_column(name: str, label: str, labels: Sequence[str]) -> None:
    listed = ", ".join(f'"{each[:40]}"' for each in labels[:_MAX_HEADERS_SHOWN])
    more = f" and {len(labels) - _MAX_HEADERS_SHOWN} more" if len(labels) > _MAX_HEADERS_SHOWN else ""
    raise SettingsError(
        f'--column {name}="{label[:80]}": the file has no such column.', advice=f"There are: {listed}{more}."
    )


def _advice(table: Table, sample: Sequence[Sequence[str]]) -> str:
    labels = column_labels(table.header)
    unread = ColumnMapping(tuple(ColumnTarget(index, label, None) for index, label in enumerate(labels)))
    found = suggestions(unread, sample)
    looks = f'"{found[0].label[:40]}" looks like {found[0].field}. ' if found else ""
    example = found[0] if found else Suggestion("full_name", labels[0])
    return (
        f'{looks}Say which column is what, for example --column {example.field}="{example.label[:40]}"; one of '
        "full_name, first_name and last_name, email, linkedin_url or company is needed."
    )


@without_collecting()
def match_records(
    rows: SheetRows, rules: NormalizationRules, progress: Callable[[float], None], *, workers: int = 0
) -> tuple[list[MatchRecord], Faults]:
    """Rows ready for matching, numbered from 0, and what is wrong with the others.

    Args:
        rules: what the customer has set about normalising.
        progress: called with the share that is done, 0 to 1.
        workers: as in `worker_rows.normalized_rows`.
    """
    records: list[MatchRecord] = []
    shared: dict[str, str] = {}
    faults = Faults()
    numbered = enumerate(_normalized(rows, rules, workers))
    for done in range(0, len(rows.table), _ROWS_A_STEP):
        progress(done / len(rows.table))
        for row_id, row in islice(numbered, _ROWS_A_STEP):
            if row.rejection is None:
                _share(row.fields, shared)
                records.append(match_record(row_id, row))
                for issue in row.issues:
                    faults.note(row_id, issue, stops=False)
            else:
                faults.quarantined.append(row_id)
                faults.note(row_id, row.rejection, stops=True)
    return records, faults


def _share(fields: dict[str, str], shared: dict[str, str]) -> None:
    """Texts that many rows have are kept once: of a million rows they are some hundred megabytes."""
    for name in fields.keys() & _OFTEN_SHARED:
        fields[name] = shared.setdefault(fields[name], fields[name])


def _normalized(rows: SheetRows, rules: NormalizationRules, workers: int) -> Iterator[NormalizedRow]:
    normalized = normalized_rows(rows.table, rows.mapping, rules, workers=workers)
    return map(_company_enough, normalized) if rows.only_companies else normalized


def _company_enough(row: NormalizedRow) -> NormalizedRow:
    """A row that a sync would not take because nobody could be reached at the company that it names."""
    if row.rejection is None or row.rejection.code != "no_identity" or "company" not in row.fields:
        return row
    return replace(row, fields={**row.fields, "full_name": row.fields["company"]}, rejection=None)
