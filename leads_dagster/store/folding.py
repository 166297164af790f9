"""What a stored lead is folded from: its records, their claims that count, and people's overrides.

What belongs here: reading that material for many leads at once; the one way in which stored leads are folded, whoever
asks. How one value is chosen is `leads.survivorship`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from leads_dagster.leads.survivorship import Claim, FoldedLead, Override, RecordView, fold
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

    def fold(self) -> FoldedLead:
        """The lead that this comes to."""
        views = [RecordView(one.id, one.source, one.content_hash) for one in self.rows]
        views += [RecordView(one.id, one.source, one.content_hash, edit=True) for one in self.edits]
        return fold(views, self.claims, self.overrides)


def load_material(
    connection: Connection, lead_ids: Sequence[str], *, merging: Mapping[str, str] | None = None
) -> dict[str, Material]:
    """What these leads are folded from, by lead; of one that is no more, nothing.

    Args:
        merging: lead -> the one that takes its place now, which the store does not know yet.
    """
    found = {lead: Material() for lead in lead_ids}
    for known in records.records_of_leads(connection, lead_ids):
        found[str(known.lead_id)].rows.append(known)
    lost = {one: kept for one, kept in (merging or {}).items() if one in found and not found[one].rows}
    heirs = {**lead_rows.forebears(connection, lead_ids), **{lead: lead for lead in lead_ids}}
    stands_for = {one: lost.get(lead, lead) for one, lead in heirs.items()}
    for known in records.records_of_leads(connection, list(stands_for), kind="edit"):
        found[stands_for[str(known.lead_id)]].edits.append(known)
    lead_of = {one.id: lead for lead, each in found.items() for one in (*each.rows, *each.edits)}
    for claim in claim_rows.claims_of(connection, list(lead_of)):
        found[lead_of[claim.record_id]].claims.append(claim)
    for lead, overrides in decisions.overrides_of(connection, list(stands_for)).items():
        found[stands_for[lead]].overrides += overrides
    return found
