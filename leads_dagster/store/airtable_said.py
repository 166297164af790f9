"""What people say of leads in Airtable, booked as claims with the time at which they said it.

What belongs here: claims of edits, and what the edit was made on top of. Rows that were made in Airtable are
`airtable_intake`'s.

An edit is claimed at the moment it was made, which may lie before what others said meanwhile: the newest wins. Where
the lead says something else by now than what the person saw, that is claimed before it as heard: so the fold sees that
both sides changed the field, and notes a conflict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from leads_dagster.leads.fields import NormalizedRow
from leads_dagster.leads.identity import last_identity
from leads_dagster.leads.matching import content_hash
from leads_dagster.leads.normalization import normalize_fields
from leads_dagster.leads.reconciliation import row_hash
from leads_dagster.store import claim_rows, epochs, lead_rows, records, typed_doubles
from leads_dagster.store.airtable_marks import Shown
from leads_dagster.store.folding import load_material
from leads_dagster.store.lead_writer import LeadWriter
from leads_dagster.store.policy import Policy
from leads_dagster.store.records import KnownRecord

if TYPE_CHECKING:
    from leads_dagster.store.airtable_edit import AirtableEdit

_INSTANT = timedelta(microseconds=1)
Newest = dict[tuple[int, str], Any]


@dataclass(frozen=True, slots=True)
class Said:
    """One field that a person changed: the record that claims it, when, and what Airtable showed before."""

    record_id: int
    field: str
    at: datetime
    shown: Shown


def text_of(value: Any) -> str:
    """A value as it stands in Airtable, as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def said_times(
    connection: Connection, edits: Sequence[AirtableEdit], record_of: Mapping[str, int], shown: Mapping[str, Shown]
) -> dict[str, dict[str, datetime]]:
    """Airtable record -> field -> when it was said: after all that the same record claimed of it before, and after
    what Airtable showed when it was typed, whatever the clocks said.

    Args:
        shown: Airtable record -> the living lead that it showed, and how.
    """
    newest = _newest(connection, list(record_of.values()))
    seen = _seen(connection, edits, shown)
    return {edit.record_id: _times(edit, record_of[edit.record_id], newest, seen) for edit in edits}


def _times(
    edit: AirtableEdit, record: int, newest: Newest, seen: Mapping[tuple[str, str], datetime]
) -> dict[str, datetime]:
    times = {}
    for name in edit.values:
        before = newest.get((record, name))
        earlier = [seen.get((edit.record_id, name)), before.changed_at if before is not None else None]
        times[name] = max([edit.said_at.get(name, edit.at), *(at + _INSTANT for at in earlier if at is not None)])
    return times


def _seen(
    connection: Connection, edits: Sequence[AirtableEdit], shown: Mapping[str, Shown]
) -> dict[tuple[str, str], datetime]:
    """(Airtable record, field) -> when that was said which stood there, where the lead says it still.

    Where a write of ours landed over the edit, who made it did not see what the lead came to say since.
    """
    ids = sorted({mark.lead_id for mark in shown.values()})
    leads = lead_rows.load(connection, ids)
    said: dict[tuple[str, str], datetime] = {}
    for lead, material in load_material(connection, ids).items():
        for claim in material.claims:
            key = (lead, claim.field)
            said[key] = max(claim.changed_at, said.get(key, claim.changed_at))
    return {
        (edit.record_id, name): said[mark.lead_id, name]
        for edit in edits
        if (mark := shown.get(edit.record_id)) is not None and mark.lead_id in leads
        for name in edit.values
        if (mark.lead_id, name) in said and mark.knows(name)
        if not _moved_on(leads[mark.lead_id], mark, name)
        if name not in edit.overwritten
        or not lead_rows.changed_since(connection, mark.lead_id, name, edit.said_at.get(name, edit.at))
    }


def _newest(connection: Connection, record_ids: Sequence[int]) -> Newest:
    found: Newest = {}
    for claim in claim_rows.that_count(connection, record_ids):
        key = (claim.record_id, claim.field)
        if key not in found or claim.changed_at >= found[key].changed_at:
            found[key] = claim
    return found


def note_heard(connection: Connection, said: Sequence[Said], *, run_id: str) -> None:
    """Claim before each edit what it was made on top of, where the record's own last word was another.

    Edits that were made elsewhere since without knowing of this one were made on top of the same: so both sides changed
    the field.
    """
    newest = _newest(connection, sorted({one.record_id for one in said}))
    rows = [row for one in said if (row := _heard(one, newest, run_id)) is not None]
    rows += _heard_elsewhere(connection, [one for one in said if one.shown.knows(one.field)], run_id)
    if rows:
        claim_rows.insert_claims(connection, rows)


def _heard_elsewhere(connection: Connection, said: Sequence[Said], run_id: str) -> list[dict[str, Any]]:
    rows = []
    for lead, material in load_material(connection, sorted({one.shown.lead_id for one in said})).items():
        edits = {edit.id for edit in material.edits}
        first: dict[tuple[int, str], datetime] = {}
        for claim in material.claims:
            key = (claim.record_id, claim.field)
            first[key] = min(claim.changed_at, first.get(key, claim.changed_at))
        rows += [
            _was(one, record, one.at - _INSTANT, run_id)
            for one in said
            if one.shown.lead_id == lead
            for (record, name), at in first.items()
            if name == one.field and record in edits - {one.record_id} and at > one.at
        ]
    return rows


def _was(one: Said, record: int, at: datetime, run_id: str) -> dict[str, Any]:
    """A claim of what Airtable showed before an edit."""
    value = text_of(one.shown.stood(one.field)) or None
    return {"record_id": record, "field": one.field, "value": value, "changed_at": at, "run_id": run_id}


def _heard(one: Said, newest: Newest, run_id: str) -> dict[str, Any] | None:
    written_at = one.shown.written_at
    if written_at is None or not one.shown.knows(one.field):
        return None
    row = _was(one, one.record_id, min(written_at, one.at - _INSTANT), run_id)
    before = newest.get((one.record_id, one.field))
    if before is not None and (before.value == row["value"] or before.changed_at >= row["changed_at"]):
        return None
    return row


class SaidOfLeads:
    """Edits of leads, booked together: one record of kind "edit" a lead, and the leads folded again.

    Attributes:
        refused: fields that were left as they are, because nothing would say any more who the lead is.
    """

    def __init__(
        self,
        connection: Connection,
        policy: Policy,
        source: str,
        run_id: str,
        now: datetime,
        *,
        seen_at: datetime | None = None,
    ) -> None:
        self.connection, self.policy, self.source = connection, policy, source
        self.run_id, self.now, self.seen_at = run_id, now, seen_at
        self.refused = 0

    def book(self, said: Sequence[tuple[str, AirtableEdit, Shown]]) -> None:
        """Book what people said of leads: lead, what they said, and how Airtable showed it before."""
        leads = lead_rows.load(self.connection, sorted({lead for lead, _, _ in said}))
        told = [(lead, edit, shown, self._claims(leads[lead], edit)) for lead, edit, shown in said if lead in leads]
        told = [one for one in told if one[3]]
        if not told:
            return
        known = self._records(sorted({lead for lead, *_ in told}))
        record_of = {edit.record_id: known[lead].id for lead, edit, _, _ in told}
        marks = {edit.record_id: replace(shown, lead_id=lead) for lead, edit, shown, _ in told}
        times = said_times(self.connection, [edit for _, edit, _, _ in told], record_of, marks)
        heard = [
            Said(known[lead].id, name, times[edit.record_id][name], marks[edit.record_id])
            for lead, edit, shown, claims in told
            for name in claims
            if _moved_on(leads[lead], shown, name)
        ]
        note_heard(self.connection, heard, run_id=self.run_id)
        self._write(told, known, times)

    def _claims(self, lead: Mapping[str, Any], edit: AirtableEdit) -> dict[str, str | None]:
        """What the edit says and the lead does not."""
        texts = {name: text_of(value) for name, value in edit.values.items()}
        row = normalize_fields(texts, self.policy.rules)
        wanted = {name: row.fields.get(name) if text.strip() else None for name, text in texts.items()}
        present = lead_rows.to_texts(lead)
        shown = lead_rows.to_texts(lead_rows.to_columns({**present, **wanted}))
        claims = {name: value for name, value in wanted.items() if present.get(name) != shown.get(name)}
        while claims and (name := last_identity(present, {**present, **claims})) in claims:
            del claims[str(name)]
            self.refused += 1
        return claims

    def _records(self, leads: Sequence[str]) -> dict[str, KnownRecord]:
        """Lead -> the record that holds what is said of it in Airtable; made where there is none."""
        found = records.by_source_key(self.connection, self.policy.customer, self.source, leads, kind="edit")
        new = [lead for lead in leads if lead not in found]
        first = records.allocate_ids(self.connection, len(new)) if new else 0
        for number, lead in enumerate(new):
            found[lead] = KnownRecord(first + number, self.source, lead, {}, {}, b"", b"", "updated", lead, "edit")
        return found

    def _write(
        self,
        told: Sequence[tuple[str, AirtableEdit, Shown, Mapping[str, str | None]]],
        known: Mapping[str, KnownRecord],
        times: Mapping[str, Mapping[str, datetime]],
    ) -> None:
        raws: dict[str, dict[str, str]] = {lead: dict(known[lead].raw) for lead, *_ in told}
        claims = []
        for lead, edit, _, said in told:
            raws[lead].update((name, value or "") for name, value in said.items())
            claims += [
                {
                    "record_id": known[lead].id, "field": name, "value": value,
                    "changed_at": times[edit.record_id][name], "run_id": self.run_id,
                }
                for name, value in said.items()
            ]  # fmt: skip
        records.change_records(self.connection, [self._row(lead, known[lead].id, raw) for lead, raw in raws.items()])
        claim_rows.insert_claims(self.connection, claims)
        epochs.begin_epoch(self.connection, self.policy.customer)
        writer = LeadWriter(self.policy, self.run_id, self.source, self.now, seen_at=self.seen_at)
        writer.refold(self.connection, sorted(raws))
        renamed = {lead for lead, _, _, said in told if not typed_doubles.KEYS.isdisjoint(said)}
        typed_doubles.ask(self.connection, self.policy, renamed, run_id=self.run_id, at=self.now)

    def _row(self, lead: str, record: int, raw: dict[str, str]) -> dict[str, Any]:
        return {
            "id": record, "customer": self.policy.customer, "source": self.source, "source_key": lead, "raw": raw,
            "said": {}, "row_hash": row_hash(raw), "content_hash": content_hash(NormalizedRow(raw)),
            "state": "updated", "kind": "edit", "lead_id": lead, "origin_lead_id": lead, "undone_by": None,
            "first_seen_at": self.now, "last_seen_at": self.now, "run_id": self.run_id,
        }  # fmt: skip


def _moved_on(lead: Mapping[str, Any], shown: Shown, name: str) -> bool:
    """Whether the lead says something else than what Airtable showed when the edit was made."""
    present = lead_rows.to_texts(lead).get(name, "")
    return shown.knows(name) and present != text_of(shown.stood(name))
