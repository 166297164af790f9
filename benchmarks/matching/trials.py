"""Matchers run over made leads, each in a process of its own, and what came of it by the answers.

What belongs here: making the sheets, starting the children, and medians over seeds. Tables are `section`'s.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.matching.generator import Labelled, synthetic_leads, write_leads
from benchmarks.matching.scores import (
    Joined,
    Score,
    Truth,
    best_threshold,
    by_corruption,
    by_hard_negative,
    score,
    with_reviews,
)
from benchmarks.measuring import BenchmarkError, timed_command

OURS = "ours"
SPLINK = "Splink"
THRESHOLDS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999)


@dataclass(frozen=True)
class Trial:
    """Rows with known truth, and the sheet in which they stand."""

    sheet: Path
    truths: Sequence[Truth]


@dataclass(frozen=True)
class Outcome:
    """What a matcher made of a trial.

    Attributes:
        score: pairs found.
        reviewed: recall if every review were answered rightly.
        threshold: the one that suited it best, for those that leave the choice.
        kinds, negatives: by kind of corruption and of hard negative.
        clusters: of every row.
        reviews: pairs left to a person.
    """

    score: Score
    reviewed: float
    seconds: float
    peak_mb: float
    kinds: Mapping[str, Score]
    negatives: Mapping[str, Joined]
    clusters: Sequence[int]
    reviews: Sequence[tuple[int, int]] = ()
    threshold: float = 0.0


@dataclass(frozen=True)
class Figures:
    """Medians over seeds; the highest peak."""

    precision: float
    recall: float
    f1: float
    reviewed: float
    seconds: float
    peak_mb: float


def made(folder: Path, rows: int, seed: int) -> tuple[Trial, list[Labelled]]:
    """A sheet of made leads."""
    leads = synthetic_leads(rows, seed)
    path = _sheet_path(folder, rows, seed)
    write_leads(leads, path)
    return Trial(path, leads), leads


def made_sheet(folder: Path, rows: int, seed: int) -> Path:
    """The same without its truth; made only where it is not there."""
    path = _sheet_path(folder, rows, seed)
    return path if path.exists() else made(folder, rows, seed)[0].sheet


def _sheet_path(folder: Path, rows: int, seed: int) -> Path:
    return folder / f"made-{rows}-{seed}.csv"


def run_rule(name: str, trial: Trial) -> Outcome:
    """One of `rules.RULES`."""
    found = _child([sys.executable, "-m", "benchmarks.matching.rules", name], trial)
    return outcome(trial.truths, found, found["clusters"], [(a, b) for a, b in found["reviews"]])


def run_febrl(trial: Trial) -> Outcome:
    """Our ordinary road over a sheet with any header; see `febrl`."""
    found = _child([sys.executable, "-m", "benchmarks.matching.febrl"], trial)
    return outcome(trial.truths, found, found["clusters"])


def run_splink(model: str, trial: Trial, python: Path) -> Outcome:
    """Splink with one of `splink_peer.MODELS`, its threshold picked on the answers."""
    if not python.exists():
        raise BenchmarkError(f"there is no {python}: `make bench-matching` sets up the peers' environment")
    found = _child([python, "-W", "ignore", "-m", "benchmarks.matching.splink_peer", model], trial)
    threshold, clusters = best_threshold(trial.truths, found["pairs"], THRESHOLDS)
    return outcome(trial.truths, found, clusters, threshold=threshold)


def outcome(
    truths: Sequence[Truth],
    cost: Mapping[str, Any],
    clusters: Sequence[int],
    reviews: Sequence[tuple[int, int]] = (),
    threshold: float = 0.0,
) -> Outcome:
    """What was found, by the answers."""
    return Outcome(
        score(truths, clusters),
        score(truths, with_reviews(truths, clusters, reviews)).recall,
        cost["seconds"],
        cost["peak_mb"],
        by_corruption(truths, clusters),
        by_hard_negative(truths, clusters),
        clusters,
        reviews,
        threshold,
    )


def _child(command: Sequence[str | Path], trial: Trial) -> dict[str, Any]:
    result = trial.sheet.with_suffix(".json")
    timed_command([*command, trial.sheet, result], {})
    found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    result.unlink()
    return found


def medians(outcomes: Sequence[Outcome]) -> Figures:
    """Each figure by its own median."""
    return Figures(
        statistics.median(one.score.precision for one in outcomes),
        statistics.median(one.score.recall for one in outcomes),
        statistics.median(one.score.f1 for one in outcomes),
        statistics.median(one.reviewed for one in outcomes),
        statistics.median(one.seconds for one in outcomes),
        max(one.peak_mb for one in outcomes),
    )


def pooled_kinds(outcomes: Sequence[Outcome]) -> dict[str, Score]:
    """By kind of corruption, the pairs of all seeds together: some kinds are rare."""
    return {
        kind: Score(*(sum(getattr(part, name) for part in parts) for name in ("found", "right", "true")))
        for kind, parts in _by_key(one.kinds for one in outcomes)
    }


def pooled_negatives(outcomes: Sequence[Outcome]) -> dict[str, Joined]:
    """By kind of hard negative, the people of all seeds together."""
    return {
        kind: Joined(sum(part.people for part in parts), sum(part.wrong for part in parts))
        for kind, parts in _by_key(one.negatives for one in outcomes)
    }


def _by_key(found: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
    every = [*found]
    for key in dict.fromkeys(key for one in every for key in one):
        yield key, [one[key] for one in every if key in one]
