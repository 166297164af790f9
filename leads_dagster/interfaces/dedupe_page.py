"""The page of `leads dedupe --report`: one HTML file that needs nothing else.

What belongs here: turning what a run found into HTML. Cells are data: Jinja2 escapes all of them, a policy in the page
lets nothing run or load, and characters that nobody can see are written out. No scripts at all.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any
from unicodedata import category

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leads_dagster import __version__
from leads_dagster.interfaces.dedupe_charts import Scale, feature_bar, histogram_chart, rule_bars, whole_bar
from leads_dagster.pipeline.dedupe import DedupeSummary
from leads_dagster.pipeline.dedupe_cards import Card
from leads_dagster.pipeline.dedupe_report import DedupeReport

RULE_NAMES = {
    "linkedin": "LinkedIn profile",
    "email": "E-mail",
    "phone": "Telephone",
    "name_company": "Name and company",
    "decision": "Decision",
}
_FEATURE_NAMES = {"linkedin": "LinkedIn", "email": "e-mail", "role_mailbox": "shared mailbox"}

# Bytes of HTML that one part of the page may take: a million rows of long cells stay a page that opens at once.
_SAMPLE_BYTES, _REVIEW_BYTES, _BLOCKED_BYTES, _LARGEST_BYTES, _FAULT_BYTES = 450_000, 750_000, 150_000, 150_000, 100_000
_MAX_LABEL = 60
_MAX_CELL = 160
_MAX_COLUMNS = 100
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"


def dedupe_page(report: DedupeReport, summary: DedupeSummary) -> str:
    """The page as HTML, under two megabytes whatever the file."""
    environment = _environment()
    parts: Any = environment.get_template("dedupe_parts.html.jinja").module
    scale = Scale.of(card for cards in (*report.samples.values(), report.reviews, report.blocked) for card in cards)
    shown = _Shown(
        largest=_within(_LARGEST_BYTES, report.largest, parts.lead),
        samples=_samples(report, lambda card: parts.pair(card, scale, apart=False)),
        reviews=_within(_REVIEW_BYTES, report.reviews, lambda card: parts.pair(card, scale, apart=True)),
        blocked=_within(_BLOCKED_BYTES, report.blocked, lambda card: parts.pair(card, scale, apart=True)),
        quarantined=_within(_FAULT_BYTES, report.quarantined, parts.fault),
        unread=_within(_FAULT_BYTES, report.unread, parts.fault),
    )
    return environment.get_template(
        "dedupe.html.jinja"
    ).render(
        report=report,
        summary=summary,
        css=Markup(_css()),  # noqa: S704  # our own file
        policy=_policy(),
        version=__version__,
        n="{:,}".format,
        sentence=_sentence(report, summary),
        sizes=_sizes(report),
        contents=list(_contents(report, summary, shown)),
        rules=rule_bars(summary, RULE_NAMES),
        chart=histogram_chart(report.histogram, report.thresholds),
        columns=report.columns[:_MAX_COLUMNS],
        more_columns=max(len(report.columns) - _MAX_COLUMNS, 0),
        **whole_bar(summary),
        **shown.as_variables(),
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """Cards and tables as HTML, as many as there is room for."""

    largest: list[Markup]
    samples: list[tuple[str, list[Markup]]]
    reviews: list[Markup]
    blocked: list[Markup]
    quarantined: list[Markup]
    unread: list[Markup]

    def as_variables(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}


def _within(most: int, items: Iterable[Any], render: Callable[[Any], Markup]) -> list[Markup]:
    """As many items as go into that many bytes."""
    found: list[Markup] = []
    for item in items:
        html = render(item)
        most -= len(html.encode("utf-8", "replace"))
        if most < 0:
            break
        found.append(html)
    return found


def _samples(report: DedupeReport, render: Callable[[Card], Markup]) -> list[tuple[str, list[Markup]]]:
    share = _SAMPLE_BYTES // max(len(report.samples), 1)
    return [(RULE_NAMES.get(rule, rule), _within(share, cards, render)) for rule, cards in report.samples.items()]


def _sentence(report: DedupeReport, summary: DedupeSummary) -> str:
    if not summary.rows:
        return "The file has a header and no rows."
    said = [_counted(summary.merged, "row repeats another one", "rows repeat another one")]
    said.append(_counted(summary.reviews, "pair is left for you to judge", "pairs are left for you to judge"))
    if summary.quarantined:
        said.append(_counted(summary.quarantined, "row cannot be a lead", "rows cannot be leads"))
    return f"{', '.join(said[:-1])} and {said[-1]}."


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one}" if count == 1 else f"{count or 'no':,} {many}" if count else f"no {many}"


def _sizes(report: DedupeReport) -> str:
    said = [f"{leads:,} {_of_rows(low, high)}" for low, high, leads in report.sizes]
    return f"Leads with several rows: {', '.join(said)}." if said else ""


def _of_rows(low: int, high: int | None) -> str:
    if high is None:
        return f"of {low:,} and more"
    return f"of {low:,}" if low == high else f"of {low:,} to {high:,}"


def _contents(report: DedupeReport, summary: DedupeSummary, shown: _Shown) -> Iterator[tuple[str, str, int]]:
    """(anchor, title, how many there are) of each section that the page has."""
    sections: Sequence[tuple[str, str, object, int]] = (
        ("rules", "By rule", True, 0),
        ("scores", "Scores", any(report.histogram.matches) or any(report.histogram.reviews), 0),
        ("largest", "Largest leads", shown.largest, 0),
        ("samples", "Samples to judge", shown.samples, 0),
        ("reviews", "For review", shown.reviews, report.review_count),
        ("blocked", "Kept apart", shown.blocked, report.blocked_count),
        ("quarantined", "Not leads", shown.quarantined, summary.quarantined),
        ("unread", "Cells not understood", shown.unread, sum(fault.count for fault in report.unread)),
        ("columns", "Columns", True, 0),
    )
    return ((anchor, title, count) for anchor, title, there, count in sections if there)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leads_dagster.interfaces", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        visible=visible,
        label=lambda text: visible(_cut(text, _MAX_LABEL)),
        shown=lambda text: _cut(text, _MAX_CELL),
        bar=feature_bar,
        rule_name=lambda rule: RULE_NAMES.get(rule, rule),
        feature_name=lambda name: _FEATURE_NAMES.get(name, name.replace("_", " ")),
    )
    return environment


def visible(text: str) -> Markup:
    """A text, escaped, with control and other invisible characters written out as U+200B and such."""
    if text.isprintable():
        return Markup.escape(text)
    chip = Markup('<span class="chip">{}</span>')
    return Markup("").join(
        chip.format(_named(char)) if _is_hidden(text, place) else char for place, char in enumerate(text)
    )


def _is_hidden(text: str, place: int) -> bool:
    char = text[place]
    if char.isprintable() or category(char) not in _HIDDEN:
        return False
    # Joiners belong to the letters around them in Persian, in scripts of India, and in emoji.
    return char not in _JOINERS or not (text[place - 1 : place] > "\x7f" and text[place + 1 : place + 2] > "\x7f")


def _named(char: str) -> str:
    return {"\n": "↵", "\t": "⇥"}.get(char, f"U+{ord(char):04X}")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


@lru_cache(maxsize=1)
def _css() -> str:
    return files("leads_dagster.interfaces").joinpath("templates/dedupe.css").read_text(encoding="utf-8")


def _policy() -> str:
    """Nothing is loaded or run; the one style sheet is known by its hash."""
    digest = base64.b64encode(hashlib.sha256(_css().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
