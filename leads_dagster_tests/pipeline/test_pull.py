"""What is read of Airtable into the payload log, and what is left out as our own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from leads_dagster.budget import Limit
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.pipeline.airtable_desk import AIRTABLE, BOB, JANE, TITLE, Desk
from leads_dagster_tests.pipeline.conftest import Road


@pytest.fixture
def desk(make_road: Callable[..., Road], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("leads_dagster.budget.place.airtable_limits", lambda *_, **__: (Limit("all", 1000),))
    environ = {"AIRTABLE_ENDPOINT_URL": sandbox.url, "AIRTABLE_API_KEY": "patOurs"}
    return Desk(make_road(AIRTABLE, environ=environ), sandbox)


def test_a_persons_edit_is_noted_with_its_time(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    desk.type_in(jane := desk.record_of("Jane Doe"), Title="Chair", Notes="called")
    done = desk.pull()
    assert (done.status, done.changes, done.waiting, done.calls) == ("read", 2, 2, 1)
    assert [change[0] for change in desk.changes()] == [jane, jane]
    assert desk.changes()[0] == (jane, TITLE, "changed", "Chair")
    (times,) = {row["changed_at"] for row in desk.road.all("airtable_changes")}
    assert before <= times <= datetime.now(timezone.utc)


def test_our_own_writes_are_never_noted(desk: Desk) -> None:
    desk.ready(JANE)
    desk.sync((*JANE[:3], "Chair"), BOB)
    assert (desk.pull().waiting, desk.changes()) == (0, [])


def test_a_look_at_nothing_new_costs_one_call_and_notes_nothing(desk: Desk) -> None:
    desk.ready(JANE)
    done = desk.pull()
    assert (done.status, done.changes, done.waiting, done.calls, done.error) == ("read", 0, 0, 1, None)
