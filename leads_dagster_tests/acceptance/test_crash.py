"""`kill -9` in the middle of a cycle, at any instant: the next cycle finds every row, and no lead twice."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pyairtable import Api

from leads_dagster.errors import StoreError
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.acceptance.conftest import Road, assert_crm_equals_store, fields
from leads_dagster_tests.conftest import REPOSITORY

HEADER = ("Name", "Email", "Title", "Zip")
Row = tuple[str, str, str, str]
ROWS = 2_000
LIVES = 4


class Killer:
    """The process of `cycle_killer`."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "leads_dagster_tests.acceptance.cycle_killer"]
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, road: Road, after_seconds: float | None = None) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"home": str(road.home), "after_seconds": after_seconds}) + "\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    killer = Killer()
    yield killer
    killer.close()


def person(number: int, title: str) -> Row:
    word = "".join(chr(ord("a") + int(digit)) for digit in str(number))
    return (f"Ada {word.title()}son", f"{word}@people.example", title, f"{number:05d}")


def first_version(chance: random.Random) -> list[Row]:
    """People, one in twenty of them twice, and a few rows that name nobody."""
    people = [person(number, "CEO") for number in range(10_000, 10_000 + ROWS - 110)]
    twice = [(name, email, "", "") for name, email, *_ in chance.sample(people, 100)]
    rows = [*people, *twice, *[("", "", "Intern", f"{number}") for number in range(10)]]
    chance.shuffle(rows)
    return rows


def next_version(rows: list[Row], chance: random.Random) -> list[Row]:
    """Edits, removals and insertions all over the sheet, fewer than the guard would park."""
    left = [row for row in rows if chance.random() > 0.03]
    edited = [(row[0], row[1], "Chair", row[3]) if chance.random() < 0.08 else row for row in left]
    start = 20_000 + chance.randrange(1_000_000)
    for row in [person(start + step, "CTO") for step in range(ROWS - len(edited))]:
        edited.insert(chance.randrange(len(edited)), row)
    return edited


def assert_all_accounted_for(road: Road, rows: list[Row]) -> None:
    """Every row is one live record; every person of the sheet one active lead; every store the same; nothing open."""
    live = [record for record in road.all("source_records") if record["removed_at"] is None]
    assert Counter(tuple(record["raw"][label] for label in HEADER) for record in live) == Counter(rows)
    good = [record for record in live if record["lead_id"] is not None]
    leads = road.leads()
    assert Counter(lead["email"] for lead in leads) == Counter({row[1] for row in rows if row[1]})
    assert {record["lead_id"] for record in good} == {lead["id"] for lead in leads}
    assert {record["id"] for record in live} - {record["id"] for record in good} == {
        row["record_id"] for row in road.all("quarantine")
    }
    assert_crm_equals_store(road)
    assert [mark for mark in road.all("sync_status") if mark["status"] != "success"] == []
    assert road.all("staging") == []


def assert_nothing_was_written_twice(road: Road) -> None:
    claims = Counter((one["record_id"], one["field"], one["changed_at"]) for one in road.all("claims"))
    assert [claim for claim, count in claims.items() if count > 1] == []
    created = Counter(one["lead_id"] for one in road.all("lead_history") if one["operation"] == "created")
    assert created == Counter(lead["id"] for lead in road.all("leads"))


def assert_databases_are_whole(road: Road) -> None:
    for name in ("leads.db", "crm.db"):
        connection = sqlite3.connect(road.home / name)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


def assert_recovered(road: Road, rows: list[Row]) -> None:
    result = road.sync()
    assert result.rows.read == len(rows)
    assert result.rows.quarantined == sum(not row[1] for row in rows)
    assert_all_accounted_for(road, rows)
    assert_nothing_was_written_twice(road)
    assert_databases_are_whole(road)
    assert road.sync().status == "unchanged"


@pytest.fixture(scope="module")
def usual_seconds(killer: Killer, tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long a first cycle takes here, so that a child is killed anywhere within it."""
    road = Road(tmp_path_factory.mktemp("usual") / "home")
    road.write(first_version(random.Random(0)), HEADER)
    return float(killer.run(road)["seconds"])


@pytest.mark.parametrize("life", range(LIVES))
def test_a_killed_cycle_loses_no_row_and_doubles_no_lead(
    make_road: Any, killer: Killer, usual_seconds: float, life: int
) -> None:
    chance = random.Random(life)
    road, rows = make_road(), first_version(chance)
    road.write(rows, HEADER)
    killer.run(road, chance.uniform(0.05, 0.95) * usual_seconds)
    killer.run(road, chance.uniform(0.05, 0.95) * usual_seconds)
    assert_recovered(road, rows)
    road.write(next_version(rows, chance), HEADER)
    killer.run(road, chance.uniform(0.05, 0.6) * usual_seconds)
    rows = next_version(rows, chance)
    road.write(rows, HEADER)
    assert_recovered(road, rows)


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
