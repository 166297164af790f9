"""Survivorship rules of leads.toml on the whole road: obeyed, followed when they change, told, and not twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from leads_dagster.errors import ConflictError, StoreError
from leads_dagster.pipeline import follow_rules, reviews, undo
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.history import history
from leads_dagster.pipeline.plan import plan
from leads_dagster.pipeline.provenance import provenance
from leads_dagster.pipeline.refold import differences
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.settings import load_settings
from leads_dagster.store.lead_database import LeadDatabase
from leads_dagster_tests.pipeline.conftest import Road

LONG = ("Jane Doe", "jane@acme.example", "Acme", "Chief Executive Officer")
SHORT = ("J. Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")
LONGEST = '[customers.survivorship]\ntitle = "longest"\n'


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def rule(road: Road, toml: str) -> None:
    """Write other rules into leads.toml."""
    (road.home / "leads.toml").write_text(f'[[customers]]\nname = "acme"\nsheet = "{road.sheet}"\n{toml}')
    road.settings = load_settings({"LEADS_HOME": str(road.home), **road.environ}, cwd=road.home)


def jane(road: Road) -> dict[str, Any]:
    (lead,) = [one for one in road.leads() if one["email"] == LONG[1]]
    return lead


def title(road: Road) -> dict[str, Any]:
    """Where Jane's title comes from."""
    with road.open() as ws:
        found: dict[str, Any] = provenance(ws, LONG[1])["fields"]["title"]
    return found


def right(road: Road) -> bool:
    with road.open() as ws:
        return differences(ws) == []


@pytest.fixture
def two_rows(road: Road) -> Road:
    """Jane stands in two rows of the sheet, the newer of which has the shorter title; nothing is set."""
    road.sync([LONG, BOB])
    road.sync([LONG, SHORT, BOB])
    assert jane(road)["title"] == "CEO"
    return road


def test_a_cycle_obeys_the_rules_whichever_row_comes_first(make_road: Callable[..., Road]) -> None:
    one, other = make_road(LONGEST), make_road(LONGEST)
    one.sync([LONG])
    one.sync([LONG, SHORT])
    other.sync([SHORT])
    other.sync([SHORT, LONG])
    together = make_road(LONGEST)
    together.sync([SHORT, LONG])
    for road in (one, other, together):
        assert (jane(road)["title"], right(road)) == (LONG[3], True)


def test_when_the_rules_change_the_next_cycle_folds_again_though_the_sheet_is_the_same(two_rows: Road) -> None:
    rule(two_rows, LONGEST)
    result = two_rows.sync()
    assert (result.status, result.rows.unchanged) == ("done", 3)
    assert (jane(two_rows)["title"], right(two_rows)) == (LONG[3], True)
    assert [row["title"] for row in two_rows.crm() if row["email"] == LONG[1]] == [LONG[3]]
    rule(two_rows, "")
    two_rows.sync()
    assert (jane(two_rows)["title"], right(two_rows)) == ("CEO", True)


def test_rules_that_are_set_from_the_first_are_those_that_the_first_leads_are_told_by(
    make_road: Callable[..., Road],
) -> None:
    road = make_road(LONGEST)
    first = road.sync([LONG, SHORT])
    assert (title(road)["rule"], title(road)["run_id"]) == ("longest", first.run_id)
    ((decided,), (lead,)) = road.all("decisions"), road.leads()
    assert (decided["kind"], decided["decided_at"], lead["version"]) == ("survivorship", lead["created_at"], 1)
    assert road.sync().status == "unchanged"


def test_leads_that_come_out_the_same_are_left_alone_and_an_unchanged_cycle_writes_nothing(two_rows: Road) -> None:
    before = {lead["email"]: lead["version"] for lead in two_rows.leads()}
    rule(two_rows, LONGEST)
    two_rows.sync()
    assert {lead["email"]: lead["version"] - before[lead["email"]] for lead in two_rows.leads()} == {
        "bob@zeta.example": 0, "jane@acme.example": 1
    }  # fmt: skip
    tables = ("leads", "decisions", "counters", "sync_runs", "sync_states", "sync_status", "lead_history")
    stored = [two_rows.all(name) for name in tables]
    assert two_rows.sync().status == "unchanged"
    assert [two_rows.all(name) for name in tables] == stored


def test_rules_that_mean_the_same_in_other_words_are_no_change(two_rows: Road) -> None:
    rule(two_rows, '[customers.survivorship]\ndefault = ["newest", "verified"]\n')
    assert two_rows.sync().status == "unchanged"
    assert two_rows.all("decisions") == []


def test_the_history_says_that_the_rules_changed_by_which_rule_in_which_run(two_rows: Road) -> None:
    rule(two_rows, LONGEST)
    result = two_rows.sync()
    two_rows.sync([LONG, SHORT, ("Jane D.", *LONG[1:3], "Chief Executive Officer of Acme"), BOB])
    rule(two_rows, "")
    with two_rows.open() as ws:
        newest, change, first = history(ws, LONG[1], field="title")["entries"][:3]
    (decided,) = two_rows.all("decisions")
    assert (change["new"], change["rule"], change["run_id"]) == (LONG[3], "longest", result.run_id)
    assert change["why"] == f"the longest; the rules in leads.toml changed (decision {decided['id']})"
    assert (change["who"], change["decision_id"]) == ("leads.toml", decided["id"])
    assert (newest["rule"], newest["why"]) == ("longest", "the longest")
    assert (first["new"], first["rule"], first["why"]) == ("CEO", "newest", "it is the newest that was said")


def test_provenance_names_the_rule_and_until_the_next_cycle_tells_the_lead_as_it_is(two_rows: Road) -> None:
    rule(two_rows, LONGEST)
    assert (title(two_rows)["value"], title(two_rows)["rule"], right(two_rows)) == ("CEO", "newest", True)
    two_rows.sync()
    assert (title(two_rows)["value"], title(two_rows)["rule"], title(two_rows)["row"]) == (LONG[3], "longest", 2)


def test_the_most_trusted_source_is_named_with_the_one_it_came_before(two_rows: Road) -> None:
    with LeadDatabase(two_rows.settings.database_url, "acme") as database:
        database.upsert_lead({"key": "7", "email": LONG[1], "title": "Owner"})
    trust = '[customers.survivorship]\ndefault = "trusted"\ntrusted_sources = ["sheet", "api"]\n'
    rule(two_rows, trust)
    two_rows.sync()
    assert title(two_rows)["value"] == "CEO"
    assert title(two_rows)["why"] == "most trusted source (sheet before api), then the newest"
    rule(two_rows, trust.replace('"sheet", ', ""))
    two_rows.sync()
    assert title(two_rows)["why"] == "most trusted source (api before any other source)"


def test_an_edit_by_a_person_is_not_overruled_by_what_was_said_before_it(two_rows: Road) -> None:
    with LeadDatabase(two_rows.settings.database_url, "acme", who="bea") as database:
        database.update_lead(jane(two_rows)["id"], {"title": "Boss"})
    rule(two_rows, LONGEST)
    two_rows.sync()
    assert (title(two_rows)["value"], title(two_rows)["rule"], title(two_rows)["who"]) == ("Boss", "edited", "bea")
    two_rows.sync([LONG, (*SHORT[:3], "Owner"), BOB])
    assert (jane(two_rows)["title"], title(two_rows)["why"]) == (
        "Owner", "somebody changed the lead itself since the others were said, then the longest"
    )  # fmt: skip
    assert right(two_rows)


def test_a_process_that_does_not_know_the_settings_goes_by_the_rules_of_the_last_cycle(two_rows: Road) -> None:
    rule(two_rows, LONGEST)
    two_rows.sync()
    with LeadDatabase(two_rows.settings.database_url, "acme") as database:
        database.upsert_lead({"key": "7", "email": LONG[1], "title": "Owner", "phone": "504-621-8927"})
    assert (jane(two_rows)["title"], jane(two_rows)["phone"]) == (LONG[3], "+15046218927")
    assert right(two_rows)


def test_an_edit_of_a_lead_that_was_merged_follows_the_rules_too(road: Road) -> None:
    road.sync([LONG, ("J. Doe", "jd@acme.example", "Acme", "CEO")])
    (lost,) = [lead["id"] for lead in road.leads() if lead["email"] == "jd@acme.example"]
    with LeadDatabase(road.settings.database_url, "acme") as database:
        database.update_lead(lost, {"title": "Owner"})
    road.sync([LONG, ("J. Doe", "jane@acme.example", "Acme", "CEO")])
    with road.open() as ws:
        for asked in reviews.list_(ws):
            reviews.resolve(ws, asked["id"], "same")
    road.sync([("Jane Doe", "jane@acme.example", "Acme", "CFO")])
    assert lost in {lead["id"] for lead in road.all("leads") if lead["merged_into"]}
    rule(road, LONGEST)
    road.sync()
    assert (jane(road)["title"], right(road)) == ("Owner", True)


def test_a_plan_says_how_many_leads_follow_and_writes_nothing(two_rows: Road) -> None:
    rule(two_rows, LONGEST)
    tables = ("leads", "decisions", "counters", "lead_history")
    stored = [two_rows.all(name) for name in tables]
    with two_rows.open() as ws:
        planned = plan(ws)
    assert [two_rows.all(name) for name in tables] == stored
    assert (planned["status"], planned["leads"]) == (
        "changed", {"create": 0, "update": 1, "retire": 0, "by_new_rules": 1}
    )  # fmt: skip
    assert planned["mirrors"]["crm"]["updates"] == 1


def test_a_cycle_that_dies_while_leads_follow_leaves_the_rest_to_the_next(
    two_rows: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise StoreError("the power went")

    others = [(f"Person {one}", f"p{one}@zeta.example", "Zeta", job) for one in "abc" for job in ("Chair", "Boss")]
    two_rows.sync([LONG, SHORT, *others[:5:2]])
    two_rows.sync([LONG, SHORT, *others])
    rule(two_rows, LONGEST)
    with monkeypatch.context() as dying:
        dying.setattr(follow_rules, "LEADS_AT_ONCE", 2)
        dying.setattr("leads_dagster.pipeline.workspace.Workspace.report", die)
        with two_rows.open() as ws, pytest.raises(StoreError):
            follow_rules.follow_rules(ws, run_id="dying")
    assert {lead["title"] for lead in two_rows.leads()} == {LONG[3], "Chair", "Boss"}
    assert right(two_rows)
    two_rows.sync()
    assert {lead["title"] for lead in two_rows.leads()} == {LONG[3], "Chair"}
    assert len(two_rows.all("decisions")) == 1
    assert (right(two_rows), two_rows.sync().status) == (True, "unchanged")


def test_many_leads_follow_without_asking_the_guard(make_road: Callable[..., Road]) -> None:
    road = make_road("[customers.guard]\nminimum = 0\nshare = 0.0\n")
    people = [(f"Person {one}", f"p{one}@zeta.example", "Zeta", "Chairwoman") for one in "abcd"]
    road.sync(people)
    road.sync([*people, *((*one[:3], "Boss") for one in people)])
    rule(road, "[customers.guard]\nminimum = 0\nshare = 0.0\n" + LONGEST)
    assert road.sync().status == "done"
    assert {lead["title"] for lead in road.leads()} == {"Chairwoman"}


def test_the_kept_side_of_a_conflict_is_the_rule_s_and_changes_with_it(road: Road) -> None:
    def other(job: str) -> None:
        sheet = road.home / "other.csv"
        sheet.write_text(f"Name,Email,Company,Title\nJane Doe,jane@acme.example,Acme,{job}\n")
        with open_workspace(road.settings, "acme", sheet=str(sheet)) as ws:
            run_cycle(ws)

    other("CEO")
    road.sync([(*LONG[:3], "CEO")])
    other("Chairwoman")
    road.sync([(*LONG[:3], "Boss")])
    rule(road, LONGEST)
    road.sync()
    (conflict,) = road.all("conflicts")
    assert (conflict["status"], conflict["kept"], conflict["lost"]) == ("open", "Chairwoman", "Boss")
    assert conflict["kept_source"].endswith("other.csv")
    assert jane(road)["title"] == "Chairwoman"


def test_taking_a_value_back_takes_the_claim_that_gave_it_and_no_newer_one(two_rows: Road) -> None:
    rule(two_rows, LONGEST)
    two_rows.sync()
    with two_rows.open() as ws:
        done = undo.undo_field(ws, LONG[1], "title", who="ann")
    assert (done["claims"], jane(two_rows)["title"], right(two_rows)) == (1, "CEO", True)
    with two_rows.open() as ws:
        undo.undo_decision(ws, done["decision_id"])
    assert (jane(two_rows)["title"], right(two_rows)) == (LONG[3], True)


def test_what_leads_toml_decided_is_listed_and_taken_back_there_alone(two_rows: Road) -> None:
    rule(two_rows, LONGEST)
    two_rows.sync()
    with two_rows.open() as ws:
        (decided,) = undo.list_(ws)
        assert (decided["kind"], decided["who"]) == ("survivorship", "leads.toml")
        with pytest.raises(ConflictError, match=r"leads\.toml"):
            undo.undo_decision(ws, decided["id"])
