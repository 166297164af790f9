"""What people teach joins and parts leads at once, is listed, and is taken back; headers count from the next cycle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from leads_dagster.errors import ConflictError, ContentError, NotFoundError, SettingsError, UnknownHeadersError
from leads_dagster.pipeline import learned, reviews
from leads_dagster.pipeline import undo as pipeline_undo
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.plan import plan
from leads_dagster.store import LeadDatabase, tables, undo
from leads_dagster.store.learning import Learning, learn_from_decision
from leads_dagster.store.undo import Effect, Undoing, Undone, settle
from leads_dagster_tests.pipeline.conftest import Road
from leads_dagster_tests.pipeline.test_undo import take

ANN = ("Ann Lee", "", "IBX", "CEO")
ANN_LONG = ("Ann Lee", "", "Interstellar Beaver Exports", "Chair")
CY = ("Cy Young", "", "Interstellar Beaver Exports", "Pitcher")
PEG = ("Zork Stone", "", "Initech", "CFO")
MARGARET = ("Bartholomew Stone", "", "Initech", "Treasurer")
TWO_NAMES = ("IBX", "Interstellar Beaver Exports")
TIED = (("Ann Lee", "ann@corp.example", "Initech", "CEO"), ("Ann Lee", "a.lee@corp.example", "Penetrode Group", "CEO"))


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Each test on either kind of database."""
    return on_both


def teach(road: Road, *words: str, **how: Any) -> dict[str, Any]:
    with road.open() as ws:
        return learned.add(ws, *words, who="ada", **how)


def unteach(road: Road, line: int) -> dict[str, Any]:
    with road.open() as ws:
        return learned.remove(ws, line, who="bea")


def names(road: Road) -> list[str]:
    return [str(lead["full_name"]) for lead in road.leads()]


def keys(road: Road) -> list[tuple[int, int]]:
    return sorted((one["key"], one["record_id"]) for one in road.all("match_keys"))


def test_a_company_of_two_names_joins_its_peoples_leads_at_once(road: Road) -> None:
    road.sync([ANN, ANN_LONG, CY])
    assert len(road.leads()) == 3
    done = teach(road, "company", "IBX Ltd", TWO_NAMES[1])
    assert (done["new"], done["leads_joined"], done["leads_parted"], done["records"]) == (True, 1, 0, 1)
    assert "leads learned remove" in done["next"]
    assert names(road) == ["Ann Lee", "Cy Young"]
    assert {row["full_name"] for row in road.crm()} == {"Ann Lee", "Cy Young"}
    assert road.sync().status == "unchanged"


def test_taking_it_back_gives_the_leads_and_keys_that_were_before(road: Road) -> None:
    road.sync([ANN, ANN_LONG, CY])
    ids, before = {lead["id"] for lead in road.leads()}, keys(road)
    line = teach(road, "company", *TWO_NAMES)["id"]
    assert keys(road) != before
    done = unteach(road, line)
    assert (done["leads_joined"], done["leads_parted"]) == (0, 1)
    assert {lead["id"] for lead in road.leads()} == ids
    assert keys(road) == before
    assert road.sync().status == "unchanged"


def test_rows_that_come_later_are_matched_by_what_was_taught(road: Road) -> None:
    road.sync([ANN, CY])
    teach(road, "company", *TWO_NAMES)
    result = road.sync([ANN, CY, ANN_LONG])
    assert (result.rows.merged, names(road)) == (1, ["Ann Lee", "Cy Young"])
    with LeadDatabase(road.settings.database_url, "acme") as database:
        assert database.upsert_lead({"full_name": "Cy Young", "company": "IBX"})[1] is False


def test_nicknames_are_taught_and_count_for_every_family(road: Road) -> None:
    road.sync([PEG, MARGARET])
    assert teach(road, "nickname", "Zork", "Bartholomew")["leads_joined"] == 1
    assert len(road.leads()) == 1
    road.sync([PEG, MARGARET, ("Zork Miller", "", "Umbrella", ""), ("Bartholomew Miller", "", "Umbrella", "")])
    assert len(road.leads()) == 2


def test_teaching_in_any_order_gives_the_same_store(make_road: Callable[..., Road]) -> None:
    rows = [ANN, ANN_LONG, CY, ("Cy Young", "", "Beavers", ""), ("Dee Fox", "", "Beavers", "")]
    pairs = [("company", *TWO_NAMES), ("company", "Beavers", "IBX"), ("nickname", "Cy", "Denton")]
    found = []
    for order in (pairs, pairs[::-1]):
        road = make_road()
        road.sync(rows)
        for words in order:
            teach(road, *words)
        grouped: dict[str, set[int]] = {}
        for one in road.all("source_records"):
            grouped.setdefault(one["lead_id"], set()).add(one["id"])
        found.append(({frozenset(ids) for ids in grouped.values()}, keys(road)))
    assert found[0] == found[1]
    assert len(found[0][0]) == 3


def test_a_trial_says_what_would_come_of_it_and_writes_nothing(road: Road) -> None:
    road.sync([ANN, ANN_LONG])
    done = teach(road, "company", *TWO_NAMES, dry_run=True)
    assert (done["leads_joined"], done["id"], done["next"]) == (1, None, "Nothing was written.")
    assert (len(road.leads()), road.all("learned")) == (2, [])


def test_what_was_taught_is_listed_with_who_and_when_and_stays_when_it_is_removed(road: Road) -> None:
    road.sync([ANN])
    line = teach(road, "company", *TWO_NAMES)["id"]
    again = teach(road, "company", *TWO_NAMES[::-1])
    assert (again["id"], again["new"]) == (line, False)
    with road.open() as ws:
        [listed] = learned.list_(ws)
        assert (listed["left"], listed["right"], listed["who"]) == (*TWO_NAMES, "ada")
        learned.remove(ws, line, who="bea")
        assert learned.list_(ws) == []
        [past] = learned.list_(ws, every=True)
        assert past["removed_by"] == "bea"
        assert past["removed_at"] >= past["learned_at"]
        with pytest.raises(ConflictError, match="removed already, by bea"):
            learned.remove(ws, line)
        with pytest.raises(NotFoundError):
            learned.remove(ws, 999)


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (("colour", "a", "b"), SettingsError, "no kind"),
        (("header", "Kontakt", "nose"), SettingsError, "no field"),
        (("header", "!!", "email"), ContentError, "no header"),
        (("company", "IBX Ltd", "IBX Inc."), ContentError, "count as one"),
        (("company", "…", "IBX"), ContentError, "name of a company"),
        (("nickname", "Peggy Sue", "Margaret"), ContentError, "one given name"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_words(
    road: Road, words: tuple[str, str, str], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        teach(road, *words)
    assert road.all("learned") == []


HEADER = ("Ansprechbarer Mensch", "Email", "Company", "Title")


def test_a_header_that_was_taught_is_read_by_the_next_cycle(road: Road) -> None:
    road.sync([ANN, CY], header=HEADER)
    assert [lead["full_name"] for lead in road.leads()] == []
    assert "sync" in teach(road, "header", "ansprechbarer  MENSCH", "full_name")["next"]
    road.sync()
    assert names(road) == ["Ann Lee", "Cy Young"]
    assert road.sync().status == "unchanged"


def test_a_header_taught_for_a_field_that_rows_never_claimed_fills_it(road: Road) -> None:
    header = ("Name", "Email", "Company", "Was sie tut")
    road.sync([("Ann Lee", "ann@acme.example", "Acme", "CEO")], header=header)
    line = teach(road, "header", "Was sie tut", "title")["id"]
    road.sync()
    assert [lead["title"] for lead in road.leads()] == ["CEO"]
    unteach(road, line)
    road.sync()
    assert [lead["full_name"] for lead in road.leads()] == ["Ann Lee"]


def test_a_header_taught_again_means_the_newer_field(road: Road) -> None:
    header = ("Name", "Email", "Company", "Was sie tut")
    road.sync([("Ann Lee", "ann@acme.example", "Acme", "CEO")], header=header)
    teach(road, "header", "Was sie tut", "industry")
    teach(road, "header", "Was sie tut", "title")
    with road.open() as ws:
        [line] = learned.list_(ws)
        assert line["right"] == "title"
        run_cycle(ws)
    assert [(lead["title"], lead["industry"]) for lead in road.leads()] == [("CEO", None)]


def test_settings_win_over_a_header_that_was_taught(make_road: Callable[..., Road]) -> None:
    road = make_road('[customers.columns]\ntitle = "Rolle"\n')
    teach(road, "header", "Was sie tut", "title")
    teach(road, "header", "Rolle", "industry")
    road.sync([("Ann Lee", "ann@acme.example", "CEO", "sales")], header=("Name", "Email", "Rolle", "Was sie tut"))
    assert [(lead["title"], lead["industry"]) for lead in road.leads()] == [("CEO", None)]


def test_a_header_that_no_sheet_has_stops_nothing(road: Road) -> None:
    teach(road, "header", "Was sie tut", "title")
    assert road.sync([ANN]).status == "done"


def test_an_unknown_header_names_the_command_that_teaches_it(road: Road) -> None:
    with pytest.raises(UnknownHeadersError, match="leads learned add header 'Was sie' email"):
        road.sync([("ann@acme.example", "x"), ("cy@yang.example", "y")], header=("Was sie", "tut"))
    with road.open() as ws:
        learned.add(ws, "header", "Was sie", "email")
    road.sync()
    assert len(road.leads()) == 2


def test_the_plan_names_columns_that_look_like_a_field_and_how_to_confirm_them(road: Road) -> None:
    road.write([("Ann Lee", "ann@acme.example"), ("Cy Young", "cy@yang.example")], header=("Name", "Wohin"))
    with road.open() as ws:
        [column] = plan(ws)["unknown_columns"]
        assert column == {
            "column": "Wohin", "looks_like": "email", "confirm": "leads learned add header Wohin email",
        }  # fmt: skip
        learned.add(ws, "header", "Wohin", "email")
        assert plan(ws)["unknown_columns"] == []


def test_a_company_that_only_a_mail_server_names_is_known_by_what_was_taught(road: Road) -> None:
    road.sync([("Ann Lee", "ann@ibx.example", "", ""), ANN_LONG, CY])
    assert len(road.leads()) == 3
    line = teach(road, "company", *TWO_NAMES)
    assert (line["records"], names(road)) == (1, ["Ann Lee", "Cy Young"])
    unteach(road, line["id"])
    assert len(road.leads()) == 3


def test_an_answer_to_a_review_says_what_it_taught_and_other_rows_are_matched_by_it(road: Road) -> None:
    mailbox = "stone7@corp.example"
    asked = [(PEG[0], mailbox, *PEG[2:]), (MARGARET[0], mailbox, *MARGARET[2:])]
    others = [("Zork Miller", "", "Umbrella", ""), ("Bartholomew Miller", "", "Umbrella", "")]
    road.sync([*asked, *others])
    assert len(road.leads()) == 4
    with road.open() as ws:
        [question] = [one for one in reviews.list_(ws) if "Stone" in one["left"]["lead"]]
        answered = reviews.resolve(ws, question["id"], "same", who="ann")
    [line] = answered["learned"]
    assert (line["kind"], {line["left"], line["right"]}) == ("nickname", {"Zork", "Bartholomew"})
    assert "leads learned remove" in line["next"]
    assert len(road.leads()) == 2
    with road.open() as ws:
        pipeline_undo.undo_decision(ws, answered["decision_id"], who="ann")
        assert learned.list_(ws) == []
    assert len(road.leads()) == 4


def same(undoing: Undoing, records: list[int]) -> tuple[Undone, Learning]:
    """A person's word that two records are one lead, with what it teaches."""
    decision = undoing.decide("same", {"records": records})
    found = learn_from_decision(undoing.connection, undoing.policy, decision, records, at=undoing.at, who=undoing.who)
    leads = settle(undoing, decision, Effect(records={*records, *found.records}))
    return Undone(decision, leads), found


def ids(road: Road, *names: str) -> list[int]:
    by_company = {one["raw"]["Company"]: one["id"] for one in road.all("source_records")}
    return sorted(by_company[name] for name in names)


CY_TWICE = (("Cy Young", "", "Initech", ""), ("Cy Young", "", "Penetrode Group", ""))


def test_a_decision_teaches_and_other_rows_are_matched_by_it(road: Road) -> None:
    road.sync([*TIED, *CY_TWICE])
    assert len(road.leads()) == 4
    records = sorted(one["id"] for one in road.all("source_records") if one["raw"]["Name"] == "Ann Lee")
    done, found = take(road, same, records)  # type: ignore[arg-type,misc]
    [line] = found.lines
    assert (line["kind"], line["left"], line["right"]) == ("company", "Initech", "Penetrode Group")
    assert "leads learned remove" in line["next"]
    assert names(road) == ["Ann Lee", "Cy Young"]
    [row] = road.all("learned")
    assert (row["decision_id"], row["who"]) == (done.decision_id, "ada")
    assert road.sync().status == "done"  # the mirrors hear of it
    assert road.sync().status == "unchanged"


def test_undoing_the_decision_takes_back_what_it_taught_and_redoing_teaches_it_again(road: Road) -> None:
    road.sync([*TIED, *CY_TWICE])
    before, leads = keys(road), {lead["id"] for lead in road.leads()}
    records = sorted(one["id"] for one in road.all("source_records") if one["raw"]["Name"] == "Ann Lee")
    done, _ = take(road, same, records)  # type: ignore[arg-type,misc]
    undone = take(road, undo.take_back, done.decision_id)
    assert keys(road) == before
    assert {lead["id"] for lead in road.leads()} == leads
    with road.open() as ws:
        assert learned.list_(ws) == []
        assert learned.list_(ws, every=True)[0]["undone_by"] == undone.decision_id
    take(road, undo.take_back, undone.decision_id)
    assert names(road) == ["Ann Lee", "Cy Young"]


def test_what_a_decision_taught_can_be_removed_and_the_decision_stays(road: Road) -> None:
    road.sync([*TIED, *CY_TWICE])
    records = sorted(one["id"] for one in road.all("source_records") if one["raw"]["Name"] == "Ann Lee")
    _, found = take(road, same, records)  # type: ignore[arg-type,misc]
    unteach(road, found.lines[0]["id"])
    assert names(road) == ["Ann Lee", "Cy Young", "Cy Young"]


def test_a_change_of_job_teaches_nothing(road: Road) -> None:
    road.sync([ANN, ("Ann Lee", "", "Umbrella", "CTO")])
    _, found = take(road, same, ids(road, "IBX", "Umbrella"))  # type: ignore[arg-type,misc]
    assert found == Learning()
    assert (len(road.leads()), road.all("learned")) == (1, [])


def test_what_one_customer_teaches_is_no_other_customers(road: Road) -> None:
    road.sync([ANN])
    with LeadDatabase(road.settings.database_url, "other") as database:
        for company in TWO_NAMES:
            database.add_lead({"full_name": "Ann Lee", "company": company})
    teach(road, "company", *TWO_NAMES)
    others = road.all("leads", tables.leads.c.customer == "other", tables.leads.c.merged_into.is_(None))
    assert len(others) == 2
