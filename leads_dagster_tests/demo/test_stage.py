"""The hands of a scene: what people do in the sheet and in Airtable."""

from __future__ import annotations

import pytest

from leads_dagster.demo import team
from leads_dagster.demo.stage import Stage
from leads_dagster.errors import ContentError, ServiceUnavailableError
from leads_dagster.sandbox import Sandbox


def test_a_cell_is_typed_into(stage: Stage, twin: Sandbox) -> None:
    stage.type_cell(3, "Title", "Head of Everything")

    assert twin.sheets.rows(team.SHEET)[2][4] == "Head of Everything"
    assert stage.row_with("Head of Everything") == 3


def test_rows_are_added_by_column_and_deleted(stage: Stage, twin: Sandbox) -> None:
    stage.add_rows({"Name": "New One", "City": "Oslo"})
    assert twin.sheets.rows(team.SHEET)[-1] == ["New One", "", "", "", "", "Oslo", "", ""]

    stage.delete_rows(range(2, 22))
    assert [row[0] for row in twin.sheets.rows(team.SHEET)] == ["Name", "New One"]


def test_what_is_not_in_the_sheet_is_said(stage: Stage) -> None:
    with pytest.raises(ContentError, match="not in the sheet any more"):
        stage.row_with("nobody@nowhere.example")


def test_a_record_is_changed_by_one_of_the_team(stage: Stage, twin: Sandbox) -> None:
    twin.airtable.create(team.BASE, team.TABLE, [{"Name": "Ann", "Email": "ann@x.example"}])
    stage.edit_record(team.BEN, "ann@x.example", Title="CEO")

    assert [record["fields"]["Title"] for record in stage.records()] == ["CEO"]


def test_a_record_that_is_not_there_is_said(stage: Stage) -> None:
    with pytest.raises(ContentError, match="not in Airtable"):
        stage.edit_record(team.BEN, "nobody@nowhere.example", Title="CEO")


def test_an_api_that_is_away_is_an_outage(stage: Stage) -> None:
    with pytest.raises(ServiceUnavailableError):
        stage.get("/conflicts")
