"""The guard parks what a cycle would do to too many rows, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from leads_dagster.errors import ConflictError
from leads_dagster.pipeline import holds
from leads_dagster.pipeline.status import status
from leads_dagster.store import undo, undo_run
from leads_dagster.store.engine import writing
from leads_dagster_tests.pipeline.conftest import Road

ROWS = [(f"Person Number{index}", f"p{index}@firm{index}.example", f"Firm {index}", "CEO") for index in range(100)]
NEW = ("Nora New", "nora@new.example", "Newco", "CEO")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def test_a_mass_removal_is_held_and_new_rows_still_land(road: Road) -> None:
    road.sync(ROWS)
    result = road.sync([*ROWS[:40], NEW])
    assert result.status == "held"
    assert (result.rows.held, result.rows.created, result.rows.removed) == (60, 1, 0)
    assert result.rows.read == 101
    assert len(road.leads()) == 101


def test_a_mass_change_is_held_and_says_what_it_would_do(road: Road) -> None:
    road.sync(ROWS)
    result = road.sync([(*row[:3], "Intern") for row in ROWS])
    assert (result.status, result.rows.held, result.rows.updated) == ("held", 100, 0)
    (hold,) = road.all("holds")
    assert (hold["changes"], hold["limit_rows"]) == (100, 30)
    assert hold["plan"][0]["fields"] == {"title": "Intern"}


def test_a_mass_blanking_is_held(road: Road) -> None:
    road.sync(ROWS)
    assert road.sync([(*row[:3], "") for row in ROWS]).rows.held == 100
    assert {lead["title"] for lead in road.leads()} == {"CEO"}


def test_filling_blank_cells_of_every_row_is_no_danger(road: Road) -> None:
    road.sync([(*row[:3], "") for row in ROWS])
    assert road.sync(ROWS).rows.updated == 100


def test_a_held_plan_stays_held_without_being_parked_twice(road: Road) -> None:
    road.sync(ROWS)
    road.sync(ROWS[:40])
    again = road.sync()
    assert (again.status, again.rows.held) == ("held", 60)
    other = road.sync([*ROWS[:40], NEW])
    assert (other.rows.held, len(road.all("holds"))) == (60, 1)


def test_an_approved_plan_is_done_by_the_next_cycle(road: Road) -> None:
    road.sync(ROWS)
    road.sync(ROWS[:40])
    with road.open() as ws:
        (hold,) = holds.list_(ws)
        holds.approve(ws, hold["id"])
    result = road.sync()
    assert (result.status, result.rows.removed, result.rows.held) == ("done", 60, 0)
    assert len(road.leads()) == 40
    assert [one["status"] for one in road.all("holds")] == ["applied"]


def test_an_approval_does_not_carry_over_to_another_plan(road: Road) -> None:
    road.sync(ROWS)
    road.sync(ROWS[:40])
    with road.open() as ws:
        holds.approve(ws, holds.list_(ws)[0]["id"])
    result = road.sync(ROWS[:20])
    assert (result.status, result.rows.held) == ("held", 80)
    assert len(road.leads()) == 100


def test_a_hold_dissolves_when_the_rows_return(road: Road) -> None:
    road.sync(ROWS)
    road.sync(ROWS[:40])
    result = road.sync(ROWS)
    assert (result.status, result.rows.unchanged) == ("done", 100)
    assert [one["status"] for one in road.all("holds")] == ["dissolved"]


def test_a_dropped_plan_is_refused_until_the_sheet_makes_another(road: Road) -> None:
    road.sync(ROWS)
    road.sync(ROWS[:40])
    with road.open() as ws:
        holds.drop(ws, holds.list_(ws)[0]["id"])
    result = road.sync([*ROWS[:40], NEW])
    assert (result.rows.held, len(road.leads())) == (60, 101)
    assert [one["status"] for one in road.all("holds")] == ["dropped"]


def test_a_dropped_plan_may_still_be_approved_while_the_sheet_makes_it(road: Road) -> None:
    road.sync(ROWS)
    road.sync(ROWS[:40])
    with road.open() as ws:
        (hold,) = holds.list_(ws)
        holds.drop(ws, hold["id"])
        assert holds.list_(ws) == []
        holds.approve(ws, hold["id"])
    assert road.sync().rows.removed == 60
    assert len(road.leads()) == 40


def test_a_plan_that_stood_is_gone_when_the_sheet_returns_to_a_dropped_one(road: Road) -> None:
    road.sync(ROWS)
    road.sync(ROWS[:40])
    with road.open() as ws:
        (first,) = holds.list_(ws)
        holds.drop(ws, first["id"])
    road.sync(ROWS[:30])
    with road.open() as ws:
        (second,) = holds.list_(ws)
        with pytest.raises(ConflictError, match="Another plan"):
            holds.approve(ws, first["id"])
    road.sync(ROWS[:40])
    assert {hold["id"]: hold["status"] for hold in road.all("holds")} == {
        first["id"]: "dropped",
        second["id"]: "dissolved",
    }


def test_small_sheets_may_lose_rows_up_to_the_minimum(road: Road) -> None:
    road.sync(ROWS[:30])
    assert road.sync(ROWS[:5]).rows.removed == 25


def test_a_row_in_quarantine_that_is_mended_and_parked_counts_once(road: Road) -> None:
    road.sync(ROWS)
    road.sync([("", "", ROWS[0][2], ROWS[0][3]), *ROWS[1:]])
    assert [row["state"] for row in road.all("source_records") if row["state"] == "quarantined"] == ["quarantined"]
    result = road.sync([(*row[:3], "Intern") for row in ROWS])
    assert (result.rows.held, result.rows.quarantined) == (100, 0)
    with road.open() as ws:
        found = status(ws)
    assert (found["rows"]["held"], found["rows"]["quarantined"], found["rows"]["unchanged"]) == (100, 0, 0)
    assert (found["ledger_adds_up"], found["held_because"]) == (True, {"parked": 100, "undone": 0})


def test_a_parked_plan_shows_each_field_as_it_is_and_as_it_would_be(road: Road) -> None:
    road.sync(ROWS)
    road.sync([(*row[:3], "Intern") for row in ROWS])
    with road.open() as ws:
        (hold,) = holds.list_(ws)
        shown = holds.show(ws, hold["id"])
    first = shown["plan"][0]
    assert (len(shown["plan"]), first["row"], first["lead"], first["kind"]) == (100, 2, ROWS[0][0], "change")
    assert first["changes"] == [{"field": "title", "old": "CEO", "new": "Intern"}]
    assert "leads holds approve" in hold["next"]


def test_a_parked_removal_says_what_would_go_and_what_becomes_of_the_lead(road: Road) -> None:
    road.sync([*ROWS, ROWS[99]])
    road.sync(ROWS[:40] + ROWS[99:])
    with road.open() as ws:
        shown = holds.show(ws, holds.list_(ws)[0]["id"])
    by_lead = {one["lead"]: one for one in shown["plan"]}
    assert len(shown["plan"]) == 60
    assert by_lead[ROWS[50][0]]["then"] == "its lead is archived"
    assert by_lead[ROWS[99][0]]["then"] == "its lead has other rows"
    assert {"field": "title", "old": "CEO", "new": None} in by_lead[ROWS[50][0]]["changes"]


def test_a_plan_that_was_applied_still_shows_what_it_did(road: Road) -> None:
    road.sync(ROWS)
    road.sync([(*row[:3], "Intern") for row in ROWS])
    with road.open() as ws:
        approved = holds.approve(ws, holds.list_(ws)[0]["id"], who="ann")
    road.sync()
    with road.open() as ws:
        assert holds.list_(ws) == []
        (hold,) = holds.list_(ws, every=True)
        shown = holds.show(ws, hold["id"])
    assert (approved["decided_by"], hold["status"], hold["decided_by"]) == ("ann", "applied", "ann")
    assert shown["plan"][0]["changes"] == [{"field": "title", "old": "CEO", "new": "Intern"}]


def test_rows_of_a_run_that_was_rolled_back_are_held_as_undone(road: Road) -> None:
    road.sync(ROWS[:3])
    run = road.sync(ROWS[:5])
    with road.open() as ws:
        with writing(ws.engine) as connection:
            undo_run.undo_run(undo.Undoing(connection, ws.policy, "back", "ann", ws.now()), run.run_id)
        found = status(ws)
    assert (found["rows"]["read"], found["rows"]["unchanged"], found["rows"]["held"]) == (5, 3, 2)
    assert (found["held_because"], found["ledger_adds_up"]) == ({"parked": 0, "undone": 2}, True)
