"""The API on PostgreSQL, which has no change counter and other locks."""

from __future__ import annotations

import time
from pathlib import Path

from leads_dagster_tests.interfaces.api.conftest import people, served
from leads_dagster_tests.pipeline.conftest import Road


def test_reading_deciding_and_doing_once(tmp_path: Path, postgres_url: str) -> None:
    road = Road(tmp_path / "road", environ={"LEADS_DATABASE_URL": postgres_url})
    road.sync(people(1, 2))
    key = {"Idempotency-Key": "once"}
    with served(road.settings) as api:
        page = api.get("/api/leads", params={"q": "person"}).json()
        assert page["total"] == 2
        lead = page["leads"][0]["id"]
        sent = [api.post(f"/api/leads/{lead}/fields/title", json={"value": "CEO"}, headers=key) for _ in range(2)]
        assert sent[0].json() == sent[1].json()
        assert api.get(f"/api/leads/{lead}").json()["title"] == "CEO"
        assert api.post("/api/leads/sync/pause").json()["isPaused"] is True
        assert api.get("/api/leads/sync/status").json()["isPaused"] is True
        road.sync(people(1, 2, 3))
        time.sleep(1.1)  # it is asked once a second
        assert api.get("/api/leads").json()["total"] == 3
