"""A process that dies at any instant: the next one finds every row, and no lead twice.

The first tests kill; the others end a cycle at one certain place, by a store that refuses one write.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyairtable import Api

from leads_dagster.errors import StoreError
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.acceptance.conftest import Road, assert_crm_equals_store, fields
from leads_dagster_tests.conftest import REPOSITORY

HEADER = ("Name", "Email", "Title", "Zip")
Row = tuple[str, str, str, str]
LOOP = "leads_dagster_tests.acceptance.crash_loop"


def killed(home: Path, *arguments: str) -> dict[str, Any]:
    """What a run of the crash loop says of itself."""
    command = [sys.executable, "-m", LOOP, "--home", str(home), *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_kills_at_random_instants_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    tally = killed(tmp_path / "home", "--rounds", "25", "--seed", "25")
    assert tally["rounds"] == 25
    assert tally["killed_at_work"] > 15
    assert tally["inside_a_write"] > 5


def test_kills_of_a_client_of_postgresql_lose_nothing_and_double_nothing(
    tmp_path: Path, postgres_url: str, empty_postgres_url: str
) -> None:
    databases = ("--database-url", postgres_url, "--crm-url", empty_postgres_url)
    tally = killed(tmp_path / "home", "--rounds", "6", "--seed", "6", *databases)
    assert tally["rounds"] == 6
    assert tally["killed_at_work"] > 2


def assert_all_accounted_for(road: Road, rows: list[Row]) -> None:
    """Every row is one live record; every person of the sheet one active lead; every store the same; nothing open."""
    live = [record for record in road.all("source_records") if record["removed_at"] is None]
    assert Counter(tuple(record["raw"][label] for label in HEADER) for record in live) == Counter(rows)
    assert Counter(lead["email"] for lead in road.leads()) == Counter({row[1] for row in rows})
    assert {record["lead_id"] for record in live} == {lead["id"] for lead in road.leads()}
    assert_crm_equals_store(road)
    assert [mark for mark in road.all("sync_status") if mark["status"] != "success"] == []
    assert road.all("staging") == []


JANE = ("Jane Doe", "jane@acme.example", "CEO", "01109")
BOB = ("Bob Stone", "bob@zeta.example", "CTO", "02139")
POISON = ("Poison Ivy", "poison@gotham.example", "", "")
REFUSAL = "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
THE_POISONED_ROW = f"BEFORE INSERT ON leads WHEN NEW.email = 'poison@gotham.example' {REFUSAL}"
BOOKING_OF = "BEFORE UPDATE OF base ON sync_status WHEN NEW.mirror = '{}' {}"


@contextmanager
def store_that_refuses(road: Road, what: str) -> Iterator[None]:
    """The lead database takes everything but this: the cycle ends there, as if it were killed."""
    for statement in (f"CREATE TRIGGER refuse {what}", None):
        connection = sqlite3.connect(road.home / "leads.db")
        connection.execute(statement or "DROP TRIGGER refuse")
        connection.commit()
        connection.close()
        if statement:
            yield


@pytest.mark.parametrize(
    "written",
    [
        ("Jane Doe", "jane@acme.example", "Chair", "01109"),
        ("Jane Smith", "jane@acme.example", "CEO", "99999"),
        ("", "", "CEO", "01109"),
        None,
    ],
    ids=["edited", "renamed", "gone bad", "gone"],
)
def test_what_a_cycle_wrote_before_it_died_does_not_outlive_the_sheet(make_road: Any, written: Row | None) -> None:
    road = make_road(environ={"LEADS_BATCH_SIZE": "1"})
    road.sync([JANE, BOB], HEADER)
    with store_that_refuses(road, THE_POISONED_ROW), pytest.raises(StoreError):
        road.sync([*([written] if written else []), BOB, POISON], HEADER)
    road.sync([JANE, BOB], HEADER)
    assert_all_accounted_for(road, [JANE, BOB])
    assert [fields(lead, "full_name", "title") for lead in road.leads()] == [("Bob Stone", "CTO"), ("Jane Doe", "CEO")]
    assert {fields(lead, "full_name")[0]: lead["raw_data"] for lead in road.leads()} == {
        "Bob Stone": {"Zip": "02139"},
        "Jane Doe": {"Zip": "01109"},
    }
    assert road.all("quarantine") == []


CHAIR = ("Jane Doe", "jane@acme.example", "Chair", "01109")
UNTITLED = ("Jane Doe", "jane@acme.example", "", "01109")


def die_before_booking(road: Road, rows: list[Row], mirror: str = "crm") -> None:
    """A cycle whose writes to a mirror are committed there and not booked here."""
    with store_that_refuses(road, BOOKING_OF.format(mirror, REFUSAL)), pytest.raises(StoreError, match="refused"):
        road.sync(rows, HEADER)


@pytest.mark.parametrize(
    ("written", "then"),
    [
        ([CHAIR, BOB], [JANE, BOB]),
        ([CHAIR, BOB], [UNTITLED, BOB]),
        ([UNTITLED, BOB], [CHAIR, BOB]),
        ([BOB], [JANE, BOB]),
    ],
    ids=["taken back", "blanked", "changed again", "removed and back"],
)
def test_what_a_cycle_wrote_to_the_crm_before_it_died_is_known_as_ours(
    road: Road, written: list[Row], then: list[Row]
) -> None:
    road.sync([JANE, BOB], HEADER)
    die_before_booking(road, written)
    assert road.sync(then, HEADER).status == "done"
    assert_crm_equals_store(road)
    assert road.all("conflicts") == []
    assert road.sync().status == "unchanged"


@pytest.mark.parametrize("then", [[CHAIR, BOB], [UNTITLED, BOB], [BOB]], ids=["changed", "blanked", "removed"])
def test_a_row_that_a_dying_cycle_made_in_the_crm_is_known_as_ours(road: Road, then: list[Row]) -> None:
    road.sync([BOB], HEADER)
    die_before_booking(road, [JANE, BOB])
    road.sync(then, HEADER)
    assert_crm_equals_store(road)
    assert road.all("conflicts") == []


def test_cycles_that_die_one_after_the_other_are_all_remembered(road: Road) -> None:
    road.sync([JANE, BOB], HEADER)
    die_before_booking(road, [CHAIR, BOB])
    die_before_booking(road, [UNTITLED, BOB])
    road.sync([("Jane Doe", "jane@acme.example", "Founder", "01109"), BOB], HEADER)
    assert_crm_equals_store(road)
    assert road.all("conflicts") == []


def test_a_persons_edit_in_the_crm_is_still_told_from_what_a_dying_cycle_wrote(road: Road) -> None:
    road.sync([JANE, BOB], HEADER)
    die_before_booking(road, [CHAIR, BOB])
    connection = sqlite3.connect(road.home / "crm.db")
    connection.execute("UPDATE leads_lead SET title = 'Boss' WHERE email = 'jane@acme.example'")
    connection.commit()
    connection.close()
    road.sync([UNTITLED, BOB], HEADER)
    assert [fields(one, "field", "kept", "mirror", "status") for one in road.all("conflicts")] == [
        ("title", "Boss", "crm", "open")
    ]
    assert sorted(str(row["title"]) for row in road.crm()) == ["Boss", "CTO"]


def test_what_a_cycle_wrote_to_airtable_before_it_died_is_written_over(make_road: Any) -> None:
    table = '[customers.airtable]\nbase_id = "appLeadsSandbox01"\ntable = "Leads"\nplan = "team"\n'
    with Sandbox() as sandbox:
        road = make_road(table, environ={"AIRTABLE_ENDPOINT_URL": sandbox.url, "AIRTABLE_API_KEY": "patAny"})
        road.sync([JANE, BOB], HEADER)
        die_before_booking(road, [CHAIR, BOB], "airtable")
        road.sync([JANE, BOB], HEADER)
        records = Api("patAny", endpoint_url=sandbox.url).table("appLeadsSandbox01", "Leads").all()
        assert sorted(record["fields"]["Title"] for record in records) == ["CEO", "CTO"]
