"""What is watched in an Airtable table, and what is known of its records: so an edit is told from a write of ours.

What belongs here: the shapes, and whose word a cell is. What payloads say is `airtable_payloads`' business. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from leads_dagster.leads.digests import value_digest
from leads_dagster.mirrors.airtable_schema import KEY
from leads_dagster.mirrors.airtable_values import AirtableColumn, holds, to_lead_value

Verdict = Literal["own", "back", "edit"]
Cells = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WatchedTable:
    """A table of a customer.

    Attributes:
        key_id: field id of `lead_key`.
        columns: field id -> lead field, column; those that are kept in step.
    """

    key_id: str
    columns: Mapping[str, tuple[str, AirtableColumn]]

    def cells(self, given: Cells) -> dict[str, Any]:
        """Of some cells those that matter, `lead_key` among them."""
        return {name: cell for name, cell in given.items() if name in self.columns or name == self.key_id}


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """What the store knows of a record in Airtable.

    Attributes:
        lead_id: the lead that it shows; None for one that was made there and shows none.
        record_id: None for a lead that has no record yet.
        base: lead field -> value as it stood there when we last knew; None where nothing is known.
        unbooked: lead field -> values that we may have written since.
        echoes: digests of what we wrote lately, by `value_digest`.
        leaving: its lead is archived or stands in another's place, or we may have deleted the record since.
    """

    lead_id: str | None
    record_id: str | None
    base: Mapping[str, Any] | None = None
    unbooked: Mapping[str, Sequence[Any]] | None = None
    echoes: frozenset[str] = frozenset()
    leaving: bool = False

    def verdict(self, name: str, column: AirtableColumn, cell: Any, *, ours: bool) -> Verdict:
        """Whose word a cell is.

        Args:
            ours: a program wrote it, so that it may have been us. What a person typed is never an old write of ours.
        """
        doubtful = (self.unbooked or {}).get(name, ())
        as_known = holds(column, cell, (self.base or {}).get(name))
        if not ours:
            return "back" if as_known and not doubtful else "edit"
        if as_known or any(holds(column, cell, value) for value in doubtful):
            return "own"
        return "own" if value_digest(name, to_lead_value(name, column, cell)) in self.echoes else "edit"


@dataclass(frozen=True, slots=True)
class KnownRecords:
    """What the store knows of the records of one table.

    Attributes:
        by_record: record id -> those that show a lead or were taken in as rows.
        by_lead: lead -> the living leads that the records at hand name by `lead_key`.
    """

    by_record: Mapping[str, KnownRecord] = field(default_factory=dict)
    by_lead: Mapping[str, KnownRecord] = field(default_factory=dict)


def watched_table(fields: Mapping[str, Mapping[str, str]]) -> WatchedTable:
    """A table by what is known of its fields: lead field or `lead_key` -> {"id", "name", "type"}."""
    columns = {
        given["id"]: (name, AirtableColumn(given["id"], given["name"], given["type"]))
        for name, given in fields.items()
        if name != KEY
    }
    return WatchedTable(fields[KEY]["id"] if KEY in fields else "", columns)
