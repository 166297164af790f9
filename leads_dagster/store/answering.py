"""Answering a review: a decision on two leads, obeyed at once and by every later cycle.

What belongs here: whether a question waits, and what an answer does to the store. How it is shown is the pipeline's.
"""

from __future__ import annotations

from sqlalchemy import Connection

from leads_dagster.errors import ConflictError, NotFoundError
from leads_dagster.store import lead_rows, records, review_rows
from leads_dagster.store.learning import Learning, learn_from_decision
from leads_dagster.store.pair_decisions import PairDecisions, Verdict
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
    found, sides = question(connection, undoing.policy.customer, pair)
    kept = review_rows.reviews(connection, [found.pair])[found.pair]
    subject = {"records": list(found.pair), "rule": kept.rule, "score": kept.score, _KEY[verdict]: sides}
    decision = undoing.decide(verdict, subject, lead_id=found.lead_a)
    two = found.lead_a != found.lead_b
    taught = _taught(undoing, decision, found.pair) if verdict == "same" and two else Learning()
    # Two that are apart stay so; all else is matched again.
    as_it_is = verdict == "not_same" and two
    leads = settle(undoing, decision, Effect() if as_it_is else Effect(records={*found.pair, *taught.records}))
    facts = {"records": list(found.pair), "verdict": verdict, "learned": list(taught.lines)}
    return Undone(decision, tuple(sorted({*leads, *found.leads})), facts)


def _taught(undoing: Undoing, decision: int, pair: tuple[int, int]) -> Learning:
    return learn_from_decision(undoing.connection, undoing.policy, decision, pair, at=undoing.at, who=undoing.who)


def question(connection: Connection, customer: str, pair: tuple[int, int]) -> tuple[Waiting, list[list[int]]]:
    """The question that two records name, as it waits, and the records of either side.

    Raises:
        NotFoundError: no such question. ConflictError: it does not wait any more.
    """
    leads = set(_leads_of(connection, customer, pair).values())
    decided = PairDecisions(connection, customer)
    standing = next((one.id for one in reversed(decided.standing) if one.covers(pair)), None)
    if len(leads) > 1:
        standing = review_rows.decided_leads(connection, decided).get(frozenset(leads), standing)
    if standing is not None:
        raise ConflictError(
            f"{named(pair)} is decided already, by decision {standing}.",
            advice=f"`leads undo decision {standing}` takes that back.",
        )
    return _between(connection, leads, pair) if len(leads) > 1 else _within(connection, leads.pop(), pair)


def _between(connection: Connection, leads: set[str], pair: tuple[int, int]) -> tuple[Waiting, list[list[int]]]:
    waiting = review_rows.between(connection, leads)
    if not waiting:
        raise nothing_waits(pair)
    rows = records.mates_of(connection, sorted(leads))
    both = (waiting[0].lead_a, waiting[0].lead_b)
    return waiting[0], [sorted(record for record, one in rows.items() if one.lead_id == lead) for lead in both]


def _within(connection: Connection, lead: str, pair: tuple[int, int]) -> tuple[Waiting, list[list[int]]]:
    for waiting, (left, right) in review_rows.splits(connection, lead):
        if (pair[0] in left and pair[1] in right) or (pair[1] in left and pair[0] in right):
            return waiting, [left, right]
    raise ConflictError(f"{named(pair)} waits no more: its two sides are one lead.")


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
