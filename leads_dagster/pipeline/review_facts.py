"""A review as people see it: both sides next to each other, what speaks for them, and what was decided.

What belongs here: putting together what the store keeps of a question. Which questions wait, and what an answer does,
is `store.review_rows`' and `store.answering`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.leads.folding import fold_company, fold_email, fold_name, fold_text
from leads_dagster.store import lead_rows, records, review_rows
from leads_dagster.store.pair_decisions import PairDecision
from leads_dagster.store.questions import ASKED, SPLIT_RULE
from leads_dagster.store.review_rows import Review, Waiting

_FOLDS: dict[str, Callable[[str], str]] = {"name": fold_name, "company": fold_company, "email": fold_email}
_DECISION = ("decision_id", "who", "reason", "decided_at")


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a review: what stands for it, and what it says."""

    record: int
    lead: str | None
    says: Mapping[str, str]

    def facts(self) -> dict[str, Any]:
        name = self.says.get("full_name") or self.says.get("company")
        return {"lead_id": self.lead, "lead": name, "record_id": self.record}


def review_id(record_a: int, record_b: int) -> str:
    """What a review is called: "r3-9"; two numbers alone would be a date to a spreadsheet."""
    return f"r{record_a}-{record_b}"


def facts_of(connection: Connection, found: Sequence[Waiting]) -> list[dict[str, Any]]:
    """Questions that wait, each with both leads as they stand; of one lead, with what its two records say."""
    leads = lead_rows.load(connection, sorted({lead for one in found for lead in one.leads}))
    said = records.sayings_of(connection, sorted({each for one in found if len(one.leads) == 1 for each in one.pair}))
    kept = review_rows.reviews(connection, [one.pair for one in found])
    return [
        _waiting(
            kept[one.pair],
            _Side(one.record_a, one.lead_a, said.get(one.record_a) or lead_rows.to_texts(leads[one.lead_a])),
            _Side(one.record_b, one.lead_b, said.get(one.record_b) or lead_rows.to_texts(leads[one.lead_b])),
        )
        for one in found
    ]


def facts_of_decided(connection: Connection, decided: Sequence[PairDecision]) -> list[dict[str, Any]]:
    """Questions that were answered, each with what the two records say that were shown."""
    shown = [one.asked for one in decided if one.asked is not None]
    ids = sorted({record for pair in shown for record in pair})
    last = records.last_leads(connection, ids)
    said = records.sayings_of(connection, ids)
    living = lead_rows.living_for(connection, sorted({lead for lead, _ in last.values()}))
    lead_of = {record: living.get(lead) for record, (lead, _) in last.items()}
    return [_decided(one, pair, lead_of, said) for one, pair in zip(decided, shown, strict=True)]


def compared(left: Mapping[str, str], right: Mapping[str, str]) -> list[dict[str, Any]]:
    """Field by field what both sides say: field, left, right, agree (None where one of them says nothing)."""
    names = [name for name in LEAD_FIELDS if name in left or name in right]
    return [
        {"field": name, "left": left.get(name), "right": right.get(name), "agree": _agree(name, left, right)}
        for name in names
    ]


def _agree(name: str, left: Mapping[str, str], right: Mapping[str, str]) -> bool | None:
    one, other = left.get(name), right.get(name)
    if one is None or other is None:
        return None
    fold = _FOLDS.get(LEAD_FIELDS[name], fold_text)
    return one == other or (fold(one) == fold(other) != "")


def _waiting(kept: Review, left: _Side, right: _Side) -> dict[str, Any]:
    asked = kept.explanation.get(ASKED)
    kind = "pair" if asked is None else asked["about"]
    why = kept.explanation.get("rule", "")
    return {
        "id": review_id(kept.record_a, kept.record_b),
        "kind": kind,
        "status": "open",
        "score": None if kind == "split" else kept.score,
        "rule": kept.rule,
        "why": why if asked is None else f"{asked['why']} {why}".strip(),
        **_both(left, right),
        "features": kept.explanation.get("features", {}),
        "thresholds": kept.explanation.get("thresholds", {}),
        "since": kept.matched_at,
        **dict.fromkeys(_DECISION),
    }


def _both(left: _Side, right: _Side) -> dict[str, Any]:
    return {"left": left.facts(), "right": right.facts(), "fields": compared(left.says, right.says)}


def _decided(
    decision: PairDecision,
    pair: tuple[int, int],
    lead_of: Mapping[int, str | None],
    said: Mapping[int, Mapping[str, str]],
) -> dict[str, Any]:
    left, right = (_Side(record, lead_of.get(record), said.get(record, {})) for record in pair)
    return {
        "id": review_id(*pair),
        "kind": "split" if decision.subject.get("rule") == SPLIT_RULE else "pair",
        "status": decision.verdict,
        "score": decision.subject.get("score"),
        "rule": decision.subject.get("rule"),
        "why": None,
        **_both(left, right),
        "features": {},
        "thresholds": {},
        "since": None,
        "decision_id": decision.id,
        "who": decision.who,
        "reason": decision.reason,
        "decided_at": decision.decided_at,
    }
