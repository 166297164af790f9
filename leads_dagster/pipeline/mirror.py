"""crm_store and airtable_mirror: send what a mirror has not heard yet, computed when it is sent.

What belongs here: working off the outbox. How a mirror is written to is `mirrors`' business.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from leads_dagster.errors import LeadsError
from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.mirrors.airtable_schema import ATTENTION
from leads_dagster.mirrors.push import LeadPush, Operation, PushOutcome, PushResult
from leads_dagster.pipeline.attention import Attention
from leads_dagster.pipeline.attention import mark as mark_attention
from leads_dagster.pipeline.mirror_targets import meet
from leads_dagster.pipeline.stages import Outcome, stage
from leads_dagster.pipeline.unsettled import Unsettled
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import conflict_rows, lead_rows, ledger, outbox
from leads_dagster.store.airtable_changes import RECORD
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.outbox import MirrorName

_CHUNK: dict[MirrorName, int] = {"crm": 1000, "airtable": 200}
_NOTHING_SENT = "unchanged"
KEY = "lead_key"  # in a base only where the record does not name its lead
_OPERATIONS = {"created": "create", "deleted": "delete"}


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


def mirror_crm(ws: Workspace, *, run_id: str) -> Outcome:
    """Bring the CRM database in step with the leads.

    Raises:
        StoreError, StoreBusyError: the CRM cannot be written; the outbox keeps what is left.
    """
    from leads_dagster.mirrors.crm import CrmStore

    crm = ws.customer.crm
    on_delete: Literal["archive", "delete"] = "delete" if ws.customer.delete_policy == "delete" else "archive"
    with (
        stage(ws, run_id, "crm_store", percent=88, message="Writing the CRM"),
        CrmStore(
            ws.crm_url,
            crm.table,
            dict(crm.columns),
            batch_size=ws.settings.batch_size,
            on_delete=on_delete,
            only_read=ws.rehearsal is not None and ws.rehearsal.crm_only_read,
        ) as store,
    ):
        meet(ws, "crm")
        return _Sending(ws, run_id, "crm", store).run()


def mirror_airtable(ws: Workspace, *, run_id: str) -> Outcome:
    """Bring the Airtable table in step with the leads; without one configured it says so and passes.

    Raises:
        CredentialsError, TargetMissingError, RateLimitedError, ServiceUnavailableError: the outbox keeps what is left.
    """
    airtable = ws.customer.airtable
    if airtable is None:
        meet(ws, "airtable")
        return Outcome(False, "none", {"configured": False, "created": 0, "updated": 0, "deleted": 0, "calls": 0})
    from leads_dagster.errors import QuotaSpentError
    from leads_dagster.pipeline.airtable_duplicates import any_open, take_out
    from leads_dagster.pipeline.airtable_table import look, open_table
    from leads_dagster.pipeline.fixing_table import show_what_needs_fixing

    with stage(ws, run_id, "airtable_mirror", percent=92, message="Writing Airtable"):
        meet(ws, "airtable")
        mark_attention(ws)
        failure, ws.airtable_failure, ws.airtable_parked = ws.airtable_failure, None, None
        if _due(ws, "airtable") == 0 and not any_open(ws):
            if failure is not None:
                raise failure
            return Outcome(False, "same", {"configured": True, **Tally().numbers(), **show_what_needs_fixing(ws)})
        try:
            with open_table(ws, airtable) as mirror:
                target = look(ws, airtable, mirror)
                unsettled, told = Unsettled(ws, airtable, mirror), Attention(ws, mirror.unwritable)
                done = _Sending(ws, run_id, "airtable", mirror, unsettled=unsettled, attention=told).run()
                apart = take_out(ws, airtable.base_id, target, mirror)
                return replace(done, numbers={**done.numbers, **apart, **show_what_needs_fixing(ws, mirror)})
        except QuotaSpentError as spent:  # the budget's state says so, too; nothing else is stopped by it
            ws.airtable_parked = spent.message
            return Outcome(False, "parked", {"configured": True, "parked": spent.message, **Tally().numbers()})


def _due(ws: Workspace, mirror: MirrorName) -> int:
    with reading(ws.engine) as connection:
        return outbox.count_due(connection, ws.name, [mirror], now=ws.now())


class _Sending:
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
        self.tally = Tally()
        self.trouble: LeadsError | None = None
        self.shown = [name for name in (*LEAD_FIELDS, ATTENTION) if name in mirror.fields]

    def run(self) -> Outcome:
        started = time.monotonic()
        total = _due(self.ws, self.name)
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
        self._rest()
        numbers = {"configured": True, "sent": sent, **self.tally.numbers()}
        seconds = round(time.monotonic() - started, 4)
        return Outcome(sent > 0, self.run_id if sent else "same", {**numbers, "seconds": seconds})

    def _rest(self) -> None:
        """Say that nothing is under way; the other mirror, where it comes later, says otherwise again."""
        with writing(self.ws.engine) as connection:
            ledger.rest_state(connection, self.ws.name)

    def _label(self) -> str:
        return "Airtable" if self.name == "airtable" else "CRM"

    def _next_marks(self) -> list[Any]:
        with reading(self.ws.engine) as connection:
            return outbox.due(connection, self.ws.name, self.name, now=self.ws.now(), limit=_CHUNK[self.name])

    def _send(self, marks: Sequence[Any]) -> None:
        withheld = self._withheld(marks)
        with reading(self.ws.engine) as connection:
            leads = lead_rows.load(connection, [mark.lead_id for mark in marks])
            leads = self.attention.over(connection, leads) if self.attention is not None else leads
        waiting = {mark.lead_id for mark in marks if RECORD in withheld.get(mark.external_id, ())}
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
        self._book(marks, pushes, [*result.outcomes, *quiet])
        self._postpone({mark.lead_id for mark in marks if withheld.get(mark.external_id)})
        gone = {one.lead_id for one in result.outcomes if one.action == "gone"}
        self._leave_gone({mark.lead_id for mark in marks if mark.lead_id in gone and not _we_deleted(mark)})
        self.trouble = result.trouble or self.trouble
        if result.stopped is not None:
            raise result.stopped

    def _withheld(self, marks: Sequence[Any]) -> Mapping[str | None, frozenset[str]]:
        """Record -> lead fields in which somebody's edit waits; see `Unsettled.fields_of`."""
        known = [mark.external_id for mark in marks if mark.external_id]
        return {} if self.unsettled is None or not known else self.unsettled.fields_of(known)

    def _leave_gone(self, lead_ids: Collection[str]) -> None:
        if self.unsettled is not None and lead_ids:
            self.unsettled.note_gone()
            self._postpone(lead_ids)

    def _postpone(self, lead_ids: Collection[str]) -> None:
        if self.unsettled is not None and lead_ids:
            with writing(self.ws.engine, self.ws.name) as connection:
                outbox.postpone(connection, self.name, sorted(lead_ids), until=self.unsettled.until)

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
        return self._push("update", mark, changed) if changed or _is_unnamed(mark) else None

    @staticmethod
    def _push(operation: Operation, mark: Any, fields: Mapping[str, Any]) -> LeadPush:
        base, unbooked = mark.base, mark.unbooked or {}
        return LeadPush(mark.lead_id, operation, fields, mark.external_id, base, unbooked, _is_unnamed(mark))

    def _book(
        self, marks: Sequence[Any], pushes: Mapping[str, LeadPush | None], outcomes: Sequence[PushOutcome]
    ) -> None:
        mark_of = {mark.lead_id: mark for mark in marks}
        now = self.ws.now()
        landed = [one for one in outcomes if one.action != "failed"]
        failed = [one for one in outcomes if one.action == "failed"]
        with writing(self.ws.engine, self.ws.name) as connection:
            booked = [self._success(one, mark_of[one.lead_id], pushes[one.lead_id], now) for one in landed]
            outbox.book_success(connection, booked)
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

    def _success(self, outcome: PushOutcome, mark: Any, push: LeadPush | None, now: Any) -> dict[str, Any]:
        quiet = outcome.action == _NOTHING_SENT and outcome.answered is None
        # A CRM row that was archived is still there: what it says stays the base for when the lead returns.
        base, external_id = (mark.base, mark.external_id) if quiet else (outcome.answered, outcome.external_id)
        gone = outcome.action == "gone"
        if self.unsettled is not None and gone and not _we_deleted(mark):
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
        """A record that somebody deleted meanwhile: what becomes of its lead is decided when that was read."""
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
                "kept": _text(theirs),
                "lost": _text(ours),
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


def _written(outcome: PushOutcome, push: LeadPush) -> dict[str, Any]:
    """Lead field -> value as the mirror answered it, of the fields that were sent."""
    answered = outcome.answered or {}
    return {name: answered[name] for name in push.fields if name in answered}


def _is_unnamed(mark: Any) -> bool:
    """Whether the mirror's record does not say whose it is."""
    return mark.base is not None and mark.base.get(KEY, mark.lead_id) != mark.lead_id


def _text(value: Any) -> str | None:
    """A mirror's value as a claim would have it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _agreed(landed: Sequence[PushOutcome], pushes: Mapping[str, LeadPush | None]) -> dict[str, set[str]]:
    """Lead -> fields that were sent and that the mirror holds now as sent."""
    return {
        one.lead_id: set(push.fields) - one.conflict.keys() - one.withheld.keys()
        for one in landed
        if (push := pushes[one.lead_id]) is not None and one.action != "gone"
    }


def _we_deleted(mark: Any) -> bool:
    """Whether a deletion of ours may have landed without being booked: nobody else took the record away then."""
    return RECORD in (mark.unbooked or {})


def _with_unbooked(push: LeadPush, lost: Sequence[str]) -> dict[str, list[Any]]:
    """Field -> all that may stand there once this push was tried; after a deletion nothing of `lost` is sure."""
    sent = push.fields if push.operation != "delete" else dict.fromkeys(lost)
    noted = {name: list(values) for name, values in push.unbooked.items()}
    for name, value in sent.items():
        values = noted.setdefault(name, [])
        if value not in values:
            values.append(value)
    return noted
