"""Matching: which records are one lead, which might be, and which only look so.

What belongs here: the verbs that others call. Features are in `match_record`, keys in `blocking`, scores in
`comparison`, rules in `evidence`, clusters in `clustering`.

An edge is a function of its two records alone, and the clusters are a function of the set of records: the same whatever
order they arrive in and however they are batched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from leads_dagster.leads.aspects import Aspect, blocking_keys, shared_aspects
from leads_dagster.leads.blocking import Pairs, candidate_pairs
from leads_dagster.leads.clustering import Cluster, cluster
from leads_dagster.leads.edges import assembled
from leads_dagster.leads.evidence import Judge
from leads_dagster.leads.many_objects import without_collecting
from leads_dagster.leads.match_edges import DEFAULT_THRESHOLDS, RULES, Edge, Outcome, Rule, Thresholds
from leads_dagster.leads.match_record import MatchRecord, content_hash, match_record
from leads_dagster.leads.record_columns import RecordColumns

__all__ = [
    "DEFAULT_THRESHOLDS",
    "MATCHING_VERSION",
    "RULES",
    "Cluster",
    "Edge",
    "MatchRecord",
    "Outcome",
    "Rule",
    "Thresholds",
    "blocking_keys",
    "cluster",
    "compare_pairs",
    "content_hash",
    "match_all",
    "match_new",
    "match_record",
]

# Part of a sheet's fingerprint: raise it when the same rows would give other keys, edges or clusters.
MATCHING_VERSION = "9"


@without_collecting()
def match_all(records: Sequence[MatchRecord], thresholds: Thresholds = DEFAULT_THRESHOLDS) -> list[Edge]:
    """Edges of all pairs that share a blocking key, sorted by ids.

    Of records that say the same to a rule, one stands for all: the others carry an edge to it, and `cluster` applies
    what it finds of one to all of them. So a component has the same connections as if all pairs were there, in a number
    of edges that grows with the records.
    """
    ordered = sorted(records, key=_content_order)
    columns = RecordColumns(ordered)
    return _edges(columns, candidate_pairs(columns), thresholds)


@without_collecting()
def match_new(
    new: Sequence[MatchRecord],
    known: Mapping[str, Sequence[MatchRecord]],
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> list[Edge]:
    """Edges of new records, with known ones and with each other.

    Together with the edges of the known records they connect what `match_all` would connect. Where a known record is
    removed or changed, match what remains of its component anew with `match_all`: others may have been tied to it.

    Args:
        new: records not seen before (or changed: then leave their earlier form out of `known`).
        known: blocking key -> known records with that key; keys that no new record has are ignored.
    """
    ids = {record.id for record in new}
    wanted = {key for record in new for key in blocking_keys(record)}
    candidates = {record.id: record for key in wanted for record in known.get(key, ()) if record.id not in ids}
    ordered = [*sorted(candidates.values(), key=_content_order), *sorted(new, key=_content_order)]
    columns = RecordColumns(ordered)
    return _edges(columns, candidate_pairs(columns, len(candidates)), thresholds)


@without_collecting()
def compare_pairs(
    pairs: Iterable[tuple[MatchRecord, MatchRecord]], thresholds: Thresholds = DEFAULT_THRESHOLDS
) -> list[Edge]:
    """Edges of the pairs given, as `match_all` would judge them; pairs that nothing speaks for give none."""
    wanted = [(a, b) for a, b in pairs if a.id != b.id]
    records = list({record.id: record for pair in wanted for record in pair}.values())
    position = {record.id: index for index, record in enumerate(records)}
    found: dict[Aspect, list[tuple[int, int]]] = {}
    for a, b in wanted:
        for aspect in shared_aspects(a, b):
            found.setdefault(aspect, []).append((position[a.id], position[b.id]))
    tasks = (Pairs(aspect, *np.array(places, dtype=np.int64).T) for aspect, places in found.items())
    return _edges(RecordColumns(records), tasks, thresholds)


def _content_order(record: MatchRecord) -> tuple[bytes, int]:
    return record.content_hash, record.id


def _edges(columns: RecordColumns, pairs: Iterable[Pairs], thresholds: Thresholds) -> list[Edge]:
    judge = Judge(columns, thresholds)
    findings = [found for task in pairs if (found := judge.findings(task)).left.size]
    return sorted(assembled(judge, findings), key=lambda edge: (edge.a, edge.b)) if findings else []
