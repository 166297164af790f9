"""Counts of rows in buckets of time: they can be added over minutes and customers, which percentiles cannot.

What belongs here: arithmetic. The buckets are logarithmic, eight to each doubling, so that what is read from them is
within 4.5 % of what was measured, from a millisecond to years. Less than a millisecond counts as one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

_SHORTEST_SECONDS = 0.001
_TO_A_DOUBLING = 8
# What percentiles may be off by, as a share: half a bucket.
ERROR = 2 ** (0.5 / _TO_A_DOUBLING) - 1


def bucket_of(seconds: float) -> int:
    """The bucket that a duration falls into; 0 is a millisecond or less."""
    if seconds <= _SHORTEST_SECONDS:
        return 0
    return math.ceil(_TO_A_DOUBLING * math.log2(seconds / _SHORTEST_SECONDS))


def seconds_of(bucket: int) -> float:
    """The middle of a bucket, by ratio."""
    return _SHORTEST_SECONDS if bucket == 0 else float(_SHORTEST_SECONDS * 2 ** ((bucket - 0.5) / _TO_A_DOUBLING))


@dataclass(slots=True)
class Histogram:
    """Rows by bucket."""

    counts: Counter[int] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return sum(self.counts.values())

    def count(self, seconds: float, rows: int = 1) -> None:
        """Count rows that took so long."""
        self.counts[bucket_of(seconds)] += rows

    def add(self, other: Histogram) -> None:
        """Add the rows of another; the same as if they had been counted here."""
        self.counts.update(other.counts)

    def percentile(self, share: float) -> float | None:
        """The duration that this share of the rows did not exceed, in seconds; None without rows."""
        left = math.ceil(share * self.rows)
        for bucket in sorted(self.counts):
            left -= self.counts[bucket]
            if left <= 0:
                return seconds_of(bucket)
        return None

    def add_document(self, stored: Mapping[str, int]) -> None:
        """Add the rows of a JSON column, as `as_document` wrote them."""
        counts = self.counts
        for bucket, rows in stored.items():
            counts[int(bucket)] += rows

    def as_document(self) -> dict[str, int]:
        """For a JSON column."""
        return {str(bucket): rows for bucket, rows in sorted(self.counts.items())}
