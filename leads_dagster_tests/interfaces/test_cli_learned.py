"""`leads learned`: what people taught, in words and as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster_tests.interfaces.conftest import CommandLine

SHEET = "Name,Email,Company\nAnn Lee,,IBX\nAnn Lee,,Interstellar Beaver Exports\n"


@pytest.fixture
def sheet(leads: CommandLine) -> Path:
    """A customer's sheet of one person at a company of two names, synced."""
    leads.configure('[[customers]]\nname = "acme"\nsheet = "mine.csv"\n')
    path = leads.home / "mine.csv"
    path.write_text(SHEET)
    leads("sync")
    return path


def test_nothing_was_taught_at_first(leads: CommandLine, sheet: Path) -> None:
    assert leads("learned", "--json").json == []
    assert "Nothing was taught yet" in leads("learned").out


def test_a_name_is_taught_listed_and_removed(leads: CommandLine, sheet: Path) -> None:
    taught = leads("learned", "add", "company", "IBX", "Interstellar Beaver Exports", "--json").json
    assert (taught["new"], taught["leads_joined"]) == (True, 1)
    assert "counts as" in leads("learned").out
    removed = leads("learned", "remove", str(taught["id"]), "--json").json
    assert removed["leads_parted"] == 1
    [past] = leads("learned", "list", "--all", "--json").json
    assert past["removed_at"] is not None


def test_a_trial_writes_nothing(leads: CommandLine, sheet: Path) -> None:
    ended = leads("learned", "add", "company", "IBX", "Interstellar Beaver Exports", "--dry-run")
    assert "Nothing was written" in ended.out
    assert leads("learned", "--json").json == []


def test_a_kind_that_there_is_not_is_a_wrong_argument(leads: CommandLine, sheet: Path) -> None:
    assert leads("learned", "add", "colour", "a", "b").code == 2
    assert leads("learned", "add", "header", "Kontakt", "nose").code == 2
    assert leads("learned", "add", "company", "IBX", "IBX Ltd").code == 1
    assert leads("learned", "remove", "9").code == 1


def test_the_plan_and_the_doctor_name_the_command_that_confirms_a_column(leads: CommandLine, sheet: Path) -> None:
    sheet.write_text("Name,Company,Wohin\nAnn Lee,IBX,ann@ibx.example\nCy Young,IBX,cy@ibx.example\n")
    command = "leads learned add header Wohin email"
    assert command in leads("plan").out
    assert command in leads("doctor").out
    leads(*command.split()[1:])
    assert command not in leads("plan").out
    assert command not in leads("doctor").out
