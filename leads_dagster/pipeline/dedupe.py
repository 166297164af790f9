"""`leads dedupe`: which rows of one CSV file are the same lead.

What belongs here: the road from a local file to a list of rows and leads, without a store. The rules are those of a
sync; only nothing is kept. How the file is read is in `dedupe_rows`, what a report shows in `dedupe_report`.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from leads_dagster.leads.csv_writing import write_csv
from leads_dagster.leads.fields import NormalizationRules
from leads_dagster.leads.matching import (
    DEFAULT_THRESHOLDS,
    RULES,
    Cluster,
    Thresholds,
    cluster,
    match_all,
)
from leads_dagster.pipeline.dedupe_report import DedupeReport, Matched, dedupe_report, lead_name
from leads_dagster.pipeline.dedupe_rows import NO_COLUMNS, match_records, read_source, sheet_rows
from leads_dagster.pipeline.whole_files import all_or_none, check_targets

HEADER = ("row_id", "lead_id", "rule", "score")
REVIEWS_HEADER = ("row_a", "row_b", "rule", "score", "why")
NEW, QUARANTINED = "new", "quarantined"

Progress = Callable[[int, str], None]

# Where each part of the work ends, in percent: its share of the time, as measured on 100,000 rows.
READING_ENDS, NORMALIZING_ENDS, MATCHING_ENDS, JOINING_ENDS, WRITING_ENDS = 2, 38, 78, 96, 100
PHASES = (READING_ENDS, NORMALIZING_ENDS, MATCHING_ENDS, JOINING_ENDS, WRITING_ENDS)

_NO_SCORE = -1.0


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
        note: what to say of a list that gives little to go by, or "".
    """

    rows: int
    leads: int
    merged: int
    reviews: int
    quarantined: int
    by_rule: dict[str, int] = field(default_factory=dict)
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON takes it."""
        return {
            "rows": self.rows,
            "leads": self.leads,
            "merged": self.merged,
            "reviews": self.reviews,
            "quarantined": self.quarantined,
            "by_rule": dict(self.by_rule),
            **({"note": self.note} if self.note else {}),
        }


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A page about the run, and who makes it.

    Attributes:
        path: where it goes.
        page: makes its text.
    """

    path: Path
    page: Callable[[DedupeReport, DedupeSummary], str]


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """What is written of each row, by its number: lead from 1 or 0 for none, rule, score."""

    leads: Sequence[int]
    rules: list[str]
    scores: array[float]

    @classmethod
    def of(cls, matched: Matched) -> _Verdicts:
        """A row in no cluster cannot be a lead."""
        rules = [NEW if lead else QUARANTINED for lead in matched.leads]
        verdicts = cls(matched.leads, rules, array("d", [_NO_SCORE]) * matched.count)
        for found in matched.clusters:
            if found.edges:
                verdicts._tell(found)
        return verdicts

    def _tell(self, found: Cluster) -> None:
        for edge in sorted(found.edges, key=lambda edge: (RULES.index(edge.rule), -edge.score), reverse=True):
            for member in (edge.a, edge.b):
                self.rules[member], self.scores[member] = edge.rule, edge.score

    def lines(self) -> Iterator[tuple[str, str, str, str]]:
        for row_id, (lead, rule, score) in enumerate(zip(self.leads, self.rules, self.scores, strict=True)):
            yield str(row_id), lead_name(lead), rule, "" if score == _NO_SCORE else str(round(score, 4))


def _silent(percent: int, message: str) -> None:
    """Nobody is looking."""


def dedupe(
    source: Path | BinaryIO,
    out: Path | TextIO,
    *,
    rules: NormalizationRules = NormalizationRules(),  # noqa: B008  # frozen
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    columns: Mapping[str, str] = NO_COLUMNS,
    usual_columns: Mapping[str, str] = NO_COLUMNS,
    reviews: Path | None = None,
    report: ReportFile | None = None,
    workers: int = 0,
    progress: Progress = _silent,
) -> DedupeSummary:
    """Write one line for every data row of `source`: row_id (from 0), lead_id, rule, score.

    A row alone has rule "new" and no score, one that cannot be a lead "quarantined" and no lead. Every row of a lead
    with several carries the rule and score of the strongest edge that joined it, the first row too. The same file gives
    the same ids: leads are numbered by their first rows.

    Args:
        source: a CSV or TSV file, in any encoding and with any header that a sync takes, or an open stream of one.
        out: a file, replaced at once when all is written, or left as it was; or an open text stream.
        rules, thresholds: the customer's.
        columns, usual_columns: as in `dedupe_rows.sheet_rows`.
        reviews: where the pairs go that a person should look at: row_a, row_b, rule, score, why.
        report: a page about the run.
        workers: processes that help to read many rows; as in `worker_rows.normalized_rows`.
        progress: called with percent and a message.

    Raises:
        SettingsError: a path that cannot be read or written, or one path for two.
        SheetFormatError, UnknownHeadersError: the file holds no leads.
        StoreError: the disk refuses the result.
    """
    paths = {"--out": out, "--reviews": reviews, "--report": report and report.path}
    files = {option: path for option, path in paths.items() if isinstance(path, Path)}
    check_targets(files, source if isinstance(source, Path) else None)
    settings = _Settings(rules, thresholds, columns, usual_columns, workers, keep_rows=report is not None)
    matched = _matched(source, settings, progress)
    progress(JOINING_ENDS, "Writing")
    verdicts = _Verdicts.of(matched)
    summary = _summary(verdicts, matched)
    with all_or_none(files) as parts:
        if report is not None:
            page = report.page(dedupe_report(matched), summary)
            parts["--report"].write_text(page, encoding="utf-8", errors="replace")
        if reviews is not None:
            write_csv(parts["--reviews"], REVIEWS_HEADER, _review_lines(matched))
        write_csv(out if not isinstance(out, Path) else parts["--out"], HEADER, verdicts.lines())
    progress(WRITING_ENDS, "Done")
    return summary


@dataclass(frozen=True, slots=True)
class _Settings:
    """What a run goes by; `keep_rows` where somebody will look at them again."""

    rules: NormalizationRules
    thresholds: Thresholds
    columns: Mapping[str, str]
    usual_columns: Mapping[str, str]
    workers: int
    keep_rows: bool


def _matched(source: Path | BinaryIO, settings: _Settings, progress: Progress) -> Matched:
    name = source.name if isinstance(source, Path) else "standard input"
    progress(0, f"Reading {name}")
    rows = sheet_rows(read_source(source), columns=settings.columns, usual_columns=settings.usual_columns)
    count, note, kept = len(rows.table), rows.note, rows if settings.keep_rows else None
    records, faults = match_records(
        rows, settings.rules, _share_of_normalizing(count, progress), workers=settings.workers
    )
    del rows  # a million of them are some hundred megabytes
    progress(NORMALIZING_ENDS, f"Matching {len(records):,} rows")
    edges = match_all(records, settings.thresholds)
    progress(MATCHING_ENDS, f"Joining {len(edges):,} pairs")
    clusters = cluster(records, edges, thresholds=settings.thresholds)
    return Matched(name, count, kept, settings.rules, settings.thresholds, faults, clusters, edges, note)


def _share_of_normalizing(count: int, progress: Progress) -> Callable[[float], None]:
    width = NORMALIZING_ENDS - READING_ENDS
    return lambda share: progress(READING_ENDS + int(width * share), f"Normalising {count:,} rows")


def _review_lines(matched: Matched) -> Iterator[tuple[str, str, str, str, str]]:
    for edge in matched.open_reviews():
        why = str(edge.explanation.get("rule", ""))
        yield str(edge.a), str(edge.b), edge.rule, str(round(edge.score, 4)), why


def _summary(verdicts: _Verdicts, matched: Matched) -> DedupeSummary:
    by_rule = Counter(verdicts.rules)
    quarantined = by_rule[QUARANTINED]
    return DedupeSummary(
        rows=matched.count,
        leads=len(matched.clusters),
        merged=matched.count - quarantined - len(matched.clusters),
        reviews=len(matched.open_reviews()),
        quarantined=quarantined,
        by_rule={rule: by_rule[rule] for rule in (*RULES, NEW, QUARANTINED) if by_rule[rule]},
        note=matched.note,
    )
