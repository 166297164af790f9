"""Comparing all records of an Airtable table with what the store knows of them: the audit beside the webhook.

What belongs here: when it is due, and how a difference is told from a write or an edit that is on its way. It finds
what a webhook did not tell, and is the only way where none is allowed.

A listing takes its time, and both sides go on working. So a difference counts only where it is still one after the
debounce, when just those records are read again, and where neither what we knew before that request nor what we know
after it explains it. What the webhook tells meanwhile is read first, and newer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from leads_dagster.customers import AirtableSettings
from leads_dagster.errors import ServiceUnavailableError
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.airtable_payloads import RECORD
from leads_dagster.mirrors.airtable_values import plain_cell
from leads_dagster.mirrors.airtable_watched import Cells, KnownRecord, KnownRecords, watched_table
from leads_dagster.pipeline.airtable_differences import Telling, told_of, waits_already
from leads_dagster.pipeline.airtable_hook import booked_hook
from leads_dagster.pipeline.airtable_known import archived, known_records
from leads_dagster.pipeline.airtable_noting import note_edits
from leads_dagster.pipeline.airtable_table import known_table, look
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_bases, airtable_changes, airtable_duplicates, airtable_state
from leads_dagster.store.airtable_state import HookState, TableState
from leads_dagster.store.engine import reading, writing

_AT_ONCE = 100  # records read again in one request
_TRIES = 5  # where the webhook has something new to tell each time
_INSTANT = timedelta(microseconds=1)

Record = Mapping[str, Any]


def sweep_is_due(
    table: TableState, hook: HookState, airtable: AirtableSettings, *, now: datetime, audit: bool = True
) -> bool:
    """Whether all records are to be compared: payloads may be missing, no webhook tells of edits, or it is time."""
    if table.sweep_due or table.swept_at is None or hook.status != "active":
        return True
    age = (now - table.swept_at).total_seconds()
    return audit and not 0 <= age < airtable.sweep_seconds


@dataclass(frozen=True, slots=True)
class Suspect:
    """A record that is not as it was known: its cells when it was listed, None where it was not there; and when."""

    record_id: str
    cells: Cells | None
    at: datetime


class Sweep:
    """One comparison of a customer's table.

    Args:
        read_on: reads the webhook's payloads to their end.
    """

    def __init__(
        self, ws: Workspace, airtable: AirtableSettings, mirror: AirtableMirror, *, read_on: Callable[[], None]
    ) -> None:
        self._ws, self._airtable, self._mirror, self._read_on = ws, airtable, mirror, read_on
        self._noted = 0
        self._copies: set[str] = set()
        self._archived: Mapping[str, KnownRecord] = {}
        self._strangers: set[str] = set()

    def run(self) -> int:
        """Note what differs; returns how many edits.

        Raises:
            LeadsError: as `AirtableMirror.pages`; it stays due.
        """
        began = self._ws.now()
        hook = booked_hook(self._ws, self._airtable.base_id)
        look(self._ws, self._airtable, self._mirror, again=True)
        expected = self._open()
        self._settle_all(self._suspects(self._mirror.pages(), expected))
        self._close(hook, began)
        return self._noted

    def run_over(self, records: Sequence[str]) -> int:
        """As `run`, but of these records alone; the next comparison of all is as due as before."""
        expected = self._open()
        there = list(self._mirror.some(records).values())
        self._settle_all(self._suspects([there], expected & set(records)))
        return self._noted

    def _open(self) -> set[str]:
        """The records that should be there."""
        self._table = self._known_table()
        self._watched = watched_table(self._table.fields)
        with reading(self._ws.engine) as connection:
            beside = airtable_duplicates.listed(connection, self._ws.name)
            self._copies = {one["record_id"] for one in beside}
            self._archived = archived(connection, {one["lead_id"] for one in beside})
            return airtable_bases.shown_ids(connection, self._ws.name) | self._copies

    def _settle_all(self, suspects: Sequence[Suspect]) -> None:
        if suspects:
            time.sleep(self._airtable.debounce_seconds)
            self._read_on()
        for start in range(0, len(suspects), _AT_ONCE):
            self._settle(suspects[start : start + _AT_ONCE])

    def _known_table(self) -> TableState:
        table = known_table(self._ws, self._airtable)
        if table is None:
            raise ServiceUnavailableError("leads.toml was changed while Airtable was being read.")
        return table

    def _close(self, hook: HookState, began: datetime) -> None:
        """Book it as done, unless a webhook was lost meanwhile."""
        with writing(self._ws.engine) as connection:
            due = airtable_state.hook_of(connection, hook.base_id).hook_id != hook.hook_id
            airtable_state.note_table(connection, self._ws.name, swept_at=began, sweep_due=due)

    # First records are listed, and those picked out that are not as known.

    def _suspects(self, pages: Iterable[Sequence[Record]], expected: set[str]) -> list[Suspect]:
        """Those that differ, strangers first, then by age, and those expected that are not there."""
        found: list[Record] = []
        for page in pages:
            expected.difference_update(record["id"] for record in page)
            found += self._differing(page)
        at = self._ws.now()
        # The older of two with one lead_key is its lead's: they are noted in that order. What was typed in a lead's own
        # record counts as newer than what somebody made beside it: nothing tells which of the two came first.
        oldest_first = sorted(found, key=lambda one: (one["id"] not in self._strangers, one["createdTime"], one["id"]))
        there = [
            Suspect(record["id"], self._cells(record), at + number * _INSTANT)
            for number, record in enumerate(oldest_first)
        ]
        return [*there, *(Suspect(record, None, at) for record in sorted(expected - self._noted_as_deleted(expected)))]

    def _noted_as_deleted(self, records: Iterable[str]) -> set[str]:
        with reading(self._ws.engine) as connection:
            return airtable_changes.deleted(connection, self._table.base_id, self._table.table_id, sorted(records))

    def _differing(self, page: Sequence[Record]) -> list[Record]:
        with reading(self._ws.engine) as connection:
            known = self._known(connection, page)
            known = replace(known, by_lead={**self._archived, **known.by_lead})  # copies outlive their lead's record
        told = {
            record["id"]: told_of(self._watched, known, record["id"], self._cells(record), copies=self._copies)
            for record in page
        }
        self._strangers |= {record for record, news in told.items() if RECORD in news}
        heard = self._is_heard(booked_hook(self._ws, self._table.base_id))
        # Without a webhook also what waits and is not so any more is to be looked at.
        waiting = self._waiting([record for record in told if told[record] or not heard])
        return [
            record
            for record in page
            if not waits_already(told[record["id"]], waiting.get(record["id"], {}), heard=heard)
        ]

    def _waiting(self, records: Sequence[str]) -> dict[str, dict[str, Any]]:
        with reading(self._ws.engine) as connection:
            return airtable_changes.cells(connection, self._table.base_id, self._table.table_id, records)

    def _is_heard(self, hook: HookState) -> bool:
        return hook.status == "active" and bool(self._table.field_ids)

    def _cells(self, record: Record) -> dict[str, Any]:
        """The cells that matter, blank ones too."""
        given = record["fields"]
        cells = {name: plain_cell(column, given.get(name)) for name, (_, column) in self._watched.columns.items()}
        return {**cells, self._watched.key_id: given.get(self._watched.key_id) or None}

    def _known(self, connection: Connection, listed: Sequence[Record], gone: Sequence[str] = ()) -> KnownRecords:
        keys = {str(key) for record in listed if (key := record["fields"].get(self._watched.key_id))}
        return known_records(connection, self._table, {*gone, *(record["id"] for record in listed)}, keys)

    # Then those are read again, a moment later, and what is still other is noted.

    def _settle(self, suspects: Sequence[Suspect]) -> None:
        for _ in range(_TRIES):
            hook = booked_hook(self._ws, self._table.base_id)
            with self._alone(hook):
                ids = [suspect.record_id for suspect in suspects]
                with reading(self._ws.engine) as connection:
                    before = known_records(connection, self._table, ids).by_record
                there = self._mirror.some(ids)
                if self._note(hook, suspects, there, before):
                    return
            self._read_on()
        raise ServiceUnavailableError("Airtable changes faster than its records can be compared.")

    def _alone(self, hook: HookState) -> AbstractContextManager[None]:
        """Without a webhook nothing else tells of an edit that a cycle takes in meanwhile."""
        return nullcontext() if hook.status == "active" else self._ws.locked()

    def _note(
        self,
        hook: HookState,
        suspects: Sequence[Suspect],
        there: Mapping[str, Record],
        before: Mapping[str, KnownRecord],
    ) -> bool:
        """Note what is still other than known; False where the webhook told something meanwhile."""
        now = self._ws.now()
        with writing(self._ws.engine) as connection:
            current = airtable_state.hook_of(connection, hook.base_id)
            if (current.hook_id, current.cursor) != (hook.hook_id, hook.cursor):
                return False
            after = self._known(connection, list(there.values()), [suspect.record_id for suspect in suspects])
            heard = self._is_heard(current)
            telling = Telling(connection, self._table, self._watched, before, after, self._copies, heard)
            for suspect in suspects:
                record = there.get(suspect.record_id)
                cells = None if record is None else self._cells(record)
                if cells is None and suspect.cells is not None and heard:
                    continue  # the webhook tells of that, and of what was typed before
                # One that was typed on meanwhile is not at rest yet.
                telling.tell(suspect.record_id, cells, at=min(suspect.at, now) if cells == suspect.cells else now)
            self._noted += note_edits(connection, self._table, telling.edits, seen_at=now)
        return True
