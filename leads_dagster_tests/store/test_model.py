"""Leads, merges, edits and everything that takes them back, against a plain model, step by step.

All records say an e-mail address and no name, so that who is one lead with whom is plain: equal addresses, but where a
person said that two are not the same. Of what else there is, values of one moment differ in length.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import combinations
from pathlib import Path
from typing import Any

import orjson
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from leads_dagster.errors import ConflictError
from leads_dagster.store import LeadDatabase, lead_rows, tables, undo, undo_run
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.undo import Undoing
from leads_dagster_tests.pipeline.conftest import Road
from leads_dagster_tests.store.lead_model import Decision, Model, Record, Row

HEADER = ("ID", "Email", "Title", "Status")
FIELDS = ("email", "title", "status")
EMAILS = ("a@one.example", "bea@two.example", "carol@three.example")
BAD = "see notes"
TITLES = ("", "CTO", "Chair", "Founder")
STATUSES = ("", "new", "cold one")
KEYS = ("1", "2", "3", "4")
ANCHOR = {"email": "the.anchor@harbour.example", "title": "", "status": ""}
TABLES = (
    "source_records", "claims", "decisions", "lead_history", "leads", "sync_status", "quarantine", "conflicts",
    "sync_runs",
)  # fmt: skip

emails, titles, statuses = st.sampled_from(EMAILS), st.sampled_from(TITLES), st.sampled_from(STATUSES)
keys, indexes = st.sampled_from(KEYS), st.integers(0, 99)


class StoreMachine(RuleBasedStateMachine):
    """Does the same to the store and to the model, and compares."""

    longest: frozenset[str] = frozenset()

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        rules = "".join(f'{name} = "longest"\n' for name in sorted(self.longest))
        self.road = Road(Path(self.folder.name) / "home", toml=f"[customers.survivorship]\n{rules}")
        self.road.settings.prepare_home()
        self.database = LeadDatabase(self.road.settings.database_url, "acme", who="ada")
        self.model, self.sheet, self.runs, self.numbers = Model(longest=self.longest), {"0": dict(ANCHOR)}, [], 0
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self._sync()

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()

    # --- what people do -----------------------------------------------------------------------------------------------

    @rule(key=keys, email=emails, title=titles, status=statuses)
    def write_row(self, key: str, email: str, title: str, status: str) -> None:
        """Add a row to the sheet, or change all of one."""
        self.sheet[key] = {"email": email, "title": title, "status": status}
        self._sync()

    @rule(key=keys, name=st.sampled_from(FIELDS), email=emails, title=titles, status=statuses)
    def change_cell(self, key: str, name: str, **values: str) -> None:
        if key in self.sheet:
            self.sheet[key] = {**self.sheet[key], name: values[name]}
            self._sync()

    @rule(key=keys)
    def spoil_row(self, key: str) -> None:
        """Nobody can be found behind what its cell says now."""
        if key in self.sheet:
            self.sheet[key] = {**self.sheet[key], "email": BAD}
            self._sync()

    @rule(key=keys)
    def remove_row(self, key: str) -> None:
        if self.sheet.pop(key, None) is not None:
            self._sync()

    @rule(which=indexes)
    def return_row(self, which: int) -> None:
        """Put a row back that left the sheet, as it was."""
        left = [one for one in self.model.records.values() if one.kind == "sheet" and not one.in_sheet]
        back = left[which % len(left)] if left else None
        if back is not None and back.key not in self.sheet:
            self.sheet[back.key] = dict(back.base)
            self._sync()

    @rule(key=keys, email=emails, title=titles, status=statuses, given=st.sets(st.sampled_from(FIELDS)))
    def upsert(self, key: str, email: str, title: str, status: str, given: set[str]) -> None:
        """Hand a record to the public database, or some fields of one that it has."""
        values = {"email": email, "title": title, "status": status}
        known = self._record("api", key)
        told = {name: value for name, value in values.items() if known is None or name in given}
        self.model.step += 1
        self.database.upsert_lead({"key": key, **told})
        self._look()
        self._landed(key, known, told)

    @rule(which=indexes, name=st.sampled_from(("title", "status")), title=titles, status=statuses)
    def update(self, which: int, name: str, title: str, status: str) -> None:
        """Change a field of a lead."""
        lead = self._some_lead(which)
        if lead is None:
            return
        value = (title if name == "title" else status) or None
        family, members = self._family(lead), self._members()[lead]
        held, present = self.model.override(family, name), self.model.value(members, family, name)
        self.model.step += 1
        if held is not None and value != present:
            self._refused(lambda: self.database.update_lead(lead, {name: value}))
            return
        assert self.database.update_lead(lead, {name: value}) == (value != present)
        self._look()
        if value != present:
            self._edited(lead, name, value)

    @rule(which=indexes, name=st.sampled_from(("title", "status")), title=titles)
    def override(self, which: int, name: str, title: str) -> None:
        lead = self._some_lead(which)
        if lead is not None:
            done = self._take(undo.override, lead, name, title or None)
            self._decided(Decision(done.decision_id, "override", lead=lead, field=name, value=title or None))

    @rule(which=indexes, name=st.sampled_from(FIELDS))
    def undo_field(self, which: int, name: str) -> None:
        lead = self._some_lead(which)
        if lead is None:
            return
        family, members = self._family(lead), self._members()[lead]
        held = self.model.override(family, name)
        if held is not None:
            self._take_back(held, undo.undo_field, lead, name)
            return
        voided = self.model.to_void(members, family, name, was_blank=self._was_blank(lead, name))
        if voided is None:
            self._refused(lambda: self._take(undo.undo_field, lead, name))
            return
        done = self._take(undo.undo_field, lead, name)
        orders = tuple(one.order for one in voided)
        self._decided(Decision(done.decision_id, "revert", lead=lead, claims=orders))
        self.model.void(orders, done.decision_id)

    def _was_blank(self, lead: str, name: str) -> bool:
        """Whether the history tells of the lead living with this field blank, before somebody filled it."""
        told = self.tables.get("lead_history", [])
        mine = (one for one in told if one["lead_id"] == lead and one["field"] == name)
        return any(one["operation"] == "updated" and one["old"] is None for one in mine)

    @rule(which=indexes, part=indexes)
    def undo_merge(self, which: int, part: int) -> None:
        merged = [sorted(members) for members in self._members().values() if len(members) > 1]
        if not merged:
            return
        members = merged[which % len(merged)]
        leaving = [one for place, one in enumerate(members) if (part + 1) >> place & 1] or members[:1]
        leaving = leaving if len(leaving) < len(members) else members[1:]
        done = self._take(undo.undo_merge, self._lead_of(members[0]), leaving)
        rest = frozenset(members) - frozenset(leaving)
        self._decided(Decision(done.decision_id, "not_same", apart=(frozenset(leaving), rest)))

    @rule(which=indexes)
    def undo_run(self, which: int) -> None:
        run = self.runs[-1 - which % len(self.runs)]
        standing = (one for one in self.model.decisions.values() if one.kind == "rollback" and one.undone_by is None)
        if any(one.run == run for one in standing):
            self._refused(lambda: self._take(undo_run.undo_run, run))
            return
        try:
            done = self._take(undo_run.undo_run, run)
        except ConflictError:
            brought, current = self.model._of_run(run)
            assert not current
            assert not brought - self._edited_since(brought)
            gone = (one for one in self.model.records.values() if one.run == run and one.gone)
            assert not [one for one in gone if one.aside is None]
            return
        self._roll_back(Decision(done.decision_id, "rollback", run=run))

    @precondition(lambda self: self.model.decisions)
    @rule(which=indexes)
    def take_back(self, which: int) -> None:
        """Take back any decision, one that took another back too."""
        found = [one for _, one in sorted(self.model.decisions.items(), reverse=True)]
        decision = found[which % len(found)]
        if decision.undone_by is None:
            self._take_back(decision, undo.take_back, decision.id)
        else:
            self._refused(lambda: self._take(undo.take_back, decision.id))

    # --- what the model makes of it -----------------------------------------------------------------------------------

    def _sync(self) -> None:
        """A cycle over the sheet as it is now."""
        self.model.step += 1
        rows = [(key, *(row[name] for name in FIELDS)) for key, row in self.sheet.items()]
        run = self.road.sync(rows, HEADER).run_id
        self._look()
        if any(one["run_id"] == run for one in self.tables["sync_runs"]):  # a cycle that changed nothing leaves no run
            self.runs.append(run)
        for key, row in self.sheet.items():
            self._row(key, row, run)
        for record in self.model.records.values():
            if record.kind == "sheet" and record.in_sheet and record.key not in self.sheet:
                record.in_sheet, record.gone, record.bad, record.run = False, True, False, run

    def _row(self, key: str, row: Row, run: str) -> None:
        known = self._record("sheet", key)
        if known is None:
            left = [one for one in self.model.records.values() if one.kind == "sheet" and not one.in_sheet]
            back = [one for one in left if one.key == key and one.ever_good]
            known = max(back, key=lambda one: one.id, default=None)
        bad = row["email"] == BAD
        if known is None:
            record = self._new(
                Record(self._newest("sheet", key), "sheet", key, dict(row), run, bad=bad, ever_good=not bad)
            )
            self.model.say(record.id, run, {} if bad else _filled(row))
            return
        if not known.in_sheet:
            known.in_sheet, known.gone, known.run = True, False, run
        if bad:
            known.base = known.base if known.ever_good else dict(row)
            known.bad = True
            return
        claims = _filled(row) if not known.ever_good else _changed(known.base, row)
        if known.aside is not None and claims:
            claims, known.aside = {**claims, **_filled(row)}, None
        known.run = run if claims or known.bad else known.run
        known.base, known.bad, known.ever_good = dict(row), False, True
        self.model.say(known.id, run, claims)

    def _landed(self, key: str, known: Record | None, told: Row) -> None:
        if known is None:
            run = self._claimed()
            record = self._new(Record(self._newest("api", key), "api", key, dict(told), run))
            self.model.say(record.id, run, _filled(told))
            return
        base = {**known.base, **told}
        claims = _changed(known.base, base)
        if known.aside is not None:
            claims, known.aside = {**claims, **_filled(base)}, None
        if claims:
            known.run = self._claimed()
            self.model.say(known.id, known.run, claims)
        known.base = base

    def _edited(self, lead: str, name: str, value: str | None) -> None:
        run = self._claimed()
        known = next((one for one in self.model.records.values() if one.kind == "edit" and one.key == lead), None)
        if known is None:
            number = next(one["id"] for one in self.tables["source_records"] if one["run_id"] == run)
            known = self._new(Record(number, "edit", lead, {}, run, lead=lead))
        known.aside, known.run = None, run
        self.model.say(known.id, run, {name: value})

    def _roll_back(self, decision: Decision) -> None:
        self._decided(decision)
        edited = self._edited_since(self.model.brought_by(decision.run))
        assert self.model.roll_back(decision.run, decision.id, edited)

    def _edited_since(self, brought: set[int]) -> set[int]:
        """Records that a rollback spares: all of a lead's are to go, and somebody edited that lead."""
        spared: set[int] = set()
        for lead, members in self._before.items():
            family = self._family_before[lead]
            edits = self.model.sources((), family) - brought
            held = any(self.model.override(family, name) for name in FIELDS)
            if members <= brought and (edits or held):
                spared |= members
        return spared

    def _take_back(self, decision: Decision, what: Callable[..., Any], *arguments: Any) -> None:
        done = self._take(what, *arguments)
        self._decided(Decision(done.decision_id, "undo", undoes=decision.id))
        again = self.model.taken_back(decision, done.decision_id)
        if again.undone_by is not None:
            self.model.revive(again.id)
        elif again.kind == "revert":
            self.model.void(again.claims, again.id)
        elif again.kind == "rollback":
            kept = again.removed
            self.model.roll_back(again.run, again.id, self._edited_since(self.model.brought_by(again.run)))
            again.removed = kept

    # --- how both are looked at ---------------------------------------------------------------------------------------

    def _take(self, what: Callable[..., Any], *arguments: Any) -> Any:
        self.model.step += 1
        self.numbers += 1
        self._before = self._members()
        self._family_before = {lead: self._family(lead) for lead in self._before}
        with self.road.open() as ws, writing(ws.engine) as connection:
            moment = datetime.now(timezone.utc)
            done = what(Undoing(connection, ws.policy, f"undo-{self.numbers}", "bea", moment), *arguments)
        self._look()
        return done

    def _refused(self, what: Callable[[], Any]) -> None:
        try:
            what()
        except ConflictError:
            self._look()
        else:
            raise AssertionError("this should have been refused")

    def _decided(self, decision: Decision) -> None:
        self.model.decisions[decision.id] = decision

    def _new(self, record: Record) -> Record:
        self.model.records[record.id] = record
        return record

    def _record(self, kind: str, key: str) -> Record | None:
        mine = (one for one in self.model.records.values() if one.kind == kind and one.key == key and one.in_sheet)
        return next(mine, None)

    def _newest(self, kind: str, key: str) -> int:
        sources = {"api": "api", "sheet": self.tables["source_records"][0]["source"]}
        mine = (one for one in self.tables["source_records"] if one["source_key"] == key and one["kind"] == "row")
        return max(one["id"] for one in mine if one["source"] == sources[kind])

    def _claimed(self) -> str:
        """The run of the newest claim."""
        run = self.tables["claims"][-1]["run_id"]
        self.runs += [] if run in self.runs else [run]
        return str(run)

    def _some_lead(self, which: int) -> str | None:
        leads = sorted(self._members(), key=lambda lead: min(self._members()[lead]))
        return leads[which % len(leads)] if leads else None

    def _lead_of(self, record: int) -> str:
        return next(lead for lead, members in self._members().items() if record in members)

    def _members(self) -> dict[str, set[int]]:
        """Lead -> its live records, as the store has them."""
        found: dict[str, set[int]] = {}
        for one in self.tables["source_records"]:
            if one["kind"] == "row" and one["removed_at"] is None and one["lead_id"] is not None:
                found.setdefault(one["lead_id"], set()).add(one["id"])
        return found

    def _family(self, lead: str) -> set[str]:
        """A lead, and those in whose place it stands."""
        family = {lead}
        while more := {one["id"] for one in self.tables["leads"] if one["merged_into"] in family} - family:
            family |= more
        return family

    def _look(self) -> None:
        with self.road.open() as ws, reading(ws.engine) as connection:
            before, self.tables = self.tables, {name: _rows(connection, name) for name in TABLES}
        self._nothing_is_deleted(before)

    def _nothing_is_deleted(self, before: dict[str, list[dict[str, Any]]]) -> None:
        for name in ("claims", "lead_history"):
            kept = [_without_verdict(one) for one in self.tables[name]]
            old = [_without_verdict(one) for one in before.get(name, [])]
            assert kept[: len(old)] == old, f"{name} are appended to only"
        for name in ("source_records", "leads", "decisions"):
            gone = {one["id"] for one in before.get(name, [])} - {one["id"] for one in self.tables[name]}
            assert not gone, f"{name}: {gone} are not there any more"

    # --- what must be true after every step ---------------------------------------------------------------------------

    @invariant()
    def claims_are_those_of_the_model(self) -> None:
        stored = [
            (one["record_id"], one["field"], one["value"], one["run_id"], one["voided_by"])
            for one in self.tables.get("claims", [])
            if one["field"] != "raw_data"
        ]
        said = [(one.record, one.field, one.value, one.run, one.voided) for one in self.model.claims] if stored else []
        assert sorted(stored, key=_by_record_and_field) == sorted(said, key=_by_record_and_field)

    @invariant()
    def every_live_record_is_in_one_place(self) -> None:
        quarantined = {one["record_id"] for one in self.tables.get("quarantine", [])}
        for row in self.tables.get("source_records", []):
            record = self.model.records[row["id"]]
            assert (row["removed_at"] is not None) == record.gone, record
            assert row["undone_by"] == record.aside, record
            if record.kind == "edit" or record.gone:
                continue
            assert (row["id"] in quarantined) == (record.bad and record.in_sheet), record
            assert (row["lead_id"] is not None) == (record.aside is None and record.ever_good), record

    @invariant()
    def leads_are_those_of_the_model(self) -> None:
        if not self.tables:
            return
        members = self._members()
        active = {one["id"]: one for one in self.tables["leads"] if one["archived_at"] is None}
        assert active.keys() == members.keys()
        self._partition_is_right(members)
        for lead, records in members.items():
            family = self._family(lead)
            stored = {name: active[lead][name] for name in FIELDS}
            assert stored == {name: self.model.value(records, family, name) for name in FIELDS}, lead

    def _partition_is_right(self, members: dict[str, set[int]]) -> None:
        lead_of = {record: lead for lead, records in members.items() for record in records}
        assert lead_of.keys() == {one.id for one in self.model.live()}
        forbidden = self.model.forbidden()
        for one, other in combinations(sorted(lead_of), 2):
            alike = self.model.in_force(one, "email") == self.model.in_force(other, "email")
            leads = {lead_of[one], lead_of[other]}
            if len(leads) == 1:
                assert alike or self._was_edited(leads), (one, other)
                assert frozenset((one, other)) not in forbidden, (one, other)
            elif alike:
                between = {frozenset((a, b)) for a in members[lead_of[one]] for b in members[lead_of[other]]}
                assert between & forbidden or self._was_edited(leads) or self._is_spoken_for(), (one, other)

    def _was_edited(self, leads: set[str]) -> bool:
        """Whether one of these is held as it is: neither joined with another nor split without asking."""
        for lead in leads:
            family = self._family(lead)
            edits = self.model.sources((), family)
            if any(one.record in edits for one in self.model.counting()):
                return True
            if any(self.model.override(family, name) for name in FIELDS):
                return True
        return False

    def _is_spoken_for(self) -> bool:
        """Whether of one side of a decision every record is gone: the rest of its lead then speaks for it."""
        standing = [one for one in self.model.decisions.values() if one.kind == "not_same" and one.undone_by is None]
        return any(all(self.model.records[each].gone for each in side) for one in standing for side in one.apart)

    @invariant()
    def history_tells_how_each_lead_came_to_be(self) -> None:
        told: dict[str, dict[str, str]] = {}
        for one in self.tables.get("lead_history", []):
            if one["operation"] == "created":
                told[one["lead_id"]] = orjson.loads(one["new"])
            elif one["operation"] == "updated":
                assert told[one["lead_id"]].get(one["field"]) == one["old"]
                told[one["lead_id"]][one["field"]] = one["new"]
        for lead in self.tables.get("leads", []):
            replayed = {name: value for name, value in told[lead["id"]].items() if value is not None}
            assert lead_rows.to_texts(lead) == replayed

    @invariant()
    def the_outbox_knows_the_newest_version_of_every_lead(self) -> None:
        marks = {one["lead_id"]: one["version"] for one in self.tables.get("sync_status", [])}
        assert marks == {one["id"]: one["version"] for one in self.tables.get("leads", [])}


def _rows(connection: Any, name: str) -> list[dict[str, Any]]:
    table = tables.metadata.tables[name]
    return [dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key))]


def _without_verdict(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "voided_by"}


def _by_record_and_field(claim: tuple[Any, ...]) -> tuple[Any, ...]:
    return claim[:2]


def _filled(row: Row) -> dict[str, str | None]:
    return {name: value for name, value in row.items() if value}


def _changed(before: Row, after: Row) -> dict[str, str | None]:
    return {name: after[name] or None for name in after if after[name] != before.get(name, "")}


class LongestMachine(StoreMachine):
    """The same where a customer wants the longest of two fields."""

    longest = frozenset({"title", "status"})


PHASES = (Phase.generate,)  # its steps are too dear to shrink here
TestStore = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=9, stateful_step_count=30, derandomize=True, deadline=None, print_blob=False, phases=PHASES
)

TestStoreByRules = LongestMachine.TestCase
TestStoreByRules.settings = settings(TestStore.settings, max_examples=4)
