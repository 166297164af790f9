"""What runs by itself looks at Airtable as often as the month's budget allows; a person's look is made at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from leads_dagster.budget import BUDGET_FILE, airtable_budget
from leads_dagster.errors import StoreBusyError
from leads_dagster.pipeline.pull import Pulled, pull
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.pipeline.airtable_desk import AIRTABLE, JANE, Desk
from leads_dagster_tests.pipeline.conftest import Road

MakeRoad = Callable[..., Road]


@pytest.fixture
def desk(make_road: MakeRoad, sandbox: Sandbox) -> Desk:
    return Desk(make_road(AIRTABLE, environ=environ_of(sandbox)), sandbox)


def environ_of(sandbox: Sandbox) -> dict[str, str]:
    return {"AIRTABLE_ENDPOINT_URL": sandbox.url, "AIRTABLE_API_KEY": "patOurs"}


def paced(desk: Desk) -> Pulled:
    with desk.road.open() as ws:
        ws.paced = True
        return pull(ws)


def test_between_two_looks_that_nobody_asked_for_no_call_is_made(desk: Desk, sandbox: Sandbox) -> None:
    desk.sync(JANE)
    (desk.road.home / BUDGET_FILE).unlink()
    first, asked = paced(desk), sandbox.requests.total
    second = paced(desk)

    assert first.status != "waiting"
    assert (second.status, second.calls, sandbox.requests.total) == ("waiting", 0, asked)


def test_whoever_asks_for_a_look_gets_it(desk: Desk) -> None:
    desk.sync(JANE)

    assert [desk.pull().status != "waiting" for _ in range(2)] == [True, True]


def test_a_look_before_a_write_puts_the_next_one_off(desk: Desk) -> None:
    desk.sync(JANE)
    desk.sync((*JANE[:3], "Chair"))  # her record is patched, and its payloads were read for that

    assert paced(desk).status == "waiting"


def test_books_out_of_reach_stop_airtable_and_nothing_else(make_road: MakeRoad, sandbox: Sandbox) -> None:
    environ = {**environ_of(sandbox), "LEADS_BUDGET_URL": "unix:///nowhere/socket"}
    road = make_road(AIRTABLE, environ=environ)
    road.write([JANE], ("Name", "Email", "Company", "Title"))
    with road.open() as ws:
        done = pull(ws)

    assert done.status == "failed"
    assert isinstance(done.error, StoreBusyError)


def test_a_base_that_two_customers_share_is_looked_at_once_for_both(desk: Desk) -> None:
    settings = desk.road.settings
    target = settings.customers[0].airtable
    assert target is not None
    with airtable_budget(settings, target) as of_another:
        assert of_another.pull_due()

    assert paced(desk).status == "waiting"
