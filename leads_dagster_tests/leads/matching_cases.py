"""Rows as the matching tests write them: only what matters, named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from leads_dagster.leads.fields import FACT_TARGETS, NormalizedRow
from leads_dagster.leads.matching import (
    Edge,
    MatchRecord,
    blocking_keys,
    cluster,
    compare_pairs,
    match_all,
    match_record,
)

_FIELDS = {"name": "full_name", "linkedin": "linkedin_url"}


def row(**said: str) -> NormalizedRow:
    """A row with these cells: name, company, email, phone, linkedin (the slug), location, website, title, address …"""
    addresses = (said.pop("address"),) if "address" in said else ()
    facts = tuple(f"{kind}:{said.pop(kind)}" for kind in FACT_TARGETS if kind in said)
    fields = {_FIELDS.get(cell, cell): text for cell, text in said.items()}
    if "linkedin_url" in fields:
        fields["linkedin_url"] = f"https://www.linkedin.com/in/{fields['linkedin_url']}"
    return NormalizedRow(
        fields,
        emails=(fields["email"],) if "email" in fields else (),
        phones=(fields["phone"],) if "phone" in fields else (),
        addresses=addresses,
        facts=facts,
    )


def record(record_id: int, **said: str) -> MatchRecord:
    """A record with these cells."""
    return match_record(record_id, row(**said))


def people(*rows: Mapping[str, str]) -> list[MatchRecord]:
    """Records numbered from 0."""
    return [record(number, **said) for number, said in enumerate(rows)]


def judged(one: Mapping[str, str], other: Mapping[str, str]) -> Edge | None:
    """The edge between two rows, whichever is named first."""
    forwards = compare_pairs([(record(1, **one), record(2, **other))])
    backwards = compare_pairs([(record(2, **one), record(1, **other))])
    assert [_without_sides(edge) for edge in forwards] == [_without_sides(edge) for edge in backwards]
    return forwards[0] if forwards else None


def _without_sides(edge: Edge) -> tuple[str, str, float]:
    return edge.outcome, edge.rule, edge.score


def outcome(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """ "match email", "review name_company", "blocked email" ..., or "nothing"."""
    edge = judged(one, other)
    return f"{edge.outcome} {edge.rule}" if edge else "nothing"


def groups(records: Sequence[MatchRecord]) -> set[frozenset[int]]:
    """The clusters of records as sets of ids."""
    return {frozenset(found.members) for found in cluster(records, match_all(records))}


def index(records: Sequence[MatchRecord]) -> dict[str, list[MatchRecord]]:
    """Records by blocking key, as a store would keep them."""
    known: dict[str, list[MatchRecord]] = defaultdict(list)
    for one in records:
        for key in blocking_keys(one):
            known[key].append(one)
    return known
