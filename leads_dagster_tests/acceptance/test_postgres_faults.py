"""A PostgreSQL that goes away in the middle of a cycle: said as what may pass, and caught up with."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, create_engine, text

from leads_dagster.errors import StoreBusyError
from leads_dagster.pipeline.refold import differences
from leads_dagster.store.batches import Batch
from leads_dagster.store.lead_database import LeadDatabase
from leads_dagster.store.lead_writer import BatchResult, LeadWriter
from leads_dagster_tests.acceptance.conftest import Road, assert_crm_equals_store
from leads_dagster_tests.postgres import stoppable_server

PEOPLE = [(f"Person {chr(97 + n)}", f"p{n}@people.example", "", "Clerk") for n in range(12)]


@pytest.fixture
def in_small_batches(make_road: Callable[..., Road], postgres_url: str, empty_postgres_url: str) -> Road:
    return make_road(
        environ={"LEADS_DATABASE_URL": postgres_url, "LEADS_CRM_URL": empty_postgres_url, "LEADS_BATCH_SIZE": "3"}
    )


def before_batch(monkeypatch: pytest.MonkeyPatch, number: int, what: Callable[[Connection], None]) -> None:
    """Let something happen in the transaction of the nth batch, after it was written."""
    seen: list[Batch] = []

    def write(writer: LeadWriter, connection: Connection, batch: Batch) -> BatchResult:
        seen.append(batch)
        done = written(writer, connection, batch)
        if len(seen) == number:
            what(connection)
        return done

    written = LeadWriter.write
    monkeypatch.setattr(LeadWriter, "write", write)


def killer_of(url: str) -> Callable[[Connection], None]:
    """Ends a connection from the server's side."""

    def kill(connection: Connection) -> None:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        other = create_engine(url, isolation_level="AUTOCOMMIT")
        with other.connect() as admin:
            assert admin.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid}).scalar_one()
        other.dispose()

    return kill


def test_a_connection_that_is_ended_in_the_middle_of_a_batch_is_said_to_pass_and_the_next_cycle_catches_up(
    in_small_batches: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    road = in_small_batches
    with monkeypatch.context() as failing:
        before_batch(failing, 2, killer_of(road.settings.database_url))
        with pytest.raises(StoreBusyError):
            road.sync(PEOPLE)
    assert len(road.leads()) == 3
    assert_caught_up(road)


def test_a_save_whose_connection_is_ended_is_tried_again_and_lands_once(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_batch(monkeypatch, 1, killer_of(postgres_url.replace("postgresql://", "postgresql+psycopg://")))
    with LeadDatabase(postgres_url, "acme") as database:
        _, created = database.upsert_lead({"full_name": "Jane Doe", "email": "jane@acme.example"})
        assert created
        assert database.count_leads() == 1


def test_a_server_that_stops_in_the_middle_of_a_cycle_is_said_to_pass_and_the_next_cycle_catches_up(
    make_road: Callable[..., Road], monkeypatch: pytest.MonkeyPatch
) -> None:
    with stoppable_server() as server, server.database(upgraded=False) as leads, server.database(upgraded=False) as crm:
        road = make_road(environ={"LEADS_DATABASE_URL": leads, "LEADS_CRM_URL": crm, "LEADS_BATCH_SIZE": "3"})
        with monkeypatch.context() as failing:
            before_batch(failing, 3, lambda _: server.stop())
            with pytest.raises(StoreBusyError):
                road.sync(PEOPLE)
        with pytest.raises(StoreBusyError, match="cannot be reached"):
            road.sync()
        server.start()
        assert len(road.leads()) == 6
        assert_caught_up(road)


def assert_caught_up(road: Road) -> None:
    assert road.sync().status == "done"
    assert sorted(lead["email"] for lead in road.leads()) == sorted(row[1] for row in PEOPLE)
    assert_crm_equals_store(road)
    with road.open() as ws:
        assert differences(ws) == []
    assert road.sync().status == "unchanged"
