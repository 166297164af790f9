"""How right and how fast matching is, beside the naive rule, on leads with known truth.

    python -m benchmarks.matching_speed [rows ...]

Pairwise precision, recall and F1, medians over the seeds 100 to 104 (rules were tuned on seeds 1 to 5 only), and the
seconds for features, edges and clusters together. A pair left to review counts as not found; `recall_with_reviews` says
what recall would be if every review were answered rightly. `peak_mb` is that of the process so far, leads included.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rapidfuzz import fuzz

from benchmarks.matching.generator import Labelled, synthetic_leads
from leads_dagster.leads.matching import blocking_keys, cluster, match_all, match_new, match_record

SEEDS = range(100, 105)
SIZES = (10_000, 100_000)
# The large size is there for time and memory.
SEEDS_OF_LARGE = range(100, 102)
Rule = Callable[[Sequence[Labelled]], tuple[list[Sequence[int]], float]]


def run(sizes: Sequence[int] = SIZES) -> list[dict[str, Any]]:
    """One row of figures for each rule and size, and one for a single new row against the largest."""
    rules: tuple[tuple[str, Rule], ...] = (("leads_dagster", _ours), ("naive: LinkedIn, e-mail, fuzzy > 0.85", _naive))
    rows = []
    for size in sizes:
        seeds = SEEDS if size <= SIZES[0] else SEEDS_OF_LARGE
        for name, rule in rules:
            rows.append(_median(name, size, [_measured(rule, synthetic_leads(size, seed)) for seed in seeds]))
    return [*rows, one_new_row(max(sizes))]


def one_new_row(known_rows: int, new_rows: int = 200) -> dict[str, Any]:
    """Milliseconds to match one new row, its candidates given by key."""
    leads = synthetic_leads(known_rows, SEEDS[0])
    records = [match_record(number, lead.row) for number, lead in enumerate(leads)]
    index = defaultdict(list)
    for record in records[new_rows:]:
        for key in blocking_keys(record):
            index[key].append(record)
    times, candidates = [], []
    for record in records[:new_rows]:
        started = time.perf_counter()
        known = {key: index[key] for key in blocking_keys(record) if key in index}
        match_new([record], known)
        times.append((time.perf_counter() - started) * 1000)
        candidates.append(len({other.id for others in known.values() for other in others}))
    return {
        "rule": "one new row", "rows": known_rows, "milliseconds": round(statistics.median(times), 2),
        "worst_milliseconds": round(max(times), 2), "candidates": statistics.median(candidates),
    }  # fmt: skip


def _median(name: str, size: int, runs: Sequence[dict[str, float]]) -> dict[str, Any]:
    figures = {key: round(statistics.median(run[key] for run in runs), 4) for key in runs[0]}
    return {"rule": name, "rows": size, **figures}


def _measured(rule: Rule, leads: Sequence[Labelled]) -> dict[str, float]:
    started = time.perf_counter()
    clusters, reviewed = rule(leads)
    seconds = time.perf_counter() - started
    precision, recall = pairwise(leads, clusters)
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "recall_with_reviews": recall + reviewed,
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def pairwise(leads: Sequence[Labelled], clusters: Iterable[Sequence[int]]) -> tuple[float, float]:
    """Precision and recall over pairs of rows."""
    found = right = 0
    for members in clusters:
        found += _pairs([len(members)])
        right += _pairs(Counter(leads[member].person for member in members).values())
    return right / max(found, 1), right / max(_true_pairs(leads), 1)


def _true_pairs(leads: Sequence[Labelled]) -> int:
    return _pairs(Counter(lead.person for lead in leads).values())


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)


def _ours(leads: Sequence[Labelled]) -> tuple[list[Sequence[int]], float]:
    records = [match_record(number, lead.row) for number, lead in enumerate(leads)]
    edges = match_all(records)
    clusters = [found.members for found in cluster(records, edges)]
    home = {member: number for number, members in enumerate(clusters) for member in members}
    asked = [edge for edge in edges if edge.outcome == "review" and home[edge.a] != home[edge.b]]
    right = sum(leads[edge.a].person == leads[edge.b].person for edge in asked)
    return [*clusters], right / max(_true_pairs(leads), 1)


def _naive(leads: Sequence[Labelled]) -> tuple[list[Sequence[int]], float]:
    """Equal LinkedIn URL, else equal e-mail, else name and company together alike by more than 85 of 100."""
    parent = list(range(len(leads)))

    def find(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for field in ("linkedin_url", "email"):
        first: dict[str, int] = {}
        for number, lead in enumerate(leads):
            if field in lead.row.fields:
                parent[find(number)] = find(first.setdefault(lead.row.fields[field].lower(), number))
    for one, other in _naive_candidates(leads):
        if fuzz.token_sort_ratio(_naive_text(leads[one]), _naive_text(leads[other])) > 85:
            parent[find(one)] = find(other)
    groups = defaultdict(list)
    for number in range(len(leads)):
        groups[find(number)].append(number)
    return [*groups.values()], 0.0


def _naive_candidates(leads: Sequence[Labelled]) -> Iterable[tuple[int, int]]:
    blocks = defaultdict(list)
    for number, lead in enumerate(leads):
        if "company" in lead.row.fields:
            blocks[lead.row.fields["company"][:8].lower(), lead.row.fields["full_name"][:1].lower()].append(number)
    for members in blocks.values():
        for place, one in enumerate(members):
            for other in members[place + 1 :]:
                yield one, other


def _naive_text(lead: Labelled) -> str:
    return f"{lead.row.fields['full_name']} {lead.row.fields['company']}".lower()


if __name__ == "__main__":
    for row in run([int(size) for size in sys.argv[1:]] or SIZES):
        print("  ".join(f"{key}={value}" for key, value in row.items()))
