"""Taking back a value, a merge, a run, and the taking back itself; later cycles obey all of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from leads_dagster.errors import ConflictError, NotFoundError
from leads_dagster.store import tables, undo
from leads_dagster.store.engine import writing
from leads_dagster.store.undo import Undoing, Undone
from leads_dagster.store.undo_run import undo_run
from leads_dagster_tests.pipeline.conftest import HEADER, Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CTO")
JANE_TOO = ("Jane Doe", "jane@acme.example", "Acme", "Chief Technology Officer")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CFO")


def take(road: Road, what: Callable[..., Undone], *arguments: Any, **named: Any) -> Undone:
    """Take something back as Ada, in a transaction of its own."""
    with road.open() as ws, writing(ws.engine) as connection:
        moment = datetime.now(timezone.utc)
        return what(Undoing(connection, ws.policy, f"undo-{moment.isoformat()}", "ada", moment), *arguments, **named)


def titles(road: Road) -> dict[str, str]:
    return {lead["full_name"]: lead["title"] for lead in road.leads()}


def only(road: Road) -> dict[str, Any]:
    [lead] = road.leads()
    return lead


def test_a_field_goes_back_to_what_it_was_and_stays_there(road: Road) -> None:
    road.sync([JANE])
    road.sync([(*JANE[:3], "CEO")])
    take(road, undo.undo_field, only(road)["id"], "title")
    assert only(road)["title"] == "CTO"
    road.sync([(*JANE[:3], "CEO"), BOB])
    assert titles(road) == {"Jane Doe": "CTO", "Bob Stone": "CFO"}
    assert {row["title"] for row in road.crm()} == {"CTO", "CFO"}


def test_a_newer_edit_of_a_field_that_was_taken_back_wins(road: Road) -> None:
    road.sync([JANE])
    road.sync([(*JANE[:3], "CEO")])
    take(road, undo.undo_field, only(road)["id"], "title")
    road.sync([(*JANE[:3], "Chair")])
    assert only(road)["title"] == "Chair"


def test_taking_back_the_taking_back_gives_the_value_again(road: Road) -> None:
    road.sync([JANE])
    road.sync([(*JANE[:3], "CEO")])
    first = take(road, undo.undo_field, only(road)["id"], "title")
    second = take(road, undo.take_back, first.decision_id)
    assert only(road)["title"] == "CEO"
    take(road, undo.take_back, second.decision_id)
    assert only(road)["title"] == "CTO"
    with pytest.raises(ConflictError, match="taken back already"):
        take(road, undo.take_back, second.decision_id)


def test_undoings_of_undoings_go_back_and_forth_however_long_their_row(road: Road) -> None:
    road.sync([JANE])
    road.sync([(*JANE[:3], "CEO")])
    last = take(road, undo.undo_field, only(road)["id"], "title").decision_id
    for title in ("CEO", "CTO", "CEO", "CTO"):
        last = take(road, undo.take_back, last).decision_id
        assert only(road)["title"] == title
        stands = {one["id"]: one["undone_by"] is None for one in road.all("decisions")}
        assert next(iter(stands.values())) is (title == "CTO")
        assert stands[last]


def test_a_field_without_an_earlier_value_has_nothing_to_go_back_to(road: Road) -> None:
    road.sync([JANE])
    with pytest.raises(ConflictError, match="no earlier value"):
        take(road, undo.undo_field, only(road)["id"], "title")
    with pytest.raises(NotFoundError):
        take(road, undo.undo_field, "nobody", "title")


def test_an_override_beats_every_source_until_it_is_taken_back(road: Road) -> None:
    road.sync([JANE])
    take(road, undo.override, only(road)["id"], "title", "Queen")
    road.sync([(*JANE[:3], "CEO")])
    assert only(road)["title"] == "Queen"
    take(road, undo.undo_field, only(road)["id"], "title")
    assert only(road)["title"] == "CEO"


def test_a_merge_of_two_rows_that_came_together_is_taken_apart_for_good(road: Road) -> None:
    road.sync([JANE, JANE_TOO])
    lead = only(road)
    take(road, undo.undo_merge, lead["id"])
    assert sorted(one["title"] for one in road.leads()) == ["CTO", "Chief Technology Officer"]
    assert lead["id"] in {one["id"] for one in road.leads()}
    road.sync([JANE, (*JANE_TOO[:3], "Chief Technologist")])
    assert sorted(one["title"] for one in road.leads()) == ["CTO", "Chief Technologist"]


def test_two_leads_that_a_later_edit_merged_come_back_with_their_own_ids(road: Road) -> None:
    road.sync([JANE, ("J. Doe", "jd@other.example", "Other", "Clerk"), BOB])
    before = {one["full_name"]: one["id"] for one in road.leads()}
    road.sync([JANE, ("J. Doe", "jane@acme.example", "Other", "Clerk"), BOB])
    assert len(road.leads()) == 2
    [merged] = [one for one in road.all("leads") if one["merged_into"]]
    take(road, undo.undo_merge, merged["id"])
    assert {one["full_name"]: one["id"] for one in road.leads()} == before
    assert {row["full_name"] for row in road.crm() if row} >= {"Jane Doe", "J. Doe"}


def test_undoing_the_unmerge_merges_again(road: Road) -> None:
    road.sync([JANE, JANE_TOO])
    done = take(road, undo.undo_merge, only(road)["id"])
    take(road, undo.take_back, done.decision_id)
    assert len(road.leads()) == 1


def test_of_three_originals_the_records_that_leave_must_be_named(road: Road) -> None:
    road.sync([JANE, JANE_TOO, (*JANE[:3], "Boss")])
    lead = only(road)["id"]
    with pytest.raises(ConflictError, match="3 originals"):
        take(road, undo.undo_merge, lead)
    ids = sorted(one["id"] for one in road.all("source_records"))
    take(road, undo.undo_merge, lead, leaving=[ids[2]])
    assert len(road.leads()) == 2
    with pytest.raises(NotFoundError):
        take(road, undo.undo_merge, lead, leaving=[999])


def test_a_lead_that_was_never_merged_cannot_be_taken_apart(road: Road) -> None:
    road.sync([JANE])
    with pytest.raises(ConflictError, match="not a merge"):
        take(road, undo.undo_merge, only(road)["id"])


def test_a_run_that_changed_and_added_is_rolled_back_and_its_rows_stand_as_held(road: Road) -> None:
    road.sync([JANE])
    run = road.sync([(*JANE[:3], "CEO"), BOB])
    done = take(road, undo_run, run.run_id)
    assert titles(road) == {"Jane Doe": "CTO"}
    assert (done.facts["records_undone"], done.facts["values_undone"]) == (1, 1)
    quiet = road.sync()
    assert (quiet.rows.held, quiet.rows.unchanged) == (1, 1)
    later = road.sync([(*JANE[:3], "CEO"), BOB, ("Cy Young", "cy@yang.example", "Yang", "Pitcher")])
    assert (later.rows.held, later.rows.unchanged, later.rows.created) == (1, 1, 1)
    assert titles(road) == {"Jane Doe": "CTO", "Cy Young": "Pitcher"}


def test_a_rolled_back_row_that_says_something_new_is_a_lead_again(road: Road) -> None:
    road.sync([JANE])
    run = road.sync([JANE, BOB])
    [bob] = [one["id"] for one in road.leads() if one["full_name"] == "Bob Stone"]
    take(road, undo_run, run.run_id)
    back = road.sync([JANE, (*BOB[:3], "Treasurer")])
    assert (back.rows.created, back.rows.held) == (1, 0)
    assert titles(road) == {"Jane Doe": "CTO", "Bob Stone": "Treasurer"}
    assert bob in {one["id"] for one in road.leads()}


def test_a_rollback_can_be_taken_back_and_again(road: Road) -> None:
    road.sync([JANE])
    run = road.sync([(*JANE[:3], "CEO"), BOB])
    ids = {one["id"] for one in road.leads()}
    first = take(road, undo_run, run.run_id)
    second = take(road, undo.take_back, first.decision_id)
    assert titles(road) == {"Jane Doe": "CEO", "Bob Stone": "CFO"}
    assert {one["id"] for one in road.leads()} == ids
    take(road, undo.take_back, second.decision_id)
    assert titles(road) == {"Jane Doe": "CTO"}


def test_a_run_that_removed_rows_is_rolled_back_and_their_leads_live(road: Road) -> None:
    road.sync([JANE, BOB])
    ids = {one["id"] for one in road.leads()}
    run = road.sync([JANE])
    done = take(road, undo_run, run.run_id)
    assert {one["id"] for one in road.leads()} == ids
    road.sync([(*JANE[:3], "CEO")])
    assert titles(road) == {"Jane Doe": "CEO", "Bob Stone": "CFO"}
    take(road, undo.take_back, done.decision_id)
    assert titles(road) == {"Jane Doe": "CEO"}


def test_what_was_said_since_a_run_stays(road: Road) -> None:
    road.sync([JANE])
    run = road.sync([(*JANE[:3], "CEO"), BOB])
    road.sync([(*JANE[:3], "Chair"), (*BOB[:3], "Treasurer")])
    with pytest.raises(ConflictError, match="still current"):
        take(road, undo_run, run.run_id)
    assert titles(road) == {"Jane Doe": "Chair", "Bob Stone": "Treasurer"}


def test_a_run_is_rolled_back_once_and_must_exist(road: Road) -> None:
    run = road.sync([JANE, BOB])
    take(road, undo_run, run.run_id[:12])
    assert road.leads() == []
    with pytest.raises(ConflictError, match="rolled back already"):
        take(road, undo_run, run.run_id)
    with pytest.raises(NotFoundError):
        take(road, undo_run, "nosuchrun")


@pytest.mark.parametrize("rolled_back", [False, True])
def test_a_cycle_that_changed_nothing_leaves_no_run_to_roll_back(road: Road, rolled_back: bool) -> None:
    run = road.sync([JANE, BOB])
    if rolled_back:
        take(road, undo_run, run.run_id)
        road.sync()
    before = road.all("leads"), road.all("decisions")
    quiet = road.sync([JANE, BOB])
    assert quiet.status == ("held" if rolled_back else "unchanged")
    with pytest.raises(NotFoundError, match="changed nothing"):
        take(road, undo_run, quiet.run_id)
    assert (road.all("leads"), road.all("decisions")) == before


def test_an_email_that_merged_two_leads_is_taken_back_and_they_part(road: Road) -> None:
    road.sync([JANE, ("J. Doe", "jd@other.example", "Other", "Clerk")])
    ids = {one["id"] for one in road.leads()}
    run = road.sync([JANE, ("J. Doe", "jane@acme.example", "Other", "Clerk")])
    assert len(road.leads()) == 1
    take(road, undo_run, run.run_id)
    assert {one["id"] for one in road.leads()} == ids
    road.sync([JANE, ("J. Doe", "jane@acme.example", "Other", "Chief Clerk")])
    assert {one["id"] for one in road.leads()} == ids


def test_the_history_says_who_took_what_back(road: Road) -> None:
    road.sync([JANE])
    road.sync([(*JANE[:3], "CEO")])
    done = take(road, undo.undo_field, only(road)["id"], "title")
    last = road.all("lead_history")[-1]
    assert (last["field"], last["old"], last["new"], last["who"]) == ("title", "CEO", "CTO", "ada")
    [decision] = road.all("decisions", tables.decisions.c.id == done.decision_id)
    assert (decision["kind"], decision["who"]) == ("revert", "ada")


def test_a_value_taken_back_does_not_return_when_a_column_is_added_or_renamed(road: Road) -> None:
    road.sync([JANE])
    road.sync([(*JANE[:3], "CEO")])
    take(road, undo.undo_field, only(road)["id"], "title")
    road.sync([(*JANE[:3], "CEO", "")], header=(*HEADER, "Extra"))
    assert only(road)["title"] == "CTO"
    road.sync([(*JANE[:3], "CEO", "")], header=("Full Name", *HEADER[1:], "Extra"))
    assert only(road)["title"] == "CTO"


def test_a_field_that_was_blank_goes_back_to_blank(road: Road) -> None:
    road.sync([(*JANE[:3], "")])
    road.sync([(*JANE[:3], "Wrong")])
    done = take(road, undo.undo_field, only(road)["id"], "title")
    assert only(road)["title"] is None
    take(road, undo.take_back, done.decision_id)
    assert only(road)["title"] == "Wrong"


def test_a_run_that_took_a_quarantined_row_away_brings_no_lead_for_it(road: Road) -> None:
    road.sync([JANE, BOB, ("", "not-an-email", "", "boss")])
    run = road.sync([JANE])
    take(road, undo_run, run.run_id)
    assert titles(road) == {"Jane Doe": "CTO", "Bob Stone": "CFO"}


def test_a_row_that_was_set_aside_stays_so_when_its_removal_is_taken_back(road: Road) -> None:
    road.sync([JANE])
    brought = road.sync([JANE, BOB])
    take(road, undo_run, brought.run_id)
    removed = road.sync([JANE])
    with pytest.raises(ConflictError, match="still current"):
        take(road, undo_run, removed.run_id)
    assert titles(road) == {"Jane Doe": "CTO"}


@pytest.mark.parametrize(
    ("back", "header"),
    [((*JANE_TOO[:3], "Chief Technologist"), HEADER), (JANE_TOO, ("Full Name", *HEADER[1:]))],
    ids=["edited meanwhile", "under another header"],
)
def test_an_unmerged_row_that_leaves_and_returns_otherwise_stays_unmerged(
    road: Road, back: tuple[str, ...], header: tuple[str, ...]
) -> None:
    road.sync([JANE, JANE_TOO])
    take(road, undo.undo_merge, only(road)["id"])
    ids = {one["id"] for one in road.leads()}
    road.sync([JANE])
    road.sync([JANE], header=header)
    road.sync([JANE, back], header=header)
    assert {one["id"] for one in road.leads()} == ids


def test_a_row_set_aside_that_leaves_and_returns_is_still_held(road: Road) -> None:
    road.sync([JANE])
    run = road.sync([JANE, BOB])
    take(road, undo_run, run.run_id)
    road.sync([JANE])
    back = road.sync([JANE, BOB])
    assert (back.rows.held, back.rows.created) == (1, 0)
    assert titles(road) == {"Jane Doe": "CTO"}


def test_an_override_is_there_when_its_row_returns_edited(road: Road) -> None:
    road.sync([JANE, BOB])
    lead = next(one["id"] for one in road.leads() if one["full_name"] == "Bob Stone")
    take(road, undo.override, lead, "title", "Treasurer")
    road.sync([JANE])
    road.sync([JANE, ("Bob Stone", "bob@zeta.example", "Zeta Inc", "CFO")])
    assert titles(road)["Bob Stone"] == "Treasurer"
    assert lead in {one["id"] for one in road.leads()}
