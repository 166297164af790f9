"""What is cleared away in time, and what never is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from leads_dagster.pipeline import undo
from leads_dagster.pipeline.ingest import fetch_raw
from leads_dagster.pipeline.retention import KEPT_SNAPSHOTS, clean_up
from leads_dagster.sources.snapshots import SnapshotStore
from leads_dagster.store import tables
from leads_dagster.store.engine import writing
from leads_dagster_tests.pipeline.conftest import Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
IN_A_YEAR = datetime.now(timezone.utc) + timedelta(days=365)
FOR_EVER = ("leads", "source_records", "claims", "decisions", "lead_history", "matches", "conflicts", "sync_status")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    return on_both


def test_lines_of_the_ledger_go_but_for_the_last_and_a_run_can_still_be_undone(road: Road) -> None:
    road.sync([JANE])
    run = road.sync([(*JANE[:3], "Chair")]).run_id
    last = road.sync([(*JANE[:3], "Chair"), ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")]).run_id
    before = {name: road.all(name) for name in FOR_EVER}
    assert clean_up(road.settings)["sync_runs"] == 0
    assert clean_up(road.settings, now=IN_A_YEAR)["sync_runs"] == 2
    assert [line["run_id"] for line in road.all("sync_runs")] == [last]
    assert {name: road.all(name) for name in FOR_EVER} == before
    assert road.sync().status == "unchanged"

    with road.open() as ws:
        undo.undo_run(ws, run)
    assert {lead["title"] for lead in road.leads()} == {"CEO", "CTO"}


def test_a_cycle_that_died_keeps_its_line_until_another_caught_up(road: Road) -> None:
    road.sync([JANE])
    road.sync([(*JANE[:3], "Chair")])
    with road.open() as ws, writing(ws.engine) as connection:
        connection.execute(sa.update(tables.sync_runs).values(status="failed"))
        connection.execute(sa.update(tables.source_states).values(open_run_id="dead"))
    assert clean_up(road.settings, now=IN_A_YEAR)["sync_runs"] == 0
    road.sync([(*JANE[:3], "Founder")])
    assert clean_up(road.settings, now=IN_A_YEAR)["sync_runs"] == 2


def test_what_was_staged_goes_once_a_newer_ledger_closed(road: Road) -> None:
    road.sync([JANE])
    road.write([(*JANE[:3], "Chair")])
    with road.open() as ws:
        fetch_raw(ws, run_id="alone")
    assert clean_up(road.settings, now=IN_A_YEAR)["staging"] == 0
    with road.open() as ws, writing(ws.engine) as connection:
        connection.execute(sa.update(tables.source_states).values(version=tables.source_states.c.version + 1))
    assert clean_up(road.settings, now=IN_A_YEAR)["staging"] == 1


def test_raw_sheets_of_cycles_that_failed_are_bounded_and_those_that_a_ledger_or_a_cycle_needs_stay(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws:
        closed = road.all("source_states")[0]["checksum"]
        store: SnapshotStore = ws.snapshots
        for number in range(KEPT_SNAPSHOTS + 5):
            store.put(f"failed {number}".encode())
        road.write([(*JANE[:3], "Chair")])
        fetch_raw(ws, run_id="open")
        under_way = road.all("sync_runs", tables.sync_runs.c.run_id == "open")[0]["checksum"]
        for number in range(KEPT_SNAPSHOTS):
            store.put(f"later {number}".encode())
        assert clean_up(road.settings)["snapshots"] == KEPT_SNAPSHOTS + 5
        assert store.has(closed)
        assert store.has(under_way)


def test_of_a_customer_that_is_no_more_only_the_last_sheet_stays(road: Road) -> None:
    road.sync([JANE])
    (closed,) = [state["checksum"] for state in road.all("source_states")]
    path = road.home / "leads.toml"
    path.write_text(path.read_text().replace("acme", "other"))
    store = SnapshotStore(road.home / "raw" / "acme")
    old = store.put(b"an older one").checksum
    clean_up(road.settings_of(road.environ))
    assert (store.has(closed), store.has(old)) == (True, False)


def test_messages_that_nobody_took_for_a_day_go(road: Road) -> None:
    folder = road.home / "live" / "broker"
    folder.mkdir(parents=True)
    for name, age in (("old.msg", 90_000), ("new.msg", 60)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    assert clean_up(road.settings)["messages"] == 1
    assert [path.name for path in folder.iterdir()] == ["new.msg"]
