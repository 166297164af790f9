"""What reads from the store and writes nothing: status, drift, plan, checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from leads_dagster.pipeline import checks, holds, row_changes, workspace
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.drift import drift
from leads_dagster.pipeline.plan import plan
from leads_dagster.pipeline.status import status
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster_tests.pipeline.conftest import Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")
BAD = ("", "nowhere", "", "")


def test_status_tells_the_ledger_and_that_it_is_at_rest(road: Road) -> None:
    road.sync([JANE, BOB, BAD])
    with road.open() as ws:
        found = status(ws)
    assert (found["running"], found["progress_percent"], found["progress_message"]) == (False, 100, "Up to date")
    assert (found["leads"], found["rows"]["read"], found["rows"]["quarantined"]) == (2, 3, 1)
    assert found["ledger_adds_up"] is True
    assert found["outbox"] == {"crm": {"success": 2}}


def test_drift_shows_which_row_the_lead_follows(road: Road) -> None:
    road.sync([JANE, ("Jane Doe", "jane@acme.example", "Acme", "Chief Executive")])
    with road.open() as ws:
        (found,) = drift(ws)
    assert (found["row"], found["field"], found["sheet"]) == (2, "title", "CEO")
    assert (found["lead"], found["said_by"]) == ("Chief Executive", "row 3")


def test_a_plan_says_what_the_sync_then_does_and_writes_nothing(road: Road) -> None:
    road.sync([JANE, BOB])
    road.write([(*JANE[:3], "Chair"), ("Ann Lee", "ann@beta.example", "Beta", ""), BAD])
    tables = ("leads", "claims", "source_records", "sync_runs", "staging", "counters")
    before = [road.all(name) for name in tables]
    with road.open() as ws:
        planned = plan(ws)
    assert [road.all(name) for name in tables] == before
    assert planned["rows"] == dict(  # noqa: C408  # reads as the counts it holds
        read=3, created=1, updated=1, unchanged=0, merged=0, quarantined=1, held=0, removed=1
    )
    assert planned["leads"] == {"create": 1, "update": 1, "retire": 1}
    done = road.sync()
    assert {name: getattr(done.rows, name) for name in planned["rows"]} == planned["rows"]


def test_a_plan_of_an_unchanged_sheet_says_so(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws:
        assert plan(ws)["status"] == "unchanged"


def test_a_plan_counts_what_an_approved_hold_lets_through(make_road: Callable[..., Road]) -> None:
    road = make_road("[customers.guard]\nminimum = 1\nshare = 0.1\n")
    rows = [(f"Person {name}", f"{name}@zeta.example", "Zeta", "CEO") for name in "abcdef"]
    road.sync(rows)
    assert road.sync(rows[:3]).status == "held"
    with road.open() as ws:
        holds.approve(ws, holds.list_(ws)[0]["id"])
        planned = plan(ws)
    assert (planned["status"], planned["rows"]["removed"]) == ("changed", 3)
    assert road.sync().rows.removed == 3


def test_a_plan_of_a_long_sheet_does_not_pretend_to_run(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_changes, "_REPORT_EVERY", 1)
    monkeypatch.setattr(workspace, "_PROGRESS_SECONDS", 0.0)
    road.sync([JANE])
    before = road.all("sync_states")
    road.write([JANE, BOB, BAD])
    with road.open() as ws:
        plan(ws)
    assert road.all("sync_states") == before


def test_after_a_cycle_every_property_holds(road: Road) -> None:
    result = road.sync([JANE, BOB])
    with road.open() as ws:
        for check in (
            checks.sheet_not_shrunk,
            checks.headers_known,
            checks.no_strong_key_doubles,
            checks.ledger_adds_up,
            checks.freshness,
            checks.error_rate,
        ):
            assert check(ws, run_id=result.run_id).passed, check.__name__
        assert checks.stores_agree(ws, run_id=result.run_id, mirror="crm").passed


def test_many_bad_rows_are_warned_of_and_stop_nothing(road: Road) -> None:
    result = road.sync([JANE, BAD, BAD])
    with road.open() as ws:
        found = checks.error_rate(ws, run_id=result.run_id)
    assert (found.passed, found.severity) == (False, "warn")
    assert len(road.leads()) == 1


def test_a_mirror_that_is_behind_is_seen(make_road: Callable[..., Road]) -> None:
    road = make_road(environ={"LEADS_CRM_URL": "sqlite:////proc/nowhere/crm.db"})
    road.write([JANE])
    with road.open() as ws:
        from leads_dagster.errors import LeadsError
        from leads_dagster.pipeline.cycle import run_cycle

        try:
            run_cycle(ws)
        except LeadsError as error:
            assert "crm" in str(error).lower()  # noqa: PT017  # the cycle must fail, and the store be right all the same
        found = checks.stores_agree(ws, run_id="", mirror="crm")
    assert (found.passed, found.metadata["waiting"]) == (False, 1)
    assert len(road.leads()) == 1


def test_status_and_drift_speak_of_the_sheet_that_was_read_where_it_was_named_on_the_command_line(
    road: Road, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("Name,Email,Title\nJane Doe,jane@acme.example,CEO\nJane Doe,jane@acme.example,Chief Executive\n")
    with open_workspace(road.settings, "acme", sheet=str(other)) as ws:
        run_cycle(ws)
    with road.open() as ws:
        found = status(ws)
        assert (found["sheet"], found["rows"]["read"]) == (f"file:{other}", 2)
        assert [one["field"] for one in drift(ws)] == ["title"]
