"""Comparing everything finds what no shortcut tells, marks it, and writes nothing where nothing differs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from leads_dagster.pipeline import conflicts
from leads_dagster.pipeline.reconcile import Reconciled, reconcile
from leads_dagster.store import tables
from leads_dagster.store.engine import writing
from leads_dagster_tests.pipeline.conftest import Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")
TABLES = ("source_states", "sync_states", "sync_runs", "sync_status", "claims", "lead_history", "leads", "counters")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    return on_both


def reconciled(road: Road) -> Reconciled:
    with road.open() as ws:
        return reconcile(ws)


def in_crm(road: Road, statement: str, **values: Any) -> None:
    """What somebody does in the CRM."""
    engine = sa.create_engine(road.settings.crm_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)
    engine.dispose()


def titles(road: Road) -> list[tuple[str, str]]:
    return sorted((row["full_name"], row["title"]) for row in road.crm())


def everything(road: Road) -> dict[str, list[dict[str, Any]]]:
    return {name: road.all(name) for name in TABLES}


def test_where_nothing_differs_nothing_is_written(road: Road) -> None:
    road.sync([JANE, BOB])
    before = everything(road)
    found = reconciled(road)
    assert not found.differs
    assert (found.rows, found.crm_rows, found.records_unaccounted) == (2, 2, 0)
    assert everything(road) == before
    assert road.sync().status == "unchanged"


def test_before_the_first_cycle_there_is_nothing_to_compare(road: Road) -> None:
    road.write([JANE])
    assert not reconciled(road).differs


def test_a_row_that_somebody_deleted_in_the_crm_is_written_again(road: Road) -> None:
    road.sync([JANE, BOB])
    in_crm(road, "DELETE FROM leads_lead WHERE full_name = :name", name="Jane Doe")
    assert road.sync().status == "unchanged"
    assert reconciled(road).crm_missing == 1
    assert road.sync().status == "done"
    assert titles(road) == [("Bob Stone", "CTO"), ("Jane Doe", "CEO")]
    assert not reconciled(road).differs


def test_what_somebody_changed_in_the_crm_is_a_conflict_once_and_stays(road: Road) -> None:
    road.sync([JANE, BOB])
    in_crm(road, "UPDATE leads_lead SET title = 'Chair' WHERE full_name = :name", name="Jane Doe")
    assert reconciled(road).crm_differing == 1
    road.sync()
    assert titles(road) == [("Bob Stone", "CTO"), ("Jane Doe", "Chair")]
    (conflict,) = road.all("conflicts")
    assert (conflict["field"], conflict["kept"], conflict["lost"], conflict["mirror"]) == (
        "title",
        "Chair",
        "CEO",
        "crm",
    )
    assert not reconciled(road).differs

    with road.open() as ws:
        conflicts.resolve(ws, conflict["id"], "take")
    road.sync()
    assert titles(road) == [("Bob Stone", "CTO"), ("Jane Doe", "CEO")]
    assert not reconciled(road).differs


def test_a_row_that_was_put_right_by_hand_in_the_crm_settles_its_conflict(road: Road) -> None:
    road.sync([JANE])
    in_crm(road, "UPDATE leads_lead SET title = 'Chair'")
    reconciled(road)
    road.sync()
    in_crm(road, "UPDATE leads_lead SET title = 'CEO'")
    assert not reconciled(road).differs
    (conflict,) = road.all("conflicts")
    assert (conflict["status"], conflict["resolution"]) == ("resolved", None)


def test_a_row_that_somebody_archived_in_the_crm_comes_back(road: Road) -> None:
    road.sync([JANE])
    in_crm(road, "UPDATE leads_lead SET archived_at = updated_at")
    assert reconciled(road).crm_differing == 1
    road.sync()
    assert not reconciled(road).differs


def test_a_sheet_that_says_it_is_the_same_and_is_not_is_read_in_full(road: Road) -> None:
    road.sync([JANE, BOB])
    stat = road.sheet.stat()
    road.sheet.write_bytes(road.sheet.read_bytes().replace(b"CTO", b"CEO"))
    os.utime(road.sheet, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert reconciled(road).sheet_changed
    assert road.sync().rows.updated == 1
    assert titles(road) == [("Bob Stone", "CEO"), ("Jane Doe", "CEO")]


def test_rows_that_the_ledger_lost_are_found_though_the_bytes_are_the_same(road: Road) -> None:
    road.sync([JANE, BOB])
    with road.open() as ws, writing(ws.engine) as connection:
        connection.execute(sa.update(tables.source_states).values(digests=bytes(32)))
    assert reconciled(road).rows_differing
    assert road.sync().rows.read == 2
    assert not reconciled(road).differs
    assert [lead["full_name"] for lead in road.leads()] == ["Bob Stone", "Jane Doe"]


def test_a_lead_that_no_mirror_was_told_of_is_told(road: Road) -> None:
    road.sync([JANE, BOB])
    in_crm(road, "DELETE FROM leads_lead WHERE full_name = :name", name="Jane Doe")
    (jane,) = [lead["id"] for lead in road.leads() if lead["full_name"] == "Jane Doe"]
    with road.open() as ws, writing(ws.engine) as connection:
        connection.execute(sa.delete(tables.sync_status).where(tables.sync_status.c.lead_id == jane))
    assert reconciled(road).never_told == 1
    road.sync()
    assert titles(road) == [("Bob Stone", "CTO"), ("Jane Doe", "CEO")]


def test_rows_that_the_guard_parked_are_no_news(make_road: Callable[..., Road]) -> None:
    road = make_road("[customers.guard]\nminimum = 0\n")
    road.sync([JANE, BOB])
    assert road.sync([JANE]).status == "held"
    assert not reconciled(road).differs
