"""A mirror that is down delays nothing else, catches up when it is back, and doubles nothing on the way."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import pytest
from pyairtable import Api
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from leads_dagster.errors import LeadsError, StoreBusyError, StoreError
from leads_dagster.mirrors.crm import CrmStore
from leads_dagster.mirrors.push import LeadPush, PushResult
from leads_dagster.pipeline.mirror_booking import Booking
from leads_dagster.sandbox import Sandbox
from leads_dagster.store.lead_database import LeadDatabase
from leads_dagster_tests.acceptance.conftest import Road, assert_crm_equals_store
from leads_dagster_tests.pipeline.conftest import HEADER

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")
ANN = ("Ann Lee", "ann@beta.example", "Beta", "Founder")
AIRTABLE = '[customers.airtable]\nbase_id = "appLeadsSandbox01"\ntable = "Leads"\nplan = "team"\n'


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


class Towards:
    """A customer with both mirrors."""

    def __init__(self, road: Road, sandbox: Sandbox) -> None:
        self.road, self._table = road, Api("patAny", endpoint_url=sandbox.url).table("appLeadsSandbox01", "Leads")

    def titles_in_airtable(self) -> list[str]:
        return sorted(record["fields"]["Title"] for record in self._table.all())

    def titles_in_store(self) -> list[str]:
        return sorted(lead["title"] for lead in self.road.leads())


@pytest.fixture
def both(make_road: Callable[..., Road], sandbox: Sandbox) -> Towards:
    environ = {"AIRTABLE_ENDPOINT_URL": sandbox.url, "AIRTABLE_API_KEY": "patAny"}
    return Towards(make_road(AIRTABLE, environ=environ), sandbox)


@contextmanager
def locked(road: Road) -> Iterator[None]:
    """Somebody else's program keeps a write lock on the CRM."""
    with closing(sqlite3.connect(road.home / "crm.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def refusing(road: Road) -> Iterator[None]:
    """The CRM has a rule of its own that a row breaks."""
    rule = "CREATE TRIGGER rule BEFORE INSERT ON leads_lead BEGIN SELECT RAISE(FAIL, 'not in this CRM'); END"
    for statement in (rule, "DROP TRIGGER rule"):
        with closing(sqlite3.connect(road.home / "crm.db", isolation_level=None)) as other:
            other.execute(statement)
        if statement is rule:
            yield


@contextmanager
def away(road: Road) -> Iterator[None]:
    """A folder stands where the CRM's file was."""
    file, kept = road.home / "crm.db", road.home / "crm.kept"
    file.rename(kept)
    file.mkdir()
    yield
    file.rmdir()
    kept.rename(file)


@pytest.mark.parametrize("down", [locked, away], ids=["locked", "away"])
def test_a_crm_that_is_down_delays_neither_store_nor_airtable_and_catches_up(
    both: Towards, monkeypatch: pytest.MonkeyPatch, down: Callable[[Road], AbstractContextManager[None]]
) -> None:
    monkeypatch.setattr("leads_dagster.mirrors.crm_engine.BUSY_TIMEOUT_SECONDS", 0.1)
    both.road.sync([JANE, BOB])
    with down(both.road):
        for rows in ([("Jane Doe", "jane@acme.example", "Acme", "Chair"), BOB], [(*JANE[:3], "Queen"), ANN]):
            both.road.write(rows)
            with pytest.raises(LeadsError, match="CRM"):
                both.road.sync()
            assert both.titles_in_store() == both.titles_in_airtable() == sorted(row[3] for row in rows)
    assert both.road.sync().status == "done"
    assert_crm_equals_store(both.road)
    assert both.road.all("conflicts") == []
    assert both.road.sync().status == "unchanged"


def test_a_row_that_the_crm_refuses_stops_no_other_and_lands_when_it_is_marked_again(road: Road) -> None:
    road.sync([JANE])
    with refusing(road):
        assert road.sync([(*JANE[:3], "Chair"), BOB]).status == "done"
    assert [row["title"] for row in road.crm()] == ["Chair"]
    [bob] = [lead["id"] for lead in road.leads() if lead["email"] == BOB[1]]
    with LeadDatabase(road.settings.database_url, "acme") as database:
        database.mark_for_sync(bob)
    road.sync()
    assert_crm_equals_store(road)


def test_a_crm_whose_server_is_gone_is_said_at_once_and_the_store_goes_on(make_road: Callable[..., Road]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    url = f"postgresql://nobody@127.0.0.1:{port}/crm"
    road = make_road(environ={"LEADS_CRM_URL": url})
    with pytest.raises(LeadsError, match="CRM database cannot be reached"):
        road.sync([JANE, BOB])
    assert [lead["title"] for lead in road.leads()] == ["CTO", "CEO"]


def test_a_crm_that_takes_the_connection_and_never_answers_is_waited_for_so_long_and_no_longer(
    make_road: Callable[..., Road], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leads_dagster.mirrors.crm_engine.CONNECT_TIMEOUT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"postgresql://nobody@127.0.0.1:{mute.getsockname()[1]}/crm"
        road = make_road(environ={"LEADS_CRM_URL": url})
        with pytest.raises(StoreBusyError, match="CRM database cannot be reached"):
            road.sync([JANE, BOB])
    assert len(road.leads()) == 2


def test_a_table_of_a_postgresql_crm_that_somebody_locks_is_waited_for_so_long_and_no_longer(
    make_road: Callable[..., Road], monkeypatch: pytest.MonkeyPatch, empty_postgres_url: str
) -> None:
    monkeypatch.setattr("leads_dagster.mirrors.crm_engine.BUSY_TIMEOUT_SECONDS", 0.1)
    road = make_road(environ={"LEADS_CRM_URL": empty_postgres_url})
    road.sync([JANE])
    other = create_engine(make_url(empty_postgres_url).set(drivername="postgresql+psycopg"))
    with other.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE leads_lead IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreBusyError, match="CRM database is busy"):
            road.sync([JANE, BOB])
    other.dispose()
    assert len(road.leads()) == 2
    road.sync()
    assert_crm_equals_store(road)


@pytest.mark.parametrize("mirror", ["crm", "airtable"])
@pytest.mark.parametrize(
    "then",
    [[(*JANE[:3], "Queen"), BOB], [JANE, BOB], [BOB], [JANE, BOB, ANN]],
    ids=["changed again", "the same", "gone", "one more"],
)
def test_what_a_mirror_took_and_we_did_not_book_is_neither_doubled_nor_taken_for_an_edit(
    both: Towards, monkeypatch: pytest.MonkeyPatch, mirror: str, then: Sequence[Sequence[str]]
) -> None:
    """The process dies between the mirror's answer and our booking of it."""

    def die(booking: Booking, *arguments: Any) -> None:
        if booking.name == mirror:
            raise StoreError("the process died")
        booked(booking, *arguments)

    booked = Booking.book
    both.road.write([JANE, BOB])
    with monkeypatch.context() as dying:
        dying.setattr(Booking, "book", die)
        with pytest.raises(StoreError, match="died"):
            both.road.sync()
        with pytest.raises(StoreError, match="died"):
            both.road.sync()
    both.road.sync(then, HEADER)
    assert both.titles_in_airtable() == both.titles_in_store() == sorted(row[3] for row in then)
    assert_crm_equals_store(both.road)
    assert both.road.all("conflicts") == []
    assert both.road.sync().status == "unchanged"


def test_a_mirror_that_was_written_in_part_takes_the_rest(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(store: CrmStore, changes: Sequence[LeadPush]) -> PushResult:
        done = pushed(store, changes[: len(changes) // 2])
        return PushResult(done.outcomes, stopped=StoreError("the CRM went away"))

    pushed = CrmStore.push
    with monkeypatch.context() as failing:
        failing.setattr(CrmStore, "push", half)
        with pytest.raises(StoreError, match="went away"):
            road.sync([JANE, BOB, ANN])
    assert len(road.crm()) == 1
    road.sync()
    assert_crm_equals_store(road)
