"""Taking edits made in Airtable into the store: whose lead each is of, and what becomes of it there.

What belongs here: telling records apart, inside the caller's write transaction. Booking what is said of a lead is
`airtable_said`'s business, rows take the road of `intake`, and which edits are taken in when is decided before.

    what happened in Airtable                    what becomes of it
    a record that shows a lead was changed       an edit of that lead: a record of kind "edit"
    a record was made                            a row of its own, matched like any other
    a record that was made there was changed     that row says something new
    a record that shows a lead was deleted       what was changed in it before, and then: by the customer's policy the
                                                 lead is set aside, or gets a new record; where another record stands
                                                 beside it, that one takes its place
    a deleted record was brought back            the deletion is taken back
    a record that shows no lead was deleted      nothing more: what it said is kept
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.leads.normalization import normalize_fields
from leads_dagster.store import (
    airtable_duplicates,
    airtable_marks,
    airtable_said,
    decisions,
    lead_rows,
    outbox,
    records,
    undo,
)
from leads_dagster.store.airtable_edit import AirtableEdit, Taken
from leads_dagster.store.airtable_marks import KEY, Shown
from leads_dagster.store.airtable_said import Said, text_of
from leads_dagster.store.intake import Arrival, Landed, take_in
from leads_dagster.store.policy import Policy
from leads_dagster.store.records import KnownRecord
from leads_dagster.store.undo import Undoing

WHO = "Airtable"
_IDENTITY = ("full_name", "email", "linkedin_url")


class AirtableIntake:
    """Takes edits in, in one write transaction of the customer.

    Args:
        source: canonical name of the table, "airtable:<base>/<table>".
        run_id: what the history names.
        now: aware UTC; when they are taken in, not when they were made.
        seen_at: when the oldest of them was first seen here; what mirrors are told of waits since then.
    """

    def __init__(
        self,
        connection: Connection,
        policy: Policy,
        *,
        source: str,
        run_id: str,
        now: datetime,
        seen_at: datetime | None = None,
    ) -> None:
        self.connection, self.policy, self.customer = connection, policy, policy.customer
        self.source, self.run_id, self.now, self.seen_at = source, run_id, now, seen_at
        self.taken = Taken()

    def take(self, edits: Sequence[AirtableEdit]) -> Taken:
        """Take these in; of one record there is one at most."""
        ids = [edit.record_id for edit in edits]
        rows = records.by_source_key(self.connection, self.customer, self.source, ids)
        shown = airtable_marks.by_record(self.connection, self.customer, ids)
        self._delete([edit for edit in edits if edit.kind == "deleted"], rows, shown)
        made = [edit for edit in edits if edit.kind == "created"]
        founding = [edit for edit in made if edit.record_id in rows or not self._is_known(edit, shown)]
        changed = [edit for edit in edits if edit.kind == "changed"]
        self._change_rows([edit for edit in changed if edit.record_id in rows], rows, shown)
        self._edit_leads([edit for edit in changed if edit.record_id not in rows], shown)
        self._create([edit for edit in founding if any(value is not None for value in edit.values.values())])
        return self.taken

    def _is_known(self, edit: AirtableEdit, shown: Mapping[str, Shown]) -> bool:
        """Whether a record that was made shows a lead already, or brings one back; it is then dealt with."""
        if edit.record_id in shown:  # we wrote into it while it waited: what it leaves blank says nothing
            told = {name: value for name, value in edit.values.items() if name in edit.said_at}
            self._edit_leads([replace(edit, values=told)], shown)
            return True
        lead = lead_rows.load(self.connection, [edit.lead_key]).get(edit.lead_key) if edit.lead_key else None
        if lead is None or lead["customer"] != self.customer or edit.lead_key is None:
            return False
        if lead["archived_at"] is not None:
            return self._bring_back(edit, edit.lead_key)
        of_lead = airtable_marks.by_lead(self.connection, self.customer, [edit.lead_key]).get(edit.lead_key)
        if of_lead is None or of_lead.record_id is None:  # its record was lost, or our write was never booked
            self._adopt(edit, edit.lead_key)
            self._hear(edit, edit.lead_key)
            return True
        return self._note_copy(edit, lead)

    def _bring_back(self, edit: AirtableEdit, lead_id: str) -> bool:
        decision = decisions.standing_deletions(self.connection, [lead_id]).get(lead_id)
        if decision is None:
            return False
        undo.take_back(self._undoing("brought back in Airtable"), decision)
        self._adopt(edit, lead_id)
        self._hear(edit, lead_id)
        self.taken.restored += 1
        return True

    def _note_copy(self, edit: AirtableEdit, lead: Mapping[str, Any]) -> bool:
        """A copy of a record stays a copy until it tells of somebody else; what the lead said once is no such word."""
        texts = lead_rows.to_texts(lead)
        other = {name: text_of(edit.values[name]) for name in _IDENTITY if name in edit.values}
        other = {name: text for name, text in other.items() if text != texts.get(name, "")}
        if any(text not in lead_rows.said_before(self.connection, lead["id"], name) for name, text in other.items()):
            return False
        reason = "It names the same lead_key as an older record."
        self._duplicate(edit.record_id, str(lead["id"]), reason=reason, keep=True)
        return True

    def _adopt(self, edit: AirtableEdit, lead_id: str) -> None:
        base = {**edit.values, KEY: edit.lead_key}
        airtable_marks.note_there(self.connection, self.customer, {lead_id: (edit.record_id, base)})

    def _hear(self, edit: AirtableEdit, lead_id: str) -> None:
        """What an adopted record says and its lead never said, somebody typed there: the push would write over it.

        Who did saw the record, not the lead; nobody saw there what that came to say since.
        """
        lead = lead_rows.load(self.connection, [lead_id])[lead_id]
        texts = lead_rows.to_texts(lead)
        other = {name: value for name, value in edit.values.items() if value is not None}
        new = {
            name: value
            for name, value in other.items()
            if text_of(value) not in {texts.get(name, ""), *lead_rows.said_before(self.connection, lead_id, name)}
        }
        seen = Shown(lead_id, edit.record_id, {name: lead[name] for name in new}, None)
        said = self._said_of_leads()
        said.book([(lead_id, replace(edit, values=new, overwritten=frozenset(new)), seen)])
        self.taken.refused += said.refused

    def _duplicate(self, record_id: str, lead_id: str, *, reason: str, keep: bool = False) -> None:
        self.taken.duplicates += 1
        airtable_duplicates.note(
            self.connection,
            self.customer,
            record_id,
            lead_id,
            status="kept" if keep else "open",
            reason=reason,
            at=self.now,
        )

    # Rows: records that were made in Airtable.

    def _create(self, edits: Sequence[AirtableEdit]) -> None:
        for at in sorted({edit.at for edit in edits}):
            landed = self._take_in([(edit, edit.values) for edit in edits if edit.at == at], at=at)
            for edit in edits:
                if edit.at == at:
                    self._settle_new(edit, landed[edit.record_id])

    def _settle_new(self, edit: AirtableEdit, landed: Landed) -> None:
        if landed.lead_id is None:
            self.taken.quarantined += 1
            return
        of_lead = airtable_marks.by_lead(self.connection, self.customer, [landed.lead_id]).get(landed.lead_id)
        if of_lead is not None and of_lead.record_id not in (None, edit.record_id):
            self.taken.merged += 1
            self._duplicate(edit.record_id, landed.lead_id, reason="It tells of a lead that has a record.")
            return
        if landed.state == "created":
            self.taken.created += 1
        else:
            self.taken.merged += 1
        airtable_duplicates.forget(self.connection, [edit.record_id])
        self._adopt(edit, landed.lead_id)

    def _change_rows(
        self, edits: Sequence[AirtableEdit], rows: Mapping[str, KnownRecord], shown: Mapping[str, Shown]
    ) -> None:
        """What was made there says something new, field by field as it was typed."""
        known = {edit.record_id: rows[edit.record_id].id for edit in edits}
        times = airtable_said.said_times(self.connection, edits, known, shown)
        self._note_heard(edits, rows, shown, times)
        moments = sorted({at for of_record in times.values() for at in of_record.values()})
        for at in moments:
            part = [
                (edit, {name: edit.values[name] for name, said in times[edit.record_id].items() if said == at})
                for edit in edits
            ]
            landed = self._take_in([(edit, values) for edit, values in part if values], at=at)
            for edit, values in part:
                if values:
                    self._settle_changed(edit, values, landed[edit.record_id], shown)
        self.taken.edited += len(edits)

    def _note_heard(
        self,
        edits: Sequence[AirtableEdit],
        rows: Mapping[str, KnownRecord],
        shown: Mapping[str, Shown],
        times: Mapping[str, Mapping[str, datetime]],
    ) -> None:
        """What we wrote there since is what the edit was made on top of."""
        said = [
            Said(rows[edit.record_id].id, name, times[edit.record_id][name], shown[edit.record_id])
            for edit in edits
            if edit.record_id in shown
            for name in edit.values
        ]
        airtable_said.note_heard(self.connection, said, run_id=self.run_id)

    def _settle_changed(
        self, edit: AirtableEdit, values: Mapping[str, Any], landed: Landed, shown: Mapping[str, Shown]
    ) -> None:
        if landed.lead_id is None:
            return
        mark = shown.get(edit.record_id)
        if mark is None:
            self._settle_new(edit, landed)
        elif mark.lead_id != landed.lead_id:  # it tells of somebody else now: the lead that it showed gets a new record
            airtable_marks.note_gone(self.connection, self.customer, [mark.lead_id])
            self._settle_new(_as_it_stands(edit, mark), landed)
        else:
            there = edit.over(mark.base)
            airtable_marks.note_there(self.connection, self.customer, {landed.lead_id: (edit.record_id, there)})

    def _take_in(self, said: Sequence[tuple[AirtableEdit, Mapping[str, Any]]], *, at: datetime) -> dict[str, Landed]:
        arrivals = [self._arrival(edit.record_id, values) for edit, values in said]
        landed = take_in(
            self.connection, self.policy, arrivals, source=self.source, run_id=self.run_id, at=at, reread=self._read,
            seen_at=self.seen_at,
        )  # fmt: skip
        return {one.key: one for one in landed}

    def _arrival(self, record_id: str, values: Mapping[str, Any]) -> Arrival:
        raw = {name: text_of(value) for name, value in values.items()}
        return Arrival(record_id, raw, self._read(raw), covered=frozenset(raw))

    def _read(self, raw: Mapping[str, str]) -> Any:
        return normalize_fields(raw, self.policy.rules)

    # Edits: records that show a lead.

    def _edit_leads(self, edits: Sequence[AirtableEdit], shown: Mapping[str, Shown]) -> None:
        self.taken.unknown += [edit.record_id for edit in edits if edit.record_id not in shown]
        known = [edit for edit in edits if edit.record_id in shown]
        if not known:
            return
        living = lead_rows.living_for(self.connection, [shown[edit.record_id].lead_id for edit in known])
        of_lead = [(living.get(lead := shown[edit.record_id].lead_id, lead), edit) for edit in known]
        said = self._said_of_leads()
        said.book([(lead, edit, shown[edit.record_id]) for lead, edit in of_lead])
        self.taken.edited += len(known)
        self.taken.refused += said.refused
        there = {
            shown[edit.record_id].lead_id: (edit.record_id, edit.over(shown[edit.record_id].base)) for edit in known
        }
        airtable_marks.note_there(self.connection, self.customer, there)

    def _said_of_leads(self) -> airtable_said.SaidOfLeads:
        return airtable_said.SaidOfLeads(
            self.connection, self.policy, self.source, self.run_id, self.now, seen_at=self.seen_at
        )

    # Deletions.

    def _delete(
        self, edits: Sequence[AirtableEdit], rows: Mapping[str, KnownRecord], shown: Mapping[str, Shown]
    ) -> None:
        self._hear_last(edits, rows, shown)
        ids = [edit.record_id for edit in edits]
        airtable_duplicates.forget(self.connection, ids)
        leads = [mark.lead_id for mark in airtable_marks.by_record(self.connection, self.customer, ids).values()]
        airtable_marks.note_gone(self.connection, self.customer, leads)
        living = lead_rows.living_for(self.connection, leads)
        beside = airtable_duplicates.of_leads(self.connection, leads)
        for lead in leads:
            if living.get(lead) != lead:
                continue
            if lead in beside:
                self._take_over(lead, beside[lead])
            elif self.policy.delete_policy != "keep":
                undo.delete(self._undoing("deleted in Airtable"), lead)
                self.taken.deleted += 1

    def _hear_last(
        self, edits: Sequence[AirtableEdit], rows: Mapping[str, KnownRecord], shown: Mapping[str, Shown]
    ) -> None:
        """What was typed in records before they were deleted."""
        said = [edit for edit in edits if edit.values]
        self._change_rows([edit for edit in said if edit.record_id in rows], rows, shown)
        self._edit_leads([edit for edit in said if edit.record_id in shown and edit.record_id not in rows], shown)

    def _take_over(self, lead: str, record_id: str) -> None:
        """Of two records of a lead one was deleted: the other shows it from now on, and hears all that it says."""
        airtable_duplicates.forget(self.connection, [record_id])
        airtable_marks.note_there(self.connection, self.customer, {lead: (record_id, {KEY: None})})
        outbox.note_unbooked(self.connection, "airtable", {lead: {name: [] for name in LEAD_FIELDS}})

    def _undoing(self, reason: str) -> Undoing:
        return Undoing(self.connection, self.policy, self.run_id, WHO, self.now, reason)


def _as_it_stands(edit: AirtableEdit, mark: Shown) -> AirtableEdit:
    """A changed record with all that stands in it."""
    return AirtableEdit(edit.record_id, edit.kind, {**(mark.base or {}), **edit.values}, edit.said_at, edit.at)
