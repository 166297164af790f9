"""Noting what a page of payloads says, for all tables of the base, inside the caller's transaction.

What belongs here: from a page to rows of `airtable_changes`. Who is told apart by what is `mirrors.airtable_payloads`'
business; asking Airtable, and moving on, is `pull`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from leads_dagster.mirrors.airtable_payloads import (
    OURS,
    CellEdit,
    Payload,
    TableNews,
    Window,
    changes_of,
    keys_in,
    read_payloads,
    records_in,
)
from leads_dagster.mirrors.airtable_watched import Cells, KnownRecords, WatchedTable, watched_table
from leads_dagster.pipeline.airtable_known import known_records
from leads_dagster.store import airtable_bases, airtable_changes, airtable_marks, airtable_state
from leads_dagster.store.airtable_changes import RECORD, CellChange
from leads_dagster.store.airtable_state import TableState

_TABLE_EVENTS = ("destroyedTableIds", "createdTablesById")  # deleted, and restored from the trash


@dataclass(frozen=True, slots=True)
class Page:
    """Payloads and when they can have happened.

    Attributes:
        whole: record id -> all its cells, of the strangers among the records.
    """

    payloads: Sequence[Payload]
    window: Window
    whole: Mapping[str, Cells]


def strangers_in(connection: Connection, table: TableState, payloads: Sequence[Payload]) -> list[str]:
    """Records that were changed and that nobody knows, nor was told of: they must be looked at as a whole."""
    made, changed, _ = records_in(payloads, table.table_id, watched_table(table.fields))
    candidates = sorted(changed - made)
    known = known_records(connection, table, candidates).by_record
    unknown = [record for record in candidates if record not in known]
    waiting = airtable_changes.waiting(connection, table.base_id, table.table_id, unknown)
    return [record for record in unknown if RECORD not in waiting.get(record, ())]


def note_page(connection: Connection, base_id: str, page: Page) -> dict[str, int]:
    """Note what is new in the tables of a base; table id -> edits noted."""
    tables = airtable_state.tables_of_base(connection, base_id)
    watched = {name: watched_table(table.fields) for name, table in tables.items() if not _by_name(table)}
    known = {name: _known(connection, tables[name], watched[name], page) for name in watched}
    news = read_payloads(page.payloads, watched, known, page.window, whole=page.whole)
    noted = {name: _keep(connection, tables[name], found, seen_at=page.window.until) for name, found in news.items()}
    _ask_to_look(connection, base_id, page.payloads, tables, news)
    return noted


def note_edits(connection: Connection, table: TableState, edits: Iterable[CellEdit], *, seen_at: datetime) -> int:
    """Note edits of one table; returns how many said something new."""
    changes = (CellChange(edit.record_id, edit.field_id, edit.kind, edit.cell, edit.at, seen_at) for edit in edits)
    return airtable_changes.note(connection, table.base_id, table.table_id, changes)


def _by_name(table: TableState) -> bool:
    """Whether the schema may not be read: payloads name fields by ids that nobody told us."""
    return not table.field_ids


def _known(connection: Connection, table: TableState, watched: WatchedTable, page: Page) -> KnownRecords:
    made, changed, gone = records_in(page.payloads, table.table_id, watched)
    keys = keys_in(page.payloads, table.table_id, watched)
    keys |= {str(cells[watched.key_id]) for cells in page.whole.values() if cells.get(watched.key_id)}
    return known_records(connection, table, made | changed | gone, keys)


def _keep(connection: Connection, table: TableState, news: TableNews, *, seen_at: datetime) -> int:
    where = (table.base_id, table.table_id)
    airtable_changes.forget(connection, *where, news.forgotten)
    airtable_changes.take_back(connection, *where, news.taken_back)
    airtable_changes.overwrite(connection, *where, news.overwritten)
    airtable_bases.adopt(connection, table.customer, news.adopted)
    _part(connection, table, news.parted, at=seen_at)
    return note_edits(connection, table, news.edits, seen_at=seen_at)


def _part(connection: Connection, table: TableState, parted: Mapping[str, str], *, at: datetime) -> None:
    """Records that we deleted: what waits of one, somebody typed just before; that is taken in first."""
    waiting = airtable_changes.waiting(connection, table.base_id, table.table_id, sorted(parted))
    done = [lead for record, lead in parted.items() if record not in waiting]
    airtable_marks.note_gone(connection, table.customer, done)
    note_edits(connection, table, (CellEdit(one, RECORD, "deleted", None, at) for one in waiting), seen_at=at)


def _ask_to_look(
    connection: Connection,
    base_id: str,
    payloads: Sequence[Payload],
    tables: Mapping[str, TableState],
    news: Mapping[str, TableNews],
) -> None:
    """What the payloads alone do not say: a table's fields are others now, or its records must be compared."""
    others = {str(table) for payload in payloads for event in _TABLE_EVENTS for table in payload.get(event) or ()}
    changed = {name for name, found in news.items() if found.schema_changed} | (others & tables.keys())
    airtable_state.look_again(connection, base_id, sorted(changed))
    unclear = {name for name, found in news.items() if found.keys_changed}
    if any(name not in news and not _is_ours(payload) for payload, name, _ in changes_of(payloads)):
        unclear |= tables.keys() - news.keys()
    airtable_state.ask_for_sweep(connection, base_id, sorted(unclear))


def _is_ours(payload: Payload) -> bool:
    return (payload.get("actionMetadata") or {}).get("source") == OURS
