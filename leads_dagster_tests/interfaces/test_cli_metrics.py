"""`leads metrics`: cycles, rows, errors and freshness of a span, in words and in JSON."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from leads_dagster.interfaces.cli import metrics
from leads_dagster.interfaces.cli.metrics import time_of
from leads_dagster_tests.interfaces.conftest import CommandLine

NAMES = {
    "customerId", "since", "syncs", "syncDuration", "rowsProcessed", "rowsInserted", "rowsUpdated", "rowsDeleted",
    "errorCount", "retryCount", "successRate", "errorRate", "freshness", "hours",
}  # fmt: skip


def synced_and_edited(leads: CommandLine) -> None:
    """A first load, which is no edit, and one row more."""
    sheet = leads.folder / "leads.csv"
    sheet.write_text("Name,Email\nJane Doe,jane@acme.example\n")
    leads.configure(f'[[customers]]\nname = "default"\nsheet = "{sheet}"\n')
    assert leads("sync").code == 0
    sheet.write_text("Name,Email\nJane Doe,jane@acme.example\nBob Stone,bob@zeta.example\n")
    assert leads("sync").code == 0


def test_the_names_and_units_are_those_of_the_api(leads: CommandLine) -> None:
    synced_and_edited(leads)
    found = leads("metrics", "--json").json
    assert found.keys() == NAMES
    assert (found["customerId"], found["syncs"], found["errorCount"], found["successRate"]) == ("default", 2, 0, 1.0)
    assert found["rowsInserted"] > 0
    assert found["freshness"].keys() == {"store", "crm", "airtable"}
    store = found["freshness"]["store"]
    assert store.keys() == {"p50", "p95", "p99", "worst", "rows", "sinceMade"}
    assert store["rows"] > 0
    assert 0 < store["p50"] <= store["worst"]


def test_people_read_times_with_their_unit(leads: CommandLine) -> None:
    synced_and_edited(leads)
    said = leads("metrics").out
    assert "lead store" in said
    assert "failed cycles               0 (0.0%)" in said
    assert "by the hour" not in said  # no terminal


def test_of_a_customer_that_never_synced_it_says_so(leads: CommandLine) -> None:
    ended = leads("metrics")
    assert ended.code == 0
    assert "No change was stored or mirrored in this time." in ended.out


@pytest.mark.parametrize("span", ["1", "h", "-1h", "0s", "1w", "99999999999d", "999999999d", ""])
def test_a_span_that_is_none_is_refused(leads: CommandLine, span: str) -> None:
    ended = leads("metrics", f"--since={span}")
    assert ended.code == 2
    assert "Such as 90s, 30m, 1h or 7d" in ended.err


@pytest.mark.parametrize("span", ["90s", "30m", "1h", "7d", "1.5H"])
def test_spans_have_a_number_and_a_unit(leads: CommandLine, span: str) -> None:
    assert leads("metrics", "--since", span, "--json").code == 0


@pytest.mark.parametrize(
    ("milliseconds", "said"), [(None, "-"), (0.4, "0 ms"), (312.4, "312 ms"), (1_250, "1.25 s"), (90_000, "1.5 min")]
)
def test_durations_are_said_as_people_read_them(milliseconds: float | None, said: str) -> None:
    assert time_of(milliseconds) == said


def test_on_a_terminal_there_is_a_bar_for_each_hour(leads: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    synced_and_edited(leads)
    found: dict[str, Any] = leads("metrics", "--json").json
    from datetime import datetime

    moments = [{**one, "from": datetime.fromisoformat(one["from"])} for one in found["hours"]]
    shown = {**found, "since": datetime.fromisoformat(found["since"]), "hours": moments}
    metrics._render(Console(force_terminal=True, width=100, markup=False), shown)
    printed = capsys.readouterr().out
    assert "p95 by the hour" in printed
    assert "########" in printed


def test_the_status_has_one_line_of_freshness(leads: CommandLine) -> None:
    before = leads("status").out
    synced_and_edited(leads)
    assert "nothing changed in the last hour" in before
    assert leads("status", "--json").json["freshness"]["store"]["rows"] > 0
    (line,) = [line for line in leads("status").out.splitlines() if line.startswith("freshness")]
    assert "p95 of the last hour" in line
