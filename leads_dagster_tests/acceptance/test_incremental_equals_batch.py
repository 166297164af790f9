"""However a sheet came to be what it is, it says the same leads as if it had always been so.

What must be equal after any sequence of versions, to a road that saw the last version only:
    - the clusters: which rows (by their cells, as a multiset) make one active lead;
    - every field that all rows of a lead say alike, blank included; so every field of a lead of one row.
Where rows of one lead say different things the newest claim counts, and a road that saw everything at once knows none
that is newer: there, the value must be one that a row of that lead says, or blank where one of them leaves it blank.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster_tests.acceptance.conftest import assert_crm_equals_store
from leads_dagster_tests.pipeline.conftest import Road

HEADER = ("Name", "Email", "Company", "Title", "Phone", "LinkedIn")
Row = tuple[str, ...]

# Values that meet: spellings of one person and of one company, shared switchboards, role mailboxes, two profiles.
NAMES = ("Jane Doe", "DOE, Jane", "Jane M. Doe", "Janet Doe", "Bob Stone", "Robert Stone", "Ann Lee", "Anne Lee")
EMAILS = (
    "", "jane@acme.example", "J.Doe@acme.example", "jane.doe@gmail.com", "janedoe+x@gmail.com", "bob@zeta.example",
    "info@acme.example", "ann@beta.example",
)  # fmt: skip
COMPANIES = ("", "Acme", "ACME Inc.", "Acme GmbH", "Acme 2", "Zeta Labs", "Zeta Laboratories")
TITLES = ("", "CEO", "CTO", "Chair")
PHONES = ("", "504-621-8927", "(504) 621-8927", "810-292-9388")
PROFILES = ("", "", "linkedin.com/in/janedoe", "https://www.linkedin.com/in/janedoe/", "linkedin.com/in/bobstone")
POOLS = (NAMES, EMAILS, COMPANIES, TITLES, PHONES, PROFILES)

VERSIONS = 4


def some_row(chance: random.Random) -> Row:
    return tuple(chance.choice(pool) for pool in POOLS)


def edited(rows: list[Row], chance: random.Random) -> list[Row]:
    """The sheet after a few things that people do to sheets."""
    rows = list(rows)
    for _ in range(chance.randint(1, 4)):
        match chance.choice(("insert", "delete", "cell", "cell", "copy", "sort", "shuffle")):
            case "insert":
                rows.insert(chance.randint(0, len(rows)), some_row(chance))
            case "delete" if len(rows) > 1:
                del rows[chance.randrange(len(rows))]
            case "cell":
                at, column = chance.randrange(len(rows)), chance.randrange(len(POOLS))
                cells = list(rows[at])
                cells[column] = chance.choice(POOLS[column])
                rows[at] = tuple(cells)
            case "copy":
                rows.insert(chance.randint(0, len(rows)), chance.choice(rows))
            case "sort":
                rows.sort()
            case _:
                chance.shuffle(rows)
    return rows


def members(road: Road) -> dict[str, list[dict[str, Any]]]:
    """Lead -> its live records; every live record belongs to an active lead, and every active lead has one."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in road.all("source_records"):
        if record["removed_at"] is None:
            found.setdefault(record["lead_id"], []).append(record)
    assert found.keys() == {lead["id"] for lead in road.leads()}
    return found


def clusters(road: Road) -> Counter[tuple[Row, ...]]:
    return Counter(
        tuple(sorted(tuple(record["raw"][label] for label in HEADER) for record in group))
        for group in members(road).values()
    )


def assert_values_are_those_of_the_rows(road: Road) -> None:
    leads = {lead["id"]: lead for lead in road.leads()}
    for lead_id, group in members(road).items():
        for name in LEAD_FIELDS:
            said = {record["said"]["fields"].get(name) for record in group}
            assert leads[lead_id][name] in said, (name, said)


@pytest.mark.parametrize("batch_size", ["1", "50"])
@pytest.mark.parametrize("seed", range(10))
def test_the_history_of_a_sheet_does_not_matter(make_road: Any, seed: int, batch_size: str) -> None:
    chance = random.Random(f"{seed} {batch_size}")
    road = make_road(environ={"LEADS_BATCH_SIZE": batch_size})
    rows = [some_row(chance) for _ in range(chance.randint(4, 16))]
    road.sync(rows, header=HEADER)
    for _ in range(VERSIONS):
        rows = edited(rows, chance)
        assert road.sync(rows, header=HEADER).rows.read == len(rows)
    fresh = make_road()
    fresh.sync(rows, header=HEADER)
    assert clusters(road) == clusters(fresh)
    assert_values_are_those_of_the_rows(road)
    assert_values_are_those_of_the_rows(fresh)
    assert_crm_equals_store(road)


def test_who_is_tied_to_a_record_that_goes_keeps_what_was_found_of_it(make_road: Any) -> None:
    """The first Jane stands for the second in what LinkedIn and mailbox say; then she goes."""
    rows = [
        ("Jane Doe", "jane.doe@gmail.com", "Acme 2", "CEO", "", "linkedin.com/in/janedoe"),
        ("Jane Doe", "jane.doe@gmail.com", "Acme 2", "CTO", "", "linkedin.com/in/janedoe"),
        ("Anne Lee", "janedoe+x@gmail.com", "Zeta Labs", "", "", "linkedin.com/in/janedoe"),
        ("DOE, Jane", "", "ACME 2", "Chair", "504-621-8927", ""),
    ]
    for gone in range(len(rows)):
        road, fresh = make_road(), make_road()
        left = rows[:gone] + rows[gone + 1 :]
        road.sync(rows, header=HEADER)
        road.sync(left, header=HEADER)
        fresh.sync(left, header=HEADER)
        assert clusters(road) == clusters(fresh)
