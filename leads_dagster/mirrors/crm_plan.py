"""Decides, for one lead and the CRM row as it stands, what to write and what to leave alone. Pure.

What belongs here: DESIGN's rule 9 for the CRM. Not: SQL.

Rule 9 is kept field by field: a field whose stored value is neither our last write (or one that was never booked) nor
what we are about to write was changed by somebody there. It is left as it is and reported as a conflict; the other
fields of the row are written. A row of which we know no write (somebody made it) counts as blank before: equal and
blank fields are ours, any other value is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from leads_dagster.mirrors.crm_table import CrmTable
from leads_dagster.mirrors.push import LeadPush, PushOutcome, overlay

Write = Literal["insert", "update", "delete", "nothing"]

OnDelete = Literal["archive", "delete"]


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row of the CRM.

    Attributes:
        values: column name -> value, the mapped columns.
        archived: whether its archived_at is set.
    """

    values: Mapping[str, Any]
    archived: bool = False

    def shown(self, table: CrmTable) -> dict[str, Any]:
        """The row as a lead would say it: field -> value, blank as None."""
        return {name: column.shown(self.values[column.name]) for name, column in table.columns.items()}


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What to write of one lead.

    Attributes:
        write: the statement.
        values: column name -> value; for an insert every column of the table that we use.
        outcome: what to report once it is committed.
    """

    write: Write
    outcome: PushOutcome
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowDifference:
    """How a row is not as our last write left it.

    Attributes:
        is_missing: it is not there.
        is_archived: somebody set its archived_at.
        fields: lead field -> what stands there, where that is not our last write.
    """

    is_missing: bool = False
    is_archived: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)


def row_difference(table: CrmTable, base: Mapping[str, Any], row: StoredRow | None) -> RowDifference | None:
    """How the row of an active lead differs from the base; None where it does not."""
    if row is None:
        return RowDifference(is_missing=True)
    theirs = _foreign(table, LeadPush("", "update", base=base), row)
    return RowDifference(is_archived=row.archived, fields=theirs) if theirs or row.archived else None


def plan_row(
    table: CrmTable, change: LeadPush, row: StoredRow | None, *, now: datetime, on_delete: OnDelete
) -> RowPlan:
    """What one push comes to, given the row as it stands now."""
    if change.operation == "delete":
        return _plan_delete(table, change, row, now=now, on_delete=on_delete)
    if row is not None:
        return _plan_update(table, change, row, now)
    if change.base is not None:
        return RowPlan("nothing", PushOutcome(change.lead_id, "gone"))
    return _plan_insert(table, change, now)


def _plan_insert(table: CrmTable, change: LeadPush, now: datetime) -> RowPlan:
    values: dict[str, Any] = {table.key.name: table.key.convert(change.lead_id)}
    answered: dict[str, Any] = {}
    withheld: dict[str, str] = {}
    fields = change.fields
    for name, column in table.columns.items():
        ours = fields.get(name)
        try:
            values[column.name] = column.convert(ours)
            if ours is not None:
                answered[name] = ours
        except (TypeError, ValueError) as error:
            values[column.name] = column.convert(None)
            withheld[name] = str(error)
    values.update(_times(table, created_at=now, updated_at=now, archived_at=None))
    outcome = PushOutcome(change.lead_id, "created", external_id=change.lead_id, answered=answered, withheld=withheld)
    return RowPlan("insert", outcome, values)


def _plan_update(table: CrmTable, change: LeadPush, row: StoredRow, now: datetime) -> RowPlan:
    base = change.base or {}
    values: dict[str, Any] = {}
    answered: dict[str, Any] = {}
    conflict: dict[str, tuple[Any, Any]] = {}
    withheld: dict[str, str] = {}
    for name in change.fields.keys() & table.columns.keys():
        column, ours = table.columns[name], change.fields[name]
        stored = row.values[column.name]
        try:
            wanted = column.convert(ours)
        except (TypeError, ValueError) as error:
            withheld[name] = str(error)
            continue
        if column.holds(stored, ours):
            answered[name] = ours
        elif any(column.holds(stored, known) for known in (base.get(name), *change.unbooked.get(name, ()))):
            values[column.name], answered[name] = wanted, ours
        else:
            conflict[name] = (column.shown(stored), ours)
    outcome = PushOutcome(
        change.lead_id,
        "updated" if values or row.archived else "unchanged",
        external_id=change.lead_id,
        answered=overlay(change.base, answered),
        foreign=_foreign(table, change, row),
        conflict=conflict,
        withheld=withheld,
    )
    if outcome.action == "unchanged":
        return RowPlan("nothing", outcome)
    return RowPlan("update", outcome, {**values, **_times(table, updated_at=now, archived_at=None)})


def _foreign(table: CrmTable, change: LeadPush, row: StoredRow) -> dict[str, Any]:
    """Fields that are not sent and hold something other than our last write."""
    base = change.base or {}
    return {
        name: column.shown(row.values[column.name])
        for name, column in table.columns.items()
        if name not in change.fields and not column.holds(row.values[column.name], base.get(name))
    }


def _plan_delete(
    table: CrmTable, change: LeadPush, row: StoredRow | None, *, now: datetime, on_delete: OnDelete
) -> RowPlan:
    deleted = PushOutcome(change.lead_id, "deleted")
    if row is None:
        return RowPlan("nothing", deleted)
    if on_delete == "archive" and "archived_at" in table.times:
        kept = PushOutcome(change.lead_id, "deleted", change.lead_id, answered=dict(change.base or {}))
        if row.archived:
            return RowPlan("nothing", kept)
        return RowPlan("update", kept, _times(table, updated_at=now, archived_at=now))
    theirs = _foreign(table, LeadPush(change.lead_id, "delete", base=change.base), row)
    if on_delete == "delete" and (change.base is None or not theirs):
        return RowPlan("delete", deleted)
    # Somebody worked on this row since, or it has no column to archive it by: it stays.
    conflict = {name: (value, None) for name, value in theirs.items()}
    return RowPlan(
        "nothing",
        PushOutcome(change.lead_id, "unchanged", change.lead_id, answered=dict(change.base or {}), conflict=conflict),
    )


def _times(table: CrmTable, **moments: datetime | None) -> dict[str, datetime | None]:
    return {table.times[name]: moment for name, moment in moments.items() if name in table.times}
