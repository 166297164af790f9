"""A clock that is put back, and a time zone that changes: what is newer stays newer, and nothing waits for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone

import pytest

from leads_dagster.mirrors.crm import CrmStore
from leads_dagster.mirrors.push import LeadPush, PushOutcome, PushResult
from leads_dagster.pipeline import deciding, holds
from leads_dagster.pipeline.migrate import migrate
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import epochs, undo
from leads_dagster.store.lead_database import LeadDatabase
from leads_dagster_tests.acceptance.conftest import Road, assert_crm_equals_store

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")


class Clock:
    """The time, so many hours off."""

    hours = 0.0

    def now(self, _zone: object = None) -> datetime:
        return datetime.now(timezone.utc) + timedelta(hours=self.hours)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the road and of the public database."""
    clock = Clock()
    monkeypatch.setattr(Workspace, "now", lambda _: clock.now())
    monkeypatch.setattr(epochs, "wall_clock", clock.now)
    return clock


def said_by(road: Road, title: str, who: str) -> None:
    """A title set by a sheet's edit, from Python, by hand or by a file."""
    [lead] = road.leads()
    if who == "sheet":
        road.sync([(*JANE[:3], title)])
    elif who == "python":
        with LeadDatabase(road.settings.database_url, "acme") as database:
            database.update_lead(lead["id"], {"title": title})
    elif who == "hand":
        with road.open() as ws:
            deciding.carried_out(ws, lambda undoing: undo.override(undoing, lead["id"], "title", title))
    else:
        file = road.home / f"{title}.json"
        file.write_text(json.dumps([{"name": JANE[0], "email": JANE[1], "title": title}]))
        with road.open() as ws:
            migrate(ws, [file])


@pytest.mark.parametrize("first", ["sheet", "python"])
@pytest.mark.parametrize("then", ["sheet", "python", "hand", "file"])
def test_an_edit_made_after_the_clock_was_put_back_wins(road: Road, clock: Clock, first: str, then: str) -> None:
    road.sync([JANE])
    said_by(road, "Chair", first)
    clock.hours = -1
    said_by(road, "Founder", then)
    assert [lead["title"] for lead in road.leads()] == ["Founder"]
    moments = [one["at"] for one in road.all("lead_history")]
    assert moments == sorted(moments)
    with road.open() as ws:
        deciding.carried_out(ws, lambda undoing: undo.undo_field(undoing, road.leads()[0]["id"], "title"))
    assert [lead["title"] for lead in road.leads()] == ["Chair"]


def test_a_mirror_that_failed_before_the_clock_was_put_back_is_tried_again_at_once(
    road: Road, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: CrmStore, changes: Sequence[LeadPush]) -> PushResult:
        return PushResult(tuple(PushOutcome(one.lead_id, "failed", error="refused") for one in changes))

    with monkeypatch.context() as failing:
        failing.setattr(CrmStore, "push", refuse)
        road.sync([JANE])
    assert road.all("sync_status")[0]["status"] == "failed"
    clock.hours = -1
    road.sync([JANE])
    assert_crm_equals_store(road)


def test_a_plan_that_was_parked_is_shown_and_approved_after_the_clock_was_put_back(
    make_road: Callable[..., Road], clock: Clock
) -> None:
    road = make_road("[customers.guard]\nminimum = 0\nshare = 0.1\n")
    road.sync([JANE, BOB])
    clock.hours = -1
    assert road.sync([(*JANE[:3], "Chair"), BOB]).rows.held == 1
    with road.open() as ws:
        [hold] = holds.list_(ws)
        [row] = holds.show(ws, hold["id"])["plan"]
        assert [(one["field"], one["old"], one["new"]) for one in row["changes"]] == [("title", "CEO", "Chair")]
        holds.approve(ws, hold["id"], who="ada")
    road.sync()
    assert {lead["title"] for lead in road.leads()} == {"Chair", "CTO"}


def test_a_cycle_with_nothing_to_do_has_nothing_to_do_at_any_hour(road: Road, clock: Clock) -> None:
    road.sync([JANE])
    for hours in (-1.0, 1.0, -1000.0):
        clock.hours = hours
        assert road.sync().status == "unchanged"


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """The system's time zone."""

    def chosen(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield chosen
    monkeypatch.undo()
    time.tzset()


def test_the_time_zone_of_the_system_is_of_no_account(road: Road, zone: Callable[[str], None]) -> None:
    zone("Pacific/Kiritimati")
    road.sync([JANE])
    zone("Pacific/Pago_Pago")  # 25 hours behind: a local clock would be put back by a day
    road.sync([(*JANE[:3], "Chair")])
    assert [lead["title"] for lead in road.leads()] == ["Chair"]
    for table, column in (("lead_history", "at"), ("claims", "changed_at"), ("sync_runs", "finished_at")):
        moments = [one[column] for one in road.all(table)]
        assert moments == sorted(moments)
        assert all(abs(moment - datetime.now(timezone.utc)) < timedelta(minutes=10) for moment in moments)


def test_a_clock_before_1970_stops_no_sync(road: Road, clock: Clock) -> None:
    road.sync([JANE])
    clock.hours = -24 * 365 * 60
    road.sync([(*JANE[:3], "Chair")])
    assert [lead["title"] for lead in road.leads()] == ["Chair"]
