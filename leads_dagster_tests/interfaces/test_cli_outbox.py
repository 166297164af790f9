"""`leads outbox` lists what waits and why in words and in JSON, and tries it again when asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster.settings import load_settings
from leads_dagster.store import tables
from leads_dagster.store.engine import open_engine, writing
from leads_dagster_tests.interfaces.conftest import CommandLine
from leads_dagster_tests.pipeline.conftest import Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")


@pytest.fixture
def refused(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """One lead, which the CRM would not take."""
    road = Road(leads.folder / "home")
    road.sync([JANE])
    monkeypatch.setenv("LEADS_HOME", str(road.home))
    engine = open_engine(load_settings({"LEADS_HOME": str(road.home)}, cwd=Path.cwd()).database_url)
    with writing(engine) as connection:
        why = {"status": "dead", "attempt_count": 3, "error_message": "not in this CRM", "base": None}
        connection.execute(tables.sync_status.update().values(why))
    engine.dispose()
    return leads


def test_what_was_refused_is_listed_with_the_reason(refused: CommandLine) -> None:
    (one,) = refused("outbox", "--json").json
    said = refused("outbox", "list", "--mirror", "crm").out

    assert (one["lead"], one["mirror"], one["status"], one["attempt_count"]) == ("Jane Doe", "crm", "dead", 3)
    assert "not in this CRM" in said
    assert refused("outbox", "--mirror", "airtable", "--json").json == []
    assert refused("outbox", "--mirror", "airtable").out == "The mirrors have heard of every lead.\n"


@pytest.mark.parametrize("who", [["--all"], ["jane@acme.example"]])
def test_it_is_tried_again_when_asked(refused: CommandLine, who: list[str]) -> None:
    done = refused("outbox", "retry", *who)

    assert done.code == 0
    assert "tried again" in done.out
    assert "heard of 1 leads" in done.out
    assert refused("outbox", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["retry"], 2, "Name leads, or give --all"),
        (["retry", "jane@acme.example", "--all"], 2, "Name leads, or give --all"),
        (["retry", "nobody@acme.example"], 1, "no such lead"),
        (["list", "--mirror", "salesforce"], 2, "salesforce"),
    ],
)
def test_what_makes_no_sense_is_refused(refused: CommandLine, arguments: list[str], code: int, said: str) -> None:
    ended = refused("outbox", *arguments)

    assert ended.code == code
    assert said in ended.err
