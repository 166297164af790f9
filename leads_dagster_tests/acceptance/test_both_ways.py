"""Whatever people do in the sheet, in Airtable and in the store, and whatever fails meanwhile: both sides end up equal,
and no edit is lost.

`BOTH_WAYS=2000` runs so many sequences.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.acceptance import both_ways_checks as checks
from leads_dagster_tests.acceptance.both_ways import COLUMNS, Sample, World
from leads_dagster_tests.acceptance.both_ways_seams import taken_hold

SEQUENCES = int(os.environ.get("BOTH_WAYS", "120"))
STEPS = 10

ANY = st.integers(0, 7)
COLUMN = st.sampled_from(("Title", "Title", "Notes", "Company", "Name", "Email"))
PLAIN = st.sampled_from(("Title", "Notes", "Company"))
WHOSE = st.sampled_from(("client", "client", "publicApi"))
BLANK = st.sampled_from((False, False, False, True))
NOW = st.booleans()  # whether a cycle runs at once


class BothWays(RuleBasedStateMachine):
    """People, programs, faults and cycles, in any order.

    Attributes:
        steps: how many were done.
        rested_at: the step that left all at rest: to rest again at once would only cost time.
    """

    sample: ClassVar[Sample]
    world: World
    steps = 0
    rested_at = -1

    @initialize(policy=st.sampled_from(("archive", "keep", "delete")), debounce=st.sampled_from((0.0, 2.0)))
    def begin(self, policy: str, debounce: float) -> None:
        self.world = World(self.sample, delete_policy=policy, debounce_seconds=debounce)
        checks.find_leads_of_rows(self.world)

    def teardown(self) -> None:
        if hasattr(self, "world") and self.steps != self.rested_at:
            self.at_rest()

    @invariant()
    def count_steps(self) -> None:
        self.steps += 1

    # The sheet.

    @rule(at=ANY, column=COLUMN, blank=BLANK)
    def type_in_sheet(self, at: int, column: str, blank: bool) -> None:
        self.world.type_in_sheet(at, column, "" if blank else self.world.fresh(column))

    @rule(at=ANY, change=st.sampled_from(("add", "copy", "remove", "reorder")))
    def change_rows(self, at: int, change: str) -> None:
        if change == "add":
            self.world.add_row({column: self.world.fresh(column) for column in COLUMNS})
        elif change == "copy":
            self.world.copy_row(at)
        elif change == "remove":
            self.world.remove_row(at)
        else:
            self.world.reorder()

    # Airtable.

    @rule(at=ANY, column=COLUMN, blank=BLANK, source=WHOSE)
    def type_in_airtable(self, at: int, column: str, blank: bool, source: str) -> None:
        # A program that puts a cell back as it was cannot be told from our own write.
        blank = blank and source == "client"
        self.world.type_in_airtable(at, column, "" if blank else self.world.fresh(column), source=source)

    @rule(source=WHOSE, columns=st.sets(st.sampled_from(COLUMNS)), like=st.none() | ANY)
    def create_record(self, source: str, columns: set[str], like: int | None) -> None:
        cells = {column: self.world.fresh(column) for column in sorted(columns)}
        if like is not None and self.world.rows:
            known = self.world.rows[like % len(self.world.rows)].cells
            cells |= {name: known[name] for name in ("Name", "Email") if known[name]}
        self.world.create(cells, source=source)

    @rule(at=ANY, what=st.sampled_from(("copy", "delete", "delete", "restore")))
    def change_records(self, at: int, what: str) -> None:
        if what == "copy":
            self.world.copy_record(at)
        elif what == "delete":
            self.world.delete(at)
        else:
            self.world.bring_back()

    @rule(column=st.sampled_from(COLUMNS))
    def rename_a_field(self, column: str) -> None:
        self.world.rename(column)

    @rule(at=ANY, column=PLAIN, number=st.integers(1, 8), when=st.sampled_from(("before", "after")), now=NOW)
    def type_during_a_cycle(self, at: int, column: str, number: int, when: str, now: bool) -> None:
        value = self.world.fresh(column)
        self.world.seams.at(when, number, lambda: self.world.type_in_airtable(at, column, value))
        self.perhaps_cycle(now)

    @rule(at=ANY, number=st.integers(1, 8), now=NOW)
    def delete_during_a_cycle(self, at: int, number: int, now: bool) -> None:
        self.world.seams.at("before", number, lambda: self.world.delete(at))
        self.perhaps_cycle(now)

    # The store.

    @rule(at=ANY, column=PLAIN, blank=BLANK)
    def update_a_lead(self, at: int, column: str, blank: bool) -> None:
        self.world.update_lead(at, column, "" if blank else self.world.fresh(column))

    @rule(at=ANY, column=PLAIN, what=st.sampled_from(("override", "release", "undo")))
    def decide_a_field(self, at: int, column: str, what: str) -> None:
        if what == "override":
            self.world.override(at, column, self.world.fresh(column))
        elif what == "release":
            self.world.release(at, column)
        else:
            self.world.undo_a_field(at, column)

    @rule(at=ANY, choice=st.sampled_from(("keep", "take")))
    def settle_a_conflict(self, at: int, choice: str) -> None:
        self.world.settle_a_conflict(at, choice)

    @rule(at=ANY, what=st.sampled_from(("same", "not_same", "merge", "decision")))
    def decide_who_is_who(self, at: int, what: str) -> None:
        if what == "merge":
            self.world.undo_a_merge(at)
        elif what == "decision":
            self.world.undo_a_decision(at)
        else:
            self.world.answer_a_review(what)

    # What goes wrong.

    @rule(
        kind=st.sampled_from(("status", "status_after", "drop", "drop_after", "hang_after")),
        status=st.sampled_from((429, 500, 503)),
        method=st.sampled_from(("GET", "POST PATCH DELETE", "GET POST PATCH DELETE")),
        skip=st.integers(0, 3),
        times=st.sampled_from((1, 1, 2, 9)),
        now=NOW,
    )
    def fault(self, now: bool, **fault: Any) -> None:
        if fault["status"] == 429:
            fault["kind"] = "status"
        self.world.sandbox.faults.add({**fault, "service": "airtable", "seconds": 0.01})
        self.perhaps_cycle(now)

    @rule(kind=st.sampled_from(("statement", "before", "after")), number=st.integers(1, 120), now=NOW)
    def crash(self, kind: str, number: int, now: bool) -> None:
        self.world.seams.at(kind, number if kind == "statement" else 1 + number % 8, self.world.seams.die)
        self.perhaps_cycle(now)

    @rule(state=st.sampled_from(("expired", "invalid")))
    def lose_the_hook(self, state: str) -> None:
        handle = self.world.sandbox.airtable
        self.world.story.deaf = True
        handle.expire_hooks(checks.BASE) if state == "expired" else handle.break_hooks(checks.BASE)

    @rule(ours=st.sampled_from((0, 0, -3600, 90)), theirs=st.sampled_from((0, 0, -7200, -2, 2, 7200)))
    def skew(self, ours: float, theirs: float) -> None:
        self.world.skew(ours=ours, theirs=theirs)

    # Time passes.

    def perhaps_cycle(self, now: bool) -> None:
        if now:
            self.world.cycle()

    @rule()
    def cycle(self) -> None:
        self.world.cycle()

    @rule(seconds=st.sampled_from((1, 5, 60, 4000, 8 * 86400)))
    def wait_and_cycle(self, seconds: float) -> None:
        self.world.story.deaf |= seconds > 7 * 86400  # payloads are kept for so long
        self.world.clock.advance(seconds)
        self.world.cycle()

    @precondition(lambda self: self.steps != self.rested_at)
    @rule()
    def at_rest(self) -> None:
        self.rested_at = self.steps + 1
        found = checks.settle(self.world)
        if found:
            del self.world  # `teardown` has nothing to add
        assert not found, "\n".join(found)


@pytest.fixture(scope="module")
def sample() -> Iterator[Sample]:
    with Sandbox() as sandbox, taken_hold(sandbox) as (clock, seams), tempfile.TemporaryDirectory() as folder:
        yield Sample(Path(folder), sandbox, clock, seams)


def test_both_sides_end_up_equal_and_no_edit_is_lost(sample: Sample) -> None:
    BothWays.sample = sample
    wanted = settings(
        max_examples=SEQUENCES, stateful_step_count=STEPS, deadline=None, database=None, derandomize=SEQUENCES == 200,
        print_blob=False, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(BothWays, settings=wanted)
