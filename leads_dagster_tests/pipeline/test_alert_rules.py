"""What people are told of: each rule speaks of what it is for, and of nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from leads_dagster.pipeline.alert_rules import Facts, alerts_in, unnamed_alerts

FINE: dict[str, Any] = {
    "customer": "acme",
    "watching": {"failures": 0},
    "last_run": {"status": "done", "error": None, "error_rate": 0.0},
    "last_error": None,
    "holds": 0,
    "outbox": {"crm": {"success": 9}},
    "freshness": {"store": {"p95_seconds": 0.9}},
    "budget": [{"name": "airtable base app1", "month_limit": 1000, "month_left": 900, "parked_until": None}],
    "airtable": {"state": "in_step", "hook": "active", "error": None},
    "ledger_adds_up": True,
}

WRONG: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "a sync that fails again and again": (
        {"last_run": {"status": "failed"}, "last_error": "Gone.", "watching": {"failures": 2}}, ("sync_failed", "Gone.")
    ),
    "a sync by hand that failed": (
        {"last_run": {"status": "failed"}, "last_error": "Gone.", "watching": {}}, ("sync_failed", "Gone.")
    ),
    "many unusable rows": ({"last_run": {"status": "done", "error_rate": 0.2}}, ("error_rate", "5%")),
    "a parked plan": ({"holds": 1}, ("hold", "waits for a person")),
    "leads the CRM refuses": ({"outbox": {"crm": {"dead": 2}}}, ("dead_letters", "the CRM")),
    "slow edits": ({"freshness": {"airtable": {"p95_seconds": 99.0}}}, ("freshness", "Airtable")),
    "few calls left": (
        {"budget": [{"name": "base", "month_limit": 1000, "month_left": 99, "parked_until": None}]},
        ("budget", "10%"),
    ),
    "no calls left": (
        {"budget": [{"name": "base", "month_limit": 1000, "month_left": 0, "parked_until": "later"}]},
        ("budget", "are spent"),
    ),
    "a hook that is gone": ({"airtable": {"state": "in_step", "hook": "lost"}}, ("hook_lost", "webhook")),
    "a wrong token": (
        {"airtable": {"state": "unreachable", "hook": "active", "error": "No."}}, ("airtable_refused", "No.")
    ),
    "rows that are nowhere": ({"ledger_adds_up": False}, ("ledger", "accounted")),
}  # fmt: skip


def test_nothing_is_said_while_all_is_well() -> None:
    assert alerts_in(Facts(FINE, {"hours": []})) == []


@pytest.mark.parametrize("name", WRONG)
def test_each_fault_is_one_alert_that_says_what_to_do(name: str) -> None:
    changed, (kind, words) = WRONG[name]
    (alert,) = alerts_in(Facts({**FINE, **changed}))
    assert (alert.kind, alert.customer) == (kind, "acme")
    assert words in alert.message
    assert alert.advice


def test_one_failed_cycle_that_is_tried_again_is_not_told() -> None:
    failed = {**FINE, "last_run": {"status": "failed"}, "last_error": "Gone.", "watching": {"failures": 1}}
    assert alerts_in(Facts(failed)) == []


def test_a_mirror_that_waits_and_a_queue_with_dead_items_are_told() -> None:
    found = alerts_in(Facts(FINE, late=("airtable",), queue={"dead": 3}))
    assert {(one.kind, one.subject) for one in found} == {("out_of_step", "airtable"), ("dead_letters", "queue")}


LATE = {"oldest_seconds": 61.0}


def test_captures_that_wait_for_more_than_a_minute_are_told() -> None:
    (alert,) = alerts_in(Facts(FINE, queue=LATE))
    assert (alert.key, alert.severity) == ("acme/queue/waits", "error")
    assert "leads up" in alert.advice


@pytest.mark.parametrize(
    "facts",
    [
        Facts(FINE, queue={"oldest_seconds": 59.0}),
        Facts(FINE, queue=LATE, captures_on=False),
        Facts({**FINE, "paused": True}, queue=LATE),
    ],
    ids=["not for long", "switched off", "paused"],
)
def test_captures_that_are_meant_to_wait_are_not_told(facts: Facts) -> None:
    assert alerts_in(facts) == []


def test_captures_that_vanished_are_told() -> None:
    (alert,) = alerts_in(Facts(FINE, queue={"oldest_seconds": 0.0, "missing": 1}))
    assert (alert.key, alert.severity) == ("acme/queue/missing", "error")


def test_captures_of_nobody_are_told_for_a_few_customers() -> None:
    found = unnamed_alerts({f"customer {number}": number + 1 for number in range(7)})
    assert len(found) == 5
    assert {(one.kind, one.customer) for one in found} == {("queue", None)}
    assert "'customer 0'" in found[0].message


@pytest.mark.parametrize(
    ("last", "told"), [(9_000.0, True), (2_500.0, False), (1_900.0, False)], ids=["far", "usual", "quick enough"]
)
def test_edits_that_take_several_times_as_long_as_before_are_told(last: float, told: bool) -> None:
    hours = [{"rows": 50, "p95": one} for one in (1_000.0, 1_200.0, 900.0, last)]
    kinds = [one.kind for one in alerts_in(Facts(FINE, {"hours": hours}))]
    assert kinds == (["slow"] if told else [])


def test_the_key_stays_the_same_while_figures_change() -> None:
    (before,) = alerts_in(Facts({**FINE, "holds": 1}))
    (after,) = alerts_in(Facts({**FINE, "holds": 7}))
    assert before.key == after.key == "acme/hold/"
