"""What the payloads of a webhook say that somebody changed: cells, records, fields; our own writes left out. Pure.

What belongs here: telling our writes from everybody else's, and what of a page of payloads is left in the end. What
the store knows of the records is given; how payloads are asked for is `airtable_hooks`' business.

    who                        what                                   becomes
    our token or another's     a cell as we wrote it                  nothing
    anybody                    a cell that says something else        an edit of that cell
    Airtable                   cells of a field that gets another     nothing: it converts or empties them by itself
                               type in that transaction
    a person                   a cell back as we wrote it             nothing, and what waited of it is forgotten
    anybody                    a record that shows no lead            a record that was made, with all its cells
    our token                  a record for a lead we were to write   nothing: it is that lead's record
    anybody                    a record deleted that shows a lead     a record that was deleted, beside its last edits
    our token                  a record deleted that we want gone     nothing: its lead has none any more

Forms: airtable.com/developers/web/api/model/webhooks-payload
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from leads_dagster.mirrors.airtable_values import plain_cell
from leads_dagster.mirrors.airtable_watched import Cells, KnownRecord, KnownRecords, WatchedTable

OURS = "publicApi"  # every token's writes say so, other programs' too
RECORD = ""  # in place of a field: the record itself
_INSTANT = timedelta(milliseconds=1)
_TICK = timedelta(microseconds=1)
_FIELD_EVENTS = ("createdFieldsById", "changedFieldsById", "destroyedFieldIds", "changedMetadata")

EditKind = Literal["changed", "overwritten", "created", "deleted"]
Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CellEdit:
    """Something that somebody changed: a cell, or (field_id `RECORD`) a record made or deleted.

    A cell is "overwritten" where a write of ours landed over the edit: it counts, but does not stand there any more.
    """

    record_id: str
    field_id: str
    kind: EditKind
    cell: Any
    at: datetime


@dataclass(frozen=True, slots=True)
class TableNews:
    """What some payloads come to in one table.

    Attributes:
        edits: the last of each cell, in order.
        taken_back: (record, field) of cells that stand again as we wrote them.
        overwritten: (record, field) of cells that we wrote, whatever edit of them waited.
        forgotten: records of which nothing that waited counts any more.
        adopted: lead -> record, where our own write comes to light before it was booked.
        parted: record -> its lead, where we deleted it, likewise; unless somebody typed in it just before.
        schema_changed: fields or the table itself are other than they were.
        keys_changed: somebody changed a `lead_key`: who shows which lead must be looked at as a whole.
    """

    edits: tuple[CellEdit, ...] = ()
    taken_back: tuple[tuple[str, str], ...] = ()
    overwritten: tuple[tuple[str, str], ...] = ()
    forgotten: tuple[str, ...] = ()
    adopted: Mapping[str, str] = field(default_factory=dict)
    parted: Mapping[str, str] = field(default_factory=dict)
    schema_changed: bool = False
    keys_changed: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Between which moments of our clock things can have happened, whatever Airtable's says."""

    after: datetime | None
    until: datetime

    def moment(self, payload: Payload) -> datetime:
        """When a payload's changes were made."""
        said = _moment(payload.get("timestamp")) or self.until
        earliest = said if self.after is None else max(said, self.after + _INSTANT)
        return min(earliest, self.until)


def changes_of(payloads: Iterable[Payload]) -> list[tuple[Payload, str, Mapping[str, Any]]]:
    """Payload, table id, what changed in that table; in order."""
    return [
        (payload, table, change)
        for payload in payloads
        for table, change in (payload.get("changedTablesById") or {}).items()
    ]


def records_in(payloads: Iterable[Payload], table_id: str, table: WatchedTable) -> tuple[set[str], set[str], set[str]]:
    """Record ids of a table that payloads tell of: made, changed in a cell that matters, destroyed."""
    made: set[str] = set()
    changed: set[str] = set()
    gone: set[str] = set()
    for _, found, change in changes_of(payloads):
        if found == table_id:
            made.update(change.get("createdRecordsById") or ())
            changed.update(record for record, cells in _changed(change) if table.cells(cells))
            gone.update(change.get("destroyedRecordIds") or ())
    return made, changed, gone


def keys_in(payloads: Iterable[Payload], table_id: str, table: WatchedTable) -> set[str]:
    """The leads that records made in a table name."""
    made = [cells for _, found, change in changes_of(payloads) if found == table_id for _, cells in _created(change)]
    return {str(cells[table.key_id]) for cells in made if cells.get(table.key_id)}


def read_payloads(
    payloads: Iterable[Payload],
    tables: Mapping[str, WatchedTable],
    known: Mapping[str, KnownRecords],
    window: Window,
    *,
    whole: Mapping[str, Cells] | None = None,
) -> dict[str, TableNews]:
    """Table id -> what is new there, of the tables that are watched.

    Args:
        payloads: in Airtable's order.
        known: table id -> what the store knows of the records they tell of.
        window: when they can have happened.
        whole: record id -> all its cells as they are now, of records that nobody knows and that payloads tell of in
            part.
    """
    readers = {
        table: _Reader(watched, known.get(table, KnownRecords()), whole or {}) for table, watched in tables.items()
    }
    at: datetime | None = None
    payloads = list(payloads)
    retyped = _retyped(payloads)
    for payload in payloads:
        moment = window.moment(payload)
        at = moment if at is None else max(moment, at + _TICK)  # what is told later happened later
        ours = (payload.get("actionMetadata") or {}).get("source") == OURS
        for _, table, change in changes_of([payload]):
            if table in readers:
                readers[table].read(change, ours=ours, at=at, retyped=retyped[payload.get("baseTransactionNumber")])
    return {table: reader.news() for table, reader in readers.items()}


def _retyped(payloads: Sequence[Payload]) -> Mapping[Any, frozenset[str]]:
    """Transaction -> fields that got another type in it; one with many records comes as several payloads."""
    found: defaultdict[Any, frozenset[str]] = defaultdict(frozenset)
    for payload, _, change in changes_of(payloads):
        fields = (change.get("changedFieldsById") or {}).items()
        types = [name for name, given in fields if "type" in (given.get("current") or {})]
        found[payload.get("baseTransactionNumber")] |= frozenset(types)
    return found


class _Reader:
    """Reads what payloads say of one table, one after the other."""

    def __init__(self, table: WatchedTable, known: KnownRecords, whole: Mapping[str, Cells]) -> None:
        self._table, self._by_lead, self._whole = table, known.by_lead, whole
        self._by_record = dict(known.by_record)
        self._edits: dict[str, dict[str, CellEdit]] = {}
        self._taken_back: dict[str, dict[str, None]] = {}
        self._overwritten: dict[tuple[str, str], None] = {}
        self._forgotten: dict[str, None] = {}
        self._adopted: dict[str, str] = {}
        self._parted: dict[str, str] = {}
        self._schema_changed = self._keys_changed = False

    def news(self) -> TableNews:
        return TableNews(
            tuple(edit for of_record in self._edits.values() for edit in of_record.values()),
            tuple((record, name) for record, names in self._taken_back.items() for name in names),
            tuple(self._overwritten),
            tuple(self._forgotten),
            self._adopted,
            self._parted,
            self._schema_changed,
            self._keys_changed,
        )

    def read(
        self, change: Mapping[str, Any], *, ours: bool, at: datetime, retyped: Collection[str] = frozenset()
    ) -> None:
        for record in change.get("destroyedRecordIds") or ():
            self._destroyed(record, ours=ours, at=at)
        for record, cells in _created(change):
            self._created(record, cells, ours=ours, at=at)
        for record, cells in _changed(change):
            relevant = {name: cell for name, cell in self._table.cells(cells).items() if name not in retyped}
            if relevant:
                self._changed(record, relevant, ours=ours, at=at)
        self._schema_changed |= any(change.get(event) for event in _FIELD_EVENTS)

    def _destroyed(self, record: str, *, ours: bool, at: datetime) -> None:
        known = self._by_record.get(record)
        if ours and known is not None and known.lead_id is None:
            return  # we took a double out: what was typed in it until then counts
        if known is None:
            self._forget(record)  # it never told of anybody
        if ours and (known is None or known.leaving) and not self._edits.get(record):
            self._by_record.pop(record, None)
            self._parted.update({record: known.lead_id} if known is not None and known.lead_id is not None else {})
        else:
            self._edits.setdefault(record, {})[RECORD] = CellEdit(record, RECORD, "deleted", None, at)

    def _created(self, record: str, cells: Cells, *, ours: bool, at: datetime) -> None:
        self._forget(record)
        if record not in self._by_record:
            mine = self._own_creation(cells) if ours else None
            if mine is None:
                self._made(record, cells, at=at)
                return
            self._by_record[record] = replace(mine, record_id=record)
            self._adopted[str(mine.lead_id)] = record
        # A cell that is not named is blank, and we may have filled it.
        blank = dict.fromkeys(self._table.columns)
        self._changed(record, {**blank, **self._table.cells(cells)}, ours=ours, at=at)

    def _own_creation(self, cells: Cells) -> KnownRecord | None:
        """The lead that we were about to write, where a new record names one."""
        lead = self._by_lead.get(str(cells.get(self._table.key_id) or ""))
        return lead if lead is not None and lead.record_id is None and lead.unbooked is not None else None

    def _made(self, record: str, cells: Cells, *, at: datetime) -> None:
        self._edits[record] = {RECORD: CellEdit(record, RECORD, "created", None, at)}
        for name, cell in self._table.cells(cells).items():
            self._edit(record, name, self._plain(name, cell), at=at)

    def _changed(self, record: str, cells: Cells, *, ours: bool, at: datetime) -> None:
        known = self._by_record.get(record)
        if known is None:
            self._changed_stranger(record, cells, ours=ours, at=at)
            return
        for name, cell in cells.items():
            if name == self._table.key_id:
                self._keys_changed |= cell != known.lead_id
                continue
            lead_field, column = self._table.columns[name]
            verdict = known.verdict(lead_field, column, cell, ours=ours)
            if verdict == "edit":
                self._edit(record, name, plain_cell(column, cell), at=at)
            elif verdict == "own":
                self._overwrite(record, name)
            elif verdict == "back":
                self._edits.get(record, {}).pop(name, None)
                self._taken_back.setdefault(record, {})[name] = None

    def _changed_stranger(self, record: str, cells: Cells, *, ours: bool, at: datetime) -> None:
        """A record that nobody knows: one whose making waits to be taken in, or one that was left alone until now."""
        if record in self._whole and RECORD not in self._edits.get(record, {}):
            self._created(record, self._whole[record], ours=ours, at=at)
            return
        for name, cell in cells.items():
            self._edit(record, name, self._plain(name, cell), at=at)

    def _edit(self, record: str, name: str, cell: Any, *, at: datetime) -> None:
        self._taken_back.get(record, {}).pop(name, None)
        self._edits.setdefault(record, {})[name] = CellEdit(record, name, "changed", cell, at)

    def _overwrite(self, record: str, name: str) -> None:
        self._overwritten[record, name] = None
        if (edit := self._edits.get(record, {}).get(name)) is not None:
            self._edits[record][name] = replace(edit, kind="overwritten")

    def _plain(self, name: str, cell: Any) -> Any:
        return (cell or None) if name == self._table.key_id else plain_cell(self._table.columns[name][1], cell)

    def _forget(self, record: str) -> None:
        """Nothing that was said of a record until now counts."""
        self._edits.pop(record, None)
        self._taken_back.pop(record, None)
        self._forgotten[record] = None


def _created(change: Mapping[str, Any]) -> list[tuple[str, Cells]]:
    made = (change.get("createdRecordsById") or {}).items()
    return [(record, given.get("cellValuesByFieldId") or {}) for record, given in made]


def _changed(change: Mapping[str, Any]) -> list[tuple[str, Cells]]:
    changed = (change.get("changedRecordsById") or {}).items()
    return [(record, (given.get("current") or {}).get("cellValuesByFieldId") or {}) for record, given in changed]


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        return None
