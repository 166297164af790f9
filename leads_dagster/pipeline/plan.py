"""`leads plan`: what a sync would write, call and cost. It rehearses the cycle on a copy and writes nothing.

What belongs here: what is told of a rehearsed cycle. How it is rehearsed is `rehearsal`'s business. What it says is
exact, as far as nobody edits the sheet or Airtable before the sync, and Airtable refuses no single record.
"""

from __future__ import annotations

import math
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select

from leads_dagster.errors import LeadsError
from leads_dagster.leads.headers import confirming, suggestions
from leads_dagster.leads.sheet import read_sheet, sample_of
from leads_dagster.mirrors.push import Action, LeadPush, PushOutcome
from leads_dagster.pipeline import ingest
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.follow_rules import count_to_change
from leads_dagster.pipeline.look import Look
from leads_dagster.pipeline.rehearsal import rehearsed
from leads_dagster.pipeline.result import SyncResult, read_result
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.sources.fetched import Fetched
from leads_dagster.store import lead_rows, ledger, outbox, rematching
from leads_dagster.store.engine import reading
from leads_dagster.store.outbox import MirrorName
from leads_dagster.store.tables import leads, quarantine

AIRTABLE_CALLS_A_SECOND = 5
SHOWN = 20
_STATUS = {"done": "changed", "failed": "changed"}
_DONE: Mapping[Action, str] = {
    "created": "creates",
    "updated": "updates",
    "deleted": "deletes",
    "unchanged": "unchanged",
    "gone": "gone",
    "failed": "failed",
}
_ISSUE = ("row_number", "code", "column", "cell", "message", "suggestion")


def plan(ws: Workspace, *, limit: int = SHOWN) -> dict[str, Any]:
    """What `leads sync` would do now.

    Args:
        limit: how many rows of `quarantine` and of each mirror's `differences` are listed.

    Returns:
        customer, status ("unchanged", "changed" or "held"), rows by outcome, leads (create, update, retire),
        matched_anew (the rules of matching changed: all records are matched by them first), unknown_columns,
        quarantine (rows that would come to stand there), error (a mirror that cannot be reached, in words; None), and
        mirrors: mirror -> creates, updates, deletes, unchanged, conflicts, failed, waiting (what it has to hear from
        before), fields (lead field -> how many values), differences (each lead_id, lead, operation, field, old, new);
        of Airtable also calls (by kind, and all), seconds, month_left.

    Raises:
        LeadsError: the sheet cannot be read, or the store cannot be copied.
    """
    with rehearsed(ws) as trial:
        return _Plan(trial, limit).facts()


@dataclass(frozen=True, slots=True)
class _Before:
    """The copy before the cycle: lead -> (version, whether it lives); and what its mirrors have still to hear."""

    leads: Mapping[str, tuple[int, bool]]
    waiting: Mapping[MirrorName, int]
    version: int
    due_anew: bool
    by_rules: int


class _Plan:
    """One rehearsal, and what comes of it."""

    def __init__(self, trial: Workspace, limit: int) -> None:
        self.trial, self.limit, self.run_id = trial, limit, uuid.uuid4().hex
        assert trial.rehearsal is not None
        self.rehearsal = trial.rehearsal

    def facts(self) -> dict[str, Any]:
        before = self._before()
        look = self._look()
        result, error = self._cycle(before)
        status = "unchanged" if not look.has_work else _STATUS.get(result.status, result.status)
        return {
            "customer": self.trial.name,
            "status": status,
            "rows": asdict(result.rows),
            "leads": self._leads(before),
            "mirrors": {mirror: self._mirror(mirror, before.waiting[mirror]) for mirror in self.trial.mirrors},
            "quarantine": self._quarantine(),
            "unknown_columns": _unknown_columns(self.trial, look),
            "matched_anew": before.due_anew,
            "error": self.trial.airtable_parked if error is None else str(error),
        }

    def _before(self) -> _Before:
        ws = self.trial
        with reading(ws.engine) as connection:
            now = ws.now()
            return _Before(
                self._versions(),
                {mirror: outbox.count_due(connection, ws.name, [mirror], now=now) for mirror in ws.mirrors},
                ledger.source_state(connection, ws.name, ws.source, order=False).version,
                rematching.is_due(connection, ws.policy),
                count_to_change(ws, connection),
            )

    def _versions(self) -> dict[str, tuple[int, bool]]:
        lives = (leads.c.archived_at.is_(None) & leads.c.merged_into.is_(None)).label("lives")
        query = select(leads.c.id, leads.c.version, lives).where(leads.c.customer == self.trial.name)
        with reading(self.trial.engine) as connection:
            return {row.id: (row.version, bool(row.lives)) for row in connection.execute(query)}

    def _look(self) -> Look:
        ingest.has_work(self.trial)
        looked = self.trial.looked
        if isinstance(looked, LeadsError):
            raise looked
        assert looked is not None
        return looked

    def _cycle(self, before: _Before) -> tuple[SyncResult, LeadsError | None]:
        """The rehearsed cycle; the error of a mirror is no reason to say nothing of the rest."""
        try:
            return run_cycle(self.trial, run_id=self.run_id), None
        except LeadsError as error:
            with reading(self.trial.engine) as connection:
                state = ledger.source_state(connection, self.trial.name, self.trial.source, order=False)
            if state.version == before.version:
                raise
            return read_result(self.trial, self.run_id, seconds=0.0), error

    def _leads(self, before: _Before) -> dict[str, int]:
        after = self._versions()
        lived = {lead for lead, (_, lives) in before.leads.items() if lives}
        living = {lead for lead, (_, lives) in after.items() if lives}
        changed = sum(after[lead] != before.leads[lead] for lead in lived & living)
        counts = {"create": len(living - lived), "update": changed, "retire": len(lived - living)}
        return {**counts, **({"by_new_rules": before.by_rules} if before.by_rules else {})}

    def _quarantine(self) -> list[dict[str, Any]]:
        columns = [quarantine.c[name] for name in _ISSUE]
        mine = select(*columns).where(quarantine.c.customer == self.trial.name, quarantine.c.run_id == self.run_id)
        query = mine.order_by(quarantine.c.row_number, quarantine.c.record_id).limit(self.limit)
        with reading(self.trial.engine) as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def _mirror(self, mirror: MirrorName, waiting: int) -> dict[str, Any]:
        told = [
            (push, outcome)
            for pushes, result in self.rehearsal.told.get(mirror, ())
            for push, outcome in _paired(pushes, result.outcomes)
        ]
        counts = Counter(_DONE[outcome.action] for _, outcome in told)
        differences = list(_differences(told))
        facts = {
            **{name: counts[name] for name in ("creates", "updates", "deletes", "unchanged", "failed")},
            "conflicts": sum(bool(outcome.conflict) for _, outcome in told),
            "waiting": waiting,
            "fields": dict(Counter(one["field"] for one in differences if one["field"]).most_common()),
            "differences": self._named(differences[: self.limit]),
        }
        return {**facts, **self._cost()} if mirror == "airtable" else facts

    def _named(self, differences: list[dict[str, Any]]) -> list[dict[str, Any]]:
        with reading(self.trial.engine) as connection:
            found = lead_rows.load(connection, sorted({one["lead_id"] for one in differences}))
        return [
            {"lead_id": one["lead_id"], "lead": found[one["lead_id"]]["full_name"] if one["lead_id"] in found else None}
            | one
            for one in differences
        ]

    def _cost(self) -> dict[str, Any]:
        """Requests and what they take, and what is left of the month's."""
        airtable = self.trial.customer.airtable
        assert airtable is not None
        calls, kinds = self.rehearsal.airtable.calls, dict(sorted(self.rehearsal.airtable.made.items()))
        left = _month_left(self.trial)
        enough = left is None or calls <= left
        return {
            "calls": calls,
            "calls_by_kind": kinds,
            "seconds": math.ceil(calls / AIRTABLE_CALLS_A_SECOND),
            "month_left": left,
            **({} if enough else {"beyond_the_month": calls - (left or 0)}),
        }


def _month_left(ws: Workspace) -> int | None:
    """Calls that the plan has left this month; None where it sets no limit."""
    from leads_dagster.budget import budget_place

    airtable = ws.customer.airtable
    if airtable is None or airtable.calls_a_month is None:
        return None
    known = [
        one.month_left
        for one in budget_place(ws.settings).status()
        if airtable.base_id in one.name and one.month_left is not None
    ]
    return min(known, default=airtable.calls_a_month)


def _unknown_columns(ws: Workspace, look: Look) -> list[dict[str, str]]:
    """Columns that no field takes though their rows look like one, and the command that gives them to it."""
    if not isinstance(look.fetched, Fetched):
        return []
    table, mapping = read_sheet(look.fetched.data, overrides=ws.customer.columns, learned=ws.learned_headers)
    found = suggestions(mapping, sample_of(table))
    return [{"column": one.label, "looks_like": one.field, "confirm": confirming(one)} for one in found]


def _paired(pushes: Iterable[LeadPush], outcomes: Iterable[PushOutcome]) -> Iterator[tuple[LeadPush, PushOutcome]]:
    by_lead = {push.lead_id: push for push in pushes}
    return ((by_lead[outcome.lead_id], outcome) for outcome in outcomes)


def _differences(told: Iterable[tuple[LeadPush, PushOutcome]]) -> Iterator[dict[str, Any]]:
    """Field by field what would be another; a record that goes is one difference."""
    for push, outcome in told:
        if outcome.action == "deleted":
            yield {"lead_id": push.lead_id, "operation": "delete", "field": None, "old": None, "new": None}
        if outcome.action not in ("created", "updated"):
            continue
        operation, base = ("create", {}) if outcome.action == "created" else ("update", push.base or {})
        for name, new in push.fields.items():
            old = base.get(name)
            if new != old and name not in outcome.withheld and name not in outcome.conflict:
                yield {"lead_id": push.lead_id, "operation": operation, "field": name, "old": old, "new": new}
