"""Taking back through history, on SQLite and PostgreSQL: merges, edits, removals, quarantine, and amid a cycle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from leads_dagster.errors import ConflictError
from leads_dagster.pipeline import record, reviews
from leads_dagster.store import LeadDatabase, tables, undo
from leads_dagster.store.undo_run import undo_run
from leads_dagster_tests.pipeline.conftest import HEADER, Road
from leads_dagster_tests.pipeline.test_undo import BOB, JANE, only, take, titles

DOE = ("J. Doe", "jd@other.example", "Other", "Clerk")
DOE_MERGED = (DOE[0], JANE[1], *DOE[2:])


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def database_of(road: Road) -> LeadDatabase:
    return LeadDatabase(road.settings.database_url, "acme", who="ada")


def ids_of(road: Road) -> dict[str, str]:
    return {one["full_name"]: one["id"] for one in road.leads()}


def values(road: Road, *names: str) -> dict[str, tuple[Any, ...]]:
    return {one["full_name"]: tuple(one[name] for name in names) for one in road.leads()}


def test_edits_and_overrides_go_with_the_lead_that_they_were_made_on(road: Road) -> None:
    road.sync([JANE, DOE])
    before = ids_of(road)
    with database_of(road) as database:
        database.update_lead(before["J. Doe"], {"notes": "of J."})
        take(road, undo.override, before["J. Doe"], "industry", "Law")
        database.update_lead(before["Jane Doe"], {"status": "new"})
        road.sync([JANE, DOE_MERGED])
        with road.open() as ws:
            reviews.resolve(ws, reviews.list_(ws)[0]["id"], "same")  # nothing edited is joined unasked
        merged = only(road)
        assert (merged["notes"], merged["industry"], merged["status"]) == ("of J.", "Law", "new")
        database.update_lead(merged["id"], {"website": "https://acme.example"})
    take(road, undo.undo_merge, before["J. Doe"])
    assert ids_of(road) == before
    assert values(road, "notes", "industry", "status", "website") == {
        "Jane Doe": (None, None, "new", "acme.example"), "J. Doe": ("of J.", "Law", None, None),
    }  # fmt: skip


def test_leads_that_were_parted_stay_so_when_a_row_leaves_and_returns(road: Road) -> None:
    road.sync([JANE, DOE, BOB])
    before = ids_of(road)
    road.sync([JANE, DOE_MERGED, BOB])
    take(road, undo.undo_merge, before["J. Doe"])
    road.sync([JANE, BOB])
    assert ids_of(road) == {name: before[name] for name in ("Jane Doe", "Bob Stone")}
    road.sync([JANE, DOE_MERGED, BOB])
    assert ids_of(road) == before


def test_a_run_that_merged_leads_is_rolled_back_with_what_it_brought(road: Road) -> None:
    road.sync([JANE, DOE])
    before = ids_of(road)
    run = road.sync([JANE, DOE_MERGED, BOB])
    done = take(road, undo_run, run.run_id)
    assert ids_of(road) == before
    assert road.sync().rows.held == 1
    take(road, undo.take_back, done.decision_id)
    assert len(road.leads()) == 2


def test_what_turned_bad_since_stays_in_quarantine_when_its_run_is_rolled_back(road: Road) -> None:
    run = road.sync([JANE, BOB])
    bob = ids_of(road)["Bob Stone"]
    road.sync([JANE, ("", "", *BOB[2:])])
    take(road, undo_run, run.run_id)
    assert road.leads() == []
    quiet = road.sync()
    assert (quiet.rows.held, quiet.rows.quarantined) == (1, 1)
    assert len(road.all("quarantine")) == 1
    back = road.sync([JANE, BOB])
    assert (back.rows.held, back.rows.quarantined, road.all("quarantine")) == (2, 0, [])
    assert road.sync([JANE, (*BOB[:3], "Treasurer")]).rows.created == 1
    assert ids_of(road) == {"Bob Stone": bob}


def test_a_run_of_nothing_but_bad_rows_has_nothing_to_take_back(road: Road) -> None:
    road.sync([JANE])
    run = road.sync([JANE, ("", "see notes", "", "")])
    with pytest.raises(ConflictError, match="still current"):
        take(road, undo_run, run.run_id)
    assert len(road.all("quarantine")) == 1


def test_a_call_of_the_public_database_is_rolled_back_by_the_run_in_its_history(road: Road) -> None:
    road.sync([JANE])
    lead = only(road)["id"]
    with database_of(road) as database:
        database.update_lead(lead, {"title": "CEO"})
        database.add_lead({"full_name": BOB[0], "email": BOB[1], "title": BOB[3]})
        runs = {one["operation"]: one["run_id"] for one in road.all("lead_history")}
        take(road, undo_run, runs["updated"])
        take(road, undo_run, runs["created"])
        assert titles(road) == {"Jane Doe": "CTO"}
        database.update_lead(lead, {"notes": "met"})
    assert values(road, "title", "notes") == {"Jane Doe": ("CTO", "met")}


def test_a_row_that_was_rolled_back_and_says_less_now_says_only_that(road: Road) -> None:
    road.sync([JANE])
    first = road.sync([JANE, BOB])
    take(road, undo_run, first.run_id)
    second = road.sync([JANE, (*BOB[:2], "", "Treasurer")])
    assert values(road, "company", "title")["Bob Stone"] == (None, "Treasurer")
    take(road, undo_run, second.run_id)
    assert titles(road) == {"Jane Doe": "CTO"}


def test_a_value_that_was_taken_back_stays_so_when_headers_change(road: Road) -> None:
    road.sync([JANE, (*JANE[:3], "")])
    road.sync([JANE, (*JANE[:3], "CEO")])
    take(road, undo.undo_field, only(road)["id"], "title")
    assert only(road)["title"] == "CTO"
    road.sync([JANE, (*JANE[:3], "CEO")], header=(*HEADER[:3], "Job Title"))
    assert only(road)["title"] == "CTO"


def test_a_decision_on_a_row_that_stands_aside_does_not_bring_it_back(road: Road) -> None:
    run = road.sync([JANE, BOB])
    road.sync([JANE, (*BOB[:3], "Treasurer")])
    reverted = take(road, undo.undo_field, ids_of(road)["Bob Stone"], "title")
    rolled = take(road, undo_run, run.run_id)
    assert road.leads() == []
    take(road, undo.take_back, reverted.decision_id)
    assert road.leads() == []
    take(road, undo.take_back, rolled.decision_id)
    assert titles(road) == {"Jane Doe": "CTO", "Bob Stone": "Treasurer"}


def test_a_row_that_left_while_its_run_was_rolled_back_returns_as_itself(road: Road) -> None:
    road.sync([JANE])
    run = road.sync([JANE, BOB])
    bob = ids_of(road)["Bob Stone"]
    done = take(road, undo_run, run.run_id)
    road.sync([JANE])
    take(road, undo.take_back, done.decision_id)
    assert titles(road) == {"Jane Doe": "CTO"}
    road.sync([JANE, BOB])
    assert ids_of(road)["Bob Stone"] == bob
    assert len(road.all("source_records")) == 2


def test_two_thousand_rows_are_rolled_back_and_again_let_count(road: Road) -> None:
    rows = [(f"Person {n}", f"p{n}@x{n}.example", f"Company {n}", "Clerk") for n in range(2000)]
    road.sync([JANE])
    run = road.sync([JANE, *rows])
    ids = ids_of(road)
    done = take(road, undo_run, run.run_id)
    assert (done.facts["records_undone"], len(road.leads())) == (2000, 1)
    assert road.sync().rows.held == 2000
    take(road, undo.take_back, done.decision_id)
    assert ids_of(road) == ids


def test_the_crm_hears_of_what_is_taken_back_by_the_next_cycle(road: Road) -> None:
    road.sync([JANE])
    run = road.sync([(*JANE[:3], "CEO"), BOB])
    assert {row["title"] for row in road.crm()} == {"CEO", "CFO"}
    take(road, undo_run, run.run_id)
    assert {one["status"] for one in road.all("sync_status")} == {"pending"}
    road.sync()
    assert {one["status"] for one in road.all("sync_status")} == {"success"}
    assert "CTO" in {row["title"] for row in road.crm()}
    assert {one["version"] for one in road.all("sync_status")} == {one["version"] for one in road.all("leads")}


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Has something done once, after the next cycle planned and before it writes."""

    def do(what: Callable[[], Any]) -> None:
        opened = record._Recording._open
        todo = [what]

        def open_late(self: Any) -> None:
            opened(self)
            if todo:
                todo.pop()()

        monkeypatch.setattr(record._Recording, "_open", open_late)

    return do


def test_a_rollback_amid_a_cycle_is_obeyed_by_it(road: Road, between: Callable[[Callable[[], Any]], None]) -> None:
    road.sync([JANE])
    run = road.sync([(*JANE[:3], "CEO"), BOB])
    between(lambda: take(road, undo_run, run.run_id))
    result = road.sync([(*JANE[:3], "CEO"), (*BOB[:2], "", "Treasurer"), DOE])
    assert (result.rows.read, result.rows.created) == (3, 2)
    assert values(road, "company", "title") == {
        "Jane Doe": ("Acme", "CTO"), "Bob Stone": (None, "Treasurer"), "J. Doe": ("Other", "Clerk"),
    }  # fmt: skip
    assert not road.all("source_records", tables.source_records.c.undone_by.is_not(None))


def test_leads_that_are_parted_amid_a_cycle_stay_so(road: Road, between: Callable[[Callable[[], Any]], None]) -> None:
    road.sync([JANE, DOE])
    before = ids_of(road)
    road.sync([JANE, DOE_MERGED])
    between(lambda: take(road, undo.undo_merge, before["J. Doe"]))
    road.sync([(*JANE[:3], "CEO"), (*DOE_MERGED[:3], "Chief Clerk"), BOB])
    assert titles(road) == {"Jane Doe": "CEO", "J. Doe": "Chief Clerk", "Bob Stone": "CFO"}
    assert {name: ids_of(road)[name] for name in before} == before


def test_a_value_taken_back_amid_a_cycle_stays_taken_back(
    road: Road, between: Callable[[Callable[[], Any]], None]
) -> None:
    road.sync([JANE])
    road.sync([(*JANE[:3], "CEO")])
    between(lambda: take(road, undo.undo_field, only(road)["id"], "title"))
    road.sync([(*JANE[:2], "Acme Inc", "CEO")])
    assert values(road, "company", "title") == {"Jane Doe": ("Acme Inc", "CTO")}
    road.sync([(*JANE[:2], "Acme Inc", "CEO"), BOB])
    assert titles(road)["Jane Doe"] == "CTO"


def test_taking_back_can_be_taken_back_any_number_of_times(road: Road) -> None:
    road.sync([JANE])
    road.sync([(*JANE[:3], "CEO")])
    decision = take(road, undo.undo_field, only(road)["id"], "title").decision_id
    for title in ("CEO", "CTO", "CEO", "CTO"):
        decision = take(road, undo.take_back, decision).decision_id
        assert only(road)["title"] == title
    standing = sorted(one["id"] for one in road.all("decisions") if one["undone_by"] is None)
    assert standing == [1, 3, 5]
