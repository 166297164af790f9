"""Turns pushes into Airtable records and answers into outcomes. Pure.

What belongs here: what is sent of one lead, and what an answer says of it. Not: requests (`airtable_push`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from leads_dagster.mirrors.airtable_schema import Target
from leads_dagster.mirrors.airtable_values import AirtableColumn, holds, is_new_option, to_cell, to_lead_value
from leads_dagster.mirrors.push import Action, LeadPush, PushOutcome, overlay

Kind = Literal["upsert", "patch", "delete", "nothing"]


@dataclass(frozen=True, slots=True)
class AirtableRecord:
    """A record as Airtable gives it.

    Attributes:
        id: its record id.
        created_at: when it was made, ISO text ending in .000Z.
        lead_key: the lead it stands for; None where nobody said.
        fields: lead field -> value; blank ones are None.
    """

    id: str
    created_at: str
    lead_key: str | None
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one push comes to.

    Attributes:
        change: the push.
        kind: how it is sent; "nothing" where all its fields are withheld or unmapped.
        record_id: the record to patch or delete.
        sent: lead field -> the lead's value, those that are sent.
        cells: column id -> cell.
        withheld: lead field -> why it is not sent.
        refused: of these, those that the column would take with another value.
        made: lead fields for which Airtable must make an option of a select field.
    """

    change: LeadPush
    kind: Kind
    record_id: str | None
    sent: Mapping[str, Any]
    cells: Mapping[str, Any]
    withheld: dict[str, str]
    refused: dict[str, str]
    made: tuple[str, ...] = ()

    @property
    def typecast(self) -> bool:
        """Whether Airtable must be allowed to make options for it."""
        return bool(self.made)

    @property
    def new_options(self) -> dict[str, str]:
        """Lead field -> the option that Airtable must make for it."""
        return {name: str(self.sent[name]) for name in self.made}


def kind_of(change: LeadPush) -> Kind:
    """How a push is sent: by record id where one is known, else as an upsert by `lead_key`."""
    if change.operation == "delete":
        return "delete"
    return "patch" if change.external_id else "upsert"


def parcel(
    target: Target,
    change: LeadPush,
    *,
    record_id: str | None = None,
    create_options: bool = False,
    without: Mapping[str, str] = MappingProxyType({}),
) -> Parcel:
    """What to send of one lead, by the columns as they are now.

    Args:
        record_id: patch this record whatever the push says.
        create_options: select options that are missing are made; otherwise the field is withheld.
        without: lead field -> why Airtable refuses its value.
    """
    record_id = record_id or change.external_id
    kind: Kind = "patch" if record_id and change.operation != "delete" else kind_of(change)
    if kind == "delete":
        return Parcel(change, kind, record_id, {}, {}, {}, {})
    fields = {**(change.base or {}), **change.fields} if kind == "upsert" else change.fields
    names_lead = kind == "upsert" or change.names_lead
    cells: dict[str, Any] = {target.key.id: change.lead_id} if names_lead else {}
    sent: dict[str, Any] = {}
    refused = {name: without[name] for name in fields.keys() & without.keys()}
    for name in (fields.keys() & target.columns.keys()) - refused.keys():
        column = target.columns[name]
        try:
            cells[column.id] = to_cell(column, fields[name], create_options=create_options)
            sent[name] = fields[name]
        except ValueError as error:
            refused[name] = str(error)
    withheld = {name: target.withheld[name] for name in fields.keys() & target.withheld.keys()} | refused
    made = tuple(name for name, value in sent.items() if is_new_option(target.columns[name], value))
    return Parcel(change, kind if cells else "nothing", record_id, sent, cells, withheld, refused, made)


def unsent(item: Parcel) -> PushOutcome:
    """The outcome of a push of which nothing can be sent."""
    base = None if item.change.base is None else dict(item.change.base)
    return PushOutcome(
        item.change.lead_id, "unchanged", item.record_id, answered=base, withheld=item.withheld, refused=item.refused
    )


def landed(
    target: Target, item: Parcel, record: Mapping[str, Any], *, action: Action, duplicates: tuple[str, ...] = ()
) -> PushOutcome:
    """The outcome of a push that Airtable answered with a record.

    Where it answered what was sent, the base is the lead's own value (Airtable cannot say whether a box is unticked or
    was never touched); else it is what Airtable made of it.
    """
    cells = record["fields"]
    answered = {name: _answered(target.columns[name], name, ours, cells) for name, ours in item.sent.items()}
    return PushOutcome(
        item.change.lead_id,
        action,
        external_id=record["id"],
        answered=overlay(item.change.base, answered),
        foreign=_foreign(target, item, cells),
        withheld=item.withheld,
        refused=item.refused,
        duplicates=duplicates,
    )


def _answered(column: AirtableColumn, name: str, ours: Any, cells: Mapping[str, Any]) -> Any:
    cell = cells.get(column.id)
    return ours if holds(column, cell, ours) else to_lead_value(name, column, cell)


def _foreign(target: Target, item: Parcel, cells: Mapping[str, Any]) -> dict[str, Any]:
    base = item.change.base or {}
    return {
        name: to_lead_value(name, column, cells.get(column.id))
        for name, column in target.columns.items()
        if name not in item.sent and not holds(column, cells.get(column.id), base.get(name))
    }


def read_record(target: Target, record: Mapping[str, Any]) -> AirtableRecord:
    """A record of a listing, in the lead's words."""
    cells = record["fields"]
    fields = {name: to_lead_value(name, column, cells.get(column.id)) for name, column in target.columns.items()}
    return AirtableRecord(record["id"], record["createdTime"], cells.get(target.key.id) or None, fields)
