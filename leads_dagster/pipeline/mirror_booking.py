"""Booking what a mirror answered: the outbox, the lead's own columns, conflicts.

What belongs here: rows that follow from outcomes, in one transaction a round. What was sent is `sending`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from leads_dagster.mirrors.push import LeadPush, PushOutcome
from leads_dagster.pipeline.freshness import Measuring
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import conflict_rows, lead_rows, outbox
from leads_dagster.store.airtable_changes import RECORD
from leads_dagster.store.engine import writing
from leads_dagster.store.outbox import MirrorName

KEY = "lead_key"  # in a base only where the record does not name its lead
_NOTHING_SENT = "unchanged"
_WRITTEN = frozenset({"created", "updated", "deleted"})
_OPERATIONS = {"created": "create", "deleted": "delete"}


@dataclass(frozen=True, slots=True)
class Booking:
    """Books for one mirror in one cycle.

    Attributes:
        waits: whether people write in the mirror, too, so that what is gone there is theirs to decide.
        measuring: told how long what landed took.
    """

    ws: Workspace
    run_id: str
    name: MirrorName
    measuring: Measuring
    waits: bool = False

    def book(
        self,
        marks: Sequence[Any],
        pushes: Mapping[str, LeadPush | None],
        outcomes: Sequence[PushOutcome],
        unheard: Collection[str] = (),
        unfinished: Collection[str] = (),
    ) -> None:
        """Book what came of pushes: lead -> push, None where there was nothing to send.

        Args:
            unheard: leads whose record is gone, but not before somebody said something in it.
            unfinished: leads of which part was kept back for now; their marks stay.
        """
        mark_of = {mark.lead_id: mark for mark in marks}
        now = self.ws.now()
        landed = [one for one in outcomes if one.action != "failed"]
        failed = [one for one in outcomes if one.action == "failed"]
        with writing(self.ws.engine, self.ws.name) as connection:
            booked = [
                self._as_it_was(mark_of[one.lead_id], now)
                if one.lead_id in unheard
                else self._success(one, mark_of[one.lead_id], pushes[one.lead_id], now)
                for one in landed
            ]
            for row in booked:
                if row["lead_id"] in unfinished:
                    row["version"] = mark_of[row["lead_id"]].version - 1
            outbox.book_success(connection, booked)
            self._measure(connection, landed, mark_of, {*unfinished, *unheard}, now)
            for one in failed:
                outbox.book_failure(
                    connection,
                    [one.lead_id],
                    self.name,
                    error=one.error or "",
                    permanent=one.permanent,
                    patient=one.patient,
                    now=now,
                    attempts={one.lead_id: mark_of[one.lead_id].attempt_count},
                )
            conflict_rows.note_of_mirror(connection, [row for one in landed for row in self._conflicts(one, now)])
            conflict_rows.settle_of_mirror(connection, self.ws.name, self.name, _agreed(landed, pushes), at=now)
            if self.name == "airtable":
                lead_rows.save_airtable(connection, [self._airtable_columns(one, mark_of, now) for one in outcomes])

    def _measure(
        self,
        connection: Connection,
        landed: Sequence[PushOutcome],
        mark_of: Mapping[str, Any],
        unfinished: Collection[str],
        now: datetime,
    ) -> None:
        """What stands there now and was written for a change; not what is told again because the mirror moved."""
        there = [one.lead_id for one in landed if one.action in _WRITTEN and one.lead_id not in unfinished]
        seen = [mark_of[lead].seen_at for lead in there]
        self.measuring.note(connection, [one for one in seen if one is not None], now=now)

    def _success(self, outcome: PushOutcome, mark: Any, push: LeadPush | None, now: Any) -> dict[str, Any]:
        quiet = outcome.action == _NOTHING_SENT and outcome.answered is None
        # A CRM row that was archived is still there: what it says stays the base for when the lead returns.
        base, external_id = (mark.base, mark.external_id) if quiet else (outcome.answered, outcome.external_id)
        gone = outcome.action == "gone"
        if self.waits and gone and not we_deleted(mark):
            return self._as_it_was(mark, now)
        if base is not None and push is not None:
            base = {name: value for name, value in base.items() if name != KEY}
        return {
            "lead_id": outcome.lead_id,
            "mirror": self.name,
            # A record that was deleted there is made anew: the mark stays, without what is no longer true.
            "version": mark.version if not gone else mark.version - 1,
            "external_id": None if gone else external_id,
            "base": None if gone else base,
            "operation": mark.operation if quiet else _OPERATIONS.get(outcome.action, "update"),
            "at": now,
            "error": outcome.said,
            **({"echoes": outbox.echoes_with(mark.echoes, _written(outcome, push))} if push is not None else {}),
        }

    @staticmethod
    def _as_it_was(mark: Any, now: Any) -> dict[str, Any]:
        """A record that is gone: what becomes of its lead is decided when what people did with it was read."""
        return {
            "lead_id": mark.lead_id,
            "mirror": "airtable",
            "version": mark.version - 1,
            "external_id": mark.external_id,
            "base": mark.base,
            "operation": mark.operation,
            "at": now,
        }

    def _conflicts(self, outcome: PushOutcome, now: Any) -> list[dict[str, Any]]:
        return [
            {
                "customer": self.ws.name,
                "lead_id": outcome.lead_id,
                "field": name,
                "kept": conflict_rows.as_text(theirs),
                "lost": conflict_rows.as_text(ours),
                "kept_source": self.name,
                "lost_source": "store",
                "mirror": self.name,
                "status": "open",
                "detected_at": now,
                "run_id": self.run_id,
            }
            for name, (theirs, ours) in outcome.conflict.items()
        ]

    def _airtable_columns(self, outcome: PushOutcome, mark_of: Mapping[str, Any], now: Any) -> dict[str, Any]:
        failed = outcome.action == "failed"
        held = outcome.external_id or mark_of[outcome.lead_id].external_id
        return {
            "id": outcome.lead_id,
            "airtable_id": None if outcome.action == "deleted" else held,
            "airtable_synced": not failed,
            "sync_pending": failed,
            "last_sync_attempt": now,
            "sync_error": outcome.said,
        }


def _written(outcome: PushOutcome, push: LeadPush) -> dict[str, Any]:
    """Lead field -> value as the mirror answered it, of the fields that were sent."""
    answered = outcome.answered or {}
    return {name: answered[name] for name in push.fields if name in answered}


def is_unnamed(mark: Any) -> bool:
    """Whether the mirror's record does not say whose it is."""
    return mark.base is not None and mark.base.get(KEY, mark.lead_id) != mark.lead_id


def _agreed(landed: Sequence[PushOutcome], pushes: Mapping[str, LeadPush | None]) -> dict[str, set[str]]:
    """Lead -> fields that were sent and that the mirror holds now as sent."""
    return {
        one.lead_id: set(push.fields) - one.conflict.keys() - one.withheld.keys()
        for one in landed
        if (push := pushes[one.lead_id]) is not None and one.action != "gone"
    }


def we_deleted(mark: Any) -> bool:
    """Whether a deletion of ours may have landed without being booked: nobody else took the record away then."""
    return RECORD in (mark.unbooked or {})
