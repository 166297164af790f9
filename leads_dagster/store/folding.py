"""What a stored lead is folded from: its records, their claims that count, and people's overrides.

What belongs here: reading that material for many leads at once; the one way in which stored leads are folded, whoever
asks. How one value is chosen is `leads.survivorship`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from leads_dagster.leads.claims import is_person
from leads_dagster.leads.survivorship import Claim, FoldedLead, Override, RecordView, Survivorship, fold
from leads_dagster.store import claim_rows, decisions, lead_rows, records
from leads_dagster.store.records import KnownRecord


@dataclass(slots=True)
class Material:
    """What one lead is folded from.

    Attributes:
        rows: its live records; a lead without any is retired.
        edits: what people changed of it, or of leads that were merged into it.
        claims: of both, those taken back left out. overrides: those that stand.
    """

    rows: list[KnownRecord] = field(default_factory=list)
    edits: list[KnownRecord] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)

    @property
    def sources(self) -> Mapping[int, str]:
        """Record -> its source."""
        return {one.id: one.source for one in (*self.rows, *self.edits)}

    def fold(self, rules: Survivorship) -> FoldedLead:
        """The lead that this comes to, by the customer's rules."""
        views = [RecordView(one.id, one.source, one.content_hash, is_person(one.source)) for one in self.rows]
        views += [RecordView(one.id, one.source, one.content_hash, edit=True) for one in self.edits]
        return fold(views, self.claims, self.overrides, rules=rules)

    def texts(self, rules: Survivorship) -> dict[str, str]:
        """Field -> value of that lead as it reads back from its row, blanks left out."""
        return lead_rows.to_texts(lead_rows.to_columns(self.fold(rules).values()))


def load_material(
    connection: Connection, lead_ids: Sequence[str], *, merging: Mapping[str, str] | None = None
) -> dict[str, Material]:
    """What these leads are folded from, by lead; of one that is no more, nothing.

    Args:
        merging: lead -> the one that takes its place now, which the store does not know yet.
    """
    found = {lead: Material() for lead in lead_ids}
    merged = {**lead_rows.forebears(connection, lead_ids), **(merging or {})}
    edits: list[KnownRecord] = []
    for known in records.records_of_leads(connection, [*found, *(merged.keys() - found)], kinds=("row", "edit")):
        if known.kind == "edit":
            edits.append(known)
        elif known.lead_id in found:
            found[known.lead_id].rows.append(known)
    stands_for = {one: _heir(one, merged, found) for one in (*found, *merged)}
    for known in edits:
        if (heir := found.get(stands_for[str(known.lead_id)])) is not None:
            heir.edits.append(known)
    lead_of = {one.id: lead for lead, each in found.items() for one in (*each.rows, *each.edits)}
    for claim in claim_rows.claims_of(connection, list(lead_of)):
        found[lead_of[claim.record_id]].claims.append(claim)
    for lead, overrides in decisions.overrides_of(connection, list(stands_for)).items():
        if (heir := found.get(stands_for[lead])) is not None:
            heir.overrides += overrides
    return found


def _heir(lead: str, merged: Mapping[str, str], found: Mapping[str, Material]) -> str:
    """The lead for which edits and overrides of this one count: itself while it has rows, else who took its place."""
    while lead in merged and not (lead in found and found[lead].rows):
        lead = merged[lead]
    return lead
