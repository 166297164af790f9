"""Quarantine where people work: rows that could not be leads, shown in an Airtable table until their source is mended.

What belongs here: which rows are shown, in which words, and when to look again. Requests are made by
`mirrors.airtable_fixing`.

It is a view, one way: nothing that people write there comes back, and whatever goes wrong here is said and fails
nothing else. Only differences are sent, and nothing at all is asked while quarantine is as it was.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from leads_dagster.customers import AirtableSettings
from leads_dagster.errors import LeadsError
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.airtable_fixing import FixingRow, FixingTable
from leads_dagster.mirrors.airtable_fixing_schema import FixingSchema, FixingTarget
from leads_dagster.mirrors.airtable_values import AirtableColumn
from leads_dagster.pipeline.airtable_table import open_table
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_state, fixing_rows
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.fixing_rows import FixingState, Shown

logger = logging.getLogger(__name__)

# So many rows at most: a sheet with a broken column must not spend the month's calls, nor fill the base.
SHOWN_AT_MOST = 500
# After a failure it rests so long, whatever happens in quarantine.
REST = timedelta(minutes=10)
_LONGEST_CELL = 2_000


def show_what_needs_fixing(ws: Workspace, mirror: AirtableMirror | None = None) -> dict[str, Any]:
    """Bring the table in step with quarantine where either changed; whatever fails is told, never raised.

    Args:
        mirror: the customer's table of leads where it is open: its client is used.

    Returns:
        For metadata: fixing_shown, fixing_sent, fixing_deleted, fixing_calls, and fixing_problem in words where
        there is one; {} where no such table is set or nothing is to be done.
    """
    airtable = ws.customer.airtable
    if airtable is None or not airtable.fixing_table:
        return {}
    state, digest = _read(ws, airtable)
    if not _is_due(state, digest, ws.now()):
        return {"fixing_problem": state.error} if state.error else {}
    try:
        with ExitStack() as stack:
            opened = mirror or stack.enter_context(open_table(ws, airtable))
            before = opened.requests.traffic
            done = _Showing(ws, airtable, opened, state, digest).run()
            return {**done, "fixing_calls": opened.requests.traffic.since(before).calls}
    except LeadsError as error:
        problem = f"{error}"
        logger.warning('"%s" of customer %s is not in step: %s', airtable.fixing_table, ws.name, problem)
        _save(ws, replace(_read(ws, airtable)[0], digest=None, tried_at=ws.now(), error=problem))
        return {"fixing_problem": problem}


def fixing_status(ws: Workspace, connection: Connection) -> dict[str, Any] | None:
    """For `leads status`: table, shown, in_quarantine, problem; None where no such table is set."""
    airtable = ws.customer.airtable
    if airtable is None or not airtable.fixing_table:
        return None
    state = fixing_rows.state_of(connection, ws.name)
    return {
        "table": airtable.fixing_table,
        "shown": len(fixing_rows.shown(connection, ws.name)),
        "in_quarantine": fixing_rows.count(connection, ws.name),
        "problem": state.error if state else None,
    }


def _read(ws: Workspace, airtable: AirtableSettings) -> tuple[FixingState, str]:
    """What is known of the table that is set now, and what stands in quarantine, as a digest; "" for nothing at all."""
    with reading(ws.engine) as connection:
        known = fixing_rows.state_of(connection, ws.name)
        digest = fixing_rows.digest_of_quarantine(connection, ws.name)
        empty = not fixing_rows.count(connection, ws.name)
    if known is None or (known.base_id, known.table_name) != (airtable.base_id, airtable.fixing_table):
        known = FixingState(
            ws.name, airtable.base_id, airtable.fixing_table or "", ws.now(), digest="" if empty else None
        )
    return known, "" if empty else digest


def _is_due(state: FixingState, digest: str, now: datetime) -> bool:
    rests = state.error is not None and state.digest is None and abs(now - state.tried_at) < REST
    return state.digest != digest and not rests


def _save(ws: Workspace, state: FixingState) -> None:
    with writing(ws.engine, ws.name) as connection:
        fixing_rows.save_state(connection, state)


class _Showing:
    """One look at quarantine, and what it makes of the table."""

    def __init__(
        self, ws: Workspace, airtable: AirtableSettings, mirror: AirtableMirror, state: FixingState, digest: str
    ) -> None:
        self.ws, self.state, self.digest = ws, state, digest
        with reading(ws.engine) as connection:
            leads_tables = set(airtable_state.tables_of_base(connection, airtable.base_id))
            self.rows = {
                one["record_id"]: _row(ws.name, one)
                for one in fixing_rows.standing(connection, ws.name, limit=SHOWN_AT_MOST)
            }
            self.all = fixing_rows.count(connection, ws.name)
        schema = FixingSchema(mirror.requests, airtable.base_id, state.table_name, leads_tables=leads_tables)
        self.table = FixingTable(mirror.requests, airtable.base_id, schema, known=_known(state))

    def run(self) -> dict[str, Any]:
        target = self.table.target
        shown = self._shown(target)
        deleted = self._delete({record: one for record, one in shown.items() if record not in self.rows})
        wanted = {record: fixing_rows.digest(_texts(row)) for record, row in self.rows.items()}
        changed = {
            record: digest
            for record, digest in wanted.items()
            if record not in shown or not shown[record].airtable_id or shown[record].digest != digest
        }
        refused = self._put(changed, shown)
        if self.table.target.table_id != target.table_id:  # somebody deleted the one that was known
            return self.run()
        problem = " ".join(part for part in (self.table.target.missing, self._too_many(), *refused) if part)
        self._save_state(self.table.target, problem or None)
        numbers = {
            "fixing_shown": len(self.rows) - len(refused),
            "fixing_sent": len(changed),
            "fixing_deleted": deleted,
        }
        return {**numbers, **({"fixing_problem": problem} if problem else {})}

    def _shown(self, target: FixingTarget) -> dict[int, Shown]:
        """What stands there. In a table that was not ours before, whatever an earlier life of ours left there."""
        if self.state.table_id == target.table_id:
            with reading(self.ws.engine) as connection:
                return fixing_rows.shown(connection, self.ws.name)
        left = {} if target.made else self.table.ours(f"{self.ws.name}:")
        self.table.delete([extra for ids in left.values() for extra in ids])
        with writing(self.ws.engine, self.ws.name) as connection:
            fixing_rows.forget_shown(connection, self.ws.name)
        self._save_state(target, None, digest=None)
        return {}

    def _delete(self, gone: Mapping[int, Shown]) -> int:
        """Takes away what is in quarantine no more; what was never booked is looked for by its key."""
        unbooked = [_key(self.ws.name, record) for record, one in gone.items() if not one.airtable_id]
        found = self.table.find(unbooked) if unbooked else {}
        ids = [one.airtable_id for one in gone.values() if one.airtable_id]
        self.table.delete([*ids, *(extra for several in found.values() for extra in several)])
        with writing(self.ws.engine, self.ws.name) as connection:
            fixing_rows.forget_shown(connection, self.ws.name, list(gone))
        return len(gone)

    def _put(self, changed: Mapping[int, str], shown: Mapping[int, Shown]) -> list[str]:
        """Writes what is new or another; noted before, so that no crash leaves a record that nobody knows."""
        new = {record: Shown("", "") for record in changed if record not in shown}
        self._note(new)
        done = self.table.put([self.rows[record] for record in changed])
        ids = {record: done.ids.get(self.rows[record].key) for record in changed}
        self._note({record: Shown(ids[record] or "", changed[record]) for record in changed if ids[record]})
        return [
            f"Airtable refuses the row of record {key.partition(':')[2]}: {said}." for key, said in done.refused.items()
        ]

    def _note(self, rows: Mapping[int, Shown]) -> None:
        with writing(self.ws.engine, self.ws.name) as connection:
            fixing_rows.save_shown(connection, self.ws.name, rows)

    def _too_many(self) -> str:
        if self.all <= len(self.rows):
            return ""
        return f"The first {len(self.rows):,} of {self.all:,} rows are shown; `leads quarantine` lists all."

    def _save_state(self, target: FixingTarget, problem: str | None, *, digest: str | None = "") -> None:
        """`digest` None: what is in quarantine is not all shown yet."""
        fields = {name: {"id": one.id, "name": one.name, "type": one.type} for name, one in target.columns.items()}
        self.state = replace(
            self.state,
            table_id=target.table_id,
            fields=fields,
            digest=None if digest is None else self.digest,
            tried_at=self.ws.now(),
            error=problem,
        )
        _save(self.ws, self.state)


def _known(state: FixingState) -> FixingTarget | None:
    if not state.table_id or not state.fields or state.error is not None:
        return None  # somebody may have mended what was missing
    return FixingTarget(
        state.table_id,
        {name: AirtableColumn(one["id"], one["name"], one["type"]) for name, one in state.fields.items()},
    )


def _key(customer: str, record_id: int) -> str:
    return f"{customer}:{record_id}"


def _row(customer: str, found: Mapping[str, Any]) -> FixingRow:
    values = {
        "Reason": found["message"],
        "Column": found["column"] or None,
        "Cell": found["cell"][:_LONGEST_CELL] or None,
        "Suggestion": found["suggestion"] or None,
        "Source": found["source"],
        "Row": found["row_number"],
        "Link": link(found["source"], found["row_number"], found["source_key"]),
        "Since": found["since_at"],
    }
    return FixingRow(_key(customer, found["record_id"]), values)


def _texts(row: FixingRow) -> Sequence[str]:
    return [row.key, *(f"{name}={value}" for name, value in row.values.items())]


def link(source: str, row_number: int | None, key: str | None) -> str | None:
    """Where a person mends it: the row of a Google Sheet, the record of an Airtable table; None elsewhere."""
    kind, _, place = source.partition(":")
    if kind == "sheet":
        sheet, _, gid = place.partition("#")
        at = f"&range={row_number}:{row_number}" if row_number else ""
        return f"https://docs.google.com/spreadsheets/d/{sheet}/edit#gid={gid or 0}{at}"
    if kind == "airtable":
        return (
            f"https://airtable.com/{place}/{key}" if (key or "").startswith("rec") else f"https://airtable.com/{place}"
        )
    return None
