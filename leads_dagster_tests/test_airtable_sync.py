"""The public door to Airtable: what people change there comes in, what changed here goes out, and who wins is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leads_dagster.errors import TargetMissingError
from leads_dagster.mirrors import AirtableSyncManager
from leads_dagster.sandbox import Sandbox
from leads_dagster.store import LeadDatabase
from leads_dagster_tests.pipeline.airtable_cases import BASE, BOB, JANE, airtable_road, airtable_toml, cells
from leads_dagster_tests.pipeline.conftest import Road


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def road(tmp_path: Path, sandbox: Sandbox) -> Road:
    made = airtable_road(tmp_path / "home", sandbox)
    made.sync([JANE, BOB])
    return made


def edit(sandbox: Sandbox, name: str, **fields: str) -> None:
    """What a person types into the record of that name."""
    (record,) = [one for one in sandbox.airtable.records(BASE, "Leads") if one["fields"]["Name"] == name]
    sandbox.airtable.update(BASE, "Leads", [{"id": record["id"], "fields": fields}])


def change(road: Road, name: str, **fields: str) -> None:
    """A lead is changed in the store."""
    (lead,) = [one for one in road.leads() if one["full_name"] == name]
    with LeadDatabase(road.settings.database_url, "acme") as database:
        database.update_lead(lead["id"], fields)
        database.mark_for_sync(lead["id"], "airtable")  # without leads.toml it knows of no Airtable


def titles(road: Road) -> list[str]:
    return [lead["title"] for lead in road.leads()]


def test_what_changed_here_goes_out(road: Road, sandbox: Sandbox) -> None:
    change(road, "Jane Doe", title="Chair")
    done = AirtableSyncManager("acme", settings=road.settings).sync_to_airtable()

    assert (done["updated"], done["failed"]) == (1, 0)
    assert cells(sandbox, "Title") == [("CTO",), ("Chair",)]


def test_what_people_changed_there_comes_in(road: Road, sandbox: Sandbox) -> None:
    edit(sandbox, "Jane Doe", Title="Queen")
    done = AirtableSyncManager("acme", settings=road.settings).sync_from_airtable()

    assert (done["pull"], done["edits_read"]) == ("read", 1)
    assert titles(road) == ["CTO", "Queen"]


def test_both_ways_in_one_call(road: Road, sandbox: Sandbox) -> None:
    edit(sandbox, "Jane Doe", Title="Queen")
    change(road, "Bob Stone", title="Chair")
    done = AirtableSyncManager(settings=road.settings).bidirectional_sync()

    assert (done["from_airtable"]["edits_read"], done["to_airtable"]["updated"]) == (1, 1)
    assert cells(sandbox, "Title") == [("Chair",), ("Queen",)]
    assert titles(road) == ["Chair", "Queen"]


@pytest.mark.parametrize(("winner", "title"), [("airtable", "Queen"), ("other", "Chair")])
def test_conflicts_are_listed_and_settled_for_one_side(road: Road, sandbox: Sandbox, winner: str, title: str) -> None:
    edit(sandbox, "Jane Doe", Title="Queen")
    road.sync([(*JANE[:3], "Chair"), BOB])
    manager = AirtableSyncManager("acme", settings=road.settings)
    (open_one,) = manager.handle_sync_conflicts()
    (settled,) = manager.handle_sync_conflicts(winner)

    assert {open_one["kept"], open_one["lost"]} == {"Queen", "Chair"}
    assert settled["status"] != "open"
    assert (manager.handle_sync_conflicts(), titles(road)) == ([], ["CTO", title])
    assert cells(sandbox, "Title") == sorted([("CTO",), (title,)])


def test_an_airtable_that_cannot_be_read_is_said(road: Road, sandbox: Sandbox, tmp_path: Path) -> None:
    other = airtable_road(tmp_path / "home", sandbox, toml=airtable_toml(base="appNowhere0000001"))
    with pytest.raises(TargetMissingError, match="appNowhere0000001"):
        AirtableSyncManager("acme", settings=other.settings).sync_from_airtable()


def test_the_door_is_not_paid_for_by_those_who_do_not_use_it() -> None:
    with pytest.raises(AttributeError, match="no attribute 'AirtableManager'"):
        __import__("leads_dagster.mirrors", fromlist=["mirrors"]).AirtableManager  # noqa: B018
