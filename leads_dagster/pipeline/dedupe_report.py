"""What a person should see of a `leads dedupe` run to judge it.

What belongs here: choosing and counting: which pairs, leads and rows are shown, and what of them. It is bounded: a
million rows give no more to look at than a thousand. How a page looks is the interfaces' business.
"""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from leads_dagster.leads.fields import Issue, NormalizationRules
from leads_dagster.leads.matching import RULES, Cluster, Edge, Thresholds
from leads_dagster.leads.normalization import Normalizer
from leads_dagster.pipeline.dedupe_cards import Card, CardMaker, lead_name
from leads_dagster.pipeline.dedupe_rows import Faults, SheetRows

__all__ = ["DedupeReport", "Fault", "Histogram", "Matched", "dedupe_report", "lead_name"]

# How many of each are chosen at most.
SAMPLES_A_RULE = 6
REVIEWS = 150
BLOCKED = 24
LARGEST = 10

# The same run shows the same samples.
_SEED = 20
# Leads of two rows are pairs, and the samples show those.
_MANY = 3
_SIZES = ((2, 2), (3, 3), (4, 4), (5, 9), (10, 99), (100, 999), (1_000, None))


@dataclass(frozen=True)
class Matched:
    """A file after matching.

    Attributes:
        name: of the file.
        count: data rows.
        rows: the file as read; None where nobody will look at it again.
        rules, thresholds: those of the run.
        faults: rows and cells that could not be used.
        clusters, edges: as `matching` gives them; ids are numbers of rows.
        note: what to say of a list that gives little to go by, or "".
    """

    name: str
    count: int
    rows: SheetRows | None
    rules: NormalizationRules
    thresholds: Thresholds
    faults: Faults
    clusters: Sequence[Cluster]
    edges: Sequence[Edge]
    note: str = ""

    @cached_property
    def leads(self) -> array[int]:
        """Number of each row's lead, from 1 in the order of first rows; 0 where the row cannot be one."""
        leads = array("q", [0]) * self.count
        for number, found in enumerate(sorted(self.clusters, key=lambda found: min(found.members)), start=1):
            for member in found.members:
                leads[member] = number
        return leads

    def open_reviews(self) -> list[Edge]:
        """Pairs that a person should look at: those that another edge has joined are none."""
        return [edge for edge in self.edges if edge.outcome == "review" and self.leads[edge.a] != self.leads[edge.b]]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Pairs by score, in steps of a hundredth; the last step is a score of 1 alone.

    Attributes:
        low: where the first step begins.
        matches, reviews: pairs a step.
    """

    low: float
    matches: list[int]
    reviews: list[int]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of thing that was wrong.

    Attributes:
        code, field: as in `Issue`.
        count: how many rows or cells.
        message, suggestion: what is wrong with the first, and what would mend it.
        first: (row number from 0, row of the sheet from 1, what) of the first few.
    """

    code: str
    field: str
    count: int
    message: str
    suggestion: str
    first: list[tuple[int, int, Issue]]


@dataclass(frozen=True, slots=True)
class DedupeReport:
    """What is shown of a run.

    Attributes:
        name: of the file.
        columns: (header, what it was read as, or "" where it was not used for matching).
        thresholds: those of the run.
        sizes: (rows a lead from, to or None, leads), of leads with several rows.
        histogram: matches and reviews by score.
        largest: the leads of most rows, at least three.
        samples: rule -> leads that it joined: half drawn by lot, half with the lowest scores.
        reviews: the pairs with the highest scores of `review_count`.
        blocked: drawn by lot from the `blocked_count` pairs that would match but contradict.
        quarantined: why rows cannot be leads, the most frequent first.
        unread: cells that were kept as they were, by what is wrong with them.
    """

    name: str
    columns: list[tuple[str, str]]
    thresholds: Thresholds
    sizes: list[tuple[int, int | None, int]]
    histogram: Histogram
    largest: list[Card]
    samples: dict[str, list[Card]]
    reviews: list[Card]
    review_count: int
    blocked: list[Card]
    blocked_count: int
    quarantined: list[Fault] = field(default_factory=list)
    unread: list[Fault] = field(default_factory=list)


def dedupe_report(matched: Matched) -> DedupeReport:
    """What to show of a run whose rows are still at hand."""
    rows = matched.rows
    if rows is None:
        raise ValueError("the rows are gone")
    maker = CardMaker(rows, Normalizer(rows.mapping, matched.rules), matched.leads)
    lots = random.Random(_SEED)  # noqa: S311  # samples, no secrets
    reviews = sorted(matched.open_reviews(), key=lambda edge: (-edge.score, edge.a, edge.b))
    blocked = [edge for edge in matched.edges if edge.outcome == "blocked"]
    several = [found for found in matched.clusters if len(found.members) > 1]
    return DedupeReport(
        name=matched.name,
        columns=[(column.label, column.target or "") for column in rows.mapping.columns],
        thresholds=matched.thresholds,
        sizes=_sizes(several),
        histogram=_histogram(matched),
        largest=[maker.lead(found) for found in _largest(several)],
        samples={rule: [maker.merged(*one) for one in chosen] for rule, chosen in _samples(several, lots).items()},
        reviews=[maker.pair(edge) for edge in reviews[:REVIEWS]],
        review_count=len(reviews),
        blocked=[maker.pair(edge) for edge in _drawn(blocked, BLOCKED, lots)],
        blocked_count=len(blocked),
        quarantined=_faults(matched.faults, rows, stops=True),
        unread=_faults(matched.faults, rows, stops=False),
    )


def _sizes(several: Iterable[Cluster]) -> list[tuple[int, int | None, int]]:
    counted = Counter(len(found.members) for found in several)
    found = []
    for low, high in _SIZES:
        leads = sum(count for size, count in counted.items() if low <= size and (high is None or size <= high))
        if leads:
            found.append((low, high, leads))
    return found


def _histogram(matched: Matched) -> Histogram:
    scores = [edge.score for edge in matched.edges if edge.outcome != "blocked"]
    low = min([matched.thresholds.review, *scores])
    low = max(int(low * 20) / 20 - 0.05, 0.0)
    steps = round((1.0 - low) * 100) + 1
    histogram = Histogram(round(low, 2), [0] * steps, [0] * steps)
    for edge in matched.edges:
        if edge.outcome != "blocked":
            counts = histogram.matches if edge.outcome == "match" else histogram.reviews
            counts[min(int((edge.score - low) * 100 + 1e-6), steps - 1)] += 1
    return histogram


def _largest(several: Sequence[Cluster]) -> list[Cluster]:
    many = [found for found in several if len(found.members) >= _MANY]
    return sorted(many, key=lambda found: (-len(found.members), min(found.members)))[:LARGEST]


def _samples(several: Sequence[Cluster], lots: random.Random) -> dict[str, list[tuple[Cluster, Edge]]]:
    by_rule: dict[str, list[tuple[Cluster, Edge]]] = {}
    for found in several:
        for edge in found.edges:
            by_rule.setdefault(edge.rule, []).append((found, edge))
    return {rule: _drawn_and_lowest(by_rule[rule], lots) for rule in RULES if rule in by_rule}


def _drawn_and_lowest(joined: list[tuple[Cluster, Edge]], lots: random.Random) -> list[tuple[Cluster, Edge]]:
    """Half by lot, half with the lowest scores, no lead twice."""
    lots.shuffle(joined)
    by_score = sorted(joined, key=lambda one: one[1].score)
    chosen: dict[int, tuple[Cluster, Edge]] = {}
    for source, wanted in ((joined, SAMPLES_A_RULE // 2), (by_score, SAMPLES_A_RULE)):
        for found, edge in source:
            if len(chosen) >= wanted:
                break
            chosen.setdefault(found.members[0], (found, edge))
    return list(chosen.values())


def _drawn(edges: Sequence[Edge], most: int, lots: random.Random) -> list[Edge]:
    chosen = edges if len(edges) <= most else lots.sample(edges, most)
    return sorted(chosen, key=lambda edge: (edge.a, edge.b))


def _faults(faults: Faults, rows: SheetRows, *, stops: bool) -> list[Fault]:
    found = []
    for (stopping, code, name), kind in faults.kinds.items():
        if stopping == stops:
            first = [(row_id, rows.table.row_numbers[row_id], issue) for row_id, issue in kind.first]
            issue = kind.first[0][1]
            found.append(Fault(code, name, kind.count, issue.message, issue.suggestion, first))
    return sorted(found, key=lambda fault: -fault.count)
