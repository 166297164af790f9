"""`leads status`: the call budget, in words and in JSON."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from leads_dagster.budget import Budget, airtable_limits
from leads_dagster.interfaces.cli.budget_words import budget_row
from leads_dagster_tests.interfaces.conftest import CommandLine

AIRTABLE = """
[[customers]]
name = "acme"
sheet = "leads.csv"
[customers.airtable]
base_id = "appA"
table = "Leads"
"""
OPEN: dict[str, Any] = {
    "name": "airtable base appA", "calls": 5, "seconds": 1.0, "used": 2, "resting_seconds": 0.0, "rests": 0,
    "month_calls": 1_200, "month_limit": 100_000, "month_left": 98_800, "pace": 130.4, "lasts_until": None,
    "parked_until": None, "pull_interval_seconds": 27.3,
}  # fmt: skip


def at(day: int) -> datetime:
    return datetime(2026, 11, day, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("facts", "heading", "said"),
    [
        ({}, "used", "2 of 5 in 1 s"),
        ({"calls": 0}, "used", "-"),
        ({}, "calls_this_month", "1,200 of 100,000"),
        ({"month_limit": None}, "calls_this_month", "1,200"),
        ({}, "pace", "130 an hour"),
        ({}, "at_this_pace_lasts_until", "the end of the month"),
        ({"lasts_until": at(20)}, "at_this_pace_lasts_until", "2026-11-20 12:00:00 UTC"),
        ({"month_limit": None}, "at_this_pace_lasts_until", "-"),
        ({}, "looks_for_edits", "every 27 s"),
        ({"pull_interval_seconds": None}, "looks_for_edits", "-"),
        ({}, "state", "open"),
        ({"resting_seconds": 12.3}, "state", "resting for 12 s"),
        ({"parked_until": at(30), "resting_seconds": 12.3}, "state", "parked until 2026-11-30 12:00:00 UTC"),
    ],
)
def test_a_limit_is_said_in_words(facts: dict[str, Any], heading: str, said: str) -> None:
    assert budget_row({**OPEN, **facts})[heading] == said


def test_the_budget_is_in_the_status_in_both_forms(leads: CommandLine) -> None:
    leads.configure(AIRTABLE)
    with Budget(leads.home, airtable_limits("appA", "patX", monthly_calls=100_000)) as budget, budget.slot():
        pass
    found = leads("status", "--json").json
    words = leads("status").out

    assert found["budget_error"] is None
    assert [one["name"].split()[1] for one in found["budget"]] == ["base", "token"]
    assert found["budget"][0].keys() == OPEN.keys()
    assert (found["budget"][0]["month_left"], found["budget"][0]["parked_until"]) == (99_999, None)
    assert "at this pace lasts until" in words
    assert "1 of 100,000" in words


def test_a_budget_out_of_reach_is_said_and_hides_nothing_else(
    leads: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads.configure(AIRTABLE)
    monkeypatch.setenv("LEADS_BUDGET_URL", f"unix://{leads.folder}/nobody")
    ended = leads("status", "--json")

    assert ended.code == 0
    assert (ended.json["customer"], ended.json["budget"]) == ("acme", [])
    assert "cannot be reached" in ended.json["budget_error"]


def test_an_address_that_is_none_of_redis_is_refused_with_its_name(
    leads: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADS_BUDGET_URL", "http://user:hunter2@localhost/")
    ended = leads("status")

    assert ended.code == 2
    assert "LEADS_BUDGET_URL must begin with redis://" in ended.err
    assert "hunter2" not in ended.err
