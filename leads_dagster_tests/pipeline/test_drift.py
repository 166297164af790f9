"""Drift: which cells of the sheet a lead does not follow, and whose word it follows instead."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from leads_dagster.pipeline import overriding
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.drift import drift
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.store import undo
from leads_dagster.store.engine import writing
from leads_dagster.store.lead_database import LeadDatabase
from leads_dagster_tests.pipeline.conftest import Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def test_rows_below_a_preamble_and_empty_lines_have_the_number_that_the_sheet_shows(road: Road) -> None:
    road.sheet.write_text(
        "Leads of the fair\n\nName,Email,Company,Title\nJane Doe,jane@acme.example,Acme,CEO\n\n"
        "Jane Doe,jane@acme.example,Acme,Chief Executive\n"
    )
    road.sync()
    with road.open() as ws:
        (found,) = drift(ws)
    assert (found["row"], found["sheet"], found["said_by"]) == (4, "CEO", "row 6")


def test_a_value_set_by_hand_names_the_person_and_the_decision(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws:
        overriding.override(ws, "jane@acme.example", "title", "Owner", reason="she said so", who="ann")
        (found,) = drift(ws)
    assert (found["lead"], found["said_by"]) == ("Owner", "ann (decision 1: she said so)")


def test_a_value_of_another_source_names_it(road: Road) -> None:
    road.sync([JANE])
    other = road.home / "other.csv"
    other.write_text("Name,Email,Title\nJane Doe,jane@acme.example,Chair\n")
    with open_workspace(road.settings, "acme", sheet=str(other)) as ws:
        run_cycle(ws)
    with road.open() as ws:
        (found,) = drift(ws)
    assert (found["row"], found["lead"], found["said_by"]) == (2, "Chair", "other.csv")


def test_a_word_of_the_row_that_was_taken_back_says_by_whom(road: Road) -> None:
    road.sync([JANE])
    road.sync([(*JANE[:3], "Chair")])
    (lead,) = road.leads()
    with road.open() as ws:
        with writing(ws.engine) as connection:
            undoing = undo.Undoing(connection, ws.policy, uuid.uuid4().hex, "ann", ws.now())
            undo.undo_field(undoing, lead["id"], "title")
        (found,) = drift(ws)
    assert (found["sheet"], found["lead"]) == ("Chair", "CEO")
    assert found["said_by"] == "ann (decision 1) took the row's word back"


def test_nothing_drifts_where_every_lead_says_what_its_row_says(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws:
        assert drift(ws) == []


def test_an_edit_of_the_lead_names_who_made_it(road: Road) -> None:
    road.sync([JANE])
    (lead,) = road.leads()
    with LeadDatabase(road.settings.database_url, customer="acme", who="bea") as leads:
        leads.update_lead(lead["id"], {"title": "Chair"})
    with road.open() as ws:
        (found,) = drift(ws)
    assert (found["lead"], found["said_by"]) == ("Chair", "edit by bea, api")
