"""Folding again what is stored gives what is stored, and a difference is seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from leads_dagster.pipeline import overriding, reviews, undo
from leads_dagster.pipeline.refold import differences
from leads_dagster.store import tables
from leads_dagster.store.engine import writing
from leads_dagster.store.lead_database import LeadDatabase
from leads_dagster_tests.pipeline.conftest import Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def test_after_edits_merges_removals_and_decisions_nothing_differs(road: Road) -> None:
    road.sync([JANE, BOB])
    road.sync([JANE, ("J. Doe", "jane@acme.example", "Acme", ""), BOB])
    with road.open() as ws:
        overriding.override(ws, "jane@acme.example", "confidence", "0.90")
    road.sync([("J. Doe", "jane@acme.example", "Acme", "Chair")])
    with road.open() as ws:
        assert differences(ws) == []


def test_edits_and_overrides_go_with_a_lead_into_another_and_back_in_the_same_moment(road: Road) -> None:
    road.sync([JANE, ("J. Doe", "jd@acme.example", "Acme", "")])
    [lost] = [lead["id"] for lead in road.leads() if lead["email"] == "jd@acme.example"]
    with LeadDatabase(road.settings.database_url, "acme") as database:
        database.update_lead(lost, {"notes": "Likes tea"})
    with road.open() as ws:
        overriding.override(ws, lost, "title", "Queen")
    road.sync([JANE, ("J. Doe", "jane@acme.example", "Acme", "")])
    with road.open() as ws:
        done = reviews.resolve(ws, reviews.list_(ws)[0]["id"], "same")  # nothing edited is joined unasked
        assert differences(ws) == []
    assert [(lead["notes"], lead["title"]) for lead in road.leads()] == [("Likes tea", "Queen")]
    road.sync([JANE, ("J. Doe", "jd@acme.example", "Acme", "")])
    with road.open() as ws:
        undo.undo_decision(ws, done["decision_id"])
        assert differences(ws) == []
    assert {lead["email"]: (lead["notes"], lead["title"]) for lead in road.leads()} == {
        "jane@acme.example": (None, "CEO"), "jd@acme.example": ("Likes tea", "Queen")
    }  # fmt: skip


def test_a_lead_that_is_not_what_its_claims_make_of_it_is_named_with_the_field(road: Road) -> None:
    road.sync([JANE, BOB])
    (bob, jane) = road.leads()
    with road.open() as ws:
        with writing(ws.engine) as connection:
            connection.execute(update(tables.leads).where(tables.leads.c.id == jane["id"]).values(title="Tampered"))
            connection.execute(update(tables.leads).where(tables.leads.c.id == bob["id"]).values(archived_at=ws.now()))
        found = {one["lead_id"]: one for one in differences(ws)}
    assert found[jane["id"]] == {
        "lead_id": jane["id"], "problem": "value", "field": "title", "stored": "Tampered", "folded": "CEO"
    }  # fmt: skip
    assert found[bob["id"]]["problem"] == "archived"
