"""What must hold of a sheet, a store, a CRM and an Airtable table once all is quiet, whatever was done to them.

What belongs here: getting quiet, and findings in words; an empty list is what is wished for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import func, select

from leads_dagster.mirrors.airtable_values import AirtableColumn, holds
from leads_dagster.mirrors.crm import CrmStore
from leads_dagster.store import airtable_state
from leads_dagster.store import tables as t
from leads_dagster.store.engine import reading
from leads_dagster.store.lead_rows import to_texts
from leads_dagster_tests.acceptance.both_ways import COLUMNS, Edit, Row, Story, World
from leads_dagster_tests.acceptance.conftest import COMPARED, fields
from leads_dagster_tests.pipeline.airtable_desk import BASE, TABLE

_WAITS = (3, 10, 10, 40, 100, 400, 1000, 1000, 1000)


def settle(world: World) -> list[str]:
    """Let nobody disturb it for a while; what is wrong then."""
    world.end_faults()
    for wait in _WAITS:
        world.answer_a_hold(approve=world.number % 2 == 0)
        runs = _runs(world)
        echoed = echoes(world, wait=wait)
        if world.last is not None and _runs(world) == runs and not unsettled(world):
            break
    else:
        return [f"never quiet: {world.last} {unsettled(world)}"]
    found = both_sides(world) + crm(world) + lost_edits(world) + own_words(world)
    found += echoed + echoes(world, wait=4000)
    if not found:
        world.story = Story()
        world.note_skew()
        find_leads_of_rows(world)
    return found


def unsettled(world: World) -> list[Any]:
    """What still waits."""
    open_marks = select(t.sync_status).where(t.sync_status.c.status != "success")
    waiting = select(t.airtable_changes)
    return [dict(row._mapping) for query in (open_marks, waiting) for row in world.all(query)]


def _runs(world: World) -> int:
    return int(world.all(select(func.count()).select_from(t.sync_runs))[0][0])


def find_leads_of_rows(world: World) -> None:
    """Tell rows which lead each is of now."""
    lead_of = _leads_by_cells(world)
    for row in world.rows:
        row.leads = tuple(sorted(lead_of[_cells_of(row)]))


def _cells_of(row: Row) -> tuple[str, ...]:
    return tuple(row.cells[name] for name in COLUMNS)


def _leads_by_cells(world: World) -> dict[tuple[str, ...], set[str]]:
    """What rows of the sheet say -> the leads that their records are of."""
    mine = (t.source_records.c.source == world.ws.source, t.source_records.c.removed_at.is_(None))
    lead_of: dict[Any, set[str]] = defaultdict(set)
    for row in world.all(select(t.source_records).where(*mine)):
        if row.lead_id is not None:
            lead_of[tuple(row.raw[name] for name in COLUMNS)].add(row.lead_id)
    return lead_of


# Both sides are equal.


def both_sides(world: World) -> list[str]:
    """Where Airtable and the leads say different things."""
    records = world.sandbox.world.bases[BASE].tables[TABLE].records
    leads = {row.id: row._mapping for row in world.all(_active())}
    shown = {row.lead_id: row.external_id for row in world.all(select(t.sync_status)) if row.mirror == "airtable"}
    found = [f"lead {lead} has no record" for lead in leads if shown.get(lead) not in records]
    lead_of = {shown[lead]: lead for lead in leads if shown.get(lead) in records}
    if len(lead_of) + len(found) != len(leads):
        found.append("one record shows two leads")
    for record in records.values():
        if record.id in lead_of:
            found += _differing(world, record, leads[lead_of[record.id]])
        elif not _is_excused(world, record):
            found.append(f"record {record.id} shows no lead: {record.cells}")
    return found + _made_twice(world)


def _active() -> Any:
    return select(t.leads).where(t.leads.c.archived_at.is_(None), t.leads.c.merged_into.is_(None))


def _fields(world: World) -> dict[str, AirtableColumn]:
    with reading(world.sample.engine) as connection:
        table = airtable_state.table_of(connection, "acme")
    assert table is not None
    return {name: AirtableColumn(one["id"], one["name"], one["type"]) for name, one in table.fields.items()}


def _differing(world: World, record: Any, lead: Any) -> list[str]:
    wanted = {**lead, "lead_key": lead["id"]}
    return [
        f"{record.id} {name}: {record.cells.get(column.id)!r}, but lead {lead['id']} says {wanted[name]!r}"
        for name, column in _fields(world).items()
        if not holds(column, record.cells.get(column.id), wanted[name])
    ]


def _is_excused(world: World, record: Any) -> bool:
    """A duplicate that is kept, a record that cannot be a lead, or an empty one."""
    if any(row.record_id == record.id for row in world.all(select(t.airtable_duplicates))):
        return True
    of_record = t.source_records.c.source_key == record.id
    rows = world.all(select(t.source_records).where(of_record))
    said = any(record.cells.get(column.id) for name, column in _fields(world).items() if name != "lead_key")
    return not said or any(row.state == "quarantined" for row in rows)


def crm(world: World) -> list[str]:
    """Leads of which the CRM says something else."""
    leads = {row.id: fields(row._mapping, *COMPARED) for row in world.all(_active())}
    with CrmStore(world.road.settings.crm_url) as store:
        rows = {lead: fields(row, *COMPARED) for lead, row in store.rows(list(leads)).items()}
        more = [f"the CRM has {store.count()} leads of {len(leads)}"] if store.count() != len(leads) else []
    return more + [f"the CRM says {rows.get(lead)} of {lead}" for lead in leads if rows.get(lead) != leads[lead]]


def _made_twice(world: World) -> list[str]:
    key = _fields(world)["lead_key"].id
    records = world.sandbox.world.bases[BASE].tables[TABLE].records.values()
    keys = Counter(one.cells.get(key) for one in records if one.id not in world.made and one.cells.get(key))
    return [f"we made {number} records for {lead}" for lead, number in keys.items() if number > 1]


# No edit is lost.


def lost_edits(world: World) -> list[str]:
    """Edits that are neither there, nor overtaken, nor kept as the loser of a conflict, nor refused."""
    books = Books(world)
    return [f"lost: {edit}" for edit in _last_words(world.story) if not books.account_for(edit)]


def _last_words(story: Story) -> list[Edit]:
    last = {edit.cell: edit for edit in story.edits}
    unheard = story.over | (story.deleted | story.midway if story.deaf else set())
    return [edit for edit in last.values() if edit.cell[0] not in unheard]


class Books:
    """What the store, and Airtable's kept records, tell of values."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.leads = {row.id: to_texts(row._mapping) for row in world.all(_active())}
        self.heir = {row.id: row.merged_into for row in world.all(select(t.leads))}
        self.conflicts = {
            (row.lead_id, row.field, value) for row in world.all(select(t.conflicts)) for value in (row.kept, row.lost)
        }
        self.history = {(row.lead_id, row.field, row.new) for row in world.all(select(t.lead_history))}
        standing = select(t.decisions).where(t.decisions.c.kind == "override", t.decisions.c.undone_by.is_(None))
        self.overridden = {(self.living(row.lead_id), row.subject["field"]) for row in world.all(standing)}
        live = select(t.source_records.c.lead_id).where(
            t.source_records.c.kind == "row", t.source_records.c.removed_at.is_(None)
        )
        self.rows = Counter(row.lead_id for row in world.all(live))
        self.refused = {tuple(row.raw.get(name, "") for name in COLUMNS) for row in world.all(select(t.quarantine))}
        self.words = self._words()
        self.leads_of_rows = _leads_by_cells(world)

    def _words(self) -> set[str]:
        world = self.world
        words = {row.value for row in world.all(select(t.claims.c.value))}
        words |= {value for row in world.all(select(t.source_records.c.raw)) for value in row.raw.values()}
        words |= {value for _, _, value in self.conflicts | self.history}
        plans = [one for row in world.all(select(t.holds.c.plan)) for one in row.plan]
        words |= {value for one in plans for value in (one["fields"] or {}).values()}
        kept = {row.record_id for row in world.all(select(t.airtable_duplicates.c.record_id))}
        records = world.sandbox.world.bases[BASE].tables[TABLE].records
        return words | {str(cell) for one in kept & records.keys() for cell in records[one].cells.values()}

    def living(self, lead: str | None) -> str | None:
        while lead is not None and lead not in self.leads:
            lead = self.heir.get(lead)
        return lead

    def account_for(self, edit: Edit) -> bool:
        lead, where = self.living(edit.lead), edit.cell[0]
        if isinstance(where, Row) and _cells_of(where) in self.refused:
            return True
        if isinstance(where, Row) and edit.value is None and lead not in self.leads_of_rows[_cells_of(where)]:
            return True  # so much of the row changed that it tells of somebody else now
        if edit.value is not None and any(one.get(edit.field) == edit.value for one in self.leads.values()):
            return True
        if edit.value is None and self.rows[lead] > 1:  # another row of the lead may fill it
            return True
        if lead is None or lead != edit.lead or self.world.story.decided or (lead, edit.field) in self.overridden:
            return edit.value is None or edit.value in self.words
        if self.leads[lead].get(edit.field) == edit.value:
            return True
        if (lead, edit.field, edit.value) in self.conflicts:
            return True
        since = edit.at - self.world.story.apart
        later = any(other.lead in (lead, None) and other.at > since for other in self._others(edit))
        # Two rows of a lead that were typed between two looks: the earlier one stands in its own row alone.
        known = (lead, edit.field, edit.value) in self.history or (isinstance(where, Row) and edit.value in self.words)
        return later and known

    def _others(self, edit: Edit) -> list[Edit]:
        return [one for one in self.world.story.edits if one.field == edit.field and one.cell != edit.cell]


# What we wrote is nobody's word.


def own_words(world: World) -> list[str]:
    """Conflicts in which Airtable is said to have said what nobody ever typed there."""
    found = []
    for row in world.all(select(t.conflicts)):
        for value, source in ((row.kept, row.kept_source), (row.lost, row.lost_source)):
            if source.startswith("airtable:") and value is not None and value not in world.words:
                found.append(f"nobody typed {value!r} in Airtable: {dict(row._mapping)}")
    return found


# A quiet system writes nothing.


_COUNTED = (t.claims, t.lead_history, t.source_records, t.conflicts, t.airtable_changes, t.sync_runs)
_COUNTS = select(*(select(func.count()).select_from(one).scalar_subquery() for one in _COUNTED))


def echoes(world: World, *, wait: float) -> list[str]:
    """What a cycle does though nobody said anything; after a long wait it compares all records."""
    world.clock.advance(wait)
    beside = bool(world.all(select(t.airtable_duplicates)))  # a comparison of all records looks at those anew
    before, calls = _state(world), world.sandbox.requests.tally()
    world.cycle()
    after, writes = _state(world), (world.sandbox.requests.tally() - calls).writes
    found = [f"{writes} writes though nothing changed for {wait} s"] if writes else []
    changed = [name for name in before if before[name] != after[name] and not (beside and name == "sync_runs")]
    return found + [f"{name} changed by itself in {wait} s: {before[name]} {after[name]}" for name in changed]


def _state(world: World) -> dict[str, Any]:
    (counts,) = world.all(_COUNTS)
    state: dict[str, Any] = dict(zip((one.name for one in _COUNTED), counts, strict=True))
    names = ("lead_id", "mirror", "status", "version", "external_id", "base")
    marks = world.all(select(*(t.sync_status.c[name] for name in names)).order_by("lead_id", "mirror"))
    return {**state, "outbox": [tuple(row) for row in marks]}
