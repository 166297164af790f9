"""Working off a mirror's outbox: what it is told of each lead, computed when it is sent.

What belongs here: the rounds of one cycle and what is sent of a lead. Where the answers go is `mirror_booking`'s
business, how a mirror is written to `mirrors`'.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from leads_dagster.errors import LeadsError
from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.mirrors.airtable_schema import ATTENTION
from leads_dagster.mirrors.push import LeadPush, Operation, PushOutcome, PushResult
from leads_dagster.pipeline.attention import Attention
from leads_dagster.pipeline.freshness import Measuring
from leads_dagster.pipeline.mirror_booking import Booking, is_unnamed, we_deleted
from leads_dagster.pipeline.stages import Outcome, rest
from leads_dagster.pipeline.unsettled import Unsettled
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import lead_rows, ledger, outbox
from leads_dagster.store.airtable_changes import RECORD
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.outbox import MirrorName

_CHUNK: dict[MirrorName, int] = {"crm": 1000, "airtable": 200}


class Mirror(Protocol):
    """What a mirror must be able to do."""

    @property
    def fields(self) -> frozenset[str]:
        """Lead fields that it holds."""

    def push(self, changes: Sequence[LeadPush]) -> PushResult:
        """Write what differs; see `mirrors.push`."""


@dataclass(slots=True)
class Tally:
    """What a mirror did in one cycle."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    failed: int = 0
    conflicts: int = 0
    calls: int = 0
    retries: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, result: PushResult) -> None:
        """Count one push."""
        for name in ("created", "updated", "deleted", "failed", "conflicts", "calls", "retries"):
            setattr(self, name, getattr(self, name) + getattr(result, name))
        self.problems += [outcome.error for outcome in result.outcomes if outcome.error]

    def numbers(self) -> dict[str, Any]:
        """For metadata and the ledger."""
        names = ("created", "updated", "deleted", "unchanged", "failed", "conflicts", "calls", "retries")
        return {name: getattr(self, name) for name in names}


def due(ws: Workspace, mirror: MirrorName) -> int:
    """How many leads a mirror is to be told of now."""
    with reading(ws.engine) as connection:
        return outbox.count_due(connection, ws.name, [mirror], now=ws.now())


class Sending:
    """One mirror's outbox, worked off."""

    def __init__(
        self,
        ws: Workspace,
        run_id: str,
        name: MirrorName,
        mirror: Mirror,
        *,
        unsettled: Unsettled | None = None,
        attention: Attention | None = None,
    ) -> None:
        self.ws, self.run_id, self.name, self.mirror = ws, run_id, name, mirror
        self.unsettled, self.attention = unsettled, attention
        self.measuring = Measuring(ws, run_id, name)
        self.booking = Booking(ws, run_id, name, self.measuring, waits=unsettled is not None)
        self.tally = Tally()
        self.trouble: LeadsError | None = None
        self.shown = [name for name in (*LEAD_FIELDS, ATTENTION) if name in mirror.fields]

    def run(self) -> Outcome:
        started = time.monotonic()
        total = due(self.ws, self.name)
        sent = 0
        try:
            while marks := self._next_marks():
                sent += len(marks)
                self._send(marks)
                self.ws.report(88 + 11 * min(sent, total) // max(total, 1), f"{self._label()}: {sent:,} of {total:,}")
        finally:
            self._book_run()
        if self.trouble is not None:
            raise self.trouble
        rest(self.ws)
        numbers = {"configured": True, "sent": sent, **self.tally.numbers(), **self.measuring.numbers()}
        seconds = round(time.monotonic() - started, 4)
        return Outcome(sent > 0, self.run_id if sent else "same", {**numbers, "seconds": seconds})

    def _label(self) -> str:
        return "Airtable" if self.name == "airtable" else "CRM"

    def _next_marks(self, of: Sequence[str] | None = None) -> list[Any]:
        with reading(self.ws.engine) as connection:
            return outbox.due(
                connection, self.ws.name, self.name, now=self.ws.now(), limit=_CHUNK[self.name], lead_ids=of
            )

    def _send(self, marks: Sequence[Any]) -> None:
        marks, withheld = self._as_read(marks)
        with reading(self.ws.engine) as connection:
            leads = lead_rows.load(connection, [mark.lead_id for mark in marks])
            leads = self.attention.over(connection, leads) if self.attention is not None else leads
        waiting = self._made_for(marks)
        waiting |= {mark.lead_id for mark in marks if RECORD in withheld.get(mark.external_id, ())}
        marks = [mark for mark in marks if mark.lead_id not in waiting]
        self._postpone(waiting)
        pushes = {
            mark.lead_id: self._push_of(mark, leads.get(mark.lead_id), withheld.get(mark.external_id, frozenset()))
            for mark in marks
        }
        to_send = [push for push in pushes.values() if push is not None]
        self._note(to_send)
        result = self.mirror.push(to_send) if to_send else PushResult(())
        if self.ws.rehearsal is not None:
            self.ws.rehearsal.note(self.name, to_send, result)
        self.tally.add(result)
        quiet = [PushOutcome(lead, "unchanged") for lead, push in pushes.items() if push is None]
        self.tally.unchanged += len(quiet)
        last_words = self._last_words(marks, result)
        parted = {mark.lead_id for mark in marks if withheld.get(mark.external_id)}
        self.booking.book(marks, pushes, [*result.outcomes, *quiet], last_words, parted)
        self._postpone(parted | last_words)
        gone = {one.lead_id for one in result.outcomes if one.action == "gone"}
        self._leave_gone([mark for mark in marks if mark.lead_id in gone and not we_deleted(mark)])
        self.trouble = result.trouble or self.trouble
        if result.stopped is not None:
            raise result.stopped

    def _as_read(self, marks: Sequence[Any]) -> tuple[Sequence[Any], Mapping[str | None, frozenset[str]]]:
        """The marks once what people did to their records was read, which may tell of records that we did not know, and
        record -> lead fields in which somebody's edit waits; see `Unsettled.fields_of`."""
        known = [mark.external_id for mark in marks if mark.external_id]
        if self.unsettled is None or not known:
            return marks, {}
        self.unsettled.read_on(known)
        marks = self._next_marks([mark.lead_id for mark in marks])
        return marks, self.unsettled.fields_of([mark.external_id for mark in marks if mark.external_id])

    def _made_for(self, marks: Sequence[Any]) -> set[str]:
        """Leads without a record, for which one was made there that is to be taken in yet."""
        new = {mark.lead_id for mark in marks if not mark.external_id}
        return new & self.unsettled.named() if self.unsettled is not None and new else set()

    def _last_words(self, marks: Sequence[Any], result: PushResult) -> set[str]:
        """Leads whose record we deleted, and in which somebody typed just before: that is to be taken in yet."""
        deleted = {one.lead_id for one in result.outcomes if one.action == "deleted"}
        lead_of = {mark.external_id: mark.lead_id for mark in marks if mark.lead_id in deleted and mark.external_id}
        typed = set() if self.unsettled is None else self.unsettled.typed_before(lead_of.keys())
        return {lead_of[record] for record in typed}

    def _leave_gone(self, marks: Sequence[Any]) -> None:
        if self.unsettled is not None and marks:
            self.unsettled.note_gone(mark.external_id for mark in marks if mark.external_id)
            self._postpone({mark.lead_id for mark in marks})

    def _postpone(self, lead_ids: Collection[str]) -> None:
        if self.unsettled is not None and lead_ids:
            with writing(self.ws.engine, self.ws.name) as connection:
                outbox.postpone(connection, self.name, sorted(lead_ids), now=self.ws.now(), until=self.unsettled.until)

    def _note(self, pushes: Sequence[LeadPush]) -> None:
        """Before anything is sent, write down what: the process may end before the answer is booked."""
        if not pushes:
            return
        lost = self.shown if self.unsettled is None else [*self.shown, RECORD]
        noted = {push.lead_id: _with_unbooked(push, lost) for push in pushes}
        with writing(self.ws.engine, self.ws.name) as connection:
            outbox.note_unbooked(connection, self.name, noted)

    def _push_of(self, mark: Any, lead: Mapping[str, Any] | None, withheld: Collection[str] = ()) -> LeadPush | None:
        """What a mirror must be told of a lead now, but of the withheld fields; None where it says the same already."""
        if lead is None or lead["archived_at"] is not None or lead["merged_into"] is not None:
            there = (mark.base is not None or mark.unbooked is not None) and mark.operation != "delete"
            return self._push("delete", mark, {}) if there and not withheld else None
        shown = {name: lead[name] for name in self.shown if name not in withheld}
        doubtful = mark.unbooked or {}
        if mark.base is None:
            filled = {name: value for name, value in shown.items() if value is not None or name in doubtful}
            return self._push("create", mark, filled)
        if mark.operation == "delete":  # it was archived there and lives again
            return self._push("update", mark, shown)
        base = mark.base
        changed = {name: value for name, value in shown.items() if value != base.get(name) or name in doubtful}
        return self._push("update", mark, changed) if changed or is_unnamed(mark) else None

    @staticmethod
    def _push(operation: Operation, mark: Any, fields: Mapping[str, Any]) -> LeadPush:
        base, unbooked = mark.base, mark.unbooked or {}
        return LeadPush(mark.lead_id, operation, fields, mark.external_id, base, unbooked, is_unnamed(mark))

    def _book_run(self) -> None:
        """Put what the mirror did into the ledger's line of this cycle, also when it was stopped."""
        with writing(self.ws.engine) as connection:
            run = ledger.find_run(connection, self.ws.name, self.run_id)
            if run is None:
                return
            done = {"mirrors": {**run["mirrors"], self.name: self.tally.numbers()}, "finished_at": self.ws.now()}
            ledger.update_run(
                connection, self.ws.name, self.run_id, retries=run["retries"] + self.tally.retries, **done
            )


def _with_unbooked(push: LeadPush, lost: Sequence[str]) -> dict[str, list[Any]]:
    """Field -> all that may stand there once this push was tried; after a deletion nothing of `lost` is sure."""
    sent = push.fields if push.operation != "delete" else dict.fromkeys(lost)
    noted = {name: list(values) for name, values in push.unbooked.items()}
    for name, value in sent.items():
        values = noted.setdefault(name, [])
        if value not in values:
            values.append(value)
    return noted
