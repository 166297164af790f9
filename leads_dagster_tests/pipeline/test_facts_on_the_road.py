"""Birth dates, numbers and further columns on the whole road: a stored record is matched by what its row said."""

from __future__ import annotations

from leads_dagster.pipeline.refold import differences
from leads_dagster_tests.pipeline.conftest import Road

HEADER = ("Name", "Date of Birth", "Passport No", "Notes")
JOHN = ("John Smith", "1983-10-24", "C01X00T47", "")
JOHN_TOO = ("Smith John", "24.10.1983", "c01x-00t47", "")
NAMESAKE = ("John Smith", "1951-02-03", "K77P31Z90", "")


def test_a_new_row_is_matched_with_the_facts_of_a_stored_one(road: Road) -> None:
    road.sync([JOHN, NAMESAKE], HEADER)
    assert len(road.leads()) == 2
    road.sync([JOHN, NAMESAKE, JOHN_TOO], HEADER)

    assert len(road.leads()) == 2
    with road.open() as ws:
        assert differences(ws) == []


def test_the_facts_stay_beside_the_fields_as_they_were_written(road: Road) -> None:
    road.sync([JOHN], HEADER)
    (lead,) = road.leads()

    assert "1983-10-24" in str(lead["raw_data"])
    assert "C01X00T47" in str(lead["raw_data"])


def test_stored_rows_whose_further_columns_differ_are_not_the_same_row(road: Road) -> None:
    header = ("Name", "Notes", "Plan")
    road.sync([("Cher", "called", "Gold")], header)
    road.sync([("Cher", "called", "Gold"), ("Cher", "called", "Silver"), ("Cher", "called", "Gold")], header)

    assert len(road.leads()) == 2
