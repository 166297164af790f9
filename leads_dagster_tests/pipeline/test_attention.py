"""The field "Needs attention" says what waits for a person, as long as it waits, and is no field of a lead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.pipeline import conflicts, reviews
from leads_dagster.pipeline.airtable_table import known_table
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, read_bases_file
from leads_dagster_tests.pipeline.airtable_roads import AIRTABLE, BASE, TOKEN, airtable_road, cells, writes
from leads_dagster_tests.pipeline.conftest import Road

FIELD = "Needs attention"
ON = f"{AIRTABLE}attention = true\n"
JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
# One personal mailbox in one company, and two names: the matcher does not know.
ANN = ("Ann Lee", "ann@beta.example", "Beta", "CTO")
CY = ("Cy Young", "ann@beta.example", "Beta", "Clerk")


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Sandbox:
    one_sandbox.reset()
    return one_sandbox


def other_sync(road: Road, *rows: tuple[str, ...]) -> None:
    """A cycle of a second sheet of the same customer."""
    other = road.home / "other.csv"
    other.write_text("\n".join(",".join(row) for row in (("Name", "Email", "Company", "Title"), *rows)) + "\n")
    with open_workspace(road.settings, "acme", sheet=str(other)) as ws:
        run_cycle(ws)


def in_conflict(home: Path, sandbox: Sandbox, toml: str = ON) -> Road:
    """Jane stands in two sheets, which agreed on her title and then changed it, each in its own way."""
    road = airtable_road(home, sandbox, toml)
    other_sync(road, JANE)
    road.sync([JANE])
    other_sync(road, (*JANE[:3], "Chair"))
    road.sync([(*JANE[:3], "Founder")])
    return road


def resolved(road: Road, choice: conflicts.Choice) -> dict[str, Any]:
    with road.open() as ws:
        (waiting,) = conflicts.list_(ws)
        return conflicts.resolve(ws, waiting["id"], choice, who="ann")


def said(sandbox: Sandbox) -> dict[str, str | None]:
    return {record["Name"]: record.get(FIELD) for record in cells(sandbox)}


def test_a_conflict_is_told_in_a_sentence_with_the_command_that_settles_it(tmp_path: Path, sandbox: Sandbox) -> None:
    road = in_conflict(tmp_path / "home", sandbox)
    (one,) = road.all("conflicts")
    words = said(sandbox)["Jane Doe"] or ""
    assert words.startswith("Title: ")
    assert "says Founder, " in words
    assert "says Chair; kept: " in words
    assert f'"leads conflicts resolve {one["id"]} --keep"' in words


@pytest.mark.parametrize("choice", ["keep", "take"])
def test_a_conflict_that_a_person_settled_is_blank_at_once(
    tmp_path: Path, sandbox: Sandbox, choice: conflicts.Choice
) -> None:
    road = in_conflict(tmp_path / "home", sandbox)
    resolved(road, choice)
    assert said(sandbox) == {"Jane Doe": None}


def test_a_conflict_that_settled_itself_is_blank_after_the_next_sync(tmp_path: Path, sandbox: Sandbox) -> None:
    road = in_conflict(tmp_path / "home", sandbox)
    road.sync([(*JANE[:3], "Chair")])
    assert said(sandbox) == {"Jane Doe": None}


def test_a_review_is_told_on_both_leads_until_it_is_answered(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, ON)
    road.sync([ANN, CY])
    told = said(sandbox)
    assert "Cy Young of Beta" in (told["Ann Lee"] or "")
    assert "Ann Lee of Beta" in (told["Cy Young"] or "")
    with road.open() as ws:
        (waiting,) = reviews.list_(ws)
        assert f'"leads reviews show {waiting["id"]}"' in (told["Ann Lee"] or "")
        reviews.resolve(ws, waiting["id"], "not_same", who="ann")
    assert said(sandbox) == {"Ann Lee": None, "Cy Young": None}


def test_a_quiet_system_writes_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    road = in_conflict(tmp_path / "home", sandbox)
    before = writes(sandbox)
    assert road.sync().status == "unchanged"
    assert writes(sandbox) == before


def test_what_people_type_there_is_no_edit_of_the_lead(tmp_path: Path, sandbox: Sandbox) -> None:
    road = in_conflict(tmp_path / "home", sandbox)
    (record,) = sandbox.airtable.records(BASE, "Leads")
    sandbox.airtable.update(BASE, "Leads", [{"id": record["id"], "fields": {FIELD: "I look at it"}}])
    before = road.all("leads")[0]["version"]
    assert road.sync([(*JANE[:3], "Founder")]).rows.updated == 0
    assert road.all("leads")[0]["version"] == before
    with road.open() as ws:
        assert ws.customer.airtable is not None
        known = known_table(ws, ws.customer.airtable)
    assert known is not None
    assert "attention" not in known.fields
    assert known.field_ids["attention"].startswith("fld")


def test_a_field_that_somebody_renamed_goes_on(tmp_path: Path, sandbox: Sandbox) -> None:
    road = in_conflict(tmp_path / "home", sandbox)
    table = sandbox.airtable.session(BASE).table("Leads")
    field = table.field(FIELD)
    assert field is not None
    field.name = "Inbox"
    table.schema_changed()
    resolved(road, "keep")
    assert FIELD not in sandbox.airtable.field_names(BASE, "Leads")
    assert "Inbox" not in cells(sandbox)[0]


def test_a_value_that_airtable_has_no_option_for_is_told(tmp_path: Path) -> None:
    content = read_bases_file(DEFAULT_BASES)
    table = content["bases"][0]["tables"][0]
    choices = {"choices": [{"name": "CTO"}]}
    table["fields"] = [one for one in table["fields"] if one["name"] != "Title"]
    table["fields"].append({"name": "Title", "type": "singleSelect", "options": choices})
    with Sandbox(content) as sandbox:
        airtable_road(tmp_path / "home", sandbox, ON).sync([JANE])
        assert said(sandbox) == {"Jane Doe": 'Title: not written, "Title" has no option "CEO".'}


def test_it_is_off_unless_wished(tmp_path: Path, sandbox: Sandbox) -> None:
    in_conflict(tmp_path / "home", sandbox, AIRTABLE)
    assert FIELD not in sandbox.airtable.field_names(BASE, "Leads")


def test_switched_on_later_it_tells_what_already_waits(tmp_path: Path, sandbox: Sandbox) -> None:
    in_conflict(tmp_path / "home", sandbox, AIRTABLE)
    airtable_road(tmp_path / "home", sandbox, ON).sync()
    assert "Chair" in (said(sandbox)["Jane Doe"] or "")


def test_a_token_that_may_not_add_the_field_mirrors_all_others(tmp_path: Path) -> None:
    scopes = ["data.records:read", "data.records:write", "schema.bases:read", "webhook:manage"]
    with Sandbox({**read_bases_file(DEFAULT_BASES), "tokens": {TOKEN: {"scopes": scopes}}}) as sandbox:
        airtable_road(tmp_path / "home", sandbox, ON).sync([JANE])
        assert said(sandbox) == {"Jane Doe": None}
