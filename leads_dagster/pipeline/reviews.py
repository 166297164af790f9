"""Reviews: pairs that the matcher left to a person. Listing them, showing both sides, and settling them.

What belongs here: the use cases, for the command line and the API. What an answer does to leads is `store.answering`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from leads_dagster.errors import NotFoundError
from leads_dagster.pipeline.deciding import carried_out, tell_mirrors
from leads_dagster.pipeline.review_facts import facts_of, facts_of_decided, review_id
from leads_dagster.pipeline.sheet_rows import Places
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import answering, history, records, review_rows
from leads_dagster.store.engine import reading
from leads_dagster.store.pair_decisions import PairDecision, PairDecisions, Verdict
from leads_dagster.store.undo import Undoing

_ID = re.compile(r"\s*r?(\d{1,18})-(\d{1,18})\s*", re.IGNORECASE | re.ASCII)
_ROWS_SHOWN = 20
_JOIN = {
    "same": "the two become one lead, and stay one whatever their rows say later",
    "not_same": "the two stay apart, and are not asked about again",
}
_SPLIT = {
    "same": "it stays one lead whatever its rows say later, and is not asked about again",
    "not_same": "the rows of the two sides part, and are two leads",
}
_CHOICES = {"pair": _JOIN, "join": _JOIN, "split": _SPLIT}


def list_(ws: Workspace, *, every: bool = False, limit: int = 100) -> list[dict[str, Any]]:
    """Pairs that wait for a decision, the strongest first; with `every` also those decided, newest first.

    Two leads are one question, however many of their records look alike. Of a lead that somebody edited it may be asked
    whether it is to be joined with another ("join"), or whether its rows are still one ("split").

    Returns:
        id, kind ("pair", "join" or "split"), status ("open", "same" or "not_same"), score (None of a split), rule, why,
        left and right (each lead_id, lead: its name, record_id), fields (each field, left, right, agree), features and
        thresholds as the matcher used them, since (when the pair was last compared), decision_id, who, reason,
        decided_at. Of a decided one, and of a split, the sides are what the two records say that are shown.
    """
    with reading(ws.engine) as connection:
        found = facts_of(connection, list(islice(review_rows.waiting(connection, ws.name), limit)))
        if every and len(found) < limit:
            answered = [one for one in PairDecisions(connection, ws.name).standing if one.asked is not None]
            found += facts_of_decided(connection, answered[::-1][: limit - len(found)])
        return found


def show(ws: Workspace, named: str) -> dict[str, Any]:
    """One review, with all rows of both leads and what each answer would do.

    Args:
        named: the id that the list gives; any two records of the two leads name the same question.

    Returns:
        As in `list_`, and of one that waits: rows (side, record_id, source, source_key, row, fields: what it says),
        pairs (id and score of every pair of records of the two leads that looks alike), choices.

    Raises:
        NotFoundError: no such review.
        ConflictError: the two leads became one otherwise.
    """
    pair = pair_named(named)
    with reading(ws.engine) as connection:
        decided = _decision_on(connection, ws.name, pair)
        if decided is not None:
            return facts_of_decided(connection, [decided])[0]
        question, sides = answering.question(connection, ws.name, pair)
        (found,) = facts_of(connection, [question])
        found["rows"] = _rows(ws, connection, sides)
        others = review_rows.between(connection, question.leads) if len(question.leads) > 1 else []
        found["pairs"] = [{"id": review_id(*one.pair), "score": one.score} for one in others]
    found["choices"] = _CHOICES[found["kind"]]
    return found


def resolve(
    ws: Workspace, named: str, verdict: Verdict, *, reason: str | None = None, who: str | None = None
) -> dict[str, Any]:
    """Settle a review; every later cycle obeys it, and mirrors hear of it at once where they can be reached.

    Args:
        named: the id that the list gives.
        verdict: "same": both are one lead; "not_same": they are two.
        who: the person, where it is not the one who runs this process.

    Returns:
        id, status, decision_id, lead_ids (of the two leads, those that live now), who, learned (each id, kind, left,
        right, because and next: what the answer teaches for other rows), mirrors (what each heard), next.

    Raises:
        NotFoundError: no such review. ConflictError: it does not wait any more.
    """
    settled = settle_one(ws, named, verdict, reason=reason, who=who)
    again = f"`leads undo decision {settled['decision_id']}` takes it back."
    return {**settled, "mirrors": tell_mirrors(ws), "next": again}


def settle_one(
    ws: Workspace, named: str, verdict: Verdict, *, reason: str | None = None, who: str | None = None
) -> dict[str, Any]:
    """As `resolve`, but the mirrors are not told yet."""
    pair = pair_named(named)

    def decision(undoing: Undoing) -> dict[str, Any]:
        done = answering.answer(undoing, pair, verdict)
        last = records.last_leads(undoing.connection, pair)
        facts = {"id": review_id(*done.facts["records"]), "status": verdict, "decision_id": done.decision_id}
        learned = {"learned": done.facts["learned"]}
        return {**facts, "lead_ids": sorted({lead for lead, _ in last.values()}), "who": undoing.who, **learned}

    return carried_out(ws, decision, who=who, reason=reason)


def how_it_stands(ws: Workspace, named: str) -> Verdict | None:
    """What stands decided of the two records that an id names, else "same" where they are one lead; None: two."""
    pair = pair_named(named)
    with reading(ws.engine) as connection:
        standing = PairDecisions(connection, ws.name).standing
        leads = [lead for lead, left in records.last_leads(connection, pair).values() if not left]
    word = next((one.verdict for one in reversed(standing) if one.covers(pair)), None)
    return "same" if word is None and len(leads) == 2 and len(set(leads)) == 1 else word


def pair_named(named: str) -> tuple[int, int]:
    """The two records in an id: "r3-9", also "3-9", the smaller first.

    Raises:
        NotFoundError: that is no id of a review.
    """
    found = _ID.fullmatch(named)
    if found is None:
        raise NotFoundError("That is no id of a review.", advice="It looks like r3-9: see `leads reviews`.")
    one, other = sorted(map(int, found.groups()))
    return one, other


def _decision_on(connection: Connection, customer: str, pair: tuple[int, int]) -> PairDecision | None:
    """The newest standing answer to the question that these two records name."""
    answered = (one for one in reversed(PairDecisions(connection, customer).standing) if one.asked is not None)
    return next((one for one in answered if one.covers(pair)), None)


def _rows(ws: Workspace, connection: Connection, sides: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    """The rows of both sides, each with where it stands and what it says."""
    shown = [(side, one) for side, ids in zip(("left", "right"), sides, strict=True) for one in ids[:_ROWS_SHOWN]]
    past = history.records_by_id(connection, [one for _, one in shown])
    said = records.sayings_of(connection, [one for _, one in shown])
    places = Places(ws, connection)
    return [{"side": side, **places.of(past[one]), "fields": said[one]} for side, one in shown]
