"""`leads dedupe`: which rows of one CSV file are the same lead.

What belongs here: the road from a local file to a list of rows and leads, without a store. The rules are those of a
sync; only nothing is kept.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from leads_dagster.errors import SettingsError, StoreError
from leads_dagster.leads.csv_writing import write_csv
from leads_dagster.leads.fields import ColumnMapping, NormalizationRules
from leads_dagster.leads.matching import (
    DEFAULT_THRESHOLDS,
    RULES,
    Cluster,
    Edge,
    MatchRecord,
    Thresholds,
    cluster,
    match_all,
    match_record,
)
from leads_dagster.leads.normalization import Normalizer
from leads_dagster.leads.sheet import read_sheet
from leads_dagster.leads.tabular import Table

HEADER = ("row_id", "lead_id", "rule", "score")
NEW, QUARANTINED = "new", "quarantined"

Progress = Callable[[int, str], None]

_ROWS_A_STEP = 2_000
_NORMALIZING, _MATCHING, _JOINING, _WRITING, _DONE = 10, 50, 85, 95, 100


@dataclass(frozen=True, slots=True)
class DedupeSummary:
    """What came of a file.

    Attributes:
        rows: data rows read; as many lines are written.
        leads: distinct leads among them.
        merged: rows that are a lead with an earlier row.
        reviews: pairs that a person should look at; they stay apart.
        quarantined: rows that cannot be a lead.
        by_rule: rule -> rows; "new" for rows alone.
    """

    rows: int
    leads: int
    merged: int
    reviews: int
    quarantined: int
    by_rule: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON takes it."""
        return {
            "rows": self.rows,
            "leads": self.leads,
            "merged": self.merged,
            "reviews": self.reviews,
            "quarantined": self.quarantined,
            "by_rule": dict(self.by_rule),
        }


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is written of one row."""

    lead_id: str
    rule: str
    score: float | None = None

    def line(self, row_id: int) -> tuple[str, str, str, str]:
        return str(row_id), self.lead_id, self.rule, "" if self.score is None else str(round(self.score, 4))


def _silent(percent: int, message: str) -> None:
    """Nobody is looking."""


def dedupe(
    in_path: Path,
    out_path: Path,
    *,
    rules: NormalizationRules = NormalizationRules(),  # noqa: B008  # frozen
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    progress: Progress = _silent,
) -> DedupeSummary:
    """Write one line for every data row of `in_path`: row_id (from 0), lead_id, rule, score.

    A row alone has rule "new" and no score, one that cannot be a lead "quarantined" and no lead. Every row of a lead
    with several carries the rule and score of the strongest edge that joined it, the first row too. The same file gives
    the same ids: leads are numbered by their first rows.

    Args:
        in_path: a CSV or TSV file, in any encoding and with any header that a sync takes.
        out_path: replaced at once when all is written, or left as it was.
        rules, thresholds: the customer's.
        progress: called with percent and a message.

    Raises:
        SettingsError: a path that cannot be read or written, or one path for both.
        SheetFormatError, UnknownHeadersError: the file holds no leads.
        StoreError: the disk refuses the result.
    """
    _check_paths(in_path, out_path)
    progress(0, f"Reading {in_path.name}")
    table, mapping = read_sheet(_read(in_path))
    records, quarantined = _records(table, mapping, rules, progress)
    progress(_MATCHING, f"Matching {len(records):,} rows")
    edges = match_all(records, thresholds)
    progress(_JOINING, f"Joining {len(edges):,} pairs")
    clusters = cluster(records, edges, thresholds=thresholds)
    verdicts = {**_verdicts(clusters), **dict.fromkeys(quarantined, _Verdict("", QUARANTINED))}
    progress(_WRITING, f"Writing {out_path.name}")
    _write(out_path, verdicts)
    progress(_DONE, "Done")
    return _summary(verdicts, clusters, edges)


def _check_paths(in_path: Path, out_path: Path) -> None:
    if out_path.exists() and in_path.exists() and out_path.samefile(in_path):
        raise SettingsError(f"{out_path} is the file that is read.", advice="Name another file with --out.")
    if not out_path.parent.is_dir():
        raise SettingsError(
            f"There is no folder {out_path.parent}.", advice="Make it, or name another file with --out."
        )
    if out_path.is_dir():
        raise SettingsError(f"{out_path} is a folder.", advice="Name a file with --out.")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", advice="Check the path.") from error


def _records(
    table: Table, mapping: ColumnMapping, rules: NormalizationRules, progress: Progress
) -> tuple[list[MatchRecord], list[int]]:
    """Rows ready for matching, numbered from 0, and the numbers of those that cannot be leads."""
    records: list[MatchRecord] = []
    quarantined: list[int] = []
    rows = enumerate(Normalizer(mapping, rules).rows(table.rows()))
    for done in range(0, len(table), _ROWS_A_STEP):
        share = (_MATCHING - _NORMALIZING) * done // len(table)
        progress(_NORMALIZING + share, f"Normalising {len(table):,} rows")
        for row_id, row in islice(rows, _ROWS_A_STEP):
            if row.rejection is None:
                records.append(match_record(row_id, row))
            else:
                quarantined.append(row_id)
    return records, quarantined


def _verdicts(clusters: Sequence[Cluster]) -> dict[int, _Verdict]:
    """Leads numbered by their first rows."""
    verdicts: dict[int, _Verdict] = {}
    for number, found in enumerate(sorted(clusters, key=lambda found: min(found.members)), start=1):
        verdicts.update(_members(f"lead-{number:06d}", found))
    return verdicts


def _members(lead_id: str, found: Cluster) -> Iterator[tuple[int, _Verdict]]:
    if len(found.members) == 1:
        yield found.members[0], _Verdict(lead_id, NEW)
        return
    best: dict[int, Edge] = {}
    for edge in sorted(found.edges, key=lambda edge: (RULES.index(edge.rule), -edge.score)):
        best.setdefault(edge.a, edge)
        best.setdefault(edge.b, edge)
    for member in found.members:
        yield member, _Verdict(lead_id, best[member].rule, best[member].score)


def _write(path: Path, verdicts: dict[int, _Verdict]) -> None:
    """Written beside the target and moved over it, so that nobody sees half a file."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write_csv(unfinished, HEADER, (verdicts[row_id].line(row_id) for row_id in sorted(verdicts)))
        unfinished.replace(path)
    except PermissionError as error:
        raise SettingsError(f"{path} cannot be written.", advice="Name another file with --out.") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}.", advice="Make room, and try again.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _summary(verdicts: dict[int, _Verdict], clusters: Sequence[Cluster], edges: Sequence[Edge]) -> DedupeSummary:
    home = {member: number for number, found in enumerate(clusters) for member in found.members}
    by_rule = Counter(verdict.rule for verdict in verdicts.values())
    quarantined = by_rule[QUARANTINED]
    return DedupeSummary(
        rows=len(verdicts),
        leads=len(clusters),
        merged=len(verdicts) - quarantined - len(clusters),
        reviews=sum(edge.outcome == "review" and home[edge.a] != home[edge.b] for edge in edges),
        quarantined=quarantined,
        by_rule={rule: by_rule[rule] for rule in (*RULES, NEW, QUARANTINED) if by_rule[rule]},
    )
