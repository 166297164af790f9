"""A mirror that is configured later, moves, or is taken away and comes back hears of every lead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leads_dagster.pipeline import holds
from leads_dagster.pipeline.status import status
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.pipeline.conftest import Road

BASE = "appLeadsSandbox01"
AIRTABLE = f'[customers.airtable]\nbase_id = "{BASE}"\ntable = "Leads"\n'
JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")
ANN = ("Ann Lee", "ann@beta.example", "Beta", "Founder")


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Sandbox:
    one_sandbox.reset()
    return one_sandbox


def opened(home: Path, sandbox: Sandbox, toml: str = "") -> Road:
    return Road(home, toml=toml, environ={"AIRTABLE_API_KEY": "patTest", "AIRTABLE_ENDPOINT_URL": sandbox.url})


def shown(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Name and title of every record of the table."""
    cells = [record["fields"] for record in sandbox.airtable.records(BASE, "Leads")]
    return sorted((cell["Name"], cell["Title"]) for cell in cells)


def test_an_airtable_that_is_configured_after_the_first_sync_is_filled_though_the_sheet_is_the_same(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    opened(tmp_path / "home", sandbox).sync([JANE, BOB])
    road = opened(tmp_path / "home", sandbox, AIRTABLE)
    assert road.sync().rows.unchanged == 2
    assert shown(sandbox) == [("Bob Stone", "CTO"), ("Jane Doe", "CEO")]
    assert road.sync().status == "unchanged"


def test_an_airtable_that_was_taken_away_for_a_while_catches_up(tmp_path: Path, sandbox: Sandbox) -> None:
    opened(tmp_path / "home", sandbox, AIRTABLE).sync([JANE, BOB])
    without = opened(tmp_path / "home", sandbox)
    without.sync([(*JANE[:3], "Chair"), ANN])
    assert without.sync().status == "unchanged"
    opened(tmp_path / "home", sandbox, AIRTABLE).sync()
    assert shown(sandbox) == [("Ann Lee", "Founder"), ("Jane Doe", "Chair")]


def test_another_crm_database_gets_every_lead(tmp_path: Path, sandbox: Sandbox) -> None:
    opened(tmp_path / "home", sandbox).sync([JANE, BOB])
    other = Road(tmp_path / "home", environ={"LEADS_CRM_URL": f"sqlite:///{tmp_path}/other.sqlite"})
    other.sync()
    assert sorted(row["full_name"] for row in other.crm()) == ["Bob Stone", "Jane Doe"]
    assert other.sync().status == "unchanged"


def test_the_same_base_at_another_address_is_the_same_place(tmp_path: Path, sandbox: Sandbox) -> None:
    """Such as the twin's, which has another port at every start."""
    with Sandbox(state=tmp_path / "twin.json") as first:
        opened(tmp_path / "home", first, AIRTABLE).sync([JANE, BOB])
    with Sandbox(state=tmp_path / "twin.json") as second:
        assert opened(tmp_path / "home", second, AIRTABLE).sync().status == "unchanged"
        assert shown(second) == [("Bob Stone", "CTO"), ("Jane Doe", "CEO")]


def test_a_base_that_has_none_of_our_records_any_more_takes_no_lead_away_unasked(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    opened(tmp_path / "home", sandbox, AIRTABLE).sync([JANE, BOB])
    with Sandbox() as other:
        road = opened(tmp_path / "home", other, AIRTABLE)
        assert [road.sync().status for _ in range(3)] == ["held"] * 3
        assert [lead["full_name"] for lead in road.leads()] == ["Bob Stone", "Jane Doe"]
        (hold,) = road.all("holds")
        assert (hold["status"], hold["removals"]) == ("open", 2)
        with road.open() as ws:
            holds.drop(ws, hold["id"])
        assert road.sync().status == "done"
        assert shown(other) == [("Bob Stone", "CTO"), ("Jane Doe", "CEO")]


def test_a_cycle_that_has_nothing_to_tell_airtable_says_that_it_is_over(tmp_path: Path, sandbox: Sandbox) -> None:
    road = opened(tmp_path / "home", sandbox, AIRTABLE)
    road.sync([JANE, BOB])
    assert road.sync([JANE, BOB, ("", "", "Nobody Ltd", "")]).rows.quarantined == 1

    with open_workspace(road.settings, "acme") as ws:
        told = status(ws)
    assert (told["running"], told["progress_message"]) == (False, "Up to date")
