"""Finding leads, one lead, its history, over HTTP."""

from __future__ import annotations

import httpx
import pytest

from leads_dagster_tests.interfaces.api.conftest import people, problem
from leads_dagster_tests.pipeline.conftest import Road


@pytest.fixture
def filled(road: Road, api: httpx.Client) -> httpx.Client:
    road.sync(people(*range(12), company="Acme") + people(50))
    return api


def test_pages_follow_one_another_and_hold_every_lead_once(filled: httpx.Client) -> None:
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = filled.get("/api/leads", params={"limit": 5, "company": "acme", **cursor}).json()
        seen += [one["email"] for one in page["leads"]]
        assert page["total"] == 12
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}

    assert sorted(seen) == sorted(f"p{number}@firm{number}.example" for number in range(12))


def test_words_filters_and_order_may_go_together(filled: httpx.Client) -> None:
    found = filled.get("/api/leads", params={"q": "person n1", "company": "Acme", "order": "name"}).json()

    assert [one["fullName"] for one in found["leads"]] == ["Person N1", "Person N10", "Person N11"]


def test_what_names_a_person_need_not_stand_in_the_address(filled: httpx.Client) -> None:
    found = filled.post("/api/leads/search", json={"email": ["P3@firm3.example"]}).json()

    assert [one["fullName"] for one in found["leads"]] == ["Person N3"]


def test_a_page_that_did_not_change_is_not_sent_again_until_it_does(road: Road, filled: httpx.Client) -> None:
    first = filled.get("/api/leads")
    known = {"If-None-Match": first.headers["etag"]}
    assert filled.get("/api/leads", headers=known).status_code == 304
    road.sync(people(77))
    assert filled.get("/api/leads", headers=known).status_code == 200


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": "x"}, {"order": "size"}, {"colour": "red"}, {"confidenceAtLeast": 2}]
)
def test_what_cannot_be_asked_is_named_by_its_place(filled: httpx.Client, params: dict[str, str]) -> None:
    answer = filled.get("/api/leads", params=params)

    assert answer.status_code == 422
    assert problem(answer)["errors"][0]["at"] == f"query.{next(iter(params))}"


def test_a_cursor_of_another_search_is_refused(filled: httpx.Client) -> None:
    cursor = filled.get("/api/leads", params={"limit": 2}).json()["nextCursor"]

    assert problem(filled.get("/api/leads", params={"cursor": cursor, "q": "person"}))["status"] == 409


def test_a_lead_has_its_fields_with_their_sources_and_why_its_rows_are_one(road: Road, api: httpx.Client) -> None:
    road.sync([["Ada Byron", "ada@acme.example", "Acme", "CTO"], ["Ada Byron", "ada@acme.example", "Acme Inc", ""]])
    (row,) = api.get("/api/leads").json()["leads"]
    lead = api.get(f"/api/leads/{row['id']}").json()

    assert (lead["state"], lead["fullName"], len(lead["records"])) == ("active", "Ada Byron", 2)
    assert lead["fields"]["fullName"]["value"] == "Ada Byron"
    assert {"rule", "why", "since", "source", "row", "others"} <= set(lead["fields"]["email"])
    assert [one["rule"] for one in lead["matches"]] == ["email"]
    assert len(lead["matches"][0]["originals"]) == 2


def test_a_history_tells_each_change(road: Road, api: httpx.Client) -> None:
    road.sync([["Ada Byron", "ada@acme.example", "Acme", "CTO"]])
    road.sync([["Ada Byron", "ada@acme.example", "Acme", "CEO"]])
    (row,) = api.get("/api/leads").json()["leads"]
    told = api.get(f"/api/leads/{row['id']}/history", params={"field": "title"}).json()

    assert [one["kind"] for one in told["entries"]] == ["updated", "created"]
    assert (told["entries"][0]["old"], told["entries"][0]["new"]) == ("CTO", "CEO")


def test_a_lead_that_is_not_there_and_one_named_by_its_address_are_problems(filled: httpx.Client) -> None:
    assert problem(filled.get("/api/leads/ffffffffffff"))["status"] == 404
    assert problem(filled.get("/api/leads/p1@firm1.example"))["status"] == 422


def test_html_and_formulas_in_a_lead_are_text_in_json(road: Road, api: httpx.Client) -> None:
    name = "<script>alert(1)</script> =1+1"
    road.sync([[name, "x@acme.example", "Acme", "@SUM(1)"]])
    answer = api.get("/api/leads")

    assert answer.json()["leads"][0]["title"] == "@SUM(1)"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
