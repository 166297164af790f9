"""Rows in quarantine stand in an Airtable table until their source is mended; what people add there is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.errors import SettingsError
from leads_dagster.pipeline.fixing_table import link
from leads_dagster.pipeline.mirror import mirror_airtable
from leads_dagster.pipeline.status import status
from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, read_bases_file
from leads_dagster_tests.pipeline.airtable_roads import AIRTABLE, BASE, TOKEN, airtable_road, cells, writes
from leads_dagster_tests.pipeline.conftest import Road

TABLE = "Leads: needs fixing"
SHOWN = f'{AIRTABLE}fixing_table = "{TABLE}"\n'
JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
NOBODY = ("", "see notes", "", "")
NOBODY_ELSE = ("", "n/a at all", "", "CTO")
SCOPES = ("data.records:read", "data.records:write", "schema.bases:read", "webhook:manage")


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Sandbox:
    one_sandbox.reset()
    return one_sandbox


def tables(sandbox: Sandbox) -> list[str]:
    return [table["name"] for base in sandbox.airtable.state() for table in base["tables"]]


def told(road: Road) -> dict[str, Any]:
    """What the mirror says of it in its metadata, run alone."""
    with road.open() as ws:
        return mirror_airtable(ws, run_id="again").metadata()


def test_a_row_in_quarantine_stands_in_a_table_that_is_made_for_it(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, SHOWN)
    road.sync([JANE, NOBODY])
    (shown,) = cells(sandbox, TABLE)
    (kept,) = road.all("quarantine")
    assert shown["Reason"] == kept["message"]
    assert (shown["Column"], shown["Cell"]) == (kept["column"], kept["cell"])
    assert shown.get("Suggestion", "") == kept["suggestion"]
    assert (shown["Source"], shown["Row"]) == (f"file:{road.sheet}", 3)
    assert shown["Record key"] == f"acme:{kept['record_id']}"
    assert shown["Since"].startswith(f"{kept['since_at']:%Y-%m-%dT%H:%M}")


def test_a_row_that_is_mended_leaves_the_table_and_another_comes(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, SHOWN)
    road.sync([JANE, NOBODY])
    road.sync([JANE, ("Ann Lee", "ann@beta.example", "Beta", "Founder"), NOBODY_ELSE])
    assert [(shown["Cell"], shown["Row"]) for shown in cells(sandbox, TABLE)] == [
        (one["cell"], one["row_number"]) for one in road.all("quarantine")
    ]
    road.sync([JANE])
    assert cells(sandbox, TABLE) == []


def test_nothing_is_asked_while_quarantine_is_as_it_was(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, SHOWN)
    road.sync([JANE, NOBODY])
    before = sandbox.requests.count(route="v0/")
    assert "fixing_sent" not in told(road)
    assert sandbox.requests.count(route="v0/") == before


def test_what_did_not_change_is_not_sent_again(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, SHOWN)
    road.sync([JANE, NOBODY])
    before = writes(sandbox)
    road.sync([JANE, NOBODY, NOBODY_ELSE])
    assert len(cells(sandbox, TABLE)) == 2
    assert writes(sandbox) == before + 1


def test_no_table_is_made_while_there_is_nothing_to_show(tmp_path: Path, sandbox: Sandbox) -> None:
    airtable_road(tmp_path / "home", sandbox, SHOWN).sync([JANE])
    airtable_road(tmp_path / "other", sandbox, AIRTABLE).sync([JANE, NOBODY])
    assert TABLE not in tables(sandbox)


def test_records_and_fields_of_people_are_left_alone(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, SHOWN)
    road.sync([JANE, NOBODY])
    sandbox.airtable.create(BASE, TABLE, [{"Reason": "ask Bob"}])
    road.sync([JANE])
    assert cells(sandbox, TABLE) == [{"Reason": "ask Bob"}]


def test_what_is_written_there_never_becomes_a_lead(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, SHOWN)
    road.sync([JANE, NOBODY])
    (ours,) = sandbox.airtable.records(BASE, TABLE)
    sandbox.airtable.update(BASE, TABLE, [{"id": ours["id"], "fields": {"Reason": "mended"}}])
    sandbox.airtable.create(BASE, TABLE, [{"Reason": "Bob Stone"}])
    road.sync([JANE, NOBODY, ("Ann Lee", "ann@beta.example", "Beta", "Founder")])
    assert [lead["full_name"] for lead in road.leads()] == ["Ann Lee", "Jane Doe"]


def test_a_record_that_somebody_doubled_goes_on_in_the_first_of_the_two(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, SHOWN)
    road.sync([JANE, NOBODY])
    (ours,) = cells(sandbox, TABLE)
    sandbox.airtable.create(BASE, TABLE, [{"Record key": ours["Record key"]}])
    road.sync([NOBODY, JANE])
    road.sync([JANE, ("", "see the notes", "", ""), NOBODY_ELSE])
    assert sorted(shown.get("Cell", "") for shown in cells(sandbox, TABLE))[1:] == sorted(
        one["cell"] for one in road.all("quarantine")
    )


def test_a_store_that_forgot_what_it_showed_shows_it_once(tmp_path: Path, sandbox: Sandbox) -> None:
    airtable_road(tmp_path / "home", sandbox, SHOWN).sync([JANE, NOBODY])
    airtable_road(tmp_path / "restored", sandbox, SHOWN).sync([JANE, NOBODY_ELSE])
    assert [shown["Cell"] for shown in cells(sandbox, TABLE)] == [NOBODY_ELSE[1]]


def test_two_customers_share_one_such_table(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, SHOWN)
    road.sync([JANE, NOBODY])
    (ours,) = cells(sandbox, TABLE)
    sandbox.airtable.create(BASE, TABLE, [{"Reason": "theirs", "Record key": "zeta:1"}])
    road.sync([JANE])
    assert [shown["Record key"] for shown in cells(sandbox, TABLE)] == ["zeta:1"]
    assert ours["Record key"] != "zeta:1"


def test_a_row_of_a_google_sheet_is_a_click_away() -> None:
    address = "https://docs.google.com/spreadsheets/d/1AbC/edit#gid=7&range=12:12"
    assert link("sheet:1AbC#7", 12, None) == address
    assert link("airtable:appX/tblY", None, "recZ") == "https://airtable.com/appX/tblY/recZ"
    assert link("file:/leads.csv", 12, None) is None


@pytest.fixture
def poor() -> Iterator[Sandbox]:
    """A twin whose token may not change the schema."""
    content = {**read_bases_file(DEFAULT_BASES), "tokens": {TOKEN: {"scopes": list(SCOPES)}}}
    with Sandbox(content) as running:
        yield running


def test_a_token_that_may_not_make_the_table_is_told_what_to_add_and_the_leads_are_mirrored(
    tmp_path: Path, poor: Sandbox
) -> None:
    road = airtable_road(tmp_path / "home", poor, SHOWN)
    assert road.sync([JANE, NOBODY]).status == "done"
    assert [shown["Name"] for shown in cells(poor)] == ["Jane Doe"]
    with road.open() as ws:
        problem = status(ws)["needs_fixing"]["problem"]
    assert f'"{TABLE}"' in problem
    assert '"Record key" as Single line text' in problem
    assert "schema.bases:write" in problem


def test_after_a_failure_it_rests_and_asks_nothing(tmp_path: Path, poor: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", poor, SHOWN)
    road.sync([JANE, NOBODY])
    before = poor.requests.count(route="v0/")
    assert "may not make it" in told(road)["fixing_problem"]
    assert poor.requests.count(route="v0/") == before


def test_a_table_that_somebody_deleted_is_made_again(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, SHOWN)
    road.sync([JANE, NOBODY])
    session = sandbox.airtable.session(BASE)
    found = session.base.table(TABLE)
    assert found is not None
    del session.base.tables[found.id]
    road.sync([JANE, NOBODY, NOBODY_ELSE])
    assert {shown["Cell"] for shown in cells(sandbox, TABLE)} == {NOBODY[1], NOBODY_ELSE[1]}


def test_the_table_of_leads_is_refused_as_table_of_what_needs_fixing(tmp_path: Path, sandbox: Sandbox) -> None:
    with pytest.raises(SettingsError, match="holds the leads of acme"):
        airtable_road(tmp_path / "home", sandbox, f'{AIRTABLE}fixing_table = "leads"\n')
