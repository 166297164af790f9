"""Watching Airtable: an edit is found once it is quiet, at the pace that the call budget allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from leads_dagster.pipeline import pausing
from leads_dagster.pipeline.watching import Watcher
from leads_dagster.pipeline.watching_airtable import EDITS_WAIT, AirtableWatcher
from leads_dagster.pipeline.watching_words import words_of_tables
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.pipeline.airtable_desk import AIRTABLE, JANE, Desk, environment
from leads_dagster_tests.pipeline.conftest import Road

MakeRoad = Callable[..., Road]
# No limit of calls, so that the budget allows a look every second.
BUSINESS = f'{AIRTABLE}plan = "business"\n'


@pytest.fixture
def desk(make_road: MakeRoad, sandbox: Sandbox) -> Desk:
    made = Desk(make_road(BUSINESS, environ=environment(sandbox)), sandbox)
    made.ready(JANE)
    return made


@pytest.fixture
def tables(desk: Desk) -> Iterator[AirtableWatcher]:
    with closing(Watcher(desk.road.settings)) as watcher, closing(AirtableWatcher(watcher)) as tables:
        yield tables


def test_an_edit_in_airtable_is_found_and_after_its_cycle_nothing_is(desk: Desk, tables: AirtableWatcher) -> None:
    assert tables.watch(1.5) == []
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    assert [(one.customer, one.why) for one in tables.watch(10)] == [("acme", EDITS_WAIT)]
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] == "Chair"
    assert tables.watch(2.5) == []


def test_what_somebody_else_noted_is_found_without_a_call(desk: Desk, tables: AirtableWatcher) -> None:
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    desk.pull()
    assert [one.why for one in tables.watch(10)] == [EDITS_WAIT]


def test_a_paused_customers_table_is_not_read(desk: Desk, tables: AirtableWatcher, sandbox: Sandbox) -> None:
    with desk.road.open() as ws:
        pausing.pause(ws)
    tables.watch(0.1)
    asked = sandbox.requests.total
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    assert tables.watch(1.5) == []
    assert sandbox.requests.total - asked <= 1  # the twin's own, of whoever typed


def test_a_table_with_a_cycle_under_way_is_left_to_it(desk: Desk, tables: AirtableWatcher) -> None:
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    assert tables.watch(1.5, busy={"acme"}) == []
    assert tables.watch(10)


def test_a_service_that_is_away_is_said_and_found_again(desk: Desk, tables: AirtableWatcher) -> None:
    desk.admin("faults", kind="status", service="airtable", status=503)
    while not tables.errors:
        assert tables.watch(1) == []
    assert "acme: " in words_of_tables(tables)
    desk.admin("faults", method="DELETE")
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    assert tables.watch(30)
