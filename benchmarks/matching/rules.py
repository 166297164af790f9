"""Matchers that are measured, each in a process of its own: ours, and the naive rule in three forms.

    python -m benchmarks.matching.rules NAME leads.csv RESULT.json

What belongs here: running one of them over a sheet of `generator` and writing what it found. Timed is from the rows'
texts to clusters: features, edges and clusters of ours; nothing of what is read before or imported.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz

from benchmarks.matching.union import joined
from benchmarks.measuring import timed
from leads_dagster.leads.fields import NormalizedRow
from leads_dagster.leads.folding import fold_company, fold_email, fold_name, linkedin_slug
from leads_dagster.leads.many_objects import without_collecting
from leads_dagster.leads.match_features import is_role_mailbox
from leads_dagster.leads.matching import cluster, match_all, match_record

_ALIKE = 85
# Matched before anything is measured, so that tables and libraries are loaded.
_ANYBODY = {"full_name": "Any Body", "company": "Any Company Ltd", "email": "any.body@example.com"}


@dataclass(frozen=True)
class Result:
    """What a matcher found.

    Attributes:
        clusters: of every row the number of its cluster.
        reviews: pairs of rows left to a person.
    """

    clusters: list[int]
    reviews: list[tuple[int, int]]


Rule = Callable[[Sequence[NormalizedRow]], Result]


def read_rows(path: Path) -> list[NormalizedRow]:
    """The rows of a sheet that `generator` wrote: its values are normalised already."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_row({name: text for name, text in cells.items() if text}) for cells in csv.DictReader(file)]


def _row(fields: dict[str, str]) -> NormalizedRow:
    emails, phones = ((fields[name],) if name in fields else () for name in ("email", "phone"))
    return NormalizedRow(fields, emails=emails, phones=phones)


@without_collecting()  # as `leads dedupe` does
def ours(rows: Sequence[NormalizedRow]) -> Result:
    """Features, edges and clusters."""
    records = [match_record(number, row) for number, row in enumerate(rows)]
    edges = match_all(records)
    homes = [0] * len(rows)
    for number, found in enumerate(cluster(records, edges)):
        for member in found.members:
            homes[member] = number
    reviews = [(edge.a, edge.b) for edge in edges if edge.outcome == "review" and homes[edge.a] != homes[edge.b]]
    return Result(homes, reviews)


@dataclass(frozen=True)
class _Facts:
    """What the naive rule compares of one row; "" where the row does not say."""

    linkedin: str
    email: str
    name: str
    company: str


def _as_written(row: NormalizedRow) -> _Facts:
    linkedin, email, name, company = (
        row.fields.get(field, "").lower() for field in ("linkedin_url", "email", "full_name", "company")
    )
    return _Facts(linkedin, email, name, company)


def _normalized(row: NormalizedRow) -> _Facts:
    written = _as_written(row)
    return _Facts(
        linkedin_slug(written.linkedin) or "" if written.linkedin else "",
        fold_email(written.email) if written.email else "",
        fold_name(written.name),
        fold_company(written.company),
    )


def _without_role_mailboxes(row: NormalizedRow) -> _Facts:
    facts = _normalized(row)
    return replace(facts, email="") if is_role_mailbox(facts.email) else facts


def _naive(facts_of: Callable[[NormalizedRow], _Facts]) -> Rule:
    """Equal LinkedIn page, else equal e-mail, else name and company together alike by more than 85 of 100."""

    def rule(rows: Sequence[NormalizedRow]) -> Result:
        facts = [facts_of(row) for row in rows]
        return Result(joined(len(rows), _naive_pairs(facts)), [])

    return rule


def _naive_pairs(facts: Sequence[_Facts]) -> Iterator[tuple[int, int]]:
    for field in ("linkedin", "email"):
        first: dict[str, int] = {}
        for number, one in enumerate(facts):
            if value := getattr(one, field):
                yield number, first.setdefault(value, number)
    texts = [f"{one.name} {one.company}" for one in facts]
    for a, b in _naive_candidates(facts):
        if fuzz.token_sort_ratio(texts[a], texts[b]) > _ALIKE:
            yield a, b


def _naive_candidates(facts: Sequence[_Facts]) -> Iterator[tuple[int, int]]:
    """Pairs whose companies and names begin alike; comparing all would take hours."""
    blocks = defaultdict(list)
    for number, one in enumerate(facts):
        if one.company:
            blocks[one.company[:8], one.name[:1]].append(number)
    for members in blocks.values():
        for place, a in enumerate(members):
            for b in members[place + 1 :]:
                yield a, b


NAIVE = "naive rule"
RULES: dict[str, Rule] = {
    "ours": ours,
    NAIVE: _naive(_as_written),
    "naive, normalised": _naive(_normalized),
    "naive, normalised, no role mailboxes": _naive(_without_role_mailboxes),
}


def measured(rule: Rule, rows: Sequence[NormalizedRow]) -> dict[str, Any]:
    """What it found, and what it cost."""
    found: list[Result] = []
    timing = timed(lambda: found.append(rule(rows)))
    return {
        "seconds": timing.wall, "cpu": timing.cpu, "peak_mb": timing.peak_mb,
        "clusters": found[0].clusters, "reviews": found[0].reviews,
    }  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Run one of the rules over a sheet and write what came of it."""
    name, sheet, result = arguments
    rule, rows = RULES[name], read_rows(Path(sheet))
    rule([_row(_ANYBODY)])
    Path(result).write_text(json.dumps(measured(rule, rows)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
