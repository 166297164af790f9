"""How long changes take is measured from when they were first seen, to the store and to each mirror."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select

from leads_dagster.pipeline import metrics, overriding
from leads_dagster.pipeline.arrival import arrival
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.freshness import Measuring, made_at
from leads_dagster.pipeline.history import history
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import outbox, tables
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.tables import sync_status
from leads_dagster_tests.pipeline.conftest import Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")
CHAIR = (*JANE[:3], "Chair")
NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def lines(road: Road, target: str) -> list[dict[str, Any]]:
    return [one for one in road.all("freshness") if one["target"] == target]


def sync_seen(road: Road, ago: timedelta) -> None:
    """A cycle that a watcher asked for, which saw the change that long ago."""
    with road.open() as ws:
        ws.seen_at = ws.now() - ago
        run_cycle(ws)


def put_back_marks(road: Road, ago: timedelta) -> None:
    """Let the mirrors' marks wait since then."""
    with road.open() as ws, writing(ws.engine) as connection:
        connection.execute(sync_status.update().values(seen_at=ws.now() - ago, status="pending"))


def test_every_row_that_was_stored_and_mirrored_is_measured(road: Road) -> None:
    road.sync([JANE, BOB])
    road.sync([CHAIR, (*BOB[:3], "Chair")])
    road.sync([JANE, (*BOB[:3], "Chair")])
    assert [one["rows"] for one in lines(road, "store")] == [2, 1]
    assert [one["rows"] for one in lines(road, "crm")] == [2, 1]
    assert all(one["seconds"] >= 0 for one in road.all("freshness"))


def test_a_first_load_is_no_edit_and_is_not_measured(road: Road) -> None:
    road.sync([JANE, BOB])
    assert road.all("freshness") == []


def test_a_cycle_without_a_change_measures_nothing(road: Road) -> None:
    road.sync([JANE])
    road.sync([CHAIR])
    before = road.all("freshness")
    road.sync()
    assert road.all("freshness") == before


def test_a_change_counts_from_when_a_watcher_first_saw_it(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws, writing(ws.engine) as connection:
        looked = ws.now() - timedelta(hours=1)
        connection.execute(tables.sync_runs.update().values(observed_at=looked))
    road.write([CHAIR])
    sync_seen(road, timedelta(seconds=90))
    for target in ("store", "crm"):
        assert 90 <= lines(road, target)[-1]["seconds"] < 150


def test_what_a_watcher_saw_before_the_last_ledger_is_not_what_is_new(road: Road) -> None:
    road.sync([JANE])
    road.write([CHAIR])
    sync_seen(road, timedelta(days=3))
    assert lines(road, "store")[-1]["seconds"] < 60


def test_a_file_tells_when_it_was_saved(road: Road) -> None:
    road.sync([JANE])
    road.sync([CHAIR])
    for target in ("store", "crm"):
        line = lines(road, target)[-1]
        assert line["made_seconds"] >= line["seconds"]


def test_a_file_that_is_older_than_the_last_ledger_does_not_tell_when_it_was_changed(road: Road) -> None:
    road.sync([JANE])
    road.write([CHAIR])
    os.utime(road.sheet, (1_000_000_000, 1_000_000_000))
    road.sync()
    assert [one["made_seconds"] for one in lines(road, "store")] == [None]


def test_a_mark_that_waited_counts_from_when_its_oldest_change_was_first_seen(road: Road) -> None:
    road.sync([JANE])
    road.sync([CHAIR])
    put_back_marks(road, timedelta(seconds=300))
    road.sync([(*JANE[:3], "Founder")])
    assert 300 <= lines(road, "crm")[-1]["seconds"] < 400
    assert lines(road, "store")[-1]["seconds"] < 60


def test_a_mark_that_was_worked_off_waits_for_nothing(road: Road) -> None:
    road.sync([JANE])
    assert [one["seen_at"] for one in road.all("sync_status")] == [None]


def test_a_mark_that_failed_keeps_the_time_of_its_change(road: Road) -> None:
    road.sync([JANE])
    put_back_marks(road, timedelta(seconds=300))
    (mark,) = road.all("sync_status")
    with road.open() as ws, writing(ws.engine) as connection:
        outbox.book_failure(
            connection, [mark["lead_id"]], "crm", error="no", permanent=False, now=ws.now(), attempts={}
        )
    assert [one["seen_at"] for one in road.all("sync_status")] == [mark["seen_at"]]


def test_what_a_mirror_is_told_again_is_no_change_and_is_not_measured(road: Road) -> None:
    road.sync([JANE])
    before = len(lines(road, "crm"))
    with road.open() as ws, writing(ws.engine) as connection:
        outbox.tell_again(connection, "acme", "crm", same_place=False)
    road.sync()
    assert len(lines(road, "crm")) == before


def test_batches_that_took_as_long_share_a_line(
    make_road: Callable[..., Road], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workspace, "now", lambda _: NOON)
    road = make_road(environ={"LEADS_BATCH_SIZE": "1"})
    road.sync([JANE])
    road.sync([JANE] + [(f"Person {number}", f"p{number}@acme.example", "", "") for number in range(60)])
    assert [one["rows"] for one in lines(road, "store")] == [60]


def test_batches_that_took_longer_have_a_line_of_their_own(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    with road.open() as ws, writing(ws.engine) as connection:
        measuring = Measuring(ws, "run", "store")
        for milliseconds in (1000, 1001, 4000, 4001, 4002):
            monkeypatch.setattr(Workspace, "now", lambda _, at=NOON + milliseconds * SECOND / 1000: at)
            measuring.gather(connection, NOON, 1, last=milliseconds == 4002)
    told = [(one["rows"], one["seconds"]) for one in lines(road, "store")]
    assert told == [(2, 1.001), (1, 4.0), (2, 4.002)]


def test_a_clock_that_is_put_back_makes_no_negative_wait_and_is_said(
    road: Road, caplog: pytest.LogCaptureFixture
) -> None:
    with road.open() as ws, caplog.at_level(logging.WARNING), writing(ws.engine) as connection:
        Measuring(ws, "run", "store").note(connection, [ws.now() + timedelta(hours=1)])
    assert [one["seconds"] for one in road.all("freshness")] == [0.0]
    assert "clock was put back" in caplog.text


def test_materialisations_say_how_fresh_this_run_and_the_last_hour_were(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws:
        measuring = Measuring(ws, "run", "store")
        with writing(ws.engine) as connection:
            measuring.note(connection, [ws.now() - 4 * SECOND])
        told = measuring.numbers()
    assert told["freshness_rows"] == 1
    assert told["freshness_p50_seconds"] == pytest.approx(4, rel=0.06)
    assert told["freshness_rows_last_hour"] == 1
    assert told["freshness_worst_seconds_last_hour"] == told["freshness_worst_seconds"]


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        (None, False),
        (NOON - SECOND, True),
        (NOON - 60 * SECOND, True),  # HTTP's whole second in which the last look fell
        (NOON - 61 * SECOND, False),
        (NOON + SECOND, False),
    ],
)
def test_a_sheet_was_edited_between_two_looks_or_its_source_tells_of_something_else(
    told: datetime | None, counts: bool
) -> None:
    last_look = NOON - 59.5 * SECOND
    assert made_at(told, observed_at=NOON, last_look=last_look) == (told if counts else None)
    assert made_at(told, observed_at=NOON, last_look=None) is None


def test_metrics_add_up_cycles_rows_and_errors(road: Road) -> None:
    road.sync([JANE, BOB])
    road.sync([CHAIR])
    with road.open() as ws:
        found = metrics.metrics(ws, since=timedelta(hours=1))
    names = ("customerId", "syncs", "rowsProcessed", "rowsInserted", "rowsUpdated", "rowsDeleted", "errorCount")
    assert [found[name] for name in names] == ["acme", 2, 3, 2, 1, 1, 0]
    assert (found["successRate"], found["errorRate"], found["retryCount"]) == (1.0, 0.0, 0)
    assert found["syncDuration"] > 0
    assert found["freshness"]["store"]["rows"] == 2
    assert found["freshness"]["store"]["p50"] <= found["freshness"]["store"]["worst"]
    assert (found["freshness"]["airtable"]["rows"], found["freshness"]["airtable"]["p50"]) == (0, None)
    assert found["hours"][-1]["rows"] == 2


def test_metrics_of_a_customer_that_never_synced_are_blank(road: Road) -> None:
    with road.open() as ws:
        found = metrics.metrics(ws, since=timedelta(hours=1))
    assert (found["syncs"], found["syncDuration"], found["successRate"], found["errorRate"]) == (0, None, None, None)


def test_of_a_lead_s_last_change_it_is_known_when_it_was_seen_and_stood_where(road: Road) -> None:
    road.sync([JANE])
    before = datetime.now(timezone.utc)
    road.sync([CHAIR])
    with road.open() as ws:
        told = history(ws, "jane@acme.example")["arrival"]
    assert before <= told["seen_at"] <= datetime.now(timezone.utc)
    assert 0 <= told["stored_seconds"] <= told["crm_seconds"]
    assert told["airtable_seconds"] is None


def test_of_a_mirror_that_was_not_told_of_it_it_is_not_known(road: Road) -> None:
    road.sync([JANE])
    road.sync([CHAIR])
    with road.open() as ws, writing(ws.engine) as connection:
        connection.execute(sync_status.update().values(status="pending"))
        lead = connection.execute(select(sync_status.c.lead_id)).scalar_one()
    with road.open() as ws, reading(ws.engine) as connection:
        found = arrival(connection, "acme", lead)
        assert found is not None
        assert found["crm_seconds"] is None


def test_of_what_a_person_said_here_there_is_no_way_to_tell(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws:
        overriding.override(ws, "jane@acme.example", "title", "Chief", reason=None)
        assert history(ws, "jane@acme.example")["arrival"] is None
