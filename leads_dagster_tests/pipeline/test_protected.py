"""A lead that somebody edited is not joined or split unasked: it stays, the question waits, the answer is obeyed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from leads_dagster.pipeline import checks, overriding, reviews, undo
from leads_dagster.pipeline.refold import differences
from leads_dagster.store import LeadDatabase
from leads_dagster_tests.acceptance.test_incremental_equals_batch import HEADER as SIX_COLUMNS
from leads_dagster_tests.acceptance.test_incremental_equals_batch import edited as changed
from leads_dagster_tests.acceptance.test_incremental_equals_batch import some_row
from leads_dagster_tests.pipeline.conftest import HEADER, Road
from leads_dagster_tests.pipeline.test_reviews import answer, ids, in_crm, names, take_back, waiting

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
DOE = ("J. Doe", "jd@other.example", "Other", "Clerk")
DOE_AS_JANE = (DOE[0], JANE[1], *DOE[2:])
JANE_TOO = (*JANE[:3], "Chief Executive")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CFO")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def edit(road: Road, lead: str, **fields: str) -> None:
    with LeadDatabase(road.settings.database_url, "acme", who="ann") as database:
        assert database.update_lead(lead, fields)


def by_hand(road: Road, lead: str) -> int:
    with road.open() as ws:
        return int(overriding.override(ws, lead, "notes", "by hand", who="ann")["decision_id"])


def asked(road: Road) -> list[tuple[str, str, str]]:
    return [(one["kind"], one["left"]["lead"], one["right"]["lead"]) for one in waiting(road)]


def groups(road: Road) -> set[frozenset[int]]:
    """The live records by lead."""
    found: dict[str, set[int]] = {}
    for one in road.all("source_records"):
        if one["removed_at"] is None and one["kind"] == "row":
            found.setdefault(one["lead_id"], set()).add(one["id"])
    return {frozenset(members) for members in found.values()}


def quiet_again(road: Road, rows: list[tuple[str, ...]]) -> None:
    """Cycles that change a row and change it back leave leads and questions as they are."""
    before = (ids(road), groups(road), [(one["id"], one["kind"]) for one in waiting(road)])
    road.sync([*rows, BOB])
    road.sync(rows)
    for row in range(len(rows)):
        changed = [(*one[:3], f"{one[3]} again") if place == row else one for place, one in enumerate(rows)]
        road.sync(changed)
        assert (ids(road), groups(road)) == before[:2]
        assert [(one["id"], one["kind"]) for one in waiting(road)] == before[2]
    road.sync(rows)
    assert (ids(road), groups(road), [(one["id"], one["kind"]) for one in waiting(road)]) == before
    with road.open() as ws:
        assert differences(ws) == []


@pytest.fixture
def joinable(road: Road) -> Road:
    """Two leads, one of them edited by hand, and then their rows come to match."""
    road.sync([JANE, DOE])
    by_hand(road, ids(road)["J. Doe"])
    road.sync([JANE, DOE_AS_JANE])
    return road


@pytest.fixture
def splittable(road: Road) -> Road:
    """One lead of two rows, edited, whose second row then says nothing any more that the first says."""
    road.sync([JANE, DOE_AS_JANE])
    edit(road, road.leads()[0]["id"], notes="of Jane")
    road.sync([JANE, DOE])
    return road


def test_two_leads_of_which_none_was_edited_are_joined_as_ever(road: Road) -> None:
    road.sync([JANE, DOE])
    road.sync([JANE, DOE_AS_JANE])
    assert (len(road.leads()), waiting(road)) == (1, [])


@pytest.mark.parametrize("edited", ["Jane Doe", "J. Doe"])
@pytest.mark.parametrize("how", ["override", "update"])
def test_an_edited_lead_is_not_joined_with_another_unasked(road: Road, edited: str, how: str) -> None:
    road.sync([JANE, DOE])
    before = ids(road)
    if how == "override":
        by_hand(road, before[edited])
    else:
        edit(road, before[edited], notes="by hand")
    synced = road.sync([JANE, DOE_AS_JANE])
    assert (synced.rows.updated, synced.rows.unchanged) == (1, 1)
    assert (ids(road), asked(road)) == (before, [("join", "Jane Doe", "J. Doe")])
    (one,) = waiting(road)
    assert "a person edited" in one["why"]
    assert one["score"] > 0.85


def test_a_join_that_waits_stays_as_it_is_over_later_cycles(joinable: Road) -> None:
    quiet_again(joinable, [JANE, DOE_AS_JANE])
    assert asked(joinable) == [("join", "Jane Doe", "J. Doe")]


def test_a_join_that_is_the_same_is_done_at_once(joinable: Road) -> None:
    answer(joinable, "same")
    assert (len(joinable.leads()), waiting(joinable), in_crm(joinable)) == (1, [], 1)
    joinable.sync([JANE_TOO, DOE_AS_JANE])
    assert (len(joinable.leads()), joinable.leads()[0]["notes"]) == (1, "by hand")


def test_a_join_that_is_not_the_same_is_not_asked_again(joinable: Road) -> None:
    before = ids(joinable)
    done = answer(joinable, "not_same")
    quiet_again(joinable, [JANE, DOE_AS_JANE])
    assert (ids(joinable), waiting(joinable)) == (before, [])
    take_back(joinable, done["decision_id"])
    assert (ids(joinable), asked(joinable)) == (before, [("join", "Jane Doe", "J. Doe")])


def test_a_join_that_was_answered_and_taken_back_waits_again(joinable: Road) -> None:
    before = ids(joinable)
    done = answer(joinable, "same")
    take_back(joinable, done["decision_id"])
    assert (ids(joinable), asked(joinable)) == (before, [("join", "Jane Doe", "J. Doe")])
    quiet_again(joinable, [JANE, DOE_AS_JANE])


def test_a_join_waits_no_more_when_the_rows_differ_again(joinable: Road) -> None:
    joinable.sync([JANE, DOE])
    assert (waiting(joinable), len(joinable.leads())) == ([], 2)


def test_a_join_is_done_when_the_edit_that_held_it_is_taken_back(joinable: Road) -> None:
    (decision,) = joinable.all("decisions")
    take_back(joinable, decision["id"])
    assert (len(joinable.leads()), waiting(joinable)) == (1, [])


def test_a_new_row_that_matches_two_leads_goes_to_one_and_asks_about_the_other(road: Road) -> None:
    profile = "linkedin.com/in/jane"
    header = (*HEADER, "LinkedIn")
    first, second = (*JANE, ""), ("Jane Doe", "", "Other", "Clerk", profile)
    road.sync([first, second], header=header)
    before = {one["id"] for one in road.leads()}
    by_hand(road, next(one["id"] for one in road.leads() if one["email"]))
    bridge = (*JANE[:4], profile)
    synced = road.sync([first, second, bridge], header=header)
    assert (synced.rows.merged, {one["id"] for one in road.leads()}) == (1, before)
    assert [one["kind"] for one in waiting(road)] == ["join"]
    answer(road, "same")
    assert (len(road.leads()), waiting(road)) == (1, [])


def test_a_new_row_joins_an_edited_lead_without_a_question(road: Road) -> None:
    road.sync([JANE])
    by_hand(road, ids(road)["Jane Doe"])
    synced = road.sync([JANE, JANE_TOO])
    assert (synced.rows.merged, len(road.leads()), waiting(road)) == (1, 1, [])


def test_a_lead_that_was_not_edited_is_split_as_ever(road: Road) -> None:
    road.sync([JANE, DOE_AS_JANE])
    road.sync([JANE, DOE])
    assert (len(road.leads()), waiting(road)) == (2, [])


def test_an_edited_lead_is_not_split_unasked(splittable: Road) -> None:
    assert (len(splittable.leads()), asked(splittable)) == (1, [("split", "Jane Doe", "J. Doe")])
    (one,) = waiting(splittable)
    assert (one["score"], one["left"]["lead_id"]) == (None, one["right"]["lead_id"])
    assert "not taken apart" in one["why"]
    assert {row["field"]: row["agree"] for row in one["fields"]}["email"] is False
    with splittable.open() as ws:
        shown = reviews.show(ws, one["id"])
    assert ([row["side"] for row in shown["rows"]], set(shown["choices"])) == (["left", "right"], {"same", "not_same"})


def test_a_split_that_waits_stays_as_it_is_over_later_cycles(splittable: Road) -> None:
    quiet_again(splittable, [JANE, DOE])
    assert [one["kind"] for one in waiting(splittable)] == ["split"]


def test_a_split_that_is_not_the_same_is_done_and_the_edit_stays_with_the_first(splittable: Road) -> None:
    (lead,) = splittable.leads()
    answer(splittable, "not_same")
    assert {one["full_name"]: one["notes"] for one in splittable.leads()} == {"J. Doe": None, "Jane Doe": "of Jane"}
    assert ids(splittable)["Jane Doe"] == lead["id"]
    assert (waiting(splittable), in_crm(splittable)) == ([], 2)
    splittable.sync([JANE, DOE_AS_JANE])
    assert len(splittable.leads()) == 2


def test_a_split_that_was_answered_and_taken_back_is_one_lead_and_waits_again(splittable: Road) -> None:
    before = ids(splittable)
    done = answer(splittable, "not_same")
    take_back(splittable, done["decision_id"])
    assert (ids(splittable), [kind for kind, _, _ in asked(splittable)]) == (before, ["split"])
    quiet_again(splittable, [JANE, DOE])


def test_a_split_that_is_the_same_stays_one_lead_and_asks_no_more(splittable: Road) -> None:
    done = answer(splittable, "same")
    splittable.sync([(*JANE[:3], "Chair"), DOE])
    assert (len(splittable.leads()), waiting(splittable)) == (1, [])
    take_back(splittable, done["decision_id"])
    assert (len(splittable.leads()), len(waiting(splittable))) == (1, 1)


def test_a_split_waits_no_more_when_the_rows_are_alike_again(splittable: Road) -> None:
    splittable.sync([JANE, DOE_AS_JANE])
    assert (len(splittable.leads()), waiting(splittable)) == (1, [])


def test_a_split_is_done_when_the_edit_that_held_it_is_taken_back(splittable: Road) -> None:
    (lead,) = splittable.leads()
    with splittable.open() as ws:
        undo.undo_field(ws, lead["id"], "notes", who="ann")
    assert (names(splittable), waiting(splittable)) == (["J. Doe", "Jane Doe"], [])


def test_a_row_that_leaves_an_edited_lead_leaves_without_a_question(splittable: Road) -> None:
    splittable.sync([JANE])
    assert (len(splittable.leads()), waiting(splittable)) == (1, [])


def test_rows_that_only_the_one_between_them_held_together_stay_one_edited_lead(road: Road) -> None:
    header, profile = (*HEADER, "LinkedIn"), "linkedin.com/in/jane"
    rows = [(*JANE, ""), (*JANE[:4], profile), ("Jane Doe", "", "Other", "Clerk", profile)]
    road.sync(rows, header=header)
    edit(road, road.leads()[0]["id"], notes="of Jane")
    road.sync([rows[0], rows[2]], header=header)
    assert (len(road.leads()), [one["kind"] for one in waiting(road)]) == (1, ["split"])
    road.sync(rows, header=header)
    assert (len(road.leads()), waiting(road)) == (1, [])


def test_a_row_of_an_edited_lead_that_comes_to_match_another_lead_is_asked_about(road: Road) -> None:
    third = ("J. Doe", DOE[1], "Third", "Boss")
    road.sync([JANE, DOE_AS_JANE, third])
    edit(road, ids(road)["Jane Doe"], notes="of Jane")
    road.sync([JANE, DOE, third])
    assert sorted(kind for kind, _, _ in asked(road)) == ["join", "split"]
    quiet_again(road, [JANE, DOE, third])
    (split,) = [one["id"] for one in waiting(road) if one["kind"] == "split"]
    answer(road, "not_same", split)
    assert (groups(road), waiting(road)) == ({frozenset({1}), frozenset({2, 3})}, [])


def test_taking_a_merge_apart_is_no_unasked_split(road: Road) -> None:
    road.sync([JANE, JANE_TOO])
    lead = ids(road)["Jane Doe"]
    by_hand(road, lead)
    with road.open() as ws:
        undone = undo.undo_merge(ws, lead, who="ann")
    assert (len(road.leads()), waiting(road)) == (2, [])
    take_back(road, undone["decision_id"])
    assert (len(road.leads()), waiting(road)) == (1, [])


def test_one_e_mail_on_two_leads_of_which_one_was_edited_is_no_fault_of_the_cycle(joinable: Road) -> None:
    last = joinable.sync([JANE, (*DOE_AS_JANE[:3], "Chair")])
    with joinable.open() as ws:
        told: Any = checks.no_strong_key_doubles(ws, run_id=last.run_id)
    assert (told.passed, told.metadata["kept_apart_for_a_reason"], told.metadata["reviews_waiting"]) == (True, 1, 1)


def members(road: Road) -> dict[str, set[int]]:
    """Lead -> its live rows."""
    found: dict[str, set[int]] = {}
    for one in road.all("source_records"):
        if one["removed_at"] is None and one["kind"] == "row" and one["lead_id"] is not None:
            found.setdefault(one["lead_id"], set()).add(one["id"])
    return found


def held_up(road: Road) -> list[tuple[str, str]]:
    """What is asked of edited leads: whether they are still one, and which two are not joined."""
    found = [one for one in waiting(road) if one["kind"] != "pair"]
    return sorted((one["kind"], one["id"] if one["kind"] == "split" else str(_leads(one))) for one in found)


def _leads(review: dict[str, Any]) -> list[str]:
    return sorted(review[side]["lead_id"] for side in ("left", "right"))


def remarked(road: Road, rows: list[tuple[str, ...]], word: str) -> None:
    """A cycle; every row says a word more, which tells nothing of who it is."""
    road.sync([(*row, word) for row in rows], header=(*SIX_COLUMNS, "Remark"))


@pytest.mark.parametrize("seed", [1, 7])
def test_however_a_sheet_changes_no_edited_lead_is_joined_or_split(road: Road, seed: int) -> None:
    chance = random.Random(seed)
    rows = [some_row(chance) for _ in range(14)]
    remarked(road, rows, "")
    edited: set[str] = set()
    for _ in range(4):
        before = members(road)
        for lead in chance.sample(sorted(before), 3):
            by_hand(road, lead)
            edited.add(lead)
        rows = changed(changed(rows, chance), chance)
        remarked(road, rows, "")
        after = members(road)
        lead_of = {record: lead for lead, mine in after.items() for record in mine}
        for lead in edited & before.keys():
            stayed = {lead_of[record] for record in before[lead] if record in lead_of}
            assert len(stayed) <= 1
            others = {record for other, mine in before.items() if other != lead for record in mine}
            assert all(others.isdisjoint(after[one]) for one in stayed)
        questions = held_up(road)
        remarked(road, rows, "seen")
        assert (members(road), held_up(road)) == (after, questions)
        remarked(road, rows, "")
        assert (members(road), held_up(road)) == (after, questions)
