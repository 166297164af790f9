"""Conflicts and overrides: kept, listed, settled by a person, obeyed, and back when the decision is taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from leads_dagster.errors import ConflictError, ContentError, NotFoundError, SettingsError
from leads_dagster.pipeline import conflicts, overriding
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.refold import differences
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.store.engine import open_engine, writing
from leads_dagster.store.lead_database import LeadDatabase
from leads_dagster_tests.pipeline.conftest import Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def title(value: str) -> tuple[str, ...]:
    return (*JANE[:3], value)


@pytest.fixture
def two_lists(road: Road) -> Road:
    """Jane stands in two sheets, which agreed on her title and then changed it, each in its own way."""
    other_sync(road, JANE)
    road.sync([JANE])
    other_sync(road, title("Chair"))
    road.sync([title("Founder")])
    return road


def other_sync(road: Road, *rows: tuple[str, ...]) -> None:
    """A cycle of a second sheet of the same customer."""
    other = road.home / "other.csv"
    other.write_text("\n".join(",".join(row) for row in (("Name", "Email", "Company", "Title"), *rows)) + "\n")
    with open_workspace(road.settings, "acme", sheet=str(other)) as ws:
        run_cycle(ws)


def open_ones(road: Road) -> list[dict[str, Any]]:
    with road.open() as ws:
        return conflicts.list_(ws)


def jane(road: Road) -> dict[str, Any]:
    (lead,) = road.leads()
    return lead


def resolve(road: Road, choice: conflicts.Choice, **more: Any) -> dict[str, Any]:
    (waiting,) = open_ones(road)
    with road.open() as ws:
        return conflicts.resolve(ws, waiting["id"], choice, who="ann", **more)


def crm_edit(road: Road, column: str, value: str) -> None:
    """What somebody types into the CRM."""
    engine = open_engine(road.settings.crm_url)
    with writing(engine) as crm:
        crm.execute(text(f"UPDATE leads_lead SET {column} = :value"), {"value": value})
    engine.dispose()


def test_a_conflict_among_sources_is_listed_with_both_sides(two_lists: Road) -> None:
    (one,) = open_ones(two_lists)
    assert (one["lead"], one["field"], one["kept"], one["lost"]) == ("Jane Doe", "title", "Founder", "Chair")
    assert one["lost_source"].endswith("other.csv")


def test_a_conflict_is_shown_with_where_the_value_comes_from_and_what_each_choice_does(two_lists: Road) -> None:
    (one,) = open_ones(two_lists)
    with two_lists.open() as ws:
        shown = conflicts.show(ws, one["id"])
    assert set(shown["choices"]) == {"keep", "take", "value"}
    assert (shown["provenance"]["value"], shown["provenance"]["rule"]) == ("Founder", "newest")
    assert [other["value"] for other in shown["provenance"]["others"]] == ["Chair"]


def test_what_a_source_said_when_it_came_is_no_conflict(road: Road) -> None:
    other_sync(road, title("Chair"))
    road.sync([JANE])
    assert open_ones(road) == []


def test_a_conflict_keeps_its_id_while_its_sides_go_on_changing_and_settles_when_they_agree(two_lists: Road) -> None:
    (before,) = open_ones(two_lists)
    two_lists.sync([title("Boss")])
    (after,) = open_ones(two_lists)
    assert (after["id"], after["detected_at"], after["kept"]) == (before["id"], before["detected_at"], "Boss")
    two_lists.sync([title("Chair")])
    assert open_ones(two_lists) == []
    (settled,) = two_lists.all("conflicts")
    assert (settled["status"], settled["resolution"]) == ("resolved", None)


@pytest.mark.parametrize(
    ("choice", "value", "held"), [("keep", None, "Founder"), ("take", None, "Chair"), ("value", " Owner ", "Owner")]
)
def test_a_settled_conflict_is_obeyed_by_later_cycles_and_does_not_come_back(
    two_lists: Road, choice: conflicts.Choice, value: str | None, held: str
) -> None:
    settled = resolve(two_lists, choice, value=value, reason="asked her")
    assert (settled["status"], settled["resolution"]) == ("resolved", choice)
    two_lists.sync([title("Intern")])
    other_sync(two_lists, title("Trainee"))
    assert (jane(two_lists)["title"], open_ones(two_lists)) == (held, [])
    assert [row["title"] for row in two_lists.crm()] == [held]
    (decision,) = two_lists.all("decisions")
    assert (decision["id"], decision["who"], decision["reason"]) == (settled["decision_id"], "ann", "asked her")


def test_a_conflict_comes_back_when_the_decision_is_taken_back_and_the_sources_still_differ(two_lists: Road) -> None:
    resolve(two_lists, "take")
    with two_lists.open() as ws:
        overriding.release(ws, jane(two_lists)["id"], "title", who="ann")
        assert differences(ws) == []
    assert jane(two_lists)["title"] == "Founder"
    assert [(one["kept"], one["lost"]) for one in open_ones(two_lists)] == [("Founder", "Chair")]


def test_a_conflict_is_settled_once(two_lists: Road) -> None:
    settled = resolve(two_lists, "keep")
    with two_lists.open() as ws, pytest.raises(ConflictError, match="settled"):
        conflicts.resolve(ws, settled["id"], "take")
    with two_lists.open() as ws, pytest.raises(NotFoundError):
        conflicts.resolve(ws, 4711, "take")


def test_an_override_settles_the_conflict_of_its_field_and_says_what_was_there_before(two_lists: Road) -> None:
    with two_lists.open() as ws:
        done = overriding.override(ws, "jane@acme.example", "title", "Owner", who="ann")
    assert (done["before"], done["value"], jane(two_lists)["title"]) == ("Founder", "Owner", "Owner")
    (settled,) = two_lists.all("conflicts")
    assert (settled["resolution"], settled["decision_id"]) == ("value", done["decision_id"])


def test_a_field_can_be_blanked_by_hand_and_released_again(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws:
        overriding.override(ws, jane(road)["id"][:12], "title", None)
        assert jane(road)["title"] is None
        overriding.release(ws, "jane@acme.example", "title")
        assert jane(road)["title"] == "CEO"
        with pytest.raises(NotFoundError):
            overriding.release(ws, "jane@acme.example", "title")


def test_what_alone_says_who_a_lead_is_cannot_be_blanked_by_hand(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws:
        for field in ("full_name", "company"):
            overriding.override(ws, jane(road)["id"], field, None)
        with pytest.raises(ContentError, match="email cannot be blank") as refused:
            overriding.override(ws, jane(road)["id"], "email", None)
    assert refused.value.context["field"] == "email"
    assert jane(road)["email"] == "jane@acme.example"


def test_an_override_is_normalised_like_a_cell_and_refused_where_it_is_no_value(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws:
        assert overriding.override(ws, "jane@acme.example", "phone", "(504) 621-8927")["value"] == "+15046218927"
        with pytest.raises(ContentError, match="phone"):
            overriding.override(ws, "jane@acme.example", "phone", "ask Bob")
        with pytest.raises(SettingsError, match="no field"):
            overriding.override(ws, "jane@acme.example", "raw_data", "{}")
        assert differences(ws) == []


@pytest.fixture
def crm_differs(road: Road) -> Road:
    """Somebody wrote Jane's title into the CRM, and then the sheet changed it too."""
    road.sync([JANE])
    crm_edit(road, "title", "Chair")
    road.sync([title("Founder")])
    return road


def test_a_conflict_of_a_mirror_is_listed_and_its_row_left_alone(crm_differs: Road) -> None:
    (one,) = open_ones(crm_differs)
    assert (one["mirror"], one["kept"], one["lost"]) == ("crm", "Chair", "Founder")
    assert [row["title"] for row in crm_differs.crm()] == ["Chair"]


def test_keeping_what_a_mirror_says_makes_it_the_leads(crm_differs: Road) -> None:
    resolve(crm_differs, "keep")
    crm_differs.sync()
    assert (jane(crm_differs)["title"], open_ones(crm_differs)) == ("Chair", [])
    assert [row["title"] for row in crm_differs.crm()] == ["Chair"]


def test_taking_ours_writes_it_over_what_the_mirror_says(crm_differs: Road) -> None:
    settled = resolve(crm_differs, "take")
    assert (settled["decision_id"], settled["next"]) == (None, "The next sync writes the lead's value to the crm.")
    crm_differs.sync()
    assert [row["title"] for row in crm_differs.crm()] == ["Founder"]
    crm_differs.sync([title("Owner")])
    assert (open_ones(crm_differs), [row["title"] for row in crm_differs.crm()]) == ([], ["Owner"])


def test_a_third_value_goes_to_the_lead_and_to_the_mirror(crm_differs: Road) -> None:
    resolve(crm_differs, "value", value="Owner")
    crm_differs.sync()
    assert jane(crm_differs)["title"] == "Owner"
    assert [row["title"] for row in crm_differs.crm()] == ["Owner"]


def test_what_the_mirror_spells_in_its_own_way_is_put_right_there_too(road: Road) -> None:
    road.sync([(*JANE, "504-621-8927")], header=("Name", "Email", "Company", "Title", "Phone"))
    crm_edit(road, "phone", "(504) 621 8928")
    road.sync([(*JANE, "504-621-8929")], header=("Name", "Email", "Company", "Title", "Phone"))
    resolve(road, "keep")
    road.sync()
    assert (jane(road)["phone"], [row["phone"] for row in road.crm()]) == ("+15046218928", ["+15046218928"])


def test_a_conflict_of_a_mirror_settles_itself_when_the_mirror_comes_to_say_what_we_say(crm_differs: Road) -> None:
    crm_edit(crm_differs, "title", "Owner")
    crm_differs.sync([title("Owner")])
    assert open_ones(crm_differs) == []


def api_edit(road: Road, who: str, **fields: str) -> None:
    """What somebody changes of Jane through the Python API."""
    with LeadDatabase(road.settings.database_url, customer="acme", who=who) as leads:
        assert leads.update_lead(jane(road)["id"], fields)


def test_an_edit_of_a_lead_and_a_later_change_of_its_row_are_a_conflict_and_the_row_is_the_newer(road: Road) -> None:
    road.sync([JANE])
    api_edit(road, "bea", title="Chair")
    assert (jane(road)["title"], open_ones(road)) == ("Chair", [])
    road.sync([title("Founder")])
    assert [(one["kept"], one["lost"], one["lost_source"]) for one in open_ones(road)] == [("Founder", "Chair", "api")]
    resolve(road, "take")
    road.sync([title("Intern")])
    assert (jane(road)["title"], open_ones(road)) == ("Chair", [])
