"""The stores are said to be up to date while they are, and by nobody once the live system is dead."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import dagster as dg
import pytest

from leads_dagster.orchestration import freshness
from leads_dagster.orchestration.freshness import freshness_roll_up, freshness_schedule, said, vouch
from leads_dagster.orchestration.resources import Workspaces
from leads_dagster.pipeline.vouching import Minute, each_minute
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.store.engine import writing
from leads_dagster.store.statements import upsert
from leads_dagster.store.tables import sync_states, sync_status, watching
from leads_dagster_tests.orchestration.conftest import DagsterRoad

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
CHAIR = (*JANE[:3], "Chair")
STORES = ["lead_store", "crm_store", "airtable_mirror"]
HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(timezone.utc)


def looked(road: DagsterRoad, at: datetime) -> None:
    """A watcher looked at the sheet then."""
    with open_workspace(road.settings, "acme") as ws, writing(ws.engine) as connection:
        upsert(connection, watching, [{"customer": "acme", "looked_at": at}])


def minute(road: DagsterRoad, at: datetime | None = None) -> Minute:
    return each_minute(road.settings, now=at or now())


def newest(road: DagsterRoad, asset: str) -> dg.AssetMaterialization:
    event = road.instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert event is not None
    assert event.asset_materialization is not None
    return event.asset_materialization


@pytest.fixture
def quiet(road: DagsterRoad, monkeypatch: pytest.MonkeyPatch) -> DagsterRoad:
    """Synced and looked at, and long enough ago for the stores to be due for a word."""
    road.sync([JANE])
    road.sync([CHAIR])
    looked(road, now())
    monkeypatch.setattr(freshness, "SAID_AGAIN_SECONDS", 0.0)
    return road


def test_a_quiet_sheet_s_stores_are_said_to_be_up_to_date_by_one_event_each_without_a_run(quiet: DagsterRoad) -> None:
    runs = len(quiet.instance.get_runs())
    assert vouch(quiet.instance, minute(quiet)) == STORES
    for asset in STORES:
        told = newest(quiet, asset)
        assert told.partition is None
        assert told.metadata["customers"] == dg.IntMetadataValue(1)
    assert newest(quiet, "lead_store").metadata["freshness_rows_last_hour"] == dg.IntMetadataValue(1)
    assert len(quiet.instance.get_runs()) == runs


def test_nothing_is_said_so_soon_after_a_materialisation(road: DagsterRoad) -> None:
    road.sync([JANE])
    looked(road, now())
    assert vouch(road.instance, minute(road)) == []


def test_nothing_is_said_of_a_store_that_was_never_written(quiet: DagsterRoad) -> None:
    with dg.DagsterInstance.ephemeral() as empty:
        assert vouch(empty, minute(quiet)) == []


def test_while_nobody_looks_at_the_sheet_nothing_is_said(quiet: DagsterRoad) -> None:
    looked(quiet, now() - HOUR)
    found = minute(quiet)
    assert found.stale == {"store": ["acme"], "crm": ["acme"], "airtable": []}
    assert vouch(quiet.instance, found) == ["airtable_mirror"]
    assert "Cannot tell of store: acme." in said(found, [])


def test_a_customer_who_is_paused_is_nobody_s_delay(quiet: DagsterRoad) -> None:
    looked(quiet, now() - HOUR)
    with open_workspace(quiet.settings, "acme") as ws, writing(ws.engine) as connection:
        upsert(connection, sync_states, [{"customer": "acme", "paused": True}])
    assert minute(quiet).stale == {"store": [], "crm": [], "airtable": []}


def test_a_mirror_for_which_a_change_waits_too_long_is_late_and_the_store_is_not(quiet: DagsterRoad) -> None:
    with open_workspace(quiet.settings, "acme") as ws, writing(ws.engine) as connection:
        connection.execute(sync_status.update().values(status="failed", seen_at=now() - HOUR))
    assert minute(quiet).stale == {"store": [], "crm": ["acme"], "airtable": []}


def test_an_interval_of_an_hour_allows_three(quiet: DagsterRoad) -> None:
    with open_workspace(quiet.settings, "acme") as ws, writing(ws.engine) as connection:
        row = {"customer": "acme", "looked_at": now() - 2 * HOUR, "interval_seconds": 3600.0}
        upsert(connection, watching, [row])
    assert minute(quiet).stale["store"] == []


def test_the_schedule_works_in_its_evaluation_and_asks_for_no_run(
    quiet: DagsterRoad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "load_settings", lambda: quiet.settings)
    with dg.build_schedule_context(instance=quiet.instance) as context:
        found = freshness_schedule.evaluate_tick(context)
    assert found.run_requests == []
    assert found.skip_message is not None
    assert "Up to date: lead_store, crm_store, airtable_mirror." in found.skip_message


def test_the_job_does_the_same_by_hand(quiet: DagsterRoad) -> None:
    with Workspaces(lambda: quiet.settings) as leads:
        done = freshness_roll_up.execute_in_process(instance=quiet.instance, resources={"leads": leads})
    assert done.success
    assert newest(quiet, "lead_store").description == "Up to date; nothing changed."


def test_what_the_policy_looks_at_is_the_newest_event_whichever_partition_it_is_of(quiet: DagsterRoad) -> None:
    """As `TimeWindowFreshnessPolicyEvaluator` does: the asset's entry, not those of its partitions."""
    before = time.time()
    vouch(quiet.instance, minute(quiet))
    (record,) = quiet.instance.get_asset_records([dg.AssetKey("lead_store")])
    assert record.asset_entry.last_materialization is not None
    assert record.asset_entry.last_materialization.timestamp >= before


def test_materialisations_of_a_run_say_how_fresh_it_was(road: DagsterRoad) -> None:
    road.sync([JANE])
    road.sync([CHAIR])
    for asset in ("lead_store", "crm_store"):
        told = newest(road, asset).metadata
        assert told["freshness_rows"] == dg.IntMetadataValue(1)
        assert isinstance(told["freshness_p95_seconds"], dg.FloatMetadataValue)
        assert isinstance(told["freshness_worst_seconds_last_hour"], dg.FloatMetadataValue)
