"""`/metrics`: what Prometheus reads, under the names that the docs give; `/api/leads/alerts`."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from leads_dagster.interfaces.api.prometheus import COUNTERS, GAUGES
from leads_dagster.pipeline.alerting import alert_round
from leads_dagster_tests.conftest import REPOSITORY
from leads_dagster_tests.interfaces.api.conftest import people
from leads_dagster_tests.pipeline.conftest import Road


def figures(api: httpx.Client) -> dict[str, float]:
    answer = api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        sample.name + "".join(f"|{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_synced_customer_shows_where_it_stands(road: Road, api: httpx.Client) -> None:
    road.sync(people(1, 2))
    road.sync([*people(1, 2, 3), ["", "", "", "Nobody"]])
    found = figures(api)
    assert found["leads_up"] == 1
    assert found["leads_active|acme"] == 3
    assert found["leads_waiting_for_people|acme|quarantine"] == 1
    assert found["leads_sync_failures_in_a_row|acme"] == 0
    assert found["leads_freshness_seconds|acme|0.95|store"] > 0


def test_a_database_that_cannot_be_read_is_a_figure_and_no_failure(road: Road, api: httpx.Client) -> None:
    road.sync(people(1))
    (road.home / "leads.db").write_bytes(b"this is no database at all" * 400)
    for rest in road.home.glob("leads.db-*"):
        rest.unlink()
    assert figures(api)["leads_up"] == 0


def test_no_cell_of_a_lead_is_among_the_labels(road: Road, api: httpx.Client) -> None:
    road.sync(people(1, company="Acme Secretive"))
    assert "Secretive" not in api.get("/metrics").text


def test_every_name_stands_in_the_docs_and_every_name_of_the_board_is_ours() -> None:
    names = {*GAUGES, *(f"{name}_total" for name in COUNTERS)}
    page = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in page] == []
    board = json.loads(Path(REPOSITORY / "deploy" / "grafana.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert [one for one in asked if not any(name in one for name in names)] == []


def test_alerts_that_stand_are_listed(road: Road, api: httpx.Client) -> None:
    road.sync(people(*range(40)))
    road.sync(people(1, 2))
    alert_round(road.settings)
    found = api.get("/api/leads/alerts").json()
    assert {one["kind"] for one in found} == {"hold", "backup"}
    assert all(one["advice"] and one["openedAt"] for one in found)
