"""What people do to a sheet while it is being read: rename a header, empty a row to retype it, turn an edit back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from leads_dagster.errors import StoreError
from leads_dagster.pipeline import record
from leads_dagster_tests.pipeline.conftest import HEADER, Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO", "504-621-8927")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO", "504-621-8928")
ANN = ("Ann Lee", "ann@beta.example", "Beta", "Founder", "504-621-8929")
WITH_PHONE = (*HEADER, "Phone")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def ids_of(road: Road) -> dict[str, str]:
    return {lead["full_name"]: lead["id"] for lead in road.leads()}


def test_a_header_that_gets_a_known_name_is_read_although_no_row_changed(road: Road) -> None:
    road.sync([JANE, BOB], header=(*HEADER, "Zugang"))
    assert [lead["phone"] for lead in road.leads()] == [None, None]
    result = road.sync([JANE, BOB], header=WITH_PHONE)
    assert result.rows.updated == 2
    assert [lead["phone"] for lead in road.leads()] == ["+15046218928", "+15046218927"]


def test_two_headers_that_change_places_above_the_same_cells_move_the_values(road: Road) -> None:
    road.sync([JANE, BOB], header=WITH_PHONE)
    road.sync([JANE, BOB], header=("Name", "Email", "Title", "Company", "Phone"))
    assert [(lead["company"], lead["title"]) for lead in road.leads()] == [("CTO", "Zeta"), ("CEO", "Acme")]


@pytest.mark.parametrize(
    "half_way",
    [
        [("", "", "", "CTO", "")],
        [("", "", "Zeta", "CTO", BOB[4])],
        [("", "", "Zeta", "CTO", BOB[4]), ("", "", "", "CTO", "")],
        [("", "", "Zeta", "CTO", BOB[4]), ("Bob", "", "Zeta", "CTO", BOB[4])],
    ],
)
def test_a_row_that_is_emptied_to_be_retyped_stays_the_same_lead(road: Road, half_way: list[Sequence[str]]) -> None:
    road.sync([JANE, BOB, ANN], header=WITH_PHONE)
    before = ids_of(road)
    for row in half_way:
        result = road.sync([JANE, row, ANN], header=WITH_PHONE)
        assert (result.rows.created, result.rows.removed) == (0, 0)
    road.sync([JANE, BOB, ANN], header=WITH_PHONE)
    assert ids_of(road) == before


def test_an_edit_that_a_dying_cycle_wrote_is_turned_back_with_the_sheet(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise StoreError("the power went")

    road.sync([JANE, BOB], header=WITH_PHONE)
    with monkeypatch.context() as dying:
        dying.setattr(record._Recording, "_close", die)
        with pytest.raises(StoreError):
            road.sync([(*JANE[:3], "Chair", JANE[4]), ("", "", "", "CTO", "")], header=WITH_PHONE)
    assert "Chair" in {lead["title"] for lead in road.leads()}
    result = road.sync([JANE, BOB], header=WITH_PHONE)
    assert [lead["title"] for lead in road.leads()] == ["CTO", "CEO"]
    assert (result.rows.quarantined, road.all("quarantine")) == (0, [])
