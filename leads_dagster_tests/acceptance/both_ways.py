"""A customer whose sheet, Airtable table and store are all edited by people, and what they said.

What belongs here: the places and the edits, each noted as it is made. What must hold afterwards is `both_ways_checks`.

Every value is used once in the life of the world, so that where it went can be told.
"""

from __future__ import annotations

import copy
import csv
import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import select

from leads_dagster.errors import LeadsError
from leads_dagster.pipeline import conflicts, holds, overriding, reviews, undo
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.result import SyncResult
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.sandbox import Sandbox
from leads_dagster.settings import customer_named
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.lead_edits import edit
from leads_dagster.store.tables import decisions, leads, source_records, sync_status
from leads_dagster_tests.acceptance.both_ways_seams import Clock, Crash, Seams
from leads_dagster_tests.pipeline.airtable_desk import AIRTABLE, BASE, TABLE
from leads_dagster_tests.pipeline.conftest import Road

FIELD_OF = {"Name": "full_name", "Email": "email", "Company": "company", "Title": "title", "Notes": "notes"}
COLUMNS = tuple(FIELD_OF)
_AT_FIRST = 3  # people in the sheet

Act = Callable[[], None]


@dataclass(eq=False)
class Row:
    """A row of the sheet; `leads` are those that its record belonged to when all was quiet."""

    cells: dict[str, str]
    leads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edit:
    """What somebody said.

    Attributes:
        at: true seconds.
        cell: where it was typed: two edits of one cell are one story, of which the last word counts.
        lead: whose field it was then; None where that cannot be told.
    """

    at: float
    cell: tuple[Any, ...]
    field: str
    value: str | None
    lead: str | None


@dataclass
class Story:
    """What was said since all was quiet, and what makes it hard to say what must come of it.

    Attributes:
        over: rows that were removed, and records that nobody had taken in when they were deleted.
        deleted: records that were deleted, all of them.
        deaf: what happened in Airtable may not have been told: neither a record that is gone since nor a cell that we
            wrote since says what stood there.
        apart: seconds that Airtable's clock and ours were apart at most: which of two edits within them was the later,
            nobody can tell.
        midway: records and rows in which somebody typed while a cycle ran.
        decided: a person's decision may have changed which edits count.
    """

    edits: list[Edit] = field(default_factory=list)
    over: set[Any] = field(default_factory=set)
    deleted: set[Any] = field(default_factory=set)
    deaf: bool = False
    apart: float = 0.0
    midway: set[Any] = field(default_factory=set)
    decided: bool = False


def word(number: int) -> str:
    """Letters that look like no other number's."""
    digest = hashlib.sha256(str(number).encode()).digest()
    return "".join("bcdfghjklmnprstv"[byte % 16] + "aeiou"[byte // 16 % 5] for byte in digest[:4])


class Sample:
    """The world as it starts, to be laid out again and again: files of the state folder, and the twin's tables."""

    def __init__(self, folder: Path, sandbox: Sandbox, clock: Clock, seams: Seams) -> None:
        self.home, self.kept = folder / "home", folder / "kept"
        self.sandbox, self.clock, self.seams = sandbox, clock, seams
        environ = {"AIRTABLE_ENDPOINT_URL": sandbox.url, "AIRTABLE_API_KEY": "patOurs"}
        self.road = Road(self.home, toml=AIRTABLE, environ=environ)
        self.engine = open_engine(self.road.settings.database_url)
        sandbox.reset()
        self.rows = [Row(_person(number)) for number in range(_AT_FIRST)]
        write_sheet(self.road.sheet, self.rows)
        for _ in range(4):
            self.road.sync()
            clock.advance(10)
        shutil.copytree(self.home, self.kept)
        self._bases, self._passed = copy.deepcopy(sandbox.world.bases), clock.passed

    def lay_out(self) -> list[Row]:
        """Everything as it was at first; returns the sheet's rows."""
        self.engine.dispose()
        shutil.rmtree(self.home)
        shutil.copytree(self.kept, self.home)
        self.seams.clear()
        self.sandbox.faults.replace([])
        with self.sandbox.lock:
            self.sandbox.world.bases = copy.deepcopy(self._bases)
        self.clock.passed, self.clock.ours, self.clock.theirs = self._passed, 0.0, 0.0
        return [Row(dict(row.cells)) for row in self.rows]


def _person(number: int) -> dict[str, str]:
    first, last = word(number), word(number + 100_000)
    return {
        "Name": f"{first.title()} {last.title()}", "Email": f"{first}@{last}.example",
        "Company": f"{last.title()} Works", "Title": f"Title {number}", "Notes": "",
    }  # fmt: skip


def write_sheet(path: Path, rows: list[Row]) -> None:
    """Put the sheet where it is read, as if it had stood there for a while: a fresh file is looked at twice."""
    text = io.StringIO()
    cells = [[row.cells[name] for name in COLUMNS] for row in rows]
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *cells])
    if not path.exists() or path.read_text(encoding="utf-8") != text.getvalue():
        path.write_text(text.getvalue(), encoding="utf-8")
        os.utime(path, (time.time() - 60,) * 2)


class World:
    """One run of it.

    Attributes:
        made: records that people and their programs made, or brought back, in Airtable.
        bin: records that were deleted there, as they were.
        words: all that anybody wrote into a cell there.
        last: the result of the last cycle; None where it failed or the process ended.
    """

    def __init__(self, sample: Sample, *, delete_policy: str = "archive", debounce_seconds: float = 0.0) -> None:
        self.rows = sample.lay_out()
        self.sample, self.sandbox, self.clock, self.seams = sample, sample.sandbox, sample.clock, sample.seams
        self.road = sample.road
        customer = customer_named(self.road.settings, "acme")
        assert customer.airtable is not None
        airtable = replace(customer.airtable, debounce_seconds=debounce_seconds)
        self.customer = replace(customer, delete_policy=delete_policy, airtable=airtable)  # type: ignore[arg-type]
        self.ws = self._started()
        self.story = Story()
        self.made: set[str] = set()
        self.words: set[str] = set()
        self.bin: list[tuple[str, dict[str, Any]]] = []
        self.number = 1000
        self.last: SyncResult | None = None

    def _started(self) -> Workspace:
        return Workspace(self.road.settings, self.customer, self.sample.engine)

    # The system.

    def cycle(self) -> None:
        """One cycle, as far as it comes."""
        self.last = None
        write_sheet(self.road.sheet, self.rows)
        self.ours(lambda: setattr(self, "last", run_cycle(self.ws)))
        assert self.last is None or self.last.rows.adds_up, self.last
        self.clock.advance(1)

    def ours(self, work: Act) -> None:
        """A piece of our work; where the process ends in the midst of it another one is started."""
        try:
            with self.seams.counted():
                work()
        except LeadsError:
            pass
        except Crash:
            self.sample.engine.dispose()
            self.ws = self._started()

    def end_faults(self) -> None:
        self.sandbox.faults.replace([])
        self.seams.clear()

    def all(self, query: Any) -> list[Any]:
        with reading(self.sample.engine) as connection:
            return list(connection.execute(query))

    def skew(self, *, ours: float, theirs: float) -> None:
        """From now on the clocks are so far ahead of the true time."""
        self.note_skew()
        self.clock.ours, self.clock.theirs = ours, theirs
        self.note_skew()

    def note_skew(self) -> None:
        self.story.apart = max(self.story.apart, abs(self.clock.theirs - self.clock.ours))

    # What people say.

    def fresh(self, column: str) -> str:
        """A value that nobody ever said."""
        self.number += 1
        if column == "Title":
            return f"Title {self.number}"
        return f"note {self.number}" if column == "Notes" else _person(self.number)[column]

    def _say(self, cell: tuple[Any, ...], column: str, value: str, lead: str | None) -> None:
        self.clock.advance(0.01)
        if self.seams.running:
            self.story.midway.add(cell[0])
        self.story.edits.append(Edit(self.clock.passed, cell, FIELD_OF[column], value or None, lead))

    # In the sheet.

    def type_in_sheet(self, at: int, column: str, value: str) -> None:
        if self.rows:
            row = self.rows[at % len(self.rows)]
            if row.cells[column] == value:
                return
            row.cells[column] = value
            self._say((row, column), column, value, row.leads[0] if len(row.leads) == 1 else None)

    def add_row(self, cells: Mapping[str, str]) -> None:
        row = Row({**dict.fromkeys(COLUMNS, ""), **cells})
        self.rows.append(row)
        for column, value in cells.items():
            self._say((row, column), column, value, None)

    def copy_row(self, at: int) -> None:
        if self.rows:
            self.rows.append(Row(dict(self.rows[at % len(self.rows)].cells)))

    def remove_row(self, at: int) -> None:
        if len(self.rows) > 1:  # a sheet that says nothing at all is refused
            self.story.over.add(self.rows.pop(at % len(self.rows)))

    def reorder(self) -> None:
        self.rows.sort(key=lambda row: row.cells["Title"][::-1])

    # In Airtable.

    @property
    def records(self) -> list[str]:
        return [record["id"] for record in self.sandbox.airtable.records(BASE, TABLE)]

    def _column(self, column: str) -> str:
        """What a column is called today."""
        table = self.sandbox.world.bases[BASE].tables[TABLE]
        return next(one.name for one in table.fields.values() if one.name.removesuffix(" (renamed)") == column)

    def rename(self, column: str) -> None:
        name = self._column(column)
        new = name.removesuffix(" (renamed)") if name != column else f"{column} (renamed)"
        self.sandbox.airtable.change_field(BASE, TABLE, name, {"name": new})

    def type_in_airtable(self, at: int, column: str, value: str, *, source: Any = "client") -> None:
        if not (records := self.records):
            return
        record = records[at % len(records)]
        if not value and not self._stands(record, column):
            return
        handle = self.sandbox.airtable.acting(source=source)
        handle.update(BASE, TABLE, [{"id": record, "fields": {self._column(column): value}}])
        self.words.add(value)
        self._say((record, column), column, value, self._lead_of(record))

    def _stands(self, record: str, column: str) -> bool:
        table = self.sandbox.world.bases[BASE].tables[TABLE]
        field_id = next(one.id for one in table.fields.values() if one.name == self._column(column))
        return bool(table.records[record].cells.get(field_id))

    def _lead_of(self, record: str) -> str | None:
        query = select(sync_status.c.lead_id).where(sync_status.c.external_id == record)
        return next((row.lead_id for row in self.all(query)), None)

    def _is_known(self, record: str) -> bool:
        rows = select(source_records.c.id).where(source_records.c.source_key == record)
        return self._lead_of(record) is not None or bool(self.all(rows))

    def create(self, cells: Mapping[str, str], *, source: Any = "client") -> None:
        named = {self._column(column): value for column, value in cells.items()}
        (record,) = self.sandbox.airtable.acting(source=source).create(BASE, TABLE, [named])
        self.made.add(record["id"])
        self.words |= set(cells.values())
        for column, value in cells.items():
            self._say((record["id"], column), column, value, None)

    def copy_record(self, at: int) -> None:
        if records := self.sandbox.airtable.records(BASE, TABLE):
            fields = records[at % len(records)]["fields"]
            (made,) = self.sandbox.airtable.create(BASE, TABLE, [fields])
            self.words |= set(map(str, fields.values()))
            self.made.add(made["id"])

    def delete(self, at: int) -> None:
        if records := self.sandbox.airtable.records(BASE, TABLE):
            record = records[at % len(records)]
            self.sandbox.airtable.delete(BASE, TABLE, [record["id"]])
            self.bin.append((record["id"], record["fields"]))
            self.story.deleted.add(record["id"])
            if not self._is_known(record["id"]):
                self.story.over.add(record["id"])

    def bring_back(self) -> None:
        """Out of the bin: the record of that id, as it was."""
        if not self.bin:
            return
        record, fields = self.bin.pop()
        self.made.add(record)
        self.words |= set(map(str, fields.values()))
        named = {self._column(name.removesuffix(" (renamed)")): value for name, value in fields.items()}
        with patch("leads_dagster.sandbox.airtable_writes.new_id", return_value=record):
            self.sandbox.airtable.create(BASE, TABLE, [named])

    # In the store.

    def active(self) -> list[str]:
        query = select(leads.c.id).where(leads.c.archived_at.is_(None), leads.c.merged_into.is_(None))
        return [row.id for row in self.all(query.order_by(leads.c.created_at, leads.c.id))]

    def update_lead(self, at: int, column: str, value: str) -> None:
        if not (active := self.active()):
            return
        lead = active[at % len(active)]
        with suppress(LeadsError), writing(self.sample.engine, "acme") as connection:
            if edit(connection, self.ws.policy, lead, {FIELD_OF[column]: value or None}, who="ada"):
                self._say((lead, column), column, value, lead)

    def override(self, at: int, column: str, value: str) -> None:
        if active := self.active():
            lead = active[at % len(active)]
            self.decide(lambda: overriding.override(self.ws, lead, FIELD_OF[column], value or None, who="ada"))

    def release(self, at: int, column: str) -> None:
        if active := self.active():
            lead = active[at % len(active)]
            self.decide(lambda: overriding.release(self.ws, lead, FIELD_OF[column], who="ada"))

    def settle_a_conflict(self, at: int, choice: Any) -> None:
        if found := conflicts.list_(self.ws):
            self.decide(lambda: conflicts.resolve(self.ws, found[at % len(found)]["id"], choice, who="ada"))

    def answer_a_review(self, verdict: Any) -> None:
        if found := reviews.list_(self.ws):
            self.decide(lambda: reviews.resolve(self.ws, found[0]["id"], verdict, who="ada"))

    def answer_a_hold(self, *, approve: bool) -> None:
        if found := [one["id"] for one in holds.list_(self.ws) if one["status"] == "open"]:
            self.decide(lambda: (holds.approve if approve else holds.drop)(self.ws, found[0], who="ada"))

    def undo_a_field(self, at: int, column: str) -> None:
        if active := self.active():
            lead = active[at % len(active)]
            self.decide(lambda: undo.undo_field(self.ws, lead, FIELD_OF[column], who="ada"))

    def undo_a_merge(self, at: int) -> None:
        query = select(leads.c.id).where(leads.c.merged_into.is_not(None)).order_by(leads.c.created_at)
        if found := [row.id for row in self.all(query)]:
            self.decide(lambda: undo.undo_merge(self.ws, found[at % len(found)], who="ada"))

    def undo_a_decision(self, at: int) -> None:
        query = select(decisions.c.id).where(decisions.c.undone_by.is_(None)).order_by(decisions.c.id.desc())
        if found := [row.id for row in self.all(query)]:
            self.decide(lambda: undo.undo_decision(self.ws, found[at % len(found)], who="ada"))

    def decide(self, decision: Callable[[], Any]) -> None:
        """A person decides; mirrors are told at once, as far as they can be reached."""
        self.story.decided = True
        self.ours(lambda: (decision(), None)[1])
