"""Two leads to which people gave one e-mail or LinkedIn page: whether they are one is asked, like other reviews.

What belongs here: finding such leads and keeping the question while they say the same. Edits take no part in matching,
so that nobody's typing joins leads unasked; that is why nothing else asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select

from leads_dagster.leads.fields import RAW_DATA, NormalizedRow
from leads_dagster.leads.match_edges import Edge
from leads_dagster.leads.matching import compare_pairs, match_record
from leads_dagster.store import claim_rows, lead_rows, learned, match_rows, records, review_rows
from leads_dagster.store.match_rows import StoredEdge
from leads_dagster.store.pair_decisions import PairDecisions
from leads_dagster.store.policy import Policy
from leads_dagster.store.questions import Booking, Question, is_typed, marked, unmarked
from leads_dagster.store.resolution import with_originals
from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import leads

_KEYS = (leads.c.linkedin_url, leads.c.email)
KEYS = frozenset(column.name for column in _KEYS)
_MANY = 1000  # records: of so many it is cheaper to look at all that leads share

Pair = tuple[str, str]


def ask(connection: Connection, policy: Policy, lead_ids: Iterable[str], *, run_id: str, at: datetime) -> int:
    """Ask of these leads and those that say the same what is to be asked, and take back what is not any more.

    Args:
        lead_ids: leads that may say something else than before.

    Returns:
        How many questions are new.
    """
    named = sorted(set(lead_ids))
    if not named:
        return 0
    typed = _typed_pairs(connection, policy.customer, named)
    members = records.mates_of(connection, sorted({*named, *(lead for pair in typed for lead in pair)}))
    bookings = [] if not typed and not members else _withdrawn(connection, members, typed)
    asked = _asked(connection, policy, typed) if typed else []
    rows = [_row(policy.customer, booking.edge, run_id=run_id, at=at) for booking in (*bookings, *asked)]
    if rows:
        match_rows.book(connection, [*bookings, *asked], rows)
    return len(asked)


def ask_after(connection: Connection, policy: Policy, matched: Collection[int], *, run_id: str, at: datetime) -> int:
    """As `ask`, of the leads of records that were matched anew: that may have taken a question away."""
    if len(matched) <= _MANY:
        found = records.last_leads(connection, sorted(matched)).values()
        return ask(connection, policy, {lead for lead, left in found if not left}, run_id=run_id, at=at)
    doubles = lead_rows.strong_key_doubles(connection, policy.customer)
    typed = claim_rows.given_by_edits(connection, policy.customer, sorted({value for _, value, _ in doubles}))
    return ask(connection, policy, _saying(connection, policy.customer, typed), run_id=run_id, at=at)


def _saying(connection: Connection, customer: str, values: Collection[str]) -> set[str]:
    found: set[str] = set()
    for part in chunks(sorted(values)):
        said = or_(*(column.in_(part) for column in _KEYS))
        found.update(connection.execute(select(leads.c.id).where(said, *_active(customer))).scalars())
    return found


def _active(customer: str) -> tuple[ColumnElement[bool], ...]:
    return leads.c.customer == customer, leads.c.archived_at.is_(None), leads.c.merged_into.is_(None)


def _typed_pairs(connection: Connection, customer: str, named: Collection[str]) -> set[Pair]:
    """Pairs of active leads that share a key which an edit gave: each with the oldest of those that share it."""
    sharing = _sharing(connection, customer, named)
    typed = claim_rows.given_by_edits(connection, customer, sorted({value for _, value in sharing}))
    groups = [ids for (_, value), ids in sharing.items() if value in typed and match_rows.names_a_person(value)]
    return {(first, other) for first, *others in map(sorted, groups) for other in others}


def _sharing(connection: Connection, customer: str, named: Collection[str]) -> dict[tuple[str, str], list[str]]:
    """(column, value) -> the active leads that say so, where more than one does and one is named."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    active = _active(customer)
    for column in _KEYS:
        values: set[str] = set()
        for part in chunks(sorted(named)):
            mine = select(column).where(leads.c.id.in_(part), column.is_not(None), *active)
            values.update(connection.execute(mine).scalars())
        for part in chunks(sorted(values)):
            for lead, value in connection.execute(select(leads.c.id, column).where(column.in_(part), *active)):
                found[column.name, value].append(lead)
    return {key: ids for key, ids in found.items() if len(ids) > 1}


def _withdrawn(connection: Connection, members: Mapping[int, Any], typed: Collection[Pair]) -> list[Booking]:
    """Questions about leads that do not say the same any more."""
    lead_of = {record: str(one.lead_id) for record, one in members.items()}
    return [
        unmarked(_as_edge(edge))
        for edge in match_rows.edges_at(connection, sorted(members))
        if is_typed(edge.explanation) and _pair(lead_of.get(edge.record_a), lead_of.get(edge.record_b)) not in typed
    ]


def _pair(one: str | None, other: str | None) -> Pair | None:
    return None if one is None or other is None else (min(one, other), max(one, other))


def _as_edge(edge: StoredEdge) -> Edge:
    return Edge(edge.record_a, edge.record_b, edge.outcome, edge.rule, edge.score, edge.explanation)  # type: ignore[arg-type]


def _asked(connection: Connection, policy: Policy, typed: Collection[Pair]) -> list[Booking]:
    """Questions that nobody asked or answered yet, where the two look like one as they stand."""
    decided = review_rows.decided_leads(connection, PairDecisions(connection, policy.customer))
    open_ones = [
        pair for pair in sorted(typed) if frozenset(pair) not in decided and not review_rows.between(connection, pair)
    ]
    known = learned.knowledge(connection, policy.customer)
    told = lead_rows.load(connection, sorted({lead for pair in open_ones for lead in pair}))
    bookings = []
    for pair in open_ones:
        oldest = _oldest(connection, pair)
        if len(oldest) < 2:  # one is of no row that matching knows
            continue
        sides = [
            match_record(record, NormalizedRow(_texts(told[lead])), known) for record, lead in sorted(oldest.items())
        ]
        found = compare_pairs([(sides[0], sides[1])], policy.thresholds)
        bookings += [
            _booking(connection, with_originals(edge, {side.id: side for side in sides}))
            for edge in found
            if edge.outcome != "blocked"
        ]
    return bookings


def _texts(lead: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, text in lead_rows.to_texts(lead).items() if name != RAW_DATA}


def _oldest(connection: Connection, pair: Pair) -> dict[int, str]:
    """The oldest record of each lead -> that lead."""
    first: dict[str, int] = {}
    for record, one in records.mates_of(connection, list(pair)).items():
        lead = str(one.lead_id)
        first[lead] = min(record, first.get(lead, record))
    return {record: lead for lead, record in first.items()}


def _booking(connection: Connection, edge: Edge) -> Booking:
    """What is written to ask; two that have an edge, as contradicting rows have, keep what it was."""
    kept = [_as_edge(one) for one in match_rows.edges_at(connection, [edge.a]) if one.record_b == edge.b]
    question = Question(edge.a, edge.b, "join", edge, typed=True)
    if not kept:
        return Booking("insert", marked(question, None))
    mark = marked(question, kept[0])
    return Booking("update", replace(mark, explanation={**edge.explanation, **mark.explanation}))


def _row(customer: str, edge: Edge, *, run_id: str, at: datetime) -> dict[str, Any]:
    explanation = dict(edge.explanation)
    originals = explanation.pop("originals", {})
    return {
        "customer": customer, "record_a": edge.a, "record_b": edge.b, "outcome": edge.outcome, "rule": edge.rule,
        "score": edge.score, "explanation": explanation, "originals": originals, "matched_at": at, "run_id": run_id,
    }  # fmt: skip
