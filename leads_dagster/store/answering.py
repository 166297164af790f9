"""Answering a review: a decision on two leads, obeyed at once and by every later cycle.

What belongs here: whether a question waits, and what an answer does to the store. How it is shown is the pipeline's.
"""

from __future__ import annotations

from sqlalchemy import Connection

from leads_dagster.errors import ConflictError, NotFoundError
from leads_dagster.store import lead_rows, records, review_rows
from leads_dagster.store.pair_decisions import PairDecision, PairDecisions, Verdict
from leads_dagster.store.review_rows import Waiting
from leads_dagster.store.undo import Effect, Undoing, Undone, settle

_KEY: dict[Verdict, str] = {"same": "together", "not_same": "apart"}


def answer(undoing: Undoing, pair: tuple[int, int], verdict: Verdict) -> Undone:
    """Say of the leads of two records whether they are one; it holds for all records that they have now.

    Args:
        pair: the records by which the question is named.
        verdict: "same" joins the two whatever contradicts, "not_same" keeps them apart whatever agrees.

    Raises:
        NotFoundError: no such question.
        ConflictError: it does not wait any more.
    """
    connection = undoing.connection
    found = question(connection, undoing.policy.customer, pair)
    rows = list(records.records_of_leads(connection, [found.lead_a, found.lead_b]))
    sides = [sorted(one.id for one in rows if one.lead_id == lead) for lead in (found.lead_a, found.lead_b)]
    shown = (found.record_a, found.record_b)
    kept = review_rows.reviews(connection, [shown])[shown]
    subject = {"records": list(shown), "rule": kept.rule, "score": kept.score, _KEY[verdict]: sides}
    decision = undoing.decide(verdict, subject, lead_id=found.lead_a)
    # Two that are apart stay so; to join them, they are matched again.
    leads = settle(undoing, decision, Effect(records=set(shown) if verdict == "same" else set()))
    return Undone(decision, tuple(sorted({*leads, *found.leads})), {"records": list(shown), "verdict": verdict})


def question(connection: Connection, customer: str, pair: tuple[int, int]) -> Waiting:
    """The question between the leads of two records, as it waits.

    Raises:
        NotFoundError: no such question. ConflictError: it does not wait any more.
    """
    leads = _leads_of(connection, customer, pair)
    decided = PairDecisions(connection, customer)
    standing = review_rows.decided_leads(connection, decided).get(frozenset(leads.values()))
    if standing is None and len(set(leads.values())) == 1:
        standing = next((one.id for one in reversed(decided.standing) if covers(one, pair)), None)
        if standing is None:
            raise ConflictError(f"{named(pair)} waits no more: its two sides became one lead by themselves.")
    if standing is not None:
        raise ConflictError(
            f"{named(pair)} is decided already, by decision {standing}.",
            advice=f"`leads undo decision {standing}` takes that back.",
        )
    found = review_rows.between(connection, set(leads.values()))
    if not found:
        raise nothing_waits(pair)
    return found[0]


def covers(decision: PairDecision, pair: tuple[int, int]) -> bool:
    """Whether a decision speaks of a pair, one record on either side."""
    left, right = decision.sides
    return (pair[0] in left and pair[1] in right) or (pair[1] in left and pair[0] in right)


def named(pair: tuple[int, int]) -> str:
    """A review as sentences call it."""
    return f"Review r{pair[0]}-{pair[1]}"


def nothing_waits(pair: tuple[int, int]) -> NotFoundError:
    """What to say where there is no such question."""
    return NotFoundError(f"{named(pair)} does not wait for anybody.", advice="See `leads reviews`.")


def _leads_of(connection: Connection, customer: str, pair: tuple[int, int]) -> dict[int, str]:
    found = {one.id: one.lead_id for one in records.known_records(connection, pair) if one.kind == "row"}
    rows = lead_rows.load(connection, [lead for lead in found.values() if lead is not None])
    leads = {record: lead for record, lead in found.items() if lead and rows[lead]["customer"] == customer}
    if len(leads) < len(set(pair)) or len(set(pair)) < 2:
        raise nothing_waits(pair)
    return leads
