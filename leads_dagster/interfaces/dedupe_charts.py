"""Where the bars of the `leads dedupe` page stand.

What belongs here: from numbers to places in a drawing. Colours are the style sheet's, by the kind of each bar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, log10
from typing import Any

from leads_dagster.leads.matching import Thresholds
from leads_dagster.pipeline.dedupe import DedupeSummary
from leads_dagster.pipeline.dedupe_cards import Card, ShownFeature
from leads_dagster.pipeline.dedupe_report import Histogram

_RULE_WORDS = {
    "linkedin": "the same profile",
    "email": "the same address, and names that do not speak against it",
    "phone": "the same number, and names alike",
    "name_company": "names and companies each alike",
}
_OTHERS = {"new": ("Alone", "no other row is this lead", "alone"), "quarantined": ("No lead", "names nobody", "lost")}
_LEAST_SCALE = 4.0  # bits

_WIDTH, _HEIGHT = 720, 290
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 712, 34, 256
_LOWEST = 3  # a single pair is still seen


@dataclass(frozen=True, slots=True)
class Scale:
    """What the bars of features are measured in.

    Attributes:
        bits: whether contributions are known; else scores from 0 to 1 are drawn.
        most: bits at the end of the scale, one for the whole page.
    """

    bits: bool
    most: float = _LEAST_SCALE

    @classmethod
    def of(cls, cards: Iterable[Card]) -> Scale:
        found = [abs(one.contribution) for card in cards for one in card.features if one.contribution is not None]
        return cls(bool(found), max([_LEAST_SCALE, *found]))


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a feature in a drawing 100 wide."""

    x: float
    width: float
    zero: float
    kind: str
    label: str


def feature_bar(feature: ShownFeature, scale: Scale) -> Bar | None:
    """The bar of one feature; None where there is nothing to draw."""
    if not scale.bits:
        score = feature.score if feature.score is not None else 1.0 if feature.shared and feature.sides else None
        return None if score is None else Bar(0, round(100 * score, 1), 0, "f-match", f"{score:.2f}")
    bits = feature.contribution
    if bits is None:
        return None
    width = round(50 * min(abs(bits) / scale.most, 1.0), 1)
    return Bar(50 if bits >= 0 else 50 - width, width, 50, "f-match" if bits >= 0 else "f-against", _signed(bits))


def _signed(bits: float) -> str:
    return f"{bits:+.1f}".replace("-", "\u2212")


def whole_bar(summary: DedupeSummary) -> dict[str, Any]:
    """All rows as one bar, and what its parts mean."""
    alone = summary.by_rule.get("new", 0)
    parts = [
        {"kind": "alone", "count": alone, "words": "rows alone"},
        {"kind": "first", "count": summary.leads - alone, "words": "leads with several rows"},
        {"kind": "match", "count": summary.merged, "words": "rows merged into those"},
        {"kind": "lost", "count": summary.quarantined, "words": "rows that are no leads"},
    ]
    return {
        "whole": list(_side_by_side(parts, summary.rows)),
        "legend": [*parts, {"kind": "review", "count": summary.reviews, "words": "pairs for review"}],
    }


def _side_by_side(parts: Iterable[Mapping[str, Any]], total: int) -> Iterator[dict[str, Any]]:
    start = 0
    for part in parts:
        if part["count"]:
            x, end = 1000 * start / total, 1000 * (start + part["count"]) / total
            yield {"kind": part["kind"], "x": round(x, 2), "width": round(end - x, 2)}
            start += part["count"]


def rule_bars(summary: DedupeSummary, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """One bar a rule, then those alone and those that are no leads."""
    most = max(summary.by_rule.values(), default=1)
    bars = []
    for rule, count in summary.by_rule.items():
        name, words, kind = _OTHERS.get(rule) or (names.get(rule, rule), _RULE_WORDS.get(rule, ""), "match")
        share = f"{count / summary.rows:.1%}"
        bars.append({"name": name, "words": words, "kind": kind, "count": count, "share": share,
                     "width": round(100 * count / most, 2)})  # fmt: skip
    return bars


def histogram_chart(histogram: Histogram, thresholds: Thresholds) -> dict[str, Any] | None:
    """Bars, grid and thresholds of the scores; None where no pair has one."""
    most = max([*histogram.matches, *histogram.reviews], default=0)
    if not most:
        return None
    tens = max(ceil(log10(most + 1)), 1)
    place = _Places(histogram.low, len(histogram.matches), tens)
    return {
        "width": _WIDTH, "height": _HEIGHT, "left": _LEFT, "right": _RIGHT, "top": _TOP, "bottom": _BOTTOM,
        "grid": [{"y": place.y(10**power), "label": f"{10**power:,}"} for power in range(tens + 1)],
        "bars": [*place.bars(histogram.reviews, "review", 0), *place.bars(histogram.matches, "match", 1)],
        "thresholds": [
            {"x": place.x(value), "label": f"{name} {value:.2f}"}
            for name, value in (("review", thresholds.review), ("match", thresholds.match))
            if value >= histogram.low
        ],
        "ticks": list(place.ticks()),
        "label": f"{sum(histogram.matches):,} pairs match and {sum(histogram.reviews):,} are for review, by score.",
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Places:
    """From scores and numbers of pairs to places: a step is a hundredth, upwards each line is ten times as many."""

    low: float
    steps: int
    tens: int

    @property
    def step(self) -> float:
        return (_RIGHT - _LEFT) / self.steps

    def x(self, score: float) -> float:
        return round(_LEFT + (score - self.low) * 100 * self.step, 1)

    def y(self, count: float) -> float:
        return round(_BOTTOM - _LOWEST - (_BOTTOM - _TOP - _LOWEST) * log10(count) / self.tens, 1)

    def bars(self, counts: Iterable[int], kind: str, half: int) -> Iterator[dict[str, Any]]:
        width = self.step * 0.42
        for number, count in enumerate(counts):
            if count:
                x, y = _LEFT + self.step * (number + 0.06 + half * 0.45), self.y(count)
                score = f"{self.low + number / 100:.2f}"
                yield {"x": round(x, 1), "y": y, "width": round(width, 1), "height": round(_BOTTOM - y, 1),
                       "kind": kind, "label": f"{score}: {count:,} {'matches' if half else 'for review'}"}  # fmt: skip

    def ticks(self) -> Iterator[dict[str, Any]]:
        every = 5 if self.steps <= 60 else 10
        for number in range(0, self.steps, every):
            score = self.low + number / 100
            middle = _LEFT + self.step * (number + 0.5) if number == self.steps - 1 else self.x(score)
            yield {"x": round(middle, 1), "label": f"{score:.2f}"}
