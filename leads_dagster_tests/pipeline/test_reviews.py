"""Reviews: listed with both sides, settled by a person, obeyed by later cycles, and back when taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from leads_dagster.errors import ConflictError, NotFoundError
from leads_dagster.mirrors.crm import CrmStore
from leads_dagster.pipeline import reviews, undo
from leads_dagster.pipeline.history import history
from leads_dagster.pipeline.refold import differences
from leads_dagster.store import LeadDatabase
from leads_dagster.store.pair_decisions import Verdict
from leads_dagster_tests.pipeline.conftest import HEADER, Road

# One personal mailbox in one company, and two names: the matcher does not know.
JANE = ("Jane Doe", "jd7@acme.example", "Acme", "CEO")
JANE_TOO = (*JANE[:3], "Chief Executive")
BOB = ("Bob Stone", "jd7@acme.example", "Acme", "CFO")
ANN = ("Ann Lee", "ann@beta.example", "Beta", "CTO")
CY = ("Cy Young", "ann@beta.example", "Beta", "Clerk")
PROFILED = (*HEADER, "LinkedIn")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def waiting(road: Road, **how: Any) -> list[dict[str, Any]]:
    with road.open() as ws:
        return reviews.list_(ws, **how)


def answer(road: Road, verdict: Verdict, named: str | None = None, **how: Any) -> dict[str, Any]:
    """Settle the one that waits, or the one that is named, as Ann."""
    named = named or waiting(road)[0]["id"]
    with road.open() as ws:
        done = reviews.resolve(ws, named, verdict, who="ann", **how)
        assert differences(ws) == []
        return done


def take_back(road: Road, decision_id: int) -> None:
    with road.open() as ws:
        undo.undo_decision(ws, decision_id, who="ann")
        assert differences(ws) == []


def names(road: Road) -> list[str]:
    return [lead["full_name"] for lead in road.leads()]


def ids(road: Road) -> dict[str, str]:
    return {lead["full_name"]: lead["id"] for lead in road.leads()}


def in_crm(road: Road) -> int:
    with CrmStore(road.settings.crm_url) as crm:
        return crm.count()


def told(road: Road, lead: str) -> str:
    with road.open() as ws:
        return " ".join(one["told"] for one in history(ws, lead)["entries"])


def test_a_pair_that_may_be_one_lead_waits_with_both_sides_next_to_each_other(road: Road) -> None:
    road.sync([JANE, BOB, ANN])
    (one,) = waiting(road)
    leads = ids(road)
    assert (one["left"]["lead_id"], one["right"]["lead_id"]) == (leads["Jane Doe"], leads["Bob Stone"])
    assert {row["field"]: (row["left"], row["right"], row["agree"]) for row in one["fields"]} == {
        "full_name": ("Jane Doe", "Bob Stone", False),
        "email": ("jd7@acme.example", "jd7@acme.example", True),
        "company": ("Acme", "Acme", True),
        "title": ("CEO", "CFO", False),
    }
    assert (one["status"], one["rule"], one["thresholds"]["match"]) == ("open", "email", 0.85)
    assert one["thresholds"]["review"] <= one["score"] <= one["thresholds"]["match"]
    assert "mailbox" in one["why"] or "e-mail" in one["why"]
    assert one["features"]["name"]["a"] == "Jane Doe"


def test_what_one_side_leaves_blank_neither_agrees_nor_differs(road: Road) -> None:
    road.sync([JANE, (*BOB[:2], "", "")])
    (one,) = waiting(road)
    assert {row["field"]: row["agree"] for row in one["fields"]}["company"] is None


def test_the_strongest_come_first_and_a_limit_cuts_the_rest(road: Road) -> None:
    road.sync([ANN, CY, ("Carla Hoffman", "", "Northwind", ""), ("Carlo Hoffmann", "", "Northwind", "")])
    found = waiting(road)
    assert len(found) == 2
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)
    assert waiting(road, limit=1) == found[:1]


def test_several_records_of_two_leads_are_one_question_and_one_answer_settles_it(road: Road) -> None:
    road.sync([JANE, JANE_TOO, BOB])
    (one,) = waiting(road)
    with road.open() as ws:
        shown = reviews.show(ws, one["id"])
    assert [row["side"] for row in shown["rows"]] == ["left", "left", "right"]
    assert [row["row"] for row in shown["rows"]] == [2, 3, 4]
    answer(road, "same")
    assert (len(road.leads()), waiting(road)) == (1, [])


def test_any_two_records_of_the_leads_name_the_question(road: Road) -> None:
    road.sync([JANE, JANE_TOO, BOB])
    for named in ("r1-3", "2-3", "R3-2"):
        with road.open() as ws:
            assert reviews.show(ws, named)["id"] == waiting(road)[0]["id"]


@pytest.mark.parametrize("named", ["r1-3", "r1-1", "r77-99", "nonsense", "", "r1-99999999999999999999"])
def test_what_does_not_wait_is_not_found(road: Road, named: str) -> None:
    road.sync([JANE, BOB, ANN])
    with road.open() as ws, pytest.raises(NotFoundError):
        reviews.resolve(ws, named, "same")
    assert road.all("decisions") == []


def test_a_question_is_none_of_another_customers(make_road: Callable[..., Road]) -> None:
    road = make_road('[[customers]]\nname = "other"\nsheet = "none.csv"\n')
    road.sync([JANE, BOB])
    with LeadDatabase(road.settings.database_url, "other") as database:
        ours, _ = database.upsert_lead({"full_name": "Ann Lee", "email": "a@b.example"})
        database.upsert_lead({"full_name": "Cy Young", "email": "a@b.example"})
    assert [one["id"] for one in waiting(road)] == ["r1-2"]
    with road.open() as ws, pytest.raises(NotFoundError):
        reviews.resolve(ws, "r3-4", "same")
    assert ours not in ids(road).values() or len(road.leads()) == 4


def test_the_same_becomes_one_lead_at_once_and_mirrors_hear_of_it(road: Road) -> None:
    road.sync([JANE, BOB, ANN])
    before = ids(road)
    done = answer(road, "same", reason="she married")
    assert (done["status"], done["lead_ids"]) == ("same", [before["Jane Doe"]])
    assert (len(road.leads()), in_crm(road)) == (2, 2)
    (decision,) = road.all("decisions")
    assert (decision["who"], decision["reason"], decision["id"]) == ("ann", "she married", done["decision_id"])


def test_the_history_says_who_joined_two_leads_and_why(road: Road) -> None:
    road.sync([JANE, BOB])
    lead = ids(road)["Jane Doe"]
    answer(road, "same", reason="she married")
    story = told(road, lead)
    assert "ann said that record 1 and record 2 are one lead (decision 1)." in story
    assert "was merged into this one" in story


def test_the_same_stays_one_lead_whatever_its_rows_come_to_say(road: Road) -> None:
    road.sync([JANE, BOB, ANN])
    answer(road, "same")
    road.sync([ANN, (*BOB, "linkedin.com/in/bob"), (*JANE, "linkedin.com/in/jane")], header=PROFILED)
    assert len(road.leads()) == 2
    road.sync([ANN, ("Bob Stone", "bob@zeta.example", "Acme", "CFO"), JANE])
    assert len(road.leads()) == 2


def test_the_same_is_one_lead_again_when_a_row_that_left_returns(road: Road) -> None:
    road.sync([JANE, BOB, ANN])
    answer(road, "same")
    road.sync([JANE, ANN])
    assert len(road.leads()) == 2
    road.sync([ANN, BOB, JANE])
    assert (len(road.leads()), waiting(road)) == (2, [])
    assert {record["lead_id"] for record in road.all("source_records")} == {lead["id"] for lead in road.leads()}


def test_a_same_that_was_taken_back_leaves_two_leads_with_their_ids_and_the_question(road: Road) -> None:
    road.sync([JANE, BOB])
    before, question = ids(road), waiting(road)[0]["id"]
    take_back(road, answer(road, "same")["decision_id"])
    assert (ids(road), [one["id"] for one in waiting(road)]) == (before, [question])
    assert in_crm(road) == 2


def test_those_that_are_not_the_same_are_not_asked_about_again(road: Road) -> None:
    road.sync([JANE, BOB])
    done = answer(road, "not_same", reason="colleagues")
    assert (done["status"], len(done["lead_ids"]), names(road)) == ("not_same", 2, ["Bob Stone", "Jane Doe"])
    road.sync([(*BOB[:3], "Treasurer"), JANE_TOO, JANE])
    assert (waiting(road), names(road)) == ([], ["Bob Stone", "Jane Doe"])
    assert "are not one lead (decision 1)." in told(road, ids(road)["Bob Stone"])


def test_those_that_are_not_the_same_stay_two_when_their_rows_come_to_say_the_same(road: Road) -> None:
    road.sync([JANE, BOB])
    done = answer(road, "not_same")
    road.sync([JANE, JANE_TOO, (*JANE[:3], "Chief Executive Officer")])
    assert names(road) == ["Jane Doe", "Jane Doe"]
    take_back(road, done["decision_id"])
    assert names(road) == ["Jane Doe"]


def test_not_the_same_holds_for_rows_that_leave_and_return(road: Road) -> None:
    road.sync([JANE, BOB])
    answer(road, "not_same")
    road.sync([JANE])
    road.sync([BOB, JANE])
    assert (waiting(road), names(road)) == ([], ["Bob Stone", "Jane Doe"])


def test_not_the_same_holds_for_a_lead_of_which_the_decided_row_is_gone(road: Road) -> None:
    """The answer was about two leads: a row that came later speaks for the one whose first row left."""
    road.sync([JANE, BOB])
    answer(road, "not_same")
    road.sync([JANE, JANE_TOO, BOB])
    road.sync([JANE_TOO, BOB])
    assert (waiting(road), len(road.leads())) == ([], 2)
    road.sync([JANE_TOO, (*JANE[:3], "Owner")])
    assert names(road) == ["Jane Doe", "Jane Doe"]


def test_the_same_holds_for_a_lead_of_which_the_decided_row_is_gone(road: Road) -> None:
    road.sync([JANE, BOB])
    answer(road, "same")
    road.sync([JANE, JANE_TOO, BOB])
    road.sync([JANE_TOO, BOB])
    assert len(road.leads()) == 1
    road.sync([(*JANE_TOO[:3], "Owner"), BOB])
    assert len(road.leads()) == 1


def test_a_new_row_of_a_decided_lead_asks_nothing_anew(road: Road) -> None:
    road.sync([JANE, BOB])
    answer(road, "not_same")
    road.sync([JANE, BOB, (*BOB[:3], "Chief Financial Officer")])
    assert (waiting(road), len(road.leads())) == ([], 2)


def test_the_undoing_of_a_merge_is_the_newer_word(road: Road) -> None:
    road.sync([JANE, BOB])
    before = ids(road)
    answer(road, "same")
    with road.open() as ws:
        undone = undo.undo_merge(ws, before["Bob Stone"], who="ann")
    assert (ids(road), waiting(road)) == (before, [])
    road.sync([BOB, JANE])
    assert ids(road) == before
    take_back(road, undone["decision_id"])
    assert len(road.leads()) == 1


def test_the_same_is_the_newer_word_over_the_undoing_of_a_merge(road: Road) -> None:
    road.sync([JANE, JANE_TOO, BOB])
    with road.open() as ws:
        undo.undo_merge(ws, ids(road)["Jane Doe"], [2])
    assert len(road.leads()) == 3
    for _ in waiting(road):
        answer(road, "same")
    assert (len(road.leads()), waiting(road)) == (2, [])


def test_what_became_one_lead_otherwise_does_not_wait_any_more(road: Road) -> None:
    road.sync([JANE, BOB])
    (one,) = waiting(road)
    road.sync([(*JANE, "linkedin.com/in/jd"), ("Jane Stone", *BOB[1:], "linkedin.com/in/jd")], header=PROFILED)
    assert (waiting(road), len(road.leads())) == ([], 1)
    with road.open() as ws, pytest.raises(ConflictError, match="one lead"):
        reviews.resolve(ws, one["id"], "same")


def test_a_review_is_decided_once(road: Road) -> None:
    road.sync([JANE, BOB])
    done = answer(road, "not_same")
    with road.open() as ws, pytest.raises(ConflictError, match=f"decision {done['decision_id']}"):
        reviews.resolve(ws, done["id"], "same")


def test_decided_ones_are_listed_on_request_with_who_when_and_why(road: Road) -> None:
    road.sync([JANE, BOB, ANN, CY])
    first = answer(road, "same", reason="she married")
    second = answer(road, "not_same")
    assert waiting(road) == []
    found = waiting(road, every=True)
    assert [(one["id"], one["status"], one["who"], one["reason"]) for one in found] == [
        (second["id"], "not_same", "ann", None),
        (first["id"], "same", "ann", "she married"),
    ]
    assert all(one["decided_at"] is not None for one in found)
    with road.open() as ws:
        shown = reviews.show(ws, first["id"])
    assert (shown["status"], {row["field"]: row["right"] for row in shown["fields"]}["full_name"]) == (
        "same",
        {"r1-2": "Bob Stone", "r3-4": "Cy Young"}[first["id"]],
    )


def test_a_row_that_leaves_takes_its_question_along_and_brings_it_back(road: Road) -> None:
    road.sync([JANE, BOB])
    road.sync([JANE])
    assert waiting(road) == []
    road.sync([JANE, BOB])
    assert len(waiting(road)) == 1


def test_a_decision_amid_a_cycle_is_obeyed_by_that_cycle(road: Road) -> None:
    from leads_dagster.pipeline import ingest, record, resolve

    road.sync([JANE, BOB])
    road.write([JANE, (*JANE[:3], "Chair")])
    with road.open() as ws:
        ingest.fetch_raw(ws, run_id="amid")
        ingest.normalize(ws, run_id="amid")
        resolve.resolve(ws, run_id="amid")
        reviews.resolve(ws, "r1-2", "not_same")
        record.record(ws, run_id="amid")
    assert names(road) == ["Jane Doe", "Jane Doe"]


def test_rows_of_the_public_database_are_reviewed_and_decided_like_any_other(road: Road) -> None:
    road.sync([JANE])
    with LeadDatabase(road.settings.database_url, "acme") as database:
        bob, _ = database.upsert_lead({"full_name": BOB[0], "email": BOB[1], "company": BOB[2]})
        answer(road, "same")
        again, created = database.upsert_lead({"full_name": BOB[0], "email": BOB[1], "company": BOB[2], "title": "X"})
    assert not created
    assert (len(road.leads()), again) == (1, road.leads()[0]["id"])
    assert again != bob
