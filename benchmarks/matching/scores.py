"""Counting what a matcher found: pairwise precision, recall and F1, by kind of corruption and of hard negative.

What belongs here: counting pairs of rows, without ever listing them: one cluster of thousands has millions. A pair is
right where both rows are about one person, and found where both are in one cluster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.matching.union import joined

Sizes = Counter[Any]


class Truth(Protocol):
    """What is known of a row; see `generator.Labelled`."""

    @property
    def person(self) -> int: ...
    @property
    def corruptions(self) -> frozenset[str]: ...
    @property
    def hard_negative(self) -> str: ...
    @property
    def looks_like(self) -> int: ...


@dataclass(frozen=True)
class Score:
    """Pairs of rows counted.

    Attributes:
        found: in one cluster.
        right: of these, about one person.
        true: about one person, found or not.
    """

    found: int
    right: int
    true: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True)
class Joined:
    """Look-alikes of one kind: how many there are, and how many share a cluster with whom they look like."""

    people: int
    wrong: int

    @property
    def share(self) -> float:
        return self.wrong / self.people if self.people else 0.0


def score(truths: Sequence[Truth], clusters: Sequence[int]) -> Score:
    """All pairs.

    Args:
        truths: of every row.
        clusters: of every row the number of its cluster.
    """
    found, right, true = _sizes(truths, clusters, range(len(truths)))
    return Score(*(sum(map(_pairs, sizes.values())) for sizes in (found, right, true)))


def by_corruption(truths: Sequence[Truth], clusters: Sequence[int]) -> dict[str, Score]:
    """For every kind the pairs in which it shows in one row at least, most pairs first."""
    rows: dict[str, list[int]] = {}
    for row, truth in enumerate(truths):
        for kind in truth.corruptions:
            rows.setdefault(kind, []).append(row)
    whole = _sizes(truths, clusters, range(len(truths)))
    found = {kind: _score_with(whole, _sizes(truths, clusters, chosen)) for kind, chosen in rows.items()}
    return dict(sorted(found.items(), key=lambda item: (-item[1].true, item[0])))


def by_hard_negative(truths: Sequence[Truth], clusters: Sequence[int]) -> dict[str, Joined]:
    """For every kind of look-alike how many are wrongly joined, most people first."""
    homes: dict[int, set[int]] = {}
    for truth, cluster in zip(truths, clusters, strict=True):
        homes.setdefault(truth.person, set()).add(cluster)
    lookalikes = {truth.person: truth for truth in truths if truth.hard_negative and truth.looks_like in homes}
    people, wrong = Counter[str](), Counter[str]()
    for person, truth in lookalikes.items():
        people[truth.hard_negative] += 1
        wrong[truth.hard_negative] += not homes[person].isdisjoint(homes[truth.looks_like])
    return {kind: Joined(number, wrong[kind]) for kind, number in people.most_common()}


def with_reviews(truths: Sequence[Truth], clusters: Sequence[int], reviews: Iterable[tuple[int, int]]) -> list[int]:
    """Clusters as they would be if every review were answered rightly."""
    same = [(clusters[a], clusters[b]) for a, b in reviews if truths[a].person == truths[b].person]
    homes = joined(max(clusters, default=-1) + 1, same)
    return [homes[cluster] for cluster in clusters]


def best_threshold(
    truths: Sequence[Truth], pairs: Sequence[tuple[int, int, float]], thresholds: Iterable[float]
) -> tuple[float, list[int]]:
    """The threshold with the best F1 by the answers, and its clusters: the connected pairs at or above it."""
    tried = {limit: joined(len(truths), ((a, b) for a, b, sure in pairs if sure >= limit)) for limit in thresholds}
    best = max(tried, key=lambda limit: score(truths, tried[limit]).f1)
    return best, tried[best]


def _sizes(truths: Sequence[Truth], clusters: Sequence[int], rows: Iterable[int]) -> tuple[Sizes, Sizes, Sizes]:
    """How many of the rows are in each cluster, are of one person in each cluster, and are of each person."""
    chosen = [*rows]
    return (
        Counter(clusters[row] for row in chosen),
        Counter((clusters[row], truths[row].person) for row in chosen),
        Counter(truths[row].person for row in chosen),
    )


def _score_with(whole: Sequence[Sizes], part: Sequence[Sizes]) -> Score:
    """Pairs with at least one row of the part: all pairs, less those of the other rows."""
    return Score(
        *(
            sum(_pairs(sizes[group]) - _pairs(sizes[group] - some) for group, some in chosen.items())
            for sizes, chosen in zip(whole, part, strict=True)
        )
    )


def _pairs(rows: int) -> int:
    return rows * (rows - 1) // 2
