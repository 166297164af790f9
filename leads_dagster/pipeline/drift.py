"""Drift: where the sheet and a lead say different things. It is shown, not hidden, and not written to the sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from leads_dagster.leads.survivorship import FoldedField
from leads_dagster.pipeline.history_words import because, short_source
from leads_dagster.pipeline.sheet_rows import row_numbers
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import decisions, history, lead_rows, ledger, records, rulings
from leads_dagster.store.engine import reading
from leads_dagster.store.folding import Material, load_material
from leads_dagster.store.statements import chunks

_CHUNK = 1000


def drift(ws: Workspace) -> list[dict[str, Any]]:
    """Every cell whose lead says something else.

    Returns:
        row (1-based, as a person sees it in the sheet; None where the sheet is no longer kept), lead_id, field, sheet
        (what the row says), lead (what the lead has), and said_by: the row of the same sheet, the source, the edit or
        the person whose word the lead follows.
    """
    found: list[dict[str, Any]] = []
    with reading(ws.engine) as connection:
        source = ledger.read_last(connection, ws.name, ws.source)
        for part in chunks(list(records.sayings(connection, ws.name, source)), _CHUNK):
            found += _drifting(connection, part)
        if not found:
            return []
        telling = _Telling(ws, connection, row_numbers(ws, connection, source), source)
        for differences in chunks(found, _CHUNK):
            telling.name_others(differences)
    return sorted(found, key=lambda one: (one["row"] or 0, one["field"]))


def _drifting(connection: Connection, said: Sequence[tuple[int, str, dict[str, str]]]) -> Iterator[dict[str, Any]]:
    leads = lead_rows.load(connection, [lead for _, lead, _ in said])
    for record, lead, fields in said:
        has = lead_rows.to_texts(leads[lead])
        for name, value in lead_rows.to_texts(lead_rows.to_columns(fields)).items():
            if has.get(name) != value:
                yield {"row": record, "lead_id": lead, "field": name, "sheet": value, "lead": has.get(name)}


class _Telling:
    """Who says what the leads have, in words."""

    def __init__(self, ws: Workspace, connection: Connection, row_of: Mapping[int, int], source: str) -> None:
        self.ws, self.connection, self.row_of, self.source = ws, connection, row_of, source

    def name_others(self, found: Sequence[dict[str, Any]]) -> None:
        """Put row numbers in the place of records, and add to each difference who says what the lead has."""
        material = load_material(self.connection, sorted({one["lead_id"] for one in found}))
        rules = rulings.rules_for(self.connection, self.ws.policy)
        folded = {lead: each.fold(rules).fields for lead, each in material.items()}
        for one in found:
            record, one["row"] = one["row"], self.row_of.get(one["row"])
            chosen = folded[one["lead_id"]].get(one["field"])
            one["said_by"] = self._words(one, chosen, record, material[one["lead_id"]])

    def _words(self, one: Mapping[str, Any], chosen: FoldedField | None, record: int, material: Material) -> str:
        if chosen is None:
            return self._taken_back(record, one["field"])
        if chosen.record_id is None:
            return self._person(chosen.decision_id)
        if chosen.record_id == record:
            return self._taken_back(record, one["field"])
        source = material.sources[chosen.record_id]
        if any(edit.id == chosen.record_id for edit in material.edits):
            who = history.field_authors(self.connection, one["lead_id"]).get((one["field"], chosen.changed_at))
            return f"edit by {who}, {short_source(source)}" if who else f"edit by {short_source(source)}"
        row = self.row_of.get(chosen.record_id)
        return f"row {row}" if row and source == self.source else str(short_source(source))

    def _person(self, decision_id: int | None) -> str:
        if decision_id is None:
            return "a person"
        found = decisions.get(self.connection, self.ws.name, decision_id)
        return f"{found['who']} ({because(found)})"

    def _taken_back(self, record: int, name: str) -> str:
        """The row's newest word was taken back, and the lead has what stood before."""
        takers = [
            claim.voided_by
            for claim in history.claims_ever(self.connection, [record])
            if claim.field == name and claim.voided_by is not None
        ]
        return f"{self._person(takers[-1])} took the row's word back" if takers else "what the row said before"
