"""The blast-radius guard's limit, and what an approval binds to."""

from __future__ import annotations

from leads_dagster.leads.guard import GuardedRow, exceeds, limit, plan_hash

ROWS = [GuardedRow(number, "remove") for number in range(26)]


def test_small_sheets_may_change_up_to_the_minimum() -> None:
    assert limit(10, share=0.3, minimum=25) == 25
    assert not exceeds(ROWS[:25], 30, share=0.3, minimum=25)
    assert exceeds(ROWS, 30, share=0.3, minimum=25)


def test_large_sheets_may_change_up_to_their_share() -> None:
    assert limit(1000, share=0.3, minimum=25) == 300
    assert not exceeds(ROWS, 1000, share=0.3, minimum=25)


def test_an_approval_binds_to_the_rows_and_their_new_state_in_any_order() -> None:
    assert plan_hash(ROWS) == plan_hash(ROWS[::-1])
    assert plan_hash(ROWS) != plan_hash(ROWS[1:])
    assert plan_hash([GuardedRow(1, "change", b"a")]) != plan_hash([GuardedRow(1, "change", b"b")])
