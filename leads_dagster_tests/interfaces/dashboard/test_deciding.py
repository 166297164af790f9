"""What forms of the dashboard do, without its script and with it."""

from __future__ import annotations

import httpx
import pytest

from leads_dagster.pipeline import conflicts, holds, reviews
from leads_dagster_tests.interfaces.api.conftest import served
from leads_dagster_tests.interfaces.dashboard.conftest import World, form_token, post


def test_a_conflict_is_settled_and_taken_back(pages: httpx.Client, world: World) -> None:
    with world.road.open() as ws:
        (waiting,) = conflicts.list_(ws)

    said = post(pages, f"/inboxes/conflicts/{waiting['id']}", htmx=True, choice="take")
    assert "Settled" in said.text
    assert 'id="waiting"' in said.text
    assert _title(world) == "Chair"

    with world.road.open() as ws:
        decision = conflicts.list_(ws, every=True)[0]["decision_id"]
    back = post(pages, f"/decisions/{decision}/undo")
    assert (back.status_code, back.headers["location"].partition("?")[0]) == (303, "/decisions")
    assert _title(world) == "Founder"


def test_a_conflict_gets_a_value_of_ones_own_with_its_reason(pages: httpx.Client, world: World) -> None:
    with world.road.open() as ws:
        (waiting,) = conflicts.list_(ws)
    path = f"/inboxes/conflicts/{waiting['id']}"

    answer = post(pages, path, choice="value", value="Countess", reason="she told us")

    assert answer.status_code == 303
    assert _title(world) == "Countess"
    assert "she told us" in pages.get("/decisions").text


def test_two_that_are_not_the_same_are_asked_about_once(pages: httpx.Client, world: World) -> None:
    with world.road.open() as ws:
        (waiting,) = reviews.list_(ws)

    said = post(pages, f"/inboxes/reviews/{waiting['id']}", htmx=True, verdict="not_same")

    assert "They stay two" in said.text
    assert "Nothing to review" in pages.get("/inboxes/reviews").text


def test_a_hold_is_approved_or_dismissed(pages: httpx.Client, world: World) -> None:
    assert "Dismissed" in post(pages, "/inboxes/holds/1", htmx=True, choice="drop").text
    assert "Approved" in post(pages, "/inboxes/holds/1", htmx=True, choice="approve").text

    with world.road.open() as ws:
        assert holds.show(ws, 1)["status"] == "approved"
    assert world.road.sync().rows.removed == 34


def test_a_merge_is_taken_apart_on_the_page_of_its_lead(pages: httpx.Client, world: World) -> None:
    answer = post(pages, f"/leads/{world.lead('Jane M. Doe')}/undo-merge")

    assert answer.status_code == 303
    assert {"Jane Doe", "Jane M. Doe"} <= {one["full_name"] for one in world.road.leads()}
    assert "Take it back" in pages.get(answer.headers["location"]).text


def test_a_field_is_set_by_hand_and_undone(pages: httpx.Client, world: World) -> None:
    path = f"/leads/{world.lead('Ada King')}"

    post(pages, f"{path}/override", field="title", value="Countess")
    assert _title(world) == "Countess"
    post(pages, f"{path}/undo-field", field="title")
    assert _title(world) == "Founder"


def test_a_customer_is_paused_with_a_reason_and_resumed(pages: httpx.Client) -> None:
    assert post(pages, "/customers/acme/pause", reason="spring cleaning").status_code == 303
    assert "spring cleaning" in pages.get("/").text
    refused = post(pages, "/customers/acme/trigger")
    assert (refused.status_code, "is paused" in refused.text) == (409, True)
    post(pages, "/customers/acme/resume")
    assert "spring cleaning" not in pages.get("/").text


def test_what_cannot_be_is_said_in_place_of_the_card(pages: httpx.Client) -> None:
    answer = post(pages, "/inboxes/holds/99", htmx=True, choice="approve")

    assert answer.status_code == 404
    assert 'role="alert"' in answer.text
    assert post(pages, "/inboxes/holds/1", htmx=True, choice="burn").status_code == 400


def test_a_form_without_its_token_or_of_another_site_does_nothing(pages: httpx.Client, world: World) -> None:
    path, token = "/inboxes/holds/1", form_token(pages)

    assert pages.post(path, data={"choice": "approve"}).status_code == 403
    foreign = pages.post(
        path, data={"choice": "approve", "csrf_token": token}, headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    with world.road.open() as ws:
        assert holds.show(ws, 1)["status"] == "open"


def test_where_a_token_is_set_people_sign_in_and_a_reader_changes_nothing(world: World) -> None:
    settings = world.road.settings_of({"LEADS_API_TOKEN": "write-me-please,read:only-looking-here"})
    with served(settings) as client:
        assert client.get("/", headers={"Accept": "text/html"}).headers["location"] == "/sign-in"
        assert "no token of this server" in client.post("/sign-in", data={"token": "wrong"}).text

        signed_in = client.post("/sign-in", data={"token": "only-looking-here"})
        cookie = signed_in.headers["set-cookie"].lower()
        assert (signed_in.status_code, "httponly" in cookie, "samesite=strict" in cookie) == (303, True, True)
        page = client.get("/inboxes/conflicts").text
        assert "Keep this" not in page
        assert "Ada King" in post(client, "/leads", htmx=True, q="ada").text
        assert post(client, "/inboxes/holds/1", choice="approve").status_code == 403

        client.post("/sign-in", data={"token": "write-me-please"})
        assert post(client, "/inboxes/holds/1", choice="approve").status_code == 303
        post(client, "/sign-out")
        assert client.get("/", headers={"Accept": "text/html"}).status_code == 303


@pytest.mark.parametrize(("public", "secure"), [("https://leads.example", True), ("http://leads.example", False)])
def test_behind_a_proxy_with_tls_the_session_is_sent_over_tls_alone(world: World, public: str, secure: bool) -> None:
    settings = world.road.settings_of({"LEADS_API_TOKEN": "write-me-please", "LEADS_PUBLIC_URL": public})
    with served(settings) as client:
        cookie = client.post("/sign-in", data={"token": "write-me-please"}).headers["set-cookie"].lower()
    assert ("; secure" in cookie) == secure


def _title(world: World) -> str:
    (ada,) = (one for one in world.road.leads() if one["full_name"] == "Ada King")
    return str(ada["title"])
