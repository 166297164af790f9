"""`leads budget` lists the limits of calls, and lets a parked Airtable be asked again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from leads_dagster.budget import airtable_budget
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.interfaces.conftest import CommandLine
from leads_dagster_tests.pipeline.airtable_cases import JANE, airtable_road
from leads_dagster_tests.pipeline.conftest import Road


@pytest.fixture
def road(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Road]:
    """A customer whose Airtable plan has no calls left."""
    with Sandbox() as sandbox:
        made = airtable_road(leads.folder / "home", sandbox)
        made.sync([JANE])
        airtable = made.settings.customers[0].airtable
        assert airtable is not None
        with airtable_budget(made.settings, airtable) as budget:
            budget.park(reason="The calls of this month are used up.")
        for name, value in {"LEADS_HOME": str(made.home), **made.environ}.items():
            monkeypatch.setenv(name, value)
        yield made


def test_a_parked_airtable_is_asked_again_when_somebody_says_so(leads: CommandLine, road: Road) -> None:
    assert "parked until" in leads("budget").out
    assert leads("status", "--json").json["airtable"]["state"] == "parked"
    done = leads("budget", "unpark", "--json").json
    assert len(done["unparked"]) == 1
    assert [one["parked_until"] for one in leads("budget", "list", "--json").json] == [None] * 2
    assert leads("budget", "unpark", "--json").json["unparked"] == []
    assert road.sync([(*JANE[:3], "Chair")]).status == "done"


def test_a_customer_without_airtable_has_nothing_to_unpark(leads: CommandLine) -> None:
    ended = leads("budget", "unpark")
    assert (ended.code, "has no Airtable" in ended.err) == (2, True)
    assert leads("budget").out == "No call was made yet.\n"
