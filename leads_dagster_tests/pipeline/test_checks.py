"""The checks judge the cycle that is under way, before it is written, and what stands once it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from leads_dagster.errors import SheetFormatError
from leads_dagster.pipeline import checks, holds, reviews, undo
from leads_dagster.pipeline.checks import CheckOutcome
from leads_dagster.pipeline.ingest import fetch_raw, normalize
from leads_dagster.pipeline.status import status
from leads_dagster.store import ledger
from leads_dagster.store.engine import writing
from leads_dagster_tests.pipeline.conftest import Road

ROWS = [(f"Person Number{index}", f"p{index}@firm{index}.example", f"Firm {index}", "CEO") for index in range(100)]
UNUSABLE = ("", "", "", "CEO")

Look = Callable[..., CheckOutcome]


def halfway(road: Road, rows: Sequence[Sequence[str]], look: Look) -> CheckOutcome:
    """What a check says between `normalized_leads` and the writing."""
    road.write(rows)
    with road.open() as ws:
        fetch_raw(ws, run_id="run")
        normalize(ws, run_id="run")
        return look(ws, run_id="run")


def afterwards(road: Road, rows: Sequence[Sequence[str]], look: Look) -> CheckOutcome:
    """What a check says after the cycle."""
    road.sync(rows)
    with road.open() as ws:
        return look(ws, run_id="another")


@pytest.mark.parametrize("when", [halfway, afterwards])
def test_a_sheet_that_lost_most_of_its_rows_is_told_and_stops_nothing(
    road: Road, when: Callable[..., CheckOutcome]
) -> None:
    road.sync(ROWS)
    told = when(road, ROWS[:40], checks.sheet_not_shrunk)
    assert (told.passed, told.severity) == (False, "warn")
    assert (told.metadata["rows_parked"], told.metadata["limit_rows"]) == (60, 30)


@pytest.mark.parametrize("when", [halfway, afterwards])
def test_a_sheet_that_lost_a_few_rows_has_not_shrunk(road: Road, when: Callable[..., CheckOutcome]) -> None:
    road.sync(ROWS)
    told = when(road, ROWS[:90], checks.sheet_not_shrunk)
    assert (told.passed, told.metadata["rows"]) == (True, 90)


def test_a_removal_that_a_person_approved_is_no_shrinking(road: Road) -> None:
    road.sync(ROWS)
    road.sync(ROWS[:40])
    with road.open() as ws:
        (hold,) = holds.list_(ws)
        holds.approve(ws, hold["id"])
    assert halfway(road, ROWS[:40], checks.sheet_not_shrunk).passed


@pytest.mark.parametrize("when", [halfway, afterwards])
def test_known_headers_are_counted(road: Road, when: Callable[..., CheckOutcome]) -> None:
    told = when(road, ROWS, checks.headers_known)
    assert told.passed
    assert told.metadata == {"columns": 4, "columns_mapped": 4}


@pytest.mark.parametrize("when", [halfway, afterwards])
def test_many_unusable_rows_are_a_warning(road: Road, when: Callable[..., CheckOutcome]) -> None:
    told = when(road, [*ROWS[:90], *[UNUSABLE] * 10], checks.error_rate)
    assert (told.passed, told.severity) == (False, "warn")
    assert told.metadata == {"error_rate": 0.1, "rows_quarantined": 10, "rows_read": 100}


def test_rows_that_stay_in_quarantine_count_when_another_row_changes(road: Road) -> None:
    road.sync([*ROWS[:90], *[UNUSABLE] * 10])
    told = halfway(road, [("Nora New", "nora@new.example", "", ""), *ROWS[1:90], *[UNUSABLE] * 10], checks.error_rate)
    assert told.metadata["rows_quarantined"] == 10


def test_a_cycle_whose_rows_do_not_sum_up_fails_the_ledger(road: Road) -> None:
    result = road.sync(ROWS)
    with road.open() as ws:
        assert checks.ledger_adds_up(ws, run_id=result.run_id).passed
        with writing(ws.engine) as connection:
            ledger.update_run(connection, ws.name, result.run_id, rows_created=99)
        told = checks.ledger_adds_up(ws, run_id=result.run_id)
    assert (told.passed, told.severity) == (False, "error")


def test_a_mirror_that_lacks_a_lead_does_not_agree(road: Road) -> None:
    road.sync(ROWS[:3])
    with road.open() as ws:
        assert checks.stores_agree(ws, run_id="any", mirror="crm").passed
        with writing(ws.engine) as connection:
            connection.exec_driver_sql("UPDATE sync_status SET status = 'pending' WHERE mirror = 'crm'")
        told = checks.stores_agree(ws, run_id="any", mirror="crm")
    assert (told.passed, told.severity, told.metadata["waiting"]) == (False, "error", 3)


def test_without_airtable_there_is_nothing_to_disagree_with(road: Road) -> None:
    assert road.sync(ROWS[:3]).status == "done"
    with road.open() as ws:
        assert checks.stores_agree(ws, run_id="any", mirror="airtable").passed


def test_a_customer_that_never_synced_is_not_fresh_and_one_that_just_did_is(road: Road) -> None:
    with road.open() as ws:
        told = checks.freshness(ws, run_id="any")
    assert (told.passed, told.severity) == (False, "warn")
    assert afterwards(road, ROWS[:3], checks.freshness).passed


def test_a_sheet_that_cannot_be_fetched_is_booked_as_the_customers_last_error(road: Road) -> None:
    road.sync(ROWS[:3])
    road.sheet.write_bytes(b"PK\x03\x04 a zip by another name")
    with pytest.raises(SheetFormatError):
        road.sync()
    with road.open() as ws:
        assert status(ws)["last_error"]


@pytest.mark.parametrize(
    "rows",
    [
        [
            ("Robert Stone", "shared@zeta.example", "/in/robert-stone"),
            ("Ann Lee", "shared@zeta.example", "/in/ann-lee"),
        ],
        [(f"{name} {name}son", "shared@zeta.example", f"/in/{name}") for name in ("Ann", "Zoe", "Ulf", "Kim", "Bea")],
        [("Robert Stone", "", "none yet"), ("Ann Lee", "", "none yet")],
        [("Robert Stone", "", "https://www.linkedin.com/"), ("Ann Lee", "", "https://www.linkedin.com/")],
        [("Robert Stone", "rob@", ""), ("Ann Lee", "rob@", "")],
    ],
)
def test_leads_that_the_matcher_rightly_keeps_apart_do_not_stop_the_mirrors(
    road: Road, rows: Sequence[Sequence[str]]
) -> None:
    done = road.sync(rows, header=("Name", "Email", "LinkedIn"))
    with road.open() as ws:
        told = checks.no_strong_key_doubles(ws, run_id=done.run_id)
    assert (len(road.leads()), told.passed) == (len(rows), True), told


def test_one_e_mail_on_two_leads_that_a_person_keeps_apart_is_no_fault(road: Road) -> None:
    jane = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
    road.sync([jane, (*jane[:3], "Chief")])
    (lead,) = road.leads()
    with road.open() as ws:
        undo.undo_merge(ws, lead["id"])
    last = road.sync([jane, (*jane[:3], "Chair")])
    with road.open() as ws:
        told = checks.no_strong_key_doubles(ws, run_id=last.run_id)
    assert (told.passed, told.metadata["kept_apart_for_a_reason"]) == (True, 1)


def test_how_many_reviews_wait_stands_in_the_status_and_beside_the_check(road: Road) -> None:
    same_mailbox = [(f"{name} Stone", "jd7@acme.example", "Acme", "") for name in ("Ann", "Bob")]
    told = afterwards(road, same_mailbox, checks.no_strong_key_doubles)
    with road.open() as ws:
        assert (status(ws)["reviews"], told.metadata["reviews_waiting"]) == (1, 1)
        reviews.resolve(ws, reviews.list_(ws)[0]["id"], "not_same")
        assert status(ws)["reviews"] == 0
