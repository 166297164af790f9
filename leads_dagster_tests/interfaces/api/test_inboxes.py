"""What waits for a person, the decisions, and taking them back, over HTTP."""

from __future__ import annotations

import httpx

from leads_dagster_tests.interfaces.api.conftest import people, problem
from leads_dagster_tests.pipeline.conftest import Road


def test_a_row_in_quarantine_says_why_and_shows_its_cells(road: Road, api: httpx.Client) -> None:
    road.sync([*people(1), ["", "", "Nobody", ""], ["", "", "", ""]])
    rows = api.get("/api/leads/quarantine").json()

    assert "empty_row" in [one["code"] for one in rows]
    shown = api.get(f"/api/leads/quarantine/{rows[0]['recordId']}").json()
    assert (shown["recordId"], shown["code"]) == (rows[0]["recordId"], rows[0]["code"])
    assert problem(api.get("/api/leads/quarantine/999999"))["status"] == 404


def test_a_hold_is_seen_approved_and_named_after_who_did(road: Road, api: httpx.Client) -> None:
    road.sync(people(*range(40)))
    road.sync(people(*range(5)))
    (hold,) = api.get("/api/leads/holds").json()
    assert (hold["status"], hold["removals"]) == ("open", 35)
    assert len(api.get(f"/api/leads/holds/{hold['id']}").json()["plan"]) == 35

    decided = api.post(f"/api/leads/holds/{hold['id']}/approve", json={"who": "ann"}).json()
    assert (decided["status"], decided["decidedBy"]) == ("approved", "ann")
    assert road.sync().status == "done"
    assert problem(api.post(f"/api/leads/holds/{hold['id']}/drop"))["status"] == 409


def test_a_review_is_settled_and_the_decision_taken_back(road: Road, api: httpx.Client) -> None:
    road.sync([["Jon Smith", "jon@a.example", "Acme Ltd", ""], ["John Smith", "js@b.example", "Acme Group", ""]])
    (review,) = api.get("/api/leads/reviews").json()
    assert {"left", "right", "score", "fields"} <= set(review)
    assert api.get(f"/api/leads/reviews/{review['id']}").json()["choices"].keys() == {"same", "notSame"}

    done = api.post(
        f"/api/leads/reviews/{review['id']}/resolve", json={"verdict": "same", "reason": "knows him"}
    ).json()
    assert api.get("/api/leads").json()["total"] == 1
    assert api.get("/api/leads/undo").json()[0]["who"] == "api"
    undone = api.post("/api/leads/undo/decision", json={"decisionId": done["decisionId"]})
    assert undone.status_code == 200
    assert api.get("/api/leads").json()["total"] == 2


def test_a_field_is_set_by_hand_and_given_back(road: Road, api: httpx.Client) -> None:
    road.sync(people(1))
    lead = api.get("/api/leads").json()["leads"][0]["id"]
    set_to = api.post(f"/api/leads/{lead}/fields/companySize", json={"value": "11-50", "who": "ann"}).json()

    assert set_to["value"] == "11-50"
    assert api.get(f"/api/leads/{lead}").json()["companySize"] == "11-50"
    tried = api.post("/api/leads/undo/field", json={"leadId": lead, "field": "companySize", "dryRun": True}).json()
    assert tried["dryRun"] is True
    assert api.get(f"/api/leads/{lead}").json()["companySize"] == "11-50"
    api.post("/api/leads/undo/decision", json={"decisionId": set_to["decisionId"]})
    assert api.get(f"/api/leads/{lead}").json()["companySize"] is None


def test_a_run_is_taken_back(road: Road, api: httpx.Client) -> None:
    road.sync([["Ada Byron", "ada@acme.example", "Acme", "CTO"]])
    run = road.sync([["Ada Byron", "ada@acme.example", "Acme", "CEO"]]).run_id
    done = api.post("/api/leads/undo/run", json={"runId": run})

    assert done.status_code == 200
    assert api.get("/api/leads").json()["leads"][0]["title"] == "CTO"
    assert [(one["field"], one["sheet"], one["lead"]) for one in api.get("/api/leads/drift").json()] == [
        ("title", "CEO", "CTO")
    ]


def test_backups_are_made_listed_and_tried(road: Road, api: httpx.Client) -> None:
    road.sync(people(1))
    made = api.post("/api/leads/backups")

    assert (made.status_code, made.json()["verified"]) == (201, True)
    assert [one["name"] for one in api.get("/api/leads/backups").json()["backups"]] == [made.json()["name"]]
    assert api.post(f"/api/leads/backups/{made.json()['name']}/verify").status_code == 200
    assert problem(api.post("/api/leads/backups/nothing/verify"))["status"] == 404


def test_lists_that_have_nothing_are_empty(api: httpx.Client) -> None:
    for name in ("conflicts", "reviews", "holds", "quarantine", "drift", "outbox", "budget", "undo", "queue/dead"):
        assert api.get(f"/api/leads/{name}").json() == [], name


def test_an_airtable_that_is_not_there_cannot_be_unparked(api: httpx.Client) -> None:
    assert problem(api.post("/api/leads/budget/unpark"))["status"] == 409
