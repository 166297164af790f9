"""Figures of matchers as tables, ours with its bars.

What belongs here: rows and columns. What is run is `section`'s.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.matching.trials import OURS, SPLINK, Figures, Outcome, medians, pooled_kinds, pooled_negatives
from benchmarks.page import NO_BAR, Table, megabytes, seconds

PRECISION, RECALL = 0.995, 0.985
SECONDS: Mapping[int, float] = {10_000: 3, 100_000: 30, 1_000_000: 360}
MEGABYTES: Mapping[int, float] = {1_000_000: 4096}
_HEADER = ("precision", "recall", "F1", "recall, reviews answered", "wall s", "µs a row", "peak MB", "bar", "")

# Matcher -> what it made of each seed.
Outcomes = dict[str, list[Outcome]]


def results_table(rows: int, found: Outcomes) -> Table:
    """Medians, and the bars of ours."""
    return Table((f"{rows:,} rows", *_HEADER), [_line(name, rows, found) for name in found])


def growth_table(found: Mapping[int, Outcomes]) -> Table:
    """Ours alone, by size."""
    lines = [[f"**{rows:,}**", *_line(OURS, rows, outcomes)[1:]] for rows, outcomes in found.items()]
    return Table(("rows", *_HEADER), lines)


def _line(name: str, rows: int, found: Outcomes) -> list[str]:
    figures = medians(found[name])
    label = f"**{name}**" if name == OURS else name
    shares = (figures.precision, figures.recall, figures.f1, figures.reviewed)
    return [
        label, *(f"{share:.4f}" for share in shares), seconds(figures.seconds),
        f"{figures.seconds / rows * 1e6:,.0f}", megabytes(figures.peak_mb),
        *(_bars(rows, figures, found) if name == OURS else NO_BAR),
    ]  # fmt: skip


def _bars(rows: int, figures: Figures, found: Outcomes) -> list[str]:
    bars = [
        (f"P ≥ {PRECISION}", figures.precision >= PRECISION),
        (f"R ≥ {RECALL}", figures.recall >= RECALL),
    ]
    if rows in SECONDS:
        bars.append((f"< {SECONDS[rows]:g} s", figures.seconds < SECONDS[rows]))
    if rows in MEGABYTES:
        bars.append((f"< {MEGABYTES[rows]:g} MB", figures.peak_mb < MEGABYTES[rows]))
    if SPLINK in found:
        splink = medians(found[SPLINK])
        bars += [
            (f"F1 above {SPLINK}'s", figures.f1 > splink.f1),
            ("in less time", figures.seconds < splink.seconds),
            ("and memory", figures.peak_mb < splink.peak_mb),
        ]
    return [", ".join(bar for bar, _ in bars), ", ".join("met" if met else "**missed**" for _, met in bars)]


def kinds_table(found: Outcomes) -> Table:
    """Precision, recall and F1 of ours by kind of corruption, and the others' F1."""
    kinds = {name: pooled_kinds(outcomes) for name, outcomes in found.items()}
    others = [name for name in found if name != OURS]
    lines = [
        [kind, f"{one.true:,}", *(f"{figure:.3f}" for figure in (one.precision, one.recall, one.f1)),
         *(f"{kinds[name][kind].f1:.3f}" for name in others)]
        for kind, one in kinds[OURS].items()
    ]  # fmt: skip
    header = ("kind of corruption", "true pairs", "precision", "recall", "F1", *(f"F1, {name}" for name in others))
    return Table(header, lines)


def negatives_table(found: Outcomes) -> Table:
    """How many of each kind of look-alike share a lead with whom they look like."""
    negatives = {name: pooled_negatives(outcomes) for name, outcomes in found.items()}
    lines = [
        [kind, f"{one.people:,}", *(f"{negatives[name][kind].share:.2%}" for name in found)]
        for kind, one in negatives[OURS].items()
    ]
    return Table(("hard negative", "people", *(f"joined, {name}" for name in found)), lines)
