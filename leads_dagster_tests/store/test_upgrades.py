"""A database of every earlier schema, with data in it, is upgraded and goes on as if it had always been new."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select

from leads_dagster.store import LeadDatabase, schema, tables, undo
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.search_index import rebuild_search
from leads_dagster_tests.pipeline.conftest import Road
from leads_dagster_tests.pipeline.test_undo import take

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CTO")
JANE_TOO = ("Jane Doe", "jane@acme.example", "Acme", "Chief Technology Officer")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CFO")
CY = ("Cy Young", "cy@yang.example", "Yang", "Pitcher")
ANN = ("Ann Lee", "ann@beta.example", "Beta", "Founder")
ANN_TOO = ("A. Lee", "al@gamma.example", "Gamma", "Owner")
NOBODY = ("", "see notes", "", "")
FIRST = [JANE, JANE_TOO, BOB, CY, ANN, ANN_TOO, NOBODY]
LATER = [JANE, JANE_TOO, (*BOB[:3], "Treasurer"), ANN, ("A. Lee", ANN[1], "Gamma", "Owner"), NOBODY]

# What came later has no rows in a database that never knew it; ids that only count up are given anew.
NEWER = {"learned", "matching_states", "migration_log", "staging", "freshness"}
COUNTED = {"claims", "decisions", "lead_history", "matches", "conflicts", "holds"}


def scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    return config


EARLIER = [
    one.revision for one in ScriptDirectory.from_config(scripts()).walk_revisions() if one.revision != schema.HEAD
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Road, dict[str, list[dict[str, Any]]]]:
    """A road, and all rows that its cycles wrote: merged, archived, edited, quarantined, decided, waiting."""
    road = Road(tmp_path_factory.mktemp("upgrades") / "home")
    road.sync(FIRST)
    road.sync(LATER)
    bob = next(one["id"] for one in road.leads() if one["full_name"] == "Bob Stone")
    take(road, undo.override, bob, "company", "Zeta Labs")
    return road, {name: road.all(name) for name in tables.metadata.tables if name not in NEWER}


def upgrade(url: str, revision: str) -> None:
    engine = open_engine(url)
    with writing(engine) as connection:
        config = scripts()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def fill(connection: Connection, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    """Write rows as far as this schema has columns for them."""
    inspector = inspect(connection)
    for name, each in rows.items():
        if not inspector.has_table(name):
            continue
        there = {column["name"] for column in inspector.get_columns(name)} - ({"id"} if name in COUNTED else set())
        if each:
            known = [{column: value for column, value in row.items() if column in there} for row in each]
            connection.execute(tables.metadata.tables[name].insert(), known)


def shown(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: {name: row[name] for name in row if name not in ("number", "name_key")} for row in rows}


@pytest.fixture(params=EARLIER)
def upgraded(
    request: pytest.FixtureRequest, empty_database_url: str, written: tuple[Road, dict[str, list[dict[str, Any]]]]
) -> Road:
    """The road on a database that was of an earlier schema, with the same rows, before it was opened."""
    road, rows = written
    upgrade(empty_database_url, request.param)
    engine = open_engine(empty_database_url)
    with writing(engine) as connection:
        fill(connection, rows)
        if request.param >= "0004":  # the schema's own code kept what is searched beside the leads
            rebuild_search(connection)
    engine.dispose()
    with LeadDatabase(empty_database_url, "acme") as database:
        assert database.count_leads() == 3
    again = Road(road.home, environ={"LEADS_DATABASE_URL": empty_database_url})
    again.write(LATER)
    return again


def test_all_that_was_there_is_there_and_is_found(
    upgraded: Road, written: tuple[Road, dict[str, list[dict[str, Any]]]]
) -> None:
    rows = written[1]
    assert shown(upgraded.all("leads")) == shown(rows["leads"])
    for name in rows.keys() - {"leads", "counters"}:
        assert len(upgraded.all(name)) == len(rows[name]), name
    engine = open_engine(upgraded.settings.database_url)
    with reading(engine) as connection:
        assert connection.execute(select(tables.source_records.c.kind).distinct()).scalars().all() == ["row"]
    engine.dispose()
    with LeadDatabase(upgraded.settings.database_url, "acme") as database:
        assert [lead["full_name"] for lead in database.search_leads("treas bob")] == []
        assert [lead["full_name"] for lead in database.search_leads("bob zet")] == ["Bob Stone"]
        assert [lead["full_name"] for lead in database.search_leads("cy", include_archived=True)] == ["Cy Young"]
        assert [lead["title"] for lead in database.search_leads(order="name") if lead["full_name"] == "Bob Stone"] == [
            "Treasurer"
        ]


def test_a_sync_goes_on_from_where_the_last_one_ended(upgraded: Road) -> None:
    before = {lead["id"] for lead in upgraded.leads()}
    quiet = upgraded.sync().rows
    assert (quiet.read, quiet.unchanged, quiet.quarantined) == (6, 5, 1)
    result = upgraded.sync([*LATER[:3], CY, *LATER[3:]])
    assert (result.rows.created, result.rows.unchanged, result.rows.quarantined, result.rows.merged) == (1, 5, 1, 0)
    names = {lead["full_name"]: lead for lead in upgraded.leads()}
    assert {lead["id"] for lead in names.values()} > before
    assert names["Bob Stone"]["company"] == "Zeta Labs"


def test_what_an_earlier_version_did_is_taken_back(upgraded: Road) -> None:
    leads = {lead["full_name"]: lead["id"] for lead in upgraded.leads()}
    take(upgraded, undo.undo_field, leads["Bob Stone"], "title")
    take(upgraded, undo.undo_field, leads["Bob Stone"], "company")
    [clerk] = [one["id"] for one in upgraded.all("source_records") if one["raw"]["Name"] == "A. Lee"]
    take(upgraded, undo.undo_merge, leads["Ann Lee"], leaving=[clerk])
    found = {lead["id"]: lead for lead in upgraded.leads()}
    assert (found[leads["Bob Stone"]]["title"], found[leads["Bob Stone"]]["company"]) == ("CFO", "Zeta")
    assert sorted(lead["full_name"] for lead in found.values()) == ["A. Lee", "Ann Lee", "Bob Stone", "Jane Doe"]
    upgraded.sync([*LATER, CY])
    assert {lead["id"] for lead in upgraded.leads()} >= found.keys()
