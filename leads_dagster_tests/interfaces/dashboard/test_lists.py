"""Alerts on the overview, drift and the outbox, and the way from a run into Dagster."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from leads_dagster.live.presence import only_one
from leads_dagster.pipeline import overriding
from leads_dagster.pipeline.alerting import alert_round
from leads_dagster.store import tables
from leads_dagster.store.engine import writing
from leads_dagster_tests.interfaces.api.conftest import served
from leads_dagster_tests.interfaces.dashboard.conftest import World, post
from leads_dagster_tests.pipeline.conftest import Road

RUN = "0a1b2c3d-0000-4000-8000-000000000001"


def refuse(road: Road, name: str, *, status: str = "dead", why: str = "Airtable says <no>.") -> None:
    """Let the CRM have refused a lead."""
    (lead,) = (one["id"] for one in road.leads() if one["full_name"] == name)
    marks = tables.sync_status
    with road.open() as ws, writing(ws.engine) as connection:
        mine = (marks.c.lead_id == lead, marks.c.mirror == "crm")
        connection.execute(update(marks).where(*mine).values(status=status, error_message=why, attempt_count=9))


def marks(road: Road) -> set[str]:
    return {one["status"] for one in road.all("sync_status")}


def test_alerts_that_stand_are_on_the_overview_with_the_way_to_what_can_be_done(world: World) -> None:
    with served(world.road.settings) as pages:
        assert 'id="alerts"' not in pages.get("/").text
        alert_round(world.road.settings)
        text = pages.get("/").text

    assert "stand, 4 things wait for you" in text
    assert 'href="/inboxes/holds?customerId=acme"' in text
    assert "would remove, blank or change many leads and waits" in text
    assert "As the last look saw it" in text


def test_an_alert_of_a_customer_who_is_gone_is_not_shown(world: World) -> None:
    alert_round(world.road.settings)
    path = world.road.home / "leads.toml"
    path.write_text(path.read_text().replace('"acme"', '"other"', 1), encoding="utf-8")

    with served(world.road.settings_of({})) as pages:
        assert "customerId=acme" not in pages.get("/").text


def test_drift_shows_both_words_and_who_said_the_other(pages: httpx.Client, world: World) -> None:
    with world.road.open() as ws:
        overriding.override(ws, world.lead("Nora Lindqvist"), "title", "Chair <b>woman</b>")

    text = pages.get("/inboxes/drift").text

    assert "Chair &lt;b&gt;woman&lt;/b&gt;" in text
    assert "row 4" in text.lower()
    assert f"/leads/{world.lead('Nora Lindqvist')}" in text


def test_where_nothing_drifts_that_is_said(tmp_path: Path) -> None:
    road = Road(tmp_path / "home")
    road.sync([["Ann Lee", "ann@a.example", "", ""]])

    with served(road.settings) as pages:
        assert "No drift: every lead of acme says what its rows say." in pages.get("/inboxes/drift").text


def test_a_dead_letter_is_shown_with_its_reason_and_sent_again(pages: httpx.Client, world: World) -> None:
    refuse(world.road, "Nora Lindqvist")
    text = pages.get("/inboxes/outbox").text
    assert "dead letter" in text
    assert "Airtable says &lt;no&gt;." in text

    back = post(pages, "/inboxes/outbox/retry?customerId=acme", lead=world.lead("Nora Lindqvist"), mirror="crm")

    assert (back.status_code, back.headers["location"]) == (303, "/inboxes/outbox?done=sent_again")
    assert marks(world.road) == {"success"}
    assert "The mirrors have heard of every lead." in pages.get("/inboxes/outbox").text


def test_all_that_was_refused_is_sent_again_at_once(pages: httpx.Client, world: World) -> None:
    refuse(world.road, "Nora Lindqvist")
    refuse(world.road, "Erik Holm", status="failed")

    assert post(pages, "/inboxes/outbox/retry?customerId=acme").status_code == 303
    assert marks(world.road) == {"success"}


def test_a_form_of_another_site_sends_nothing_again(pages: httpx.Client, world: World) -> None:
    refuse(world.road, "Nora Lindqvist")

    answer = pages.post("/inboxes/outbox/retry?customerId=acme", data={"csrf_token": "0" * 64})

    assert answer.status_code == 403
    assert "dead" in marks(world.road)


@contextmanager
def dagster(known: str) -> Iterator[str]:
    """Something that answers as Dagster's interface does of one run; gives its address."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kind = "Run" if asked["variables"]["id"] == known else "RunNotFoundError"
            body = json.dumps({"data": {"runOrError": {"__typename": kind}}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Not into the tests' output."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_run_leads_into_dagster_where_it_is_known(tmp_path: Path) -> None:
    road = Road(tmp_path / "home")
    with served(road.settings) as pages, dagster(RUN) as web, only_one(road.home) as presence:
        presence.urls = {"web": web}
        presence.write({})
        there, gone = pages.get(f"/runs/{RUN}"), pages.get("/runs/0a1b2c3d-other")

    assert (there.status_code, there.headers["location"]) == (302, f"{web}/runs/{RUN}")
    assert gone.status_code == 404
    assert "Dagster does not know this run." in gone.text


def test_without_dagster_a_run_says_so(tmp_path: Path) -> None:
    with served(Road(tmp_path / "home").settings) as pages:
        answer = pages.get(f"/runs/{RUN}")

    assert answer.status_code == 404
    assert "Dagster&#39;s interface does not run." in answer.text


@pytest.mark.parametrize("run", ["..%2f..%2fetc", "a b c d e f", "<script>"])
def test_what_is_no_run_is_no_page(tmp_path: Path, run: str) -> None:
    with served(Road(tmp_path / "home").settings) as pages:
        assert pages.get(f"/runs/{run}").status_code == 404
