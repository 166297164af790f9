"""The history of a lead: what changed, from what to what, who said so, and why."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from leads_dagster.errors import NotFoundError, SettingsError
from leads_dagster.pipeline import overriding
from leads_dagster.pipeline.history import history
from leads_dagster.pipeline.lead_lookup import find
from leads_dagster.pipeline.provenance import provenance
from leads_dagster.store import undo
from leads_dagster.store.engine import writing
from leads_dagster.store.lead_database import LeadDatabase
from leads_dagster_tests.pipeline.conftest import Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
JDOE = ("J. Doe", "jane@acme.example", "Acme", "Chair")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def told(road: Road, named: str = "jane@acme.example", **more: Any) -> dict[str, Any]:
    with road.open() as ws:
        return history(ws, named, **more)


def entries(road: Road, kind: str, **more: Any) -> list[dict[str, Any]]:
    return [one for one in told(road, **more)["entries"] if one["kind"] == kind]


def test_every_change_has_old_and_new_source_record_row_run_time_and_rule(road: Road) -> None:
    road.sync([BOB, JANE])
    result = road.sync([BOB, (*JANE[:3], "Chair")])
    (change,) = entries(road, "updated")
    assert (change["field"], change["old"], change["new"]) == ("title", "CEO", "Chair")
    assert (change["source"], change["row"], change["run_id"]) == (f"file:{road.sheet}", 3, result.run_id)
    assert (change["rule"], change["who"]) == ("only", None)
    assert change["told"] == "title: “CEO” → “Chair”"
    (lead,) = [one for one in road.leads() if one["email"] == JANE[1]]
    assert change["at"] == lead["updated_at"]


def test_the_beginning_says_what_the_lead_was_made_with(road: Road) -> None:
    road.sync([JANE])
    (created,) = told(road)["entries"]
    assert created["fields"] == {
        "company": "Acme",
        "email": "jane@acme.example",
        "full_name": "Jane Doe",
        "title": "CEO",
    }
    assert "Jane Doe" in created["told"]


def test_the_rule_of_a_change_is_the_one_that_chose_it_then(road: Road) -> None:
    road.sync([JANE])
    road.sync([JANE, JDOE])
    road.sync([JANE])
    rules = {(one["old"], one["new"]): one["rule"] for one in entries(road, "updated", field="title")}
    assert rules == {("CEO", "Chair"): "newest", ("Chair", "CEO"): "only"}


def test_records_that_are_one_lead_are_told_with_rule_score_evidence_and_both_originals(road: Road) -> None:
    road.sync([JANE, JDOE])
    (matched,) = entries(road, "matched")
    assert (matched["rule"], round(matched["score"], 2)) == ("email", 1.0)
    assert matched["evidence"]["email"] == {"shared": ["jane@acme.example"], "contribution": 20.0}
    assert [(side["row"], side["fields"]["title"]) for side in matched["originals"]] == [(2, "CEO"), (3, "Chair")]
    assert matched["told"].startswith("Row 2 of sheet.csv and row 3 of sheet.csv are one lead, by e-mail address")


@pytest.fixture
def merged(road: Road) -> str:
    """Bob's other row was a lead of its own until it got his name; the id of that lead."""
    road.sync([BOB, ("Robert Q", "rq@zeta.example", "Zeta", "CTO")])
    (lost,) = [lead["id"] for lead in road.leads() if lead["email"] == "rq@zeta.example"]
    road.sync([BOB, ("Bob Stone", "rq@zeta.example", "Zeta", "CTO")])
    assert len(road.leads()) == 1
    return str(lost)


def test_a_merge_is_told_with_the_records_that_came_and_why(road: Road, merged: str) -> None:
    (lead,) = road.leads()
    (merge,) = entries(road, "merged", named=lead["id"])
    assert (merge["lead"], len(merge["records"])) == (merged, 1)
    assert merge["matches"][0]["rule"] == "name_company"
    assert f"Lead {merged} was merged into this one" in merge["told"]
    assert "by name and company" in merge["told"]
    assert told(road, lead["id"])["stands_for"] == [merged]


def test_a_lead_that_was_merged_says_so_and_offers_the_other(road: Road, merged: str) -> None:
    (lead,) = road.leads()
    found = told(road, merged)
    assert (found["lead"]["state"], found["lives_on_in"]["id"]) == ("merged", lead["id"])
    assert found["entries"][0]["told"] == f"Merged into lead {lead['id']}."


def test_what_people_decided_stands_with_who_and_why_and_what_was_taken_back(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws:
        overriding.override(ws, "jane@acme.example", "title", "Owner", reason="she said so", who="ann")
        overriding.release(ws, "jane@acme.example", "title", who="bea")
    back, there = entries(road, "updated")
    assert (there["new"], there["rule"], there["who"], there["reason"]) == ("Owner", "override", "ann", "she said so")
    assert (back["new"], back["rule"], back["who"]) == ("CEO", "undo", "bea")
    sentences = [one["told"] for one in entries(road, "decided")]
    assert sentences == [
        "bea took back an earlier decision (override) (decision 2).",
        "ann set title to “Owner” (decision 1). Taken back by decision 2.",
    ]


def test_an_undone_merge_is_told(road: Road, merged: str) -> None:
    (lead,) = road.leads()
    with road.open() as ws, writing(ws.engine) as connection:
        undo.undo_merge(undo.Undoing(connection, ws.policy, uuid.uuid4().hex, "ann", ws.now()), merged)
    assert "are not one lead" in entries(road, "decided", named=lead["id"])[0]["told"]
    assert told(road, merged)["lead"]["state"] == "active"
    assert [one["kind"] for one in told(road, merged)["entries"]].count("restored") == 1


def test_one_field_is_told_alone_and_the_newest_come_first(road: Road) -> None:
    for title in ("CEO", "Chair", "Owner"):
        road.sync([(*JANE[:3], title)])
    road.sync([("Jane D. Doe", *JANE[1:3], "Owner")])
    found = told(road, field="title")
    assert [one.get("new") for one in found["entries"]] == ["Owner", "Chair", None]
    assert found["entries"][-1]["fields"] == {"title": "CEO"}
    short = told(road, limit=1)
    assert ([one["new"] for one in short["entries"]], short["total"]) == (["Jane D. Doe"], 4)
    with road.open() as ws, pytest.raises(SettingsError):
        history(ws, "jane@acme.example", field="shoe_size")


def test_a_lead_is_found_by_id_by_its_beginning_and_by_email_and_several_are_listed(road: Road) -> None:
    road.sync([JANE, BOB])
    ids = {lead["email"]: lead["id"] for lead in road.leads()}
    with road.open() as ws:
        jane = ids["jane@acme.example"]
        assert [one["id"] for one in find(ws, jane)] == [one["id"] for one in find(ws, " JANE@acme.example")] == [jane]
        assert {one["id"] for one in find(ws, jane[:8])} == set(ids.values())
        with pytest.raises(NotFoundError, match="Several"):
            history(ws, jane[:8])
        with pytest.raises(NotFoundError, match="too short"):
            history(ws, jane[:5])
        with pytest.raises(NotFoundError, match="no such lead"):
            history(ws, "nobody@acme.example")


def test_each_field_says_who_says_it_since_when_and_why_and_what_others_say(road: Road) -> None:
    first = road.sync([BOB, JANE])
    road.sync([BOB, JANE, JDOE])
    with road.open() as ws:
        overriding.override(ws, "jane@acme.example", "company", "Acme Holding", reason="bought", who="ann")
        fields = provenance(ws, "jane@acme.example")["fields"]
    title = fields["title"]
    assert (title["value"], title["rule"], title["row"], title["source"]) == (
        "Chair",
        "newest",
        4,
        f"file:{road.sheet}",
    )
    assert [(one["value"], one["row"]) for one in title["others"]] == [("CEO", 3)]
    company = fields["company"]
    assert (company["rule"], company["who"], company["reason"], company["row"]) == ("override", "ann", "bought", None)
    (lead,) = [one for one in road.leads() if one["email"] == JANE[1]]
    assert title["since"] == next(one["at"] for one in entries(road, "updated", field="title"))
    assert title["run_id"] != first.run_id
    assert {name: one["value"] for name, one in fields.items()} == {name: lead[name] for name in fields}


def test_rows_are_numbered_as_the_sheet_shows_them_below_a_preamble_and_empty_lines(road: Road) -> None:
    road.sheet.write_text(
        "Leads of the fair\n\nName,Email,Company,Title\nJane Doe,jane@acme.example,Acme,CEO\n\n"
        "Jane Doe,jane@acme.example,Acme,Chair\n"
    )
    road.sync()
    with road.open() as ws:
        title = provenance(ws, "jane@acme.example")["fields"]["title"]
    assert (title["value"], title["row"], title["others"][0]["row"]) == ("Chair", 6, 4)


def test_an_edit_through_the_api_has_who_made_it_in_the_history_and_at_the_field(road: Road) -> None:
    road.sync([JANE])
    (lead,) = road.leads()
    with LeadDatabase(road.settings.database_url, customer="acme", who="bea") as leads:
        leads.update_lead(lead["id"], {"title": "Chair"})
    (change,) = entries(road, "updated")
    assert (change["new"], change["who"], change["source"], change["rule"]) == ("Chair", "bea", "api", "newest")
    with road.open() as ws:
        title = provenance(ws, lead["id"])["fields"]["title"]
    assert (title["value"], title["who"], title["source"], title["row"]) == ("Chair", "bea", "api", None)
    assert [(one["value"], one["row"]) for one in title["others"]] == [("CEO", 2)]
